"""asyncua's client, held within bounds: what a server sends cannot take more memory or time than is agreed on.

asyncua 2.1 as it comes lets the server set the limits, takes lengths below zero, makes arrays of values without any
bytes, and looks structures up by namespace index in a table that all servers of a process share.
"""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from math import prod
from typing import Any, Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.client.ua_session import UaSession
from asyncua.common.connection import TransportLimits
from asyncua.common.shortcuts import Shortcuts
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors._base import UaError

from cellctl.links.apart import apart
from cellctl.links.opcua_errors import STACK_ERRORS

MOST_MESSAGE_BYTES: Final = 1024 * 1024
_MOST_CHUNK_BYTES: Final = 65_536
_LEAST_CHUNK_BYTES: Final = 8_192  # OPC 10000-6, 7.1.2.3
_MOST_CHUNKS: Final = 64
_HEADER_BYTES: Final = 8
_USUAL_PORT: Final = 4840
_BINARY: Final = 1  # how an ExtensionObject's body is encoded
# How long a session that was asked for is waited for by somebody who no longer wants it.
_TOKEN_S: Final = 1.0


class BoundedBuffer(Buffer):
    """A message from a server. A length below zero would make asyncua read backwards, and for ever."""

    def read(self, size: int) -> bytes:
        """The next bytes. Raises NotEnoughData."""
        if not 0 <= size <= self._size:
            raise NotEnoughData(f"{size} bytes asked for, {self._size} left")
        start = self._cur_pos
        self._cur_pos = end = start + size
        self._size -= size
        return self._data[start:end]

    def copy(self, size: int = -1) -> "BoundedBuffer":
        """The same place once more, with at most so many bytes."""
        return BoundedBuffer(self._data, self._cur_pos, self._size if size < 0 else min(size, self._size))

    def skip(self, size: int) -> None:
        """Pass over bytes. Raises NotEnoughData."""
        self.read(size)


class _Limits(TransportLimits):
    """What we take is ours to say; of what the server says only the size of chunks it takes is heard."""

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        """asyncua: the server's answer to Hello."""
        self.max_send_buffer = min(max(int(msg.ReceiveBufferSize), _LEAST_CHUNK_BYTES), _MOST_CHUNK_BYTES)


