"""What a program has set up by a certain line."""

import math

import pytest

from cellctl.gcode.modal import ModalState, after_lines


def behind(program: str) -> ModalState:
    return after_lines(ModalState(), [line.strip() for line in program.split("|")])


def test_nothing_is_known_before_the_first_line() -> None:
    state = ModalState()
    assert state.relative is None
    assert state.e_relative is None
    assert all(math.isnan(where) for where in state.at_mm)


def test_a_print_in_its_middle() -> None:
    state = behind(
        "M140 S60 | M109 S215 | G90 | M83 | G28 | M106 S128 | M221 S95 | M204 P800 | M204 T1200 | G92 E0"
        "| G1 X10 Y20 Z0.2 E1.5 F1800 | G1 X12.5 E.5"
    )
    assert state.at_mm == (12.5, 20.0, 0.2, 2.0)
    assert state.feed_mm_per_min == 1800
    assert state.heat == {"bed": 60.0, "nozzle 0": 215.0}
    assert state.settings == {"M106 P0": {"S": 128.0}, "M221 T0": {"S": 95.0}, "M204": {"P": 800.0, "T": 1200.0}}
    assert state.homed == {"X", "Y", "Z"}


def test_the_old_letter_for_two_accelerations_overrules_both() -> None:
    assert behind("M204 P800 R900 | M204 S1000 | M204 T1100").settings["M204"] == {"P": 1000, "R": 900, "T": 1100}


def test_g92_moves_the_program_and_not_the_machine() -> None:
    state = behind("G90 | G28 | G1 X50 Y10 | G92 X0 | G1 X5")
    assert state.at_mm[0] == 5.0
    assert state.shift_mm[0] == 50.0
    assert behind("G90 | G28 | G1 X50 | G92 X0 | G28 X").shift_mm[0] == 0.0


@pytest.mark.parametrize(
    ("said", "e_relative"),
    [
        ("G90", None),
        ("M82", False),
        ("G90 | M83", True),
        ("M83 | G90", None),  # Marlin 2: absolute; Marlin 1 and Klipper: relative
        ("M83 | G91", True),
        ("M82 | G91", None),  # RepRapFirmware: absolute; all others: relative
        ("M82 | G91 | G90", False),
        ("M83 | G90 | M83", True),
    ],
)
def test_whether_e_is_relative_is_said_only_where_all_firmware_agrees(said: str, e_relative: bool | None) -> None:
    assert behind(said).e_relative is e_relative


def test_where_only_the_machine_knows_it_stands_nobody_guesses() -> None:
    assert math.isnan(behind("G90 | G28 | G1 X1 Y1 Z1 | G29").at_mm[2])
    assert math.isnan(behind("G90 | G28 | G1 X1 Y1 Z1 | G28 Z").at_mm[2])
    assert behind("G90 | G28 | G1 X1 Y1 Z1 | G28 Z").at_mm[0] == 1.0
    assert behind("G28 | M84").homed == frozenset()
    assert behind("G28 | M84 S600").homed == {"X", "Y", "Z"}


def test_a_router_in_its_middle() -> None:
    state = behind("G20 G90 G17 G94 | G55 | T2 M6 | M3 S12000 | M8 | M7 | G0 X1 Y2 Z.5 | G1 Z-.1 F10 | X2")
    assert state.at_mm[:3] == pytest.approx((50.8, 50.8, -2.54))
    assert state.feed_mm_per_min == 254.0
    assert state.speed_rpm == 12000.0
    kept = {group: state.codes[group] for group in ("units", "system", "motion", "spindle", "coolant", "M7", "tool")}
    assert kept == {
        "units": "G20", "system": "G55", "motion": "G1", "spindle": "M3", "coolant": "M8", "M7": "M7", "tool": "T2",
    }  # fmt: skip


def test_the_end_of_a_program_ends_its_modes() -> None:
    state = behind("G91 G18 G55 | M3 S100 | M8 | M30")
    assert (state.codes["distance"], state.codes["plane"], state.codes["system"], state.codes["spindle"]) == (
        "G90",
        "G17",
        "G54",
        "M5",
    )


def test_a_new_origin_makes_the_position_unknown() -> None:
    assert math.isnan(behind("G90 G54 | G0 X1 Y1 Z1 | G55").at_mm[0])
    assert math.isnan(behind("G90 | G0 X1 Y1 Z1 | G10 L20 P1 X0").at_mm[0])
    assert math.isnan(behind("G90 G54 | G0 X1 Y1 Z1 | G53 G0 Z-1").at_mm[2])
    assert behind("G90 G54 | G0 X1 Y1 Z1 | G53 G0 Z-1").at_mm[:2] == (1.0, 1.0)
    assert math.isnan(behind("G90 G94 | G1 X1 F100 | G93").feed_mm_per_min)


def test_text_is_no_code_and_behind_a_macro_nothing_is_known() -> None:
    known = behind("G90 | G1 X1 F100")
    assert behind("G90 | G1 X1 F100 | M117 Layer X5 F3 | M118 G91") == known
    assert behind("G90 | G1 X1 F100 | START_PRINT BED=60") == ModalState()
