"""What becomes of orders, jobs and parts: stored, begun, moved on a step, ended, scrapped and made again."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from cellctl.core import changeover, prompts, quality, whereabouts
from cellctl.core.cell import Cell
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.job import JobCommand, JobState, JobSubstate, after
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Directive,
    Disposition,
    Job,
    Knowledge,
    Operation,
    OperationKind,
    Order,
    Prompt,
    Question,
)

_SUBSTATE_AFTER = {
    JobState.NOT_ALLOWED_TO_START: JobSubstate.WAITING,
    JobState.ALLOWED_TO_START: JobSubstate.WAITING,
    JobState.RUNNING: JobSubstate.NONE,
    JobState.INTERRUPTED: JobSubstate.HELD,
    JobState.ENDED: JobSubstate.COMPLETED,
    JobState.ABORTED: JobSubstate.NONE,
}

# Nothing of these has begun; they have no part yet.
UNBEGUN: Final = frozenset({JobState.NOT_ALLOWED_TO_START, JobState.ALLOWED_TO_START})

TAKEN_AWAY = "taken away"


def free_names(cell: Cell) -> Iterator[str]:
    """Names for orders that come without one, in order, as far as the live cell knows."""
    names = (f"order-{number}" for number in count(cell.counts.orders + 1))
    return (name for name in names if name not in cell.orders)


def order_from(cell: Cell, command: SubmitOrder, directive: Directive, at: str) -> Order:
    """The immutable record of what was asked for, by the sender's name for it or by the next number that is free."""
    return Order(
        id=command.order_id or next(free_names(cell)),
        product=directive.product,
        revision=directive.revision,
        parameters=directive.parameters,
        quantity=command.quantity,
        priority=command.priority,
        due_at=command.due_at,
        customer_reference=command.customer_reference,
        accepted_at=at,
    )


def in_work(job: Job) -> bool:
    """Whether a job may still want an operation."""
    return job.state in UNBEGUN or job.state in (JobState.RUNNING, JobState.INTERRUPTED)


def store_job(turn: Turn, order_id: str) -> Job:
    """One more part to make for an order, with a serial number that was never used."""
    number = turn.cell.counts.serials + 1
    entry = turn.cell.orders[order_id]
    serial = f"{entry.directive.product}-{entry.directive.revision}-{number:05d}"
    state = JobState.ALLOWED_TO_START if entry.released else JobState.NOT_ALLOWED_TO_START
    job = Job(f"job-{number}", order_id, serial, state)
    turn.remember(ev.JobStored(job))
    return job


def change_job(turn: Turn, job: Job, command: JobCommand, reason: str = "", step: int | None = None) -> None:
    """Apply a command of the job table; BEGIN of a job that runs already changes nothing."""
    if command is JobCommand.BEGIN and job.state is JobState.RUNNING:
        return
    state = after(job.state, command)
    if state is None:
        turn.remember(ev.JobRemoved(job.id))
        return
    substate = _SUBSTATE_AFTER[state]
    if command is JobCommand.PAUSE:
        substate = JobSubstate.NEEDS_CONFIRMATION
    turn.remember(ev.JobChanged(job.id, state, substate, job.step if step is None else step, reason))


def placed(operation: Operation) -> ev.PartMoved:
    """The part is where the operation puts it: a new one comes into being where its first operation works."""
    return ev.PartMoved(operation.serial, operation.target, Knowledge.RECORDED, operation.id)


def work_done(turn: Turn, operation: Operation, answer: str, by: str) -> None:
    """A station has done what it was asked to."""
    if operation.kind is OperationKind.CHANGE:
        changeover.changed(turn, operation, by)
    elif operation.kind is OperationKind.PROCESS:
        for alone in operation.each():
            step_done(turn, alone, answer, by)
    elif whereabouts.of(turn.cell, operation.serial) != operation.target:
        what, by = operation.serial, operation.id
        turn.remember(whereabouts.moved(turn.cell, what, operation.target, Knowledge.RECORDED, by))