class _Protocol(UASocketProtocol):
    """Takes chunks whole, and none that is larger than agreed."""

    def __init__(self, timeout_s: float, policy: SecurityPolicy) -> None:
        limits = _Limits(_MOST_CHUNK_BYTES, _LEAST_CHUNK_BYTES, _MOST_CHUNKS, MOST_MESSAGE_BYTES)
        super().__init__(timeout_s, policy, limits)
        self._waiting = bytearray()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes have come in."""
        self._waiting += data
        while len(self._waiting) >= _HEADER_BYTES:
            size = int.from_bytes(self._waiting[4:8], "little")
            if not _HEADER_BYTES <= size <= _MOST_CHUNK_BYTES:
                self._fail_all_pending(UaError(f"the server sends a chunk of {size} bytes"))
                self.disconnect_socket()
                self._waiting.clear()
            if len(self._waiting) < size or not self._waiting:
                return
            chunk = bytes(self._waiting[:size])
            del self._waiting[:size]
            self._process_received_data(chunk)

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> ua.Acknowledge:
        """Say what we take. asyncua would say that it takes 2 GB at once."""
        hello = ua.Hello()
        hello.EndpointUrl = ua.String(url)
        hello.ReceiveBufferSize = hello.SendBufferSize = ua.UInt32(_MOST_CHUNK_BYTES)
        hello.MaxMessageSize, hello.MaxChunkCount = ua.UInt32(MOST_MESSAGE_BYTES), ua.UInt32(_MOST_CHUNKS)
        answer: asyncio.Future[ua.Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = answer
        if self.transport is None:
            raise ConnectionError("the server has hung up")
        self.transport.write(ua_binary.uatcp_to_binary(ua.MessageType.Hello, hello))  # type: ignore[arg-type]
        async with asyncio.timeout(self.timeout):
            return await answer

    def _call_callback(self, request_id: int, body: Buffer | ua.Acknowledge) -> None:
        if isinstance(body, Buffer):
            body = BoundedBuffer(body._data, body._cur_pos, body._size)
        super()._call_callback(request_id, body)


class BoundedSession(UaSession):
    """A session that can be given back whenever it is left, and whose first bad notification ends it."""

    published: Callable[[ua.PublishResult], None] | None = None
    ended: Callable[[str], None] | None = None

    async def create_session(self, parameters: ua.CreateSessionParameters) -> ua.CreateSessionResult:
        """Ask for a session. Who leaves meanwhile waits for its token: without it, the seat could not be given back."""
        asked = asyncio.gather(super().create_session(parameters), return_exceptions=True)
        try:
            (answer,) = await asyncio.shield(asked)
        except asyncio.CancelledError:
            await asyncio.wait((asked,), timeout=_TOKEN_S)
            asked.cancel()
            raise
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _publish_loop(self) -> None:
        """asyncua: one Publish request after the other. Its own loop would ask on for ever whatever is answered."""
        reason = "what the server tells cannot be taken"
        try:
            await self._publish_until_it_fails()
        except STACK_ERRORS as broken:
            reason = f"the connection is lost: {broken or type(broken).__name__}"
        finally:
            if self.ended:
                self.ended(reason)

    async def _publish_until_it_fails(self) -> None:
        acknowledged: list[ua.SubscriptionAcknowledgement] = []
        while True:
            response = await self.publish(acknowledged)
            response.ResponseHeader.ServiceResult.check()
            result = response.Parameters
            message = result.NotificationMessage
            acknowledged = []
            if message.NotificationData:
                acknowledged = [ua.SubscriptionAcknowledgement(result.SubscriptionId, message.SequenceNumber)]
            if self.published:
                self.published(result)


class _BoundedUaClient(UaClient):
    def __init__(self, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self.session = BoundedSession(self)

    def _make_protocol(self) -> UASocketProtocol:
        self.protocol = protocol = _Protocol(self._timeout, self.security_policy)
        protocol.pre_request_hook = self._pre_request_hook
        protocol.on_connection_lost = self._on_transport_lost
        protocol.is_session_closing = self._is_session_closing
        return protocol


class BoundedClient(Client):
    """A client for one session. Its own reconnection stays off: it loops on Republish (asyncua 2.1)."""

    def __init__(self, url: str, timeout_s: float, watchdog_s: float) -> None:
        super().__init__(url, timeout_s, watchdog_s, auto_reconnect=False)
        self.uaclient = _BoundedUaClient(timeout_s)
        self.uaclient.pre_request_hook = self._wait_until_ready
        self.nodes = Shortcuts(self.uaclient.session)

    @property
    def session(self) -> BoundedSession:
        """The services."""
        session = self.uaclient.session
        if not isinstance(session, BoundedSession):
            raise TypeError(session)
        return session

    async def connect_socket(self) -> None:
        """Connect. A name is looked up in a thread of its own, so that a dead name server keeps nobody else waiting."""
        host, port = self.server_url.hostname or "", self.server_url.port or _USUAL_PORT
        if not _is_address(host):
            [(*_, found), *_] = await apart(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), "look-up")
            host = str(found[0])
        await self.uaclient.connect_socket(host, port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


# ---- asyncua's decoder -------------------------------------------------------------------------------------------

_unpack_array = ua_binary.unpack_uatype_array
_unpack_structure = ua_binary.extensionobject_from_binary
_reshape = ua_binary._reshape


def _bounded_array(vtype: ua.VariantType, data: Any) -> list[Any] | None:
    if vtype is ua.VariantType.Null:
        raise UaError("an array of nothing has no end")
    return _unpack_array(vtype, data)


def _exact_shape(flat: list[Any], dims: list[int]) -> list[Any]:
    """asyncua would fill up what is missing, with up to a million values for a few bytes."""
    if prod(dims) != len(flat):
        raise UaError(f"{len(flat)} values do not fill the dimensions {dims}")
    return _reshape(flat, dims)


def _structure(data: Any) -> Any:
    """A structure from a server stays bytes if its type has an index: only its own session knows what it means."""
    if isinstance(data, BoundedBuffer):
        peek = data.copy()
        type_id = ua_binary.nodeid_from_binary(peek)
        if type_id.NamespaceIndex:
            [encoding] = peek.read(1)
            data.skip(len(data) - len(peek))
            body = ua_binary.Primitives.Bytes.unpack(data) if encoding else None
            return ua.ExtensionObject(type_id, ua.ByteString(body) if encoding == _BINARY and body else None)
    return _unpack_structure(data)


def _bound_the_decoder() -> None:
    ua_binary.unpack_uatype_array = _bounded_array
    ua_binary._reshape = _exact_shape
    ua_binary.extensionobject_from_binary = _structure
    # Functions that were put together with the old ones are put together anew.
    for made in vars(ua_binary).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


_bound_the_decoder()
