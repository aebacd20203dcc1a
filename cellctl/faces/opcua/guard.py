"""asyncua's server with the doors shut that it leaves open: what is served, to whom, and how much of it.

Written against asyncua 2.1 (pinned below 2.2). Some of what is closed here has no public seam there, so this module
reaches into its classes; nothing else of the house does.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import Buffer, ServiceError, create_nonce
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.server import Server
from asyncua.server.subscription_service import SubscriptionService
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaError

from cellctl.faces.opcua import limits
from cellctl.faces.opcua.limits import Pace
from cellctl.faces.opcua.users import Caller, Doorkeeper

# Carries out one method call on behalf of a caller.
Calls = Callable[[ua.CallMethodRequest, Caller], Awaitable[ua.CallMethodResult]]

_CALL = ua.NodeId(ua.Int32(ObjectIds.CallRequest_Encoding_DefaultBinary))
_ACTIVATE = ua.NodeId(ua.Int32(ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary))


_LIMITS = {
    "disabled_clock": True,
    "allow_remote_admin": False,
    "max_connections": limits.CONNECTIONS,
    "max_session_timeout_ms": limits.SESSION_MS,
    "max_pending_activation_seconds": limits.ACTIVATION_S,
    "max_subscriptions": limits.SUBSCRIPTIONS,
    "max_lifetime_count": limits.LIFETIME,
    "max_unacked_messages_per_subscription": limits.UNACKNOWLEDGED,
    "max_monitored_item_queue_size": limits.QUEUE,
}


def refuse(code: int) -> ServiceError:
    """The fault that a client is told."""
    return ServiceError(code)


class GuardedSession(InternalSession):
    """One client's session: it reads, listens and calls, and touches nobody else's subscriptions."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        super().__init__(*args, **keys)
        # Counted tokens could be guessed, and a session taken over with them.
        self.iserver.unregister_external_session(self)
        self.auth_token = ua.NodeId(ua.ByteString(create_nonce(32)))
        self.iserver.register_external_session(self)

    def activate_session(self, params: Any, peer_certificate: Any) -> Any:
        """Whoever takes a session over on a new connection must be who had it."""
        before = self.user if self.is_activated() else None
        result = super().activate_session(params, peer_certificate)
        if before is not None and before.name != self.user.name:
            self.user = before
            raise refuse(StatusCodes.BadUserAccessDenied)
        return result

    async def read(self, params: Any) -> Any:
        """Attributes, so many at once."""
        _few(params.NodesToRead, limits.NODES_PER_REQUEST)
        return await super().read(params)

    async def browse(self, params: Any) -> Any:
        """References, of so many nodes at once."""
        _few(params.NodesToBrowse, limits.NODES_PER_REQUEST)
        return await super().browse(params)

    async def translate_browsepaths_to_nodeids(self, params: Any) -> Any:
        """Paths, so many at once."""
        _few(params, limits.NODES_PER_REQUEST)
        return await super().translate_browsepaths_to_nodeids(params)

    async def call(self, params: Any) -> Any:
        """Methods; who calls is known to what carries them out."""
        _few(params, limits.CALLS_PER_REQUEST)
        server: Any = self.iserver
        return [await server.calls(each, self.user) for each in params]

    async def create_subscription(self, params: Any, callback: Any, request_callback: Any = None) -> Any:
        """A subscription that publishes as often as is allowed."""
        if len(self._own()) >= limits.SUBSCRIPTIONS_OF_ONE:
            raise refuse(StatusCodes.BadTooManySubscriptions)
        asked_ms = float(params.RequestedPublishingInterval or 0.0)
        # Not a number compares as false with everything.
        allowed_ms = asked_ms if asked_ms > limits.PUBLISHING_MS else limits.PUBLISHING_MS
        params.RequestedPublishingInterval = min(allowed_ms, limits.LONGEST_PUBLISHING_MS)
        return await super().create_subscription(params, callback, request_callback)

    async def create_monitored_items(self, params: Any) -> Any:
        """Items of an own subscription, so many in all and on one node."""
        self._check(params.SubscriptionId)
        _few(params.ItemsToCreate, limits.NODES_PER_REQUEST)
        there = [
            item.read_value_id.NodeId
            for sub in self._own().values()
            for item in sub.monitored_item_srv._monitored_items.values()
        ]
        on_one = Counter([*there, *(item.ItemToMonitor.NodeId for item in params.ItemsToCreate)])
        if sum(on_one.values()) > limits.ITEMS_OF_ONE or max(on_one.values(), default=0) > limits.ITEMS_ON_ONE_NODE:
            raise refuse(StatusCodes.BadTooManyMonitoredItems)
        return await super().create_monitored_items(params)

    async def modify_monitored_items(self, params: Any) -> Any:
        """Items of an own subscription; their queues stay short."""
        self._check(params.SubscriptionId)
        _few(params.ItemsToModify, limits.NODES_PER_REQUEST)
        for item in params.ItemsToModify:
            asked = int(item.RequestedParameters.QueueSize or 0)
            item.RequestedParameters.QueueSize = min(asked, limits.QUEUE) if asked else limits.QUEUE
        known = self._own()[params.SubscriptionId].monitored_item_srv._monitored_items
        if any(item.MonitoredItemId not in known for item in params.ItemsToModify):
            raise refuse(StatusCodes.BadMonitoredItemIdInvalid)
        return await super().modify_monitored_items(params)

    async def set_monitoring_mode(self, params: Any) -> Any:
        """Of an own subscription."""
        self._check(params.SubscriptionId)
        return await super().set_monitoring_mode(params)

    async def set_publishing_mode(self, params: Any) -> Any:
        """Of own subscriptions; those of others are as if they did not exist."""
        self._check(*params.SubscriptionIds)
        return await super().set_publishing_mode(params)

    async def delete_monitored_items(self, params: Any) -> Any:
        """Of an own subscription."""
        self._check(params.SubscriptionId)
        return await super().delete_monitored_items(params)

    async def delete_subscriptions(self, ids: Any) -> Any:
        """Own ones; those of others are as if they did not exist."""
        own = self._own()
        mine = [each for each in ids if each in own]
        ended = dict(zip(mine, await super().delete_subscriptions(mine), strict=True))
        return [ended.get(each, _status(StatusCodes.BadSubscriptionIdInvalid)) for each in ids]

    def modify_subscription(self, params: Any) -> Any:
        """Of an own subscription. asyncua answers what is, and changes nothing."""
        self._check(params.SubscriptionId)
        return super().modify_subscription(params)

    def republish(self, params: Any) -> Any:
        """Of an own subscription."""
        self._check(params.SubscriptionId)
        return super().republish(params)

    def publish(self, acks: Any = None) -> Any:
        """Acknowledgements count for own subscriptions only."""
        own = self._own()
        if not own:
            raise refuse(StatusCodes.BadNoSubscription)
        acks = list(acks or ())
        super().publish([ack for ack in acks if ack.SubscriptionId in own])
        codes = [
            StatusCodes.Good if ack.SubscriptionId in own else StatusCodes.BadSubscriptionIdInvalid for ack in acks
        ]
        return len(own), [_status(code) for code in codes]

    async def close_session(self, delete_subs: bool = True) -> None:
        """Nothing of it outlives it."""
        await super().close_session(True)

    async def transfer_subscriptions(self, params: Any, callback: Any) -> Any:  # type: ignore[override]
        """Not served: a session survives its connection, so there is nothing to transfer."""
        raise refuse(StatusCodes.BadServiceUnsupported)

    async def write(self, params: Any) -> Any:
        """Not served: everything that changes the cell is a method."""
        raise refuse(StatusCodes.BadServiceUnsupported)

    async def history_read(self, params: Any) -> Any:
        """Not served: the journal is the history."""
        raise refuse(StatusCodes.BadServiceUnsupported)

    add_nodes = delete_nodes = add_references = delete_references = history_read

    def _own(self) -> dict[int, Any]:
        subscriptions = self.subscription_service.subscriptions
        return {number: sub for number, sub in subscriptions.items() if sub.session_id == self.session_id}

    def _check(self, *ids: int) -> None:
        own = self._own()
        if any(each not in own for each in ids):
            raise refuse(StatusCodes.BadSubscriptionIdInvalid)


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _few(asked: Sequence[Any] | None, most: int) -> None:
    if len(asked or ()) > most:
        raise refuse(StatusCodes.BadTooManyOperations)


