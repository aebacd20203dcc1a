"""A virtual day of a cell with ten machines, with everything going wrong that can: one integer replays it.

`python -m tests.prove.orders.days SEED` runs one day; where a rule is broken, the mishaps are shrunk to the few that
matter, and both are printed.
"""

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import monotonic, process_time

import structlog

from cellctl.app.config import CellConfig, load
from cellctl.app.shift import Call, Shift
from cellctl.domain.commands import CancelOrder, CommandOrder, SubmitOrder
from cellctl.domain.job import JobCommand
from cellctl.domain.mishaps import FaultPlan, Mishap, draw
from cellctl_sim.cell import simulate as twin_of
from tests.prove.claims import Claim
from tests.prove.orders.judge import Judge, lived_through
from tests.prove.orders.shops import write_shop

DAY_S = 86_400.0
SEEDS = 1000
# After the day nothing more goes wrong, and everything that was ordered must come to its end.
LONGEST_S = 4 * DAY_S
PRINTS = {"block": 50, "plate": 80, "tower": 150, "badge": 40}
# Of these so many fit in one run.
BUILDS = {"block": (2, 3), "badge": (2, 3)}
ORDERS = 14
# How often each thing goes wrong in a day, from none to this.
MOST: Mapping[Mishap, int] = {
    Mishap.MACHINE_FAILS: 4,
    Mishap.SLOW: 2,
    Mishap.DROPS_PART: 2,
    Mishap.SENSES_NOTHING: 2,
    Mishap.SENSES_PART: 2,
    Mishap.BAD_PART: 3,
    Mishap.MISSING_PART: 1,
    Mishap.LINK_CUT: 4,
    Mishap.ABSENT: 2,
    Mishap.KILLED: 3,
    Mishap.KILLED_WRITING: 3,
    Mishap.DISK_FULL: 1,
    Mishap.CLOCK_JUMP: 1,
}
_ARMS = ("arm-1", "arm-2")
_MAKERS = ("printer-1", "printer-2", "printer-3", "printer-4", "router-1", "router-2")
TARGETS: Mapping[Mishap, Sequence[str]] = {
    Mishap.MACHINE_FAILS: (*_MAKERS, *_ARMS),
    Mishap.SLOW: (*_MAKERS, *_ARMS),
    Mishap.DROPS_PART: _ARMS,
    Mishap.SENSES_NOTHING: _ARMS,
    Mishap.SENSES_PART: _ARMS,
    Mishap.BAD_PART: _MAKERS,
    Mishap.MISSING_PART: ("infeed", "outfeed"),
    Mishap.LINK_CUT: (*_MAKERS, *_ARMS),
}


@dataclass(frozen=True, slots=True)
class Day:
    """What customers say, and what goes wrong."""

    calls: tuple[Call, ...]
    mishaps: FaultPlan


def day_of(seed: int) -> Day:
    """The day of a seed."""
    rng = Random(seed)
    kinds = {kind: rng.randint(0, most) for kind, most in MOST.items()}
    mishaps = draw(rng, kinds, TARGETS, DAY_S * 0.9)
    calls: list[Call] = []
    for number in range(ORDERS):
        order = SubmitOrder(
            rng.choice(list(PRINTS)),
            {},
            quantity=rng.choice((1, 1, 2, 3)),
            priority=rng.choice((0, 0, 0, 5)),
            order_id=f"o-{number}",
        )
        at_s = rng.uniform(0, DAY_S * 0.6)
        calls.append(Call(at_s, order, f"order-{number}"))
        calls += _afterwards(rng, f"o-{number}", at_s)
    return Day(tuple(calls), mishaps)


