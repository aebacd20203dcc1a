"""A print that breaks off in its middle and goes on: the whole cell in virtual time, with simulated machines."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import load
from cellctl.app.simulate import simulated_cell
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import Command, Envelope, Reply, ResumeOperation, SubmitOrder, content_hash
from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import OperationEnded, OperationIntended
from cellctl.domain.work import OperationState
from cellctl.links.memory import MemoryLinks
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore
from cellctl_sim.marlin import Marlin

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"


class Floor:
    """The example cell, an order, and a board that can be made to restart."""

    def __init__(self, homes: str) -> None:
        self.clock = VirtualClock()
        self.twin = simulated_cell(CELL, {}, 1)
        self.links = MemoryLinks(self.twin, self.clock)
        self.store = MemoryStore(self.clock)
        self.files = MemoryFiles()
        outside = Outside(self.clock, SeededIds(1), self.links, self.store, self.files)
        self.cell = RunningCell(load(CELL, {"machines.printer-1.homes_over_part": homes}), outside)
        self._ids = 0

    async def ask(self, command: Command) -> Reply:
        self._ids += 1
        envelope = Envelope(f"c-{self._ids}", "ada", command, content_hash(command))
        return await self.cell.desk.submit(envelope)

    async def break_off(self, after_lines: int) -> None:
        """Order a nameplate, and let the printer's board restart in the middle of the print."""
        assert (await self.ask(SubmitOrder("nameplate", {"text": "ADA"}))).accepted
        while self.cell.engine.cell.stations["printer-1"].progress.sent < after_lines:
            await asyncio.sleep(5)
        cast(Marlin, self.twin.byte_devices["printer-1"]).reset(self.clock.now_s())
        await self.until(lambda: bool(self.cell.engine.cell.prompts))
        await self.until(lambda: self.cell.desk.view().machines[0].state == "IDLE")

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(24 * 3600):
            while not so():
                await asyncio.sleep(5)


def on_the_floor(homes: str, scenario: Callable[[Floor], Awaitable[None]]) -> None:
    async def main() -> None:
        floor = Floor(homes)
        floor.links.start()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(floor.cell.run([]))
            await floor.cell.met()
            await scenario(floor)
            running.cancel()
        floor.links.close()

    run_virtual(main())


def test_a_print_that_broke_off_goes_on_and_is_finished() -> None:
    async def scenario(floor: Floor) -> None:
        await floor.break_off(60)
        found = await floor.cell.desk.resume_plan("printer-1", None)
        assert found.operation_id == "op-1"
        assert found.plan.preamble[-1].startswith("G1 F")
        reply = await floor.ask(ResumeOperation("printer-1", found.plan.at_line))
        assert reply.accepted, reply.message
        await floor.until(lambda: "printer-1" not in str(floor.cell.engine.cell.operations))
        events = [record.event for record in floor.store.read()]
        again = next(
            event.operation for event in events if isinstance(event, OperationIntended) and event.operation.resumes
        )
        ends = {event.operation_id: event.state for event in events if isinstance(event, OperationEnded)}
        assert (ends["op-1"], ends[again.id]) == (OperationState.FAILED, OperationState.DONE)
        assert again.program is not None
        lines = [line.strip() for line in floor.files.lines(again.program.sha256)]
        assert lines[: len(found.plan.preamble)] == list(found.plan.preamble)
        assert lines[len(found.plan.preamble)] == found.next_line
        assert not floor.twin.violations

    on_the_floor("XYZ", scenario)


def test_a_printer_that_homes_downwards_is_refused_and_nothing_happens() -> None:
    async def scenario(floor: Floor) -> None:
        await floor.break_off(60)
        before = len(floor.cell.engine.cell.operations)
        reply = await floor.ask(ResumeOperation("printer-1", 50))
        assert reply.code == "rejected:precondition_failed"
        assert "Z cannot be homed with the part in place" in reply.message
        assert len(floor.cell.engine.cell.operations) == before
        same = await floor.cell.desk.submit(
            Envelope("c-2", "ada", ResumeOperation("printer-1", 50), content_hash(ResumeOperation("printer-1", 50)))
        )
        assert same.duplicate

    on_the_floor("XY", scenario)


def test_there_is_nothing_to_go_on_with_where_all_is_known() -> None:
    async def scenario(floor: Floor) -> None:
        for machine in ("printer-1", "arm-1", "nobody"):
            try:
                await floor.cell.desk.resume_plan(machine, 5)
            except NotAllowed as refused:
                assert f"no program of {machine} has ended in the middle" in str(refused)
            else:
                raise AssertionError(machine)

    on_the_floor("XYZ", scenario)
