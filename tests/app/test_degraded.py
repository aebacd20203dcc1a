"""What goes on when something else does not: the API, one machine, the clock, the computer's own sleep."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cellctl.app import cell as cell_module
from cellctl.app.cell import FACE_AGAIN_S, RunningCell, kept
from cellctl.app.clock import RealClock, SeededIds, VirtualClock
from cellctl.app.timekeeper import LAG_S, Timekeeper
from cellctl.app.virtual_time import run_virtual
from cellctl.core.prompts import KINDS, OUTCOME, next_due_s
from cellctl.domain.commands import CommandCell, CommandMachine, Envelope, SubmitOrder, content_hash
from cellctl.domain.events import OperationEnded, PromptOverdue
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.stop_events import ClockAdjusted, ControllerStalled
from cellctl.domain.stops import CellCommand
from cellctl.domain.work import OperationState
from cellctl.faces.api import face as api_face
from tests.app.shop_floor import PLATE, ShopFloor, envelope

Do = Callable[[RunningCell, ShopFloor], Awaitable[None]]


class SetClock(VirtualClock):
    """A clock that somebody sets, and whose computer may sleep."""

    set_by_s = 0.0
    asleep_s = 0.0

    def wall_s(self) -> float:
        return super().wall_s() + self.set_by_s + self.asleep_s

    def slept_s(self) -> float:
        return self.asleep_s


def on_the_floor(folder: Path, clock: SetClock, do: Do, *machines: str) -> ShopFloor:
    """A cell whose clocks are watched, and what is done in it."""
    floor = ShopFloor(*machines, clock=clock)

    async def main() -> None:
        async with floor.daemon(folder) as cell, asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(Timekeeper(cell.engine, clock).keep())
            await do(cell, floor)
            keeper.cancel()

    run_virtual(main())
    return floor


def test_a_clock_that_is_set_is_an_event_and_moves_no_deadline_of_a_question(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        await cell.desk.submit(envelope(PLATE))
        operation = next(iter(cell.engine.cell.operations))
        cell.engine.report("printer-1", OperationEnded(operation, OperationState.FAILED, "jam"))
        await cell.engine.pulse()
        await asyncio.sleep(60)
        clock.set_by_s = 7200.0  # two hours on: the question would be overdue by far
        await asyncio.sleep(5)
        left_s = (next_due_s(cell.engine.cell) or 0.0) - clock.wall_s()
        assert abs(left_s - (KINDS[OUTCOME].within_s - 65)) < 2
        clock.set_by_s = -7200.0
        await asyncio.sleep(left_s - 10)
        assert not any(isinstance(event, PromptOverdue) for event in floor.log())
        await asyncio.sleep(20)

    log = on_the_floor(tmp_path, clock, do).log()
    steps = [event.step_s for event in log if isinstance(event, ClockAdjusted)]
    assert [round(step) for step in steps] == [7200, -14400]
    assert [event.level for event in log if isinstance(event, PromptOverdue)] == [1]


def test_reminders_of_a_question_come_later_and_later_and_end_with_its_answer(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        await cell.desk.submit(envelope(PLATE))
        operation = next(iter(cell.engine.cell.operations))
        cell.engine.report("printer-1", OperationEnded(operation, OperationState.FAILED, "jam"))
        await asyncio.sleep(5 * 3600.0)
        alarm = cell.desk.view().standing[0]
        assert (alarm.kind, alarm.about) == ("unanswered", "printer-1")
        assert "reminder 4 of 4" in alarm.text

    log = on_the_floor(tmp_path, clock, do).log()
    assert [event.level for event in log if isinstance(event, PromptOverdue)] == [1, 2, 3, 4]


def test_after_an_hour_of_sleep_a_running_machine_is_held_and_looked_at_first(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        await cell.desk.submit(envelope(PLATE))
        await asyncio.sleep(60)
        clock.asleep_s = 3600.0
        await asyncio.sleep(5)
        played = floor.machines["printer-1"]
        assert played.driver is not None
        assert played.driver.state is MachineState.HELD
        refused = await cell.desk.submit(envelope(CommandMachine("printer-1", MachineCommand.UNHOLD), "c-2"))
        assert "cellctl alarm clear alarm-1" in refused.message

    log = on_the_floor(tmp_path, clock, do).log()
    assert [round(event.lag_s) for event in log if isinstance(event, ControllerStalled)] == [3600]
    assert not any(isinstance(event, ClockAdjusted) for event in log), "the wall clock was right all the time"


def test_a_loop_that_lags_less_than_the_limit_disturbs_nobody(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        await asyncio.sleep(10)
        clock.asleep_s = LAG_S - 1
        clock.set_by_s = 0.5
        await asyncio.sleep(10)

    log = on_the_floor(tmp_path, clock, do).log()
    assert not any(isinstance(event, ControllerStalled | ClockAdjusted) for event in log)


def test_one_machine_that_is_gone_costs_its_own_part_and_nobody_elses_work(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        await cell.desk.submit(envelope(SubmitOrder("plate", {}, quantity=2)))
        cell.engine.report("printer-1", OperationEnded("op-1", OperationState.UNKNOWN, "the cable was pulled"))
        await cell.engine.pulse()
        beside = floor.machines["printer-2"].driver
        assert beside is not None
        beside.finish()
        await cell.engine.pulse()
        states = [job.state for job in cell.engine.cell.jobs.values()]
        assert states == [JobState.INTERRUPTED, JobState.ENDED]
        assert [prompt.station for prompt in cell.desk.view().prompts] == ["printer-1", "printer-2"]

    on_the_floor(tmp_path, clock, do, "printer-1", "printer-2")


def test_a_late_command_is_refused_and_a_clock_that_is_set_makes_none_late(tmp_path: Path) -> None:
    clock = SetClock()

    async def do(cell: RunningCell, floor: ShopFloor) -> None:
        def until(at: str, command_id: str) -> Envelope:
            command = CommandCell(CellCommand.DRAIN)
            return Envelope(command_id, "ada", command, content_hash(command), at)

        await asyncio.sleep(3600)
        late = await cell.desk.submit(until("2026-01-01T00:00:00Z", "c-1"))
        assert late.code == "rejected:expired"
        assert (await cell.desk.submit(until("2026-01-01T00:00:00Z", "c-1"))).duplicate
        assert (await cell.desk.submit(until("2126-01-01T00:00:00Z", "c-2"))).code == "rejected:invalid"
        assert (await cell.desk.submit(until("soon", "c-3"))).code == "rejected:invalid"
        assert cell.desk.view().mode == "running"
        clock.set_by_s = -30.0
        soon = clock.utc()[:-5] + "Z"
        assert (await cell.desk.submit(until(soon, "c-4"))).accepted

    on_the_floor(tmp_path, clock, do)


class Failing:
    """A face that fails a few times."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def serve(self) -> None:
        if self.times:
            self.times -= 1
            raise OSError("the socket is gone")
        await asyncio.Event().wait()


