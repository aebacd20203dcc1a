"""The gate of a step in a product file, and every mistake in it by its key."""

import asyncio
import tomllib
from pathlib import Path

import pytest

from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import ConfigError
from cellctl.domain.quality import Characteristic, Disposition, Gate
from cellctl.products.product import Product, parse_product
from cellctl.products.workshop import prepare
from tests.products.test_ways import Bench

FILE = """
[product]
name = "plate"
revision = "A"

[[route]]
step = "print"
capability = "fdm"
program = { resident = 7 }

[[route]]
step = "engrave"
capability = "engrave"
program = { resident = 8 }

[[route]]
step = "inspect"
capability = "inspect"
question = { text = "Is it clean?", choices = ["yes", "no"] }

[route.gate]
measure = [
    { name = "width", unit = "mm", lower = 29.9, upper = 30.1 },
    { name = "mass", unit = "g", upper = 12 },
]
values = "required"
dispositions = ["rework", "scrap", "concession"]
rework_to = "engrave"
rework_at_most = 2
"""


def load(text: str = FILE) -> Product:
    return parse_product(tomllib.loads(text), Path("product.toml"))


def test_a_gate_is_told_by_the_product_and_its_question_says_what_is_measured() -> None:
    step = asyncio.run(prepare([load()], SubmitOrder("plate", {}), Bench())).steps[2]
    limits = (Characteristic("width", "mm", 29.9, 30.1), Characteristic("mass", "g", None, 12))
    three = (Disposition.REWORK, Disposition.SCRAPPED, Disposition.CONCESSION)
    assert step.gate == Gate(limits, three, "engrave", 2, values_required=True)
    assert step.ways[0].question is not None
    assert step.ways[0].question.text == "Is it clean? Measure: width 29.9 to 30.1 mm; mass 12 g or less."


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("lower = 29.9", "lower = 31", "route.2.gate.measure.0: lower 31 is above upper 30.1"),
        (", upper = 12", "", "route.2.gate.measure.1: mass has no limit"),
        (
            '"mass"',
            '"width"',
            "route.2.gate: measure: every characteristic needs a name of its own; twice there: width",
        ),
        ('"concession"]', '"sell"]', "route.2.gate.dispositions.2: input should be 'rework', 'scrap' or 'concession'"),
        ('rework_to = "engrave"', "", 'route.2.gate: "rework" among the dispositions and rework_to'),
        ('rework_to = "engrave"', 'rework_to = "print"', "inspect.gate.rework_to must be a step between the first and"),
        ("rework_at_most = 2", "rework_at_most = 0", "route.2.gate.rework_at_most: input should be greater than or"),
        ("rework_at_most = 2", "rework_often = true", "route.2.gate.rework_often is not a key that is known here"),
    ],
)
def test_a_mistake_in_a_gate_is_named_by_its_key(before: str, after: str, says: str) -> None:
    assert before in FILE
    with pytest.raises(ConfigError) as caught:
        load(FILE.replace(before, after))
    assert says in str(caught.value)
    assert "product.toml: " in str(caught.value)
