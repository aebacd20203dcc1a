"""`cellctl-hold-all CELL_TOML`: the daemon is gone; tell every machine on a serial line to stand and to go cold.

For systemd's ExecStopPost=, which runs it after every end of the daemon, kill -9 included. It shares nothing with the
daemon, not a line of code: what broke the one must not break the other. It needs the standard library only.

It moves nothing and releases nothing. A Grbl is sent realtime bytes only, because a newline would run a line that the
daemon left half sent; no machine is reset, unlocked, or let out of a wait. A port that another program has locked is
left alone. It ends within 3 s, with exit status 0, and says on standard output what it did.
"""

import argparse
import errno
import fcntl
import os
import re
import select
import socket
import struct
import sys
import termios
import threading
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

MOST_S: Final = 3.0
_CONNECT_S: Final = 1.0
_ANSWER_S: Final = 0.15
_BETWEEN_S: Final = 0.1
_MOST_ASKS: Final = 8

_USUAL_BAUD: Final = 115_200
# Linux' own way to a baud rate without a name: struct termios2 with BOTHER in the place of the rate.
_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_CBAUD, _BOTHER = 0o010017, 0o010000
_TERMIOS2: Final = "4I20s2I"

_STATUS: Final = re.compile(rb"<([A-Za-z]+(?::\d+)?)\|([^<>]*)>")
_SPINDLE: Final = re.compile(rb"FS:[-\d.]+,([\d.]+)")
# What a locked port answers to an opener: to flock, and to open where it is the owner's alone.
_TAKEN: Final = (errno.EWOULDBLOCK, errno.EBUSY)
# Grbl's words for a machine that does not move.
_STANDS: Final = (b"Idle", b"Hold:0", b"Alarm", b"Sleep", b"Check", b"Door:0", b"Door:1", b"Tool")
_COLD: Final = b"\nM104 S0\nM140 S0\n"


class NotReached(Exception):
    """A machine that nothing can be said to, and why."""


class Line:
    """An open line to a machine, for a moment."""

    def __init__(self, fd: int, close: Callable[[], None]) -> None:
        self._fd = fd
        self.close = close

    def say(self, chunk: bytes) -> None:
        """Write; nothing waits until the line takes it. Raises NotReached or OSError."""
        with suppress(BlockingIOError):
            if os.write(self._fd, chunk) == len(chunk):
                return
        raise NotReached("not reached: its line takes nothing more")

    def hear(self) -> bytes:
        """What comes within the time for one answer. Raises OSError."""
        ready, _, _ = select.select([self._fd], [], [], _ANSWER_S)
        return os.read(self._fd, 4096) if ready else b""


@dataclass(frozen=True, slots=True)
class Where:
    """The folders in which ports are looked for."""

    devices: Path
    sysfs: Path


# ---- what each family is told ------------------------------------------------------------------------------------


def hold(line: Line) -> str:
    """Grbl and grblHAL: feed hold if it moves or its spindle turns, then the spindle off. Returns what was done.

    A machine that says Idle is left so, to be ready for the next daemon. In a dwell without a spindle it says that too.
    """
    return _hold(line, has_spindle=True)


def stand(line: Line) -> str:
    """A serial arm that knows realtime bytes: feed hold if it moves. Returns what was done.

    What would be a spindle is its gripper, which keeps what it holds.
    """
    return _hold(line, has_spindle=False)


def _hold(line: Line, *, has_spindle: bool) -> str:
    done: list[str] = []
    heard, state, spins = b"", b"", False
    for _ in range(_MOST_ASKS):
        line.say(b"?")
        heard = (heard + line.hear())[-4096:]
        if reports := _STATUS.findall(heard):
            state, fields = reports[-1]
            spins = has_spindle and any(float(speed) > 0 for speed in _SPINDLE.findall(fields))
            heard = b""
        if state.startswith(_STANDS) and not spins:
            break
        if not state.startswith(b"Hold"):
            line.say(b"!")
            done = done or ["told to hold"]
        elif state == b"Hold:0" and "spindle told to stop" not in done:
            # This byte is a toggle; only in a hold with a spindle that turns it stops it.
            line.say(b"\x9e")
            done.append("spindle told to stop")
        # It needs time to brake, and wants to be asked ten times a second at most.
        select.select([], [], [], _BETWEEN_S)
    found = f"it says {state.decode()}{', the spindle turns' if spins else ''}" if state else "it says nothing"
    return "; ".join([*done, found])


def cool(line: Line) -> str:
    """Marlin and its relatives: heaters off, once the lines that it has already are done. Returns what was done."""
    line.say(_COLD)
    heard = b""
    for _ in range(_MOST_ASKS):
        heard += line.hear()
        if heard.count(b"ok") >= _COLD.count(b"M"):
            return "heaters told to go off; it has answered"
    return "heaters told to go off; it has not answered yet"


def leave(line: Line) -> str:
    """A serial arm without realtime bytes: it ends its present move and stands, and nothing could stop it earlier
    without letting go of what it holds. Returns that."""
    return "left alone: it ends its present move and stands; its gripper stays as it is"


FAMILIES: Final[Mapping[str, Callable[[Line], str]]] = {
    "grbl": hold,
    "marlin": cool,
    "serial_arm": stand,
    "serial_arm/marlin": leave,
}


# ---- the way to a machine ----------------------------------------------------------------------------------------


