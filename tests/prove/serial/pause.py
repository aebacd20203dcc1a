"""Prints that are held, or broken off and gone on with, at random lines end as prints that were not."""

from collections.abc import Iterator

from tests.drivers.pauses import battle
from tests.gcode import resumes
from tests.prove.claims import Claim

SEEDS = 1000


def claims() -> Iterator[Claim]:
    """About two minutes."""
    broken = [seed for seed in range(1, SEEDS + 1) if battle(seed)]
    shown = f", first {broken[:3]}" if broken else ""
    name = "held and resumed: each line once and in order, the same end"
    yield Claim(name, f"{len(broken)} of {SEEDS} broken{shown}", f"0 of {SEEDS}", not broken)
    plans, wrong = 0, 0
    for seed in range(1, SEEDS + 1):
        made, found = resumes.battle(seed)
        plans, wrong = plans + made, wrong + len(found)
    name = "plans to go on at line n lead to the state behind line n - 1"
    yield Claim(name, f"{wrong} wrong, {plans} plans in {3 * SEEDS}", "0 wrong", not wrong and plans > 2 * SEEDS)
