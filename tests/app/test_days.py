"""Days of a cell with ten machines on which everything goes wrong that can; the long battery is tests/prove/orders."""

import pytest

from cellctl.domain.mishaps import Mishap, Stroke
from tests.prove.orders import days, planted


@pytest.mark.parametrize("seed", [1, 3])
def test_a_day_with_all_faults_breaks_no_rule(seed: int) -> None:
    assert days.broken(seed) == []


QUICKLY_FOUND = (
    "a part is placed where another one is",
    "work is started before that is durable",
    "work is started twice",
    "serial numbers are used again",
    "the wrong slot is freed",
)


@pytest.mark.parametrize("bug", QUICKLY_FOUND)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert planted.found_by(bug, range(2)) is not None


def test_one_integer_makes_the_same_day_again() -> None:
    assert days.day_of(7) == days.day_of(7)
    assert days.day_of(7) != days.day_of(8)


def test_a_plan_shrinks_to_the_strokes_that_matter() -> None:
    plan = tuple(Stroke(float(n), Mishap.SLOW, f"printer-{n}") for n in range(20))
    guilty = {plan[3], plan[17]}
    assert days.ddmin(plan, lambda rest: guilty <= set(rest)) == (plan[3], plan[17])


def test_a_plan_that_does_not_matter_shrinks_to_nothing() -> None:
    assert days.ddmin((Stroke(1.0, Mishap.KILLED),), lambda rest: True) == ()
