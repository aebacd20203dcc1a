"""Who is at the other end: contact, identity, locks. What is found at work is left alone."""

import pytest

from cellctl_drivers.grbl.events import FoundAtWork
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.serial_session import FaultRaised
from tests.drivers.grbl_dialogue import (
    BANNER,
    FRESH_START,
    IDENTIFIED,
    IDLE,
    POWER_UP,
    RUN,
    met_grblhal,
    new,
    plain,
    ready,
    ready_grblhal,
)
from tests.drivers.transcript import Replay

HOLD_MOVING = "<Hold:1|MPos:1.000,0.000,0.000|FS:300,0>"
HOLD = "<Hold:0|MPos:1.200,0.000,0.000|FS:600,0>"
DOOR_OPEN = "<Door:1|MPos:1.200,0.000,0.000|FS:0,0|Pn:D>"
ALARM = "<Alarm|MPos:0.000,0.000,0.000|FS:0,0>"


def fault(what: str, do_next: str) -> str:
    return f"! {FaultRaised(what, do_next)!r}"


def at_work(word: str, *, held: bool = False) -> str:
    ways = "resume or halt" if held else "wait for its end or halt"
    what = (
        f"says {word}: it is at work that this controller did not begin, and is left alone. "
        f"Look at it, {ways} it; after that, clear and reset it"
    )
    return f"! {FoundAtWork('Grbl, at work and not asked who it is', held, what)!r}"


HOMES = "clearing homes the machine"
UNLOCKS = "clearing unlocks it where it stands"
SWITCHES = "Check limit switches, pull-off and wiring, then home the machine again"
LOCKED_HOMES = fault("is locked: its position is not known", f"Make room for the axes; {HOMES}")
LOCKED_UNLOCKS = fault("is locked: its position is not known", f"Make room for the axes; {UNLOCKS}")
NO_HOMING = "homing is not enabled in the settings (error:5)"


# ---- contact -----------------------------------------------------------------------------------------------------


def test_a_board_that_resets_when_the_port_opens_is_met_by_its_banner() -> None:
    ready()


def test_a_board_that_runs_on_is_reset_at_a_stand_and_the_late_ok_belongs_to_nothing() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {IDLE}
        >> \\x18
        < ok
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
        = ready
    """)


def test_a_machine_found_moving_is_left_alone_and_reported_as_it_is() -> None:
    replay = new().run(f"""
        ? greet
        >> ?
        < {RUN}
        {at_work("Run")}
        = running
        < ok
        < error:20
        < [MSG:Pgm End]
        + 0.2s
        >> ?
        < {RUN}
    """)
    assert not replay.session.at_rest
    for _ in range(100):
        replay.run(f"+ 0.2s\n >> ?\n < {RUN}")
    replay.run("= running")


def test_a_machine_found_held_is_left_alone_and_goes_on_only_when_it_is_told() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {HOLD}
        {at_work("Hold", held=True)}
        = held
        + 0.2s
        >> ?
        < {HOLD}
        ? resume
        >> ~?
        < {RUN}
        ! Resumed()
        ? hold
        >> !?
        < {HOLD}
        ! Held(reason='')
    """)


def test_what_was_found_at_work_is_asked_who_it_is_once_a_person_has_stopped_it() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {RUN}
        {at_work("Run")}
        ? stop
        >> !?
        < {HOLD_MOVING}
        + 0.2s
        >> ?
        < {HOLD}
        >> \\x18
        < ok
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Stopped()
        = ready
    """)


def test_what_was_found_at_work_and_comes_to_its_end_waits_for_a_person() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {RUN}
        {at_work("Run")}
        + 0.2s
        >> ?
        < {IDLE}
        {fault("has come to the end of what it was doing when it was met", "Look at the part, then clear")}
        = down
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
    """)


