"""The pre-flight check in the whole cell: before an order is accepted, and before a machine gets its first line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import load
from cellctl.app.simulate import simulate, simulated_cell
from cellctl.app.virtual_time import run_virtual
from cellctl.core.view import JobView
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, Reply, SubmitOrder
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import OperationState
from cellctl.economics.report import order_reports
from cellctl.links.memory import MemoryLinks
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore
from tests.app.shop_floor import envelope

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
ADA = SubmitOrder("nameplate", {"text": "ADA"})
SMALL = {"travel_mm": [150, 150, 240]}
Kind = TypeVar("Kind")


@dataclass
class Floor:
    cell: RunningCell
    store: MemoryStore

    async def order(self, command: SubmitOrder = ADA, command_id: str = "c-1") -> Reply:
        return await self.cell.desk.submit(envelope(command, command_id))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(7200):
            while not true():
                await self.cell.engine.changed(self.cell.engine.cell.counts.rev)

    def heard(self, kind: type[Kind]) -> list[Kind]:
        return [record.event for record in self.store.read() if isinstance(record.event, kind)]

    def state(self) -> MachineState | None:
        return self.cell.engine.cell.stations["router-1"].state

    def jobs(self) -> list[JobView]:
        return list(self.cell.desk.view().jobs)


@asynccontextmanager
async def running(settings: dict[str, Any], path: Path = CELL, *, ready: bool = True) -> AsyncIterator[Floor]:
    """A cell with other settings, and without people."""
    clock = VirtualClock()
    store = MemoryStore(clock)
    links = MemoryLinks(simulated_cell(path, settings, 1), clock)
    links.start()
    cell = RunningCell(load(path, settings), Outside(clock, SeededIds(1), links, store, MemoryFiles()))
    async with asyncio.TaskGroup() as tasks:
        daemon = tasks.create_task(cell.run([]), name="cell")
        await cell.met()
        floor = Floor(cell, store)
        if ready:
            await floor.until(lambda: all(m.state == "IDLE" for m in cell.desk.view().machines))
        yield floor
        daemon.cancel()
    links.close()


def small(*printers: str, sim: bool = False) -> dict[str, Any]:
    """Printers on which the base does not fit: by the cell file, or only by their own account (`sim`)."""
    key, travel = ("sim.size_mm", SMALL["travel_mm"]) if sim else ("limits.travel_mm", SMALL["travel_mm"])
    return {f"machines.{printer}.{key}": travel for printer in printers}


# ---- before the order is accepted --------------------------------------------------------------------------------


def test_an_order_that_no_machine_may_run_is_refused_with_the_place_and_the_remedy() -> None:
    async def main() -> None:
        async with running(small("printer-1", "printer-2")) as floor:
            reply = await floor.order()
            assert reply.code == "rejected:invalid"
            assert (
                "printer-1, printer-2 must not run base.gcode: line 40, column 4, out_of_travel: X would come to "
                "153.243 mm (machine coordinates); this machine reaches from 0 to 150. Move the part" in reply.message
            )
            assert not floor.heard(ev.OrderAccepted)
            assert not floor.heard(ev.OperationIntended)

    run_virtual(main())


def test_what_one_machine_must_not_run_waits_for_another_and_says_why() -> None:
    async def main() -> None:
        async with running(small("printer-1")) as floor:
            assert (await floor.order(SubmitOrder("nameplate", {"text": "ADA"}, quantity=2))).accepted
            (begun,) = floor.heard(ev.OperationIntended)
            assert begun.operation.station == "printer-2"
            waiting = floor.jobs()[1]
            assert waiting.reasons == ("slot_occupied", "preflight")
            assert "printer-1 must not run base.gcode: line 40, column 4" in waiting.why

    run_virtual(main())


def test_a_machine_whose_check_is_off_takes_anything_and_the_view_says_so() -> None:
    settings = small("printer-1", "printer-2") | {"machines.printer-2.preflight": False}

    async def main() -> None:
        async with running(settings) as floor:
            assert (await floor.order()).accepted
            (begun,) = floor.heard(ev.OperationIntended)
            assert (begun.operation.station, begun.operation.program and begun.operation.program.lines) == (
                "printer-2",
                591,
            )
            assert [machine.preflight for machine in floor.cell.desk.view().machines[:2]] == [True, False]

    run_virtual(main())


def test_a_program_that_is_ordered_again_is_not_read_again() -> None:
    async def main() -> None:
        async with running({}) as floor:
            await floor.order()
            before = dict(floor.cell.bench.verdicts._known)
            await floor.order(command_id="c-2")
            assert floor.cell.bench.verdicts._known.keys() == before.keys()
            assert all(known is before[key] for key, known in floor.cell.bench.verdicts._known.items())

    run_virtual(main())


def test_whoever_asks_the_same_twice_while_it_is_checked_gets_one_order() -> None:
    async def main() -> None:
        async with running({}) as floor:
            replies = await asyncio.gather(*(floor.order() for _ in range(4)))
            assert [reply.accepted for reply in replies] == [True] * 4
            assert [reply.duplicate for reply in replies] == [False, True, True, True]
            assert len(floor.heard(ev.OrderAccepted)) == 1

    run_virtual(main())


def test_whoever_leaves_while_it_is_checked_has_ordered_nothing_and_may_ask_again() -> None:
    async def main() -> None:
        async with running({}) as floor, asyncio.TaskGroup() as tasks:
            left, again = tasks.create_task(floor.order()), tasks.create_task(floor.order())
            await asyncio.sleep(0)
            left.cancel()
            assert (await again).duplicate is False
            assert len(floor.heard(ev.OrderAccepted)) == 1

    run_virtual(main())


# ---- before the first line ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", ["larger than the machine's", "none"])
def test_a_printer_that_reports_a_smaller_area_gets_no_line_and_another_one_takes_it(limits: str) -> None:
    settings = small("printer-1", sim=True)
    if limits == "none":
        settings |= {f"machines.{printer}.limits": None for printer in ("printer-1", "printer-2")}

    async def main() -> None:
        async with running(settings) as floor:
            assert (await floor.order()).accepted
            await floor.until(lambda: bool(floor.heard(ev.OperationStarted)))
            (ended,) = floor.heard(ev.OperationEnded)
            assert (ended.operation_id, ended.state, ended.unfit) == ("op-1", OperationState.NOT_BEGUN, True)
            assert "printer-1 must not run nameplate-A-print.gcode: line 40, column 4, out_of_travel" in ended.reason
            assert [begun.operation_id for begun in floor.heard(ev.OperationStarted)] == ["op-2"]
            assert floor.heard(ev.OperationIntended)[1].operation.station == "printer-2"

    run_virtual(main())


def test_where_no_machine_is_left_the_job_says_why_and_a_person_can_have_it_asked_again() -> None:
    async def main() -> None:
        async with running(small("printer-1", "printer-2", sim=True)) as floor:
            await floor.order()
            await floor.until(lambda: len(floor.heard(ev.OperationEnded)) == 2)
            (job,) = floor.jobs()
            assert job.reasons == ("preflight", "preflight")
            assert "printer-2 must not run" in job.why
            assert not floor.heard(ev.OperationStarted)
            await floor.cell.desk.submit(envelope(CommandMachine("printer-1", MachineCommand.STOP), "c-2"))
            await floor.until(lambda: floor.cell.engine.cell.stations["printer-1"].state is MachineState.STOPPED)
            await floor.cell.desk.submit(envelope(CommandMachine("printer-1", MachineCommand.RESET), "c-3"))
            await floor.until(lambda: len(floor.heard(ev.OperationEnded)) == 3)

    run_virtual(main())


def test_a_machine_that_is_halted_while_a_program_is_looked_through_does_not_begin_it() -> None:
    async def main() -> None:
        async with running(small("printer-1", "printer-2", sim=True)) as floor:
            await floor.order()
            # Decided, and a piece of the file is read; the rest of it comes only when we let others go on.
            reply = await floor.cell.desk.submit(envelope(CommandMachine("printer-1", MachineCommand.ABORT), "c-2"))
            assert reply.accepted
            await floor.until(lambda: bool(floor.heard(ev.OperationEnded)))
            first = floor.heard(ev.OperationEnded)[0]
            assert (first.state, first.unfit) == (OperationState.NOT_BEGUN, False)
            assert "printer-1 was told to abort before it began" in first.reason

    run_virtual(main())


ROUTER = """
[cell]
name = "small"
products = ["plate.toml"]
[machines.router-1]
driver = "grbl"
port = "router-1"
capabilities = ["engrave"]
slots = ["vise"]
[machines.router-1.sim]
model = "grbl"
size_mm = [120, 180, 45]
homing_switches = {switches}
{limits}
"""
PLATE = """
[product]
name = "plate"
revision = "A"
[[route]]
step = "engrave"
capability = "engrave"
program = { file = "plate.nc" }
"""
# The twin's zero of G54 is 100 mm left of where its travel ends.
CUT = "G21 G90\nM3 S9000\nG0 Z3\nG0 X{x} Y5\nG1 Z-1 F300\nG1 X{x} Y9\nG0 Z3\nM5\nM2\n"
LARGE = """[machines.router-1.limits]
travel_mm = [300, 180, 45]
max_feed_mm_per_min = [3000, 3000, 1000]
max_acceleration_mm_per_s2 = [200, 200, 100]
most_rpm = 12000
"""


@pytest.mark.parametrize(("x", "fits"), [(99, True), (101, False)])
@pytest.mark.parametrize(("switches", "limits"), [("false", LARGE), ("true", LARGE), ("true", "")])
def test_a_router_is_held_against_its_own_settings_before_its_first_line(
    x: int, fits: bool, switches: str, limits: str, tmp_path: Path
) -> None:
    (tmp_path / "cell.toml").write_text(ROUTER.format(switches=switches, limits=limits))
    (tmp_path / "plate.toml").write_text(PLATE)
    (tmp_path / "plate.nc").write_text(CUT.format(x=x))

    async def main() -> None:
        async with running({}, tmp_path / "cell.toml", ready=False) as floor:
            if switches == "true":  # It is locked until it is cleared.
                for number, verb in enumerate((MachineCommand.CLEAR, MachineCommand.RESET)):
                    await floor.cell.desk.submit(envelope(CommandMachine("router-1", verb), f"v-{number}"))
                    await floor.until(lambda: floor.state() in (MachineState.STOPPED, MachineState.IDLE))
            await floor.until(lambda: floor.state() is MachineState.IDLE)
            assert (await floor.order(SubmitOrder("plate", {}))).accepted
            await floor.until(lambda: bool(floor.heard(ev.OperationEnded)))
            (ended,) = floor.heard(ev.OperationEnded)
            assert bool(floor.heard(ev.OperationStarted)) == fits
            assert ended.state is (OperationState.DONE if fits else OperationState.NOT_BEGUN), ended.reason
            assert fits or "line 4, column 4, out_of_travel: X would come to 1.000 mm" in ended.reason

    run_virtual(main())


# ---- how long it takes -------------------------------------------------------------------------------------------


def test_the_estimate_of_an_engraving_is_the_simulated_machines_true_time_within_5_percent() -> None:
    wishes = [{"product": "nameplate", "parameters": {"text": "Eve & Bob"}}]
    records = simulate(load(CELL), simulated_cell(CELL, {}, 1), wishes, 1).records
    began = {record.event.operation_id: record for record in records if isinstance(record.event, ev.OperationStarted)}
    ended_s = {
        record.event.operation_id: record.mono_s for record in records if isinstance(record.event, ev.OperationEnded)
    }
    (begun,) = [record for record in began.values() if record.actor == "router-1"]
    assert isinstance(begun.event, ev.OperationStarted)
    took_s = ended_s[begun.event.operation_id] - begun.mono_s
    assert begun.event.estimated_s == pytest.approx(took_s, rel=0.05)
    (report,) = order_reports(records)
    (line,) = [each for each in report["parts"][0]["operations"] if each["step"] == "engrave"]
    assert line["estimated_s"] == begun.event.estimated_s
