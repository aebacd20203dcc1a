"""Shared builds: which waiting jobs are made together in one run of a machine.

How many is decided when the run begins: as many as wait for the same work and as the product has a program for. No
job waits for others.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile

from cellctl.core import stock
from cellctl.core.cell import Cell
from cellctl.core.ways import Option, current_step, program_at, unfit
from cellctl.domain.work import NOWHERE, Directive, Job, Mate, Operation, OperationKind, Part, Station, Step, Way

Waiting = Callable[[Cell], Iterable[Job]]


def shared(cell: Cell, single: Operation, step: Step, option: Option, waiting: Waiting) -> Operation:
    """The operation for a single part, or in its stead the largest shared build for which enough jobs wait.

    `single` is about to begin at the station of `option`, which holds nothing; `waiting`: jobs in the order in which
    they are served.
    """
    station = option.station
    sizes = list(_sizes(step, option.number))
    carriers = {each.place for each in cell.carriers.values()}
    if single.kind is not OperationKind.PROCESS or station.attended or not sizes or carriers & {*station.places}:
        return single
    others = [job for job in waiting(cell) if job.id != single.job_id and _alike(cell, job, single)]
    for number, way in reversed(sizes):
        enough = way.parts <= min(len(others) + 1, len(station.places))
        if not enough or unfit(cell, station, way) or stock.against(cell, way, station):
            continue
        first, *places = station.places
        mates = tuple(
            Mate(job.id, job.serial, place) for job, place in zip(others[: way.parts - 1], places, strict=False)
        )
        claims = stock.claims(cell, way, station)
        return replace(single, way=number, program=program_at(way, station), target=first, claims=claims, mates=mates)
    return single


def _sizes(step: Step, number: int) -> Iterator[tuple[int, Way]]:
    """The shared builds behind a way for a single part, with their numbers, smallest first."""
    behind = enumerate(step.ways[number + 1 :], number + 1)
    return takewhile(lambda each: each[1].parts > 1, behind)


def _alike(cell: Cell, job: Job, single: Operation) -> bool:
    """Whether a job waits for exactly the same, of the same product, and nothing is prepared for it elsewhere."""
    part = cell.parts.get(job.serial)
    begun = part is not None and part.place != NOWHERE
    if begun or any(operation.prepares == job.id for operation in cell.operations.values()):
        return False
    theirs, ours = cell.orders[job.order_id].directive, cell.orders[cell.jobs[single.job_id].order_id].directive
    if theirs is ours:
        return True
    same_product = (theirs.product, theirs.revision) == (ours.product, ours.revision)
    return same_product and _wanted(theirs, single) == _wanted(ours, single)


def _wanted(directive: Directive, single: Operation) -> list[tuple[str, str, int]]:
    """What the first step needs for each size of a build: programs by their content, and all that goes with them."""
    step = directive.steps[0]
    ways = [step.ways[single.way], *(way for _, way in _sizes(step, single.way))] if single.way < len(step.ways) else []
    return [(way.wishes, way.program.sha256 or way.program.resident if way.program else "", way.parts) for way in ways]


def holds_parts(cell: Cell, station: Station) -> bool:
    """Whether a machine with several places is not free yet: its next run needs all of it. A desk is no machine."""
    if station.attended or len(station.slots) < 2:
        return False
    places = set(station.places)
    return any(part.place in places for part in cell.parts.values())


def waits_for_an_answer(cell: Cell, part: Part) -> bool:
    """Whether a person must say first what became of a part in a run that broke off (core.one_by_one)."""
    if not part.held_at:
        return False
    return current_step(cell, cell.jobs[part.job_id]).gate is None
