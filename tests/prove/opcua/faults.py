"""A piece of work on each OPC UA twin, with everything that can go wrong: a thousand seeds of each kind in memory, and
some of each over asyncua at both ends. Virtual time; minutes in two processes.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.drivers.opcua_battery import KINDS, YARDS, battery
from tests.prove.claims import Claim

# Of each kind, shared out among the machines.
SEEDS: Final = {"memory": 1000, "asyncua": 100}
_STEP: Final = 25

_Task = tuple[str, str, str, int, int]


def claims(seeds: dict[str, int] = SEEDS) -> Iterator[Claim]:
    """One for each kind of fault and way to the machine: how often each end came."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for road, count in seeds.items():
            each = max(1, count // len(YARDS))
            played = pool.map(_play, [task for kind in KINDS for task in _tasks(road, kind, each)])
            for kind in KINDS:
                yield _claim(road, kind, [next(played) for _ in _tasks(road, kind, each)])


def _tasks(road: str, kind: str, each: int) -> list[_Task]:
    firsts = range(1, each + 1, _STEP)
    return [(road, kind, yard, first, min(_STEP, each + 1 - first)) for yard in YARDS for first in firsts]


def _play(task: _Task) -> tuple[Counter[str], list[str]]:
    road, kind, yard, first, count = task
    named, wrong = battery(count, (kind,), (yard,), first, road)
    ends: Counter[str] = Counter()
    for name, times in named.items():
        ends[name.rpartition(": ")[2]] += times
    return ends, wrong


def _claim(road: str, kind: str, played: list[tuple[Counter[str], list[str]]]) -> Claim:
    ends = sum((found for found, _ in played), Counter[str]())
    wrong = [each for _, complaints in played for each in complaints]
    shown = ", ".join(f"{end} {count}" for end, count in ends.most_common())
    figure = f"{len(wrong)} wrong of {ends.total()}{f', first: {wrong[0]}' if wrong else ''}"
    return Claim(f"opcua, {kind}, {road}: {shown}", figure, f"0 of {ends.total()}", not wrong)
