"""One hand-over, phase by phase: what each side must show, and what becomes of it where the two do not agree."""

from dataclasses import replace

import pytest

from cellctl.core import custody, handover_view
from cellctl.core.custody import Crash, Found, Shown, advance
from cellctl.domain.events import Record, TransferPhase
from cellctl.domain.transfer import Custody, Phase, Transfer
from cellctl.domain.work import Place
from cellctl.stores.codec import decode, encode

UNLOAD = Transfer(
    "op-1/out", "op-1", "mug-1", Place("printer-1.bed"), Place("arm-1.gripper"), "printer-1", "arm-1", mover="arm-1"
)
GIVER = Shown(1, alive=True, ready=True, token=7, has_part=True)
TAKER = Shown(1, alive=True, ready=True, has_part=False, in_zone=False)


def permitted() -> Transfer:
    return advance(UNLOAD, GIVER, TAKER, token=7)


def test_the_logic_runs_through_to_the_permit_and_no_further() -> None:
    transfer = permitted()
    assert transfer.phase is Phase.PERMIT
    assert custody.may_enter(transfer.permit, "arm-1", 7)
    assert not custody.may_start([transfer], "printer-1")


@pytest.mark.parametrize(
    ("giver", "taker", "phase"),
    [
        (replace(GIVER, ready=False), TAKER, Phase.IDLE),
        (replace(GIVER, alive=False), TAKER, Phase.IDLE),
        (replace(GIVER, has_part=False), TAKER, Phase.IDLE),
        (GIVER, replace(TAKER, has_part=True), Phase.OFFER),
        (GIVER, replace(TAKER, ready=False), Phase.OFFER),
        (replace(GIVER, token=6), TAKER, Phase.CLAIM),
    ],
)
def test_a_side_that_does_not_show_what_it_must_is_waited_for(giver: Shown, taker: Shown, phase: Phase) -> None:
    assert advance(UNLOAD, giver, taker, token=7).phase is phase


def test_custody_is_shared_while_both_have_the_part_and_moves_when_both_agree() -> None:
    inside = replace(TAKER, token=7, in_zone=True, ready=False)
    entered = advance(permitted(), GIVER, inside, 8)
    gripped = advance(entered, replace(GIVER, clamped=True), replace(inside, has_part=True), 9)
    assert (entered.phase, gripped.phase) == (Phase.ENTER, Phase.GRIP)
    assert gripped.custody == Custody(("printer-1", "arm-1"), 9)
    released = advance(gripped, GIVER, replace(inside, has_part=True), 10)
    assert released.phase is Phase.RELEASE
    gone = replace(GIVER, has_part=False)
    left = advance(released, gone, replace(inside, has_part=True), 11)
    assert (left.phase, left.custody) == (Phase.LEAVE, Custody(("arm-1",), 11))
    assert advance(left, gone, replace(inside, has_part=True, in_zone=False), 12).phase is Phase.END


@pytest.mark.parametrize(("giver_has", "taker_has"), [(True, True), (False, False), (True, False)])
def test_an_arm_that_leaves_while_the_two_do_not_agree_is_held_and_nobody_else_may_enter(
    giver_has: bool, taker_has: bool
) -> None:
    inside = replace(TAKER, token=7, in_zone=True)
    shared = advance(permitted(), GIVER, replace(inside, has_part=True), 8)
    outside = replace(inside, in_zone=False, has_part=taker_has)
    disputed = advance(shared, replace(GIVER, has_part=giver_has), outside, 9)
    assert disputed.phase is Phase.DISPUTED
    assert not custody.may_enter(disputed.permit, "arm-1", 7)
    assert not custody.may_start([disputed], "printer-1")


def test_a_late_message_and_one_that_comes_twice_change_nothing() -> None:
    now = Shown(5, alive=True, ready=True)
    assert custody.heard(now, Shown(4, alive=True)) is now
    assert custody.heard(now, Shown(5, alive=False)) is now
    assert custody.heard(now, Shown(6)).seq == 6


def test_a_transfer_that_is_given_up_frees_the_machine_only_when_the_arm_knows_and_is_out() -> None:
    given_up = custody.withdraw(permitted(), "the order was aborted", 9)
    assert not custody.may_enter(given_up.permit, "arm-1", 7)
    assert not custody.may_start([given_up], "printer-1")
    assert custody.finished(given_up, replace(TAKER, token=7)).open  # It has not heard of it.
    assert custody.finished(given_up, replace(TAKER, token=9, in_zone=None)).open  # Absent is not clear.
    assert not custody.finished(given_up, replace(TAKER, token=9)).open


