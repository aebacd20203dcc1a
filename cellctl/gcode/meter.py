"""What a program uses up as it goes: filament in mm, and minutes of feed with the spindle on.

A count, not a check: what it cannot read uses nothing. Filament is what was out of the nozzle at most, so that a
retraction and its return are no consumption. Feed is nominal: length by programmed feed, without ramps, rapids and
dwells; it says how long a tool cuts, not how long the machine takes.
"""

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from cellctl.domain.material import Used
from cellctl.gcode.arcs import PLANES, BadArc, arc, centre_by_radius
from cellctl.gcode.modal import MM_PER_INCH, UNKNOWN, ModalState, after_line
from cellctl.gcode.words import BadLine, words

# What is in nearly all lines of a printer's program.
_EXTRUDES: Final = re.compile(r"G[01] (?:[FXYZ]-?[0-9.]+ )*E(-?[0-9.]+)(?: F[0-9.]+)?", re.ASCII)
_TRAVELS: Final = re.compile(r"G[01](?: [FXYZ]-?[0-9.]+)+", re.ASCII)
_N: Final = r"(-?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
# And of a router's, in the order in which CAM programs write them.
_CUTS: Final = re.compile(rf"(?:G0?1 ?)?(?:X{_N} ?)?(?:Y{_N} ?)?(?:Z{_N} ?)?(?:F{_N})?", re.ASCII)
# These move no axis at a feed, or to nobody knows where.
_ONCE: Final = re.compile(r"G0*(?:4|10|28|30|53|92)(?![0-9])|G0*38", re.ASCII)
_NOWHERE: Final = (UNKNOWN, UNKNOWN, UNKNOWN)
_ARCS: Final = {"G2": True, "G3": False}


class Meter:
    """Counts line by line. To where the position is not known nothing is counted as cut."""

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

    def take(self, line: str) -> None:
        """The next line."""
        cutting = _cutting(self._state)
        plain = None if cutting else _EXTRUDES.fullmatch(line)
        if plain is not None:
            relative = self._state.e_relative
            self._pull(float(plain[1]) + (self._e_mm if relative else 0.0))
            self._at = _NOWHERE
            return
        if self.extruded_mm and not cutting and _TRAVELS.fullmatch(line):
            self._at = _NOWHERE
            return
        straight = _CUTS.fullmatch(line) if self._plain and line else None
        if straight is None:
            self._step(line)
        else:
            self._go(straight.groups(), cutting=cutting)

    def _go(self, given: tuple[str | None, ...], *, cutting: bool) -> None:
        """A straight move at a feed; what does not stand there stays as it is."""
        moved, at = 0.0, list(self._at)
        for axis, new in enumerate(given[:3]):
            if new is not None:
                there, here = float(new), at[axis]
                at[axis] = there
                moved += 0.0 if math.isnan(here) else (there - here) ** 2
        self._at = at[0], at[1], at[2]
        if given[3] is not None:
            self._feed_per_min = float(given[3])
        if cutting and moved and self._feed_per_min > 0:
            self.cutting_min += math.sqrt(moved) / self._feed_per_min

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
    """Lines on their way to a machine, with what is used by each that it has not acknowledged yet."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._meter = Meter()
        self._ahead: deque[Used] = deque()
        self._taken = 0
        self._used = Used()

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._meter.take(line)
            self._ahead.append(self._meter.used)
            yield line

    def by(self, acknowledged: int) -> Used:
        """What is used up by so many lines; to be asked with numbers that do not fall."""
        while self._taken < acknowledged and self._ahead:
            self._used = self._ahead.popleft()
            self._taken += 1
        return self._used


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
