"""From the cell to its CellView. Pure; called for every face from one place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cellctl.core import dispatch, lifecycle
from cellctl.core.cell import Cell, OrderEntry
from cellctl.core.view import CellView, JobView, MachineView, OrderView, PromptView
from cellctl.domain.job import JobState
from cellctl.domain.work import GONE, Job, Operation, OperationState, Progress, Prompt

_UNSEEN: Mapping[str, Progress] = {}

# Why a job waits: codes for programs, one sentence for people.
Waits = tuple[tuple[str, ...], str]


# So many orders that are over stay in the view; older ones are in the log.
CLOSED_SHOWN: Final = 20
_CLOSED: Final = frozenset({"done", "cancelled"})


def render(cell: Cell, live: Mapping[str, Progress] = _UNSEEN) -> CellView:
    """The view of a cell. `live` has fresher progress than the journal, by operation id."""
    machines = tuple(_machine(cell, name, live) for name in cell.stations)
    orders = _orders(cell)
    shown = {job_id for order in orders for job_id in order.jobs}
    answers: dict[str, Waits] = {}
    return CellView(
        cell=cell.plan.name,
        rev=cell.counts.rev,
        machines=machines,
        orders=orders,
        jobs=tuple(_job(cell, job, answers) for job in cell.jobs.values() if job.id in shown),
        prompts=tuple(_prompt(cell, prompt) for prompt in cell.prompts.values()),
        alarms=tuple(alarm for machine in machines if (alarm := _alarm(machine))),
    )


def _machine(cell: Cell, name: str, live: Mapping[str, Progress]) -> MachineView:
    status = cell.stations[name]
    station = cell.plan.stations[name]
    operation = next((op for op in cell.operations.values() if op.station == name), None)
    progress = status.progress if operation else Progress()
    return MachineView(
        name=name,
        driver=station.driver,
        capabilities=station.capabilities,
        state=status.state.name if status.state else "",
        contact=status.contact,
        identity=status.identity,
        reason=status.reason,
        operation_id=operation.id if operation else "",
        job_id=operation.job_id if operation else "",
        step=operation.step if operation else "",
        progress=live.get(operation.id, progress) if operation else progress,
        locked=dispatch.locked(cell, name),
    )


def _alarm(machine: MachineView) -> str:
    if machine.contact == "lost":
        return f"{machine.name} is not heard: {machine.reason}"
    if machine.state in ("HELD", "ABORTED", "STOPPED") and machine.reason:
        return f"{machine.name} is {machine.state}: {machine.reason}"
    return ""


def refresh(view: CellView, live: Mapping[str, Progress]) -> CellView:
    """The same view with the progress of now."""
    machines = tuple(
        replace(machine, progress=live[machine.operation_id]) if machine.operation_id in live else machine
        for machine in view.machines
    )
    return replace(view, machines=machines)


def _orders(cell: Cell) -> tuple[OrderView, ...]:
    jobs: dict[str, list[Job]] = {order_id: [] for order_id in cell.orders}
    for job in cell.jobs.values():
        jobs[job.order_id].append(job)
    views = [_order(entry, jobs[order_id]) for order_id, entry in cell.orders.items()]
    closed = [view.id for view in views if view.state in _CLOSED]
    old = frozenset(closed[:-CLOSED_SHOWN])
    return tuple(view for view in views if view.id not in old)


def _order(entry: OrderEntry, jobs: list[Job]) -> OrderView:
    order = entry.order
    done = sum(job.state is JobState.ENDED for job in jobs)
    return OrderView(
        id=order.id,
        product=order.product,
        revision=order.revision,
        parameters=order.parameters,
        quantity=order.quantity,
        done=done,
        state=_order_state(entry, jobs, done),
        accepted_at=order.accepted_at,
        customer_reference=order.customer_reference,
        jobs=tuple(job.id for job in jobs),
    )


def _order_state(entry: OrderEntry, jobs: list[Job], done: int) -> str:
    if entry.cancelled:
        return "cancelled"
    if done >= entry.order.quantity:
        return "done"
    return "running" if any(job.state is not JobState.ALLOWED_TO_START for job in jobs) else "open"


def _job(cell: Cell, job: Job, answers: dict[str, Waits]) -> JobView:
    part = cell.parts.get(job.serial)
    steps = cell.orders[job.order_id].directive.steps
    reasons, why = _why(cell, job, answers)
    return JobView(
        id=job.id,
        order_id=job.order_id,
        serial=job.serial,
        state=job.state.name,
        substate=job.substate.value,
        step=steps[job.step].name if job.step < len(steps) else "",
        place=part.place if part else "",
        knowledge=part.knowledge.value if part else "",
        why=why,
        reasons=reasons,
    )


def _why(cell: Cell, job: Job, answers: dict[str, Waits]) -> Waits:
    if not lifecycle.in_work(job):
        return (), job.reason
    operation = cell.operation_of(job.id)
    if operation is not None and operation.state is OperationState.UNKNOWN:
        return ("needs_confirmation",), f"waits for a person: {job.reason}"
    if operation is not None:
        way = f" from {operation.source} to {operation.target}" if operation.source else f" at {operation.target}"
        return (), f"{operation.step} by {operation.station}{way}"
    wanted = dispatch.unbegun(cell, job)
    if wanted not in answers:
        answers[wanted] = _waits(dispatch.next_operation(cell, job))
    return answers.pop(wanted) if not wanted else answers[wanted]


def _waits(answer: Operation | tuple[dispatch.Reason, ...]) -> Waits:
    if isinstance(answer, Operation):
        return ("starting",), f"{answer.step} by {answer.station} is about to begin"
    return tuple(reason.code for reason in answer), "; ".join(reason.sentence for reason in answer)


def _prompt(cell: Cell, prompt: Prompt) -> PromptView:
    operation = cell.operations.get(prompt.operation_id)
    part = cell.parts.get(prompt.serial)
    place = part.place if part else ""
    return PromptView(
        id=prompt.id,
        station=prompt.station,
        text=prompt.question.text,
        choices=prompt.question.choices,
        serial=prompt.serial,
        source=operation.source or operation.target if operation else place,
        target=operation.target if operation else GONE,
    )
