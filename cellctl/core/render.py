"""From the cell to its CellView. Pure; called for every face from one place."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from cellctl.core import (
    builds,
    carriers,
    dispatch,
    handover_view,
    lifecycle,
    orders,
    prompts,
    readiness,
    stock_view,
    whereabouts,
    zones,
)
from cellctl.core.cell import Cell, OrderEntry
from cellctl.core.changing import changed
from cellctl.core.reasons import Reason
from cellctl.core.station import StationStatus
from cellctl.core.view import AlarmView, CarrierView, CellView, JobView, MachineView, OrderView, PromptView, ZoneView
from cellctl.domain.job import JobCommand, JobState
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.machine import MachineState
from cellctl.domain.stops import Alarm, CellMode, Zone, ZonePhase
from cellctl.domain.work import (
    GONE,
    Carrier,
    Job,
    Operation,
    OperationKind,
    OperationState,
    Part,
    Progress,
    Prompt,
    Station,
    Step,
)

# Why a job waits: codes for programs, one sentence for people.
Waits = tuple[tuple[str, ...], str]


# So many orders that are over stay in the view; older ones are in the log.
CLOSED_SHOWN: Final = 20
_AT_WORK: Final = frozenset({MachineState.EXECUTE, MachineState.HELD})
_CLOSED_BY: Final = {JobCommand.STOP: "stopped", JobCommand.ABORT: "aborted"}


def render(cell: Cell) -> CellView:
    """The view of a cell, with the progress that is journalled."""
    return Renderer().view(cell)


class Renderer:
    """Renders one cell again and again. A job or an order that looks as it did last time is the same object.

    Most of a long list does not change from one event to the next: neither is it made anew here, nor need whoever
    shows it compare it field by field.
    """

    def __init__(self) -> None:
        self._orders: tuple[Mapping[str, OrderEntry], Mapping[str, Job], tuple[OrderView, ...]] = ({}, {}, ())
        # By job id and by station, each with all that it was made of.
        self._jobs: dict[str, tuple[tuple[object, ...], JobView]] = {}
        self._machines: dict[str, tuple[tuple[object, ...], MachineView]] = {}
        self._fresh: dict[str, tuple[tuple[object, ...], MachineView]] = {}
        # A view as it was made, and the same as it was shown last.
        self._shown: tuple[CellView | None, CellView] = (None, CellView("", 0))

    def view(self, cell: Cell) -> CellView:
        """The view of a cell, with the progress that is journalled."""
        machines = self._show_machines(cell)
        orders = self._show_orders(cell)
        return CellView(
            cell=cell.plan.name,
            rev=cell.counts.rev,
            machines=machines,
            orders=orders,
            jobs=self._show_jobs(cell, {job_id for order in orders for job_id in order.jobs}),
            prompts=tuple(_prompt(cell, prompt) for prompt in cell.prompts.values()),
            stock=stock_view.show(cell),
            alarms=(*_disk_alarm(cell), *_standing(cell), *(each for machine in machines for each in _alarms(machine))),
            mode=cell.stops.mode.value,
            zones=tuple(_zone(cell, zone) for zone in cell.plan.zones.values()),
            standing=tuple(_alarm(alarm) for alarm in cell.stops.alarms.values()),
            transfers=handover_view.show(cell),
            carriers=tuple(_carrier(cell, carrier) for carrier in cell.plan.carriers.values()),
        )

    def refresh(
        self,
        view: CellView,
        live: Mapping[str, Progress],
        links: Mapping[str, LinkQuality],
        sessions: Mapping[str, SessionState],
    ) -> CellView:
        """The same view with the progress of now, by operation id, and the links and sessions of now, by machine.

        While nothing is new it is the same object, so that who looks often sees that at once.
        """
        machines = tuple(
            self._freshened(each, live.get(each.operation_id), links.get(each.name), sessions.get(each.name))
            for each in view.machines
        )
        made, shown = self._shown
        if made is not view or any(new is not old for new, old in zip(machines, shown.machines, strict=True)):
            shown = changed(view, machines=machines)
            self._shown = view, shown
        return shown

    def _freshened(
        self, machine: MachineView, progress: Progress | None, link: LinkQuality | None, session: SessionState | None
    ) -> MachineView:
        made_of = (machine, progress, link, session)
        known = self._fresh.get(machine.name)
        if known is None or known[0] != made_of:
            now = changed(machine, progress=progress or machine.progress, link=link or machine.link, session=session)
            known = self._fresh[machine.name] = made_of, now
        return known[1]

    def _show_machines(self, cell: Cell) -> tuple[MachineView, ...]:
        at_work: dict[str, Operation] = {}
        for operation in cell.operations.values():
            at_work.setdefault(operation.station, operation)
        for name, status in cell.stations.items():
            made_of = (cell.plan.stations[name], status, at_work.get(name), readiness.locked(cell, name))
            known = self._machines.get(name)
            if known is None or known[0] != made_of:
                self._machines[name] = made_of, _machine(*made_of)
        return tuple(self._machines[name][1] for name in cell.stations)

    def _show_orders(self, cell: Cell) -> tuple[OrderView, ...]:
        entries, jobs, _ = self._orders
        if entries is not cell.orders or jobs is not cell.jobs:
            self._orders = cell.orders, cell.jobs, _orders(cell)
        shown = self._orders[2]
        if not any(view.state == "paused" for view in shown):
            return shown
        # Only of these does it matter whether a machine has come to its hold.
        return tuple(_held(cell, view) if view.state == "paused" else view for view in shown)

    def _show_jobs(self, cell: Cell, shown: set[str]) -> tuple[JobView, ...]:
        made: dict[str, tuple[tuple[object, ...], JobView]] = {}
        at_work = {alone.job_id: alone for operation in cell.operations.values() for alone in operation.each()}
        answers = _Answers(cell)
        for job in cell.jobs.values():
            if job.id not in shown:
                continue
            waits = _why(cell, job, at_work.get(job.id), answers)
            made_of = (job, cell.parts.get(job.serial), cell.orders[job.order_id].directive.steps, waits)
            known = self._jobs.get(job.id)
            made[job.id] = known if known and known[0] == made_of else (made_of, _job(*made_of))
        self._jobs = made
        return tuple(view for _, view in made.values())


class _Answers:
    """Why jobs wait: those that wait for the same are answered once."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._wanted_by = dispatch.unbegun(cell)
        self._known: dict[str, Waits] = {}

    def to(self, job: Job) -> Waits:
        """What keeps it from going on."""
        wanted = self._wanted_by(job)
        known = self._known.get(wanted)
        if known is None:
            known = _waits(dispatch.next_operation(self._cell, job))
            if wanted:
                self._known[wanted] = known
        return known


