"""What a person does at a Grbl machine: tool changes, pauses, jogging, overrides, buttons, probing."""

from collections.abc import Mapping

import pytest

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.grbl.dials import Button, Dial, Dials
from cellctl_drivers.grbl.facts import Realtime
from cellctl_drivers.grbl.jog import Jog
from cellctl_drivers.grbl.portrait import Probe
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.tell import CONTINUE
from cellctl_drivers.grbl.window import Window
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_session import Asked, FaultRaised
from tests.drivers.grbl_dialogue import BANNER, IDLE, PLAIN, RUN, new, plain, ready, ready_grblhal, running
from tests.drivers.transcript import Replay

HOLD = "<Hold:0|MPos:1.200,0.000,0.000|FS:0,0>"
TOOL = "<Tool|MPos:0.000,0.000,0.000|FS:0,0>"
JOG = "<Jog|MPos:1.000,0.000,0.000|FS:600,0>"


def session_of(replay: Replay) -> GrblSession:
    assert isinstance(replay.session, GrblSession)
    return replay.session


def asked(text: str) -> str:
    return f"! {Asked(text, (CONTINUE,))!r}"


# ---- pauses and tool changes -------------------------------------------------------------------------------------


def paused(line: str) -> Replay:
    return running(f"{line} | G1 X1").run(f"""
        < ok
        >> {line}\\nG1 X1\\n
        + 0.2s
        >> ?
        < {HOLD}
        ! Held(reason='paused by the program')
        {asked(f"The program has paused itself at '{line}'")}
        = held
    """)


@pytest.mark.parametrize("line", ["M0", "M00", "M1", "N5 M0", "m 0 1"])
def test_a_pause_by_the_program_asks_a_person_and_goes_on_with_the_answer(line: str) -> None:
    replay = paused(line)
    session_of(replay).answer(CONTINUE, replay.now_s)
    assert session_of(replay).transmit(replay.now_s) == b"~?"
    replay.run(f"""
        < {RUN}
        ! Resumed()
        = running
        < ok
    """)


def test_a_pause_that_is_ended_at_the_machine_or_by_a_command_is_not_asked_about_any_more() -> None:
    paused("M0").run(f"+ 0.2s\n >> ?\n < {RUN}\n ! Unasked()\n ! Resumed()")
    replay = paused("M0").run(f"? resume\n >> ~?\n < {RUN}\n ! Unasked()\n ! Resumed()")
    with pytest.raises(NotAllowed, match="nobody is asked to continue"):
        session_of(replay).answer(CONTINUE, replay.now_s)


def test_only_what_was_asked_can_be_answered() -> None:
    replay = paused("M0")
    with pytest.raises(NotAllowed, match="nobody is asked to dance"):
        session_of(replay).answer("dance", replay.now_s)


def test_a_hold_that_was_asked_for_at_a_pause_asks_nobody() -> None:
    running("M0 | G1 X1").run(f"""
        < ok
        >> M0\\nG1 X1\\n
        ? hold
        >> !?
        < {HOLD}
        ! Held(reason='')
    """)


def changing_tool() -> Replay:
    """grblHAL has met M6 T2: it waits, and nothing but the tool change may go on."""
    replay = ready_grblhal(plain(texts=False, dry_run=False, line_numbers=False))
    return replay.run(f"""
        ? load M6 T2 | G1 X1
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        >> \\n
        < ok
        >> M6 T2\\nG1 X1\\n
        + 0.2s
        >> ?
        < {TOOL}
        # The host says that it attends to the change; what was received is put aside until it is over.
        >> \\xa3
        ! Held(reason='waiting for a tool change')
        {asked("Put tool 2 into the spindle and set its length as this machine wants it, then continue")}
        = held
    """)


def test_a_tool_change_asks_a_person_and_goes_on_with_cycle_start() -> None:
    replay = changing_tool()
    session_of(replay).answer(CONTINUE, replay.now_s)
    assert session_of(replay).transmit(replay.now_s) == b"~?"
    replay.run(f"""
        < {TOOL}
        # Not heeded yet: said again.
        >> ~
        + 0.2s
        >> ?
        < {RUN}
        ! Resumed()
        << ok\\r\\nok\\r\\n
        > G4P0.01
    """)
    assert session_of(replay).acknowledged == 2