@pytest.mark.parametrize(
    "report",
    ["<Idle|MPos:0.000,0.000,0.000|FS:0,8000>", "<Idle|MPos:0.000,0.000,0.000|Bf:15,90|FS:0,0>"],
)
def test_idle_with_a_turning_spindle_or_waiting_lines_is_work(report: str) -> None:
    # During a dwell the word is Idle, too.
    word = "Idle, with its spindle on or with lines waiting"
    new().run(f"? greet\n >> ?\n < {report}\n {at_work(word)}")


def test_a_machine_that_was_homing_when_it_was_met_may_be_silent_for_as_long_as_homing_takes() -> None:
    new().run(f"""
        ? greet
        >> ?
        < <Home|MPos:0.000,0.000,0.000|FS:0,0>
        {at_work("Home")}
        + 0.2s
        >> ?
        + 23.6s
        >> ???????????????????????
        < {IDLE}
        {fault("has come to the end of what it was doing when it was met", "Look at the part, then clear")}
    """)


def test_what_was_left_in_check_mode_is_reset_because_nothing_moves_there() -> None:
    new().run(f"? greet\n >> ?\n < <Check|MPos:0.000,0.000,0.000|FS:0,0>\n >> \\x18\n < {BANNER}\n {IDENTIFIED}")


def test_silence_at_contact_may_be_homing_and_is_not_answered_with_a_reset() -> None:
    new().run("""
        ? greet
        >> ?
        + 3.9s
        >> ???
        + 0.1s
        >> ?
        ! FellSilent(silent_s=4.0)
        = lost
    """)


def test_a_silent_machine_is_reset_once_where_its_owner_allows_it() -> None:
    # A critical alarm leaves no other way to be heard.
    new(plain(reset_when_silent=True)).run("""
        ? greet
        >> ?
        + 3.9s
        >> ???
        + 0.1s
        >> ?\\x18
        + 3.9s
        >> ????
        + 0.1s
        ! FellSilent(silent_s=4.0)
        = lost
    """)


