"""A carry that was open when the daemon died: sensors on both sides settle where the part is, or a person is asked."""

import pytest

from cellctl.core.instructions import Adopt
from cellctl.core.invariants import broken
from cellctl.domain import events as ev
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import MachineState
from cellctl.domain.transfer import Signals
from cellctl.domain.work import Knowledge, OperationState, Place

from .shop import Shop

SERIAL = "nameplate-A-00001"
CARRY = "op-2"
STANDS = Findings(stands=True, says="it shows nothing of it")
ENDED = Findings(stands=True, ended=True)


def crashed() -> Shop:
    """The daemon has died while the arm carried a part from the printer to the router, and is there again."""
    shop = Shop()
    shop.machines_can_tell = True
    shop.wake()
    shop.order()
    shop.work(shop.started.pop())
    (carry,) = shop.started
    shop.started.clear()
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    shop.feed(ev.OperationStarted(carry.id))
    shop.feed(ev.OperationSent(carry.id))
    shop.feed(ev.PartMoved(SERIAL, Place("arm-1.gripper"), Knowledge.OBSERVED, carry.id))
    shop.feed(ev.ControllerStarted("0"))
    return shop


def heard(shop: Shop, station: str, slot: str, *, holds: bool | None, zone: str | None = None) -> None:
    """A machine is met, with a sensor for its slot or without."""
    shop.feed(ev.ContactFound(station, "twin"))
    shop.feed(ev.SignalsShown(station, Signals(1, {} if holds is None else {slot: holds}, zone)))
    shop.feed(ev.StationChanged(station, MachineState.IDLE))


def all_heard(printer: bool | None, gripper: bool | None, router: bool | None, zone: str | None) -> Shop:
    shop = crashed()
    heard(shop, "printer-1", "bed", holds=printer)
    heard(shop, "router-1", "vise", holds=router)
    heard(shop, "arm-1", "gripper", holds=gripper, zone=zone)
    return shop


def ending(shop: Shop) -> OperationState | None:
    """How the carry ended; None while it is not known."""
    ends = [each.state for each in shop.log if isinstance(each, ev.OperationEnded) and each.operation_id == CARRY]
    return ends[-1] if CARRY not in shop.cell.operations else None


def test_a_part_that_both_sides_see_at_its_target_has_arrived_and_nobody_is_asked() -> None:
    shop = all_heard(False, False, True, "")
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    assert ending(shop) is OperationState.DONE
    part = shop.cell.parts[SERIAL]
    assert (part.place, part.knowledge) == ("router-1.vise", Knowledge.OBSERVED)
    assert (shop.cell.prompts, broken(shop.cell)) == ({}, [])
    assert [each.step for each in shop.started] == ["engrave"]


def test_a_part_that_both_sides_see_at_its_source_is_carried_again_and_nobody_is_asked() -> None:
    shop = all_heard(True, False, False, "")
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    assert ending(shop) is OperationState.NOT_BEGUN
    assert (shop.cell.parts[SERIAL].place, shop.cell.prompts, broken(shop.cell)) == ("printer-1.bed", {}, [])
    assert [(each.step, each.id) for each in shop.started] == [("carry", "op-3")]


@pytest.mark.parametrize(
    ("printer", "gripper", "router", "zone"),
    [
        (True, False, True, ""),  # Two of them say that they have it: one lies.
        (False, False, False, ""),
        (False, True, True, ""),
        (False, True, False, ""),  # In the gripper: out of there nothing is carried by itself.
        (None, False, None, ""),
        (None, None, True, ""),  # One observation is not two.
        (False, False, True, "router-1"),
        (True, False, False, None),  # An arm that does not say where it stands may be anywhere.
    ],
)
def test_whatever_they_do_not_agree_on_is_asked_once(
    printer: bool | None, gripper: bool | None, router: bool | None, zone: str | None
) -> None:
    shop = all_heard(printer, gripper, router, zone)
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    (prompt,) = shop.cell.prompts.values()
    assert prompt.operation_id == CARRY
    assert (ending(shop), shop.started, broken(shop.cell)) == (None, [], [])


@pytest.mark.parametrize("found", [ENDED, Findings(stands=True, failed=True), Findings(stands=False)])
def test_sensors_that_contradict_their_arm_do_not_overrule_it(found: Findings) -> None:
    shop = all_heard(True, False, False, "")
    shop.feed(ev.EvidenceGathered(CARRY, found))
    assert len(shop.cell.prompts) == 1
    assert ending(shop) is None


def test_an_arm_that_says_it_has_ended_is_believed_where_the_target_sees_the_part() -> None:
    shop = all_heard(None, None, True, None)
    shop.feed(ev.EvidenceGathered(CARRY, ENDED))
    assert ending(shop) is OperationState.DONE
    assert shop.cell.parts[SERIAL].knowledge is Knowledge.OBSERVED


@pytest.mark.parametrize("comes", [True, False])
def test_a_station_that_was_not_looked_for_yet_is_waited_for_and_then_the_arm_is_asked_again(comes: bool) -> None:
    shop = crashed()
    heard(shop, "printer-1", "bed", holds=None)
    heard(shop, "arm-1", "gripper", holds=False, zone="")
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    assert (ending(shop), shop.cell.prompts) == (None, {})
    todo = shop.feed(ev.ContactFound("router-1", "twin") if comes else ev.ContactLost("router-1", "no answer"))
    assert [each.operation.id for each in todo if isinstance(each, Adopt)] == [CARRY]
    if comes:
        shop.feed(ev.SignalsShown("router-1", Signals(1, {"vise": True})))
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    assert (ending(shop) is OperationState.DONE, len(shop.cell.prompts)) == (comes, not comes)


def test_who_was_asked_already_is_not_overruled_by_sensors_because_their_hands_may_be_there() -> None:
    shop = all_heard(None, False, None, "")
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    shop.feed(ev.SignalsShown("router-1", Signals(2, {"vise": True})))
    shop.feed(ev.EvidenceGathered(CARRY, STANDS))
    assert len(shop.cell.prompts) == 1
    assert ending(shop) is None
