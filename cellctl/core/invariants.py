"""What must be true of a cell whatever happens to it. Pure; for tests, simulations, kills and the running daemon.

`broken` looks at a cell, `broken_by` at one turn of deciding. Both answer with one sentence for every rule that does
not hold, so with nothing for a cell that is in order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from cellctl.core import carriers, dispatch, lifecycle, orders, readiness, rights, stock_rules, whereabouts, zones
from cellctl.core.cell import Cell, OrderEntry, apply
from cellctl.core.instructions import Answer, Instruction, Remember, Start, Tell
from cellctl.domain import events as ev
from cellctl.domain.job import JobState
from cellctl.domain.machine import AT_REST, MachineCommand, MachineState
from cellctl.domain.stops import CellMode
from cellctl.domain.transfer import Phase
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Disposition,
    Job,
    Operation,
    OperationKind,
    OperationState,
    Part,
    Prompt,
    station_of,
)

# A machine that was told one of these may move.
_MAKES_MOVE = (MachineCommand.RESET, MachineCommand.UNHOLD, MachineCommand.UNSUSPEND)
_DISPOSITIONS = {JobState.ENDED: Disposition.ACCEPTED, JobState.ABORTED: Disposition.SCRAPPED}


def broken(cell: Cell) -> list[str]:
    """The rules that do not hold in a cell, between two turns."""
    rules = (_parts, _carriers, _operations, _jobs, _waiting, _orders, _prompts, _handovers, stock_rules.broken)
    return [sentence for rule in rules for sentence in rule(cell)]


def broken_by(before: Cell, todo: Sequence[Instruction], after: Cell) -> list[str]:
    """The rules that one turn has broken: `decide` made `after` and `todo` of `before`."""
    replayed = before
    found: list[str] = []
    for instruction in todo:
        if isinstance(instruction, Remember):
            replayed = apply(replayed, instruction.event)
        elif isinstance(instruction, Start):
            found += [*_start(replayed, instruction.operation), *stock_rules.broken_by(replayed, instruction.operation)]
        elif isinstance(instruction, Tell):
            found += _told(after, instruction)
    if replayed != after:
        found.append("replaying what was remembered does not give the cell")
    return [*found, *_numbers(before, todo), *_answers(todo)]


# ---- a cell ------------------------------------------------------------------------------------------------------


def _parts(cell: Cell) -> Iterator[str]:
    known = {place for station in cell.plan.stations.values() for place in station.places}
    for carrier in cell.plan.carriers.values():
        known = (known - set(carrier.fits)) | set(carrier.places)
    here = [part for part in cell.parts.values() if _in_the_cell(part)]
    for place, count in Counter(part.place for part in here).items():
        if count > 1:
            yield f"{count} parts are at {place}"
        if place not in known:
            yield f"a part is at {place}, which is no place of this cell"
    for part in here:
        asked = sum(prompt.serial == part.serial and not prompt.operation_id for prompt in cell.prompts.values())
        if part.disposition is not Disposition.IN_WORK and asked != 1:
            yield f"{part.serial} is {part.disposition.value} at {part.place}, and {asked} prompts ask to take it away"


def _carriers(cell: Cell) -> Iterator[str]:
    """A carrier is in one place, alone; nobody is at what lies on it while it is moved, or from where it is not."""
    at = {name: each.place for name, each in cell.carriers.items()}
    for name, place in at.items():
        ride, carrier = whereabouts.moving(cell, name), cell.plan.carriers[name]
        hand = cell.plan.station(ride.station).places if ride is not None else ()
        if place not in (*carrier.fits, *hand) or Counter(at.values())[place] > 1 or cell.part_at(place) is not None:
            yield f"{name} is at {place}, which is not for it, or not for it alone"
        for operation in cell.operations.values():
            if name not in (station_of(operation.source), station_of(operation.target)):
                continue
            if ride is not None:
                yield f"{operation.id} is at what lies on {name}, which {ride.id} carries"
            elif station_of(place) not in cell.plan.station(operation.station).reach:
                yield f"{operation.id} sends {operation.station} to {name}, which is at {place}, out of its reach"
        if not isinstance(carriers.next_move(cell, carrier), tuple):
            yield f"{name} stays, and nothing keeps it from being carried"


def _operations(cell: Cell) -> Iterator[str]:
    worked: Counter[str] = Counter()
    for operation in cell.operations.values():
        worked.update(_touched(cell, operation) & cell.stations.keys())
        yield from _build(cell, operation)
    for operation in (alone for each in cell.operations.values() for alone in each.each()):
        at = whereabouts.of(cell, operation.serial)
        places = [operation.target]
        if operation.kind is OperationKind.CARRY:
            places += [operation.source, *cell.plan.station(operation.station).places]
        if operation.kind is not OperationKind.CHANGE and at not in places:
            yield f"{operation.id} works on {operation.serial}, which is {at or 'not there'}"
        for place in (operation.source, operation.target):
            other = cell.part_at(place) if place else None
            if other is not None and other.serial != operation.serial:
                yield f"{operation.id} of {operation.serial} needs {place}, where {other.serial} is"
    yield from (f"{count} operations touch {station} at once" for station, count in worked.items() if count > 1)


def _build(cell: Cell, operation: Operation) -> Iterator[str]:
    """A shared build: its parts are at places of their own on one machine, and its jobs want the same."""
    if not operation.mates:
        return
    each = operation.each()
    places = [alone.target for alone in each]
    if places != list(cell.plan.station(operation.station).places[: len(places)]):
        yield f"{operation.id} is a build of {len(places)} parts at {', '.join(places)}"
    if len(set(operation.job_ids)) < len(each) or len(set(operation.serials)) < len(each):
        yield f"{operation.id} makes a part twice: {', '.join(operation.serials)}"
    directives = [cell.orders[cell.jobs[job_id].order_id].directive for job_id in operation.job_ids]
    programs = {directive.steps[0].ways[operation.way].program for directive in directives}
    if len({(each.product, each.revision) for each in directives}) > 1 or len({it.sha256 for it in programs if it}) > 1:
        yield f"{operation.id} makes parts in one run that are not the same"
    if any(cell.jobs[job_id].step for job_id in operation.job_ids):
        yield f"{operation.id} makes parts that were made already"


def _jobs(cell: Cell) -> Iterator[str]:
    open_operations = Counter(job_id for operation in cell.operations.values() for job_id in operation.job_ids)
    for job in cell.jobs.values():
        operation, part = cell.operation_of(job.id), cell.parts.get(job.serial)
        if open_operations[job.id] > 1:
            yield f"{job.id} has {open_operations[job.id]} open operations"
        unknown = operation is not None and operation.state is OperationState.UNKNOWN
        held = part is not None and bool(part.held_at)
        if (unknown or held) is not (job.state is JobState.INTERRUPTED):
            yield f"{job.id} is {job.state.name}, and the outcome of its operation is {'un' * unknown}known"
        if operation is not None and not lifecycle.in_work(job):
            yield f"{job.id} is {job.state.name} with {operation.id} open"
        yield from _part_of(job, part)
    for serial, count in Counter(job.serial for job in cell.jobs.values()).items():
        if count > 1:
            yield f"{count} jobs make {serial}"


def _part_of(job: Job, part: Part | None) -> Iterator[str]:
    if (part is None) is not (job.state in lifecycle.UNBEGUN):
        yield f"{job.id} is {job.state.name} {'without' if part is None else 'with'} a part"
    expected = _DISPOSITIONS.get(job.state, Disposition.IN_WORK)
    if part is not None and part.disposition is not expected:
        yield f"{job.id} is {job.state.name}, and its part is {part.disposition.value}"


def _waiting(cell: Cell) -> Iterator[str]:
    looked: set[str] = set()
    wanted_by = dispatch.unbegun(cell)
    for job in dispatch.waiting(cell):
        wanted = wanted_by(job)
        if wanted in looked:
            continue
        looked |= {wanted} - {""}
        answer = dispatch.next_operation(cell, job)
        if isinstance(answer, Operation):
            yield f"{job.id} waits, and nothing keeps {answer.step} from beginning at {answer.station}"
        elif not answer:
            yield f"{job.id} waits without a reason"


def _orders(cell: Cell) -> Iterator[str]:
    made = Counter(job.order_id for job in cell.jobs.values() if job.state is JobState.ENDED)
    open_jobs = [job for job in cell.jobs.values() if lifecycle.in_work(job)]
    owed = Counter(job.order_id for job in open_jobs)
    for order_id, entry in cell.orders.items():
        promised = made[order_id] + owed[order_id]
        if promised != entry.order.quantity and not (entry.cancelled and promised < entry.order.quantity):
            yield f"{order_id}: {made[order_id]} made and {owed[order_id]} to make of {entry.order.quantity}"
    for job in open_jobs:
        entry = cell.orders[job.order_id]
        at_it = cell.operation_of(job.id) or whereabouts.rides(cell, job.serial)
        if entry.cancelled and not entry.keep and at_it is None:
            yield f"{job.id} of {job.order_id}, which is cancelled, still waits"


def _prompts(cell: Cell) -> Iterator[str]:
    asked = Counter(prompt.operation_id for prompt in cell.prompts.values())
    for operation in cell.operations.values():
        if operation.sought and cell.stations[operation.station].contact == "lost":
            yield f"{operation.id} is sought at {operation.station}, which is not heard, and nobody is asked"
        if operation.state is OperationState.UNKNOWN and asked[operation.id] != (0 if operation.sought else 1):
            yield f"{asked[operation.id]} prompts ask about {operation.id}, whose outcome is unknown"
    for prompt in cell.prompts.values():
        if not _is_of_interest(cell, prompt):
            yield f"{prompt.id} asks about nothing that is open"
        if len(set(prompt.question.choices)) != len(prompt.question.choices) or not prompt.question.choices:
            yield f"{prompt.id} has choices that cannot be told apart: {prompt.question.choices}"


def _is_of_interest(cell: Cell, prompt: Prompt) -> bool:
    if prompt.operation_id:
        return prompt.operation_id in cell.operations
    part = cell.parts.get(prompt.serial)
    return part is not None and _in_the_cell(part)


def _in_the_cell(part: Part) -> bool:
    return part.place not in (NOWHERE, GONE)


def _touched(cell: Cell, operation: Operation) -> set[str]:
    return {*whereabouts.touched(cell, operation)} - {NOWHERE}


def _handovers(cell: Cell) -> Iterator[str]:
    holders: dict[str, set[str]] = {}
    for transfer in cell.transfers.values():
        operation = cell.operations.get(transfer.operation_id)
        unknown = operation is not None and operation.state is OperationState.UNKNOWN
        if operation is None or unknown is not (transfer.phase is Phase.DISPUTED):
            state = operation.state.value if operation else "over"
            yield f"hand-over {transfer.id} is in {transfer.phase.name}, and its operation is {state}"
        if transfer.permit is not None:
            holders.setdefault(transfer.zone, set()).add(transfer.permit.holder)
        if not 1 <= len(transfer.custody.holders) <= 2:
            yield f"{transfer.carried} is in the custody of {transfer.custody.holders}"
    yield from (f"{zone} is permitted to {sorted(names)} at once" for zone, names in holders.items() if len(names) > 1)
    for operation in cell.operations.values():
        if operation.kind is not OperationKind.CARRY and operation.station in holders:
            yield f"{operation.id} works at {operation.station}, which {holders[operation.station]} may enter"


# ---- a turn ------------------------------------------------------------------------------------------------------


def _start(cell: Cell, operation: Operation) -> Iterator[str]:
    """Looked at with what was remembered before the Start, and no more."""
    if cell.operations.get(operation.id) != operation:
        yield f"{operation.id} is started without an intent"
    against = [entry.order.id for entry in orders.entries_of(cell, operation) if not _goes_on(entry)]
    # What is gone on with is one run for all of its orders.
    if against and (not operation.resumes or len(against) == len(operation.job_ids)):
        yield f"{operation.id} is started, and {against[0]} is not to go on"
    others_there = [part.serial for part in cell.parts.values() if station_of(cell.where(part)) == operation.station]
    if operation.mates and set(others_there) - {*operation.serials}:
        yield f"{operation.id} is a shared build, and {operation.station} holds {', '.join(others_there)}"
    if cell.stops.mode is CellMode.PAUSED or zones.against(cell, operation.station):
        yield f"{operation.id} is started at {operation.station} against a stop"
    worker = cell.stations[operation.station]
    if worker.contact != "found" or worker.state is not MachineState.IDLE:
        yield f"{operation.id} is started at {operation.station}, which is not idle"
    for name in _touched(cell, operation) & cell.stations.keys():
        if cell.stations[name].state not in AT_REST:
            yield f"{operation.id} goes to {name}, which is not known to stand still"
    permits = [each.permit for each in cell.transfers.values() if each.operation_id == operation.id]
    if operation.kind is OperationKind.CARRY and not (permits and all(each and each.live for each in permits)):
        yield f"{operation.id} is started without its permits"
    others = [other for other in cell.operations.values() if other.id != operation.id]
    for other in others:
        attended = cell.plan.station(other.station).attended
        if other.state is OperationState.UNKNOWN and not attended and _touched(cell, other) & _touched(cell, operation):
            yield f"{operation.id} is started where the outcome of {other.id} is unknown"


def _goes_on(entry: OrderEntry) -> bool:
    return entry.released and not entry.paused and not (entry.cancelled and not entry.keep)


def _told(cell: Cell, tell: Tell) -> Iterator[str]:
    if tell.command in _MAKES_MOVE and zones.against(cell, tell.station):
        yield f"{tell.station} is told to {tell.command.value} against a stop"
    if tell.command is MachineCommand.RESET:
        yield from _reset(cell, tell.station)


def _reset(cell: Cell, station: str) -> Iterator[str]:
    if rights.inhibited(cell, station):
        yield f"{station} is told to reset: {rights.inhibited(cell, station)}"
    if readiness.involved(cell, station) is not None and not readiness.broke_off(cell, station):
        yield f"{station} is told to reset in the middle of an operation"
    if dispatch.finished_part(cell, station):
        yield f"{station} is told to reset while it holds {dispatch.finished_part(cell, station)}"


def _numbers(before: Cell, todo: Sequence[Instruction]) -> Iterator[str]:
    stored = [step.event.job for step in todo if isinstance(step, Remember) and isinstance(step.event, ev.JobStored)]
    used = {job.serial for job in before.jobs.values()} | before.parts.keys()
    for job in stored:
        if job.serial in used or job.id in before.jobs:
            yield f"{job.id} reuses a number ({job.serial})"
        used.add(job.serial)


def _answers(todo: Sequence[Instruction]) -> Iterator[str]:
    replies = [step.reply for step in todo if isinstance(step, Answer)]
    if len(replies) > 1:
        yield f"{len(replies)} answers to one command"
    remembered = [step.event.NAME for step in todo if isinstance(step, Remember)]
    if replies and not replies[0].accepted and remembered != [ev.CommandAnswered.NAME]:
        yield f"a refused command had effects: {', '.join(remembered)}"
