"""A network inside a virtual run: TCP as programs see it, in memory, between the loop's own clients and servers.

asyncua runs over it unmodified, at both ends. It stands in for `create_connection` and `create_server` of the sealed
loop; everything else of the world outside stays sealed.
"""

import asyncio
import errno
from collections.abc import Callable, Iterable
from typing import Any, Final

Protocols = Callable[[], asyncio.BaseProtocol]

_FIRST_FREE_PORT: Final = 49152


class VirtualNet:
    """Everybody is reached at any host name; what counts is the port. Bytes take `latency_s` each way."""

    def __init__(self, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self._servers: dict[int, _Server] = {}
        self._wires: list[_Wire] = []
        self._silent: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def join(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stand in for this loop's network. To be called once the loop is sealed."""
        self._loop = loop
        for name, replacement in (("create_connection", self.create_connection), ("create_server", self.create_server)):
            setattr(loop, name, replacement)

    async def create_server(
        self, factory: Protocols, host: Any = None, port: int | None = None, **_options: Any
    ) -> asyncio.AbstractServer:
        """As asyncio's. Raises OSError if somebody listens there already."""
        number = port or next(n for n in range(_FIRST_FREE_PORT, 65536) if n not in self._servers)
        if number in self._servers:
            raise OSError(errno.EADDRINUSE, f"port {number} is in use")
        server = self._servers[number] = _Server(self, factory, str(host or "127.0.0.1"), number)
        return server

    async def create_connection(
        self, factory: Protocols, host: Any = None, port: int = 0, **_options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """As asyncio's. Raises ConnectionRefusedError if nobody listens there."""
        await asyncio.sleep(self.latency_s)
        server = self._servers.get(port)
        if server is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on port {port}")
        wire = _Wire(self, port)
        self._wires.append(wire)
        client, far = wire.ends(factory(), server.factory())
        far.begin()
        client.begin()
        return client, client.get_protocol()

    def cut(self, port: int) -> None:
        """Cut every connection to this port: both ends are told at once."""
        for wire in [wire for wire in self._wires if wire.port == port]:
            wire.end(ConnectionResetError(errno.ECONNRESET, "the cable was cut"))

    def silence(self, port: int, *, on: bool = True) -> None:
        """From now on nothing arrives from this port or at it, and nobody is told."""
        (self._silent.add if on else self._silent.discard)(port)

    def later(self, call: Callable[..., object], *arguments: Any) -> None:
        """Call after the latency, in order."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_later(self.latency_s, call, *arguments)

    def is_silent(self, port: int) -> bool:
        """Whether nothing arrives."""
        return port in self._silent

    def forget(self, wire: "_Wire") -> None:
        """It has ended."""
        if wire in self._wires:
            self._wires.remove(wire)

    def stop_listening(self, port: int) -> None:
        """The server there is closed. Its connections live on."""
        self._servers.pop(port, None)


class _Server(asyncio.AbstractServer):
    """A listener."""

    def __init__(self, net: VirtualNet, factory: Protocols, host: str, port: int) -> None:
        self.factory = factory
        self._net = net
        self._address = (host, port)

    @property
    def sockets(self) -> Iterable["_Server"]:
        """As much of a socket as a server is asked for: its name."""
        return (self,)

    def getsockname(self) -> tuple[str, int]:
        """Host and port."""
        return self._address

    def close(self) -> None:
        """Stop listening."""
        self._net.stop_listening(self._address[1])

    async def wait_closed(self) -> None:
        """At once."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it listens on."""
        return asyncio.get_running_loop()

    async def start_serving(self) -> None:
        """It does already."""

    async def serve_forever(self) -> None:
        """Until cancelled."""
        await self.get_loop().create_future()

    def is_serving(self) -> bool:
        """Whether it listens."""
        return True


class _Wire:
    """One connection."""

    def __init__(self, net: VirtualNet, port: int) -> None:
        self.net = net
        self.port = port
        self._ends: tuple[_End, ...] = ()

    def ends(self, near: asyncio.BaseProtocol, far: asyncio.BaseProtocol) -> tuple["_End", "_End"]:
        """Both transports."""
        client, server = _End(self, near, 0), _End(self, far, 1)
        self._ends = (client, server)
        return client, server

    def carry(self, side: int, chunk: bytes) -> None:
        """Bytes go to the other end."""
        if not self.net.is_silent(self.port):
            self.net.later(self._ends[1 - side].hear, chunk)

    def hang_up(self, side: int) -> None:
        """One end closes; the other hears of it behind what was sent before."""
        self._ends[side].lose(None)
        if not self.net.is_silent(self.port):
            self.net.later(self._ends[1 - side].lose, None)
        self.net.forget(self)

    def end(self, error: Exception) -> None:
        """Both ends lose it now, with all that is on its way."""
        for end in self._ends:
            end.lose(error)
        self.net.forget(self)


class _End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, wire: _Wire, protocol: asyncio.BaseProtocol, side: int) -> None:
        names = [("127.0.0.1", _FIRST_FREE_PORT), ("127.0.0.1", wire.port)]
        super().__init__({"sockname": names[side], "peername": names[1 - side]})
        self._wire = wire
        self._protocol: Any = protocol
        self._side = side
        self._over = False

    def begin(self) -> None:
        """Tell the protocol."""
        self._protocol.connection_made(self)

    def write(self, data: Any) -> None:
        """Send."""
        if not self._over and data:
            self._wire.carry(self._side, bytes(data))

    def close(self) -> None:
        """Hang up."""
        if not self._over:
            self._wire.hang_up(self._side)

    def abort(self) -> None:
        """Hang up."""
        self.close()

    def is_closing(self) -> bool:
        """Whether it is over."""
        return self._over

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another one from now on (streams do that)."""
        self._protocol = protocol

    def can_write_eof(self) -> bool:
        """Half-closed connections there are not."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits."""

    def pause_reading(self) -> None:
        """What has been sent comes anyway: bounds of memory are for the real thing."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def is_reading(self) -> bool:
        """Always."""
        return not self._over

    def hear(self, chunk: bytes) -> None:
        """Bytes have come."""
        if not self._over:
            self._protocol.data_received(chunk)

    def lose(self, error: Exception | None) -> None:
        """It is over."""
        if not self._over:
            self._over = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)
