"""product.toml with several ways for a step: print it, mill it, or make it by hand."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.product_file import load_product
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import ConfigError, OrderRefused
from cellctl.domain.work import Question, Way
from cellctl.products.workshop import Fit, prepare

FILE = """
[product]
name = "tray"
revision = "A"

[parameters.colour]
type = "text"
max_length = 8

[[route]]
step = "shape"

[[route.ways]]
capability = "fdm"
program = { file = "tray.gcode" }
setup = { material = "pla", colour = "{colour}", nozzle = 0.4, plate = "smooth" }
materials = { "pla-{colour}" = 12.5 }
minutes = 30

[[route.ways]]
capability = "mill"
programs = { small = { resident = 7 }, large = { resident = "O1234" } }
by_hand = false
setup = { tools = ["endmill-3", "engraver-0.3"] }
tools = { "endmill-3" = 4.0 }

[[route.ways]]
capability = "carve"
instruction = "Carve a {colour} tray out of the block."

[[route]]
step = "look"
capability = "inspect"
question = { text = "Is it {colour}?", choices = ["yes", "no"] }
"""


class Bench:
    """Keeps nothing; `unfit`: what it refuses."""

    unfit = ""

    def keep(self, name: str, content: bytes) -> str:
        return "cc"

    async def adopt(self, path: Path) -> str:
        return "aa"

    async def fit(self, sha256: str, name: str, way: Way) -> Fit:
        if way.capability == self.unfit:
            raise OrderRefused("invalid", f"{name} fits no {way.capability}")
        return Fit(100, {}, {"printer-1": 90.0})


def load(tmp_path: Path, text: str = FILE) -> Any:
    (tmp_path / "tray.gcode").write_text("G28\n")
    (tmp_path / "product.toml").write_text(text)
    return load_product(tmp_path / "product.toml")


def ways_of(tmp_path: Path, unfit: str = "") -> tuple[Way, ...]:
    bench = Bench()
    bench.unfit = unfit
    made = asyncio.run(prepare([load(tmp_path)], SubmitOrder("tray", {"colour": "red"}), bench))
    return made.steps[0].ways


def test_every_way_becomes_one_and_each_type_of_machine_has_its_own(tmp_path: Path) -> None:
    printed, small, large, carved = ways_of(tmp_path)
    assert printed.setup == {"material": "pla", "colour": "red", "nozzle": "0.4", "plate": "smooth"}
    assert printed.materials == {"pla-red": 12.5}
    assert (printed.takes_s, printed.estimates_s) == (1800.0, {"printer-1": 90.0})
    assert [(way.machine_type, way.program and way.program.resident) for way in (small, large)] == [
        ("small", "7"),
        ("large", "O1234"),
    ]
    assert (small.setup, small.tools, small.by_hand) == (
        {"tools": "endmill-3, engraver-0.3"},
        {"endmill-3": 4.0},
        False,
    )
    assert (carved.program, carved.question) == (None, None)
    assert carved.instruction == "Carve a red tray out of the block."


def test_a_way_that_no_machine_may_run_is_left_out_and_the_last_one_refuses_the_order(tmp_path: Path) -> None:
    assert [way.capability for way in ways_of(tmp_path, unfit="fdm")] == ["mill", "mill", "carve"]
    only = FILE[: FILE.index('[[route.ways]]\ncapability = "mill"')]
    bench = Bench()
    bench.unfit = "fdm"
    with pytest.raises(OrderRefused, match="fits no fdm"):
        asyncio.run(prepare([load(tmp_path, only)], SubmitOrder("tray", {"colour": "red"}), bench))


def test_the_short_form_is_one_way(tmp_path: Path) -> None:
    bench = Bench()
    made = asyncio.run(prepare([load(tmp_path)], SubmitOrder("tray", {"colour": "red"}), bench))
    assert made.steps[1].ways == (Way("inspect", question=Question("Is it red?", ("yes", "no"))),)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('step = "shape"', 'step = "shape"\ncapability = "fdm"', "found beside them: capability"),
        ('capability = "carve"\n', "", "route.0.ways.2: capability is missing"),
        ('instruction = "Carve a {colour} tray out of the block."', "", "a step has either a program or a question"),
        ("{colour} tray", "{size} tray", "shape uses size"),
        ("{ resident = 7 }", '{ file = "none.nc" }', "route.0.ways.1.programs.small.file must be a file beside it"),
        ("12.5", "-1", "greater than or equal to 0"),
        ("minutes = 30", "minutes = 30\nby_hands = false", "by_hands is not a key"),
    ],
)
def test_a_mistake_in_a_way_is_named_by_its_key(before: str, after: str, says: str, tmp_path: Path) -> None:
    assert before in FILE
    text = FILE.replace(before, after)
    with pytest.raises(ConfigError, match=says.replace(".", r"\.").replace("(", r"\(")):
        load(tmp_path, text)


def test_a_product_says_what_its_steps_can_be_done_by(tmp_path: Path) -> None:
    described = load(tmp_path).describe()
    assert described["route"] == [
        {"step": "shape", "capability": "fdm | mill | carve"},
        {"step": "look", "capability": "inspect"},
    ]