class _Subscriptions(SubscriptionService):
    def republish(self, params: Any) -> Any:
        """asyncua answers what it no longer has with an empty message, and its client then asks for ever."""
        sub = self.subscriptions.get(params.SubscriptionId)
        kept = sub._not_acknowledged_results.get(params.RetransmitSequenceNumber) if sub else None
        if kept is None:
            raise refuse(StatusCodes.BadMessageNotAvailable)
        return kept.NotificationMessage


class GuardedServer(InternalServer):
    """The inner server: who gets a session, and with which limits."""

    def __init__(self, door: Doorkeeper) -> None:
        super().__init__(user_manager=door)  # type: ignore[arg-type]
        self.door = door
        self.calls: Calls = _nothing
        self.subscription_service = _Subscriptions(self.aspace, iserver=self)
        self.isession.subscription_service = self.subscription_service
        for name, value in _LIMITS.items():
            setattr(self, name, value)

    def create_session(self, name: Any, user: Any = None, external: bool = False) -> InternalSession:
        """One for a connection, and so many in all."""
        sessions = list(self._external_sessions.values())
        if any(session.name == name for session in sessions) or len(sessions) >= limits.SESSIONS:
            raise refuse(StatusCodes.BadTooManySessions)
        return GuardedSession(
            self, self.aspace, self.subscription_service, name, user=user or Caller(), external=external
        )

    def register_server(self, server: Any, conf: Any = None) -> None:
        """Not served: it is no discovery server."""
        raise refuse(StatusCodes.BadServiceUnsupported)


