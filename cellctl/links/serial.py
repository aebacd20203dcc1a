"""A serial port as a byte link, over pyserial; the only place that knows it.

pyserial opens and sets up the port; reading and writing go straight to its file descriptor, from the event loop.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import termios
from functools import partial
from pathlib import Path
from typing import Final

from serial import Serial

from cellctl.domain.errors import LinkLost
from cellctl.links.apart import apart
from cellctl.links.whereabouts import Whereabouts
from cellctl.links.wire import Wire
from cellctl.ports import Listener

_CONTROL_FLAGS: Final = 2  # of what tcgetattr returns
_PSEUDO_TERMINALS: Final = range(136, 144)  # major numbers, by Linux' own list of devices
_LOCKS: Final = Path("/proc/locks")

_IN_USE: Final = (errno.EWOULDBLOCK, errno.EBUSY)
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

    def __init__(self, machine: str, whereabouts: Whereabouts, baud: int) -> None:
        self._machine = machine
        self._whereabouts = whereabouts
        self._baud = baud
        self._wire: Wire | None = None

    async def open(self, listener: Listener) -> None:
        """Open the port and listen. Raises LinkLost, with the remedy where the reason is known."""
        # Some drivers talk to the USB adapter here, and a sick adapter takes seconds to answer.
        opening = apart(partial(_open, self._whereabouts, self._baud), f"open {self._machine}")
        try:
            port = await asyncio.shield(opening)
        except (OSError, ValueError, termios.error) as failed:
            raise self._refused(self._whereabouts.found, failed) from failed
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        self._wire = Wire(port.fileno(), str(self._whereabouts.found), listener, partial(_close, port))

    def write(self, chunk: bytes) -> None:
        """Hand over bytes, in order; never blocks. What the kernel does not take now is kept and sent when it does."""
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

    def _refused(self, path: Path, failed: Exception) -> LinkLost:
        number = getattr(failed, "errno", None)
        why = f"{_holder(path)} has it" if number in _IN_USE else str(failed)
        remedy = _REMEDIES.get(number or 0, "Check its cable, and port and baud in the cell file")
        return LinkLost(self._machine, f"cannot open {path}: {why}", do_next=remedy)


def _open(whereabouts: Whereabouts, baud: int) -> Serial:
    path = whereabouts.find()
    # `inter_byte_timeout=0` sets VMIN to 1: only then does reading nothing mean a hang-up.
    port = Serial(str(path), baud, timeout=0, write_timeout=0, inter_byte_timeout=0, exclusive=True)
    # Adapters without this mode, and pseudo-terminals, are as fast as they are.
    with contextlib.suppress(ValueError, OSError):
        port.set_low_latency_mode(True)
    if _is_hardware(port):
        # pyserial's lock stops those who ask for it; this one stops also those who only open the port.
        fcntl.ioctl(port, termios.TIOCEXCL)
    attributes = termios.tcgetattr(port)
    attributes[_CONTROL_FLAGS] &= ~termios.HUPCL
    termios.tcsetattr(port, termios.TCSANOW, attributes)
    return port


def _is_hardware(port: Serial) -> bool:
    # A pseudo-terminal stays open at its other end, and would stay closed to us after a crash.
    return os.major(os.fstat(port.fileno()).st_rdev) not in _PSEUDO_TERMINALS


def _close(port: Serial) -> None:
    if _holds_output(port):
        # On closing, the kernel waits until the wire has taken what it holds, for up to half a minute.
        apart(port.close, f"close {port.port}")
    else:
        port.close()


def _holds_output(port: Serial) -> bool:
    try:
        return bool(port.out_waiting)
    except OSError:
        return False


def _close_unwanted(opening: asyncio.Future[Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _holder(path: Path) -> str:
    """Who has locked a port, as far as the kernel tells us."""
    # A line of /proc/locks: number, FLOCK, ADVISORY, WRITE, process, the file as major:minor:inode, range.
    try:
        file = path.stat()
        inode = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
        locks = [line.split() for line in _LOCKS.read_text().splitlines()]
        process = next(int(lock[4]) for lock in locks if lock[1] == "FLOCK" and lock[5] == inode)
        name = Path(f"/proc/{process}/comm").read_text().strip()
    except (OSError, ValueError, IndexError, StopIteration):
        return "another program"
    if process == os.getpid():
        return "another machine of this cell"
    return f"another program ({name}, process {process})"