def _machine(station: Station, status: StationStatus, operation: Operation | None, locked: str) -> MachineView:
    return MachineView(
        name=station.name,
        driver=station.driver,
        capabilities=station.capabilities,
        state=status.state.name if status.state else "",
        contact=status.contact,
        identity=status.identity,
        reason=status.reason,
        operation_id=operation.id if operation else "",
        job_id=operation.job_id if operation else "",
        step=operation.step if operation else "",
        progress=status.progress if operation else Progress(),
        locked=locked,
        estimated_s=operation.program.estimated_s if operation and operation.program else 0.0,
        preflight=station.preflight,
        unasked=status.state in _AT_WORK and (operation is None or operation.state is OperationState.UNKNOWN),
        by_hand=status.by_hand,
        link=status.link,
        link_warning=status.link.warning if status.link else "",
        setup=status.setup,
    )


def _standing(cell: Cell) -> Iterator[str]:
    for alarm in cell.stops.alarms.values():
        # It begins with the machine that it is about, as those below do.
        yield f"{alarm.about or 'the cell'}: {alarm.kind} ({alarm.rung.value}): {alarm.text} [{alarm.id}]"
    for zone in map(partial(_zone, cell), cell.plan.zones.values()):
        if zone.phase != ZonePhase.OPEN.value:
            yield f"zone {zone.name} is {zone.phase} ({zone.reason or zone.by}): {zone.next}"


