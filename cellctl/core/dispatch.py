"""Which operation comes next for a job, on which station, and if none: why not.

`next_operation` is pure and total: it answers with an operation, or with reasons. Transport is not part of a
product's route: it follows from where the part is and who can reach what.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from cellctl.core import agenda, builds, changeover, rights, stock, zones
from cellctl.core.cell import Cell
from cellctl.core.reasons import Reason
from cellctl.core.ways import Option, by_a_person, can, current_step, fitting, options, program_at, unfit, wants
from cellctl.domain.job import JobState
from cellctl.domain.machine import AT_REST, MachineState
from cellctl.domain.stops import CellMode
from cellctl.domain.work import (
    NOWHERE,
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

_BROKEN_OFF = frozenset(
    {MachineState.ABORTING, MachineState.ABORTED, MachineState.CLEARING, MachineState.STOPPING, MachineState.STOPPED}
)

# Jobs of which something may be begun, by what the whole cell was told.
_BEGINS: Final = {
    CellMode.RUNNING: frozenset({JobState.ALLOWED_TO_START, JobState.RUNNING}),
    CellMode.DRAINING: frozenset({JobState.RUNNING}),
    CellMode.PAUSED: frozenset[JobState](),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One carry on the way to a station: who carries, and to where."""

    carrier: Station
    to: Station


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
    here = next((option for option in able if option.station.name == station_of(part.place)), None)
    if here is not None:
        return _process(cell, job, step, here, part.place)
    return _carry(cell, job, part, able)


def unbegun(cell: Cell, job: Job) -> str:
    """What a job without a part waits for: what its ways ask for, and stations that must not; "" if it has a part.

    Jobs that wait for the same have the same answer, so that a long queue costs one look.
    """
    part = cell.parts.get(job.serial)
    if part is not None and part.place != NOWHERE:
        return ""
    step = current_step(cell, job)
    wanted = [agenda.planned(cell, job)]
    doubted = False
    for way in step.ways:
        wanted.append(wants(way))
        doubted = doubted or bool(way.unfit)
    for status in cell.stations.values():
        if status.promised == job.id:
            wanted.append(job.id)
        doubted = doubted or bool(status.unfit)
    if doubted:
        wanted += [why for each in options(cell, step) if (why := unfit(cell, each.station, each.way))]
    return "\n".join(wanted)


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


def involved(cell: Cell, station: str) -> Operation | None:
    """The open operation that this station takes part in: as worker, as giver or as taker."""
    for operation in cell.operations.values():
        if station in (operation.station, station_of(operation.source), station_of(operation.target)):
            return operation
    return None


def locked(cell: Cell, station: str) -> str:
    """Why nothing may be started at a station until a person has answered; empty if it may."""
    for operation in cell.operations.values():
        stations = (operation.station, station_of(operation.source), station_of(operation.target))
        if operation.state is OperationState.UNKNOWN and station in stations:
            return f"the outcome of {operation.id} ({operation.step} of {operation.serial}) is unknown"
    return ""


def broke_off(cell: Cell, station: str) -> bool:
    """Whether all that a machine takes part in is its own program, of which nobody knows how far it came."""
    operations = [
        operation
        for operation in cell.operations.values()
        if station in (operation.station, station_of(operation.source), station_of(operation.target))
    ]
    return bool(operations) and all(
        operation.state is OperationState.UNKNOWN
        and operation.kind is OperationKind.PROCESS
        and operation.station == station
        and operation.program is not None
        for operation in operations
    )


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
    reason = _not_ready(cell, station) or _in_the_way(cell, station, station)
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
    here = cell.plan.station(station_of(part.place))
    status = cell.stations.get(here.name)
    if status is not None and status.state not in AT_REST:
        state = status.state.name if status.state else "not heard"
        return (Reason("not_at_rest", f"{here.name} must stand still before its part is taken ({state})"),)
    reasons: list[Reason] = []
    goals = {option.station.name: option for option in able}
    for leg in _first_legs(cell, job, here, [option.station for option in able]):
        reason = _cannot_carry(cell, here, leg)
        place = _free_slot(cell, leg.to)
        if reason is None and place is not None and leg.to.name in goals:
            # A station is set up for a part before that is brought to it.
            change = _set_up(cell, job, leg.to, goals[leg.to.name].way)
            if isinstance(change, Operation):
                return change
            reason = change
        if reason is None and place is not None:
            against = rights.against(cell, part.place, place, leg.carrier)
            reason = Reason("hand_over", against) if against else None
        if reason is None and place is not None:
            draft = _draft(cell, job, "carry", OperationKind.CARRY, leg.carrier, place)
            return replace(draft, source=part.place)
        if place is None:
            reasons.append(Reason("slot_occupied", f"{leg.to.name} has no free place"))
        if reason is not None:
            reasons.append(reason)
    return tuple(reasons) or (Reason("no_way", f"nobody can carry from {here.name} to where it must go"),)


def _first_legs(cell: Cell, job: Job, here: Station, able: list[Station]) -> Iterator[Leg]:
    """Ways to begin the journey, best first: towards each able station, then out of the way of other jobs."""
    planned = agenda.planned(cell, job)
    for goals in ([each for each in able if each.name == planned], [each for each in able if each.name != planned]):
        yield from _ways(cell, here, goals)
    if here.driver and _wanted(cell, here, job):
        buffers = (leg for leg in _legs(cell, here) if leg.to.buffer)
        yield from (leg for leg in buffers if any(_ways(cell, leg.to, able)))


