"""A file descriptor in the event loop: what serial ports and sockets have in common once they are open."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

from cellctl.ports import Listener

# Bytes that a listener is given in one turn of the loop; a machine that talks sense says less.
PIECE_BYTES: Final = 2048
# A full piece means that more is waiting behind it. Others go first then, so that a line that floods us
# (half a megabyte a second at most) does not take their time.
REST_S: Final = 0.004
# A healthy machine takes what is sent within seconds; more than this means that it has stopped listening.
UNSENT_LIMIT: Final = 1_048_576


class Wire:
    """Bytes out in order, bytes in by the piece, and its end told once. `fd` does not block; `release` closes it.

    To be made inside the event loop: it listens from now on.
    """

    def __init__(self, fd: int, name: str, listener: Listener, release: Callable[[], None]) -> None:
        self._fd = fd
        self._name = name
        self._listener: Listener | None = listener
        self._release: Callable[[], None] | None = release
        self._buffer = bytearray()
        self._rest: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def write(self, chunk: bytes) -> None:
        """Hand over bytes; never blocks. What the kernel does not take now is kept and sent when it does."""
        if self._release is None:
            return
        if not self._buffer:
            chunk = chunk[self._send(chunk) :]
            if not chunk:
                return
            self._loop.add_writer(self._fd, self._send_rest)
        self._buffer += chunk
        if len(self._buffer) > UNSENT_LIMIT:
            self._lose(f"{self._name} takes no more bytes, {len(self._buffer)} are waiting")

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._buffer)

    def close(self) -> None:
        """Let go; bytes that the kernel has not taken are dropped. May be called twice."""
        self._listener = None
        self._let_go()

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError as failed:
            self._lose(f"{self._name}: {failed.strerror}")
            return
        if not chunk:
            self._lose(f"{self._name} was hung up")
            return
        if len(chunk) == PIECE_BYTES:
            self._loop.remove_reader(self._fd)
            self._rest = self._loop.call_later(REST_S, self._listen_again)
        if self._listener is not None:
            self._listener.received(chunk)

    def _listen_again(self) -> None:
        self._rest = None
        self._loop.add_reader(self._fd, self._read)

    def _send(self, chunk: bytes | bytearray) -> int:
        """Offer bytes to the kernel and return how many are dealt with: all of them, if the line is gone."""
        try:
            return os.write(self._fd, chunk)
        except BlockingIOError:
            return 0
        except OSError as failed:
            self._lose(f"{self._name}: {failed.strerror}")
            return len(chunk)

    def _send_rest(self) -> None:
        del self._buffer[: self._send(self._buffer)]
        if not self._buffer and self._release is not None:
            self._loop.remove_writer(self._fd)

    def _lose(self, reason: str) -> None:
        self._let_go()
        # It may have been found inside the listener's own write.
        self._loop.call_soon(self._tell_lost, reason)

    def _tell_lost(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(reason)

    def _let_go(self) -> None:
        release, self._release = self._release, None
        self._buffer.clear()
        if release is None:
            return
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        release()
