"""How far a program may run before anything happens to a part."""

import pytest

from cellctl.gcode.rules import Dialect
from cellctl.gcode.touch import MOST_LINES, untouched_lines

HEAD = ["M104 S200", "M140 S60", "G28", "M109 S200", "G90", "M82", "G92 E0", "G1 Z0.3 F600"]


@pytest.mark.parametrize("touches", ["G1 X10 E1", "G10", "T1", "M600", "START_PRINT", "M98 P1", "G2 X1 Y1 I1 J0 E2"])
def test_a_print_leaves_the_bed_empty_until_it_extrudes_or_nobody_knows_what_it_does(touches: str) -> None:
    assert untouched_lines([*HEAD, touches, "G28"], Dialect.MARLIN) == len(HEAD)


@pytest.mark.parametrize("touches", ["G0 X1", "M3 S12000", "G28", "X5", "T1 M6", "G10 L20 P1 X0", "$H", "nonsense"])
def test_a_router_leaves_the_part_as_it_is_until_it_moves_or_turns(touches: str) -> None:
    assert untouched_lines(["G21 G90", "G17 G54", "F600", touches], Dialect.GRBL) == 3


def test_a_program_that_never_touches_anything_is_not_read_to_its_end() -> None:
    assert untouched_lines(iter(["G28"] * 10 * MOST_LINES), Dialect.MARLIN) == MOST_LINES
