"""Where a carried part is after a crash, as far as the sensors of both sides agree: by the table of `custody`."""

from dataclasses import replace

from cellctl.core import custody
from cellctl.core.cell import Cell
from cellctl.core.custody import Crash, Found
from cellctl.core.rights import sensed
from cellctl.core.whereabouts import touched
from cellctl.domain.evidence import Findings
from cellctl.domain.transfer import Transfer
from cellctl.domain.work import Operation, OperationKind, Place

AGREED = "the sensors of both sides say where it is, and its arm stands in nobody's zone"


def with_sensor(cell: Cell, operation: Operation, found: Findings) -> Findings:
    """What a carrier shows of its carry, with what the sensor of the target says of the part."""
    here = sensed(cell, operation.target) if operation.kind is OperationKind.CARRY else None
    return found if here is None else replace(found, part=here)


def awaited(cell: Cell, operation: Operation, found: Findings) -> str:
    """Which station must be looked for before this is weighed, because its sensors may settle it; empty if none."""
    if operation.kind is not OperationKind.CARRY or not _at_rest(cell, operation, found):
        return ""
    sides = [side for side in touched(cell, operation) if side in cell.stations]
    return next((side for side in sides if cell.stations[side].contact == "never"), "")


def seen_at(cell: Cell, operation: Operation, found: Findings) -> Place | None:
    """The end of its carry at which two sensors agree that the part is; None: a person must say."""
    at_rest = _at_rest(cell, operation, found)
    ends = {
        end
        for transfer in cell.transfers.values()
        if transfer.operation_id == operation.id and (end := _end(cell, transfer, at_rest=at_rest)) is not None
    }
    ends &= {operation.source, operation.target}
    return ends.pop() if len(ends) == 1 else None


def _end(cell: Cell, transfer: Transfer, *, at_rest: bool) -> Place | None:
    giver_has, taker_has = sensed(cell, transfer.source), sensed(cell, transfer.target)
    match custody.after_crash(transfer, Found(at_rest=at_rest, giver_has=giver_has, taker_has=taker_has)):
        case Crash.WITH_GIVER:
            return transfer.source
        case Crash.WITH_TAKER:
            return transfer.target
    return None


def _at_rest(cell: Cell, operation: Operation, found: Findings) -> bool:
    """It stands, and says itself that it is in nobody's zone: an absent signal is never "clear"."""
    return found.stands is True and cell.stations[operation.station].signals.zone == ""
