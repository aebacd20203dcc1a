"""Pallets that are carried with the parts on them: when, by whom, and what is known of the parts meanwhile."""

from dataclasses import replace

import pytest

from cellctl.core import carriers, dispatch, whereabouts
from cellctl.core.instructions import Start
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CancelOrder
from cellctl.domain.machine import MachineState
from cellctl.domain.work import (
    Carrier,
    Knowledge,
    Operation,
    OperationKind,
    OperationState,
    Place,
    Plan,
    Program,
    Station,
    one_way,
)

from .shop import DIRECTIVE, Shop

STANDS = (Place("stand-a.1"), Place("stand-b.1"))
STATIONS = (
    Station("printer-1", "marlin", ("fdm",), ("bed",)),
    Station("printer-2", "marlin", ("fdm",), ("bed",)),
    Station("arm-1", "opcua", (), ("gripper",), ("printer-1", "printer-2", "stand-a")),
    Station("arm-2", "opcua", (), ("gripper",), ("stand-b", "router-1", "outfeed")),
    Station("arm-3", "opcua", (), ("gripper",), ("stand-a", "stand-b", "stand-c")),
    Station("porter-1", "manual", (), ("hands",), ("stand-a", "stand-b", "stand-c")),
    Station("router-1", "grbl", ("engrave",), ("vise",)),
    Station("bench-1", "manual", ("inspect",), ("desk",), ("outfeed", "bench-1")),
    Station("stand-a", "", (), ("1",)),
    Station("stand-b", "", (), ("1",)),
    Station("stand-c", "", (), ("1",)),
    Station("outfeed", "", (), ("1", "2")),
)
PALLET = Carrier("pallet-1", ("1", "2"), STANDS, STANDS[0], ("porter-1",))


def a_shop(*pallets: Carrier, stations: tuple[Station, ...] = ()) -> Shop:
    carriers = {each.name: each for each in pallets or (PALLET,)}
    plan = Plan("test", {each.name: each for each in (*STATIONS, *stations)}, carriers)
    shop = Shop(plan)
    shop.wake()
    return shop


def until(shop: Shop, kind: str, name: str) -> Operation:
    """Work until this is started, and leave it under way."""
    while shop.started:
        operation = shop.started.pop(0)
        if (operation.step, operation.serial) == (kind, name):
            return operation
        shop.work(operation)
        assert broken(shop.cell) == []
    raise AssertionError(f"{kind} of {name} never began")


def carrying(shop: Shop, operation: Operation, place: str = "") -> None:
    """It is under way, and the pallet in a gripper, or in somebody's hands."""
    shop.feed(ev.OperationStarted(operation.id))
    shop.feed(ev.StationChanged(operation.station, MachineState.EXECUTE))
    if place:
        shop.feed(ev.PartMoved(operation.serial, Place(place), Knowledge.OBSERVED, operation.id))


def test_a_pallet_brings_parts_to_where_they_can_go_on_and_comes_back_for_the_next() -> None:
    shop = a_shop()
    shop.order(quantity=3)
    done = shop.work_off()
    moves = [line for line in done if line.startswith("pallet-1")]
    assert moves[0] == "pallet-1 carry porter-1 stand-a.1>stand-b.1"
    assert moves[1] == "pallet-1 carry porter-1 stand-b.1>stand-a.1"
    assert "nameplate-A-00001 carry arm-1 printer-1.bed>pallet-1.1" in done
    assert "nameplate-A-00001 carry arm-2 pallet-1.1>router-1.vise" in done
    assert len([line for line in done if " inspect " in line]) == 3, "every part came through"
    assert broken(shop.cell) == []


def test_a_pallet_waits_for_a_part_that_is_about_to_be_put_on_it() -> None:
    shop = a_shop()
    shop.order(quantity=2)
    first, second = shop.started
    shop.started.clear()
    for operation in (first, second):  # Both prints are done; the arm can bring one after the other.
        shop.work(operation)
    shop.work(shop.started.pop(0))
    answer = carriers.next_move(shop.cell, PALLET)
    assert not isinstance(answer, Operation)
    shop.work(shop.started.pop(0))
    move = shop.started.pop(0)
    assert (move.carrier, move.source, move.target) == ("pallet-1", *STANDS)
    on_it = {part.place for part in shop.cell.parts.values()}
    assert on_it == {"pallet-1.1", "pallet-1.2"}


