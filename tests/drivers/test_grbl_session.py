import pytest

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.serial_session import FaultRaised
from tests.drivers.grbl_dialogue import BANNER, FRESH_START, IDENTIFIED, IDLE, RUN, plain, ready, ready_grblhal, running
from tests.drivers.transcript import Replay

HOLD_MOVING = "<Hold:1|MPos:1.000,0.000,0.000|FS:300,0>"
HOLD = "<Hold:0|MPos:1.200,0.000,0.000|FS:600,0>"
DOOR_OPEN = "<Door:1|MPos:1.200,0.000,0.000|FS:0,0|Pn:D>"
DOOR_READY = "<Door:0|MPos:1.200,0.000,0.000|FS:0,0>"
DOOR_RESUMING = "<Door:3|MPos:1.200,0.000,0.000|FS:0,0>"
ALARM = "<Alarm|MPos:0.000,0.000,0.000|FS:0,0>"


def fault(what: str, do_next: str) -> str:
    return f"! {FaultRaised(what, do_next)!r}"


CHECK = "Check program and cable, look at the part, then clear"
CORRECT = "Correct the program, look at the part, then clear"
HOMES = "clearing homes the machine"
UNLOCKS = "clearing unlocks it where it stands"
SWITCHES = "Check limit switches, pull-off and wiring, then home the machine again"
LOCKED_HOMES = fault("is locked: its position is not known", f"Make room for the axes; {HOMES}")
LOCKED_UNLOCKS = fault("is locked: its position is not known", f"Make room for the axes; {UNLOCKS}")
HARD_LIMIT = fault(
    "raised alarm 1: a limit switch was hit; the position is lost",
    f"Free the axis, then reset and home the machine; {UNLOCKS}",
)
LOST_OK = fault(
    "stands idle and has not acknowledged line 2 'G1 X2': an answer or a line was lost",
    "Check cable and grounding, look at the part, then clear; nothing was sent again",
)
NO_HOMING = "homing is not enabled in the settings (error:5)"
UNKNOWN_WORD = "the G-code word is unknown or not supported (error:20)"


# ---- programs ----------------------------------------------------------------------------------------------------


def test_a_program_ends_after_a_motion_barrier_a_mark_and_idle() -> None:
    replay = running("G0 X10 | G1 X20 F600").run(f"""
        < ok
        >> G0 X10\\nG1 X20 F600\\n
        < ok
        ! Acknowledged(lines=1)
        < ok
        ! Acknowledged(lines=2)
        > G4P0.01
        + 0.2s
        >> ?
        < {IDLE}
        < ok
        > $G
        < [GC:G1 G54 G17 G21 G90 G94 M5 M9 T0 F600 S0]
        < ok
        >> ?
        < {IDLE}
        ! ProgramDrained()
        ! Rested()
        = ready
    """)
    assert (replay.session.sent, replay.session.acknowledged, replay.session.executed) == (2, 2, 2)


def test_idle_is_not_the_end_of_a_program_during_a_dwell_or_from_an_older_question() -> None:
    replay = running("G4 P2").run("< ok\n > G4 P2")
    idle_for(replay, 2)
    replay.run(f"""
        < ok
        > G4P0.01
        < ok
        > $G
        < [GC:G1]
        + 0.2s
        >> ?
        < ok
        >> ?
        # The answer to the older question; it tells of a time before the end.
        < {IDLE}
        = running
        + 0.2s
        >> ?
        < {IDLE}
        ! ProgramDrained()
        ! Rested()
    """)


def test_at_most_one_byte_less_than_the_buffer_is_outstanding() -> None:
    line = "G1 X" + "1" * 27
    assert len(line) + 1 == 32
    # Three of them are 96; a fourth would make it 128, one too many.
    running(" | ".join([line] * 6)).run(f"""
        < ok
        >> {line}\\n{line}\\n{line}\\n
        << ok\\r\\n
        > {line}
        << ok\\r\\nok\\r\\n
        >> {line}\\n{line}\\n
    """)


@pytest.mark.parametrize("line", ["G10 L2 P1 X0", "g10l20p1x0", "G28.1", "G30.1"])
def test_lines_that_write_the_settings_memory_go_out_alone_once_answers_are_proved_to_match(line: str) -> None:
    running(f"G0 X1 | G0 X2 | {line} | G0 X3").run(f"""
        < ok
        >> G0 X1\\nG0 X2\\n
        < ok
        < ok
        > $G
        < [GC:G0 G54 G17 G21 G90 G94 M5 M9 T0 F0 S0]
        < ok
        > {line}
        < ok
        > G0 X3
    """)


