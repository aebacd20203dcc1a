"""One program on its way into the controller: what of it was sent, acknowledged, executed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile
from typing import Final, NamedTuple

from cellctl.domain.errors import StoreFailed
from cellctl.domain.work import Evidence
from cellctl_drivers.grbl.course import Course
from cellctl_drivers.grbl.window import Window

# Printable ASCII without `?`, `!` and `~`, which act wherever they stand in a line.
_SENDABLE: Final = re.compile(r"[ \"->@-}]+")
# What nearly all lines are: a move, and nothing that would need another look.
_PLAIN: Final = re.compile(r"(?:G0?[0-3] ?)?(?:[ABCFIJKRSXYZ]-?(?:[0-9]+\.?[0-9]*|\.[0-9]+) ?)+")
# Writes to the settings memory switch interrupts off, and received bytes are lost; reads touch it, too. A dwell is
# answered only when it is over, and the answer then proves that all motion before it is.
_ALONE: Final = re.compile(r"G0*(?:4|10|28|30|5[4-9])(?![0-9])|M0*(?:2|30)(?![0-9])")
_WRITES: Final = re.compile(r"G0*(?:10(?![0-9])|(?:28|30)\.0*1)")
_DWELL: Final = re.compile(r"G0*4(?![0-9])")
_DWELL_S: Final = re.compile(r"P([0-9]*\.?[0-9]+)")
_LINE_NUMBER: Final = re.compile(r"\s*[Nn]\s*[0-9]+\s*")
# Grbl refuses greater line numbers (error:27).
_NUMBERS: Final = 9_999_999
# `Ln:` names the line that is being cut into step segments; as many lines as there are segments (6 in Grbl, 10 in
# grblHAL) may still have to be stepped.
_SEGMENTS: Final = 10
# More than any program has.
EVERY_LINE: Final = 1 << 62
# Blanks and control characters, which the controller leaves out.
_SQUEEZED: Final = dict.fromkeys(range(33))


class Own(Enum):
    """Lines of ours around the program, each sent when everything before it is answered."""

    # grblHAL refuses every line after a refused one until a blank line comes.
    SYNC = b"\n"
    # Where the coordinates begin; the end of the program is worked out from it.
    OFFSETS = b"$#\n"
    # A dwell is answered when all motion before it is over.
    BARRIER = b"G4P0.01\n"
    # What it prints cannot be taken for the answer to another line: lines and answers are proved to match.
    MARK = b"$G\n"


@dataclass(frozen=True, slots=True)
class Alone:
    """Why a line goes out alone: it is ours, it touches the settings memory, or it takes time by itself."""

    own: Own | None = None
    writes: bool = False
    dwell_s: float = 0.0
    seen: bool = False


Frame = tuple[bytes, Alone | None]
_MEMORY: Final = Alone()
_MEMORY_WRITTEN: Final = Alone(writes=True)


def _ours(*lines: Own) -> list[Frame]:
    return [(own.value, Alone(own, dwell_s=0.01 if own is Own.BARRIER else 0.0)) for own in lines]


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
    if seconds:
        return data, Alone(dwell_s=float(seconds[1]))
    return data, _MEMORY_WRITTEN if _WRITES.search(code) else _MEMORY


def framed(lines: Iterable[str], longest_bytes: int, course: Course | None = None) -> Iterator[Frame]:
    """Lines as they go out; the course follows them. Raises LineRefused."""
    plain = _PLAIN.fullmatch
    for line in lines:
        if plain(line) and len(line) < longest_bytes:
            if course is not None:
                course.plain(line)
            yield line.encode("ascii") + b"\n", None
            continue
        sent = frame(line, longest_bytes)
        if course is not None:
            course.line(line)
        yield sent


def numbered(frames: Iterator[Frame], longest_bytes: int) -> Iterator[Frame]:
    """The lines with numbers of ours in place of their own, counting from 1. A line that gets too long has none."""
    for index, (data, alone) in enumerate(frames):
        line = data if alone is None and data[:1] in b"GXYZ" else _bare(data)
        with_number = b"N%d %b" % (index % _NUMBERS + 1, line)
        yield (with_number if len(with_number) <= longest_bytes else line), alone


def _bare(data: bytes) -> bytes:
    return _LINE_NUMBER.sub("", data.decode("ascii"), count=1).encode("ascii")


def program(lines: Iterable[str], longest_bytes: int, course: Course | None, *, numbers: bool) -> Iterator[Frame]:
    """A program between our lines: it begins from known coordinates, and its end is proved."""
    yield from _ours(Own.SYNC, Own.MARK, Own.OFFSETS) if course else _ours(Own.SYNC)
    frames = framed(lines, longest_bytes, course)
    yield from _proved(numbered(frames, longest_bytes) if numbers else frames)
    yield from _ours(Own.BARRIER, Own.MARK)


def _proved(frames: Iterator[Frame]) -> Iterator[Frame]:
    """With a mark before every line that writes: an answer too many would have the next line sent into deaf ears."""
    for data, alone in frames:
        if alone is not None and alone.writes:
            yield from _ours(Own.MARK)
        yield data, alone


def rehearsal(lines: Iterable[str], longest_bytes: int) -> Iterator[Frame]:
    """A program for the controller's check mode, in which everything is parsed and answered, and nothing moves.

    It ends before the first line that would write to the settings memory: check mode does not hold that back, and
    G10 L20 or G28.1 would then store where the machine would be.
    """
    yield from _ours(Own.SYNC)
    yield from framed(takewhile(_leaves_memory_alone, lines), longest_bytes)


def _leaves_memory_alone(line: str) -> bool:
    return not _WRITES.search(line.replace(" ", "").upper())


class Proof(NamedTuple):
    """So many lines are executed, and by what that is known."""

    lines: int = 0
    evidence: Evidence = Evidence.NONE


class Source:
    """Frames, one read ahead. `refused` and `unread` say why there is no next one, where that is not the end.

    `until`: how many lines of the program may go out for now.
    """

    def __init__(self, frames: Iterator[Frame], until: int) -> None:
        self.until = until
        self.refused = ""
        self.unread: StoreFailed | None = None
        self._frames = frames
        self.next: Frame | None = None
        self.advance()

    def advance(self) -> None:
        """Take the next one up."""
        self.next = None
        try:
            self.next = next(self._frames, None)
        except LineRefused as refused:
            self.refused = f"it {refused}"
        except StoreFailed as failed:
            self.unread = failed


class Stream:
    """Feeds a program through the window. The counters count its lines, not ours."""

    def __init__(self, frames: Iterator[Frame], until: int = EVERY_LINE) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.proof = Proof()
        # Why it cannot go on; empty while it can.
        self.trouble = ""
        # The line that is out alone, if one is.
        self.alone: Alone | None = None
        self._source = Source(frames, until)
        self._in_work = 0
        self._echoed: bool | None = None

    def until(self, lines: int) -> None:
        """So many lines of the program may go out."""
        self._source.until = lines

    @property
    def executed(self) -> int:
        """Lines that are proved to be executed."""
        return self.proof.lines

    @property
    def finished(self) -> bool:
        """Whether everything is acknowledged, the marks at its end included."""
        if self.sent > self.acknowledged or self.alone is not None:
            return False
        source = self._source
        return source.next is None and not self.trouble and source.unread is None

    @property
    def dwell_s(self) -> float:
        """How long the line that is out alone takes by its own words."""
        return self.alone.dwell_s if self.alone else 0.0

    def feed(self, window: Window) -> bytes:
        """All that the window takes now. Raises StoreFailed, once everything read before has gone out."""
        source, out = self._source, b""
        if source.unread is not None:
            raise source.unread
        while source.next is not None and self.alone is None:
            data, alone = source.next
            if len(data) > window.room or (alone is not None and len(window)):
                break
            if self.sent >= source.until and (alone is None or alone.own is None):
                break
            window.wrote(data)
            out += data
            self.alone = alone
            if alone is None or alone.own is None:
                self.sent += 1
            source.advance()
        if source.refused:
            self.trouble = f"cannot be sent line {self.sent + 1}: {source.refused}"
        return out

    def answered(self, count: int, window: Window) -> None:
        """So many `ok` have come."""
        if self._echoed is not None:
            if count > 1 or not self._echoed:
                self.trouble = "acknowledged a line that it did not repeat: one was damaged on its way"
            self._echoed = False
        taken = window.answered(count)
        if taken < count:
            self.trouble = "gave more answers than lines were sent: a line was cut in two on its way"
        alone = self.alone
        if alone is None:
            self.acknowledged += taken
        elif taken:
            self.alone = None
            self._answered_alone(alone)

    def echoed(self, text: str, window: Window) -> None:
        """A build that repeats every line has repeated this one; it is what it will carry out."""
        line = window.oldest.decode("ascii").translate(_SQUEEZED).upper()
        if text.translate(_SQUEEZED) != line:
            self.trouble = f"received '{text.strip()}' where '{line}' was sent: it was damaged on its way"
        self._echoed = True

    def mark_seen(self) -> None:
        """The controller has printed what the last line asks for."""
        if self.alone is not None and self.alone.own is Own.MARK:
            self.alone = replace(self.alone, seen=True)

    def executing(self, line_number: int) -> None:
        """A report names this line (a number of ours) as the one in work."""
        newest = self.sent - 1
        index = newest - (newest - (line_number - 1)) % _NUMBERS
        if index < self._in_work:
            self.trouble = f"has line number {line_number} in work, which is not its turn: a line was damaged"
            return
        self._in_work = index
        executed = min(index - _SEGMENTS, self.acknowledged)
        if executed > self.executed:
            self.proof = Proof(executed, Evidence.LINE_NUMBER)

    def all_executed(self) -> None:
        """A report shows that nothing is planned and nothing moves."""
        self.proof = Proof(self.acknowledged, Evidence.PLANNER_EMPTY)

    def awaited(self, window: Window) -> str:
        """The line whose answer comes next, for a person to read."""
        ours = self.alone is not None and self.alone.own is not None
        name = "our own line" if ours else f"line {self.acknowledged + 1}"
        return f"{name} '{window.oldest.decode().strip()}'"

    def _answered_alone(self, alone: Alone) -> None:
        if alone.own is None:
            self.acknowledged += 1
        if alone.dwell_s:
            self.proof = Proof(self.acknowledged, Evidence.MOTION_ENDED)
        if alone.own is Own.MARK and not alone.seen:
            self.trouble = "gave answers that do not match the lines sent: one was damaged on its way"
