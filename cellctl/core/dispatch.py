"""Which operation comes next for a job, on which station, and if none: why not.

`next_operation` is pure and total: it answers with an operation, or with reasons. Transport is not part of a
product's route: it follows from where the part is and who can reach what.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from cellctl.core import agenda, builds, changeover, rights, stock
from cellctl.core.cell import Cell
from cellctl.core.readiness import cannot_carry, in_the_way, involved, not_ready
from cellctl.core.reasons import Reason
from cellctl.core.ways import Option, by_a_person, can, current_step, fitting, options, program_at, unfit
from cellctl.core.whereabouts import beneath, moving, rides, stands_at, station_at
from cellctl.domain import reach
from cellctl.domain.job import JobState
from cellctl.domain.machine import AT_REST
from cellctl.domain.reach import Leg
from cellctl.domain.stops import CellMode
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Carrier,
    Disposition,
    Job,
    Operation,
    OperationKind,
    OperationState,
    Part,
    Place,
    Station,
    Step,
    Way,
    station_of,
)

# Jobs of which something may be begun, by what the whole cell was told.
_BEGINS: Final = {
    CellMode.RUNNING: frozenset({JobState.ALLOWED_TO_START, JobState.RUNNING}),
    CellMode.DRAINING: frozenset({JobState.RUNNING}),
    CellMode.PAUSED: frozenset[JobState](),
}


def next_operation(cell: Cell, job: Job) -> Operation | tuple[Reason, ...]:
    """The operation that can begin now for a job, or every reason why none can."""
    preparing = next((each.station for each in cell.operations.values() if each.prepares == job.id), "")
    if preparing:
        return (Reason("changing_over", f"{preparing} is being changed over for it"),)
    step = current_step(cell, job)
    able = options(cell, step)
    if not able:
        wanted = " or ".join(dict.fromkeys(way.capability for way in step.ways))
        return (Reason("no_capability", f"no station of this cell can {wanted}"),)
    answer = _on_one_of(cell, job, step, fitting(cell, able))
    if isinstance(answer, Operation):
        return answer
    refusals = (Reason("preflight", why) for each in able if (why := unfit(cell, each.station, each.way)))
    return (*answer, *refusals)


def _on_one_of(cell: Cell, job: Job, step: Step, able: list[Option]) -> Operation | tuple[Reason, ...]:
    """The operation on a station that may do it, or the first one on the way there."""
    part = cell.parts.get(job.serial)
    if not able:
        return ()
    able.sort(key=lambda option: option.station.name != agenda.planned(cell, job))
    if part is None or part.place == NOWHERE:
        return _begin(cell, job, step, able)
    here = next((option for option in able if option.station.name == station_at(cell, part.place)), None)
    if here is not None:
        return _process(cell, job, step, here, part.place)
    return _carry(cell, job, part, able)


def unbegun(cell: Cell) -> Callable[[Job], str]:
    """Tells of each job without a part what it waits for: what its ways ask for, and stations that must not; "" of one
    that has a part.

    Jobs that wait for the same have the same answer, so that a long queue costs one look.
    """
    promised = {status.promised for status in cell.stations.values()}
    doubted = any(status.unfit for status in cell.stations.values())

    def wanted_by(job: Job) -> str:
        part = cell.parts.get(job.serial)
        if part is not None and part.place != NOWHERE:
            return ""
        step = current_step(cell, job)
        wanted = [agenda.planned(cell, job), *[way.wishes for way in step.ways]]
        if job.id in promised:
            wanted.append(job.id)
        if doubted or any(way.unfit for way in step.ways):
            wanted += [why for each in options(cell, step) if (why := unfit(cell, each.station, each.way))]
        return "\n".join(wanted)

    return wanted_by


def waiting(cell: Cell) -> list[Job]:
    """Jobs that want an operation, in the order of the schedule; before there is one by priority, then those furthest
    along, because a part that moves on frees the machine behind it. A cell that drains begins no other part, one that
    is paused nothing at all.
    """
    begins = _BEGINS[cell.stops.mode]
    busy = {job_id for operation in cell.operations.values() for job_id in operation.job_ids}
    free = (
        job
        for job in cell.jobs.values()
        if job.id not in busy and job.state in begins and not cell.orders[job.order_id].paused
    )
    return sorted(free, key=lambda job: agenda.rank(cell, job))


def finished_part(cell: Cell, station: str) -> str:
    """The serial number of a part that must leave a machine before its next run; "" if there is none.

    A desk is no machine's bed: the person at it needs free hands, not a free desk, to go on.
    """
    worker = cell.plan.station(station)
    held = (part for part in cell.parts.values() if station_of(part.place) == station and not worker.attended)
    return next((part.serial for part in held if not _stays(cell, part, worker)), "")


def against_reset(cell: Cell, name: str) -> str:
    """Why a machine may not be made ready for its next run; empty if it may. It may move, and an arm may be in it."""
    serial = finished_part(cell, name)
    if serial:
        return f"still holds {serial}; it must leave first"
    operation = involved(cell, name)
    return f"takes part in {operation.id} ({operation.step}), which must end first" if operation else ""


def _stays(cell: Cell, part: Part, station: Station) -> bool:
    """Whether the next thing to be done to a part can be done where it is."""
    job = cell.jobs[part.job_id]
    goes_on = part.disposition is Disposition.IN_WORK and not builds.waits_for_an_answer(cell, part)
    return goes_on and can(cell, station, current_step(cell, job))


def _begin(cell: Cell, job: Job, step: Step, able: list[Option]) -> Operation | tuple[Reason, ...]:
    reasons: list[Reason] = []
    for option in able:
        place = None if builds.holds_parts(cell, option.station) else _free_slot(cell, option.station)
        if place is None:
            reasons.append(Reason("slot_occupied", f"{option.station.name} still holds a part"))
            continue
        answer = _process(cell, job, step, option, place)
        if isinstance(answer, Operation):
            return builds.shared(cell, answer, step, option, waiting)
        reasons.extend(answer)
    return tuple(reasons)


def _process(cell: Cell, job: Job, step: Step, option: Option, place: Place) -> Operation | tuple[Reason, ...]:
    station, way = option.station, option.way
    reason = not_ready(cell, station) or in_the_way(cell, station, station)
    if reason is not None:
        return (reason,)
    missing = stock.against(cell, way, station)
    if missing:
        return missing
    change = _set_up(cell, job, station, way)
    if change is not None:
        return change if isinstance(change, Operation) else (change,)
    draft = _draft(cell, job, step.name, OperationKind.PROCESS, station, place)
    draft = replace(draft, claims=stock.claims(cell, way, station))
    if station.attended:
        return replace(draft, way=option.number, question=by_a_person(step, way, job.serial))
    return replace(draft, way=option.number, program=program_at(way, station), question=way.question)


def _set_up(cell: Cell, job: Job, station: Station, way: Way) -> Operation | Reason | None:
    """What comes before a job at a station that is ready: a change-over, or a reason to wait. None: it may begin."""
    have = cell.stations[station.name].setup
    change = changeover.matrix(cell).change(station.name, have, way.setup)
    if change is None:
        return Reason("set_up_forbidden", f"{station.name} may not be changed over to what {job.id} needs")
    other = agenda.promised_to(cell, station, job)
    if other:
        return Reason("promised", f"{station.name} was set up for {other}, which comes first")
    if not change.dimensions:
        return None
    minutes = f"{change.takes_s / 60:.0f} min"
    elsewhere = agenda.planned(cell, job)
    if elsewhere not in ("", station.name):
        why = f"{station.name} would have to be changed over ({change.text}, {minutes}); it waits for {elsewhere}"
        return Reason("set_up", why)
    other = agenda.ahead(cell, station, job)
    if other:
        return Reason("sequence", f"{station.name} does {other} first, and is then changed over ({change.text})")
    return changeover.draft(cell, job, station, change)


def _carry(cell: Cell, job: Job, part: Part, able: list[Option]) -> Operation | tuple[Reason, ...]:
    here = cell.plan.station(station_at(cell, part.place))
    below = beneath(cell, part)
    if (ride := rides(cell, part.serial)) is not None:
        doubted = ride.state is OperationState.UNKNOWN
        how = f"a person must say where {below} is" if doubted else f"{below} is being carried to {ride.target}"
        return (Reason("needs_confirmation" if doubted else "carrier_moves", how),)
    status = cell.stations.get(here.name)
    if status is not None and status.state not in AT_REST:
        state = status.state.name if status.state else "not heard"
        return (Reason("not_at_rest", f"{here.name} must stand still before its part is taken ({state})"),)
    reasons: list[Reason] = []
    goals = {option.station.name: option for option in able}
    for leg in _first_legs(cell, job, part, [option.station for option in able]):
        if (away := _away(cell, leg)) is not None:
            reasons.append(away)
            continue
        reason = cannot_carry(cell, here, leg.mover, leg.to)
        place = _free_slot(cell, cell.plan.carriers[leg.on] if leg.on else leg.to)
        if reason is None and place is not None and leg.to.name in goals:
            # A station is set up for a part before that is brought to it.
            change = _set_up(cell, job, leg.to, goals[leg.to.name].way)
            if isinstance(change, Operation):
                return change
            reason = change
        if reason is None and place is not None:
            against = rights.against(cell, part.place, place, leg.mover)
            reason = Reason("hand_over", against) if against else None
        if reason is None and place is not None:
            draft = _draft(cell, job, "carry", OperationKind.CARRY, leg.mover, place)
            return replace(draft, source=part.place)
        if place is None:
            reasons.append(Reason("slot_occupied", f"{leg.on or leg.to.name} has no free place"))
        if reason is not None:
            reasons.append(reason)
    return tuple(reasons) or (Reason("no_way", f"nobody can carry from {here.name} to where it must go"),)


def _away(cell: Cell, leg: Leg) -> Reason | None:
    """Why a part must wait for its carrier: to be brought along, or to be brought here. None: it need not."""
    if leg.rides:
        return Reason("carrier_waits", f"{leg.on} is to bring it to {leg.to.name}")
    if not leg.on or (moving(cell, leg.on) is None and stands_at(cell, leg.on) == leg.to.name):
        return None
    return Reason("carrier_away", f"{leg.on} is to come to {leg.to.name} first")


def ways_on(cell: Cell, job: Job) -> list[Leg]:
    """The carries by which a job's part could begin its way to its next step, best first; none where it is there."""
    part = cell.parts.get(job.serial)
    if part is None or part.place in (NOWHERE, GONE):
        return []
    able = [option.station for option in fitting(cell, options(cell, current_step(cell, job)))]
    if station_at(cell, part.place) in {station.name for station in able}:
        return []
    return list(_first_legs(cell, job, part, able))