@pytest.mark.parametrize("line", ["G54", "G 5 9", "N7 G59.1 X1", "G28 X0", "G030", "M30"])
def test_lines_that_touch_the_settings_memory_go_out_alone(line: str) -> None:
    running(f"G0 X1 | G0 X2 | {line} | G0 X3").run(f"""
        < ok
        >> G0 X1\\nG0 X2\\n
        < ok
        < ok
        > {line}
        < ok
        > G0 X3
    """)


@pytest.mark.parametrize("line", ["G1 X28", "G0 X54", "G3 X10 I30", "M3 S54", "M300"])
def test_numbers_in_other_words_do_not_drain_the_window(line: str) -> None:
    running(f"G0 X1 | {line} | G0 X3").run(f"< ok\n >> G0 X1\\n{line}\\nG0 X3\\n")


def test_a_long_move_may_keep_its_acknowledgement_as_long_as_reports_say_run() -> None:
    replay = running("G1 X900 F10").run("< ok\n > G1 X900 F10")
    for _ in range(200):
        replay.run(f"+ 0.2s\n >> ?\n < {RUN}")
    replay.run("= running")


def idle_for(replay: Replay, seconds: float) -> None:
    for _ in range(round(seconds / 0.2)):
        replay.run(f"+ 0.2s\n >> ?\n < {IDLE}")


def test_a_lost_ok_is_a_fault_and_nothing_is_sent_again() -> None:
    replay = running("G1 X1 F100 | G1 X2", plain(ack_s=14.85)).run("< ok\n > G1 X1 F100\n > G1 X2\n < ok")
    idle_for(replay, 14.8)
    replay.run(f"""
        = running
        + 0.1s
        >> !?
        {LOST_OK}
        < {IDLE}
        >> \\x18
        < {BANNER}
        = down
    """)
    assert (replay.session.acknowledged, replay.session.executed) == (1, 0)


def test_a_dwell_adds_its_own_time_to_the_patience() -> None:
    replay = running("G0 X1 | G4 P60 | G0 X2").run("< ok\n > G0 X1\n < ok\n > G4 P60")
    idle_for(replay, 74)
    replay.run("= running\n < ok\n > G0 X2")
    assert replay.session.executed == 2


def test_more_answers_than_lines_is_a_fault() -> None:
    running("G1 X1 F100").run(f"""
        < ok
        > G1 X1 F100
        << ok\\r\\nok\\r\\n
        >> !?
        {fault("gave more answers than lines were sent: a line was cut in two on its way", CHECK)}
        = stopping
    """)


def test_an_answer_too_many_is_found_at_the_end_by_the_mark() -> None:
    # A line was cut in two by noise: each half was answered.
    running("G1 X1 F100 | G1 X2").run(f"""
        < ok
        >> G1 X1 F100\\nG1 X2\\n
        < ok
        < ok
        > G4P0.01
        < ok
        > $G
        < ok
        >> !?
        {fault("gave answers that do not match the lines sent: one was damaged on its way", CHECK)}
    """)