def _carrier(cell: Cell, carrier: Carrier) -> CarrierView:
    at, ride = cell.carriers[carrier.name], whereabouts.moving(cell, carrier.name)
    lying = {part.place: part.serial for part in cell.parts.values()}
    parts = {place.partition(".")[2]: lying[place] for place in carrier.places if place in lying}
    if ride is None:
        why = _waits(carriers.next_move(cell, carrier))[1]
    elif ride.state is OperationState.UNKNOWN:
        why = "waits for a person, who must say where it is"
    else:
        why = f"{ride.step} by {ride.station} from {ride.source} to {ride.target}"
    return CarrierView(carrier.name, at.place, at.knowledge.value, carrier.slots, parts, why)


def _alarm(alarm: Alarm) -> AlarmView:
    return AlarmView(alarm.id, alarm.kind, alarm.rung.value, alarm.reach.value, alarm.about, alarm.text, alarm.by)


def _zone(cell: Cell, zone: Zone) -> ZoneView:
    stop = cell.stops.zones.get(zone.name)
    if stop is None:
        return ZoneView(zone.name, zone.stations)
    way_back = zones.way_back(zone.name, stop.phase)
    return ZoneView(zone.name, zone.stations, stop.phase.value, stop.by, stop.reason, way_back)


def _disk_alarm(cell: Cell) -> Iterator[str]:
    if cell.disk_full:
        yield "the cell: the disk is full: free some space; no order is accepted until then, and what runs goes on"


def _alarms(machine: MachineView) -> Iterator[str]:
    if machine.contact == "lost":
        yield f"{machine.name} is not heard: {machine.reason}"
    elif machine.unasked:
        yield f"{machine.name} is at work that nobody follows: {machine.reason}"
    elif machine.state in ("HELD", "ABORTED", "STOPPED") and machine.reason:
        yield f"{machine.name} is {machine.state}: {machine.reason}"
    if machine.contact == "found" and machine.link_warning:
        yield f"{machine.name} has a bad line: {machine.link_warning}"


def _orders(cell: Cell) -> tuple[OrderView, ...]:
    jobs: dict[str, list[Job]] = {order_id: [] for order_id in cell.orders}
    for job in cell.jobs.values():
        jobs[job.order_id].append(job)
    views = [_order(entry, jobs[order_id]) for order_id, entry in cell.orders.items()]
    closed = [view.id for view in views if view.job_state in ("ENDED", "ABORTED", "")]
    old = frozenset(closed[:-CLOSED_SHOWN])
    return tuple(view for view in views if view.id not in old and not cell.orders[view.id].cleared)


def _order(entry: OrderEntry, jobs: list[Job]) -> OrderView:
    order = entry.order
    done = sum(job.state is JobState.ENDED for job in jobs)
    state = orders.state_of(entry, jobs)
    return OrderView(
        id=order.id,
        product=order.product,
        revision=order.revision,
        parameters=order.parameters,
        quantity=order.quantity,
        done=done,
        state=_order_state(entry, jobs, done),
        priority=order.priority,
        due_at=order.due_at,
        job_state=state[0].name if state else "",
        substate=state[1].value if state else "",
        accepted_at=order.accepted_at,
        customer_reference=order.customer_reference,
        jobs=tuple(job.id for job in jobs),
    )


def _held(cell: Cell, view: OrderView) -> OrderView:
    """A paused order, with the state that its machines are in."""
    jobs = [cell.jobs[name] for name in view.jobs]
    state = orders.state_of(cell.orders[view.id], jobs, orders.moving(cell))
    return replace(view, job_state=state[0].name, substate=state[1].value) if state else view


