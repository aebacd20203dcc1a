"""Numbered lines: which were sent, which are acknowledged, and which can be sent again."""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from operator import xor

from cellctl_drivers.marlin.facts import KEPT_LINES, MAX_FRAMED_BYTES


class Own(Enum):
    """Lines that are not of the program. A SEAL is an M105 behind an M400: its answer can be no other's."""

    PLAIN = "plain"
    REPORT = "report"
    SEAL = "seal"


class Verdict(Enum):
    """What a request for a line led to."""

    AGAIN = "it is sent again, and all behind it"
    ECHO = "this was asked before"
    NOTHING = "all that was sent has arrived"
    MISSED = "there is no such line any more, or not yet"


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be under way: command slots, and bytes of the receive buffer."""

    slots: int = 1
    rx_bytes: int = 128

    def admits(self, lines: int, total_bytes: int) -> bool:
        """Whether one more line of any length fits."""
        return lines == 0 or (lines < self.slots and total_bytes + MAX_FRAMED_BYTES < self.rx_bytes)


def frame(number: int, command: bytes) -> bytes:
    """`N<number> <command>*<xor of all before the star>`, with its newline."""
    body = b"N%d %b" % (number, command)
    return b"%b*%d\n" % (body, reduce(xor, body))


def framed_bytes(number: int, command: str) -> int:
    """The most that `frame` can make of it, newline not counted."""
    return len(command) + len(f"N{number} *255")


class Ledger:
    """The lines of one session since its M110, which is line 0.

    `first` is the oldest line without acknowledgement, `cursor` the next to go out, `next` the next to be added:
    first <= cursor <= next. Lines from `cursor` to `next` were sent before and have to go again.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.first = 0
        self.cursor = 0
        self.next = 0
        self.acknowledged = 0  # Lines of the program, for whoever loaded it to set to zero.
        self._kept: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._own: dict[int, Own] = {}
        self._asked = (-1, 0)  # The last line asked for, and how many echoes of that request may follow.

    @property
    def in_flight(self) -> int:
        """Lines that were sent and not acknowledged."""
        return self.cursor - self.first

    @property
    def open(self) -> bool:
        """Whether one more line may go out."""
        flight = self.cursor - self.first
        if flight == 0 or self.window.slots == 1:
            return flight == 0
        start = self.first - self.next
        total = sum(len(self._kept[start + i]) for i in range(flight))
        return self.window.admits(flight, total)

    def add(self, command: bytes, own: Own | None) -> None:
        """Number a line; it goes out when the cursor comes to it."""
        number = self.next
        self._kept.append(frame(number, command))
        self._own.pop(number - KEPT_LINES, None)
        if own is not None:
            self._own[number] = own
        self.next = number + 1

    def out(self) -> bytes:
        """The line at the cursor, which moves on."""
        line = self._kept[self.cursor - self.next]
        self.cursor += 1
        return line

    def is_report(self, number: int) -> bool:
        """Whether a line is an M105, ours or the program's: its `ok` comes with temperatures."""
        return b" M105" in self._kept[number - self.next]

    def credit(self, through: int) -> bool:
        """All lines up to this one are acknowledged. True if a SEAL is among them."""
        sealed = False
        for number in range(self.first, through + 1):
            own = self._own.get(number)
            if own is None:
                self.acknowledged += 1
            sealed |= own is Own.SEAL
        self.first = through + 1
        self.cursor = max(self.cursor, self.first)
        return sealed

    def again(self) -> None:
        """Send all that is in flight once more. A number that has arrived already is refused, never executed."""
        self.cursor = self.first

    def asked_for(self, number: int) -> Verdict:
        """The firmware has everything below `number`, and wants to go on there."""
        if number > self.next or number < self.next - len(self._kept):
            return Verdict.MISSED
        asked, echoes = self._asked
        if number == asked and echoes > 0:
            # Each line that was in flight behind a damaged one makes a request of its own for the same line.
            self._asked = (number, echoes - 1)
            return Verdict.ECHO
        self._asked = (number, max(0, self.cursor - number - 1))
        for credited in range(number, self.first):
            if credited not in self._own:
                self.acknowledged -= 1
        self.first = min(self.first, number)
        self.cursor = number
        return Verdict.AGAIN if number < self.next else Verdict.NOTHING
