"""Numbered lines: which were sent, which are acknowledged, and which can be sent again."""

from enum import Enum
from typing import Final

from cellctl.gcode.words import checksum
from cellctl_drivers.marlin.facts import KEPT_LINES, REACH_BACK

_MASK: Final = KEPT_LINES - 1


class Own(Enum):
    """What a line is, if it is not simply one of the program."""

    PLAIN = "plain"
    REPORT = "report"
    # An M105 behind an M400: its answer can be no other's.
    SEAL = "seal"
    # Our own M400: over when all motion before it is.
    STAND = "stand"
    # Ours, on the way back from where it was parked: what leads back must not be forgotten.
    RETURN = "return"
    # A line of the program that is over only then.
    BARRIER = "barrier"
    # An M105 of the program.
    ASKED = "asked"


# These count as lines of the program.
PROGRAM: Final = (None, Own.BARRIER, Own.ASKED)
# The `ok` of these comes with temperatures.
REPORTS: Final = (Own.REPORT, Own.SEAL, Own.ASKED)


class Verdict(Enum):
    """What a request for a line led to."""

    AGAIN = "it is sent again, and all behind it"
    NOTHING = "all that was sent has arrived"
    MISSED = "there is no such line any more, or not yet"


def frame(number: int, command: bytes) -> bytes:
    """`N<number> <command>*<xor of all before the star>`, with its newline."""
    body = b"N%d %b" % (number, command)
    return b"%b*%d\n" % (body, checksum(body))


def framed_bytes(number: int, command: str) -> int:
    """The most that `frame` can make of it, newline not counted."""
    return len(command) + len(str(number)) + len("N *255")


class Ledger:
    """The lines of one session since its M110, which is line 0.

    `first` is the oldest line without acknowledgement, `cursor` the next to go out, `next` the next to be added:
    first <= cursor <= next. Lines from `cursor` to `next` were sent before and have to go again. All below `high`
    was acknowledged once. Where the firmware compares no numbers, lines go out bare.
    """

    def __init__(self, *, numbered: bool = True) -> None:
        self.numbered = numbered
        self.first = 0
        self.cursor = 0
        self.next = 0
        self.high = 0
        self.acknowledged = 0  # Lines of the program, for whoever loaded it to set to zero.
        self.in_flight_bytes = 0
        self._kept: list[tuple[bytes, Own | None]] = [(b"", None)] * KEPT_LINES

    @property
    def in_flight(self) -> int:
        """Lines that were sent and not acknowledged."""
        return self.cursor - self.first

    def add(self, command: bytes, own: Own | None) -> None:
        """Number a line; it goes out when the cursor comes to it."""
        number = self.next
        if self.numbered:
            body = b"N%d %b" % (number, command)
            line = b"%b*%d\n" % (body, checksum(body))
        else:
            line = command + b"\n"
        self._kept[number & _MASK] = (line, own)
        self.next = number + 1

    def line(self, number: int) -> bytes:
        """A line that is kept, as it goes out."""
        return self._kept[number & _MASK][0]

    def own(self, number: int) -> Own | None:
        """What a line is, that is kept."""
        return self._kept[number & _MASK][1]

    def out(self, room: int) -> bytes:
        """The line at the cursor, which moves on; empty, and nothing moves, if it is longer than this."""
        line = self._kept[self.cursor & _MASK][0]
        if len(line) > room:
            return b""
        self.cursor += 1
        self.in_flight_bytes += len(line)
        return line

    def is_report(self, number: int) -> bool:
        """Whether a line is an M105, ours or the program's: its `ok` comes with temperatures."""
        return self._kept[number & _MASK][1] in REPORTS

    def credit(self, through: int) -> bool:
        """All lines up to this one are acknowledged. True if a SEAL is among them."""
        sealed = False
        cursor, number = self.cursor, self.first
        while number <= through:
            line, own = self._kept[number & _MASK]
            if own is None or own in PROGRAM:
                self.acknowledged += 1
            elif own is Own.SEAL:
                sealed = True
            if number < cursor:
                self.in_flight_bytes -= len(line)
            number += 1
        self.first = number
        self.high = max(self.high, number)
        self.cursor = max(cursor, number)
        return sealed

    def again(self) -> None:
        """Send all that is in flight once more."""
        self._set_cursor(self.first)

    def asked_for(self, number: int, arrived: int = 0) -> Verdict:
        """The firmware has everything below `number`, and wants to go on there. Lines below `arrived` have."""
        if number > self.next or number < max(arrived, self.high - REACH_BACK, self.next - KEPT_LINES):
            return Verdict.MISSED
        if number < self.first:
            self._take_back(number)
        elif self.first < self.high:
            # Taken back for a request that was noise, and asked for no more: it was acknowledged long ago.
            self.credit(min(number, self.high) - 1)
        self._set_cursor(number)
        return Verdict.AGAIN if number < self.next else Verdict.NOTHING

    def _take_back(self, number: int) -> None:
        """An `ok` was one too many: these lines have not arrived."""
        owns = [self.own(credited) for credited in range(number, self.first)]
        self.acknowledged -= sum(own in PROGRAM for own in owns)
        self.first = number

    def _set_cursor(self, number: int) -> None:
        self.cursor = number
        self.in_flight_bytes = sum(len(self.line(sent)) for sent in range(self.first, number))
