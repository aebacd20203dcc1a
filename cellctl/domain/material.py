"""What work uses up and what it needs beside a machine: lots of material, tools with a life, fixtures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

# Where a lot, a tool or a fixture is that is fitted nowhere.
STORE: Final = "store"
# As a material or a kind of tool: whatever is loaded, because the product does not say.
ANY: Final = ""


class Unit(Enum):
    """What a lot is counted in. Work asks for mm of filament, or for pieces; grams are worked out."""

    MM = "mm"
    GRAMS = "g"
    PIECES = "pieces"


class Of(Enum):
    """What a claim is on."""

    LOT = "lot"
    TOOL = "tool"


class Basis(Enum):
    """How an amount came to be known: counted by the machine's own answers, by the program as a whole, or the most that
    it can have been."""

    MEASURED = "measured"
    PROGRAM = "program"
    BOUND = "upper bound"


def mm_per_gram(diameter_mm: float, density_g_per_cm3: float) -> float:
    """How much filament is in a gram."""
    return 1000 / (density_g_per_cm3 * math.pi * (diameter_mm / 2) ** 2)


@dataclass(frozen=True, slots=True)
class MaterialLot:
    """A spool, a bar, a box of blanks. `place` is a station, a rack, or STORE; amounts are in `unit`.

    `adjusted` is the sum of all corrections by people. `mm_per_unit`: mm of filament in one unit; 1 where a unit is
    what work asks for.
    """

    id: str
    material: str
    place: str
    loaded: float
    unit: Unit = Unit.MM
    mm_per_unit: float = 1.0
    consumed: float = 0.0
    adjusted: float = 0.0

    @property
    def remaining(self) -> float:
        """What is left, by the record. Below zero only where a person has said less than was used."""
        return self.loaded + self.adjusted - self.consumed


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that wears: an end mill, a nozzle. `life_min` is its life in minutes of use; 0: nobody limits it."""

    id: str
    kind: str
    station: str
    life_min: float = 0.0
    used_min: float = 0.0

    @property
    def left_min(self) -> float:
        """Minutes of use that are left; infinite where nobody limits it."""
        return self.life_min - self.used_min if self.life_min else math.inf


@dataclass(frozen=True, slots=True)
class Fixture:
    """What holds a part while it is worked on. `place` is the station it is fitted to, a rack, or STORE."""

    id: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What an operation takes of one lot (in its unit) or one tool (in minutes).

    `need` is what its program uses; `held` is that and the margin: nobody else may count on it before it has ended.
    """

    of: Of
    id: str
    need: float
    held: float


@dataclass(frozen=True, slots=True)
class Used:
    """What a program has used by a certain line: filament in mm, and minutes of feed with the spindle on."""

    extruded_mm: float = 0.0
    cutting_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Stock:
    """All lots, tools and fixtures of a cell by id; `margin` is the share of a need that must be there beside it."""

    lots: Mapping[str, MaterialLot] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    fixtures: Mapping[str, Fixture] = field(default_factory=dict)
    margin: float = 0.05
