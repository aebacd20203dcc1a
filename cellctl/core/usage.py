"""What operations have used up of lots and tools, and how that is known. What is unknown stays reserved."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from cellctl.core.cell import OURSELVES, Cell
from cellctl.core.instructions import Instruction, Remember, Turn
from cellctl.domain.events import OperationEnded
from cellctl.domain.material import Basis, Claim, Of, Unit, Used
from cellctl.domain.stock_events import MaterialAdjusted, MaterialConsumed, ToolUsed
from cellctl.domain.work import Operation, OperationState

# Sums of thousands of lengths are not exact.
_SLACK: Final = 1e-6
# What the answer of a person is called who has seen that nothing was done to a part.
_NOT_BEGUN: Final = "not begun"


def book(turn: Turn, before: Cell) -> None:
    """What has ended in this turn has used up material and tools. To be called before anything else begins.

    By what its machine has counted. Where nobody counted: all of it for what is done, and for what was broken off
    all that it can have been; a person who knows better adjusts that.
    """
    for ended in _ended(turn.todo):
        operation = before.operations.get(ended.operation_id)
        if operation is not None and operation.claims and not _untouched(ended):
            counted = before.stations[operation.station].progress.used if operation.station in before.stations else None
            for claim in operation.claims:
                _use(turn, operation, claim, *_amount(turn.cell, operation, claim, ended, counted))


def of_the_rest(cell: Cell, operation: Operation) -> tuple[Claim, ...]:
    """What an operation claims that goes on with one that broke off: what that one has not used up."""
    status = cell.stations.get(operation.station)
    used = status.progress.used if status else None
    rest = []
    for claim in operation.claims:
        need = max(0.0, claim.need - _share(cell, operation, claim, used)) if used else claim.need
        rest.append(replace(claim, need=need, held=min(claim.held, need * (1 + cell.stock.margin))))
    return tuple(rest)


def _ended(todo: Sequence[Instruction]) -> Iterator[OperationEnded]:
    for step in todo:
        event = step.event if isinstance(step, Remember) else None
        if isinstance(event, OperationEnded) and event.state is not OperationState.UNKNOWN:
            yield event


def _untouched(ended: OperationEnded) -> bool:
    return ended.state is OperationState.NOT_BEGUN or ended.answer == _NOT_BEGUN


def _amount(
    cell: Cell, operation: Operation, claim: Claim, ended: OperationEnded, counted: Used | None
) -> tuple[float, Basis]:
    lot = cell.stock.lots.get(claim.id) if claim.of is Of.LOT else None
    if lot is not None and lot.unit is Unit.PIECES:
        return claim.need, Basis.PROGRAM  # A blank is used up as soon as work on it has begun.
    told_whole = ended.state is OperationState.DONE and ended.answer
    if counted is not None and not told_whole:
        return _share(cell, operation, claim, counted), Basis.MEASURED
    return claim.need, Basis.PROGRAM if ended.state is OperationState.DONE else Basis.BOUND


def _share(cell: Cell, operation: Operation, claim: Claim, counted: Used) -> float:
    """What of all that was counted goes to one claim: as much as it is of all that is claimed of its sort."""
    alike = [each for each in operation.claims if each.of is claim.of and _measurable(cell, each)]
    if claim.of is Of.TOOL:
        return counted.cutting_min * _part(claim.need, [each.need for each in alike])
    lot = cell.stock.lots.get(claim.id)
    if lot is None or lot.unit is Unit.PIECES:
        return claim.need
    lengths_mm = [each.need * cell.stock.lots[each.id].mm_per_unit for each in alike]
    share = _part(claim.need * lot.mm_per_unit, lengths_mm)
    return counted.extruded_mm * share / lot.mm_per_unit


def _measurable(cell: Cell, claim: Claim) -> bool:
    if claim.of is Of.TOOL:
        return True
    lot = cell.stock.lots.get(claim.id)
    return lot is not None and lot.unit is not Unit.PIECES


def _part(of_this: float, of_all: Sequence[float]) -> float:
    whole = sum(of_all)
    return of_this / whole if whole else 1 / max(1, len(of_all))


def _use(turn: Turn, operation: Operation, claim: Claim, amount: float, basis: Basis) -> None:
    if amount <= 0:
        return
    if claim.of is Of.TOOL:
        turn.remember(ToolUsed(claim.id, amount, operation.id, basis))
        return
    lot = turn.cell.stock.lots.get(claim.id)
    if lot is None:
        return
    turn.remember(MaterialConsumed(lot.id, amount, operation.id, basis))
    more = amount - lot.remaining
    if more > _SLACK and lot.remaining >= 0:
        # The machine was there, and the record was wrong.
        turn.remember(MaterialAdjusted(lot.id, more, OURSELVES, f"{operation.id} has used more than was left"))
