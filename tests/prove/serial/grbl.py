"""Grbl and grblHAL: every fault of the simulated router, a thousand seeds of each, with the real driver."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from cellctl.domain.work import OperationState
from tests.drivers.grbl_battery import try_out
from tests.drivers.grbl_cases import ALLOWED, case, judge
from tests.prove.claims import Claim

SEEDS: Final = 1000
_STEP: Final = 50
_HELD: Final = (OperationState.FAILED, OperationState.UNKNOWN)


def claims() -> Iterator[Claim]:
    """One for each kind of fault; in two processes some five minutes in all."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for kind in ALLOWED:
            ends: Counter[str] = Counter()
            broken: list[str] = []
            for found, wrong in pool.map(_play, [(kind, first) for first in range(1, SEEDS + 1, _STEP)]):
                ends += found
                broken += wrong
            figure = f"{len(broken)} of {SEEDS}; " + ", ".join(f"{end} {count}" for end, count in ends.most_common())
            yield Claim(f"grbl, {kind}: {_allowed(kind)}", figure, f"0 of {SEEDS}", not broken)


def _allowed(kind: str) -> str:
    return " or ".join(sorted({"held" if end in _HELD else end.value for end in ALLOWED[kind]}))


def _play(task: tuple[str, int]) -> tuple[Counter[str], list[str]]:
    kind, first = task
    ends: Counter[str] = Counter()
    broken = []
    for seed in range(first, first + _STEP):
        tried = case(kind, seed)
        outcome = try_out(tried)
        ends["none" if outcome.end is None else "held" if outcome.end in _HELD else outcome.end.value] += 1
        broken += [f"{kind} {seed}" for _ in judge(kind, tried, outcome)[:1]]
    return ends, broken
