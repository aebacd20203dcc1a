"""The dry run: before its first real run a program is played in the controller's check mode, where nothing moves."""

from collections.abc import Iterator

import pytest

from cellctl.domain.errors import StoreFailed
from cellctl_drivers.grbl.play import Script
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.serial_session import FaultRaised
from tests.drivers.grbl_dialogue import BANNER, FRESH_START, IDENTIFIED, IDLE, RUN, plain, ready, ready_grblhal
from tests.drivers.transcript import Replay

CHECK = "<Check|MPos:0.000,0.000,0.000|FS:0,0>"
HOLD = "<Hold:0|MPos:1.200,0.000,0.000|FS:600,0>"
DOOR = "<Door:1|MPos:1.200,0.000,0.000|FS:0,0|Pn:D>"
MOVED = "in check mode, before anything moved"
CORRECT = "Correct the program, then clear"
# Check mode is entered, and the blank line before the program goes out.
ENTERED = f"""
    >> ?$C\\n
    < [MSG:Enabled]
    < ok
    < {CHECK}
    = vetting
    >> \\n
"""


def load(replay: Replay, program: str, then: str) -> Replay:
    """Load a program that can be read twice, and see what follows."""
    lines = [line.strip() for line in program.split("|")]
    assert isinstance(replay.session, GrblSession)
    replay.session.announce(Script(program, lambda: iter(lines)))
    return replay.run(f"? load {program}\n {then}")


def vetting(program: str, settings: Settings | None = None) -> Replay:
    """A machine in check mode that has not answered the blank line yet."""
    return load(ready(settings or plain()), program, FRESH_START + ENTERED)


def fault(what: str, do_next: str) -> str:
    return f"! {FaultRaised(what, do_next)!r}"


def test_a_program_is_played_in_check_mode_and_then_runs_from_a_fresh_start() -> None:
    # Leaving the check mode is a reset with a banner; its answers belong to nothing.
    replay = vetting("G0 X1 | G4 P60 | G1 X2 F100").run(f"""
        < ok
        > G0 X1
        < ok
        > G4 P60
        < ok
        > G1 X2 F100
        < ok
        >> \\x18
        = resetting
        < [MSG:Disabled]
        < ok
        < {BANNER}
        >> ?
        < {IDLE}
        = running
        >> \\n
        < ok
        > G0 X1
    """)
    assert (replay.session.sent, replay.session.acknowledged) == (1, 0)


def test_lines_of_a_dry_run_are_neither_sent_nor_acknowledged_nor_executed() -> None:
    replay = vetting("G0 X1 | G1 X2 F100").run("""
        < ok
        >> G0 X1\\nG1 X2 F100\\n
        < ok
    """)
    session = replay.session
    assert (session.sent, session.acknowledged, session.executed) == (0, 0, 0)


def test_a_program_that_was_tried_is_not_tried_again_in_the_same_contact() -> None:
    replay = vetting("G0 X1").run(f"""
        < ok
        > G0 X1
        < ok
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        >> \\n
        < ok
        > G0 X1
        ? stop
        >> !?
        < {HOLD}
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
    """)
    load(replay, "G0 X1", f"{FRESH_START}\n = running\n >> \\n").run(f"""
        ? stop
        >> !?
        < {HOLD}
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
    """)
    load(replay, "G0 X2", f"{FRESH_START}\n >> ?$C\\n\n = entering")


def test_no_dry_run_where_the_owner_does_not_want_one() -> None:
    load(ready(plain(dry_run=False)), "G0 X1", f"{FRESH_START}\n = running\n >> \\n")


def test_an_error_is_found_before_anything_moves() -> None:
    unknown = "the G-code word is unknown or not supported (error:20)"
    replay = vetting("G0 X1 | G1 Q2 | G0 X3").run(f"""
        < ok
        >> G0 X1\\nG1 Q2\\nG0 X3\\n
        < ok
        < error:20
        >> \\x18
        {fault(f"refused line 2 'G1 Q2' {MOVED}: {unknown}", CORRECT)}
        < ok
        < {BANNER}
        = down
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
    """)
    assert replay.session.sent == 0


def test_a_soft_limit_is_found_before_anything_moves_and_the_machine_is_mute_until_it_is_reset() -> None:
    vetting("G0 X9000").run(f"""
        < ok
        > G0 X9000
        < ALARM:2
        {
        fault(
            "raised alarm 2: a motion would have left the travel of the machine",
            "Check work offset and program, then reset it; clearing unlocks it where it stands",
        )
    }
        < [MSG:Reset to continue]
        + 60s
        = down
    """)


def test_lines_that_would_write_to_the_memory_end_the_dry_run() -> None:
    # Check mode does not hold G10 L20 and G28.1 back: they would store where the machine would be.
    for line in ("G10 L20 P1 X0", "G28.1", "g10l2p1x1", "G30.1"):
        vetting(f"G0 X1 | {line} | G0 X3").run("""
            < ok
            > G0 X1
            < ok
            >> \\x18
        """)


def test_a_controller_without_a_check_mode_runs_the_program_at_once() -> None:
    load(
        ready(plain()),
        "G0 X1",
        f"""
        {FRESH_START}
        >> ?$C\\n
        < error:3
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        = running
        >> \\n
        < ok
        > G0 X1
    """,
    )


