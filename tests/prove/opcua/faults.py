"""A piece of work on each OPC UA twin, with everything that can go wrong, a thousand seeds of each kind."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.drivers.opcua_battery import KINDS, YARDS, battery
from tests.prove.claims import Claim

SEEDS: Final = 1000
_STEP: Final = 25


def claims(seeds: int = SEEDS) -> Iterator[Claim]:
    """One for each kind of fault, its seeds shared out among the machines; hours for a thousand, in two processes."""
    each = max(1, seeds // len(YARDS))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for kind in KINDS:
            tasks = [
                (kind, yard, first, min(_STEP, each + 1 - first))
                for yard in YARDS
                for first in range(1, each + 1, _STEP)
            ]
            ends: Counter[str] = Counter()
            wrong: list[str] = []
            for found, complaints in pool.map(_play, tasks):
                ends += found
                wrong += complaints
            shown = ", ".join(f"{end} {count}" for end, count in ends.most_common())
            figure = f"{len(wrong)} of {each * len(YARDS)} wrong{f', first: {wrong[0]}' if wrong else ''}"
            yield Claim(f"opcua, {kind}: {shown}", figure, f"0 of {each * len(YARDS)}", not wrong)


def _play(task: tuple[str, str, int, int]) -> tuple[Counter[str], list[str]]:
    kind, yard, first, count = task
    named, wrong = battery(count, (kind,), (yard,), first)
    ends: Counter[str] = Counter()
    for name, times in named.items():
        ends[name.rpartition(": ")[2]] += times
    return ends, wrong
