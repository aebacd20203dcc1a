"""Job management of the cell: the job methods become commands at the desk, and its view becomes the job lists.

Implements jobs_port.Jobs. The same checks, the same journal as by every other face: nothing is decided here. A method
is answered when the desk has answered; what follows from it is seen in the lists.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cellctl.core.history import History, Span
from cellctl.core.view import CellView, JobView, MachineView, OrderView
from cellctl.domain.commands import Command, CommandMachine, CommandOrder, Envelope, Reply, content_hash
from cellctl.domain.errors import NotAllowed
from cellctl.domain.job import ORDER_COMMANDS, JobCommand, JobState, after
from cellctl.faces.opcua import job_orders, machine_jobs
from cellctl.faces.opcua.job_orders import INVALID_STATUS, NO_ERROR, UNABLE, UNKNOWN_ORDER, NotTaken
from cellctl.faces.opcua.jobs_port import THE_CELL, JobEntry, JobOrder, JobResponse, JobsView
from cellctl.ports import Desk, Ids

MOST_ORDERS: Final = 1000

# "RevokeStart" is "revoke-start" by our names.
_METHODS: Final[Mapping[str, JobCommand]] = {
    "".join(word.capitalize() for word in each.value.split("-")): each for each in (*ORDER_COMMANDS, JobCommand.CANCEL)
}
_OVER: Final = (JobState.ENDED.name, JobState.ABORTED.name)


# An order on both lists, after what it was made of.
_Line = tuple[tuple[OrderView, tuple[JobView, ...], Span], JobEntry | None, JobResponse | None]


class CellJobs:
    """Jobs of one cell. `most_orders`: so many may be on the list that are not over (MaxDownloadableJobOrders)."""

    def __init__(self, desk: Desk, ids: Ids, history: History, most_orders: int = MOST_ORDERS) -> None:
        self._desk = desk
        self._ids = ids
        self._history = history
        self._most_orders = most_orders
        self._masters = tuple(job_orders.work_master(product) for product in desk.products)
        # What was made last, and of what: a look at a cell that has not changed costs nothing.
        self._shown: tuple[CellView | None, JobsView] = (None, JobsView())
        self._lines: dict[str, _Line] = {}

    async def call(self, machine: str, method: str, arguments: Sequence[Any], user: str) -> tuple[Any, ...]:
        """Carry out a job method; see jobs_port.Jobs."""
        match method:
            case "RequestJobResponseByJobOrderID":
                return self._response(machine, arguments[0])
            case "RequestJobResponseByJobOrderState":
                wanted = frozenset(arguments[0])
                found = (each for each in self.view(machine).responses if each.state in wanted)
                return tuple(found), NO_ERROR
        if machine != THE_CELL:
            return (await self._tell_machine(machine, method, arguments, user),)
        try:
            return (await self._tell_order(method, arguments, user),)
        except NotTaken as refused:
            return (refused.status,)

    def view(self, machine: str) -> JobsView:
        """The lists of a machine, or of the cell."""
        view = self._desk.view()
        if machine != THE_CELL:
            found = _machine(view, machine)
            return machine_jobs.view(found, self._history.run(machine)) if found else JobsView()
        if self._shown[0] is not view:
            self._shown = view, self._lists(view)
        return self._shown[1]

    # ---- the cell ----------------------------------------------------------------------------------------------

    def _lists(self, view: CellView) -> JobsView:
        jobs: dict[str, list[JobView]] = {order.id: [] for order in view.orders}
        for job in view.jobs:
            jobs[job.order_id].append(job)
        known, self._lines = self._lines, {}
        for order in view.orders:
            made_of = (order, tuple(jobs[order.id]), self._history.order(order.id))
            line = known.get(order.id)
            self._lines[order.id] = line if line is not None and line[0] == made_of else _line(*made_of)
        lines = self._lines.values()
        entries = tuple(entry for _, entry, _ in lines if entry)
        return JobsView(entries, tuple(each for *_, each in lines if each), self._masters, self._most_orders)

    async def _tell_order(self, method: str, arguments: Sequence[Any], user: str) -> int:
        command: Command
        match method:
            case "Store" | "StoreAndStart":
                return await self._store(arguments[0], user, release=method == "StoreAndStart")
            case "Update":
                order: JobOrder = arguments[0]
                if self._order(order.id) is None:
                    return UNKNOWN_ORDER
                command = job_orders.update(order, self._desk.products)
            case _ if method in _METHODS:
                command = CommandOrder(arguments[0], _METHODS[method])
            case _:
                return UNABLE
        return job_orders.status_of(await self._submit(command, user))

    async def _store(self, order: JobOrder, user: str, *, release: bool) -> int:
        command = job_orders.submit(order, self._desk.products, release=release)
        if self._order(order.id) is None:
            orders = self._desk.view().orders
            if sum(bool(each.job_state) and each.job_state not in _OVER for each in orders) >= self._most_orders:
                return UNABLE
        status = job_orders.status_of(await self._submit(command, user))
        # What is not known then is a product, which is ours to know.
        return UNABLE if status == UNKNOWN_ORDER else status

    def _order(self, order_id: str) -> OrderView | None:
        orders = (each for each in self._desk.view().orders if each.id == order_id and each.job_state)
        return next(orders, None)

    # ---- a machine ---------------------------------------------------------------------------------------------

    async def _tell_machine(self, machine: str, method: str, arguments: Sequence[Any], user: str) -> int:
        """Orders are the cell's; of a machine the operation that it works at can be told something."""
        if method not in _METHODS:
            return UNABLE
        found, run, command = _machine(self._desk.view(), machine), self._history.run(machine), _METHODS[method]
        if found is None or run is None or run.operation.id != arguments[0]:
            return UNKNOWN_ORDER
        try:
            after(machine_jobs.state_of(found, run)[0], command)
        except NotAllowed:
            return INVALID_STATUS
        if command not in machine_jobs.TELLS or found.operation_id != run.operation.id:
            return UNABLE
        reply = await self._submit(CommandMachine(machine, machine_jobs.TELLS[command]), user)
        return NO_ERROR if reply.accepted else UNABLE

    # ---- both --------------------------------------------------------------------------------------------------

    def _response(self, machine: str, order_id: str) -> tuple[JobResponse | None, int]:
        view = self.view(machine)
        found = next((each for each in view.responses if each.order_id == order_id), None)
        if found is not None:
            return found, NO_ERROR
        return None, INVALID_STATUS if any(each.order.id == order_id for each in view.orders) else UNKNOWN_ORDER

    async def _submit(self, command: Command, user: str) -> Reply:
        return await self._desk.submit(Envelope(self._ids.new(), user, command, content_hash(command)))


def _line(order: OrderView, jobs: tuple[JobView, ...], span: Span) -> _Line:
    return (order, jobs, span), job_orders.entry(order), job_orders.response(order, jobs, span)


def _machine(view: CellView, name: str) -> MachineView | None:
    return next((each for each in view.machines if each.name == name), None)
