"""product.toml with shared builds."""

import asyncio
from pathlib import Path

import pytest

from cellctl.app.product_file import load_product
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import ConfigError, OrderRefused
from cellctl.domain.work import Directive, Way
from cellctl.products.workshop import Fit, prepare

HEAD = '[product]\nname = "clip"\nrevision = "A"\n'
PRINT = """[[route]]
step = "print"
capability = "fdm"
program = { resident = 1 }
materials = { pla = 12.5 }
minutes = 5
"""
BUILD = "build = { 4 = { resident = 4 }, 2 = { resident = 2 } }\n"
LOOK = '[[route]]\nstep = "look"\ncapability = "inspect"\nquestion = { text = "Good?", choices = ["yes", "no"] }\n'


def loaded(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clip.toml"
    file.write_text(HEAD + text)
    load_product(file)


class Bench:
    """Refuses the programs that are named."""

    def __init__(self, *refused: str) -> None:
        self._refused = refused

    def keep(self, name: str, content: bytes) -> str:
        return name

    async def adopt(self, path: Path) -> str:
        return path.name

    async def fit(self, sha256: str, name: str, way: Way) -> Fit:
        if name in self._refused:
            raise OrderRefused("invalid", f"{name} is too wide")
        return Fit(100 * way.parts)


def made(tmp_path: Path, text: str, *refused: str) -> Directive:
    for number in (1, 2, 4):
        (tmp_path / f"x{number}.gcode").write_text("G28\n")
    file = tmp_path / "clip.toml"
    file.write_text(HEAD + text)
    return asyncio.run(prepare([load_product(file)], SubmitOrder("clip", {}), Bench(*refused)))


def test_builds_stand_behind_the_way_for_one_part_smallest_first(tmp_path: Path) -> None:
    ways = made(tmp_path, PRINT + BUILD + LOOK).steps[0].ways
    assert [(way.parts, way.program.resident) for way in ways if way.program] == [(1, "1"), (2, "2"), (4, "4")]
    assert [(way.materials["pla"], way.takes_s) for way in ways] == [(12.5, 300), (25.0, 600), (50.0, 1200)]


FILES = PRINT.replace("resident = 1", 'file = "x1.gcode"')
OF_FILES = 'build = { 2 = { file = "x2.gcode" }, 4 = { file = "x4.gcode" } }\n'


@pytest.mark.parametrize(
    ("refused", "left"), [(("x2.gcode",), [1, 4]), (("x4.gcode",), [1, 2]), (("x2.gcode", "x4.gcode"), [1])]
)
def test_a_build_that_no_machine_may_run_is_left_out(tmp_path: Path, refused: tuple[str, ...], left: list[int]) -> None:
    assert [way.parts for way in made(tmp_path, FILES + OF_FILES + LOOK, *refused).steps[0].ways] == left


def test_where_no_machine_may_make_one_part_none_makes_several(tmp_path: Path) -> None:
    with pytest.raises(OrderRefused, match=r"x1\.gcode is too wide"):
        made(tmp_path, FILES + OF_FILES + LOOK, "x1.gcode")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PRINT + "build = { 1 = { resident = 1 } }\n", "build.1"),
        (PRINT + "build = { two = { resident = 1 } }\n", "build.two"),
        (PRINT + 'build = { 2 = { file = "none.gcode" } }\n', "build.2.file must be a file beside it"),
        (PRINT.replace("program = { resident = 1 }\n", 'instruction = "x"\n') + BUILD, "build goes with program"),
        (PRINT + PRINT.replace('"print"', '"more"') + BUILD, "more.build is for the first step"),
        (PRINT + BUILD + "[route.gate]\nmeasure = []\n", "print.build goes with no gate"),
        (PRINT + BUILD + PRINT.replace('"print"', '"more"'), "print.build goes with no next step that wants fdm"),
    ],
)
def test_mistakes_in_a_build_are_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace(".", r"\.")):
        loaded(tmp_path, text)
