"""What begins at the end of a turn: operations of waiting jobs, the change-overs before them, and carriers' moves."""

from dataclasses import replace

from cellctl.core import agenda, carriers, dispatch, handover, lifecycle, looked, prompts
from cellctl.core.changing import changed
from cellctl.core.instructions import Start, Turn
from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand
from cellctl.domain.work import NOWHERE, Job, Operation, OperationKind, Part, Prompt


def begin_all(turn: Turn) -> None:
    """Begin whatever can begin now, in the order of the schedule."""
    jobs, before = dispatch.waiting(turn.cell), turn.cell.schedule
    turn.cell = agenda.thought_out(turn.cell, jobs, turn.now_s)
    seen = looked.seen(turn.cell)
    if not looked.again(turn.cell, seen):
        if turn.cell.schedule is not before:
            jobs = dispatch.waiting(turn.cell)
        if _begin_any(turn, jobs):
            return
    turn.cell = changed(turn.cell, seen=seen)


def _begin_any(turn: Turn, jobs: list[Job]) -> bool:
    """Begin whatever can of these, by the schedule that there is; whether anything did."""
    before = len(turn.todo)
    # What cannot begin now cannot begin later in the same turn either: starting work only takes places away.
    blocked: set[str] = set()
    begun: set[str] = set()
    cell, wanted_by = turn.cell, dispatch.unbegun(turn.cell)
    for job in jobs:
        if job.id in begun:
            continue  # In a shared build, with one that was before it.
        if turn.cell is not cell:
            cell, wanted_by = turn.cell, dispatch.unbegun(turn.cell)
        wanted = wanted_by(job)
        if wanted and wanted in blocked:
            continue
        operation = dispatch.next_operation(turn.cell, job)
        if isinstance(operation, tuple):
            blocked.add(wanted)
            continue
        if operation.kind is OperationKind.CHANGE:
            _change_over(turn, operation)
            continue
        begun |= {*operation.job_ids}
        for alone in operation.each():
            _begin(turn, alone)
        operation = replace(operation, at_s=round(turn.now_s, 3))
        if operation.kind is OperationKind.CARRY:
            handover.offer(turn, operation)
        turn.remember(ev.OperationIntended(operation))
        turn.do(Start(operation))
    for carrier in turn.cell.plan.carriers.values():
        move = carriers.next_move(turn.cell, carrier)
        if isinstance(move, Operation):
            _carry(turn, move)
    return len(turn.todo) > before


def _carry(turn: Turn, operation: Operation) -> None:
    """A carrier is carried with all that lies on it."""
    operation = replace(operation, at_s=round(turn.now_s, 3))
    handover.offer(turn, operation)
    turn.remember(ev.OperationIntended(operation))
    turn.do(Start(operation))


def _begin(turn: Turn, operation: Operation) -> None:
    """A part that is made now comes into being, and its job is in work."""
    if operation.kind is OperationKind.PROCESS and operation.serial not in turn.cell.parts:
        # The bed counts as occupied from the moment the first byte may go out.
        turn.remember(ev.PartCreated(Part(operation.serial, operation.job_id)))
    if turn.cell.parts[operation.serial].place == NOWHERE:
        turn.remember(lifecycle.placed(operation))
    lifecycle.change_job(turn, turn.cell.jobs[operation.job_id], JobCommand.BEGIN)


def _change_over(turn: Turn, operation: Operation) -> None:
    """Ask a person to, or let the machine do it."""
    operation = replace(operation, at_s=round(turn.now_s, 3))
    turn.remember(ev.OperationIntended(operation))
    if operation.question is None:
        turn.do(Start(operation))
    else:
        prompts.ask(turn, Prompt(prompts.next_id(turn.cell), operation.station, operation.question, operation.id))
