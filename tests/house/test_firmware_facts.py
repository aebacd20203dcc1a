"""Every fact of the handbook about G-code firmware has a test that names it, and that test is there."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.house.firmware_facts import ALL

TESTS = Path(__file__).parents[1]
# So many facts have no test yet, each with its reason. Lower it when one gets its test; never raise it.
WITHOUT = 4


def known() -> dict[str, set[str]]:
    """The tests of each file, without the `test_` in front of both."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found[path.stem.removeprefix("test_")].add(node.name.removeprefix("test_"))
    return found


KNOWN = known()


@pytest.mark.parametrize("fact", ALL)
def test_every_fact_about_firmware_names_tests_that_exist(fact: str) -> None:
    says, tests = ALL[fact]
    assert says
    if tests.startswith("none: "):
        return
    named = [each.partition("::")[::2] for each in tests.split()]
    assert named
    missing = [f"test_{file}.py::test_{name}" for file, name in named if name not in KNOWN[file]]
    assert not missing, f"{fact}: there is no {', '.join(missing)}; name the test that has taken its place"


def test_no_fact_loses_its_tests() -> None:
    assert sum(tests.startswith("none: ") for _, tests in ALL.values()) <= WITHOUT
