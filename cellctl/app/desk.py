"""The desk that every face sits at (ports.Desk): commands come in here, and nowhere else."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import structlog

from cellctl.app.clerk import Clerk
from cellctl.app.engine import Engine
from cellctl.app.resuming import Resuming
from cellctl.core import lifecycle, orders, stopping
from cellctl.core.decide import MachineTold, PreparedOrder, PreparedResumption, RefusedOrder, Stimulus
from cellctl.core.instructions import Turn
from cellctl.core.view import CellView
from cellctl.domain.commands import (
    Command,
    CommandMachine,
    Envelope,
    Reply,
    ResumeOperation,
    Right,
    SubmitOrder,
    UpdateOrder,
    rejected,
)
from cellctl.domain.errors import DiskFull, NotAllowed, OrderRefused, StoreFailed
from cellctl.domain.events import Record
from cellctl.domain.instant import epoch_s
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Directive, Plan
from cellctl.gcode.resume import Resumption
from cellctl.ports import Clock
from cellctl.ports.book import Put

log = structlog.get_logger()

Prepare = Callable[[SubmitOrder], Awaitable[Directive]]

# What must not wait for a disk.
CUT_SHORT: Final = frozenset({MachineCommand.HOLD, MachineCommand.ABORT})


# A deadline further away than this is a mistake in the sender's clock, or in ours.
FURTHEST_S: Final = 24 * 3600.0


def time_left(envelope: Envelope, wall_s: float) -> tuple[float, Reply | None]:
    """How many seconds a command may still take effect, and a refusal where there are none, or too many to be true.

    A stop has no deadline: it is never refused for being late.
    """
    if not envelope.deadline_at or envelope.command.right is Right.STOP:
        return math.inf, None
    try:
        left_s = epoch_s(envelope.deadline_at) - wall_s
    except ValueError as wrong:
        return 0.0, rejected("invalid", f"deadline_at: {wrong}")
    if left_s <= 0:
        late = f"it came {-left_s:.1f} s after its deadline {envelope.deadline_at}; nothing was done"
        return 0.0, rejected("expired", late)
    if left_s > FURTHEST_S:
        far = f"its deadline {envelope.deadline_at} is more than {FURTHEST_S / 3600:g} h away; compare the clocks"
        return 0.0, rejected("invalid", far)
    return left_s, None


_DISK_FULL: Final = "No order is accepted before there is room on the disk again; what runs goes on. Free some space"
_BOOK_SILENT: Final = (
    "the order book does not say whether the order is taken. It is asked on; send the same command again, with its id"
)


class _NotNow(Exception):
    """An answer that is not remembered: the same command may be answered differently later."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = rejected(code, message)


