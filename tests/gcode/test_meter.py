"""What a program uses up: filament by its E words, minutes of feed with the spindle on."""

import math
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl.domain.material import Used, mm_per_gram
from cellctl.gcode.meter import Meter, Metered
from cellctl.gcode.words import strip_comment
from cellctl_drivers.serial_station import Ladder

BASE = Path(__file__).parents[2] / "examples/nameplate/base.gcode"


def used(*lines: str) -> Used:
    meter = Meter()
    meter.take(lines)
    return meter.used


def test_a_slicers_own_count_of_its_filament_is_met() -> None:
    lines = [bare for line in BASE.read_text().splitlines() if (bare := strip_comment(line))]
    counted = used(*lines)
    assert math.isclose(counted.extruded_mm, 3099.11, abs_tol=0.01)  # "filament used [mm] = 3099.11"
    assert math.isclose(counted.extruded_mm / mm_per_gram(1.75, 1.24), 9.24, abs_tol=0.01)  # "filament used [g] = 9.24"
    assert counted.cutting_min == 0


@pytest.mark.parametrize(
    ("lines", "mm"),
    [
        (("M83", "G1 E5 F300", "G1 X1 E2", "G1 E-1", "G1 E1", "G1 X2 E0.5 F900"), 7.5),
        (("M82", "G92 E0", "G1 X1 E4", "G1 E3", "G92 E0", "G1 E1", "G1 X5 Y2 E2.5"), 5.5),
        (("G92 E10", "G1 E12", "G0 X4", "M117 G1 E99", "G1 Z1 E13"), 3.0),
        (("M83", "G2 X1 Y1 I1 J0 E2", "G91", "G1 X1 E1"), 3.0),
        (("G20", "M83", "G1 E1", "G1 X1 E1", "G1 X2 E1"), 3 * 25.4),
        (("M83", "G1 E5", "G90", "G1 X1 E9", "g1 x2 e9"), 5.0),
        (("M82", "G1 E5", "G91", "G1 X1 E9", "g1 x2 e9"), 5.0),
        (("g92 e10", "g1 e12", "g92 e0", "g1 x2 e1"), 3.0),
        (("G28", "G1 X5 F600", "not a line"), 0.0),
    ],
)
def test_filament_is_what_was_out_at_most(lines: tuple[str, ...], mm: float) -> None:
    assert math.isclose(used(*lines).extruded_mm, mm)


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        (("G21 G90", "G0 X0 Y0 Z5", "M3 S1000", "G1 Z0 F100", "G1 X20 F200", "Y10", "G0 Z5"), 0.05 + 0.1 + 0.05),
        (("G21 G90", "G0 X0 Y0 Z0", "G1 X20 F200"), 0.0),  # the spindle stands
        (("G0 X0 Y0 Z0", "M3 S0", "G1 X20 F200", "S500", "X40", "M5", "X60"), 0.1),
        (("G20 G90", "G0 X0 Y0 Z0", "M3 S9", "G1 X1 F10"), 0.1),
        (("G0 X10 Y0 Z0", "M3 S9", "G2 X0 Y-10 I-10 J0 F100"), 2 * math.pi * 10 / 4 / 100),
        (("G0 X10 Y0 Z0", "M3 S9", "G3 X0 Y10 R10 F100"), 2 * math.pi * 10 / 4 / 100),
        (("G0 X0 Y0 Z0", "M3 S9", "G92 X50", "G1 X60 F100", "G4 P60", "G28"), 0.1),
        (("G0 X0 Y0 Z0", "M3 S9", "G93", "G1 X3 F4"), 0.25),
        (("M3 S9", "G1 X50 F100", "G91", "X10"), 0.1),  # from nobody knows where
    ],
)
def test_a_tool_is_used_while_it_is_fed_and_turns(lines: tuple[str, ...], minutes: float) -> None:
    assert math.isclose(used(*lines).cutting_min, minutes, abs_tol=1e-9)


def test_plain_cuts_are_counted_like_any_other_line() -> None:
    rng = Random(1)
    lines = ["G21 G90", "M3 S9000", "G0 Z5", "G1 F300"]
    for _ in range(400):
        axes = [f"{axis}{rng.uniform(-50, 50):.3f}" for axis in "XYZ" if rng.random() < 0.6]
        lines.append(" ".join(["G1"] * rng.randint(0, 1) + axes + [f"F{rng.randint(50, 900)}"] * (rng.random() < 0.2)))
        lines += rng.choices(
            ["", "G0 X0 Y1", "G91", "G90", "G20", "G21", "M5", "M3", "G2 X1 Y1 I5 J5"], k=rng.randint(0, 1)
        )
    lines = [line for line in lines if line]
    # What is written in small letters is no plain line.
    assert used(*lines).cutting_min == pytest.approx(used(*map(str.lower, lines)).cutting_min)


@pytest.mark.parametrize("seed", range(40))
def test_it_does_not_matter_how_many_lines_are_taken_at_once(seed: int) -> None:
    rng, lines = Random(seed), ["M3 S500"] if seed % 2 else ["M83", "G1 E1"]
    for _ in range(200):
        number = f"{rng.uniform(-9, 60):.{rng.randint(0, 3)}f}"
        plain = [f"G1 X{number}", f"X{number} Y1", f"G1 X1 E{number}", f"G1 Z2 E{number} F{number}", f"G1 F{number}"]
        modes = ["M82", "M83", "M3 S9", "M5", "G90", "G91", "G20", "G21", "G1", "G28", f"G92 E{number}"]
        odd = [f"G2 X{number} I1 J2", "G0 Y5", f"Y.5 E{number}", "G1 Xa", f"M117 {number}"]
        lines.append(rng.choice(rng.choice([plain, plain, plain, modes, odd])))
    one, many = Meter(), Meter()
    for line in lines:
        one.take([line])
    while lines:
        size = rng.randint(1, 30)
        many.take(lines[:size])
        del lines[:size]
    assert many.used == one.used


def test_what_is_used_up_is_told_by_the_lines_that_are_acknowledged() -> None:
    lines = Metered(["M83", "G1 X1 E2", "G1 X2 E3", "G1 X3 E4"])
    sent = iter(lines)
    assert [next(sent) for _ in range(3)] == ["M83", "G1 X1 E2", "G1 X2 E3"]
    assert [lines.by(count).extruded_mm for count in (0, 1, 2, 2, 3)] == [0, 0, 2, 2, 5]
    assert lines.by(99).extruded_mm == 5, "more than was taken cannot have been used"
    list(sent)
    assert lines.by(4).extruded_mm == 9


def test_what_is_acknowledged_is_counted_on_the_way_and_not_kept() -> None:
    metered = Metered(f"G1 X{number}" for number in range(500))
    ladder = Ladder(metered=metered)
    for sent, _ in enumerate(metered, start=1):
        ladder.taken(sent)
        assert sent - metered.counted < 64
