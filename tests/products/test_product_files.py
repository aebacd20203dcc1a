"""Product files and orders that are wrong: named when the file is read, or refused; nothing of them ends the daemon."""

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import ConfigError, OrderRefused
from cellctl.domain.work import Directive
from cellctl.products.product import parse_product
from cellctl.stores.files import MemoryFiles
from tests.products.ordering import Shop

FOLDER = Path(__file__).parents[2] / "examples" / "nameplate"
Change = Callable[[dict[str, Any]], Any]


def table(change: Change) -> dict[str, Any]:
    changed = copy.deepcopy(tomllib.loads((FOLDER / "product.toml").read_text()))
    change(changed)
    return changed


def order(change: Change = lambda _: None, folder: Path = FOLDER, **parameters: Any) -> Directive:
    product = parse_product(table(change), folder / "product.toml")
    return Shop().order(product, SubmitOrder("nameplate", parameters))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file["parameters"]["height_mm"].update(default=99), "4 to 12, got 99"),
        (lambda file: file["parameters"]["text"].update(default="Käthe"), "printable ASCII only"),
        (lambda file: file["parameters"]["text"].update(min_length=20), "min_length 20 is above max_length 16"),
        (lambda file: file["parameters"]["height_mm"].update(maximum=float("inf")), "finite number"),
        (lambda file: file["route"].append(file["route"][0]), "twice there: print"),
        (lambda file: file["route"][2]["question"].update(choices=["yes", "yes"]), "every choice must be another one"),
        (
            lambda file: file["route"][1]["program"].update(text="{txt}"),
            "engrave uses txt; the parameters are: text, height",
        ),
        (lambda file: file["route"][2]["question"].update(text="Is {colour} right?"), "inspect uses colour"),
    ],
)
def test_a_mistake_in_a_product_file_is_named_when_it_is_read(change: Change, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_product(table(change), FOLDER / "product.toml")
    assert says in str(error.value)


def test_a_generator_that_this_cell_does_not_have_refuses_the_order() -> None:
    with pytest.raises(OrderRefused, match="no program that this cell can make"):
        order(lambda file: file["route"][1]["program"].update(generator="poetry"), text="ADA")


@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308, float("inf")])
def test_no_number_is_too_big_to_be_refused(number: float) -> None:
    with pytest.raises(OrderRefused, match="4 to 12") as refused:
        order(text="ADA", height_mm=number)
    assert len(str(refused.value)) < 200


def test_a_comment_in_any_language_does_not_change_how_many_lines_a_machine_gets(tmp_path: Path) -> None:
    # In UTF-8 an Å ends with the byte 0x85, which Latin-1 calls "next line".
    program = "G28 ; Åbo\nG1 X1 F600 ; Åland G99\n".encode()
    (tmp_path / "base.gcode").write_bytes(program)
    printing = order(folder=tmp_path, text="ADA").steps[0].ways[0].program
    files = MemoryFiles()
    lines = list(files.lines(files.keep("base.gcode", program)))
    assert printing is not None
    assert printing.lines == len(lines) == 2


def test_a_text_that_looks_like_a_placeholder_stays_what_it_is() -> None:
    question = order(text="{height_mm}", height_mm=4).steps[2].ways[0].question
    assert question is not None
    assert '"{height_mm}"' in question.text