def _first_legs(cell: Cell, job: Job, part: Part, able: list[Station]) -> Iterator[Leg]:
    """Ways to begin the journey, best first: towards each able station, then out of the way of other jobs."""
    planned = agenda.planned(cell, job)
    here, below = cell.plan.station(station_at(cell, part.place)), beneath(cell, part)
    for goals in ([each for each in able if each.name == planned], [each for each in able if each.name != planned]):
        yield from reach.ways(cell.plan, here, goals, below)
    if here.driver and _wanted(cell, here, job):
        buffers = (leg for leg in reach.legs(cell.plan, here, below) if leg.to.buffer)
        yield from (leg for leg in buffers if reach.ways(cell.plan, leg.to, able, leg.on))


def _wanted(cell: Cell, station: Station, holder: Job) -> bool:
    """Whether another job than the one whose part is there waits for what this station can do."""
    others = (job for job in waiting(cell) if job.id != holder.id)
    return any(can(cell, station, current_step(cell, job)) for job in others)


def _free_slot(cell: Cell, station: Station | Carrier) -> Place | None:
    return next((place for place in station.places if not _taken(cell, place)), None)


def _taken(cell: Cell, place: Place) -> bool:
    # What is being carried may have to be put back to where it came from.
    for operation in cell.operations.values():
        if place in (operation.source, operation.target):
            return True
    return cell.part_at(place) is not None


def _draft(cell: Cell, job: Job, step: str, kind: OperationKind, station: Station, target: Place) -> Operation:
    number = cell.counts.operations + 1
    return Operation(f"op-{number}", job.id, job.serial, step, kind, station.name, target, gated=station.gated)
