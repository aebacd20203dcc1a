"""What must be true of stock and gates whatever happens; part of `invariants`."""

from collections.abc import Iterator
from typing import Final

from cellctl.core import stock, ways
from cellctl.core.cell import Cell
from cellctl.domain.material import ANY, Of
from cellctl.domain.work import Disposition, Job, Operation, Part

_SLACK: Final = 1e-4


def broken(cell: Cell) -> Iterator[str]:
    """The rules that do not hold in a cell, between two turns."""
    yield from _lots(cell)
    yield from _claims(cell)
    for job in cell.jobs.values():
        part = cell.parts.get(job.serial)
        if part is not None:
            yield from _gates(cell, job, part)


def broken_by(cell: Cell, operation: Operation) -> Iterator[str]:
    """What speaks against a start; `cell` is that with the intent of it, and no more."""
    for claim in operation.claims:
        lot = cell.stock.lots.get(claim.id) if claim.of is Of.LOT else None
        tool = cell.stock.tools.get(claim.id) if claim.of is Of.TOOL else None
        there = lot.remaining if lot else tool.left_min if tool else 0.0
        free = there - stock.held(cell, claim.of, claim.id)
        if free < -_SLACK and not operation.resumes:
            yield f"{operation.id} is started, and {-free:.6g} of {claim.id} that it needs are not there"
    way = ways.way_of(cell, operation)
    if way is None or operation.resumes or cell.plan.station(operation.station).attended:
        return
    claimed = {cell.stock.lots[claim.id].material for claim in operation.claims if claim.of is Of.LOT}
    for material in way.materials:
        if cell.stock.lots and material != ANY and material not in claimed:
            yield f"{operation.id} is started, and nothing is reserved of the {material} that it needs"


def _lots(cell: Cell) -> Iterator[str]:
    for lot in cell.stock.lots.values():
        told_less = lot.adjusted < 0
        if lot.remaining < -_SLACK and not told_less:
            yield f"{lot.id} has {lot.remaining:.6g} left, and nobody has said so"
        reserved = stock.held(cell, Of.LOT, lot.id)
        if reserved > max(0.0, lot.remaining) + _SLACK and not told_less:
            yield f"{reserved:.6g} of {lot.id} are reserved, and {lot.remaining:.6g} are left"


def _claims(cell: Cell) -> Iterator[str]:
    for operation in cell.operations.values():
        for claim in operation.claims:
            lot = cell.stock.lots.get(claim.id) if claim.of is Of.LOT else None
            tool = cell.stock.tools.get(claim.id) if claim.of is Of.TOOL else None
            place = lot.place if lot else tool.station if tool else "nowhere"
            if place != operation.station:
                yield f"{operation.id} at {operation.station} has reserved {claim.id}, which is at {place}"


def _second_chance(cell: Cell, job: Job, part: Part) -> Iterator[str]:
    """A part that did not pass is not measured until it does."""
    steps = cell.orders[job.order_id].directive.steps
    result = part.inspection(steps[job.step].name) if job.step < len(steps) else None
    if result is None or result.good or part.held_at or result.operation_id in cell.operations:
        return
    yield f"{part.serial} did not pass '{result.step}', and nobody decides what becomes of it"


def _gates(cell: Cell, job: Job, part: Part) -> Iterator[str]:
    if part.disposition is Disposition.SCRAPPED or job.order_id not in cell.orders:
        return
    for step in cell.orders[job.order_id].directive.steps[: job.step]:
        result = part.inspection(step.name)
        if step.gate is not None and (result is None or not result.good):
            yield f"{part.serial} has passed '{step.name}' with {'no' if result is None else 'a bad'} result"
    yield from _second_chance(cell, job, part)
    asked = sum(prompt.serial == part.serial and not prompt.operation_id for prompt in cell.prompts.values())
    if part.held_at and asked != 1:
        yield f"{part.serial} is held at '{part.held_at}', and {asked} prompts ask what becomes of it"
