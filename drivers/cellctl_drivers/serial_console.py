"""What a machine says while a person works on it by hand, told in bounded pieces: a flood must not fill the journal."""

from collections.abc import Callable
from typing import Final

from cellctl.domain.events import Fact, LinesHeard

# Seconds on the wire: how often a piece is told, and for how long after the last line that was sent.
TELL_EVERY_S: Final = 0.25
LISTEN_S: Final = 120.0
MOST_CHARACTERS: Final = 4096


class Console:
    """Closed until the first line is sent. Times are of the machine's clock."""

    def __init__(self, machine: str, report: Callable[[Fact], None]) -> None:
        self.is_open = False
        self.due_s: float | None = None
        self._machine = machine
        self._report = report
        self._text = ""
        self._missed = 0
        self._pace = (0.0, 0.0)  # How far two pieces are apart, and until when there are any.

    def sent(self, now_s: float, second: float) -> float:
        """A line goes out; returns when to look at the clock. `second` is one second on the wire."""
        self.is_open = True
        self._pace = TELL_EVERY_S * second, now_s + LISTEN_S * second
        self.due_s = now_s + self._pace[0] if self.due_s is None else self.due_s
        return self.due_s

    def heard(self, chunk: bytes, now_s: float) -> float | None:
        """The machine has said something; returns when to look at the clock."""
        apart_s, until_s = self._pace
        if now_s > until_s:
            return None
        text = chunk.decode("ascii", "backslashreplace")
        room = MOST_CHARACTERS - len(self._text)
        self._text += text[:room]
        self._missed += len(text[room:])
        self.due_s = now_s + apart_s if self.due_s is None else self.due_s
        return self.due_s

    def pass_time(self, now_s: float) -> None:
        """Tell what was heard, if it is time."""
        if self.due_s is None or now_s < self.due_s:
            return
        self.due_s = None
        *lines, rest = self._text.split("\n")
        # A line that is not yet whole waits for its end, but not for ever.
        if not lines and rest:
            lines, rest = [rest], ""
        self._text = rest
        lines = [line.rstrip("\r") for line in lines]
        if self._missed:
            lines.append(f"(cellctl) {self._missed} more characters were not kept")
            self._missed = 0
        if lines:
            self._report(LinesHeard(self._machine, tuple(lines)))
        if rest:
            self.due_s = now_s + self._pace[0]

    def close(self) -> None:
        """The machine is in our hands again."""
        self.is_open, self.due_s, self._text, self._missed = False, None, "", 0
