"""What of a program no total tells: what is still to be moved when the bed goes off, and where the axes end."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from cellctl.gcode.rules import Pace, Point
from cellctl.gcode.verdict import Passed
from cellctl.gcode.words import BadLine, strip_comment, words

# Programs that come again and again are read once.
_KEPT: Final = 256
# M codes that set a temperature, and whether they wait for it.
_HEATS: Final = {104.0: ("nozzle", False), 109.0: ("nozzle", True), 140.0: ("bed", False), 190.0: ("bed", True)}
_MOVES: Final = (None, 0.0, 1.0, 2.0, 3.0)


class Script(Protocol):
    """A program as it is run; `ports.programs.Script` is one."""

    @property
    def sha256(self) -> str:
        """Its name by content."""
        ...

    @property
    def takes(self) -> Passed:
        """What the pre-flight check says of it."""
        ...

    @property
    def lines(self) -> Callable[[], Iterator[str]]:
        """Its lines, from the beginning."""
        ...


@dataclass(frozen=True, slots=True)
class Nature:
    """As `ports.programs.Nature`."""

    pace: Pace
    homing_s: Point = (0.0, 0.0, 0.0)
    stands_at_mm: Point | None = None
    work_zero_mm: Point | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """`heats`: targets before anything is extruded, with whether they are waited for ("bed", 60, True).

    `coasts_s`: motion that is in the planner when the bed is switched off. `ends_mm`: the last work position; an axis
    that never moved is nan.
    """

    heats: tuple[tuple[str, float, bool], ...]
    coasts_s: float
    ends_mm: Point


def reading(script: Script, planner_blocks: int) -> Reading:
    """Of a program; remembered by its content."""
    return _remembered(_Same(script), planner_blocks)


class _Same:
    """A script as a key: equal content is the same."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def __hash__(self) -> int:
        return hash(self.script.sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.script.sha256 == self.script.sha256


@lru_cache(_KEPT)
def _remembered(same: _Same, planner_blocks: int) -> Reading:
    return read(same.script.lines(), planner_blocks)


def read(lines: Iterable[str], planner_blocks: int) -> Reading:
    """Straight moves only, without ramps: what is asked is the last few moves."""
    at, feed, absolute = [math.nan] * 3, 60.0, True
    ahead: deque[float] = deque(maxlen=planner_blocks)
    heats: list[tuple[str, float, bool]] = []
    coasts_s, extruded = 0.0, False
    for line in lines:
        said = _words(line)
        code, heat = said.get("G"), _HEATS.get(said.get("M", 0.0))
        feed = said.get("F", feed)
        if code in (90.0, 91.0):
            absolute = code == 90.0
        if heat is not None:
            celsius = said.get("S", said.get("R", 0.0))
            if heat[0] == "bed" and not celsius:
                coasts_s = sum(ahead)
            if not extruded:
                heats.append((heat[0], celsius, heat[1]))
        if code not in _MOVES or not any(axis in said for axis in "XYZE"):
            continue
        extruded = extruded or "E" in said
        moved = [_aim(said.get(axis), here, absolute=absolute) for axis, here in zip("XYZ", at, strict=True)]
        length = math.hypot(*(b - a for a, b in zip(at, moved, strict=True) if not math.isnan(b - a)))
        ahead.append(length / feed * 60.0)
        at = moved
    x, y, z = at
    return Reading(tuple(heats), coasts_s, (x, y, z))


def _aim(value: float | None, here: float, *, absolute: bool) -> float:
    if value is None:
        return here
    return value if absolute else (0.0 if math.isnan(here) else here) + value


def _words(line: str) -> dict[str, float]:
    """The last word of each letter; a line without a move in it may say the same letter twice."""
    try:
        return dict(words(strip_comment(line)))
    except BadLine:
        return {}