def _afterwards(rng: Random, order_id: str, at_s: float) -> Iterator[Call]:
    """What a customer thinks of later."""
    later_s = at_s + rng.uniform(0, DAY_S * 0.2)
    thought = rng.random()
    if thought < 0.1:
        yield Call(later_s, CancelOrder(order_id), f"cancel-{order_id}")
    elif thought < 0.25:
        yield Call(later_s, CommandOrder(order_id, JobCommand.PAUSE), f"pause-{order_id}")
        yield Call(later_s + rng.uniform(60, 7200), CommandOrder(order_id, JobCommand.RESUME), f"resume-{order_id}")


@cache
def shop() -> tuple[Path, CellConfig]:
    """Ten machines: four printers, two routers, two arms, two benches."""
    folder = Path(tempfile.mkdtemp(prefix="cellctl-days-"))
    cell = write_shop(folder, printers=4, routers=2, arms=2, benches=2, prints=PRINTS, builds=BUILDS)
    return cell, load(cell)


def live(day: Day, seed: int) -> list[str]:
    """Run a day; every rule that was broken."""
    cell, config = shop()
    twin = twin_of(cell, {}, seed)
    twin.mishaps = day.mishaps
    judge = Judge(twin)
    shift = Shift(config, twin, day.calls, watch=[judge.watch])
    judge.admit(shift)
    done = lived_through(shift, LONGEST_S)
    return [*([] if done else ["what was ordered did not come to its end"]), *judge.verdict(shift)]


def broken(seed: int) -> list[str]:
    """The rules that the day of a seed broke."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        return live(day_of(seed), seed)
    except Exception as error:
        return [f"the day ended with {error!r}"]


def shrunk(seed: int) -> Day:
    """The day of a seed that breaks a rule, with as few mishaps and calls as still break one (ddmin)."""
    day = day_of(seed)

    def breaks(mishaps: FaultPlan) -> bool:
        return bool(live(Day(day.calls, mishaps), seed))

    return Day(day.calls, ddmin(day.mishaps, breaks))


def ddmin(plan: FaultPlan, breaks: Callable[[FaultPlan], bool]) -> FaultPlan:
    """The fewest strokes of a plan that still break a rule: pieces are left out as long as that is so."""
    pieces = 2
    while len(plan) > 1:
        size = max(1, len(plan) // pieces)
        rests = [plan[:at] + plan[at + size :] for at in range(0, len(plan), size)]
        smaller = next((rest for rest in rests if breaks(rest)), None)
        if smaller is not None:
            plan, pieces = smaller, max(2, pieces - 1)
        elif size == 1:
            return plan
        else:
            pieces = min(len(plan), 2 * pieces)
    return plan if plan and not breaks(()) else ()


def battery(seeds: Sequence[int], processes: int = 2) -> dict[int, list[str]]:
    """The rules broken by each seed, without those that broke none."""
    # What is there already is not gone through again and again for garbage.
    with ProcessPoolExecutor(processes, get_context("fork"), initializer=gc.freeze) as pool:
        found = dict(zip(seeds, pool.map(broken, seeds, chunksize=8), strict=True))
    return {seed: rules for seed, rules in found.items() if rules}


def claims() -> Iterator[Claim]:
    """A thousand days."""
    began_s = monotonic()
    found = battery(range(SEEDS))
    for seed, rules in list(found.items())[:5]:
        print(f"seed {seed}: {rules[0]}; shrinks to {shrunk(seed).mishaps}")
    name = f"days of ten machines with all faults ({SEEDS} seeds): broken rules"
    yield Claim(name, f"{sum(map(len, found.values()))} in {len(found)} days", "0", not found)
    took_s = monotonic() - began_s
    yield Claim("the same, on two processes", f"{took_s:.0f} s", "< 600 s", took_s < 600)


if __name__ == "__main__":
    for each in map(int, sys.argv[1:]):
        started_s = process_time()
        rules = broken(each)
        print(f"seed {each}: {process_time() - started_s:.2f} s of CPU; {rules or 'nothing broken'}")
        if rules:
            print(*shrunk(each).mishaps, sep="\n")