def test_a_tool_change_can_be_stopped_and_keeps_the_counters_right() -> None:
    changing_tool().run(f"""
        ? stop
        >> !?
        < {TOOL}
        >> \\x18
        < ok
        < {BANNER}
        >> ?
        < {IDLE}
        ! Stopped()
    """)


def test_a_motion_while_a_tool_change_is_pending_is_error_40() -> None:
    replay = changing_tool()
    what = "refused line 1 'M6 T2': a tool change is waiting to be acknowledged (error:40)"
    replay.run(f"""
        < error:40
        >> !?
        ! {FaultRaised(what, "Correct the program, look at the part, then clear")!r}
    """)


# ---- jogging -----------------------------------------------------------------------------------------------------


def jog(replay: Replay, mm: Mapping[str, float], feed: float = 600.0, *, absolute: bool = False) -> bytes:
    session_of(replay).jog(Jog(mm, feed, absolute), replay.now_s)
    return session_of(replay).transmit(replay.now_s)


def test_a_jog_always_has_a_feed_and_changes_no_mode() -> None:
    replay = ready()
    assert jog(replay, {"X": 1.5, "Z": -0.25}) == b"?$J=G91G21X1.500Z-0.250F600.0\n"
    replay.run(f"""
        = jogging
        < ok
        < {JOG}
        + 0.2s
        >> ?
        < {IDLE}
        = ready
    """)
    assert jog(replay, {"Y": 20}, absolute=True) == b"?$J=G90G21Y20.000F600.0\n"


def test_a_jog_that_is_not_answered_yet_has_not_ended() -> None:
    replay = ready()
    jog(replay, {"X": 1})
    replay.run(f"< {IDLE}\n = jogging\n < ok\n + 0.2s\n >> ?\n < {IDLE}\n = ready")


def test_jog_cancel_is_one_raw_byte_and_empties_the_counters() -> None:
    replay = ready()
    jog(replay, {"X": 100})
    assert jog(replay, {"X": 100}) == b"$J=G91G21X100.000F600.0\n"
    replay.run(f"< ok\n < {JOG}")
    session = session_of(replay)
    session.cancel_jog(replay.now_s)
    assert session.transmit(replay.now_s) == b"\x85?"
    # The second jog was thrown away with the buffer, or its ok comes late: neither is waited for.
    replay.run(f"""
        = jog-ending
        < {JOG}
        >> \\x85
        + 0.2s
        >> ?
        < ok
        < {IDLE}
        = ready
    """)
    assert jog(replay, {"X": 1}).endswith(b"F600.0\n")


def test_a_jog_that_the_machine_refuses_leaves_it_ready() -> None:
    for answer in ("error:15", "error:22", "error:8"):
        replay = ready()
        jog(replay, {"X": 9000})
        replay.run(f"< {answer}\n < {IDLE}\n = ready")


def test_a_jog_without_end_is_reset() -> None:
    replay = ready(plain(stand_s=4.9))
    jog(replay, {"X": 100})
    replay.run(f"< ok\n < {JOG}")
    session_of(replay).cancel_jog(replay.now_s)
    assert session_of(replay).transmit(replay.now_s) == b"\x85?"
    for _ in range(24):
        replay.run(f"< {JOG}\n >> \\x85\n + 0.2s\n >> ?")
    replay.run(f"""
        + 0.1s
        >> \\x18
        ! {FaultRaised("does not end a jog; it was reset", "Home it again, then clear")!r}
    """)


@pytest.mark.parametrize(
    ("mm", "feed"),
    [({}, 100), ({"A": 1}, 100), ({"X": float("nan")}, 100), ({"X": 1}, 0), ({"X": 1}, -5), ({"X": 1}, float("inf"))],
)
def test_a_jog_that_no_machine_could_do_is_refused(mm: dict[str, float], feed: float) -> None:
    with pytest.raises(NotAllowed, match="a jog n"):
        jog(ready(), mm, feed)


def test_no_more_jogs_go_out_than_the_buffer_takes() -> None:
    replay = ready()
    for _ in range(5):
        jog(replay, {"X": 1})
    with pytest.raises(NotAllowed, match="as many jogs waiting as it takes"):
        jog(replay, {"X": 1})


