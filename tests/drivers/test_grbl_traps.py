"""Facts and traps of Grbl and grblHAL as a driver meets them, beside those that the tests of its parts name."""

import pytest

from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.status import parse_report
from cellctl_drivers.grbl.stream import LineRefused, frame
from cellctl_drivers.serial_program import executable
from tests.drivers.grbl_battery import Shelf
from tests.drivers.grbl_dialogue import FRESH_START, RUN, plain, ready, ready_grblhal, running


def test_lines_end_with_lf_alone_because_grblhal_takes_a_crlf_for_two_lines() -> None:
    assert list(executable(Shelf(["G1 X1\r\n", "G1 X2\r"]), "aa")) == ["G1 X1", "G1 X2"]
    assert frame("G1 X1", 80) == (b"G1 X1\n", None)
    with pytest.raises(LineRefused):
        frame("G1 X1\r", 80)


def test_an_empty_message_of_grblhal_on_resume_answers_nothing() -> None:
    replay = ready_grblhal(plain(texts=False, dry_run=False, line_numbers=False)).run(f"""
        ? load G1 X9 F100
        {FRESH_START}
        >> \\n
        < ok
        > G1 X9 F100
        ? hold
        >> !?
        < <Hold:0|MPos:1.000,0.000,0.000|FS:100,0>
        ! Held(reason='')
        ? resume
        >> ~?
        < [MSG:]
        < {RUN}
        ! Resumed()
        < ok
        > G4P0.01
    """)
    assert replay.session.acknowledged == 1


def test_a_stale_feed_in_a_hold_is_no_motion() -> None:
    running("G1 X9 F100").run("""
        < ok
        > G1 X9 F100
        ? hold
        >> !?
        < <Hold:0|MPos:1.000,0.000,0.000|FS:600,0>
        ! Held(reason='')
    """)


def test_free_bytes_in_a_report_steer_nothing() -> None:
    # They are what was free a moment ago, and some boards count `?` among what is taken.
    replay = running("G1 X1 | G1 X2")
    replay.run("< ok\n >> G1 X1\\nG1 X2\\n")
    replay.run("+ 0.2s\n >> ?\n < <Run|MPos:0,0,0|Bf:0,0|FS:600,0>\n < ok\n < ok\n > G4P0.01")


def test_a_full_report_of_grblhal_has_fields_that_nobody_needs() -> None:
    report = parse_report("<Idle|MPos:0,0,0,0|Bf:100,1023|FS:0,0,0|Pn:P|WCO:0,0,0,0|H:1,7|T:0|TLR:0|FW:grblHAL>")
    assert report is not None
    assert (report.blocks_free, report.bytes_free, report.pins) == (100, 1023, "P")


def test_settings_of_grblhal_may_have_fractions() -> None:
    session = ready().session
    assert isinstance(session, GrblSession)
    session.portrait.hear("$0=5.5")
    assert session.portrait.number(0) == 5.5


def test_a_line_of_grblhal_may_have_255_characters_and_no_more() -> None:
    session = ready_grblhal().session
    assert isinstance(session, GrblSession)
    assert session.portrait.firmware.longest_bytes == 256


def test_motors_that_let_go_at_a_stand_are_told_because_a_reset_can_move_the_machine() -> None:
    session = ready().session
    assert isinstance(session, GrblSession)
    assert session.portrait.remark == ""
    session.portrait.hear("$1=25")
    assert "store $1=255" in session.portrait.remark
