"""What a program uses up as it goes: filament in mm, and minutes of feed with the spindle on.

A count, not a check: what it cannot read uses nothing. Filament is what was out of the nozzle at most, so that a
retraction and its return are no consumption. Feed is nominal: length by programmed feed, without ramps, rapids and
dwells; it says how long a tool cuts, not how long the machine takes.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from cellctl.domain.material import Used
from cellctl.gcode.arcs import PLANES, BadArc, arc, centre_by_radius
from cellctl.gcode.modal import MM_PER_INCH, UNKNOWN, ModalState, after_line
from cellctl.gcode.words import BadLine, words

# Without possessive quantifiers: in Python 3.11.2, Debian's, they eat the beginning of what they do not match.
_N: Final = r"(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
_NUMBER: Final = _N.replace("(", "(?:", 1)
# What nearly all lines of a printer's program are, and of a router's, in the order in which CAM programs write them.
_PRINTED: Final = re.compile(rf"(?:G[01](?: [FXYZ]{_NUMBER})*(?: E{_NUMBER}(?: F{_NUMBER})?)?\n)+", re.ASCII)
_CUT: Final = "(?:G0?1 ?)?" + "".join(rf"(?:{letter}{_N} ?)?" for letter in "XYZF") + r"\n"
_CUTS: Final = re.compile(_CUT, re.ASCII)
_ROUTED: Final = re.compile(f"(?:{_CUT.replace(_N, _NUMBER)})+", re.ASCII)
_LEADING: Final = re.compile(_NUMBER, re.ASCII)
_PULLS: Final = re.compile(r"E([-0-9.]+)", re.ASCII)
# These move no axis at a feed, or to nobody knows where.
_ONCE: Final = re.compile(r"G0*(?:4|10|28|30|53|92)(?![0-9])|G0*38", re.ASCII | re.IGNORECASE)
_NOWHERE: Final = (UNKNOWN, UNKNOWN, UNKNOWN)
_ARCS: Final = {"G2": True, "G3": False}


class Meter:
    """Counts lines. To where the position is not known nothing is counted as cut."""

    def __init__(self) -> None:
        self.extruded_mm = 0.0
        self.cutting_min = 0.0
        self._out_mm = 0.0
        self._e_mm = 0.0
        # A printer's plain moves are not followed: nobody asks where it is.
        self._at = _NOWHERE
        self._feed_per_min = UNKNOWN
        self._state = ModalState(codes={"extruder": "M82"})
        # Whether a line of numbers alone is a straight move at a feed in absolute millimetres.
        self._plain = False

    @property
    def used(self) -> Used:
        """Up to the line that was taken last."""
        return Used(self.extruded_mm, self.cutting_min)

    def take(self, lines: Sequence[str]) -> None:
        """The next lines. Plain moves are read a run at a time, every other line by itself."""
        text, start = "".join([f"{line}\n" for line in lines]), 0
        while start < len(text):
            end = self._run(text, start)
            if end == start:
                end = text.index("\n", start) + 1
                self._step(text[start : end - 1])
            start = end

    def _run(self, text: str, start: int) -> int:
        """Plain moves from here on; returns where they end."""
        cutting = _cutting(self._state)
        prints = self.extruded_mm > 0 and not cutting and self._state.codes.get("units") != "G20"
        if not prints and not self._plain:
            return start
        run = (_PRINTED if prints else _ROUTED).match(text, start)
        if run is None:
            return start
        if prints:
            self._print(_PULLS.findall(text, start, run.end()))
        elif cutting:
            self._cut(_CUTS.findall(text, start, run.end()))
        else:
            self._follow(text, start, run.end())
        return run.end()

    def _print(self, pulls: Iterable[str]) -> None:
        self._at, relative = _NOWHERE, self._state.e_relative
        if relative is None:  # Firmware differs about what these numbers mean.
            return
        for number in map(float, pulls):
            self._pull(self._e_mm + number if relative else number)

    def _follow(self, text: str, start: int, end: int) -> None:
        """Of moves that cut nothing only the last mention of each axis counts."""
        last = [text.rfind(letter, start, end) for letter in "XYZF"]
        given = [_LEADING.match(text, place + 1) if place >= 0 else None for place in last]
        x, y, z, self._feed_per_min = (
            float(number[0]) if number else before
            for number, before in zip(given, (*self._at, self._feed_per_min), strict=True)
        )
        self._at = x, y, z

    def _cut(self, moves: Iterable[Sequence[str]]) -> None:
        """Straight moves at a feed; what does not stand there stays as it is."""
        (x, y, z), feed = self._at, self._feed_per_min
        for new_x, new_y, new_z, new_feed in moves:
            was_x, was_y, was_z = x, y, z
            x, y, z, feed = float(new_x or x), float(new_y or y), float(new_z or z), float(new_feed or feed)
            if feed > 0:
                moved_mm = filter(math.isfinite, (x - was_x, y - was_y, z - was_z))
                self.cutting_min += math.hypot(*moved_mm) / feed
        self._at, self._feed_per_min = (x, y, z), feed

    def _step(self, line: str) -> None:
        """Any line: what holds behind it is the fold of `modal`."""
        x, y, z = self._at
        before = replace(self._state, at_mm=(x, y, z, self._e_mm), feed_mm_per_min=self._feed_per_min)
        self._state = after = after_line(before, line)
        self._at, self._feed_per_min = after.at_mm[:3], after.feed_mm_per_min
        self._plain = _plain(after)
        if _ONCE.search(line):
            self._e_mm = _known(after.at_mm[3], self._e_mm)
            return
        self._pull(_known(after.at_mm[3], self._e_mm))
        if _cutting(after) and after.codes.get("motion") in ("G1", "G2", "G3"):
            self.cutting_min += _minutes(before, after, line)

    def _pull(self, e_mm: float) -> None:
        self._out_mm += e_mm - self._e_mm
        self._e_mm = e_mm
        self.extruded_mm = max(self.extruded_mm, self._out_mm)


class Metered:
    """Lines on their way to a machine, kept until they are acknowledged and counted."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.counted = 0
        self._lines = lines
        self._meter = Meter()
        self._ahead: list[str] = []

    def __iter__(self) -> Iterator[str]:
        keep = self._ahead.append
        for line in self._lines:
            keep(line)
            yield line

    def by(self, acknowledged: int) -> Used:
        """What is used up by so many lines; to be asked now and then, with numbers that do not fall."""
        lines = self._ahead[: acknowledged - self.counted]
        del self._ahead[: len(lines)]
        self.counted += len(lines)
        self._meter.take(lines)
        return self._meter.used


