"""Every fact of the handbook about G-code firmware has a test that names it, and that test is there."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.house.firmware_facts import ALL

TESTS = Path(__file__).parents[1]
# So many facts have no test yet, each with its reason. Lower it when one gets its test; never raise it.
WITHOUT = 4


@cache
def known(file: str) -> set[str]:
    """The tests of a file, without the `test_` in front of both."""
    texts = [path.read_text() for path in TESTS.rglob(f"test_{file}.py")]
    return {name for text in texts for name in re.findall(r"^ *(?:async )?def test_(\w+)", text, re.MULTILINE)}


@pytest.mark.parametrize("fact", ALL)
def test_every_fact_about_firmware_names_tests_that_exist(fact: str) -> None:
    says, tests = ALL[fact]
    assert says
    if tests.startswith("none: "):
        return
    named = [each.partition("::")[::2] for each in tests.split()]
    assert named
    missing = [f"test_{file}.py::test_{name}" for file, name in named if name not in known(file)]
    assert not missing, f"{fact}: there is no {', '.join(missing)}; name the test that has taken its place"


def test_no_fact_loses_its_tests() -> None:
    assert sum(tests.startswith("none: ") for _, tests in ALL.values()) <= WITHOUT
