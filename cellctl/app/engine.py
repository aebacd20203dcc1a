"""The only writer of the cell: takes stimuli one by one, makes what they mean durable, and only then acts."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from cellctl.app.supervisor import Supervisor
from cellctl.core.cell import Cell, apply
from cellctl.core.decide import PreparedOrder, RefusedOrder, Stimulus, decide
from cellctl.core.instructions import Answer, Instruction, PassOn, Remember, Start, Tell
from cellctl.core.render import render
from cellctl.core.view import CellView
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, Envelope, Reply, SubmitOrder, rejected
from cellctl.domain.errors import NotAllowed, OrderRefused
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Directive, Plan, Progress
from cellctl.ports import Clock, Store

REMEMBERED_ANSWERS: Final = 100_000
CHECKPOINT_S: Final = 10.0

log = structlog.get_logger()

Prepare = Callable[[SubmitOrder], Directive]


@dataclass(frozen=True, slots=True)
class _Item:
    stimulus: Stimulus | None  # None: only wanted to pass through (the watchdog's pulse)
    actor: str
    done: asyncio.Future[Reply] | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    content_hash: str
    reply: Reply


class Engine:
    """Implements ports.Desk. `run` must be running for anything to happen."""

    def __init__(
        self,
        cell: Cell,
        store: Store,
        clock: Clock,
        prepare: Prepare,
        products: Sequence[Mapping[str, Any]],
    ) -> None:
        self.cell = cell
        self.products = products
        self.supervisors: dict[str, Supervisor] = {}
        self._store = store
        self._clock = clock
        self._prepare = prepare
        self._inbox: asyncio.Queue[_Item] = asyncio.Queue()
        self._answers: OrderedDict[str, _Known] = OrderedDict()
        self._pending: dict[str, asyncio.Future[Reply]] = {}
        self._live: dict[str, Progress] = {}
        self._checkpoint_s: dict[str, float] = {}
        self._moved = asyncio.Event()

    # ---- the desk ----------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """The cell as configured."""
        return self.cell.plan

    def view(self) -> CellView:
        """The cell as it is now."""
        return render(self.cell, self._live)

    def records(self, after_seq: int = 0) -> Iterator[ev.Record]:
        """The durable log after a sequence number."""
        return (record for record in self._store.read() if record.seq > after_seq)

    def reply_to(self, command_id: str) -> Reply | None:
        """What was answered to a command before."""
        known = self._answers.get(command_id)
        return known.reply if known else None

    async def changed(self, since_rev: int) -> CellView:
        """Wait for a view that is newer than `since_rev`."""
        while self.cell.counts.rev <= since_rev:
            await self._moved.wait()
        return self.view()

    async def submit(self, envelope: Envelope) -> Reply:
        """Decide about a command; see ports.Desk."""
        known = self._answers.get(envelope.id)
        if known is not None:
            return self._again(known, envelope)
        pending = self._pending.get(envelope.id)
        if pending is not None:
            await asyncio.wait([pending])
            return await self.submit(envelope)
        self._cut_short(envelope)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[envelope.id] = future
        try:
            self._inbox.put_nowait(_Item(self._stimulus(envelope), envelope.sender, future))
            return await asyncio.shield(future)
        finally:
            del self._pending[envelope.id]

    def _stimulus(self, envelope: Envelope) -> Stimulus:
        if not isinstance(envelope.command, SubmitOrder):
            return envelope
        try:
            return PreparedOrder(envelope, self._prepare(envelope.command), self._clock.utc())
        except OrderRefused as refused:
            return RefusedOrder(envelope, rejected(refused.code, str(refused)))

    @staticmethod
    def _again(known: _Known, envelope: Envelope) -> Reply:
        if known.content_hash != envelope.content_hash:
            return rejected("id_reused", f"{envelope.id} was used for another command; take a fresh id")
        return replace(known.reply, duplicate=True)

    def _cut_short(self, envelope: Envelope) -> None:
        """Hold and abort go to the machine before anything is decided or written; the table there judges them."""
        command = envelope.command
        if not isinstance(command, CommandMachine) or command.machine not in self.supervisors:
            return
        if command.command in (MachineCommand.HOLD, MachineCommand.ABORT):
            self._tell(command.machine, command.command)

    # ---- the writer --------------------------------------------------------------------------------------------

    def report(self, machine: str, fact: ev.Fact) -> None:
        """A driver's fact; never blocks. Progress is shown at once and journalled as a checkpoint now and then."""
        if isinstance(fact, ev.OperationAdvanced):
            self._live[fact.operation_id] = fact.progress
            now_s = self._clock.now_s()
            if now_s - self._checkpoint_s.get(fact.operation_id, -CHECKPOINT_S) < CHECKPOINT_S:
                return
            self._checkpoint_s[fact.operation_id] = now_s
        self._inbox.put_nowait(_Item(fact, machine))

    def replay(self) -> None:
        """Fold the whole journal. To be called once, before `run`."""
        cell = self.cell
        for record in self._store.read():
            cell = apply(cell, record.event)
            self._learn(record.event)
        self.cell = cell

    async def run(self, version: str) -> None:
        """Take stock, then work through the inbox until cancelled. Raises StoreFailed: then nothing more may start."""
        self._inbox.put_nowait(_Item(ev.ControllerStarted(version), "cellctl"))
        while True:
            items = [await self._inbox.get()]
            while not self._inbox.empty():
                items.append(self._inbox.get_nowait())
            await self._turn(items)

    async def pulse(self) -> None:
        """Return when everything that is in the inbox now has been worked through; the watchdog's question."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Item(None, "watchdog", future))
        await future

    async def _turn(self, items: Sequence[_Item]) -> None:
        cell = self.cell
        records: list[ev.Record] = []
        acts: list[tuple[_Item, Instruction]] = []
        for item in items:
            if item.stimulus is None:
                acts.append((item, Answer(Reply("accepted"))))
                continue
            cell, todo = decide(cell, item.stimulus)
            for instruction in todo:
                if isinstance(instruction, Remember):
                    seq = self.cell.counts.rev + len(records) + 1
                    records.append(self._record(seq, item.actor, instruction.event))
                else:
                    acts.append((item, instruction))
        if records:
            await self._store.append(records)
        self.cell = cell
        for record in records:
            self._learn(record.event)
            log.info(record.event.NAME, seq=record.seq, actor=record.actor)
        for item, instruction in acts:
            self._act(item, instruction)
        if records:
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def _record(self, seq: int, actor: str, event: ev.Event) -> ev.Record:
        return ev.Record(seq, self._clock.utc(), round(self._clock.now_s(), 6), actor, event)

    def _act(self, item: _Item, instruction: Instruction) -> None:
        match instruction:
            case Start(operation=operation):
                self.supervisors[operation.station].start(operation)
            case Tell(station=station, command=command):
                self._tell(station, command)
            case PassOn(station=station, operation_id=operation_id, choice=choice, by=by):
                self._pass_on(station, operation_id, choice, by)
            case Answer(reply=reply) if item.done is not None and not item.done.done():
                item.done.set_result(reply)

    def _tell(self, station: str, command: MachineCommand) -> None:
        try:
            self.supervisors[station].command(command)
        except NotAllowed as refused:
            log.warning("machine.refused", machine=station, command=command.value, why=str(refused))

    def _pass_on(self, station: str, operation_id: str, choice: str, by: str) -> None:
        try:
            self.supervisors[station].answer(operation_id, choice, by)
        except NotAllowed as refused:
            log.warning("answer.not_taken", machine=station, operation=operation_id, why=str(refused))

    def _learn(self, event: ev.Event) -> None:
        if isinstance(event, ev.OperationEnded):
            self._live.pop(event.operation_id, None)
            self._checkpoint_s.pop(event.operation_id, None)
        elif isinstance(event, ev.CommandAnswered):
            reply = Reply(event.code, event.message, event.result)
            self._answers[event.command_id] = _Known(event.content_hash, reply)
            if len(self._answers) > REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