def _cutting(state: ModalState) -> bool:
    return state.codes.get("spindle") in ("M3", "M4") and state.speed_rpm > 0


def _plain(state: ModalState) -> bool:
    codes = state.codes
    usual = not state.relative and codes.get("units") != "G20" and codes.get("feed mode") != "G93"
    return usual and codes.get("motion") == "G1"


def _known(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def _minutes(before: ModalState, after: ModalState, line: str) -> float:
    """How long a feed move takes at its programmed feed."""
    try:
        given = dict(words(line))
    except BadLine:
        return 0.0
    if given.keys().isdisjoint("XYZIJKR"):
        return 0.0
    if after.codes.get("feed mode") == "G93":
        return 1 / given["F"] if given.get("F", 0.0) > 0 else 0.0
    feed = after.feed_mm_per_min
    return _length_mm(before, after, given) / feed if feed > 0 else 0.0


def _length_mm(before: ModalState, after: ModalState, given: dict[str, float]) -> float:
    start = [_known(here, there) for here, there in zip(before.at_mm[:3], after.at_mm[:3], strict=True)]
    straight = math.dist(*((_finite(point)) for point in (start, after.at_mm[:3])))
    clockwise = _ARCS.get(after.codes["motion"])
    if clockwise is None or any(map(math.isnan, (*start, *after.at_mm[:3]))):
        return straight
    first, second = PLANES[after.codes.get("plane", "G17")]
    scale = MM_PER_INCH if after.codes.get("units") == "G20" else 1.0
    away = after.at_mm[first] - start[first], after.at_mm[second] - start[second]
    try:
        if "R" in given:
            offset = centre_by_radius(away, given["R"] * scale, clockwise)
        else:
            offset = given.get("IJK"[first], 0.0) * scale, given.get("IJK"[second], 0.0) * scale
        x, y, z = after.at_mm[:3]
        return arc((start[0], start[1], start[2]), (x, y, z), (first, second), offset, clockwise).length_mm
    except BadArc:
        return straight


def _finite(point: Iterable[float]) -> list[float]:
    return [_known(each, 0.0) for each in point]
