"""One program on its way into the controller: what of it was sent, acknowledged, executed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl_drivers.grbl.window import Window

# Printable ASCII without `?`, `!` and `~`, which act wherever they stand in a line.
_SENDABLE: Final = re.compile(r"[ \"->@-}]+")
# Writes to the settings memory switch interrupts off, and received bytes are lost; reads touch it, too. A dwell is
# answered only when it is over, and the answer then proves that all motion before it is.
_ALONE: Final = re.compile(r"G0*(?:4|10|28|30|5[4-9])(?![0-9])|M0*(?:2|30)(?![0-9])")
_DWELL: Final = re.compile(r"G0*4(?![0-9])")
_DWELL_S: Final = re.compile(r"P([0-9]*\.?[0-9]+)")
_LINE_NUMBER: Final = re.compile(r"^\s*[Nn]\s*[0-9]+\s*")
# Grbl refuses greater line numbers (error:27).
_NUMBERS: Final = 9_999_999
# `Ln:` names the line that is being cut into step segments; as many lines as there are segments (6 in Grbl, 10 in
# grblHAL) may still have to be stepped.
_SEGMENTS: Final = 10


class Own(Enum):
    """Lines of ours around the program, each sent when everything before it is answered."""

    # grblHAL refuses every line after a refused one until a blank line comes.
    SYNC = b"\n"
    # A dwell is answered when all motion before it is over.
    BARRIER = b"G4P0.01\n"
    # What it prints cannot be taken for the answer to another line: lines and answers are proved to match.
    MARK = b"$G\n"


@dataclass(frozen=True, slots=True)
class Alone:
    """Why a line goes out alone: it is ours, it touches the settings memory, or it takes time by itself."""

    own: Own | None = None
    dwell_s: float = 0.0
    seen: bool = False


Frame = tuple[bytes, Alone | None]
_MEMORY: Final = Alone()
_OPENING: Final[Frame] = (Own.SYNC.value, Alone(Own.SYNC))
_CLOSING: Final[tuple[Frame, ...]] = (
    (Own.BARRIER.value, Alone(Own.BARRIER, dwell_s=0.01)),
    (Own.MARK.value, Alone(Own.MARK)),
)


class LineRefused(ValueError):
    """A line that must not be sent."""


def frame(line: str, longest_bytes: int) -> Frame:
    """A line as it goes out, and why alone if so. Raises LineRefused; `longest_bytes` counts the newline."""
    if not _SENDABLE.fullmatch(line):
        raise LineRefused("has a character that must not go out; allowed is printable ASCII without ? ! ~")
    if len(line) >= longest_bytes:
        raise LineRefused(f"has {len(line)} characters, and this controller takes {longest_bytes - 1}")
    code = line.replace(" ", "").upper()
    if code.startswith("$"):
        raise LineRefused("is a command to the controller itself, which a program must not give")
    data = line.encode("ascii") + b"\n"
    if not _ALONE.search(code):
        return data, None
    seconds = _DWELL_S.search(code) if _DWELL.search(code) else None
    return data, Alone(dwell_s=float(seconds[1])) if seconds else _MEMORY


def numbered(lines: Iterator[str]) -> Iterator[str]:
    """The lines with numbers of ours in place of their own, counting from 1."""
    for index, line in enumerate(lines):
        yield f"N{index % _NUMBERS + 1} {_LINE_NUMBER.sub('', line)}"


class Stream:
    """Feeds a program through the window, one line read ahead. The counters count its lines, not ours."""

    def __init__(self, lines: Iterator[str], longest_bytes: int) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.executed = 0
        # Why it cannot go on; empty while it can.
        self.trouble = ""
        self._unread: StoreFailed | None = None
        self._frames = _framed(lines, longest_bytes)
        self._next: Frame | None = next(self._frames)
        self._alone: Alone | None = None

    @property
    def finished(self) -> bool:
        """Whether everything is acknowledged, the marks at its end included."""
        return not (self._next or self._alone or self.trouble or self._unread)

    @property
    def dwell_s(self) -> float:
        """How long the line that is out alone takes by its own words."""
        return self._alone.dwell_s if self._alone else 0.0

    def feed(self, window: Window) -> bytes:
        """All that the window takes now. Raises StoreFailed, once everything read before has gone out."""
        if self._unread is not None:
            raise self._unread
        out = []
        while self._next is not None and self._alone is None:
            data, alone = self._next
            if len(data) > window.room or (alone is not None and len(window)):
                break
            window.wrote(data)
            out.append(data)
            self._alone = alone
            if alone is None or alone.own is None:
                self.sent += 1
            self._next = self._pull()
        return b"".join(out)

    def answered(self, count: int, window: Window) -> None:
        """So many `ok` have come."""
        taken = window.answered(count)
        if taken < count:
            self.trouble = "gave more answers than lines were sent: a line was cut in two on its way"
        alone = self._alone
        if alone is None:
            self.acknowledged += taken
        elif taken:
            self._alone = None
            self._answered_alone(alone)

    def mark_seen(self) -> None:
        """The controller has printed what the last line asks for."""
        if self._alone is not None and self._alone.own is Own.MARK:
            self._alone = replace(self._alone, seen=True)

    def executing(self, line_number: int) -> None:
        """A report names this line (a number of ours) as the one in work."""
        newest = self.sent - 1
        index = newest - (newest - (line_number - 1)) % _NUMBERS
        self.executed = max(self.executed, min(index - _SEGMENTS, self.acknowledged))

    def all_executed(self) -> None:
        """A report shows that nothing is planned and nothing moves."""
        self.executed = self.acknowledged

    def awaited(self, window: Window) -> str:
        """The line whose answer comes next, for a person to read."""
        ours = self._alone is not None and self._alone.own is not None
        name = "our own line" if ours else f"line {self.acknowledged + 1}"
        return f"{name} '{window.oldest.decode().strip()}'"

    def _answered_alone(self, alone: Alone) -> None:
        if alone.own is None:
            self.acknowledged += 1
        if alone.dwell_s:
            self.executed = self.acknowledged
        if alone.own is Own.MARK and not alone.seen:
            self.trouble = "gave answers that do not match the lines sent: one was damaged on its way"

    def _pull(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except LineRefused as refused:
            self.trouble = f"cannot be sent line {self.sent + 1}: it {refused}"
        except StoreFailed as failed:
            self._unread = failed
        return None


def _framed(lines: Iterator[str], longest_bytes: int) -> Iterator[Frame]:
    yield _OPENING
    for line in lines:
        yield frame(line, longest_bytes)
    yield from _CLOSING
