"""The only writer of the cell: takes stimuli one by one, makes what they mean durable, and only then acts."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from cellctl.app.answers import MOST, AnswerBook
from cellctl.app.live_view import LiveView
from cellctl.app.log import Log
from cellctl.app.supervisor import Supervisor
from cellctl.core import prompts, rights
from cellctl.core.cell import OURSELVES, Cell
from cellctl.core.decide import RefusedOrder, Stimulus, TimePassed, decide
from cellctl.core.history import History
from cellctl.core.instructions import (
    Adopt,
    Answer,
    Instruction,
    PassOn,
    Permit,
    Proceed,
    Remember,
    SayByHand,
    Start,
    Tell,
)
from cellctl.core.view import CellView
from cellctl.domain import events as ev
from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.errors import NotAllowed
from cellctl.domain.machine import MachineCommand
from cellctl.domain.stop_events import ClockAdjusted, ControllerStalled
from cellctl.domain.work import Operation
from cellctl.ports import Clock, Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Item:
    stimulus: Stimulus | None  # None: only wants to pass through (the watchdog's pulse)
    actor: str
    done: asyncio.Future[Reply] | None = None
    until_s: float = math.inf  # of the monotonic clock: later it is refused


class Engine:
    """Owns the cell. `run` must be running for anything to happen."""

    def __init__(self, cell: Cell, store: Store, clock: Clock) -> None:
        self.cell = cell
        self.supervisors: dict[str, Supervisor] = {}
        self.answers = AnswerBook()
        self.log = Log(store)
        self._clock = clock
        self._inbox: asyncio.Queue[_Item] = asyncio.Queue()
        self._shown = LiveView()
        self._moved = asyncio.Event()

    @property
    def history(self) -> History:
        """When orders and operations began and ended."""
        return self.log.history

    # ---- what others ask ---------------------------------------------------------------------------------------

    def view(self) -> CellView:
        """The cell as it is now."""
        return self._shown.of(self.cell)

    async def changed(self, since_rev: int) -> int:
        """Wait for a cell that is newer than `since_rev`; returns its rev."""
        while self.cell.counts.rev <= since_rev:
            await self._moved.wait()
        return self.cell.counts.rev

    def records(self, after_seq: int = 0) -> Iterator[ev.Record]:
        """The durable log after a sequence number."""
        return self.log.read(after_seq)

    def report(self, machine: str, fact: ev.Fact) -> None:
        """A driver's fact; never blocks."""
        for each in self._shown.note(machine, fact, self._clock.now_s()):
            self._inbox.put_nowait(_Item(each, machine))

    def sought(self, station: str) -> Operation | None:
        """The work of a controller that died, about which this machine has not been asked yet."""
        return next((each for each in self.cell.operations.values() if each.sought and each.station == station), None)

    def hand_in(self, stimulus: Stimulus, actor: str, until_s: float = math.inf) -> asyncio.Future[Reply]:
        """Decide about a command or a prepared order; answered once the answer is durable.

        One that is not decided upon before `until_s` (the clock's monotonic seconds) is refused.
        """
        return self._pass_through(stimulus, actor, until_s)

    def note(self, stimulus: ClockAdjusted | ControllerStalled) -> None:
        """What the controller notices about time itself; never blocks."""
        self._inbox.put_nowait(_Item(stimulus, OURSELVES))

    async def pulse(self) -> None:
        """Return when everything that is in the inbox now has been worked through; the watchdog's question."""
        await self._pass_through(None, "watchdog")

    def against_motion(self, machine: str, token: int) -> str:
        """Why a machine may not begin a motion at this moment, by the rights of the open hand-overs; "" if it may."""
        return rights.against_motion(self.cell, machine, token)

    def tell(self, machine: str, command: MachineCommand) -> str:
        """Give a machine a command at once. Returns why its state does not allow it; then it has no effect."""
        try:
            self.supervisors[machine].command(command)
        except NotAllowed as refused:
            log.warning("machine.refused", machine=machine, command=command.value, why=str(refused))
            return str(refused)
        return ""

    # ---- the writer --------------------------------------------------------------------------------------------

    def replay(self) -> None:
        """The cell as the journal has it. To be called once, before `run`."""
        self.cell = self.log.replay(self.cell)
        for command_id, content in self.log.answers(MOST):
            self.answers.recall(command_id, content)

    async def run(self, version: str) -> None:
        """Take stock, then work through the inbox until cancelled. Raises StoreFailed: then nothing more may start."""
        await self._turn([_Item(ev.ControllerStarted(version), "cellctl")])
        while True:
            items = [await self._next()]
            while not self._inbox.empty():
                items.append(self._inbox.get_nowait())
            await self._turn(items)

    async def _next(self) -> _Item:
        """What comes in next; or that it is time for something, which is computed from the cell alone."""
        due_s = prompts.next_due_s(self.cell)
        if due_s is None or not self._inbox.empty():
            return await self._inbox.get()
        try:
            async with asyncio.timeout(max(0.0, due_s - self._clock.wall_s()) / self._clock.speed):
                return await self._inbox.get()
        except TimeoutError:
            return _Item(TimePassed(), OURSELVES)

    def _pass_through(self, stimulus: Stimulus | None, actor: str, until_s: float = math.inf) -> asyncio.Future[Reply]:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Item(stimulus, actor, future, until_s))
        return future

    async def _turn(self, items: Sequence[_Item]) -> None:
        """Decide about a few stimuli, commit once, act. Until the commit the cell is as it was."""
        cell = self.cell
        records: list[ev.Record] = []
        acts: list[tuple[_Item, Instruction]] = []
        for item in items:
            todo: Sequence[Instruction] = [Answer(Reply("accepted"))]
            if item.stimulus is not None:
                cell, todo = decide(cell, self._in_time(item, item.stimulus), self._clock.wall_s())
            for instruction in todo:
                if isinstance(instruction, Remember):
                    seq = self.cell.counts.rev + len(records) + 1
                    records.append(self._record(seq, item.actor, instruction.event))
                else:
                    acts.append((item, instruction))
        if records:
            await self.log.append(records)
        self.cell = cell
        for record in records:
            self.history.learn(record)
            self._learn(record)
        self.log.note(cell)
        for item, instruction in acts:
            self._act(item, instruction)
        if self.log.full is not cell.disk_full:
            self._inbox.put_nowait(_Item(ev.DiskChanged(self.log.full), "cellctl"))
        if records:
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def _in_time(self, item: _Item, stimulus: Stimulus) -> Stimulus:
        envelope = stimulus if isinstance(stimulus, Envelope) else getattr(stimulus, "envelope", None)
        if envelope is None or self._clock.now_s() <= item.until_s:
            return stimulus
        return RefusedOrder(envelope, rejected("expired", f"its deadline {envelope.deadline_at} passed unheeded"))

    def _record(self, seq: int, actor: str, event: ev.Event) -> ev.Record:
        log.info(event.NAME, seq=seq, actor=actor)
        return ev.Record(seq, self._clock.utc(), round(self._clock.now_s(), 6), actor, event)

    def _act(self, item: _Item, instruction: Instruction) -> None:
        match instruction:
            case Start(operation=operation):
                self.supervisors[operation.station].start(operation)
            case Permit(station=station, token=token):
                self.supervisors[station].permit(token)
            case Adopt(operation=operation):
                self.supervisors[operation.station].adopt(operation)
            case Proceed(station=station, operation_id=operation_id):
                self.supervisors[station].proceed(operation_id)
            case Tell(station=station, command=command):
                self.tell(station, command)
            case PassOn():
                self._pass_on(instruction)
            case SayByHand():
                self._say_by_hand(instruction)
            case Answer(reply=reply) if item.done is not None and not item.done.done():
                item.done.set_result(reply)

    def _pass_on(self, answer: PassOn) -> None:
        try:
            self.supervisors[answer.station].answer(answer.operation_id, answer.choice, answer.by)
        except NotAllowed as refused:
            log.warning("answer.not_taken", machine=answer.station, why=str(refused))

    def _say_by_hand(self, said: SayByHand) -> None:
        try:
            self.supervisors[said.station].say_by_hand(said.line, said.by)
        except NotAllowed as refused:
            log.warning("console.not_sent", machine=said.station, why=str(refused))
            self.report(said.station, ev.LineNotSent(said.station, str(refused)))

    def _learn(self, record: ev.Record) -> None:
        event = record.event
        if isinstance(event, ev.OperationEnded):
            self._shown.forget(event.operation_id)
        elif isinstance(event, ev.CommandAnswered):
            self.answers.learn(event)