def test_a_face_that_fails_is_tried_again_and_the_cell_goes_on_meanwhile(tmp_path: Path) -> None:
    async def main() -> None:
        floor, face = ShopFloor(), Failing(3)
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(kept(face, floor.clock))
            await cell.desk.submit(envelope(PLATE))
            assert floor.machines["printer-1"].driver is not None
            floor.machines["printer-1"].driver.finish()
            await asyncio.sleep(4 * FACE_AGAIN_S)
            assert face.times == 0
            assert [job.state for job in cell.engine.cell.jobs.values()] == [JobState.ENDED]
            serving.cancel()

    run_virtual(main())


def test_an_api_whose_socket_was_taken_away_is_there_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    monkeypatch.setattr(api_face, "LOOK_S", 0.01)
    monkeypatch.setattr(cell_module, "FACE_AGAIN_S", 0.01)

    async def main() -> None:
        floor = ShopFloor(clock=RealClock())
        face = api_face.ApiFace(
            floor.cell(tmp_path).desk,
            path,
            floor.clock,
            SeededIds(1),
            report=lambda _: None,
            render=str,
            version="1",
        )
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(kept(face, floor.clock))
            await face.listening.wait()
            path.unlink()
            while face.listening.is_set():
                await asyncio.sleep(0.01)
            await face.listening.wait()
            assert path.is_socket()
            serving.cancel()

    asyncio.run(main())