def test_no_line_goes_out_before_the_controller_reports_its_check_mode() -> None:
    # `$C` could have been damaged to `$G`: it would be answered, and every line would be carried out.
    asked = f"{FRESH_START}\n >> ?$C\\n\n < [GC:G0]\n < ok\n < {IDLE}"
    replay = load(ready(plain(answer_s=3.9)), "G0 X1", asked)
    for _ in range(19):
        replay.run(f"+ 0.2s\n >> ?\n < {IDLE}")
    replay.run(f"""
        = entering
        + 0.1s
        >> \\x18
        {fault("does not enter its check mode", "Clear it; if it stays so, set dry_run = false")}
        < {BANNER}
        = down
    """)


@pytest.mark.parametrize("report", [IDLE, RUN])
def test_a_controller_that_leaves_its_check_mode_by_itself_is_stopped(report: str) -> None:
    vetting("G0 X1 | G0 X2").run(f"""
        < ok
        >> G0 X1\\nG0 X2\\n
        + 0.2s
        >> ?
        < {report}
        >> !?
        {fault("left its check mode by itself while a program was tried there", "Look at the part, then clear")}
        = stopping
    """)


def test_a_line_that_is_not_answered_in_check_mode_is_a_fault() -> None:
    replay = vetting("G0 X1", plain(ack_s=3.9)).run("< ok\n > G0 X1")
    for _ in range(19):
        replay.run(f"+ 0.2s\n >> ?\n < {CHECK}")
    replay.run(f"""
        + 0.1s
        >> \\x18
        {fault(f"left a line unanswered {MOVED}", "Check cable and grounding, then clear")}
    """)


def test_a_line_that_must_not_be_sent_is_found_in_the_dry_run() -> None:
    vetting("G0 X1 | $H").run(f"""
        < ok
        > G0 X1
        + 0s
        >> \\x18
        {
        fault(
            f"cannot be sent line 2: it is a command to the controller itself, which a program must not give, {MOVED}",
            "Check program and cable, then clear",
        )
    }
    """)


def test_a_banner_in_check_mode_that_nobody_asked_for_ends_the_session() -> None:
    vetting("G0 X1").run(f"""
        < {BANNER}
        ! ResetSeen(what='the controller began anew by itself; what was in work is not known')
        = lost
    """)


def test_a_program_file_that_cannot_be_read_is_told_in_the_dry_run() -> None:
    def broken() -> Iterator[str]:
        raise StoreFailed("gone")
        yield ""

    replay = ready(plain())
    assert isinstance(replay.session, GrblSession)
    replay.session.announce(Script("broken", broken))
    replay.run(f"? load G0 X1\n {FRESH_START}\n {ENTERED}")
    replay.session.receive(b"ok\r\n", 0.0)
    with pytest.raises(StoreFailed):
        replay.session.transmit(0.0)


def test_silence_in_check_mode_is_silence() -> None:
    vetting("G0 X1").run("""
        + 0.2s
        >> ?
        + 5s
        >> ????
        ! FellSilent(silent_s=5.0)
        = lost
    """)


# ---- held, stopped and halted before it began --------------------------------------------------------------------


def test_a_hold_during_the_dry_run_waits_before_the_start_and_begins_anew() -> None:
    vetting("G0 X1 | G0 X2").run(f"""
        < ok
        >> G0 X1\\nG0 X2\\n
        ? hold
        >> \\x18
        < ok
        < {BANNER}
        >> ?
        < {IDLE}
        ! Held(reason='')
        = held
        + 0.2s
        >> ?
        < {IDLE}
        = held
        ? resume
        {FRESH_START}
        {ENTERED}
        < ok
        >> G0 X1\\nG0 X2\\n
        << ok\\r\\nok\\r\\n
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        ! Resumed()
        >> \\n
        = running
    """)


def test_a_hold_in_the_reset_before_the_start_waits_for_its_banner() -> None:
    load(
        ready(plain()),
        "G0 X1",
        f"""
        >> \\x18
        ? hold
        < {BANNER}
        >> ?
        < {IDLE}
        ! Held(reason='')
        = held
    """,
    )


@pytest.mark.parametrize("state", ["entering", "vetting"])
def test_stop_before_the_start_leaves_the_machine_ready(state: str) -> None:
    entered = ENTERED if state == "vetting" else ">> ?$C\\n"
    replay = load(ready(plain()), "G0 X1", FRESH_START + entered)
    replay.run(f"""
        = {state}
        ? stop
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
        = ready
    """)


def test_halt_in_check_mode_resets_at_once() -> None:
    vetting("G0 X1").run(f"""
        ? halt
        >> \\x18
        < {BANNER}
        ! Stopped()
        = down
    """)


def test_behind_an_open_door_nothing_begins() -> None:
    replay = load(
        ready(plain()),
        "G0 X1",
        f"""
        >> \\x18
        < {BANNER}
        >> ?
        < {DOOR}
        ! Held(reason='door open')
        = held
        + 0.2s
        >> ?
        < <Door:0|MPos:1.200,0.000,0.000|FS:0,0>
    """,
    )
    replay.run(f"? resume\n {FRESH_START}\n >> ?$C\\n\n = entering")


def test_a_sticky_error_of_grblhal_is_cleared_by_the_blank_line_before_a_program() -> None:
    load(
        ready_grblhal(plain(texts=False, dry_run=False)),
        "G0 X1",
        f"""
        {FRESH_START}
        >> \\n
        < ok
        > N1 G0 X1
    """,
    )