def test_a_controller_that_never_says_what_it_is_is_given_up() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {BANNER}
        > $I
        + 4s
        ! FellSilent(silent_s=4.0)
        = lost
    """)


def test_a_machine_that_is_neither_idle_nor_locked_after_a_reset_is_a_fault() -> None:
    replay = new(plain(answer_s=3.9)).run(POWER_UP)
    for _ in range(19):
        replay.run("< <Check|MPos:0.000,0.000,0.000|FS:0,0>\n + 0.2s\n >> ?")
    replay.run(f"""
        < <Check|MPos:0.000,0.000,0.000|FS:0,0>
        + 0.1s
        {fault("says Check after a reset", "Look what it is doing, then clear")}
        = down
    """)


def test_two_resets_in_a_row_while_the_board_starts_are_one() -> None:
    new().run(f"""
        ? greet
        >> ?
        < {BANNER}
        > $I
        < {BANNER}
        {IDENTIFIED}
        < {IDLE}
        ! Rested()
    """)


def test_grblhal_says_so_and_tells_a_greater_buffer() -> None:
    replay = ready_grblhal()
    line = "G1 X" + "1" * 251
    replay.run(f"? load {line}\n {FRESH_START}\n >> \\n\n < ok\n > {line}")


def test_start_up_lines_are_not_counted_as_answers() -> None:
    started = POWER_UP.replace("> $I", "> $I\n < >G54G20:ok", 1)
    new().run(f"{started}\n < {IDLE}\n ! Rested()")


def test_a_buffer_size_that_was_damaged_on_its_way_is_not_believed() -> None:
    # 928 for 128: eight hundred bytes would be lost without a sign.
    new().run(f"""
        ? greet
        >> ?
        < {BANNER}
        > $I
        < [VER:1.1h.20190825:]
        < [OPT:V,15,928]
        < ok
        > $I
        < [VER:1.1h.20190825:]
        < [OPT:V,15,128]
        < ok
        {
        fault(
            "tells its version and the size of its buffer differently each time",
            "Check cable and grounding, then clear",
        )
    }
        = down
    """)


def test_a_cable_in_the_wrong_socket_is_refused() -> None:
    named = POWER_UP.replace("20190825:]", "20190825:router-2]")
    refused = fault(
        "is the wrong machine: it is called 'router-2', and 'router-1' is expected",
        "Plug the right cable in, or correct identity in the cell file (a name is stored with $I=name)",
    )
    new(plain(identity="router-1")).run(f"{named[: named.index('> $$')]}\n {refused}\n = down")
    expected = new(plain(identity="router-2"))
    expected.run(named.replace("Grbl 1.1h.20190825'", "Grbl 1.1h.20190825 router-2'"))


def test_a_machine_without_a_name_is_not_the_one_that_is_expected() -> None:
    met = POWER_UP[: POWER_UP.index("> $$")]
    new(plain(identity="router-1")).run(f"""
        {met}
        {
        fault(
            "is the wrong machine: it has no name, and 'router-1' is expected",
            "Plug the right cable in, or correct identity in the cell file (a name is stored with $I=name)",
        )
    }
    """)


def test_long_lists_take_the_time_that_they_take() -> None:
    replay = met_grblhal("> $EEG", Settings())
    for number in range(30):
        replay.run(f'+ 1s\n < "{number}","N/A","a text"')
    replay.run("= identifying\n < ok\n > $EAG")


# ---- texts and settings ------------------------------------------------------------------------------------------


def test_texts_of_errors_alarms_and_settings_are_those_of_the_machine() -> None:
    replay = met_grblhal(
        """
        > $EEG
        < "Error Code in v1.1+","Error Message in v1.0-","Error Description"
        < "20","N/A","Unsupported or invalid g-code command, found in block."
        < ok
        > $EAG
        < "Alarm Code in v1.1+"," Alarm Message in v1.0-"," Alarm Description"
        < "2","N/A","Soft limit alarm."
        < ok
        > $ESG
        < "$-Code"," Setting"," Units"," Setting Description"
        < "130","X-axis maximum travel","mm","Maximum distance, from the switch."
        < ok
        ! Greeted(identity='grblHAL 1.1f.20250101 router-1')
        >> ?
        """,
        Settings(),
    )
    texts = portrait(replay).texts
    assert texts.error(20) == "Unsupported or invalid g-code command, found in block"
    assert texts.alarm(2).what == "Soft limit alarm"
    assert texts.alarm(2).do_next == "Check work offset and program, then reset it"
    assert texts.setting(130) == "X-axis maximum travel"
    assert (texts.error(22), texts.setting(110)) == ("no feed rate has been set", "X: highest rate")


def test_a_build_without_the_spreadsheet_form_is_asked_for_the_other_one() -> None:
    replay = met_grblhal(
        """
        > $EEG
        < error:3
        > $EE
        < [ERRORCODE:20||Unsupported command]
        < ok
        > $EAG
        < error:3
        > $EA
        < [ALARMCODE:10|EStop|Reset the stop input]
        < ok
        > $ESG
        < error:3
        > $ES
        < [SETTING:22|4|Homing cycle|N/A|1|Enable]
        < ok
        ! Greeted(identity='grblHAL 1.1f.20250101 router-1')
        >> ?
        """,
        Settings(),
    )
    texts = portrait(replay).texts
    assert (texts.error(20), texts.alarm(10).what, texts.setting(22)) == (
        "Unsupported command", "Reset the stop input", "Homing cycle",
    )  # fmt: skip


def test_what_a_build_does_not_tell_is_done_without() -> None:
    replay = met_grblhal(
        """
        > $EEG
        < error:3
        > $EE
        < error:3
        > $EAG
        < error:3
        > $EA
        < error:3
        > $ESG
        < error:3
        > $ES
        < error:3
        ! Greeted(identity='grblHAL 1.1f.20250101 router-1')
        >> ?
        """,
        Settings(),
    )
    assert portrait(replay).texts.error(20) == "the G-code word is unknown or not supported"


def test_the_limits_of_the_machine_are_read_from_its_settings() -> None:
    told = "".join(
        f"< ${number}={value}\n"
        for number, value in {
            11: "0.020", 13: "0", 30: "12000", 31: "0", 110: "3000.000", 111: "2500.000", 112: "1000.000",
            120: "200.000", 121: "200.000", 122: "100.000", 130: "300.000", 131: "180.000", 132: "45.000",
        }.items()
    )  # fmt: skip
    replay = new().run(POWER_UP.replace("< $110=3000.000", told)).run(f"< {IDLE}\n ! Rested()")
    limits = portrait(replay).limits
    assert limits is not None
    assert (limits.envelope.least_mm, limits.envelope.most_mm) == ((-300.0, -180.0, -45.0), (0.0, 0.0, 0.0))
    assert limits.envelope.work_offsets_mm == {54: (-250.0, -150.0, -37.5)}
    assert limits.envelope.starts_at_mm == (0.0, 0.0, 0.0)
    assert limits.pace.max_feed_mm_per_min == (3000.0, 2500.0, 1000.0)
    assert (limits.pace.junction_deviation_mm, limits.pace.planner_blocks) == (0.02, 15)
    assert limits.spindle is not None
    assert limits.spindle.most_rpm == 12000


def test_limits_are_not_known_where_a_setting_is_missing_or_damaged() -> None:
    replay = ready()
    assert portrait(replay).limits is None
    assert portrait(replay).number(110) == 3000.0
    portrait(replay).hear("$110=30x0")
    assert portrait(replay).number(110) is None


def portrait(replay: Replay) -> Portrait:
    assert isinstance(replay.session, GrblSession)
    return replay.session.portrait


# ---- locked machines ---------------------------------------------------------------------------------------------


def test_a_machine_locked_at_power_up_moves_only_when_a_person_clears_it() -> None:
    new(plain(homing=True)).run(f"""
        {POWER_UP}
        < [MSG:'$H'|'$X' to unlock]
        < {ALARM}
        {LOCKED_HOMES}
        = down
        + 60s
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {ALARM}
        > $H
        = freeing
        # No question while homing: Grbl would not answer, and that is not silence.
        + 100s
        < ok
        >> ?
        < {IDLE}
        ! Rested()
        = ready
    """)


def test_without_homing_clearing_unlocks_where_it_stands() -> None:
    new().run(f"""
        {POWER_UP}
        < {ALARM}
        {LOCKED_UNLOCKS}
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {ALARM}
        > $X
        < [MSG:Caution: Unlocked]
        < ok
        >> ?
        < {IDLE}
        ! Rested()
    """)


def homing() -> Replay:
    return new(plain(homing=True)).run(f"""
        {POWER_UP}
        < {ALARM}
        {LOCKED_HOMES}
        ? clear
        >> \\x18
        < {BANNER}
        {IDENTIFIED}
        < {ALARM}
        > $H
    """)


def test_homing_that_fails_says_why_and_its_ok_and_banner_belong_to_nothing() -> None:
    homing().run(f"""
        < ALARM:8
        {fault("raised alarm 8: homing could not clear the limit switch", f"{SWITCHES}; {HOMES}")}
        < ok
        < {BANNER}
        = down
    """)


def test_homing_that_is_not_configured_is_a_fault() -> None:
    homing().run(f"""
        < error:5
        {fault(f"refused $H: {NO_HOMING}", "Check its settings, then clear")}
        = down
    """)


def test_homing_without_end_is_reset() -> None:
    homing().run(f"""
        + 180s
        >> \\x18
        {fault("does not come to the end of homing", "Check the limit switches, then clear")}
        < ALARM:6
        < {BANNER}
        = down
    """)


def test_halt_while_homing_resets_at_once_because_a_hold_is_not_heeded() -> None:
    homing().run(f"""
        ? halt
        >> \\x18
        < ALARM:6
        < ok
        < {BANNER}
        ! Stopped()
        = down
    """)


def test_a_lock_that_does_not_come_off_is_a_fault_and_not_a_loop() -> None:
    homing().run(f"""
        < ok
        >> ?
        < {ALARM}
        {LOCKED_HOMES}
        = down
    """)
