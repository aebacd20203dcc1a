"""A TCP connection as a byte link: bytes as they are."""

import asyncio
import os
import socket
from contextlib import ExitStack
from typing import Final

from cellctl.domain.errors import LinkLost
from cellctl.links.wire import Wire
from cellctl.ports import Listener

CONNECT_S: Final = 5.0
# Small writes at once; and a far end that has lost its power is noticed in 11 s, whether or not we are speaking.
_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 11_000),  # in ms
)


class TcpLink:
    """ports.ByteLink to host and port. One object is one connection. `connect_s` is in real seconds."""

    def __init__(self, machine: str, host: str, port: int, *, connect_s: float = CONNECT_S) -> None:
        self._machine = machine
        self._host = host
        self._port = port
        self._connect_s = connect_s
        self._wire: Wire | None = None

    async def open(self, listener: Listener) -> None:
        """Connect and listen. Raises LinkLost."""
        name = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._connect_s):
                end = await _connected(self._host, self._port)
        except OSError as failed:
            what = f"cannot connect to {name}: {self._why(failed)}"
            raise LinkLost(self._machine, what, do_next="Check its network, and its address in the cell file") from None
        self._wire = Wire(end.fileno(), name, listener, end.close)

    def write(self, chunk: bytes) -> None:
        """Hand over bytes, in order; never blocks."""
        if self._wire is not None:
            self._wire.write(chunk)

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._wire.unsent if self._wire is not None else 0

    def close(self) -> None:
        """Let go; bytes that the kernel has not taken are dropped. May be called twice."""
        if self._wire is not None:
            self._wire.close()

    def _why(self, failed: OSError) -> str:
        if isinstance(failed, TimeoutError):
            return f"no answer in {self._connect_s:g} s"
        # asyncio puts a text of its own in the place of the system's.
        known = not isinstance(failed, socket.gaierror) and failed.errno
        return os.strerror(failed.errno or 0) if known else str(failed)


async def _connected(host: str, port: int) -> socket.socket:
    """A socket that does not block, connected to the first of the host's addresses that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    failures: list[OSError] = []
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with ExitStack() as unless_connected:
            end = unless_connected.enter_context(socket.socket(family, kind, protocol))
            end.setblocking(False)
            for option in _OPTIONS:
                end.setsockopt(*option)
            try:
                await loop.sock_connect(end, address)
            except OSError as failed:
                failures.append(failed)
            else:
                unless_connected.pop_all()
                return end
    raise failures[-1]
