"""What a program may do on one machine: the machine's own limits, its dialect, and the codes that are allowed.

Values. Lengths mm in machine coordinates, feeds mm/min as in a program, accelerations mm/s^2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

Point = tuple[float, float, float]

AXES: Final = "XYZ"
# So far goes an axis whose travel nobody has told: farther than any number that a program may hold.
_ANYWHERE_MM: Final = 1e9


class Dialect(Enum):
    """Which firmware reads the program."""

    MARLIN = "marlin"
    GRBL = "grbl"
    GRBLHAL = "grblhal"


class Kind(Enum):
    """What the machine does with what is before it."""

    PRINTER = "printer"
    MILL = "mill"
    LASER = "laser"


class Role(Enum):
    """Who lets the program in. An operator runs what products make; an engineer also sets a machine up with one."""

    OPERATOR = "operator"
    ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where the axes may go; both ends are allowed.

    `work_offsets_mm`: where the work coordinates begin that programs may use (54: G54, 591: G59.1). `homes_itself`:
    a program must home (G28) before it moves; it then stands at `home_mm`. `starts_at_mm`: where a program begins,
    None if nobody knows. `stored_mm`: where G28 and G30 lead on a machine for which they are no homing.
    `surface_mm`: work Z of the upper face of the part, in the coordinates of G54.
    """

    least_mm: Point
    most_mm: Point
    work_offsets_mm: Mapping[int, Point] = field(default_factory=lambda: {54: (0.0, 0.0, 0.0)})
    home_mm: Point = (0.0, 0.0, 0.0)
    homes_itself: bool = False
    starts_at_mm: Point | None = None
    stored_mm: Mapping[int, Point] = field(default_factory=dict)
    surface_mm: float = 0.0

    def __post_init__(self) -> None:
        for axis, least, most in zip(AXES, self.least_mm, self.most_mm, strict=True):
            if not -math.inf < least < most < math.inf:
                raise ValueError(f"travel of {axis} must go from a lower to a higher number, got {least} to {most}")

    def within(self, least_mm: Point, most_mm: Point) -> "Envelope":
        """What of it lies within this box as well. Raises ValueError if nothing does."""
        (x0, y0, z0), (x1, y1, z1) = self.least_mm, self.most_mm
        least = max(x0, least_mm[0]), max(y0, least_mm[1]), max(z0, least_mm[2])
        most = min(x1, most_mm[0]), min(y1, most_mm[1]), min(z1, most_mm[2])
        return replace(self, least_mm=least, most_mm=most)

    @property
    def bounded(self) -> bool:
        """Whether its ends are known."""
        return max(self.most_mm) < _ANYWHERE_MM


UNBOUNDED: Final = Envelope((-_ANYWHERE_MM,) * 3, (_ANYWHERE_MM,) * 3)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it moves: limits of X, Y, Z and E (a machine without an extruder leaves E out), and its planner.

    The three accelerations are those along the path, as Marlin has them; other firmware knows those of the axes only.
    `feed_ceiling_mm_per_min`: a program that asks for more is refused.
    """

    max_feed_mm_per_min: tuple[float, ...]
    max_acceleration_mm_per_s2: tuple[float, ...]
    acceleration_mm_per_s2: float = math.inf
    retract_acceleration_mm_per_s2: float = math.inf
    travel_acceleration_mm_per_s2: float = math.inf
    junction_deviation_mm: float = 0.013
    planner_blocks: int = 16
    feed_ceiling_mm_per_min: float = math.inf

    def __post_init__(self) -> None:
        for name, values in (
            ("max_feed_mm_per_min", self.max_feed_mm_per_min),
            ("max_acceleration_mm_per_s2", self.max_acceleration_mm_per_s2),
        ):
            if len(values) not in (3, 4) or not all(0 < value < math.inf for value in values):
                raise ValueError(f"{name} must be three or four numbers above 0, got {values}")


@dataclass(frozen=True, slots=True)
class Heat:
    """What may be heated, and how far; 0: there is no such heater. The rates, where known, are for the estimate."""

    nozzle_max_celsius: float
    bed_max_celsius: float = 0.0
    chamber_max_celsius: float = 0.0
    extrude_from_celsius: float = 170.0
    longest_extrusion_mm: float = 200.0
    ambient_celsius: float = 20.0
    nozzle_celsius_per_s: float | None = None
    bed_celsius_per_s: float | None = None
    settle_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Spindle:
    """Speeds that may be asked for (a laser: powers, in the firmware's own numbers)."""

    most_rpm: float
    least_rpm: float = 0.0


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What the machine can bear. A printer has heat, a mill or a laser has a spindle."""

    envelope: Envelope
    pace: Pace
    heat: Heat | None = None
    spindle: Spindle | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that a letter may have; both ends are allowed."""

    least: float = -100_000.0
    most: float = 100_000.0

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Code:
    """A code that programs may use, and its letters.

    One of `needs` must be there; `bare` letters may come without a number; `text`: what follows is for people.
    """

    letters: Mapping[str, Span] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    text: bool = False


@dataclass(frozen=True, slots=True)
class MachineRules:
    """Everything that decides whether a program may run on one machine.

    `codes` is the whole language: what is not in it is refused. `longest_line` is that of a line without comment,
    numbering of the driver and line end. `fixed_s`: codes that take a known time of their own (G28 X, G29, M6).
    `timed`: how fast it moves is known, so that the estimate means something.
    """

    dialect: Dialect
    kind: Kind
    limits: MachineLimits
    codes: Mapping[str, Code]
    longest_line: int
    tools: frozenset[int] = frozenset({0})
    fixed_s: Mapping[str, float] = field(default_factory=dict)
    timed: bool = True
