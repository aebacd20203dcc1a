"""The estimate against the true time of the simulated machines, and against arithmetic."""

from pathlib import Path

import pytest

from cellctl.app.config import load
from cellctl.app.workbench import rules_of
from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed
from cellctl.products import engrave
from tests.corpus.timing import timed
from tests.gcode.machines import PRINTER, ROUTER, printed, routed

EXAMPLES = Path(__file__).parents[2] / "examples"
BASE = (EXAMPLES / "nameplate" / "base.gcode").read_text().split("\n")
PLATE = {"plate_mm": (90, 30), "margin_mm": 5, "depth_mm": 0.3, "clearance_mm": 3}
CUT = {"feed_mm_per_min": 600, "plunge_mm_per_min": 150, "spindle_rpm": 10000}


def passed(program: list[str], rules: object = PRINTER) -> Passed:
    verdict = check(program, rules)  # type: ignore[arg-type]
    assert isinstance(verdict, Passed), str(verdict)
    return verdict


def engraving(text: str) -> list[str]:
    """As the product of the example makes it."""
    return engrave.program({"text": text, "height_mm": 8} | PLATE | CUT)


def test_the_base_of_the_nameplate_takes_as_long_as_was_estimated() -> None:
    took, verdict = printed(BASE), passed(BASE)
    assert verdict.estimated_s == pytest.approx(took.motion_s, rel=0.01)
    assert verdict.heating_s == pytest.approx(took.heating_s, rel=0.05)


def test_the_same_with_the_limits_of_the_cell_file() -> None:
    config = load(EXAMPLES / "nameplate" / "cell.toml")
    took, verdict = printed(BASE), passed(BASE, rules_of(config)["printer-1"])
    assert verdict.takes_s == pytest.approx(took.motion_s + took.heating_s, rel=0.05)


def test_programs_of_the_corpus_take_as_long_as_was_estimated() -> None:
    errors = {each.name: each.error_percent for each in timed(every=12, longest_lines=1500)}
    assert len(errors) >= 4
    assert {name.partition("/")[0] for name in errors} >= {"engraver", "prusa-slicer"}
    assert max(errors.values()) < 5, errors


@pytest.mark.parametrize("text", ["ADA", "Eve & Bob", "0123456789"])
def test_an_engraving_takes_as_long_as_was_estimated(text: str) -> None:
    program = engraving(text)
    took = routed(program)
    assert passed(program, ROUTER).estimated_s == pytest.approx(took.motion_s, rel=0.01)
