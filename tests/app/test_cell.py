"""The cell as a whole: who is stuck, who was met, and what ends the run."""

import asyncio
from pathlib import Path

import pytest

from cellctl.app.cell import STALE_S, RunningCell
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import Reply
from cellctl.domain.events import Record
from cellctl.stores.memory import MemoryStore
from tests.app.shop_floor import PLATE, ShopFloor, envelope


class DeafStore(MemoryStore):
    """Takes records, looks healthy, and never says that they are durable."""

    async def append(self, records: object) -> None:
        await asyncio.Event().wait()


class HungStore(MemoryStore):
    """Its writer has hung at `hung_s`, and so has everybody who appends."""

    hung_s: float | None = None

    @property
    def last_progress_s(self) -> float:
        return super().last_progress_s if self.hung_s is None else self.hung_s

    async def append(self, records: list[Record]) -> None:  # type: ignore[override]
        if self.hung_s is not None:
            await asyncio.Event().wait()
        await super().append(records)


async def with_beats(floor: ShopFloor, folder: Path, seconds_s: float) -> str:
    """Who is stuck after so long in a cell whose supervisors stamp their progress."""
    async with floor.daemon(folder) as cell, asyncio.TaskGroup() as tasks:
        beats = tasks.create_task(cell.beat())
        await asyncio.sleep(seconds_s)
        stuck = await cell.stuck()
        beats.cancel()
    return stuck


def test_nobody_is_stuck_in_a_cell_that_has_nothing_to_do(tmp_path: Path) -> None:
    assert run_virtual(with_beats(ShopFloor("printer-1", "printer-2"), tmp_path, 3600)) == ""


def test_an_engine_that_answers_nobody_is_named(tmp_path: Path) -> None:
    async def main() -> str:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            cell.engine.log._store = DeafStore(floor.clock)
            asked = tasks.create_task(cell.desk.submit(envelope(PLATE)))
            await asyncio.sleep(1.0)
            stuck = await cell.stuck()
            asked.cancel()
        return stuck

    assert run_virtual(main()) == "engine"


@pytest.mark.parametrize("busy", [False, True])
def test_a_journal_that_has_hung_is_named_and_not_the_engine_that_waits_for_it(tmp_path: Path, busy: bool) -> None:
    async def main() -> str:
        floor = ShopFloor()
        floor.store = store = HungStore(floor.clock)
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            beats = tasks.create_task(cell.beat())
            await asyncio.sleep(10)
            assert await cell.stuck() == ""
            store.hung_s = floor.clock.now_s()
            asked = tasks.create_task(cell.desk.submit(envelope(PLATE))) if busy else None
            await asyncio.sleep(STALE_S + 1)
            stuck = await cell.stuck()
            for task in (beats, *((asked,) if asked else ())):
                task.cancel()
        return stuck

    assert run_virtual(main()) == "journal"


def test_a_supervisor_that_does_not_stamp_its_progress_is_named(tmp_path: Path) -> None:
    async def main() -> str:
        floor = ShopFloor("printer-1", "printer-2")
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            beats = tasks.create_task(cell.engine.supervisors["printer-1"].beat())
            await asyncio.sleep(60)
            stuck = await cell.stuck()
            beats.cancel()
        return stuck

    assert run_virtual(main()) == "supervisor of printer-2"


def test_a_cell_has_met_its_machines_when_the_last_was_found_or_looked_for_in_vain(tmp_path: Path) -> None:
    async def main() -> float:
        floor = ShopFloor("printer-1", "printer-2")
        slow = floor.machines["printer-2"]
        slow.silent = True

        async def gives_up() -> None:
            await asyncio.sleep(12)

        slow.serves = gives_up
        async with floor.daemon(tmp_path) as cell:
            await cell.met()
            return floor.clock.now_s()

    assert run_virtual(main()) == 12


def test_who_hands_in_early_is_decided_upon_after_stock_was_taken(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
        cell = floor.cell(tmp_path)
        early = Early(cell)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(cell.run([early]))
            await early.answered.wait()
            running.cancel()
        assert early.reply is not None
        assert early.reply.accepted
        assert len(floor.machines["printer-1"].told) == 1

    run_virtual(main())


class Early:
    """A face that hands in an order in the first moment."""

    def __init__(self, cell: RunningCell) -> None:
        self.answered = asyncio.Event()
        self.reply: Reply | None = None
        self._cell = cell

    async def serve(self) -> None:
        self.reply = await self._cell.desk.submit(envelope(PLATE, "c-2"))
        self.answered.set()
        await asyncio.Event().wait()
