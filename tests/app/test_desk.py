"""The desk: the same command again, at the same time, changed, abandoned; and orders that cannot be prepared."""

import asyncio
from dataclasses import replace
from pathlib import Path

from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, SubmitOrder
from cellctl.domain.machine import MachineCommand
from tests.app.shop_floor import PLATE, ShopFloor, envelope

OTHER = replace(PLATE, quantity=2)


def orders(floor: ShopFloor) -> int:
    return sum(isinstance(event, ev.OrderAccepted) for event in floor.log())


def test_the_same_command_again_gets_the_same_answer_and_has_no_effect(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            first = await cell.desk.submit(envelope(PLATE))
            again = await cell.desk.submit(envelope(PLATE))
            assert again == replace(first, duplicate=True)
        async with floor.daemon(tmp_path) as cell:
            assert await cell.desk.submit(envelope(PLATE)) == replace(first, duplicate=True)
            assert cell.desk.reply_to("c-1") == first
            assert cell.desk.reply_to("c-2") is None
        assert orders(floor) == 1

    run_virtual(main())


def test_an_id_that_was_used_for_another_command_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            assert (await cell.desk.submit(envelope(OTHER))).code == "rejected:id_reused"
        assert orders(floor) == 1

    run_virtual(main())


def test_of_the_same_id_at_the_same_time_one_has_an_effect(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            asked = (envelope(PLATE), envelope(PLATE), envelope(OTHER), envelope(PLATE))
            replies = await asyncio.gather(*map(cell.desk.submit, asked))
        assert [(reply.code, reply.duplicate) for reply in replies] == [
            ("accepted", False), ("accepted", True), ("rejected:id_reused", False), ("accepted", True),
        ]  # fmt: skip
        assert orders(floor) == 1

    run_virtual(main())


def test_a_command_whose_sender_has_left_still_has_one_effect_only(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            left = tasks.create_task(cell.desk.submit(envelope(PLATE)))
            again = tasks.create_task(cell.desk.submit(envelope(PLATE)))
            await asyncio.sleep(0)
            left.cancel()
            reply = await again
            assert (reply.accepted, reply.duplicate) == (True, True)
        assert orders(floor) == 1

    run_virtual(main())


def test_a_refusal_is_remembered_too(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        unknown = SubmitOrder("teapot", {})
        async with floor.daemon(tmp_path) as cell:
            first = await cell.desk.submit(envelope(unknown))
            assert first.code == "rejected:unknown_target"
            assert await cell.desk.submit(envelope(unknown)) == replace(first, duplicate=True)

    run_virtual(main())


def test_a_product_whose_files_are_gone_costs_the_order_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            (tmp_path / "plate.gcode").unlink()
            reply = await cell.desk.submit(envelope(PLATE))
            assert reply.code == "rejected:internal"
            assert "plate cannot be prepared" in reply.message
            assert (await cell.desk.submit(envelope(PLATE))).duplicate
        assert orders(floor) == 0

    run_virtual(main())


def test_hold_for_a_machine_that_there_is_not_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        async with floor.daemon(tmp_path) as cell:
            reply = await cell.desk.submit(envelope(CommandMachine("oven-1", MachineCommand.HOLD)))
            assert reply.code == "rejected:unknown_target"
            assert "printer-1" in reply.message

    run_virtual(main())


def test_a_hold_that_is_repeated_is_passed_on_once(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        hold = CommandMachine("printer-1", MachineCommand.HOLD)
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            for _ in range(3):
                assert (await cell.desk.submit(envelope(hold, "c-2"))).accepted
        assert floor.machines["printer-1"].told.count(MachineCommand.HOLD) == 1

    run_virtual(main())