def step_done(turn: Turn, operation: Operation, answer: str, by: str) -> None:
    """A step has been done: on to the next one, or to the end. A wrong answer scraps the part, if no gate is milder."""
    job = turn.cell.jobs[operation.job_id]
    step = turn.cell.orders[job.order_id].directive.steps[job.step]
    if step.gate is not None:
        way = quality.judge(turn, operation, step, step.gate, answer, by)
    else:
        wrong = operation.question is not None and answer != operation.question.choices[0]
        way = quality.Way.OUT if wrong else quality.Way.ON
    if way is quality.Way.ON:
        next_step(turn, job, by, in_hand=bool(answer))
    elif way is quality.Way.OUT:
        result = turn.cell.parts[job.serial].inspection(step.name)
        why = result.why if result and result.why else answer
        scrap(turn, job, f"{operation.step}: {why}", by, in_hand=bool(answer))


def next_step(turn: Turn, job: Job, by: str, *, in_hand: bool = False) -> None:
    """A part goes on: to its next step, or out of the cell. `in_hand` as for `scrap`."""
    step = job.step + 1
    if step < len(turn.cell.orders[job.order_id].directive.steps):
        turn.remember(ev.JobChanged(job.id, job.state, job.substate, step))
        return
    change_job(turn, job, JobCommand.FINISH, step=step)
    turn.remember(ev.PartDisposed(job.serial, Disposition.ACCEPTED, by or "cellctl"))
    for_stock = turn.cell.orders[job.order_id].cancelled
    _take_away(turn, job.serial, by if in_hand else "", "It is finished, for stock" if for_stock else "It is finished")


def scrap(turn: Turn, job: Job, why: str, by: str, *, in_hand: bool = False) -> None:
    """The part is not what was ordered. Its job ends, and another one is stored unless the order was cancelled.

    `in_hand`: `by` is a person who has just looked at it.
    """
    change_job(turn, job, JobCommand.ABORT, why)
    turn.remember(ev.PartDisposed(job.serial, Disposition.SCRAPPED, by))
    _take_away(turn, job.serial, by if in_hand else "", "It is scrap")
    if not turn.cell.orders[job.order_id].cancelled:
        store_job(turn, job.order_id)


def put_back(turn: Turn, operation: Operation) -> None:
    """The operation is proved not to have begun: what it was to make does not exist."""
    for alone in operation.each():
        if alone.kind is OperationKind.PROCESS and turn.cell.jobs[alone.job_id].step == 0:
            turn.remember(ev.PartMoved(alone.serial, NOWHERE, Knowledge.RECORDED, alone.id))


def open_jobs(cell: Cell, order_id: str) -> list[Job]:
    """What is still to be made of an order."""
    return [job for job in cell.jobs.values() if job.order_id == order_id and in_work(job)]


def cancel_jobs(turn: Turn, order_id: str) -> tuple[int, int]:
    """Jobs that were not begun leave the list; those in work are scrapped after their present operation.

    Returns how many there were of both.
    """
    jobs = open_jobs(turn.cell, order_id)
    waiting = [job for job in jobs if job.state in UNBEGUN]
    for job in waiting:
        change_job(turn, job, JobCommand.CANCEL)
    return len(waiting), len(jobs) - len(waiting)


def scrap_cancelled(turn: Turn) -> None:
    """Parts of cancelled orders go no further than their present operation, unless they are finished for stock."""
    for job in [job for job in turn.cell.jobs.values() if job.state is JobState.RUNNING]:
        entry = turn.cell.orders[job.order_id]
        at_it = turn.cell.operation_of(job.id) or whereabouts.rides(turn.cell, job.serial)
        if entry.cancelled and not entry.keep and at_it is None:
            scrap(turn, job, "the order was cancelled", "cellctl")


def _take_away(turn: Turn, serial: str, holder: str, why: str) -> None:
    """Move a part out of the cell: by the person who has just judged it at a bench, else ask somebody to."""
    place = turn.cell.parts[serial].place
    if place in (NOWHERE, GONE):
        return
    station = whereabouts.station_at(turn.cell, place)
    if holder and turn.cell.plan.station(station).attended:
        turn.remember(ev.PartMoved(serial, GONE, Knowledge.CONFIRMED, holder))
        return
    question = Question(f"Take {serial} away from {whereabouts.said(turn.cell, place)}. {why}.", (TAKEN_AWAY,))
    prompts.ask(turn, Prompt(prompts.next_id(turn.cell), station, question, serial=serial))