def _order_state(entry: OrderEntry, jobs: list[Job], done: int) -> str:
    if entry.cancelled:
        return _CLOSED_BY.get(entry.closed_by or JobCommand.CANCEL, "cancelled")
    if done >= entry.order.quantity:
        return "done"
    if entry.paused:
        return "paused"
    if any(job.state not in lifecycle.UNBEGUN for job in jobs):
        return "running"
    return "open" if entry.released else "stored"


def _job(job: Job, part: Part | None, steps: tuple[Step, ...], waits: Waits) -> JobView:
    reasons, why = waits
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


def _why(cell: Cell, job: Job, operation: Operation | None, answers: _Answers) -> Waits:
    """What a job does or waits for."""
    if not lifecycle.in_work(job):
        return (), job.reason
    if operation is not None and operation.state is OperationState.UNKNOWN:
        return ("needs_confirmation",), f"waits for a person: {job.reason}"
    if operation is not None:
        way = f" from {operation.source} to {operation.target}" if operation.source else f" at {operation.target}"
        return (), f"{operation.step} by {operation.station}{way}"
    if job.state is JobState.INTERRUPTED:
        return ("needs_confirmation",), f"waits for a person: {job.reason}"
    entry = cell.orders[job.order_id]
    kept_back = _kept_back(cell, job, entry)
    return answers.to(job) if kept_back is None else kept_back


def _kept_back(cell: Cell, job: Job, entry: OrderEntry) -> Waits | None:
    """What the order or the whole cell was told that keeps a job from going on."""
    if entry.paused:
        return ("order_paused",), f"{job.order_id} is paused: cellctl order resume {job.order_id}"
    if cell.stops.mode is CellMode.PAUSED:
        return ("cell_paused",), "the whole cell is paused: cellctl cell continue"
    if cell.stops.mode is CellMode.DRAINING and job.state in lifecycle.UNBEGUN:
        return ("cell_draining",), "the cell drains and begins no other part: cellctl cell continue"
    if not entry.released:
        return ("not_released",), f"{job.order_id} is stored: cellctl order start {job.order_id}"
    return None


def _waits(answer: Operation | tuple[Reason, ...]) -> Waits:
    if isinstance(answer, Operation):
        return ("starting",), f"{answer.step} by {answer.station} is about to begin"
    return tuple(reason.code for reason in answer), "; ".join(reason.sentence for reason in answer)


def _prompt(cell: Cell, prompt: Prompt) -> PromptView:
    source, target = _way_of(cell, prompt)
    kind = prompts.kind_of(cell, prompt)
    return PromptView(
        id=prompt.id,
        station=prompt.station,
        text=prompt.question.text,
        choices=prompt.question.choices,
        serial=prompt.serial,
        source=source,
        target=target,
        kind=kind,
        meanwhile=prompts.KINDS[kind].meanwhile,
        due_s=prompt.due_s,
        reminders=prompt.level,
    )


def _way_of(cell: Cell, prompt: Prompt) -> tuple[str, str]:
    """From where to where the part of a prompt goes with its first answer: out of the cell with its last step, and
    from nowhere where a person makes it."""
    operation = cell.operations.get(prompt.operation_id)
    if operation is None:
        part = cell.parts.get(prompt.serial)
        stays = part is not None and builds.waits_for_an_answer(cell, part)
        return part.place if part else "", part.place if part and stays else GONE
    if operation.kind is not OperationKind.PROCESS or not cell.plan.station(operation.station).attended:
        return operation.source or operation.target, operation.target
    job = cell.jobs[operation.job_id]
    is_last = job.step + 1 == len(cell.orders[job.order_id].directive.steps)
    return operation.target if job.step else "", GONE if is_last else operation.target
