"""The schedule of the cell: what the sequencer is told, when it is asked, and what follows for a job at a station.

A job may begin wherever it can at once. A station is changed over only by the schedule: for the first job in its line,
and not for a job that is to wait for another station.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Final

from cellctl.core import stock
from cellctl.core.cell import Cell, StationStatus
from cellctl.core.changeover import matrix
from cellctl.core.changing import changed
from cellctl.core.sequencing import Choice, Opening, Problem, Schedule, Sequence, Sequencer, Task, first_come
from cellctl.core.set_up_aware import by_set_up
from cellctl.core.ways import able, current_step, unfit, way_of
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineState
from cellctl.domain.work import NOWHERE, Job, Operation, OperationKind, OperationState, Station, Way, station_of

SEQUENCERS: Final[Mapping[str, Sequencer]] = {"set-up": by_set_up, "first-come": first_come}

# Where nobody knows how long something takes.
USUAL_S: Final = 600.0
_SOON_S: Final = 60.0
# A schedule is not believed for longer: what was to be over by then may not be.
_BELIEVED_S: Final = 600.0
_S = MachineState
# In these a machine will be free after what it does.
_GOING: Final = frozenset(
    {_S.IDLE, _S.STARTING, _S.EXECUTE, _S.COMPLETING, _S.COMPLETE, _S.RESETTING, _S.SUSPENDED, _S.UNSUSPENDING}
)


def thought_out(cell: Cell, jobs: list[Job], now_s: float) -> Cell:
    """The cell with a schedule for these waiting jobs; as it was where nothing could begin by it, or nothing that
    matters has changed. Where a span of it is frozen it is made ahead, too: then it is a promise."""
    if not (jobs or cell.plan.frozen_s):
        return cell
    basis = _basis(cell)
    wanted = bool(cell.plan.frozen_s) or _could_begin(cell, jobs)
    if not wanted or (cell.schedule.basis == basis and now_s < cell.schedule.until_s):
        return cell
    openings = tuple(_openings(cell, now_s))
    tasks = tuple(_tasks(cell, jobs, {each.station for each in openings}))
    turns = SEQUENCERS[cell.plan.dispatch](Problem(tasks, openings, matrix(cell), now_s))
    return changed(cell, schedule=Schedule(turns, _lines(turns), basis, now_s + _BELIEVED_S))


def _lines(turns: Sequence) -> dict[str, tuple[str, ...]]:
    lines: dict[str, list[str]] = {}
    for job_id, turn in sorted(turns.items(), key=lambda each: each[1].rank):
        lines.setdefault(turn.station, []).append(job_id)
    return {station: tuple(line) for station, line in lines.items()}


def _could_begin(cell: Cell, jobs: list[Job]) -> bool:
    """Whether a station is idle that could do something for one of these jobs."""
    busy = {operation.station for operation in cell.operations.values()}
    idle = (name for name, status in cell.stations.items() if status.state is _S.IDLE and name not in busy)
    wanted = {capability for name in idle for capability in cell.plan.station(name).capabilities}
    return any(way.capability in wanted for job in jobs for way in current_step(cell, job).ways)


@dataclass(frozen=True, slots=True)
class _Basis:
    """All that a schedule follows from, but the time. Mappings are the same as long as nobody has changed them."""

    stations: tuple[object, ...]
    operations: tuple[str, ...]
    same: tuple[object, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Basis):
            return False
        unchanged = all(mine is theirs for mine, theirs in zip(self.same, other.same, strict=True))
        return unchanged and (self.stations, self.operations) == (other.stations, other.operations)

    __hash__ = None  # type: ignore[assignment]


def _basis(cell: Cell) -> _Basis:
    stations = tuple(
        (status.state, status.contact, status.by_hand, status.refused, status.setup, status.unfit, status.promised)
        for status in cell.stations.values()
    )
    return _Basis(stations, tuple(cell.operations), (cell.orders, cell.jobs, cell.parts, cell.measured, cell.stock))


# ---- what the sequencer is told ----------------------------------------------------------------------------------


def _openings(cell: Cell, now_s: float) -> Iterator[Opening]:
    """The stations that work, or will when they are through with what they do."""
    at_work = {operation.station: operation for operation in cell.operations.values()}
    for station in cell.plan.stations.values():
        status = cell.stations.get(station.name)
        if status is None or not station.capabilities or not _going(status):
            continue
        operation = at_work.get(station.name)
        if operation is None:
            free_s = now_s if status.state is _S.IDLE else now_s + _SOON_S
            yield Opening(station.name, free_s, status.setup, status.promised, _frozen(cell, station, now_s))
        elif operation.state is not OperationState.UNKNOWN:
            setup = {**status.setup, **operation.setup}
            free_s = _over_s(cell, operation, now_s)
            yield Opening(station.name, free_s, setup, status.promised, _frozen(cell, station, now_s))


def _frozen(cell: Cell, station: Station, now_s: float) -> tuple[str, ...]:
    """The jobs that the schedule so far begins at a station within the frozen span."""
    turns, until_s = cell.schedule.turns, now_s + cell.plan.frozen_s
    line = cell.schedule.lines.get(station.name, ()) if cell.plan.frozen_s else ()
    return tuple(job_id for job_id in line if turns[job_id].begins_s < until_s)


def _going(status: StationStatus) -> bool:
    return status.contact == "found" and status.state in _GOING and not status.by_hand and not status.refused


def _over_s(cell: Cell, operation: Operation, now_s: float) -> float:
    """When an operation is likely to be over; a little later than now where it should be already."""
    takes_s = _SOON_S
    if operation.kind is OperationKind.PROCESS:
        way = way_of(cell, operation)
        takes_s = (operation.program.estimated_s if operation.program else 0.0) or (way.takes_s if way else 0.0)
    elif operation.kind is OperationKind.CHANGE:
        have = cell.stations[operation.station].setup
        change = matrix(cell).change(operation.station, have, operation.setup)
        takes_s = change.takes_s if change else _SOON_S
    return max(operation.at_s + (takes_s or USUAL_S), now_s + _SOON_S)


def _tasks(cell: Cell, jobs: list[Job], free: set[str]) -> Iterator[Task]:
    """The jobs that some station will be able to do; the others are in no schedule until one is."""
    known: dict[tuple[str, str, bool, bool], tuple[str, ...]] = {}
    stations = [station for station in cell.plan.stations.values() if station.name in free]
    doubted = any(status.unfit for status in cell.stations.values())
    accounts = bool(cell.stock.lots or cell.stock.tools or cell.stock.fixtures)
    supplied: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
    for job in jobs:
        part, entry = cell.parts.get(job.serial), cell.orders[job.order_id]
        began = part is not None and part.place != NOWHERE
        here = station_of(cell.where(part)) if part is not None and began else ""
        choices = []
        for way in current_step(cell, job).ways:
            if way.parts > 1:
                continue
            wanted = way.capability, way.machine_type, way.by_hand, way.program is None
            if wanted not in known:
                known[wanted] = tuple(station.name for station in stations if able(station, way))
            names = known[wanted]
            if way.unfit or doubted:
                names = tuple(name for name in names if not unfit(cell, cell.plan.stations[name], way))
            if accounts and (way.materials or way.tools or way.setup):
                names = _supplied(cell, way, names, supplied)
            if names:
                choices.append(_choice(way, (here,) if here in names else names))
        if choices:
            order = entry.order
            since_s, due_s = seconds(order.accepted_at, 0.0), seconds(order.due_at, inf)
            depth = job.step + 1 if began else 0
            yield Task(job.id, tuple(choices), order.priority, due_s, since_s, depth)


def _supplied(
    cell: Cell, way: Way, names: tuple[str, ...], known: dict[tuple[str, tuple[str, ...]], tuple[str, ...]]
) -> tuple[str, ...]:
    """The stations where what a way needs is there."""
    wanted = way.wishes, names
    if wanted not in known:
        stations = (cell.plan.stations[name] for name in names)
        known[wanted] = tuple(station.name for station in stations if not stock.against(cell, way, station))
    return known[wanted]


def _choice(way: Way, stations: tuple[str, ...]) -> Choice:
    usual_s = way.takes_s or (way.program.estimated_s if way.program else 0.0) or USUAL_S
    return Choice(stations, usual_s, way.setup, way.estimates_s)


@lru_cache(maxsize=8192)
def seconds(instant: str, otherwise: float) -> float:
    """UTC as text in seconds since the Unix epoch; `otherwise` where it is empty or no instant."""
    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        return otherwise
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


# ---- what follows from the schedule ------------------------------------------------------------------------------


def rank(cell: Cell, job: Job) -> tuple[bool, int, int, int]:
    """What waiting jobs are sorted by: what is frozen first, then urgency, how far they are, the schedule; what is in
    none comes last."""
    turn, priority = cell.schedule.turns.get(job.id), cell.orders[job.order_id].order.priority
    if turn is None:
        return True, -priority, -job.step, len(cell.schedule.turns)
    if turn.frozen:
        return False, 0, 0, turn.rank
    return True, -max(turn.urgency, priority), -job.step, turn.rank


def planned(cell: Cell, job: Job) -> str:
    """The station that the schedule has for a job; "" if any may take it."""
    turn = cell.schedule.turns.get(job.id)
    return turn.station if turn is not None else ""


def promised_to(cell: Cell, station: Station, job: Job) -> str:
    """Another job that a person has set a station up for, and that still waits; "" if there is none."""
    other = cell.stations[station.name].promised
    return other if other != job.id and _waits_at(cell, other, station.name) else ""


def ahead(cell: Cell, station: Station, job: Job) -> str:
    """Another waiting job that is before this one in the line of a station; "" if there is none."""
    for other in cell.schedule.lines.get(station.name, ()):
        if other == job.id:
            return ""
        if _waits_at(cell, other, station.name):
            return other
    return ""


def _waits_at(cell: Cell, job_id: str, station: str) -> bool:
    job = cell.jobs.get(job_id)
    if job is None or job.state not in (JobState.ALLOWED_TO_START, JobState.RUNNING):
        return False
    if cell.orders[job.order_id].paused or cell.operation_of(job_id) is not None:
        return False
    return planned(cell, job) == station