def test_nothing_else_goes_on_while_it_jogs_and_nothing_is_jogged_while_it_works() -> None:
    replay = ready()
    jog(replay, {"X": 1})
    for call in ("hold", "resume", "clear"):
        with pytest.raises(NotAllowed, match="Grbl is jogging"):
            getattr(replay.session, call)(0.0)
    with pytest.raises(NotAllowed, match="Grbl is jogging"):
        replay.session.load(iter(["G0 X1"]), 1, 0.0)
    assert not replay.session.at_rest
    with pytest.raises(NotAllowed, match="Grbl is running"):
        jog(running("G0 X1"), {"X": 1})
    with pytest.raises(NotAllowed, match="not by a jog of ours"):
        jog(ready().run(f"< {JOG}"), {"X": 1})
    with pytest.raises(NotAllowed, match="Grbl is ready; it cannot end a jog"):
        session_of(ready()).cancel_jog(0.0)


def test_a_limit_that_is_hit_while_jogging_is_a_fault() -> None:
    replay = ready()
    jog(replay, {"X": 1})
    replay.run("""
        < ALARM:1
        ! FaultRaised(what='raised alarm 1: a limit switch was hit; the position is lost', \
do_next='Free the axis, then reset and home the machine; clearing unlocks it where it stands')
        = down
    """)


def test_what_is_stopped_while_it_jogs_is_reset_at_a_stand() -> None:
    replay = ready()
    jog(replay, {"X": 1})
    replay.run(
        f"< ok\n < {JOG}\n ? stop\n >> !?\n < {IDLE}\n >> \\x18\n < {BANNER}\n >> ?\n < {IDLE}\n ! Stopped()\n = ready"
    )


def test_a_machine_at_its_pendant_takes_no_program() -> None:
    replay = ready().run("< <Idle|MPos:0.000,0.000,0.000|FS:0,0|MPG:1>")
    assert not replay.session.at_rest


# ---- realtime bytes ----------------------------------------------------------------------------------------------


def test_bytes_that_empty_the_buffer_of_grblhal_zero_the_counters() -> None:
    # 0x19 and 0x85; of 0x18 the banner is the proof.
    for signal, left in ((Realtime.ABANDON, 0), (Realtime.JOG_CANCEL, 0), (Realtime.RESET, 1), (Realtime.HOLD, 1)):
        wire = Wire()
        wire.say("$G")
        wire.realtime(signal)
        assert len(wire.window) == left


def test_realtime_bytes_overtake_lines_and_are_not_counted() -> None:
    wire = Wire()
    wire.say("$G")
    wire.realtime(Realtime.STATUS, Realtime.HOLD)
    assert wire.take() == b"?!$G\n"
    assert wire.window.room == Window(128).room - 3


# ---- overrides and buttons ---------------------------------------------------------------------------------------


def test_a_dial_is_turned_one_step_for_each_report_that_shows_where_it_is() -> None:
    # Two equal steps between two rounds of Grbl's main loop would be one.
    replay = running("G1 X9").run("< ok\n > G1 X9")
    session_of(replay).override(Dial.FEED, 121)
    for percent, step in ((100, "\\x91"), (110, "\\x91"), (120, "\\x93")):
        replay.run(f"""
            + 0.2s
            >> ?
            < <Run|MPos:0,0,0|FS:600,0|Ov:{percent},100,100>
            >> {step}
        """)
    replay.run("+ 0.2s\n >> ?\n < <Run|MPos:0,0,0|FS:600,0|Ov:121,100,100>")


def test_a_report_without_overrides_turns_nothing_and_a_lost_step_is_made_again() -> None:
    dials = Dials()
    dials.set(Dial.SPINDLE, 85)
    dials.set(Dial.RAPIDS, 25)
    assert dials.heard(None) == []
    assert dials.heard((100, 100, 100)) == [Realtime.SPINDLE_MINUS_10, Realtime.RAPID_25]
    assert dials.heard((100, 25, 100)) == [Realtime.SPINDLE_MINUS_10]
    assert dials.heard((100, 25, 90)) == [Realtime.SPINDLE_MINUS_1]
    assert dials.heard((100, 25, 85)) == []


def test_every_percentage_is_reached() -> None:
    for dial in (Dial.FEED, Dial.SPINDLE):
        for wanted in range(10, 201, 7):
            percent = [100, 100, 100]
            dials = Dials()
            dials.set(dial, wanted)
            for _ in range(30):
                for signal in dials.heard((percent[0], percent[1], percent[2])):
                    percent[dial.value] += STEPS[signal]
            assert percent[dial.value] == wanted


