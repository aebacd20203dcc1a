"""What the battery of faults has found, one test for each defect."""

import pytest

from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import OperationState
from cellctl_drivers.grbl import faults
from cellctl_drivers.grbl.session import GrblSession
from cellctl_sim.config import RouterTwin
from cellctl_sim.faults import Fault, Kind, Way
from cellctl_sim.grbl.mishaps import Mishap
from tests.drivers.grbl_battery import GRBL, GRBLHAL, ORIGIN, Case, Outcome, broken_rules, try_out
from tests.drivers.grbl_dialogue import BANNER, IDENTIFIED, IDLE, new, ready, running
from tests.drivers.test_grbl_vet import vetting

PROGRAM = ["G21", "G90", "G1 X5 F600", "G1 X6", "G0 Z3"]
LOST = f"! {faults.SETTINGS_LOST!r}"
UNLOCKED = GRBL.model_copy(update={"homing_switches": False})


def played(case: Case) -> Outcome:
    outcome = try_out(case)
    assert not broken_rules(case, outcome)
    return outcome


# ---- settings that were lost -------------------------------------------------------------------------------------


def test_settings_that_were_lost_at_power_up_are_told_before_anything_moves() -> None:
    # Grbl prints the error and all its settings before the banner; nobody's line is refused by that.
    new().run(f"""
        ? greet
        >> ?
        < error:7
        < $0=10
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        {LOST}
        = down
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
    """)


def test_settings_that_were_lost_in_mid_program_are_no_refusal_of_a_line_and_lock_the_machine() -> None:
    running("G1 X1").run(f"""
        < error:7
        >> !?
        {LOST}
        < $0=10
        < {BANNER}
        # It has reset itself while it was to be stopped: no need for another reset, and no new contact by itself.
        = down
    """)


def test_settings_that_were_lost_at_rest_lock_the_machine() -> None:
    ready().run(f"""
        < error:7
        {LOST}
        < {BANNER}
        = down
    """)


def test_a_machine_that_has_lost_its_settings_is_not_made_ready_again_by_itself() -> None:
    fault = Fault(Mishap.SETTINGS_LOST, nth=6, amount=0.1)
    outcome = played(Case(UNLOCKED, {"dry_run": False}, PROGRAM, [fault]))
    assert (outcome.end, outcome.state) == (OperationState.FAILED, MachineState.ABORTED)
    assert "could not read its stored settings" in outcome.ends[0].reason


# ---- what was only tried -----------------------------------------------------------------------------------------


def test_a_program_that_was_refused_in_check_mode_was_not_begun() -> None:
    outcome = played(Case(GRBL, {}, [*PROGRAM, "G7"]))
    assert (outcome.end, outcome.begun) == (OperationState.NOT_BEGUN, [])
    assert not any(isinstance(fact, ev.OperationStarted) for fact in outcome.facts)
    assert "refused line 6 'G7' in check mode" in outcome.ends[0].reason


def test_lines_that_were_on_their_way_to_be_tried_when_the_board_reset_itself_may_have_moved_it() -> None:
    replay = vetting("G0 X1 | G0 X2").run("< ok\n >> G0 X1\\nG0 X2\\n")
    session = replay.session
    assert isinstance(session, GrblSession)
    assert not session.may_have_moved
    replay.run(f"< {BANNER}\n ! {faults.BEGAN_ANEW!r}\n = lost")
    assert session.may_have_moved


def test_a_reset_in_check_mode_with_nothing_on_its_way_has_moved_nothing() -> None:
    replay = vetting("G0 X1").run(f"< {BANNER}\n ! {faults.BEGAN_ANEW!r}\n = lost")
    assert isinstance(replay.session, GrblSession)
    assert not replay.session.may_have_moved


# ---- the protocol ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", [UNLOCKED, GRBLHAL])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_lost_answer_holds_and_nothing_is_sent_again(twin: RouterTwin, dry_run: bool) -> None:
    fault = Fault(Kind.LOSE, nth=4, way=Way.TO_HOST, line="ok")
    outcome = played(Case(twin, {"dry_run": dry_run}, PROGRAM, [fault]))
    assert outcome.end is (OperationState.NOT_BEGUN if dry_run else OperationState.FAILED)
    assert outcome.state is MachineState.ABORTED


def test_an_answer_too_many_is_found_before_a_write_to_the_memory_would_lose_the_next_line() -> None:
    # A line that came in two has two answers. Believed, they would have the next line sent while nobody listens; and
    # one line more and one less look like none.
    program = ["G21", "G90", "G1 X5 F600", "G4 P0.5", "G10 L2 P2 X-1", "G1 X6", "G1 X7", "G0 Z3"]
    # Ours are before it: blank, $G, $#.
    fault = Fault(Kind.INSERT, nth=2 + 4, text="G1 X1")
    outcome = played(Case(UNLOCKED, {"dry_run": False}, program, [fault]))
    assert outcome.end is OperationState.FAILED
    assert "G10L2P2X-1" not in outcome.begun


def test_the_result_of_a_probe_is_in_the_log() -> None:
    outcome = played(Case(GRBL, {}, ["G0 Z5", "G38.2 Z-5 F300", "G0 Z6"]))
    probed = [fact for fact in outcome.facts if isinstance(fact, ev.ProbeEnded)]
    assert [(fact.station, fact.touched) for fact in probed] == [("router-1", True)]
    # The part's surface is where the work begins.
    assert probed[0].at_mm["Z"] == pytest.approx(ORIGIN[2], abs=0.001)