def test_a_part_on_a_pallet_is_where_that_is_without_changing_hands() -> None:
    shop = a_shop()
    shop.order()
    until(shop, "carry", "pallet-1")
    part = shop.cell.parts["nameplate-A-00001"]
    assert (part.place, shop.cell.where(part)) == ("pallet-1.1", "stand-a.1")
    moves = [event for event in shop.log if isinstance(event, ev.PartMoved)]
    for operation in [each for each in shop.cell.operations.values() if each.carrier]:
        carrying(shop, operation)
        shop.feed(ev.PartMoved("pallet-1", STANDS[1], Knowledge.CONFIRMED, "ada"))
    part = shop.cell.parts["nameplate-A-00001"]
    assert (part.place, shop.cell.where(part)) == ("pallet-1.1", "stand-b.1")
    assert [event for event in shop.log if isinstance(event, ev.PartMoved)] == moves
    assert shop.cell.carriers["pallet-1"].knowledge is Knowledge.CONFIRMED


def test_nothing_is_taken_from_or_put_on_a_pallet_that_is_carried_and_it_fills_the_gripper() -> None:
    shop = a_shop(replace(PALLET, movers=("arm-3",)))
    shop.order(quantity=2)
    move = until(shop, "carry", "pallet-1")
    carrying(shop, move, "arm-3.gripper")
    assert whereabouts.station_at(shop.cell, Place("pallet-1.1")) == "arm-3"
    waiting = list(dispatch.waiting(shop.cell))
    reasons = {reason.code for job in waiting for reason in _why(shop, job.id)}
    assert "carrier_moves" in reasons
    touched = [each.target for each in shop.cell.operations.values() if each.target.startswith("pallet-1.")]
    assert touched == []
    assert broken(shop.cell) == []


def _why(shop: Shop, job_id: str) -> tuple[dispatch.Reason, ...]:
    answer = dispatch.next_operation(shop.cell, shop.cell.jobs[job_id])
    return () if isinstance(answer, Operation) else answer


@pytest.mark.parametrize("choice", STANDS)
def test_after_a_crash_in_mid_carry_one_question_is_asked_for_the_pallet_and_none_for_its_parts(choice: Place) -> None:
    shop = a_shop(replace(PALLET, movers=("arm-3",)))
    shop.order(quantity=2)
    move = until(shop, "carry", "pallet-1")
    carrying(shop, move, "arm-3.gripper")
    shop.feed(ev.ControllerStarted("test"))
    (prompt,) = [each for each in shop.cell.prompts.values() if each.operation_id == move.id]
    assert prompt.question.choices == STANDS, "a closed question, about the pallet"
    assert shop.cell.transfers[f"{move.id}/take"].phase.name == "DISPUTED"
    assert broken(shop.cell) == []
    shop.wake()
    shop.command(AnswerPrompt(prompt.id, choice))
    assert shop.cell.carriers["pallet-1"].place == choice
    assert shop.cell.carriers["pallet-1"].knowledge is Knowledge.CONFIRMED
    shop.started = [each for each in shop.started if each.id in shop.cell.operations]
    shop.work_off()
    assert all(job.state.name == "ENDED" for job in shop.cell.jobs.values())


def test_two_sides_that_do_not_agree_about_a_pallet_hold_it() -> None:
    shop = a_shop(replace(PALLET, movers=("arm-3",)))
    shop.order()
    move = until(shop, "carry", "pallet-1")
    carrying(shop, move, "arm-3.gripper")
    shop.feed(ev.OperationEnded(move.id, OperationState.FAILED, "the gripper is empty"))
    assert shop.cell.operations[move.id].state is OperationState.UNKNOWN
    assert carriers.next_move(shop.cell, shop.cell.plan.carriers["pallet-1"])[0].code == "carrier_busy"  # type: ignore[index]
    assert shop.started == [], "no motion is tried again"


