"""The estimate against the true time of the simulated machines, and against arithmetic."""

from pathlib import Path

import pytest

from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed
from cellctl.products import engrave
from tests.gcode.machines import PRINTER, ROUTER, printed, routed

EXAMPLES = Path(__file__).parents[2] / "examples"
BASE = (EXAMPLES / "nameplate" / "base.gcode").read_text().split("\n")
PLATE = {"plate_mm": (90, 30), "margin_mm": 5, "depth_mm": 0.3, "clearance_mm": 3}
CUT = {"feed_mm_per_min": 600, "plunge_mm_per_min": 150, "spindle_rpm": 10000}


def passed(program: list[str], rules: object = PRINTER) -> Passed:
    verdict = check(program, rules)  # type: ignore[arg-type]
    assert isinstance(verdict, Passed), str(verdict)
    return verdict


def test_the_base_of_the_nameplate_takes_as_long_as_was_estimated() -> None:
    took, verdict = printed(BASE), passed(BASE)
    assert verdict.estimated_s == pytest.approx(took.motion_s, rel=0.01)
    assert verdict.heating_s == pytest.approx(took.heating_s, rel=0.05)


@pytest.mark.parametrize("text", ["ADA", "Eve & Bob", "0123456789"])
def test_an_engraving_takes_as_long_as_was_estimated(text: str) -> None:
    program = engrave.program({"text": text, "height_mm": 8} | PLATE | CUT)
    took = routed(program)
    assert passed(program, ROUTER).estimated_s == pytest.approx(took.motion_s, rel=0.01)
