"""From bytes to commands: numbered lines, checksums, the command queue (Marlin: queue.cpp)."""

import re
from collections import deque
from typing import Final, NamedTuple

from cellctl.gcode.words import checksum

LINE_BYTES: Final = 95  # MAX_CMD_SIZE 96, less the terminating zero
WRONG_NUMBER: Final = "Line Number is not Last Line Number+1"
WRONG_SUM: Final = "checksum mismatch"
NO_SUM: Final = "No Checksum with line number"

_DIGITS: Final = re.compile(rb"\s*([-+]?\d+)")
_FRAMED: Final = re.compile(rb"N(\d+) ([^*]*)\*(\d+) *")


class Command(NamedTuple):
    """A queued line without frame and comment. `number` is None if it came without one, `unasked` if nobody sent it."""

    text: str
    number: int | None = None
    unasked: bool = False


class Intake:
    """The line being received, the number of the last good one, and the slots of the command queue.

    The first slot holds the command being executed.
    """

    def __init__(self, slots: int) -> None:
        self.queue: deque[Command] = deque()
        self.last_number = 0
        self._slots = slots
        self._partial = b""

    @property
    def free(self) -> int:
        """Empty slots."""
        return self._slots - len(self.queue)

    def take(self, rx: bytearray) -> bytes | None:
        """The next line out of the receive buffer, if a slot is free for it and it is complete.

        Characters of an unfinished line leave the receive buffer too. Empty lines are passed over.
        """
        while rx and self.free > 0:
            end = rx.find(b"\n")
            if end < 0:
                self._partial = (self._partial + rx)[: 4 * LINE_BYTES]
                rx.clear()
                return None
            line, self._partial = _stored(self._partial + rx[:end]), b""
            del rx[: end + 1]
            if line:
                return line
        return None

    def accept(self, line: bytes) -> str:
        """Queue a line; or say what is wrong with it, in the firmware's own words."""
        frame = _FRAMED.fullmatch(line)
        if frame is not None and b"M110" not in line:
            number = int(frame[1])
            if number != self.last_number + 1:
                return WRONG_NUMBER
            if checksum(line[: frame.start(3) - 1]) != int(frame[3]):
                return WRONG_SUM
            self.last_number = number
            self.queue.append(Command(_plain(frame[2]), number))
            return ""
        return self._accept_odd(line.lstrip(b" "))

    def forget(self) -> None:
        """Drop the unfinished line."""
        self._partial = b""

    def _accept_odd(self, line: bytes) -> str:
        """A line without a number, with M110, or with something missing."""
        text, star, total = line.rpartition(b"*") if b"*" in line else (line, b"", b"")
        if not line.startswith(b"N"):
            self.queue.append(Command(_plain(line)))
            return ""
        resets = b"M110" in line
        where = line.find(b"N", 4) if resets else 0
        number = _number(line[max(where, 0) + 1 :])
        if number != self.last_number + 1 and not resets:
            return WRONG_NUMBER
        if not star:
            return NO_SUM
        if checksum(text) != _number(total):
            return WRONG_SUM
        self.last_number = number
        self.queue.append(Command(_plain(text[1:].lstrip(b"+-0123456789")), number))
        return ""


def _stored(raw: bytes) -> bytes:
    """What is kept of a line: nothing behind a semicolon, and no more than fits, silently."""
    if b";" in raw:
        raw = raw[: raw.index(b";")]
    return raw[:LINE_BYTES] if raw.strip() else b""


def _number(text: bytes) -> int:
    found = _DIGITS.match(text)
    return int(found[1]) if found else 0


def _plain(text: bytes) -> str:
    """The checksum is that before the last star; the command ends at the first one (Marlin: parser.cpp)."""
    return text.partition(b"*")[0].decode("latin-1").strip()