def test_an_order_that_is_cancelled_while_its_part_rides_is_scrapped_where_the_pallet_comes_to_stand() -> None:
    shop = a_shop()
    shop.order()
    move = until(shop, "carry", "pallet-1")
    carrying(shop, move)
    shop.command(CancelOrder("order-1"))
    assert not [each for each in shop.cell.prompts.values() if each.serial == "nameplate-A-00001"]
    assert broken(shop.cell) == []
    shop.feed(ev.PartMoved("pallet-1", STANDS[1], Knowledge.CONFIRMED, "ada"))
    shop.feed(ev.StationChanged("porter-1", MachineState.COMPLETE))
    shop.feed(ev.OperationEnded(move.id, OperationState.DONE, answer="done", by="ada"))
    shop.obey()
    (prompt,) = shop.cell.prompts.values()
    assert prompt.question.text.startswith("Take nameplate-A-00001 away from pallet-1.1 (at stand-b.1).")
    assert shop.started == [], "it stays until the part is taken away"
    assert broken(shop.cell) == []


def test_two_full_and_empty_pallets_get_past_each_other_over_a_third_stand() -> None:
    fits = (*STANDS, Place("stand-c.1"))
    one = Carrier("pallet-1", ("1",), fits, fits[0], ("porter-1",))
    two = Carrier("pallet-2", ("1",), fits, fits[1], ("porter-1", "arm-3"))
    shop = a_shop(one, two)
    shop.order(quantity=5)
    shop.work_off()
    assert [job.state.name for job in shop.cell.jobs.values()] == ["ENDED"] * 5
    assert broken(shop.cell) == []


def test_a_carry_of_a_pallet_is_started_with_its_permits_and_folds_back_to_the_same_cell() -> None:
    shop = a_shop()
    shop.order()
    until(shop, "carry", "nameplate-A-00001")
    (carry,) = shop.cell.operations.values()
    shop.feed(ev.OperationStarted(carry.id))
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    shop.feed(ev.PartMoved(carry.serial, carry.target, Knowledge.OBSERVED, carry.id))
    shop.feed(ev.StationChanged("arm-1", MachineState.COMPLETE))
    todo = shop.feed(ev.OperationEnded(carry.id, OperationState.DONE))
    (move,) = [each.operation for each in todo if isinstance(each, Start)]
    assert (move.kind, move.carrier, move.job_id) == (OperationKind.CARRY, "pallet-1", "")
    permits = [each.permit for each in shop.cell.transfers.values() if each.operation_id == move.id]
    assert {permit.zone for permit in permits if permit} == {"stand-a", "stand-b"}


def test_the_view_says_where_a_pallet_is_what_is_on_it_and_why_it_stays() -> None:
    shop = a_shop()
    (idle,) = render(shop.cell).carriers
    assert (idle.name, idle.place, idle.parts, idle.why) == (
        "pallet-1",
        "stand-a.1",
        {},
        "nothing waits for it elsewhere",
    )
    shop.order()
    until(shop, "carry", "pallet-1")
    (moving,) = render(shop.cell).carriers
    assert moving.parts == {"1": "nameplate-A-00001"}
    assert moving.why == "carry by porter-1 from stand-a.1 to stand-b.1"


@pytest.mark.parametrize("pallets", [1, 2])
def test_parts_that_have_to_come_back_do_where_there_are_buffers_on_both_sides(pallets: int) -> None:
    fits = (*STANDS, Place("stand-c.1"))
    made = [Carrier(f"pallet-{n + 1}", ("1", "2"), fits, fits[n], ("porter-1",)) for n in range(pallets)]
    infeed = Station("infeed", "", (), ("1", "2"), (), buffer=True)
    arm = replace(STATIONS[2], reach=(*STATIONS[2].reach, "infeed"))
    shop = a_shop(*made, stations=(replace(STATIONS[-1], buffer=True), infeed, arm))
    top = one_way("top", "fdm", Program("cc", "top", 5))
    there_and_back = replace(DIRECTIVE, steps=(*DIRECTIVE.steps[:2], top, DIRECTIVE.steps[2]))
    shop.order(quantity=6, directive=there_and_back)
    shop.work_off()
    assert [job.state.name for job in shop.cell.jobs.values()] == ["ENDED"] * 6
    assert broken(shop.cell) == []
