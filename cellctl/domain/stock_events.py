"""Events of the stock and of inspection; `events` has all the others, and the log."""

from dataclasses import dataclass
from typing import ClassVar

from cellctl.domain.material import Basis, Fixture, MaterialLot, Tool
from cellctl.domain.quality import Disposition, Inspection


@dataclass(frozen=True, slots=True)
class PartDisposed:
    """It was decided what becomes of the part: at its end, or at the gate `step` that it did not pass.

    `back_to`: the step that REWORK begins with. `reason` is what the person gave who decided.
    """

    serial: str
    disposition: Disposition
    by: str
    step: str = ""
    back_to: str = ""
    reason: str = ""
    NAME: ClassVar = "unit.disposition"


@dataclass(frozen=True, slots=True)
class InspectionRecorded:
    """Fact where a machine has measured, else decided: the result of a gate. Limits are the core's business."""

    serial: str
    inspection: Inspection
    NAME: ClassVar = "inspection.result"


@dataclass(frozen=True, slots=True)
class PartHeld:
    """The part did not pass this gate, or nobody knows whether it did: a person decides what becomes of it.

    Without a gate: the run of this step broke off, and a person says of each of its parts what it is.
    """

    serial: str
    step: str
    why: str
    NAME: ClassVar = "unit.held"


@dataclass(frozen=True, slots=True)
class MaterialLoaded:
    """A lot has come into the cell (as new as it says), or one that was there is at another place now."""

    lot: MaterialLot
    by: str
    NAME: ClassVar = "material.loaded"


@dataclass(frozen=True, slots=True)
class MaterialConsumed:
    """An operation has used up so much of a lot, in its unit."""

    lot_id: str
    amount: float
    operation_id: str
    basis: Basis
    NAME: ClassVar = "material.consumed"


@dataclass(frozen=True, slots=True)
class MaterialAdjusted:
    """A person has said what is true of a lot: `amount` is what that adds to the record (below zero: takes away)."""

    lot_id: str
    amount: float
    by: str
    reason: str = ""
    NAME: ClassVar = "material.adjusted"


@dataclass(frozen=True, slots=True)
class ToolChanged:
    """A tool has been put into a station (or into the store), new or as it was taken out of another."""

    tool: Tool
    by: str
    NAME: ClassVar = "tool.changed"


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """An operation has used a tool for so many minutes."""

    tool_id: str
    minutes: float
    operation_id: str
    basis: Basis
    NAME: ClassVar = "tool.used"


@dataclass(frozen=True, slots=True)
class FixtureMoved:
    """A fixture is fitted to a station now, or back in the store."""

    fixture: Fixture
    by: str
    NAME: ClassVar = "fixture.moved"


StockEvent = MaterialLoaded | MaterialConsumed | MaterialAdjusted | ToolChanged | ToolUsed | FixtureMoved
