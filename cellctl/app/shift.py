"""A cell at program level through days and mishaps: daemons come and go, machines, people and journal live on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from cellctl.app.attendance import Attendance, Span
from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import CellConfig
from cellctl.app.minder import Minder
from cellctl.app.program_level import NoLinks, at_program_level
from cellctl.core.lifecycle import in_work
from cellctl.domain.commands import Command, Envelope, Reply, content_hash
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import OperationIntended, Record
from cellctl.domain.mishaps import Mishap, Stroke
from cellctl.ports import Clock, SimulatedCell
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore

CUSTOMER: Final = "customer"
# The service manager starts a daemon that has failed again after so long.
RESTARTED_AFTER_S: Final = 30.0
# While the disk is full that is often, and each start folds what came after the last snapshot.
SNAPSHOT_EVERY: Final = 500

Beside = Callable[[RunningCell], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody says to the cell, and when. `id` makes a repeat harmless."""

    at_s: float
    command: Command
    id: str
    sender: str = CUSTOMER


class JumpyClock(VirtualClock):
    """A wall clock that is set, forth or back, now and then."""

    def __init__(self, jumps: Sequence[Stroke] = ()) -> None:
        super().__init__()
        self._jumps = jumps

    def utc(self) -> str:
        """The wall clock, off by every jump so far."""
        return self.at(self.now_s() + self._off_s())

    def wall_s(self) -> float:
        """The same, in seconds since the Unix epoch."""
        return super().wall_s() + self._off_s()

    def _off_s(self) -> float:
        return sum(jump.lasts_s for jump in self._jumps if jump.at_s <= self.now_s())


class TightStore(MemoryStore):
    """A journal whose disk is full for a while. `intended`: operations whose intent is durable.

    `deaths`: when the daemon is to die with the next intent that becomes durable, before it has done anything about it.
    """

    def __init__(self, clock: Clock, full: Sequence[Span] = (), deaths: Sequence[float] = ()) -> None:
        super().__init__(clock, self._learn)
        self.intended: set[str] = set()
        self._full = full
        self._deaths = sorted(deaths, reverse=True)

    def _learn(self, record: Record) -> None:
        if isinstance(record.event, OperationIntended):
            self.intended.add(record.event.operation.id)

    async def append(self, records: Sequence[Record]) -> None:
        """Raises StoreFailed while it is full, and where the daemon dies."""
        now_s = self._clock.now_s()
        if any(start <= now_s < end for start, end in self._full):
            raise StoreFailed("no room is left on the device")
        await super().append(records)
        intends = any(isinstance(record.event, OperationIntended) for record in records)
        if intends and self._deaths and self._deaths[-1] <= now_s:
            self._deaths.pop()
            raise StoreFailed("the daemon died when it had written this")


class Shift:
    """One run. `watch`: what else lives beside each daemon (an auditor)."""

    def __init__(
        self,
        config: CellConfig,
        twin: SimulatedCell,
        calls: Sequence[Call],
        attendance: Attendance | None = None,
        watch: Sequence[Beside] = (),
    ) -> None:
        self.config = at_program_level(config, twin.program_devices)
        self.twin = twin
        self.clock = JumpyClock(_of(twin, Mishap.CLOCK_JUMP))
        full = [(stroke.at_s, stroke.until_s) for stroke in _of(twin, Mishap.DISK_FULL)]
        deaths = [stroke.at_s for stroke in _of(twin, Mishap.KILLED_WRITING)]
        self.store = TightStore(self.clock, full, deaths)
        self.replies: dict[str, Reply] = {}
        self._calls = sorted(calls, key=lambda call: call.at_s)
        self._life = _Life(MemoryFiles(), attendance or Attendance(), tuple(watch))

    async def run(self, until_s: float) -> bool:
        """Until all is done, or this time has come. Whether all is done."""
        for stroke in _of(self.twin, Mishap.KILLED):
            if stroke.at_s < until_s and await self._until(stroke.at_s):
                return True
            await self.clock.sleep(max(0.0, min(stroke.until_s, until_s) - self.clock.now_s()))
        return await self._until(until_s)

    async def _until(self, at_s: float) -> bool:
        """Daemons, one after the other where one fails, until then; the last one is killed unless all is done."""
        while self.clock.now_s() < at_s:
            if await self._live(at_s):
                return True
            if self.clock.now_s() < at_s:
                await self.clock.sleep(min(RESTARTED_AFTER_S, at_s - self.clock.now_s()))
        return False

    async def _live(self, at_s: float) -> bool:
        self._life.number += 1
        self.store.start()
        outside = Outside(self.clock, SeededIds(self._life.number), NoLinks(), self.store, self._life.files)
        cell = RunningCell(self.config, outside)
        cell.engine.log.every = SNAPSHOT_EVERY
        done = False
        try:
            async with asyncio.TaskGroup() as tasks:
                daemon = tasks.create_task(cell.run([], *self._beside(cell)), name="daemon")
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(at_s):
                        await self._call(cell)
                        await self._all_done(cell)
                        done = True
                if not done:
                    self.store.crash()
                daemon.cancel()
        except* StoreFailed:
            pass
        return done

    def _beside(self, cell: RunningCell) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
        yield _named("mishaps", self._happen)
        desks = [name for name, station in cell.config.plan.stations.items() if station.attended]
        for name in desks[1:]:
            yield _named(f"person at {name}", self._minder(cell, frozenset({name})).work)
        others = frozenset(cell.config.plan.stations) - frozenset(desks[1:])
        yield _named("person", self._minder(cell, others).work)
        for number, watch in enumerate(self._life.watch):
            yield _named(f"watch {number}", lambda watch=watch: watch(cell))  # type: ignore[misc]

    def _minder(self, cell: RunningCell, stations: frozenset[str]) -> Minder:
        absences = tuple((stroke.at_s, stroke.until_s) for stroke in _of(self.twin, Mishap.ABSENT))
        given = self._life.attendance
        attendance = Attendance(given.hours, given.absences + absences, given.midnight_s)
        return Minder(cell, self.twin, cell.outside.ids, attendance, stations)

    async def _call(self, cell: RunningCell) -> None:
        await cell.engine.changed(0)  # Nobody may hand in anything before stock has been taken.
        for call in self._calls:
            if call.id in self.replies:
                continue
            await self.clock.sleep(max(0.0, call.at_s - self.clock.now_s()))
            envelope = Envelope(call.id, call.sender, call.command, content_hash(call.command))
            self.replies[call.id] = await cell.desk.submit(envelope)

    async def _happen(self) -> None:
        for stroke in _of(self.twin, Mishap.MISSING_PART):
            if stroke.at_s >= self.clock.now_s():
                await self.clock.sleep(stroke.at_s - self.clock.now_s())
                self.twin.happen(stroke, self.clock.now_s())

    async def _all_done(self, cell: RunningCell) -> None:
        engine = cell.engine
        while True:
            now = engine.cell
            if not now.operations and not now.prompts and not any(map(in_work, now.jobs.values())):
                return
            await engine.changed(now.counts.rev)


class _Life:
    """What outlives every daemon of a shift, and how many there have been."""

    def __init__(self, files: MemoryFiles, attendance: Attendance, watch: tuple[Beside, ...]) -> None:
        self.files = files
        self.attendance = attendance
        self.watch = watch
        self.number = 0


def _of(twin: SimulatedCell, kind: Mishap) -> tuple[Stroke, ...]:
    return tuple(stroke for stroke in twin.mishaps if stroke.kind is kind)


def _named(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """As a job beside a cell, which is known by its name."""

    async def job() -> None:
        await work()

    job.__name__ = name
    return job