async def _nothing(request: ua.CallMethodRequest, _caller: Caller) -> ua.CallMethodResult:
    return ua.CallMethodResult(_status(StatusCodes.BadMethodInvalid))


class _Processor(UaProcessor):
    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        if typeid == _ACTIVATE:
            await self._learn(requesthdr, body)
        if typeid == _CALL and self.session is not None and self.session.is_activated():
            self.session.touch()
            with _undecoded():
                params = struct_from_binary(ua.CallParameters, body)
            response = ua.CallResponse()
            response.Results = await self.session.call(params.MethodsToCall)
            self.send_response(requesthdr.RequestHandle, seqhdr, response)  # type: ignore[no-untyped-call]
            return True
        return await super()._process_message(typeid, requesthdr, seqhdr, body)  # type: ignore[no-untyped-call]

    async def _learn(self, requesthdr: Any, body: Buffer) -> None:
        """A password is checked in a thread before asyncua asks about it, because it asks without waiting."""
        session = self.session or self.iserver.lookup_external_session(requesthdr.AuthenticationToken)
        try:
            token = struct_from_binary(ua.ActivateSessionParameters, body.copy()).UserIdentityToken
            if session is not None and isinstance(token, ua.UserNameIdentityToken):
                name, password = self.iserver.decrypt_user_token(session, token)
                server: Any = self.iserver
                await server.door.learn(name, password)
        except (UaError, ValueError, TypeError, AttributeError):
            return  # asyncua meets the same, and refuses


@contextmanager
def _undecoded() -> Iterator[None]:
    """Structures stay bytes: what another server's namespaces have left in asyncua's registry is not ours."""
    known = {key: value for key, value in ua.extension_objects_by_typeid.items() if key.NamespaceIndex}
    for key in known:
        del ua.extension_objects_by_typeid[key]
    try:
        yield
    finally:
        ua.extension_objects_by_typeid.update(known)


class _Protocol(OPCUAProtocol):
    pace: Pace

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self.transport is not None:
            self.processor = _Processor(self.iserver, self.transport, self.limits)
            self.processor.set_policies(self.policies)  # type: ignore[no-untyped-call]

    def connection_lost(self, ex: BaseException | None) -> None:
        self.pace.forget(self)
        super().connection_lost(ex)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # A message that says it is longer than a chunk may be will never be whole.
        if len(self._buffer) > 2 * limits.CHUNK_BYTES and self.transport is not None:
            self.transport.abort()

    async def _process_one_msg(self, header: Any, buf: Any) -> bool:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if self.transport is not None and self.transport.get_write_buffer_size() > limits.UNREAD_BYTES:
            self.transport.abort()
            return False
        going_on = await super()._process_one_msg(header, buf)
        now_s = loop.time()
        # Also a pause of nothing lets others run: asyncua takes what is queued in one go.
        await asyncio.sleep(self.pace.pause_s(self, now_s - began_s, now_s))
        return going_on


class _Binary(BinaryServer):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._pace = Pace()

    def _make_protocol(self) -> OPCUAProtocol:
        made = _Protocol(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)
        made.pace = self._pace
        return made


class FaceServer(Server):
    """The outer server: listens with the guarded protocol."""

    def __init__(self, door: Doorkeeper) -> None:
        super().__init__(iserver=GuardedServer(door))
        self.limits = TransportLimits(
            max_recv_buffer=limits.CHUNK_BYTES,
            max_send_buffer=limits.CHUNK_BYTES,
            max_chunk_count=limits.MESSAGE_BYTES // limits.CHUNK_BYTES + 1,
            max_message_size=limits.MESSAGE_BYTES,
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.bserver.port if self.bserver is not None else 0

    @property
    def calls(self) -> Calls:
        """What carries out method calls."""
        inner: Any = self.iserver
        carry_out: Calls = inner.calls
        return carry_out

    @calls.setter
    def calls(self, carry_out: Calls) -> None:
        inner: Any = self.iserver
        inner.calls = carry_out

    async def prepare(self) -> None:
        """Everything but listening; once."""
        await self._setup_server_nodes()
        await self.iserver.start()

    async def listen(self) -> None:
        """Open the port. Raises OSError where it cannot be had; may be tried again."""
        bserver = _Binary(self.iserver, self.endpoint.hostname, self.endpoint.port, self.limits)
        bserver.set_policies(self._policies)
        await bserver.start()
        self.bserver = bserver