STEPS = {
    Realtime.FEED_PLUS_10: 10, Realtime.FEED_MINUS_10: -10, Realtime.FEED_PLUS_1: 1, Realtime.FEED_MINUS_1: -1,
    Realtime.SPINDLE_PLUS_10: 10, Realtime.SPINDLE_MINUS_10: -10, Realtime.SPINDLE_PLUS_1: 1,
    Realtime.SPINDLE_MINUS_1: -1,
}  # fmt: skip


@pytest.mark.parametrize(("dial", "percent"), [(Dial.FEED, 9), (Dial.FEED, 201), (Dial.RAPIDS, 75), (Dial.SPINDLE, 0)])
def test_a_percentage_that_grbl_does_not_have_is_refused(dial: Dial, percent: int) -> None:
    with pytest.raises(NotAllowed):
        session_of(ready()).override(dial, percent)


def test_a_reset_puts_the_dials_back_and_nobody_turns_them_again() -> None:
    replay = running("G1 X9").run("< ok\n > G1 X9")
    session_of(replay).override(Dial.FEED, 150)
    replay.run(f"""
        ? stop
        >> !?
        < {HOLD}
        >> \\x18
        < {BANNER}
        >> ?
        < <Idle|MPos:0,0,0|FS:0,0|Ov:100,100,100>
        ! Stopped()
    """)


def test_buttons_are_single_raw_bytes() -> None:
    replay = running("G1 X9").run("< ok\n > G1 X9")
    session = session_of(replay)
    for button in (Button.DOOR, Button.FLOOD, Button.MIST):
        session.press(button)
    assert session.transmit(0.0) == b"\x84\xa0\xa1"


def test_the_spindle_is_stopped_by_a_button_in_a_hold_only() -> None:
    replay = running("G1 X9").run("< ok\n > G1 X9")
    with pytest.raises(NotAllowed, match="Grbl is running; it cannot take spindle_stop"):
        session_of(replay).press(Button.SPINDLE_STOP)
    replay.run(f"? hold\n >> !?\n < {HOLD}\n ! Held(reason='')")
    session_of(replay).press(Button.SPINDLE_STOP)
    assert session_of(replay).transmit(0.0) == b"\x9e"


def test_nothing_is_overridden_or_pressed_where_nobody_listens() -> None:
    session = session_of(new())
    with pytest.raises(NotAllowed, match="Grbl is new"):
        session.override(Dial.FEED, 100)
    with pytest.raises(NotAllowed, match="Grbl is new"):
        session.press(Button.DOOR)


def test_a_hold_stops_the_spindle_where_that_is_wanted_and_leaving_does_not_start_it_again() -> None:
    """0x9E toggles, in Hold only; `~` restores the spindle by itself."""
    turning = HOLD.replace("FS:0,0", "FS:0,9000")
    held = f"? hold\n >> !?\n < {turning}\n ! Held(reason='')"
    wanted = plain(spindle_off_in_hold=True)
    replay = running("G1 X9", wanted).run(f"< ok\n > G1 X9\n {held}\n >> \\x9e")
    replay.run(f"? resume\n >> ~?\n < {RUN}\n ! Resumed()\n {held}\n >> \\x9e")
    replay.run("? rest")
    running("G1 X9").run(f"< ok\n > G1 X9\n {held}")
    running("G1 X9", wanted).run(f"< ok\n > G1 X9\n {held.replace(turning, HOLD)}")


# ---- leaving -----------------------------------------------------------------------------------------------------


def test_a_spindle_that_turns_is_stopped_when_we_leave() -> None:
    replay = running("G1 X9").run(f"< ok\n > G1 X9\n ? hold\n >> !?\n < {HOLD.replace('FS:0,0', 'FS:0,9000')}\n"
                                  " ! Held(reason='')")  # fmt: skip
    replay.run("? rest\n >> \\x9e")
    ready().run("+ 2s\n >> ?\n < <Idle|MPos:0,0,0|FS:0,9000>\n ? rest\n >> \\x18")


