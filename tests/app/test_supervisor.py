"""One machine's keeper: it connects again and again, and a driver's defect costs only its own machine."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cellctl.app.supervisor import FIRST_WAIT_S, JITTER, LONGEST_WAIT_S
from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine
from cellctl.domain.errors import LinkLost
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation, OperationState
from tests.app.shop_floor import PLATE, Played, ShopFloor, envelope


def waits_s(played: Played) -> list[float]:
    """Seconds from each connection to the next."""
    at_s = played.connections_at_s
    return [round(later - sooner, 3) for sooner, later in pairwise(at_s)]


async def lost() -> NoReturn:
    raise LinkLost("printer-1", "the cable was pulled", do_next="Plug it in")


def defect(*_: object) -> NoReturn:
    raise ZeroDivisionError("a driver's defect")


async def defective() -> NoReturn:
    defect()


async def awaits_what_was_cancelled() -> None:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    await cancelled


def test_a_machine_that_is_absent_is_looked_for_less_and_less_often(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        played = floor.machines["printer-1"]
        played.silent, played.serves = True, lost
        async with floor.daemon(tmp_path):
            await asyncio.sleep(200)
        waits = waits_s(played)
        longest = [FIRST_WAIT_S, 2, 4, 8, 16, *[LONGEST_WAIT_S] * (len(waits) - 5)]
        assert len(waits) > 8
        assert all((1 - JITTER) * most_s <= wait_s <= most_s for wait_s, most_s in zip(waits, longest, strict=True))
        assert len({round(wait_s / most_s, 3) for wait_s, most_s in zip(waits, longest, strict=True)}) > 5
        losses = [event for event in floor.log() if isinstance(event, ev.ContactLost)]
        assert losses == [ev.ContactLost("printer-1", "printer-1: the cable was pulled. Plug it in")]

    run_virtual(main())


async def swallows_a_cancellation() -> NoReturn:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    await lost()


def test_a_cancellation_that_a_driver_swallows_ends_its_keeper_all_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        floor.machines["printer-1"].serves = swallows_a_cancellation
        async with asyncio.timeout(60), floor.daemon(tmp_path):
            await asyncio.sleep(5)

    run_virtual(main())


def test_after_a_contact_the_waiting_begins_anew(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        played = floor.machines["printer-1"]
        played.silent, played.serves = True, lost
        async with floor.daemon(tmp_path):
            await asyncio.sleep(20)
            played.silent = False
            await asyncio.sleep(20)
        assert all((1 - JITTER) * FIRST_WAIT_S <= wait_s <= FIRST_WAIT_S for wait_s in waits_s(played)[-3:])

    run_virtual(main())


@pytest.mark.parametrize("serves", [lost, defective, awaits_what_was_cancelled], ids=lambda each: each.__name__)
def test_whatever_ends_a_connection_the_machine_is_met_again_and_the_others_work_on(
    tmp_path: Path, serves: Callable[[], Any]
) -> None:
    async def main() -> None:
        floor = ShopFloor("printer-1", "printer-2")
        bad, good = floor.machines["printer-1"], floor.machines["printer-2"]
        bad.serves = serves
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            bad.serves = lambda: asyncio.Event().wait()
            await asyncio.sleep(5)
            assert cell.desk.view().machines[0].contact == "found"
            await cell.desk.submit(envelope(PLATE, "c-2"))
        assert len(bad.connections_at_s) == 2
        assert len(good.connections_at_s) == 1
        assert sum(isinstance(told, Operation) for told in bad.told + good.told) == 2

    run_virtual(main())


def test_a_defect_in_the_beginning_of_work_leaves_a_question_and_the_others_work_on(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor("printer-1", "printer-2")
        floor.machines["printer-1"].hears = defect
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            await cell.desk.submit(envelope(PLATE, "c-2"))
            await cell.engine.pulse()
            ended = [event for event in floor.log() if isinstance(event, ev.OperationEnded)]
            assert [event.state for event in ended] == [OperationState.UNKNOWN]
            assert "a driver's defect" in ended[0].reason
            assert len(cell.desk.view().prompts) == 1
        assert len(floor.machines["printer-2"].told) == 1

    run_virtual(main())


@pytest.mark.parametrize("command", [MachineCommand.HOLD, MachineCommand.STOP])
def test_a_defect_in_obeying_a_command_is_answered_and_the_others_work_on(
    tmp_path: Path, command: MachineCommand
) -> None:
    async def main() -> None:
        floor = ShopFloor("printer-1", "printer-2")
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(envelope(PLATE))
            floor.machines["printer-1"].hears = defect
            reply = await cell.desk.submit(envelope(CommandMachine("printer-1", command), "c-2"))
            if command is MachineCommand.HOLD:
                assert "nobody knows what it made of it" in reply.message
            assert (await cell.desk.submit(envelope(PLATE, "c-3"))).accepted
            await cell.engine.pulse()
        assert len(floor.machines["printer-2"].told) == 1

    run_virtual(main())


def test_a_machine_that_refuses_work_is_not_asked_for_ever_but_again_once_it_was_reset(tmp_path: Path) -> None:
    async def main() -> None:
        floor = ShopFloor()
        played = floor.machines["printer-1"]
        async with floor.daemon(tmp_path) as cell:
            assert played.driver is not None
            # Somebody moves the machine by hand, and the cell has not heard of it.
            played.driver.state = MachineState.EXECUTE
            await cell.desk.submit(envelope(PLATE))
            await asyncio.sleep(60)
            assert sum(isinstance(event, ev.OperationIntended) for event in floor.log()) == 1
            assert "did not take its work" in cell.desk.view().jobs[0].why
            played.driver.state = MachineState.IDLE
            for number, command in enumerate((MachineCommand.STOP, MachineCommand.RESET)):
                asked = envelope(CommandMachine("printer-1", command), f"again-{number}")
                assert (await cell.desk.submit(asked)).accepted
                await cell.engine.pulse()
        assert [told for told in played.told if isinstance(told, Operation)]

    run_virtual(main())


def test_machines_that_were_lost_together_are_not_looked_for_together(tmp_path: Path) -> None:
    async def main() -> list[list[float]]:
        floor = ShopFloor("printer-1", "printer-2")
        both = [floor.machines["printer-1"], floor.machines["printer-2"]]
        for played in both:
            played.silent, played.serves = True, lost
        async with floor.daemon(tmp_path):
            await asyncio.sleep(100)
        return [waits_s(played) for played in both]

    one, other = run_virtual(main())
    assert all(mine != theirs for mine, theirs in zip(one, other, strict=False))
    assert [one, other] == run_virtual(main())