class Desk:
    """Implements ports.Desk on an engine. `prepare` makes an order ready, or raises OrderRefused."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        prepare: Prepare,
        products: Sequence[Mapping[str, Any]],
        resuming: Resuming,
        clerk: Clerk,
    ) -> None:
        self.products = products
        self._engine = engine
        self._clock = clock
        self._prepare = prepare
        self._resuming = resuming
        self._clerk = clerk
        # What is being prepared or decided about, by the command's id.
        self._pending: dict[str, asyncio.Event] = {}

    @property
    def plan(self) -> Plan:
        """The cell as configured."""
        return self._engine.cell.plan

    def view(self) -> CellView:
        """The cell as it is now."""
        return self._engine.view()

    async def changed(self, since_rev: int) -> int:
        """Wait for a view that is newer than `since_rev`; returns its rev."""
        return await self._engine.changed(since_rev)

    async def resume_plan(self, machine: str, at_line: int | None) -> Resumption:
        """How a machine's unknown operation could go on; see ports.Desk."""
        return await self._resuming.plan(self._engine.cell, machine, at_line)

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """The durable log after a sequence number."""
        return self._engine.records(after_seq)

    def reply_to(self, command_id: str) -> Reply | None:
        """What was answered to a command before."""
        return self._engine.answers.reply_to(command_id)

    async def submit(self, envelope: Envelope) -> Reply:
        """Decide about a command; see ports.Desk."""
        while (twin := self._pending.get(envelope.id)) is not None:
            await twin.wait()
        known = self._engine.answers.again(envelope)
        if known is not None:
            return known
        self._pending[envelope.id] = asyncio.Event()
        with ExitStack() as not_handed_in:  # Whoever asked may leave while it is prepared; then nothing has happened.
            not_handed_in.callback(self._decided, envelope)
            # Judged by the time of receipt: whatever the wall clock does later, so long is waited and no longer.
            left_s, why_not = time_left(envelope, self._clock.wall_s())
            until_s = self._clock.now_s() + left_s
            try:
                stimulus = RefusedOrder(envelope, why_not) if why_not else await self._stimulus(envelope)
            except _NotNow as not_now:
                return not_now.reply
            answer = self._engine.hand_in(stimulus, envelope.sender, until_s)
            not_handed_in.pop_all()
        answer.add_done_callback(lambda _: self._decided(envelope))
        # Whoever asked may leave; what was handed in is decided all the same, and its id stays taken.
        return await asyncio.shield(answer)

    def _decided(self, envelope: Envelope) -> None:
        self._pending.pop(envelope.id).set()

    async def _stimulus(self, envelope: Envelope) -> Stimulus:
        match envelope.command:
            case SubmitOrder() as order:
                return await self._prepared(envelope, order)
            case UpdateOrder(order_id=order_id) as update if entry := self._engine.cell.orders.get(order_id):
                # Refused at once if it is; else the programs are made first, and then it is asked again.
                refused = orders.against(self._engine.cell, order_id, JobCommand.UPDATE)
                return envelope if refused else await self._prepared(envelope, orders.wanted(entry, update))
            case ResumeOperation() as resume:
                return await self._resumption(envelope, resume)
            case CommandMachine(machine=machine, command=command) if (
                command in CUT_SHORT and machine in self._engine.supervisors
            ):
                # The machine hears it before anything is decided or written, and its own table judges it.
                return MachineTold(envelope, self._engine.tell(machine, command))
            case command:
                self._abort_at_once(command)
        return envelope

    def _abort_at_once(self, command: Command) -> None:
        """What a stop of a zone aborts hears it before anything is decided or written; the decision finds it so."""
        for name in stopping.aborted_by(self._engine.cell, command):
            self._engine.tell(name, MachineCommand.ABORT)

    async def _resumption(self, envelope: Envelope, command: ResumeOperation) -> Stimulus:
        try:
            plan = await self._resuming.plan(self._engine.cell, command.machine, command.at_line)
            program = await self._resuming.program(plan)
        except (NotAllowed, StoreFailed) as refused:
            return RefusedOrder(envelope, rejected("precondition_failed", str(refused)))
        return PreparedResumption(envelope, plan.operation_id, command.at_line, program)

    async def _prepared(self, envelope: Envelope, order: SubmitOrder) -> Stimulus:
        if self._engine.log.full:
            raise _NotNow("disk_full", _DISK_FULL)
        try:
            prepared = PreparedOrder(envelope, await self._prepare(order), self._clock.utc())
        except OrderRefused as refused:
            return RefusedOrder(envelope, rejected(refused.code, str(refused)))
        except DiskFull as full:
            raise _NotNow("disk_full", f"{full}. {_DISK_FULL}") from full
        except (OSError, ValueError) as broken:
            # A product file that is wrong, or gone, costs the order and nothing else.
            log.error("order.not_prepared", product=order.product, exc_info=broken)
            why = f"{order.product} cannot be prepared: {broken}. Its files must be looked at: cellctl check CELL_TOML"
            return RefusedOrder(envelope, rejected("internal", why))
        return await self._claimed(prepared) if isinstance(envelope.command, SubmitOrder) else prepared

    async def _claimed(self, prepared: PreparedOrder) -> Stimulus:
        """A new order gets a name that nobody else has in the order book, or ever had."""
        command, cell = prepared.envelope.command, self._engine.cell
        if not isinstance(command, SubmitOrder) or command.order_id in cell.orders:
            return prepared
        if not orders.accept(Turn(cell, self._clock.wall_s()), command, prepared.directive, prepared.at).accepted:
            # It will be refused, and leaves nothing in the book.
            return prepared
        names = [command.order_id] if command.order_id else lifecycle.free_names(cell)
        for name in names:
            put = await self._clerk.claim(name, prepared.envelope, prepared.directive)
            if put is Put.WON:
                return replace(prepared, order_id=name)
            if put is Put.UNKNOWN:
                raise _NotNow("busy", _BOOK_SILENT)
        used = f"there was another order {command.order_id} already; take a fresh order id"
        return RefusedOrder(prepared.envelope, rejected("id_reused", used))
