"""The bytes between us and the controller: lines in, realtime bytes and lines out."""

from typing import Final

from cellctl_drivers.grbl.facts import DEFAULT_RX_BYTES, EMPTY_THE_BUFFER, Realtime
from cellctl_drivers.grbl.window import Window

# No line of any Grbl is that long; what is, is noise.
_LONGEST_LINE_BYTES: Final = 4096


class Wire:
    """Cuts what comes in into lines, and lets realtime bytes overtake the lines that go out."""

    def __init__(self) -> None:
        self.window = Window(DEFAULT_RX_BYTES)
        self._rest = b""
        self._urgent = b""
        self._said = b""

    def lines(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without newline; most end with a carriage return."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-_LONGEST_LINE_BYTES:]
        return lines

    def realtime(self, *signals: Realtime) -> None:
        """These bytes go out next, ahead of every line; they are not counted."""
        for signal in signals:
            self._urgent += signal.value
            if signal in EMPTY_THE_BUFFER:
                self.forget()

    def say(self, line: str) -> None:
        """A line of our own; the caller has looked at the window's room."""
        said = line.encode("ascii") + b"\n"
        self._said += said
        self.window.wrote(said)

    def forget(self) -> None:
        """The controller has begun anew, or is given up: nothing that was said or is outstanding counts."""
        self._said = b""
        self.window.clear()

    def take(self) -> bytes:
        """What is to go out now, apart from the program."""
        if not (self._urgent or self._said):
            return b""
        out = self._urgent + self._said
        self._urgent = self._said = b""
        return out