def _ways(cell: Cell, here: Station, able: list[Station]) -> Iterator[Leg]:
    """The first leg of a shortest way to each able station that can be reached, nearest first; over racks only."""
    goals = {station.name for station in able}
    seen = {here.name}
    queue: deque[tuple[Station, Leg | None]] = deque([(here, None)])
    while queue:
        station, first = queue.popleft()
        for leg in _legs(cell, station):
            if leg.to.name in seen:
                continue
            seen.add(leg.to.name)
            if leg.to.name in goals:
                yield first or leg
            elif not leg.to.driver:
                queue.append((leg.to, first or leg))


def _legs(cell: Cell, here: Station) -> Iterator[Leg]:
    for carrier in cell.plan.stations.values():
        if here.name in carrier.reach:
            others = (name for name in carrier.reach if name != here.name)
            yield from (Leg(carrier, cell.plan.station(name)) for name in others)


def _wanted(cell: Cell, station: Station, holder: Job) -> bool:
    """Whether another job than the one whose part is there waits for what this station can do."""
    others = (job for job in waiting(cell) if job.id != holder.id)
    return any(can(cell, station, current_step(cell, job)) for job in others)


def _cannot_carry(cell: Cell, here: Station, leg: Leg) -> Reason | None:
    reason = _not_ready(cell, leg.carrier)
    if reason is not None:
        return reason
    if here.driver and cell.stations[here.name].by_hand:
        return _by_hand(here.name, cell.stations[here.name].by_hand)
    if leg.to.driver and leg.to is not leg.carrier:
        reason = _not_ready(cell, leg.to)
    else:
        # Into a rack, too, only one reaches at a time: an arm, or a person.
        reason = _in_doubt(cell, leg.to) or _taking_part(cell, leg.to, leg.carrier)
    broken_off = _in_the_way(cell, here, leg.carrier) or _in_the_way(cell, leg.to, leg.carrier)
    return _taking_part(cell, here, leg.carrier) or broken_off or reason


def _in_the_way(cell: Cell, station: Station, worker: Station) -> Reason | None:
    """An arm that broke off or vanished may stand where this worker is about to move, or to reach."""
    for carrier in cell.plan.stations.values():
        if not carrier.driver or carrier.attended or carrier is worker or station.name not in carrier.reach:
            continue
        status = cell.stations[carrier.name]
        if status.contact == "lost" or status.state in _BROKEN_OFF:
            state = status.state.name if status.state else "not heard"
            sentence = f"{carrier.name} ({state}) may stand in the way of {station.name}; bring it back to rest"
            return Reason("arm_in_the_way", sentence)
    return None


def _taking_part(cell: Cell, station: Station, carrier: Station) -> Reason | None:
    operation = involved(cell, station.name)
    if operation is None or station is carrier:
        return None
    return Reason("station_busy", f"{station.name} takes part in {operation.id} ({operation.step})")


def _not_ready(cell: Cell, station: Station) -> Reason | None:
    """Why a station with a driver cannot be given work, or None."""
    status = cell.stations[station.name]
    if locked(cell, station.name):
        return _needs_confirmation(cell, station)
    if involved(cell, station.name) is not None:
        return _busy(cell, station)
    if status.contact != "found" or status.state is None:
        return Reason("no_contact", f"{station.name} is not heard ({status.reason or 'no contact yet'})")
    if status.by_hand or status.state is not MachineState.IDLE:
        why = f": {status.reason}" if status.reason else ""
        not_idle = Reason("not_idle", f"{station.name} is in {status.state.name}{why}")
        return _by_hand(station.name, status.by_hand) if status.by_hand else not_idle
    if status.refused:
        return Reason("refused", f"{station.name} did not take its work ({status.refused}); stop it, then reset it")
    return zones.against(cell, station.name)


def _busy(cell: Cell, station: Station) -> Reason:
    operation = involved(cell, station.name)
    if operation is not None and operation.kind is OperationKind.CHANGE:
        return Reason("changing_over", f"{station.name} is being changed over for {operation.prepares}")
    what = f"{operation.step} of {operation.serial}" if operation else "something"
    return Reason("station_busy", f"{station.name} is busy with {what}")


def _by_hand(name: str, who: str) -> Reason:
    return Reason("by_hand", f"{name} is in the hands of {who}, until it is cleared and reset")


def _in_doubt(cell: Cell, station: Station) -> Reason | None:
    """Whether an arm may have come to a stand in there. A person who was to carry something is no obstacle."""
    for operation in cell.operations.values():
        touched = station.name in (station_of(operation.source), station_of(operation.target))
        unknown = operation.state is OperationState.UNKNOWN and not cell.plan.station(operation.station).attended
        if touched and unknown:
            return _needs_confirmation(cell, station)
    return None


def _needs_confirmation(cell: Cell, station: Station) -> Reason:
    return Reason("needs_confirmation", f"{station.name} waits for a person: {locked(cell, station.name)}")


def _free_slot(cell: Cell, station: Station) -> Place | None:
    taken = {part.place for part in cell.parts.values()}
    # What is being carried may have to be put back to where it came from.
    taken |= {place for operation in cell.operations.values() for place in (operation.source, operation.target)}
    return next((place for place in station.places if place not in taken), None)


def _draft(cell: Cell, job: Job, step: str, kind: OperationKind, station: Station, target: Place) -> Operation:
    number = cell.counts.operations + 1
    return Operation(f"op-{number}", job.id, job.serial, step, kind, station.name, target, gated=station.gated)