def opened(port: str, baud: int, where: Where) -> Line:
    """The line that a `port` of the cell file means. Raises NotReached or OSError."""
    url = urlsplit(port)
    if url.scheme in ("tcp", "rfc2217"):
        end = socket.create_connection((url.hostname, url.port), timeout=_CONNECT_S)
        end.setblocking(False)
        return Line(end.fileno(), end.close)
    path = _usb(port.removeprefix("usb:"), where) if port.startswith("usb:") else where.devices / port
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    with ExitStack() as unless_set_up:
        unless_set_up.callback(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _set_up(fd, baud)
        unless_set_up.pop_all()
    return Line(fd, lambda: _let_go(fd))


def _set_up(fd: int, baud: int) -> None:
    attributes = termios.tcgetattr(fd)
    speed = getattr(termios, f"B{baud}", None)
    # Without HUPCL, closing leaves DTR as it is: a change of it resets many boards.
    flags = termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes[:4] = [0, 0, flags | (speed or attributes[2] & _CBAUD), 0]
    attributes[4:6] = [speed or attributes[4], speed or attributes[5]]
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    termios.tcflush(fd, termios.TCIFLUSH)  # only what it says from now on is true
    if speed is None:
        # If this kernel has other numbers for it, the rate stays the one that the daemon has set.
        with suppress(OSError):
            *modes, rest, _, _ = struct.unpack(_TERMIOS2, fcntl.ioctl(fd, _TCGETS2, bytes(44)))
            modes[2] = modes[2] & ~_CBAUD | _BOTHER
            fcntl.ioctl(fd, _TCSETS2, struct.pack(_TERMIOS2, *modes, rest, baud, baud))


def _let_go(fd: int) -> None:
    # The kernel would wait for a wire that takes nothing, for up to half a minute.
    with suppress(OSError, termios.error):
        (held,) = struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)))
        if held:
            termios.tcflush(fd, termios.TCOFLUSH)
    os.close(fd)


def _usb(text: str, where: Where) -> Path:
    """The device file of the one USB port with all these properties."""
    wanted = {
        key.strip(): unquote(value).lower() for key, _, value in (part.partition("=") for part in text.split(","))
    }
    wanted["interface"] = wanted.get("interface", "").zfill(2) if "interface" in wanted else ""
    ttys = sorted((where.sysfs / "class" / "tty").glob("*"))
    found = [tty.name for tty in ttys if _is(wanted, (tty / "device").resolve())]
    if len(found) != 1:
        raise NotReached(f"not reached: {len(found)} ports are usb:{text}")
    return where.devices / found[0]


def _is(wanted: Mapping[str, str], device: Path) -> bool:
    says = {"interface": ""}
    for folder in (device, *device.parents):
        says["interface"] = says["interface"] or _read(folder / "bInterfaceNumber")
        if vid := _read(folder / "idVendor"):
            says |= {"vid": vid, "pid": _read(folder / "idProduct"), "serial": _read(folder / "serial")}
            says["path"] = folder.name
            return all(value in ("", says.get(key, "").lower()) for key, value in wanted.items())
    return False


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


# ---- all of them -------------------------------------------------------------------------------------------------


def rest(machine: Mapping[str, Any], where: Where) -> str:
    """Tell one machine; returns what became of it."""
    dialect = FAMILIES.get(f"{machine['driver']}/{machine.get('dialect')}")
    tell, port, baud = dialect or FAMILIES.get(machine["driver"]), machine["port"], machine.get("baud", _USUAL_BAUD)
    if tell is None:
        return f"left alone: nothing is known about driver {machine['driver']!r}"
    try:
        with closing(opened(port, baud, where)) as line:
            return tell(line)
    except NotReached as failed:
        return str(failed)
    except (OSError, ValueError, termios.error) as failed:
        if getattr(failed, "errno", None) in _TAKEN:
            return f"left alone: another program has {port}"
        return f"not reached: {failed}"


def hold_all(cell: Path, where: Where) -> list[str]:
    """Tell all machines of a cell file at once; one line about each."""
    try:
        machines = tomllib.loads(cell.read_text(encoding="utf-8"))["machines"].items()
    except (OSError, ValueError, KeyError, AttributeError) as failed:
        return [f"{cell} cannot be used: {failed!r}"]
    serial = {name: keys for name, keys in machines if isinstance(keys, dict) and {"driver", "port"} <= keys.keys()}
    answers: dict[str, Future[str]] = {name: Future() for name in serial}
    for name, answer in answers.items():
        # Daemons: a port that hangs does not keep us.
        threading.Thread(target=_answer, args=(answer, serial[name], where), daemon=True).start()
    wait(answers.values(), timeout=MOST_S)
    late = f"not reached: its port took longer than {MOST_S:g} s"
    return [f"{name}: {answer.result() if answer.done() else late}" for name, answer in answers.items()]


def _answer(answer: "Future[str]", machine: Mapping[str, Any], where: Where) -> None:
    answer.set_result(rest(machine, where))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; always 0, unless the line itself makes no sense."""
    parser = argparse.ArgumentParser(prog="cellctl-hold-all", description=__doc__.partition(":")[2].partition("\n")[0])
    parser.add_argument("cell", type=Path, metavar="CELL_TOML")
    parser.add_argument("--devices", type=Path, default=Path("/dev"), metavar="DIR", help="where ports are [/dev]")
    parser.add_argument("--sysfs", type=Path, default=Path("/sys"), metavar="DIR", help="where USB is [/sys]")
    args = parser.parse_args(argv)
    for line in hold_all(args.cell, Where(args.devices, args.sysfs)):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
