"""The engine: durable first, then acted upon, then answered; and what happens when the journal fails."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, Reply
from cellctl.domain.errors import StoreFailed
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation, Progress
from tests.app.shop_floor import PLATE, PlayedDriver, ShopFloor, envelope


def kinds(events: Sequence[ev.Event]) -> list[type]:
    return [type(event) for event in events]


def test_a_machine_is_started_only_when_its_intent_is_durable(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        durable: list[bool] = []
        floor.machines["printer-1"].hears = lambda told: durable.append(
            any(isinstance(event, ev.OperationIntended) and event.operation == told for event in floor.log())
        )
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
        assert durable == [True]

    run_virtual(main())


def test_a_command_is_answered_only_when_its_answer_is_durable(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            answer = asyncio.ensure_future(cell.desk.submit(envelope(PLATE)))  # noqa: TID251 - awaited below
            while not answer.done():
                answered = ev.CommandAnswered in kinds(floor.log())
                await asyncio.sleep(0)
            assert answered, "the answer was given one turn of the loop before it was durable, or more"
            assert answer.result().accepted

    run_virtual(main())


def test_what_a_crash_loses_was_neither_started_nor_answered(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        with pytest.raises(ExceptionGroup) as failed:
            async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(cell.desk.submit(envelope(PLATE)))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                floor.store.crash()
        assert failed.group_contains(StoreFailed)
        assert asked.cancelled()
        assert floor.machines["printer-1"].told == []
        assert ev.OrderAccepted not in kinds(floor.log())

        floor.store.start()
        async with floor.daemon(tmp_path) as cell:
            reply = await cell.desk.submit(envelope(PLATE))
            assert (reply.accepted, reply.duplicate) == (True, False)
        assert kinds(floor.log()).count(ev.OrderAccepted) == 1

    run_virtual(main())


def test_a_journal_that_fails_ends_the_run_before_anything_more_is_started(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor("printer-1", "printer-2")
        with pytest.raises(ExceptionGroup) as failed:
            async with floor.daemon(tmp_path) as cell:
                await cell.desk.submit(envelope(PLATE))
                floor.store.crash()
                await cell.desk.submit(envelope(PLATE, "c-2"))
        assert failed.group_contains(StoreFailed)
        assert len(floor.machines["printer-1"].told + floor.machines["printer-2"].told) == 1

    run_virtual(main())


def test_after_a_restart_what_was_open_is_unknown_and_started_by_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
        async with floor.daemon(tmp_path) as cell:
            (prompt,) = cell.desk.view().prompts
            assert prompt.choices == ("made", "scrap", "not begun")
            assert cell.desk.view().machines[0].locked
        assert kinds(floor.log()).count(ev.OperationIntended) == 1
        assert len(floor.machines["printer-1"].told) == 1

    run_virtual(main())


def test_the_cell_after_a_replay_is_the_cell_before(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            driver(floor).finish()
            await cell.engine.pulse()
            before = cell.engine.cell
        again = floor.cell(tmp_path)
        again.engine.replay()
        assert again.engine.cell == before

    run_virtual(main())


def test_a_machine_hears_hold_before_anything_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            rev = cell.engine.cell.counts.rev
            hold = CommandMachine("printer-1", MachineCommand.HOLD)
            asked = asyncio.ensure_future(cell.desk.submit(envelope(hold, "c-2")))  # noqa: TID251 - awaited below
            await asyncio.sleep(0)
            assert floor.machines["printer-1"].told[-1] is MachineCommand.HOLD
            assert len(floor.log()) == rev
            assert await asked == Reply("accepted", "printer-1: hold")

    run_virtual(main())


def test_who_reads_on_from_any_point_gets_the_log_without_gaps(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
        async with floor.daemon(tmp_path) as cell:
            whole = list(floor.store.read())
            assert [record.seq for record in whole] == list(range(1, len(whole) + 1))
            for after in range(len(whole) + 1):
                assert list(cell.engine.records(after)) == whole[after:]

    run_virtual(main())


def test_progress_is_shown_at_once_and_written_now_and_then(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            (operation,) = (told for told in floor.machines["printer-1"].told if isinstance(told, Operation))
            for line in range(120):
                await asyncio.sleep(1.0)
                cell.engine.report("printer-1", ev.OperationAdvanced(operation.id, Progress(acknowledged=line)))
                assert cell.desk.view().machines[0].progress.acknowledged == line
            await cell.engine.pulse()
        assert kinds(floor.log()).count(ev.OperationAdvanced) == 4

    run_virtual(main())


def driver(floor: ShopFloor, machine: str = "printer-1") -> PlayedDriver:
    found = floor.machines[machine].driver
    assert found is not None
    return found


def test_where_a_machine_was_is_journalled_before_whatever_else_it_reports(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            (operation,) = floor.machines["printer-1"].told
            assert isinstance(operation, Operation)
            for line in range(1, 8):
                cell.engine.report("printer-1", ev.OperationAdvanced(operation.id, Progress(9, line, total=9)))
            cell.engine.report("printer-1", ev.ContactLost("printer-1", "unplugged"))
            await cell.engine.pulse()
            (prompt,) = cell.desk.view().prompts
        advanced = [event.progress.acknowledged for event in floor.log() if isinstance(event, ev.OperationAdvanced)]
        assert advanced == [1, 7]
        assert "9 of its 9 lines were sent, 7 acknowledged, 0 proved to be executed" in prompt.text

    run_virtual(main())


def test_how_good_a_line_is_shows_at_once_and_changes_nothing_in_the_log(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            before = floor.log()
            for lines in range(1, 100):
                cell.engine.report("printer-1", ev.LinkMeasured("printer-1", LinkQuality(lines=lines)))
            await cell.engine.pulse()
            (machine,) = cell.desk.view().machines
            assert machine.link == LinkQuality(lines=99)
            assert floor.log() == before
            floor.machines["printer-1"].driver.tools.report(ev.ContactFound("printer-1", "another"))  # type: ignore[union-attr]
            await cell.engine.pulse()
            assert cell.desk.view().machines[0].link is None

    run_virtual(main())


def test_how_far_a_session_is_shows_at_once_and_is_no_line_of_the_log(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            before = floor.log()
            assert cell.desk.view().machines[0].session is None
            for stage in ("connecting", "resolving", "subscribed", "ready"):
                session = SessionState(stage, "2026-01-05T06:00:00.000Z" if stage == "ready" else "")
                cell.engine.report("printer-1", ev.SessionSeen("printer-1", session))
                assert cell.desk.view().machines[0].session == session
            await cell.engine.pulse()
            assert floor.log() == before

    run_virtual(main())
