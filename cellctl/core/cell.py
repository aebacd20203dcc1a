"""The cell as a value, and the one function that changes it: folding an event of the log into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any, Final

from cellctl.core import part_fold, station, stock_fold
from cellctl.core.asked import Waited, still_asked
from cellctl.core.changing import changed
from cellctl.core.ladder import Climb, climbed
from cellctl.core.sequencing import Schedule
from cellctl.core.setups import Measured, learned
from cellctl.core.stops import Stopped, Stops, fold
from cellctl.domain import events as ev
from cellctl.domain import stock_events as stock
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.material import Stock
from cellctl.domain.transfer import CarrierAt, Signals, Transfer, resolved
from cellctl.domain.work import (
    Directive,
    Job,
    Knowledge,
    Operation,
    OperationState,
    Order,
    Part,
    Place,
    Plan,
    Progress,
    Prompt,
)

# A machine that is worked on by hand goes through the first of these into the second, and stays there.
_BY_HAND: Final = (MachineState.ABORTING, MachineState.ABORTED)
StationStatus = station.StationStatus


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """An accepted order with its frozen work directive.

    `released`: it may start. `paused`: nothing more of it is begun for now. `cancelled`: nothing more of it is ever
    begun, and what is in work is scrapped, or finished for stock (`keep`); `closed_by` says whether by CANCEL, STOP or
    ABORT. `cleared`: off the list.
    """

    order: Order
    directive: Directive
    cancelled: bool = False
    released: bool = True
    paused: bool = False
    closed_by: JobCommand | None = None
    cleared: bool = False
    keep: bool = False


@dataclass(frozen=True)  # Without slots: see `changing`.
class Counts:
    """How many names of each sort have been given out; `rev` counts events."""

    rev: int = 0
    orders: int = 0
    operations: int = 0
    serials: int = 0
    prompts: int = 0


@dataclass(frozen=True)  # Without slots: see `changing`.
class Cell:
    """All that the controller knows. `operations`, `prompts` and `transfers` hold only what is still open.

    `measured`: how long change-overs took. `schedule` is thought out from all the rest, and not remembered; nor is
    `seen`: what mattered to the dispatch when it found last that nothing could begin (`core.looked`).
    """

    plan: Plan
    orders: Mapping[str, OrderEntry] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    operations: Mapping[str, Operation] = field(default_factory=dict)
    stations: Mapping[str, StationStatus] = field(default_factory=dict)
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    stock: Stock = field(default_factory=Stock)
    counts: Counts = field(default_factory=Counts)
    transfers: Mapping[str, Transfer] = field(default_factory=dict)
    carriers: Mapping[str, CarrierAt] = field(default_factory=dict)
    disk_full: bool = False
    stops: Stops = field(default_factory=Stops)
    measured: Measured = field(default_factory=dict)
    schedule: Schedule = field(default=Schedule(), compare=False, repr=False)
    seen: tuple[Any, ...] | None = field(default=None, compare=False, repr=False)

    def part_at(self, place: Place) -> Part | None:
        """The part that is believed to be at a place."""
        return next((part for part in self.parts.values() if part.place == place), None)

    def where(self, part: Part) -> Place:
        """The place in the cell where a part is: that of its carrier, where it lies on one."""
        return resolved(part.place, self.carriers) if self.carriers else part.place

    def operation_of(self, job_id: str) -> Operation | None:
        """The open operation of a job."""
        return next((op for op in self.operations.values() if job_id == op.job_id or job_id in op.job_ids), None)


OURSELVES: Final = "cellctl"  # Who commands when the cell itself does.
THE_ALARMS: Final = "cellctl:alarms"  # Who does when an alarm does; what it has held a person lets go.
_HELD: Final = (MachineState.HOLDING, MachineState.HELD, MachineState.SUSPENDING, MachineState.SUSPENDED)
_PARKS: Final = (MachineCommand.HOLD, MachineCommand.SUSPEND)
_SET_RIGHT: Final = frozenset({MachineCommand.STOP, MachineCommand.ABORT, MachineCommand.CLEAR})


def empty(plan: Plan) -> Cell:
    """A cell in which nothing has happened yet."""
    stations = {name: StationStatus(setup=each.setup) for name, each in plan.stations.items() if each.driver}
    carriers = {name: CarrierAt(carrier.at, Knowledge.PRESUMED) for name, carrier in plan.carriers.items()}
    return Cell(plan=plan, stations=stations, carriers=carriers, stock=Stock(margin=plan.stock.margin))


def apply(cell: Cell, event: ev.Event) -> Cell:
    """The cell after an event of the log. Total: an event about something that is gone changes only `rev`."""
    after = _FOLDS.get(type(event), _unchanged)(event, cell)
    return changed(after, counts=changed(after.counts, rev=after.counts.rev + 1))


def _unchanged(event: Any, cell: Cell) -> Cell:
    """Events that carry no state of the cell: answers to commands."""
    return cell


_fold: Final = singledispatch(_unchanged)
_FOLDS: Final[Mapping[Any, Callable[[Any, Cell], Cell]]] = _fold.registry  # An event is of one class.


@_fold.register
def _(event: ev.ControllerStarted, cell: Cell) -> Cell:
    return changed(cell, stations={name: status.after_a_start() for name, status in cell.stations.items()})


@_fold.register
def _(event: ev.OrderAccepted, cell: Cell) -> Cell:
    entry = OrderEntry(event.order, event.directive, released=event.released)
    orders = {**cell.orders, event.order.id: entry}
    return changed(cell, orders=orders, counts=changed(cell.counts, orders=cell.counts.orders + 1))


@_fold.register
def _(event: ev.OrderChanged, cell: Cell) -> Cell:
    return _order(cell, event.order.id, order=event.order, directive=event.directive)


_WHEN_TOLD: Final[Mapping[JobCommand, Mapping[str, Any]]] = {
    JobCommand.START: {"released": True},
    JobCommand.REVOKE_START: {"released": False},
    JobCommand.PAUSE: {"paused": True},
    JobCommand.RESUME: {"paused": False},
    JobCommand.STOP: {"cancelled": True, "paused": False, "closed_by": JobCommand.STOP},
    JobCommand.ABORT: {"cancelled": True, "paused": False, "closed_by": JobCommand.ABORT},
    JobCommand.CLEAR: {"cleared": True},
}


@_fold.register
def _(event: ev.OrderCommanded, cell: Cell) -> Cell:
    return _order(cell, event.order_id, **_WHEN_TOLD.get(event.command, {}))


@_fold.register
def _(event: ev.OrderCancelled, cell: Cell) -> Cell:
    return _order(cell, event.order_id, cancelled=True, paused=False, closed_by=JobCommand.CANCEL, keep=event.keep)


@_fold.register
def _(event: ev.OrderExpedited, cell: Cell) -> Cell:
    entry = cell.orders.get(event.order_id)
    if entry is None:
        return cell
    return _order(cell, event.order_id, order=replace(entry.order, priority=event.priority, due_at=event.due_at))


@_fold.register
def _(event: Stopped, cell: Cell) -> Cell:
    return changed(cell, stops=fold(cell.stops, event))


@_fold.register
def _(event: ev.OrderRetired, cell: Cell) -> Cell:
    jobs = {name: job for name, job in cell.jobs.items() if job.order_id != event.order_id}
    parts = {serial: part for serial, part in cell.parts.items() if part.job_id in jobs or part.job_id not in cell.jobs}
    orders = {name: entry for name, entry in cell.orders.items() if name != event.order_id}
    return changed(cell, orders=orders, jobs=jobs, parts=parts)


@_fold.register
def _(event: ev.DiskChanged, cell: Cell) -> Cell:
    return changed(cell, disk_full=event.full)


@_fold.register
def _(event: ev.JobStored, cell: Cell) -> Cell:
    counts = changed(cell.counts, serials=cell.counts.serials + 1)
    return changed(cell, jobs={**cell.jobs, event.job.id: event.job}, counts=counts)


@_fold.register
def _(event: ev.JobChanged, cell: Cell) -> Cell:
    job = cell.jobs.get(event.job_id)
    if job is None:
        return cell
    now = replace(job, state=event.state, substate=event.substate, step=event.step, reason=event.reason)
    return changed(cell, jobs={**cell.jobs, job.id: now})


@_fold.register
def _(event: ev.JobRemoved, cell: Cell) -> Cell:
    return changed(cell, jobs={name: job for name, job in cell.jobs.items() if name != event.job_id})


@_fold.register
def _(event: ev.PartCreated, cell: Cell) -> Cell:
    return changed(cell, parts={**cell.parts, event.part.serial: event.part})


@_fold.register
def _(event: ev.PartMoved, cell: Cell) -> Cell:
    part = cell.parts.get(event.serial)
    if part is None:
        return cell
    moved = replace(part, place=event.place, knowledge=event.knowledge)
    return changed(cell, parts={**cell.parts, part.serial: moved})


@_fold.register
def _(event: part_fold.PartEvent, cell: Cell) -> Cell:
    part = cell.parts.get(event.serial)
    if part is None:
        return cell
    job = cell.jobs.get(part.job_id)
    route = cell.orders[job.order_id].directive.steps if job else ()
    return changed(cell, parts={**cell.parts, part.serial: part_fold.after(part, event, route)})


@_fold.register
def _(event: stock.StockEvent, cell: Cell) -> Cell:
    return changed(cell, stock=stock_fold.after(cell.stock, event))


@_fold.register
def _(event: ev.OperationIntended, cell: Cell) -> Cell:
    operations = {**cell.operations, event.operation.id: event.operation}
    counts = changed(cell.counts, operations=cell.counts.operations + 1)
    lines = event.operation.program.lines if event.operation.program else 0
    # Whatever is begun at a station, what a person prepared it for has had its turn, or lost it.
    fresh = _station(cell, event.operation.station, progress=Progress(total=lines), promised=event.operation.prepares)
    return changed(fresh, operations=operations, counts=counts)


@_fold.register(ev.OperationStarted)
@_fold.register(ev.OperationSent)
@_fold.register(ev.OperationAcknowledged)
@_fold.register(ev.OperationFound)
def _(event: Climb, cell: Cell) -> Cell:
    operation = cell.operations.get(event.operation_id)
    if operation is None:
        return cell
    return changed(cell, operations={**cell.operations, operation.id: climbed(operation, event)})


@_fold.register
def _(event: ev.OperationAdvanced, cell: Cell) -> Cell:
    operation = cell.operations.get(event.operation_id)
    return _station(cell, operation.station, progress=event.progress) if operation else cell


@_fold.register
def _(event: ev.OperationEnded, cell: Cell) -> Cell:
    operation = cell.operations.get(event.operation_id)
    if operation is None:
        return cell
    if event.state is OperationState.UNKNOWN:
        unknown = replace(operation, state=OperationState.UNKNOWN, sought=event.sought)
        return changed(cell, operations={**cell.operations, operation.id: unknown})
    ended = changed(cell, operations={k: op for k, op in cell.operations.items() if k != operation.id})
    if event.unfit and operation.program is not None:
        before = cell.stations[operation.station].unfit if operation.station in cell.stations else {}
        return _station(ended, operation.station, unfit={**before, operation.program.sha256: event.reason})
    # What was found not to have begun was refused by nobody.
    if event.state is OperationState.NOT_BEGUN and operation.state is not OperationState.UNKNOWN:
        return _station(ended, operation.station, refused=event.reason or "it did not say why")
    return ended


@_fold.register
def _(event: ev.StationChanged, cell: Cell) -> Cell:
    by_hand = cell.stations[event.station].by_hand if event.state in _BY_HAND and event.station in cell.stations else ""
    parked = event.state in _HELD and event.station in cell.stations and cell.stations[event.station].parked
    changes = {"state": event.state, "reason": event.reason, "by_hand": by_hand, "parked": parked}
    return _station(cell, event.station, refused="", told=None, **changes)


@_fold.register
def _(event: ev.SignalsShown, cell: Cell) -> Cell:
    status = cell.stations.get(event.station)
    late = status is not None and event.signals.seq <= status.signals.seq
    return cell if late else _station(cell, event.station, signals=event.signals)


@_fold.register
def _(event: ev.TransferPhase, cell: Cell) -> Cell:
    transfers = {**cell.transfers, event.transfer.id: event.transfer}
    return changed(cell, transfers={name: each for name, each in transfers.items() if each.open})


@_fold.register
def _(event: ev.CarrierMoved, cell: Cell) -> Cell:
    known = event.carrier in cell.carriers
    now = {**cell.carriers, event.carrier: CarrierAt(event.place, event.knowledge)}
    return changed(cell, carriers=now) if known else cell


@_fold.register
def _(event: ev.SetupChanged, cell: Cell) -> Cell:
    status = cell.stations.get(event.station)
    before = status.setup if status else {}
    measured = learned(cell.plan.changeovers, cell.measured, event, before)
    return _station(changed(cell, measured=measured), event.station, setup={**before, **event.setup})


@_fold.register
def _(event: ev.LineSent, cell: Cell) -> Cell:
    return _station(cell, event.station, by_hand=event.by)


@_fold.register
def _(event: ev.LineNotSent, cell: Cell) -> Cell:
    status = cell.stations.get(event.station)
    kept = status.by_hand if status and status.state in _BY_HAND else ""
    return _station(cell, event.station, by_hand=kept)


@_fold.register
def _(event: ev.StationCommanded, cell: Cell) -> Cell:
    if event.by == OURSELVES and event.command in _PARKS:
        return _station(cell, event.station, told=event.command, parked=True)
    if event.by in (OURSELVES, THE_ALARMS):
        return _station(cell, event.station, told=event.command)
    # Of people's commands only a reset is waited for. Behind the others a person may have changed the machine.
    if event.command in _SET_RIGHT:
        return _station(cell, event.station, unfit={})
    if event.command is not MachineCommand.RESET:
        return cell
    return _station(cell, event.station, told=event.command)


@_fold.register
def _(event: ev.ContactFound, cell: Cell) -> Cell:
    fresh: dict[str, Any] = {"reason": "", "unfit": {}, "link": None, "signals": Signals()}
    return _station(cell, event.station, contact="found", identity=event.identity, **fresh)


@_fold.register
def _(event: ev.ContactLost, cell: Cell) -> Cell:
    gone = {"state": None, "contact": "lost", "reason": event.reason, "signals": Signals()}
    return _station(cell, event.station, **gone, told=None, parked=False, by_hand="")


@_fold.register
def _(event: ev.LinkMeasured, cell: Cell) -> Cell:
    return _station(cell, event.station, link=event.quality)


@_fold.register
def _(event: ev.PromptRaised, cell: Cell) -> Cell:
    counts = changed(cell.counts, prompts=cell.counts.prompts + 1)
    asked = changed(cell, prompts={**cell.prompts, event.prompt.id: event.prompt}, counts=counts)
    operation = cell.operations.get(event.prompt.operation_id)
    if operation is None or not operation.sought:
        return asked
    return changed(asked, operations={**cell.operations, operation.id: replace(operation, sought=False)})


@_fold.register
def _(event: Waited, cell: Cell) -> Cell:
    return changed(cell, prompts=still_asked(cell.prompts, event))


def _order(cell: Cell, order_id: str, **changes: Any) -> Cell:
    entry = cell.orders.get(order_id)
    if entry is None:
        return cell
    return changed(cell, orders={**cell.orders, order_id: replace(entry, **changes)})


def _station(cell: Cell, name: str, **changes: Any) -> Cell:
    status = cell.stations.get(name)
    if status is None:
        return cell
    return changed(cell, stations={**cell.stations, name: changed(status, **changes)})
