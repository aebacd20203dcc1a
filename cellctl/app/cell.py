"""The composition of one cell: engine, supervisors and faces in one task group. The same in every world.

What differs between a real cell, a demo and virtual time is only what is plugged into the ports: `Outside`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import structlog

from cellctl import __version__
from cellctl.app.clerk import Clerk
from cellctl.app.config import CellConfig
from cellctl.app.desk import Desk
from cellctl.app.engine import Engine
from cellctl.app.resuming import Resuming
from cellctl.app.supervisor import Supervisor, Witness, unseen
from cellctl.app.workbench import Workbench
from cellctl.core.cell import empty
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.events import OrderAccepted
from cellctl.domain.work import Directive
from cellctl.ports import Clock, Files, Ids, Links, Store, Tools
from cellctl.ports.book import OrderBook
from cellctl.products import workshop
from cellctl.stores.memory_book import MemoryBook

log = structlog.get_logger()

log = structlog.get_logger()

# How long an essential part may go without progress before the watchdog is no longer fed.
STALE_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Outside:
    """What is plugged into the ports."""

    clock: Clock
    ids: Ids
    links: Links
    store: Store
    files: Files
    witness: Witness = unseen
    book: OrderBook = field(default_factory=MemoryBook)


class Face(Protocol):
    """A way into the cell: runs until cancelled."""

    async def serve(self) -> None:
        """Serve until cancelled."""
        ...


# A face that has failed is tried again after so many seconds of the world outside.
FACE_AGAIN_S: Final = 5.0


async def kept(face: Face, clock: Clock) -> None:
    """Serve a face until cancelled. One that the operating system fails is tried again: the cell works without it."""
    while True:
        try:
            return await face.serve()
        except OSError as failed:
            log.error("face.gone", face=type(face).__name__, why=str(failed))
        await clock.sleep(clock.wire_s(FACE_AGAIN_S))


class RunningCell:
    """One cell, put together; `run` lives until it is cancelled."""

    def __init__(self, config: CellConfig, outside: Outside) -> None:
        self.config = config
        self.outside = outside
        self.engine = Engine(empty(config.plan), outside.store, outside.clock)
        self.bench = Workbench(config, outside.files)
        products = [product.describe() for product in config.products]
        resuming = Resuming(outside.files, config.machines)
        self.clerk = Clerk(outside.book, config.plan, outside.clock)
        self.engine.log.listener = self.clerk.note
        self.desk = Desk(self.engine, outside.clock, self._prepare, products, resuming, self.clerk)
        for name, machine in config.machines.items():
            report = partial(self.engine.report, name)
            verdicts = self.bench.verdicts if config.plan.stations[name].preflight else None
            sought = partial(self.engine.sought, name)
            tools = Tools(outside.clock, outside.links, outside.files, report, verdicts, sought)
            self.engine.supervisors[name] = Supervisor(
                name, machine, tools, outside.witness, self.engine.against_motion
            )

    async def _prepare(self, command: SubmitOrder) -> Directive:
        return await workshop.prepare(self.config.products, command, self.bench)

    async def run(self, faces: Sequence[Face], *beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Replay the journal, then run everything until cancelled or until an essential part fails."""
        self.engine.replay()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.engine.run(__version__), name="engine")
            # Nobody may hand in anything before stock has been taken of what was open.
            await self.engine.pulse()
            for name, supervisor in self.engine.supervisors.items():
                tasks.create_task(supervisor.run(), name=f"{name}.supervisor")
            accepted = partial(self.engine.log.read_named, OrderAccepted.NAME)
            tasks.create_task(self.clerk.work(accepted, self.desk.submit), name="order book")
            for face in faces:
                tasks.create_task(kept(face, self.outside.clock), name=type(face).__name__)
            for job in beside:
                tasks.create_task(job(), name=job.__name__)

    async def met(self) -> None:
        """Wait until every machine has been found, or looked for in vain."""
        while any(status.contact == "never" for status in self.engine.cell.stations.values()):
            await self.engine.changed(self.engine.cell.counts.rev)

    async def beat(self) -> None:
        """Let every supervisor stamp its progress, for `stuck`. To be run beside everything where a watchdog asks."""
        async with asyncio.TaskGroup() as tasks:
            for name, supervisor in self.engine.supervisors.items():
                tasks.create_task(supervisor.beat(), name=f"{name}.beat")

    async def stuck(self) -> str:
        """Which essential part makes no progress, or "". The answer itself waits for the engine's inbox."""
        clock = self.outside.clock
        engine_answers = True
        try:
            async with asyncio.timeout(STALE_S):
                await self.engine.pulse()
        except TimeoutError:
            engine_answers = False
        too_old_s = clock.now_s() - clock.wire_s(STALE_S)
        # An engine that waits for the journal answers nobody; the journal is named first.
        if self.outside.store.last_progress_s < too_old_s:
            return "journal"
        if not engine_answers:
            return "engine"
        for name, supervisor in self.engine.supervisors.items():
            if supervisor.last_progress_s < too_old_s:
                return f"supervisor of {name}"
        return ""
