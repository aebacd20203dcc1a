"""Grbl on a noisy line: what can be told is never called done; what cannot is measured for each means against it."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.drivers.grbl_noise import MEANS, Verdict, damaged, telling
from tests.prove.claims import Claim

CASES: Final = 10_000
DAMAGED: Final = 2_000
_STEP: Final = 100


def claims() -> Iterator[Claim]:
    """What the protocol can tell, then the rate of what it cannot, means by means; some minutes in two processes."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        verdicts = [each for some in pool.map(_tell, range(0, CASES, _STEP)) for each in some]
        held = sum(not (verdict.done or verdict.rules) for verdict in verdicts)
        name = "grbl: lost line, lost or damaged ok: held, nothing sent again"
        yield Claim(name, f"{held} of {CASES}", f"{CASES} of {CASES}", held == CASES)
        for means in MEANS:
            tasks = [(means, first) for first in range(0, DAMAGED, _STEP)]
            verdicts = [each for some in pool.map(_damage, tasks) for each in some]
            yield _rate(means, verdicts)


def _rate(means: str, verdicts: list[Verdict]) -> Claim:
    """A damaged line counts as unseen if it moved the machine otherwise and the work was called done."""
    unseen = sum(verdict.done and not verdict.true for verdict in verdicts)
    refused_and_done = sum(verdict.done and verdict.refused for verdict in verdicts)
    harmless = sum(verdict.true for verdict in verdicts)
    figure = f"unseen {100 * unseen / len(verdicts):.1f} %, harmless {100 * harmless / len(verdicts):.1f} %"
    sound = not refused_and_done and not any(verdict.rules for verdict in verdicts)
    goal = "0 % unseen" if "echo" in means else "refused: held"
    return Claim(
        f"grbl, {len(verdicts)} damaged lines, means: {means}", figure, goal, sound and not (unseen and "echo" in means)
    )


def _tell(first: int) -> list[Verdict]:
    return [telling(seed) for seed in range(first, first + _STEP)]


def _damage(task: tuple[str, int]) -> list[Verdict]:
    means, first = task
    return [damaged(means, seed) for seed in range(first, first + _STEP)]
