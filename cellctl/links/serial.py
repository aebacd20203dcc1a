"""A serial port as a byte link, over pyserial; the only place that knows it.

pyserial opens and sets up the port; reading and writing go straight to its file descriptor, from the event loop.
"""

import asyncio
import contextlib
import errno
import os
import termios
from pathlib import Path
from typing import Final

from serial import Serial

from cellctl.domain.errors import LinkLost
from cellctl.ports import Listener

_READ_BYTES: Final = 65_536
# A healthy machine takes what is sent within seconds; more than this means that it has stopped listening.
_UNSENT_LIMIT: Final = 1_048_576
_CONTROL_FLAGS: Final = 2  # of what tcgetattr returns

_REMEDIES: Final = {
    errno.ENOENT: "Plug in its cable and switch it on",
    errno.EACCES: "Give the user who runs cellctl the port's group (dialout on Debian)",
    errno.EWOULDBLOCK: "End the other program that uses this port",
    errno.EBUSY: "End the other program that uses this port",
}


class SerialLink:
    """ports.ByteLink to a serial port. One object is one connection: it is opened once, and not again after `close`.

    The port is locked against other programs. DTR and RTS stay as the kernel sets them on opening, also after
    closing, so that a board which resets on a change of DTR does so at the first opening only.
    """

    def __init__(self, machine: str, path: Path, baud: int) -> None:
        self._machine = machine
        self._path = path
        self._baud = baud
        self._port: Serial | None = None
        self._fd = -1
        self._listener: Listener | None = None
        self._buffer = bytearray()

    async def open(self, listener: Listener) -> None:
        """Open the port and listen. Raises LinkLost, with the remedy where the reason is known."""
        loop = asyncio.get_running_loop()
        # Some drivers talk to the USB adapter here, and a sick adapter takes seconds to answer.
        opening = loop.run_in_executor(None, _open, self._path, self._baud)
        try:
            port = await asyncio.shield(opening)
        except (OSError, ValueError, termios.error) as failed:
            remedy = _REMEDIES.get(getattr(failed, "errno", 0), "Check its cable, and port and baud in the cell file")
            raise LinkLost(self._machine, f"cannot open {self._path}: {failed}", do_next=remedy) from failed
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        self._port, self._fd, self._listener = port, port.fileno(), listener
        loop.add_reader(self._fd, self._read)

    def write(self, chunk: bytes) -> None:
        """Hand over bytes, in order; never blocks. What the kernel does not take now is kept and sent when it does."""
        if self._port is None:
            return
        if not self._buffer:
            chunk = chunk[self._send(chunk) :]
            if not chunk:
                return
            asyncio.get_running_loop().add_writer(self._fd, self._send_rest)
        self._buffer += chunk
        if len(self._buffer) > _UNSENT_LIMIT:
            self._lose(f"{self._path} takes no more bytes, {len(self._buffer)} are waiting")

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
            chunk = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as failed:
            self._lose(f"{self._path}: {failed.strerror}")
            return
        if not chunk:
            self._lose(f"{self._path} was hung up")
        elif self._listener is not None:
            self._listener.received(chunk)

    def _send(self, chunk: bytes | bytearray) -> int:
        """Offer bytes to the kernel and return how many are dealt with: all of them, if the port is gone."""
        try:
            return os.write(self._fd, chunk)
        except BlockingIOError:
            return 0
        except OSError as failed:
            self._lose(f"{self._path}: {failed.strerror}")
            return len(chunk)

    def _send_rest(self) -> None:
        del self._buffer[: self._send(self._buffer)]
        if not self._buffer and self._port is not None:
            asyncio.get_running_loop().remove_writer(self._fd)

    def _lose(self, reason: str) -> None:
        self._let_go()
        # It may have been found inside the listener's own write.
        asyncio.get_running_loop().call_soon(self._tell_lost, reason)

    def _tell_lost(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(reason)

    def _let_go(self) -> None:
        port, self._port = self._port, None
        self._buffer.clear()
        if port is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd)
        loop.remove_writer(self._fd)
        if _holds_output(port):
            # On closing, the kernel waits until the wire has taken what it holds, for up to half a minute.
            loop.run_in_executor(None, port.close)
        else:
            port.close()


def _open(path: Path, baud: int) -> Serial:
    # `inter_byte_timeout=0` sets VMIN to 1: only then does reading nothing mean a hang-up.
    port = Serial(str(path), baud, timeout=0, write_timeout=0, inter_byte_timeout=0, exclusive=True)
    # Adapters without this mode, and pseudo-terminals, are as fast as they are.
    with contextlib.suppress(ValueError, OSError):
        port.set_low_latency_mode(True)
    attributes = termios.tcgetattr(port)
    attributes[_CONTROL_FLAGS] &= ~termios.HUPCL
    termios.tcsetattr(port, termios.TCSANOW, attributes)
    return port


def _holds_output(port: Serial) -> bool:
    try:
        return bool(port.out_waiting)
    except OSError:
        return False


def _close_unwanted(opening: asyncio.Future[Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