def test_an_error_holds_the_machine_at_once_and_a_run_of_them_is_one_fault() -> None:
    replay = running("G1 X1 F100 | G1 Q2 | G1 X3").run(f"""
        < ok
        >> G1 X1 F100\\nG1 Q2\\nG1 X3\\n
        < ok
        < error:20
        >> !?
        {fault(f"refused line 2 'G1 Q2': {UNKNOWN_WORD}", CORRECT)}
        = stopping
        < error:20
        < {RUN}
        >> !
        + 0.2s
        >> ?
        < {HOLD}
        >> \\x18
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
    assert replay.session.acknowledged == 1


def test_a_fault_can_be_cleared_while_its_stop_is_still_under_way() -> None:
    running("G1 Q2").run(f"""
        < ok
        > G1 Q2
        < error:20
        >> !?
        {fault(f"refused line 1 'G1 Q2': {UNKNOWN_WORD}", CORRECT)}
        ? clear
        = stopping
        < {HOLD}
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
    """)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("G1 X1 !", "it has a character that must not go out; allowed is printable ASCII without ? ! ~"),
        ("G1 X1 \u00b5", "it has a character that must not go out; allowed is printable ASCII without ? ! ~"),
        ("$X", "it is a command to the controller itself, which a program must not give"),
        ("G1 X" + "1" * 76, "it has 80 characters, and this controller takes 79"),
    ],
)
def test_a_line_that_must_not_be_sent_stops_the_program_in_front_of_it(line: str, why: str) -> None:
    replay = running(f"G0 X1 | {line} | G0 X2").run(f"""
        < ok
        > G0 X1
        + 0s
        >> !?
        {fault(f"cannot be sent line 2: {why}", CHECK)}
    """)
    assert replay.session.sent == 1


def test_a_line_of_79_characters_goes_out() -> None:
    line = "G1 X" + "1" * 75
    running(line).run(f"< ok\n > {line}")


# ---- alarms ------------------------------------------------------------------------------------------------------


def test_an_alarm_acknowledges_nothing_and_silence_after_it_is_not_a_lost_link() -> None:
    replay = running("G1 X1 F100 | G1 X2").run(f"""
        < ok
        >> G1 X1 F100\\nG1 X2\\n
        < ALARM:1
        {HARD_LIMIT}
        < [MSG:Reset to continue]
        + 600s
        = down
        ? clear
        >> \\x18
        < ok
        < {BANNER}
        {IDENTIFIED}
        < [MSG:'$H'|'$X' to unlock]
        < {ALARM}
        > $X
        < [MSG:Caution: Unlocked]
        < ok
        >> ?
        < {IDLE}
        ! Rested()
    """)
    assert replay.session.acknowledged == 0


def test_an_alarm_that_is_only_seen_in_a_report_is_a_fault() -> None:
    running("G1 X1").run(f"""
        + 0.2s
        >> ?
        < <Alarm:1|MPos:0.000,0.000,0.000|FS:0,0>
        {HARD_LIMIT}
        = down
    """)


def test_an_alarm_at_rest_is_a_fault() -> None:
    ready().run(f"""
        < ALARM:1
        {HARD_LIMIT}
        = down
    """)


def test_a_reset_that_is_refused_by_the_e_stop_input_says_so() -> None:
    replay = ready_grblhal(plain(banner_s=3.9, texts=False)).run("? halt\n >> !?\n < ALARM:10\n >> \\x18")
    for _ in range(19):
        replay.run("+ 0.2s\n >> ?\n < <Alarm:10|MPos:0.000,0.000,0.000|FS:0,0>")
    replay.run(f"""
        + 0.1s
        {
        fault(
            "raised alarm 10: the E-stop input of the machine is active",
            f"Release the input at the machine, then reset and home it; {UNLOCKS}",
        )
    }
        = down
    """)


def test_a_reset_nobody_asked_for_ends_the_session() -> None:
    running("G1 X1").run(f"""
        < {BANNER}
        ! ResetSeen(what='the controller began anew by itself; what was in work is not known')
        = lost
        < ok
        < {IDLE}
        + 60s
    """)


# ---- hold, resume, stop, halt ------------------------------------------------------------------------------------


def test_hold_waits_for_hold_0_and_resume_is_repeated_when_it_was_dropped() -> None:
    running("G1 X9 F100 | G1 X8").run(f"""
        < ok
        >> G1 X9 F100\\nG1 X8\\n
        ? hold
        >> !?
        < {HOLD_MOVING}
        = holding
        + 0.2s
        >> ?
        < {HOLD}
        ! Held(reason='')
        = held
        + 0.2s
        >> ?
        < {HOLD}
        ? resume
        >> ~?
        < {HOLD}
        >> ~
        = resuming
        + 0.2s
        >> ?
        < {RUN}
        ! Resumed()
        = running
    """)


def test_no_line_goes_out_while_held() -> None:
    running("G1 X1 | G54 | G1 X3").run(f"""
        < ok
        > G1 X1
        ? hold
        >> !?
        < ok
        < {HOLD}
        ! Held(reason='')
        ? resume
        >> ~?
        < {IDLE}
        ! Resumed()
        > G54
    """)


def test_a_hold_byte_that_was_lost_is_sent_again() -> None:
    running("G1 X1").run(f"""
        < ok
        > G1 X1
        ? hold
        >> !?
        < {RUN}
        >> !
        + 0.2s
        >> ?
        < {HOLD}
        ! Held(reason='')
    """)


def test_a_hold_that_never_comes_to_a_stand_ends_in_a_reset() -> None:
    replay = running("G1 X1", plain(stand_s=4.9)).run("< ok\n > G1 X1\n ? hold\n >> !?")
    for _ in range(24):
        replay.run(f"< {HOLD_MOVING}\n + 0.2s\n >> ?")
    replay.run(f"""
        + 0.1s
        >> \\x18
        {fault("does not come to a hold; it was reset", "Home it again and look at the part, then clear")}
        < ALARM:3
        < {BANNER}
        = down
    """)


def test_the_door_holds_with_its_reason_and_nothing_resumes_while_it_is_open() -> None:
    replay = running("G1 X1").run(f"""
        < ok
        > G1 X1
        + 0.2s
        >> ?
        < {DOOR_OPEN}
        ! Held(reason='door open')
    """)
    with pytest.raises(NotAllowed, match="door is open"):
        replay.session.resume(replay.now_s)
    replay.run(f"""
        + 0.2s
        >> ?
        < {DOOR_READY}
        ? resume
        >> ~?
        < {DOOR_RESUMING}
        + 0.2s
        >> ?
        < {DOOR_OPEN}
        ! Held(reason='door open')
    """)


def test_a_hold_at_the_machine_is_held_and_can_be_resumed_there() -> None:
    running("G1 X1 | G1 X2").run(f"""
        < ok
        >> G1 X1\\nG1 X2\\n
        + 0.2s
        >> ?
        < {HOLD}
        ! Held(reason='paused at the machine')
        + 0.2s
        >> ?
        < ok
        < {RUN}
        ! Resumed()
    """)


def test_stop_keeps_the_position_and_is_ready_again() -> None:
    replay = running("G1 X9 F100 | G1 X8").run(f"""
        < ok
        >> G1 X9 F100\\nG1 X8\\n
        ? stop
        >> !?
        < {HOLD}
        >> \\x18
        < ok
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
        = ready
        ? load G0 X5
        {FRESH_START}
        >> \\n
    """)
    assert replay.session.acknowledged == 0


def test_stop_out_of_a_hold_goes_straight_to_the_reset() -> None:
    running("G1 X9").run(f"""
        < ok
        > G1 X9
        ? hold
        >> !?
        < {HOLD}
        ! Held(reason='')
        ? stop
        >> !?
        < {HOLD}
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
    """)


def test_halt_resets_at_a_stand_and_then_waits_to_be_cleared() -> None:
    running("G1 X9").run(f"""
        < ok
        > G1 X9
        ? halt
        >> !?
        < {HOLD_MOVING}
        + 0.2s
        >> ?
        < {HOLD}
        >> \\x18
        < {BANNER}
        ! Stopped()
        = down
    """)


def test_halt_does_not_wait_for_ever_for_a_stand() -> None:
    running("G1 X9").run(f"""
        < ok
        > G1 X9
        ? halt
        >> !?
        + 4.9s
        >> ????
        + 0.1s
        >> ?\\x18
        < ALARM:3
        < ok
        < {BANNER}
        ! Stopped()
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {ALARM}
        > $X
    """)


def test_halt_overrides_a_stop_that_is_under_way() -> None:
    ready().run(f"""
        ? stop
        >> !?
        ? halt
        < {HOLD}
        >> \\x18
        < {BANNER}
        ! Stopped()
        = down
    """)


# ---- polling and silence -----------------------------------------------------------------------------------------


def test_it_asks_every_two_seconds_at_rest_and_five_times_a_second_at_work() -> None:
    replay = ready()
    for _ in range(3):
        replay.run(f"+ 1.99s\n + 0.01s\n >> ?\n < {IDLE}")
    replay = running("G1 X1")
    for _ in range(3):
        replay.run(f"+ 0.19s\n + 0.01s\n >> ?\n < {RUN}")


def test_one_question_at_a_time_is_open_and_asked_again_once_a_second() -> None:
    running("G1 X1").run(f"""
        + 0.2s
        >> ?
        + 0.99s
        + 0.01s
        >> ?
        < {RUN}
        = running
    """)


def test_silence_ends_the_session_with_a_last_hold() -> None:
    running("G1 X1").run("""
        + 0.2s
        >> ?
        + 4.9s
        >> ????
        + 0.1s
        >> !
        ! FellSilent(silent_s=5.0)
        = lost
    """)


def test_silence_at_rest_ends_the_session_without_touching_the_machine() -> None:
    ready().run("""
        + 2s
        >> ?
        + 5s
        >> ????
        ! FellSilent(silent_s=5.0)
    """)


def test_reports_that_come_by_themselves_do_not_keep_it_from_asking() -> None:
    replay = ready()
    for _ in range(19):
        replay.run(f"+ 0.1s\n < {IDLE}")
    replay.run("+ 0.1s\n >> ?")


# ---- what a state refuses ----------------------------------------------------------------------------------------


def test_a_machine_that_moves_by_itself_takes_no_program() -> None:
    replay = ready().run("< <Jog|MPos:0.000,0.000,0.000|FS:600,0>")
    assert not replay.session.at_rest
    with pytest.raises(NotAllowed, match="moving, and not by a program of ours"):
        replay.session.load(iter(["G0 X1"]), 1, replay.now_s)


@pytest.mark.parametrize("call", ["hold", "resume", "clear", "greet"])
def test_what_a_state_does_not_allow_is_refused_by_name(call: str) -> None:
    replay = ready()
    with pytest.raises(NotAllowed, match="Grbl is ready"):
        getattr(replay.session, call)(replay.now_s)


def test_nothing_is_done_before_contact() -> None:
    session = GrblSession(Settings())
    assert session.receive(b"ok\r\nGrbl 1.1h ['$' for help]\r\n", 0.0) == []
    assert session.transmit(0.0) == b""
    assert session.deadline_s is None
