"""What people say of material, tools, fixtures and parts: `commands` has all the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cellctl.domain.material import Unit
from cellctl.domain.quality import Disposition
from cellctl.domain.rights import Right


@dataclass(frozen=True, slots=True)
class LoadMaterial:
    """A lot is at a station, a rack or in the store from now on. A new one says of what it is and how much.

    What a machine had before goes to the store, unless this comes `beside` it. Grams of filament become lengths by
    `diameter_mm` and `density_g_per_cm3`.
    """

    lot: str
    place: str
    material: str = ""
    amount: float | None = None
    unit: Unit = Unit.MM
    diameter_mm: float = 1.75
    density_g_per_cm3: float = 1.24
    beside: bool = False
    VERB: ClassVar = "material-load"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class AdjustMaterial:
    """So much of a lot is really there, in its unit: a person has looked, or weighed it."""

    lot: str
    remaining: float
    reason: str = ""
    VERB: ClassVar = "material-adjust"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class ChangeTool:
    """A tool is in a station from now on, in place of another of its kind; or in the store. A new one says its kind.

    `life_min`: minutes of use that it lasts from new; 0: nobody limits it. None: as it was known.
    """

    station: str
    tool: str
    kind: str = ""
    life_min: float | None = None
    VERB: ClassVar = "tool-change"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class MoveFixture:
    """A fixture is fitted to a station, or lies in a rack or in the store. A new one says its kind."""

    fixture: str
    place: str
    kind: str = ""
    VERB: ClassVar = "fixture-move"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class StateSetup:
    """A station is set up like this: `setup` names the dimensions that somebody has looked at, and what they are."""

    station: str
    setup: Mapping[str, str]
    VERB: ClassVar = "setup"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class RecordInspection:
    """What a person has measured of the part that is inspected now, each characteristic by its name."""

    serial: str
    values: Mapping[str, float] = field(default_factory=dict)
    VERB: ClassVar = "inspect"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class DisposePart:
    """What becomes of a part that did not pass its gate: REWORK, SCRAPPED or CONCESSION; ACCEPTED where no result came.

    `allowed_by` is who let it pass by concession.
    """

    serial: str
    disposition: Disposition
    reason: str = ""
    allowed_by: str = ""
    VERB: ClassVar = "disposition"
    right: ClassVar = Right.JOB


StockCommand = LoadMaterial | AdjustMaterial | ChangeTool | MoveFixture | StateSetup
QualityCommand = RecordInspection | DisposePart