def test_a_machine_whose_spindle_stands_and_one_that_is_not_ours_are_left_as_they_are() -> None:
    ready().run("? rest")
    new(PLAIN).run("? rest")
    found = new().run("? greet\n >> ?")
    found.session.receive(b"<Run|MPos:0,0,0|FS:600,9000>\r\n", 0.0)
    found.session.transmit(0.0)
    session_of(found).rest(0.0)
    assert found.session.transmit(0.0) == b""


# ---- probing -----------------------------------------------------------------------------------------------------


def test_the_result_of_a_probe_is_kept_in_machine_coordinates() -> None:
    replay = running("G38.2 Z-10 F50 | G0 Z5").run("""
        < ok
        >> G38.2 Z-10 F50\\nG0 Z5\\n
        < [PRB:1.000,2.000,-3.250:1]
        ! Probed(at_mm={'X': 1.0, 'Y': 2.0, 'Z': -3.25}, touched=True)
        < ok
    """)
    assert session_of(replay).portrait.probe == Probe((1.0, 2.0, -3.25), touched=True)


def test_the_probe_that_is_listed_with_the_offsets_is_an_old_one() -> None:
    running("G1 X1 F100", plain(end_check=True)).run("""
        < ok
        > $G
        < [GC:G0 G54 G17 G21 G90 G94 M5 M9 T0 F0 S0]
        < ok
        > $#
        < [G54:0.000,0.000,0.000]
        < [PRB:1.000,2.000,-3.250:1]
        < ok
        > G1 X1 F100
    """)


def test_after_a_probe_alarm_the_probing_line_still_gets_its_answer_which_counts_for_nothing() -> None:
    replay = running("G38.2 Z-10 F50").run("""
        < ok
        > G38.2 Z-10 F50
        < ALARM:5
        ! FaultRaised(what='raised alarm 5: the probe did not touch anything on its way', \
do_next='Check the probe and its wire, then reset the machine; clearing unlocks it where it stands')
        < [PRB:0.000,0.000,0.000:0]
        < ok
        = down
    """)
    assert session_of(replay).acknowledged == 0
    assert session_of(replay).portrait.probe == Probe((0.0, 0.0, 0.0), touched=False)


def test_a_probe_report_that_was_damaged_is_no_result() -> None:
    replay = ready()
    session_of(replay).portrait.hear("[PRB:1-2,3,4:1]")
    assert session_of(replay).portrait.probe is None


def test_a_damaged_result_does_not_bring_the_one_before_it_again() -> None:
    running("G38.2 Z-10 F50 | G38.2 Z-11 F50").run("""
        < ok
        >> G38.2 Z-10 F50\\nG38.2 Z-11 F50\\n
        < [PRB:1.000,2.000,-3.250:1]
        ! Probed(at_mm={'X': 1.0, 'Y': 2.0, 'Z': -3.25}, touched=True)
        < ok
        < [PRB:1.000,2.0x0,-3.250:1]
    """)


# ---- how good the line is ----------------------------------------------------------------------------------------


def test_lines_latency_garbage_and_lost_answers_are_counted() -> None:
    replay = running("G1 X1 F100 | G1 X2 | G1 X3", plain(ack_s=0.5)).run("""
        < ok
        >> G1 X1 F100\\nG1 X2\\nG1 X3\\n
        + 0.1s
        < ok
        < o\\x8bk
        < <Ru\\x8f
    """)
    quality = session_of(replay).quality
    assert (quality.lines, quality.lost_acknowledgements, quality.garbage_bytes) == (3, 0, 2)
    assert quality.ack_p50_s == pytest.approx(0.1, rel=0.1)
    replay.run("< ok\n < ok\n > G4P0.01")


def test_lines_of_ours_around_a_program_do_not_count_as_slow_answers() -> None:
    replay = running("G1 X1 F100").run("< ok\n >> G1 X1 F100\\n\n + 0.1s\n < ok\n > G4P0.01")
    replay.session.receive(b"Grbl 1.1h ['$' for help]\r\n", 1000.0)
    assert session_of(replay).quality.ack_max_s == pytest.approx(0.1)


def test_a_planner_that_runs_dry_in_the_middle_of_a_program_is_starvation() -> None:
    replay = running("G1X1 | G1X2").run("< ok\n >> G1X1\\nG1X2\\n\n < ok")
    assert session_of(replay).quality.underruns is None
    replay.session.receive(b"<Idle|MPos:0,0,0|Bf:15,120>\r\n", 0.0)
    assert session_of(replay).quality.underruns == 1
