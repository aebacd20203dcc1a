"""What may be asked of an order: stored, changed, started, paused, stopped, cleared, by the ISA-95 job state table.

An order is one job order of that standard. Its state is derived from its jobs and from what it was told. A command
is answered at once; where machines must react first, the state follows when they have.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from cellctl.core import lifecycle, readiness, zones
from cellctl.core.cell import OURSELVES, Cell, OrderEntry
from cellctl.core.instructions import Tell, Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import (
    CancelOrder,
    CommandCell,
    CommandOrder,
    ExpediteOrder,
    Reply,
    SubmitOrder,
    UpdateOrder,
    rejected,
)
from cellctl.domain.errors import NotAllowed
from cellctl.domain.instant import epoch_s
from cellctl.domain.job import ORDER_COMMANDS, JobCommand, JobState, JobSubstate, after, allowed
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.stop_events import CellCommanded
from cellctl.domain.stops import CellCommand, CellMode
from cellctl.domain.work import Directive, Job, Operation, OperationKind, OperationState, Order

_S = MachineState
_C = JobCommand

State = tuple[JobState, JobSubstate]

# In these a machine is at its work, or has been interrupted in it.
_AT_WORK: Final = frozenset(
    {
        _S.STARTING, _S.EXECUTE, _S.HOLDING, _S.HELD, _S.UNHOLDING, _S.SUSPENDING, _S.SUSPENDED, _S.UNSUSPENDING,
    }
)  # fmt: skip
_GO_ON: Final = {_S.HELD: MachineCommand.UNHOLD, _S.SUSPENDED: MachineCommand.UNSUSPEND}
_HOLDABLE: Final = frozenset({_S.EXECUTE, _S.SUSPENDED})
_TOLD: Final = (*ORDER_COMMANDS, _C.CANCEL)


# ---- state -----------------------------------------------------------------------------------------------------


def state_of(entry: OrderEntry, jobs: Iterable[Job], moving: frozenset[str] = frozenset()) -> State | None:
    """The state of an order with these jobs; None if it is not on the list any more.

    `moving`: the orders that a machine works for at this moment.
    """
    if entry.cleared:
        return None
    all_jobs = list(jobs)
    open_jobs = [job for job in all_jobs if lifecycle.in_work(job)]
    begun = any(job.state not in lifecycle.UNBEGUN for job in all_jobs)
    if not open_jobs:
        return _state_at_the_end(entry, begun)
    if not begun:
        return open_jobs[0].state, JobSubstate.WAITING
    doubted = any(job.state is JobState.INTERRUPTED for job in open_jobs)
    if entry.paused and entry.order.id not in moving:
        return JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION if doubted else JobSubstate.HELD
    if doubted and not any(job.state is JobState.RUNNING for job in open_jobs):
        return JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION
    return JobState.RUNNING, JobSubstate.NONE


def _state_at_the_end(entry: OrderEntry, begun: bool) -> State | None:
    if entry.closed_by is _C.ABORT:
        return JobState.ABORTED, JobSubstate.NONE
    if not entry.cancelled:
        return JobState.ENDED, JobSubstate.COMPLETED
    return (JobState.ENDED, JobSubstate.CLOSED) if begun else None


def moving(cell: Cell) -> frozenset[str]:
    """The orders that a machine works for at this moment. A person at a desk counts as standing still.

    A shared build that goes on for others does not count for an order that is paused: no hold of it is to come.
    """
    working = [operation for operation in cell.operations.values() if _moves(cell, operation)]
    return frozenset(
        entry.order.id
        for operation in working
        for entry in entries_of(cell, operation)
        if not (entry.paused and operation.mates and _wish_of_all(cell, operation) is _Rest.NONE)
    )


def _moves(cell: Cell, operation: Operation) -> bool:
    if operation.state is OperationState.UNKNOWN or cell.plan.station(operation.station).attended:
        return False
    status = cell.stations.get(operation.station)
    return status is not None and status.state is not _S.HELD


def _state_now(cell: Cell, entry: OrderEntry) -> State | None:
    jobs = [job for job in cell.jobs.values() if job.order_id == entry.order.id]
    return state_of(entry, jobs, moving(cell))


# ---- accepting and changing ------------------------------------------------------------------------------------


def accept(turn: Turn, command: SubmitOrder, directive: Directive, at: str) -> Reply:
    """A prepared order comes into the list. The same order id with the same content again has no effect."""
    refused = _against_due_date(command.due_at)
    if refused is not None:
        return refused
    known = turn.cell.orders.get(command.order_id) if command.order_id else None
    if known is not None:
        return _again(turn.cell, known, command, directive)
    order = lifecycle.order_from(turn.cell, command, directive, at)
    turn.remember(ev.OrderAccepted(order, directive, command.release))
    serials = [lifecycle.store_job(turn, order.id).serial for _ in range(order.quantity)]
    waits = "" if command.release else "; it waits to be started"
    return _made(order, serials, f"{order.id}: {len(serials)} to make{waits}")


def _again(cell: Cell, known: OrderEntry, command: SubmitOrder, directive: Directive) -> Reply:
    order = known.order
    wanted = lifecycle.order_from(cell, command, directive, order.accepted_at)
    if known.cleared or known.cancelled or wanted != order:
        return rejected("id_reused", f"there was another order {order.id} already; take a fresh order id")
    if command.release and not known.released:
        return rejected("precondition_failed", f"{order.id} is stored already: cellctl order start {order.id}")
    serials = [job.serial for job in cell.jobs.values() if job.order_id == order.id]
    return _made(order, serials, f"{order.id} is there already; nothing was done twice")


def _made(order: Order, serials: list[str], message: str) -> Reply:
    return Reply("accepted", message, {"order_id": order.id, "serials": serials})


def wanted(entry: OrderEntry, update: UpdateOrder) -> SubmitOrder:
    """The order as it would be asked for today, with this change."""
    order = entry.order
    other = update.product not in ("", order.product)
    return SubmitOrder(
        update.product or order.product,
        order.parameters if update.parameters is None else update.parameters,
        update.revision or ("" if other else order.revision),
        order.quantity if update.quantity is None else update.quantity,
        order.priority if update.priority is None else update.priority,
        order.due_at if update.due_at is None else update.due_at,
        order.customer_reference if update.customer_reference is None else update.customer_reference,
        order_id=order.id,
    )


def change(turn: Turn, command: UpdateOrder, directive: Directive, by: str) -> Reply:
    """Give an order of which nothing has begun another content; its programs are made already."""
    entry = turn.cell.orders.get(command.order_id)
    refused = against(turn.cell, command.order_id, _C.UPDATE) or _against_due_date(command.due_at)
    if refused is not None or entry is None:
        return refused or _unknown(command.order_id)
    order = lifecycle.order_from(turn.cell, wanted(entry, command), directive, entry.order.accepted_at)
    jobs = lifecycle.open_jobs(turn.cell, order.id)
    same = (order.product, order.revision) == (entry.order.product, entry.order.revision)
    turn.remember(ev.OrderChanged(order, directive, by))
    # A serial number says of which product and revision its part is.
    kept = jobs[: order.quantity] if same else []
    for job in jobs[len(kept) :]:
        lifecycle.change_job(turn, job, _C.CANCEL)
    kept += [lifecycle.store_job(turn, order.id) for _ in range(order.quantity - len(kept))]
    return _made(order, [job.serial for job in kept], f"{order.id} is changed: {order.quantity} to make")


def expedite(turn: Turn, command: ExpediteOrder, by: str) -> Reply:
    """Another priority or due date at any stage. What has begun goes on as it is; what waits finds its new place."""
    entry = turn.cell.orders.get(command.order_id)
    if entry is None or entry.cleared:
        return _unknown(command.order_id)
    refused = _against_due_date(command.due_at)
    if refused is not None:
        return refused
    order = entry.order
    if entry.cancelled or not lifecycle.open_jobs(turn.cell, order.id):
        return rejected("precondition_failed", f"{order.id} is over; nothing of it waits")
    priority = order.priority if command.priority is None else command.priority
    due_at = order.due_at if command.due_at is None else command.due_at
    if (priority, due_at) == (order.priority, order.due_at):
        return Reply("accepted", f"{order.id} has priority {priority} and is due {due_at or 'at no date'} already")
    turn.remember(ev.OrderExpedited(order.id, priority, due_at, by))
    return Reply("accepted", f"{order.id} has priority {priority} and is due {due_at or 'at no date'}")


def _against_due_date(due_at: str | None) -> Reply | None:
    try:
        epoch_s(due_at) if due_at else None
    except ValueError as wrong:
        return rejected("invalid", f"due_at: {wrong}")
    return None


# ---- commands --------------------------------------------------------------------------------------------------


def against(cell: Cell, order_id: str, command: JobCommand) -> Reply | None:
    """Why an order does not take a command: by the table, or by what it is about already. None if it does."""
    entry = cell.orders.get(order_id)
    state = _state_now(cell, entry) if entry else None
    if entry is None or state is None:
        return _unknown(order_id)
    try:
        after(state[0], command)
    except NotAllowed:
        ways = ", ".join(each.value for each in allowed(state[0]))
        why = f"{order_id} is {state[0].name} and cannot {command.value}; it can: {ways}"
        result = {"state": state[0].name, "allowed": [each.value for each in allowed(state[0])]}
        return Reply("rejected:precondition_failed", why, result)
    why = _against_now(entry, state, command)
    return rejected("precondition_failed", f"{order_id} {why}") if why else None


def _against_now(entry: OrderEntry, state: State, command: JobCommand) -> str:
    if entry.closed_by is not None and command not in (_C.CLEAR, _C.ABORT):
        return f"was told to {entry.closed_by.value} already; what is in work ends first"
    if entry.closed_by is _C.ABORT and command is _C.ABORT:
        return "was told to abort already; what is in work ends first"
    if command is _C.PAUSE and entry.paused:
        return "is paused already; what is in work comes to its hold first"
    if command is _C.RESUME and not entry.paused:
        return "waits for a person to say what is true of its part; answer first: cellctl prompt list"
    return ""


def tell(turn: Turn, command: CommandOrder, by: str) -> Reply:
    """Carry out a command of the table."""
    if command.command not in _TOLD:
        ways = ", ".join(each.value for each in _TOLD)
        return rejected("invalid", f"nobody tells an order to {command.command.value}; allowed: {ways}")
    refused = against(turn.cell, command.order_id, command.command)
    if refused is not None:
        return refused
    if command.command is _C.CANCEL:
        return _close(turn, ev.OrderCancelled(command.order_id, by), "cancelled")
    told = ev.OrderCommanded(command.order_id, command.command, by)
    if command.command in (_C.STOP, _C.ABORT):
        return _close(turn, told, "told to " + command.command.value)
    turn.remember(told)
    if command.command in (_C.START, _C.REVOKE_START):
        for job in lifecycle.open_jobs(turn.cell, command.order_id):
            lifecycle.change_job(turn, job, command.command)
    return Reply("accepted", f"{command.order_id}: {command.command.value}")


def cancel(turn: Turn, command: CancelOrder, by: str) -> Reply:
    """Cancel at any stage: what is in work ends its present operation and is scrapped, or is finished for stock.

    An order that finishes for stock may be cancelled again without `keep`: then that ends too.
    """
    entry = turn.cell.orders.get(command.order_id)
    if entry is None:
        return _unknown(command.order_id)
    if entry.cancelled and not (entry.keep and not command.keep):
        return rejected("precondition_failed", f"{command.order_id} is cancelled already")
    if not lifecycle.open_jobs(turn.cell, command.order_id):
        return rejected("precondition_failed", f"{command.order_id} is done; nothing of it is left to cancel")
    return _close(turn, ev.OrderCancelled(command.order_id, by, command.keep), "cancelled")


def tell_cell(turn: Turn, command: CommandCell, by: str) -> Reply:
    """Drain, pause or continue the whole cell."""
    mode = turn.cell.stops.mode
    if command.command is CellCommand.CONTINUE and mode is CellMode.RUNNING:
        return rejected("precondition_failed", "the cell is running; there is nothing to go on from")
    if command.command.value in _MODE_WORDS[mode]:
        return rejected("precondition_failed", f"the cell is {mode.value} already")
    turn.remember(CellCommanded(command.command, by))
    in_work = sum(lifecycle.in_work(job) and job.state not in lifecycle.UNBEGUN for job in turn.cell.jobs.values())
    return Reply("accepted", f"the cell is {turn.cell.stops.mode.value}: {in_work} parts in work", {"in_work": in_work})


_MODE_WORDS: Final = {
    CellMode.RUNNING: (),
    CellMode.DRAINING: (CellCommand.DRAIN.value,),
    CellMode.PAUSED: (CellCommand.PAUSE.value,),
}


def _close(turn: Turn, event: ev.OrderCancelled | ev.OrderCommanded, how: str) -> Reply:
    turn.remember(event)
    unbegun, in_work = lifecycle.cancel_jobs(turn, event.order_id)
    what = "finished for stock" if turn.cell.orders[event.order_id].keep else "scrapped"
    return Reply("accepted", f"{event.order_id} is {how}: {unbegun} not begun, {in_work} in work will be {what}")


def _unknown(order_id: str) -> Reply:
    return rejected("unknown_target", f"there is no order {order_id}; list them: cellctl order list")


# ---- after every stimulus --------------------------------------------------------------------------------------


def steer(turn: Turn) -> None:
    """Machines that work for an order that was paused, resumed, stopped or aborted are told so, each once a state."""
    for operation in list(turn.cell.operations.values()):
        command = _wish(turn.cell, operation)
        if command is not None and turn.cell.stations[operation.station].told is not command:
            turn.remember(ev.StationCommanded(operation.station, command, OURSELVES))
            turn.do(Tell(operation.station, command))


def _wish(cell: Cell, operation: Operation) -> MachineCommand | None:
    """What a machine is to be told because of the order that it works for.

    Carries end by themselves unless the order is aborted: an arm that stops with a part in its gripper stands in the
    way of everybody. A person at a desk is told nothing.
    """
    status = cell.stations.get(operation.station)
    unknown = operation.state is OperationState.UNKNOWN
    if status is None or unknown or cell.plan.station(operation.station).attended or status.state not in _AT_WORK:
        return None
    wish = _wish_of_all(cell, operation)
    if wish is _Rest.ABORTS:
        return MachineCommand.ABORT
    if not operation.job_id or operation.kind is OperationKind.CARRY:
        return _let_go(cell, operation.station)
    if wish is _Rest.STOPS:
        return MachineCommand.STOP
    if wish is _Rest.WAITS or cell.stops.mode is CellMode.PAUSED:
        return MachineCommand.HOLD if status.state in _HOLDABLE else None
    return _let_go(cell, operation.station)


class _Rest(IntEnum):
    """What an order wants of the machine that works for it, mildest first."""

    NONE = 0
    WAITS = 1
    STOPS = 2
    ABORTS = 3


def _rest(entry: OrderEntry, *, parked: bool) -> _Rest:
    if entry.closed_by is _C.ABORT:
        return _Rest.ABORTS
    if entry.closed_by is _C.STOP or (entry.cancelled and parked and not entry.keep):
        return _Rest.STOPS
    return _Rest.WAITS if entry.paused else _Rest.NONE


def _wish_of_all(cell: Cell, operation: Operation) -> _Rest:
    """A shared build does what the mildest of its orders wants: no order harms the others."""
    parked = cell.stations[operation.station].parked
    return min((_rest(entry, parked=parked) for entry in entries_of(cell, operation)), default=_Rest.NONE)


def entries_of(cell: Cell, operation: Operation) -> list[OrderEntry]:
    """The orders that an operation works for; none for a change-over."""
    return [cell.orders[cell.jobs[job_id].order_id] for job_id in operation.job_ids if job_id]


def _let_go(cell: Cell, station: str) -> MachineCommand | None:
    """What ends a hold or a suspension that the cell itself has asked for, unless a stop is against it."""
    status = cell.stations[station]
    if not status.parked or zones.against(cell, station):
        return None
    return _GO_ON.get(status.state) if status.state else None


def parked_for(cell: Cell, station: str) -> str:
    """The paused order that a machine is held for; "" if there is none."""
    operation = readiness.involved(cell, station)
    entries = entries_of(cell, operation) if operation else []
    parked = bool(entries) and cell.stations[station].parked and all(entry.paused for entry in entries)
    return entries[0].order.id if parked else ""