def test_nobody_may_enter_for_a_station_that_is_not_heard_and_its_return_brings_another_token() -> None:
    deaf = custody.kept_up(permitted(), replace(GIVER, alive=False), 9)
    assert not custody.may_enter(deaf.permit, "arm-1", 7)
    assert not custody.may_start([deaf], "printer-1")
    back = custody.renewed(deaf, 11)
    assert custody.may_enter(back.permit, "arm-1", 11)
    assert not custody.may_enter(back.permit, "arm-1", 7)


@pytest.mark.parametrize("phase", Phase)
def test_a_station_that_is_lost_while_somebody_is_in_its_zone_revokes_the_permit_and_keeps_phase_and_custody(
    phase: Phase,
) -> None:
    before = replace(permitted(), phase=phase)
    deaf = custody.kept_up(before, replace(GIVER, alive=False), 9)
    under_way = phase in (Phase.PERMIT, Phase.ENTER, Phase.GRIP, Phase.RELEASE)
    assert custody.may_enter(deaf.permit, "arm-1", 7) is not under_way
    assert (deaf.phase, deaf.custody) == (before.phase, before.custody)


@pytest.mark.parametrize(
    ("phase", "found", "verdict"),
    [
        (Phase.CLAIM, Found(), Crash.BEGIN_ANEW),
        (Phase.PERMIT, Found(begun=False), Crash.BEGIN_ANEW),
        (Phase.PERMIT, Found(), Crash.ASK_WHERE),
        (Phase.ENTER, Found(giver_has=True), Crash.ASK_RETRACTED),
        (Phase.ENTER, Found(at_rest=True, giver_has=True, taker_has=False), Crash.WITH_GIVER),
        (Phase.GRIP, Found(running=True), Crash.ADOPT),
        (Phase.GRIP, Found(at_rest=True, giver_has=False, taker_has=True), Crash.WITH_TAKER),
        (Phase.RELEASE, Found(at_rest=True, taker_has=True), Crash.ASK_WHERE),
        (Phase.LEAVE, Found(at_rest=True, giver_has=True, taker_has=True), Crash.ASK_WHERE),
        (Phase.LEAVE, Found(giver_has=False, taker_has=True), Crash.ASK_WHERE),
    ],
)
def test_after_a_crash_only_what_is_not_proved_is_asked(phase: Phase, found: Found, verdict: Crash) -> None:
    assert custody.after_crash(replace(permitted(), phase=phase), found) is verdict


def test_every_phase_is_told_in_a_sentence_that_names_who_reaches_where_and_a_dispute_with_its_reason() -> None:
    told = {phase: handover_view.view_of(replace(permitted(), phase=phase)).says for phase in Phase}
    assert told[Phase.PERMIT] == "arm-1 takes mug-1 from printer-1.bed: may reach into printer-1"
    assert told[Phase.GRIP] == "arm-1 takes mug-1 from printer-1.bed: both printer-1 and arm-1 have it"
    assert len(set(told.values())) == len(Phase)
    disputed = handover_view.view_of(custody.dispute(permitted(), "nobody has it", 9))
    assert disputed.says.endswith("disputed, and both sides are held: nobody has it")
    assert (disputed.phase, disputed.permitted, disputed.why) == ("DISPUTED", False, "nobody has it")
    revoked = handover_view.view_of(custody.revoke(permitted(), "printer-1 is not heard", 9))
    assert revoked.says.endswith("may reach into printer-1; its permit was taken back: printer-1 is not heard")


def test_a_phase_may_last_as_long_outside_when_the_cell_has_a_faster_clock() -> None:
    assert custody.due_s(replace(permitted(), since_s=1000.0)) == 1000.0 + custody.MOTION_S
    assert custody.due_s(replace(permitted(), since_s=1000.0), speed=60.0) == 1000.0 + 60 * custody.MOTION_S
    assert custody.due_s(replace(permitted(), since_s=1000.0), speed=0.5) == 1000.0 + custody.MOTION_S


def test_a_phase_is_journalled_and_read_back_as_it_was() -> None:
    record = Record(1, "2026-01-05T06:00:00.000Z", 0.0, "cellctl", TransferPhase(permitted()))
    assert decode(encode(record)) == record
