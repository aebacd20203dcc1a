"""Days and kills of a cell in which pallets are carried with the parts on them, by an arm and by a person.

`python -m tests.prove.orders.carriers SEED` lives one day, and one with kills, and prints what was broken.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random

import structlog

from cellctl.app.config import CellConfig, load
from cellctl.app.shift import Call, Shift
from cellctl.app.virtual_time import run_virtual
from cellctl.core import handover, whereabouts
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.mishaps import Mishap, draw
from cellctl.domain.work import Knowledge, Place
from cellctl_sim.cell import simulate as twin_of
from tests.app.tally import Tally, figures
from tests.prove.claims import Claim
from tests.prove.orders import days
from tests.prove.orders.judge import Judge
from tests.prove.orders.kills import GAP_S, KILLS_A_SEED, LONGEST_S, Deaths, Found
from tests.prove.orders.shops import write_pallet_shop

SEEDS = 200
KILL_SEEDS = 50
ORDERS = 8
WITHIN = 100
_PRINTS = {"block": 20, "plate": 30, "badge": 15}
# Short ones, so that the hand-overs get their share of the kills.
_QUICK = {"block": 1, "plate": 1, "badge": 1}
_ARMS = ("arm-1", "arm-2", "arm-3")
_MAKERS = ("printer-1", "printer-2", "router-1")


@cache
def shop(*, quick: bool = False) -> tuple[Path, CellConfig]:
    """Two printers on one side, a router on the other, and two pallets on three stands between them."""
    folder = Path(tempfile.mkdtemp(prefix="cellctl-pallets-"))
    cell = write_pallet_shop(folder, _QUICK if quick else _PRINTS)
    return cell, load(cell)


def day_of(seed: int) -> days.Day:
    """The day of a seed: as on other days, with these machines."""
    rng = Random(seed)
    kinds = {kind: rng.randint(0, most) for kind, most in days.MOST.items()}
    targets = {
        kind: tuple(name for name in (*_MAKERS, *_ARMS) if name in _ARMS or kind is not Mishap.DROPS_PART)
        for kind in days.TARGETS
    }
    arms = dict.fromkeys((Mishap.DROPS_PART, Mishap.SENSES_NOTHING, Mishap.SENSES_PART), _ARMS)
    targets |= arms | {Mishap.MISSING_PART: ("outfeed",), Mishap.BAD_PART: _MAKERS}
    mishaps = draw(rng, kinds, targets, days.DAY_S * 0.6)
    orders = [SubmitOrder(rng.choice(list(_PRINTS)), {}, quantity=rng.choice((1, 2))) for _ in range(ORDERS)]
    calls = (Call(rng.uniform(0, days.DAY_S * 0.3), order, f"order-{number}") for number, order in enumerate(orders))
    return days.Day(tuple(calls), mishaps)


def broken(seed: int) -> list[str]:
    """The rules that the day of a seed broke."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    (cell, config), day = shop(), day_of(seed)
    twin = twin_of(cell, {}, seed)
    twin.mishaps = day.mishaps
    judge = Judge(twin)
    shift = Shift(config, twin, day.calls, watch=[judge.watch])
    judge.admit(shift)
    try:
        done = run_virtual(shift.run(days.LONGEST_S))
    except Exception as error:
        return [f"the day ended with {error!r}"]
    return [*([] if done else ["what was ordered did not come to its end"]), *judge.verdict(shift)]


def battle(seed: int) -> Found:
    """A seed whose daemon is killed again and again: what was broken, and what its crashes asked."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    cell, config = shop(quick=True)
    twin, rng = twin_of(cell, {}, seed), Random(seed)
    wanted = [SubmitOrder(name, {}, quantity=3, order_id=f"o-{name}") for name in _QUICK]
    calls = [Call(rng.uniform(0, KILLS_A_SEED * GAP_S / 3), each, f"order-{each.order_id}") for each in wanted]
    judge = Judge(twin)
    shift = Deaths(config, twin, calls, watch=[judge.watch])
    shift.prepare(seed)
    judge.admit(shift)
    done = run_virtual(shift.run(LONGEST_S))
    tally = Tally(config.plan).read(record.event for record in shift.store.read())
    left = [(part.id, part.place) for part in twin.world.parts if part.place not in ("gone", "bench-1.desk")]
    found = ([] if done else ["what was ordered did not come to its end"]) + ([f"left: {left}"] if left else [])
    return [*found, *judge.verdict(shift), *tally.broken], tally


@contextmanager
def parts_stay_behind() -> Iterator[None]:
    """The planted bug: what lies on a pallet is believed to stay where the pallet was."""
    owner, attribute = handover, "_moved"
    real = getattr(owner, attribute)

    def leave_behind(turn: Turn, name: str, place: Place, told: Knowledge, by: str) -> None:
        was = whereabouts.of(turn.cell, name)
        real(turn, name, place, told, by)
        for part in [each for each in turn.cell.parts.values() if whereabouts.beneath(turn.cell, each) == name]:
            turn.remember(ev.PartMoved(part.serial, was, Knowledge.PRESUMED, by))

    setattr(owner, attribute, leave_behind)
    try:
        yield
    finally:
        setattr(owner, attribute, real)


def found_within(seeds: Sequence[int]) -> int | None:
    """The first of these seeds whose day shows the planted bug; None if none does."""
    with parts_stay_behind():
        return next((seed for seed in seeds if broken(seed)), None)


def claims() -> Iterator[Claim]:
    """Days, kills, and the planted bug."""
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        lived = list(pool.map(broken, range(SEEDS), chunksize=8))
        fought = list(pool.map(battle, range(KILL_SEEDS), chunksize=4))
    wrong = [(seed, rules[0]) for seed, rules in enumerate(lived) if rules]
    shown = f", first {wrong[0]}" if wrong else ""
    yield Claim(f"days of a cell with pallets ({SEEDS} seeds): broken rules", f"{len(wrong)}{shown}", "0", not wrong)
    lost = [(seed, rules[0]) for seed, (rules, _) in enumerate(fought) if rules]
    sums = figures(tally for _, tally in fought)
    shown = f", first {lost[0]}" if lost else ""
    yield Claim(
        f"{sums.crashes} kills of a cell with pallets: lost, doubled, unasked", f"{len(lost)}{shown}", "0", not lost
    )
    figure = f"{sums.all_per_crash:.2f}"
    yield Claim("questions a crash, with pallets", figure, "<= 1.5", sums.all_per_crash <= 1.5)
    seed = found_within(range(WITHIN))
    figure = "not found" if seed is None else f"by seed {seed}"
    yield Claim(
        "planted: parts stay behind when their pallet is moved", figure, f"within {WITHIN} seeds", seed is not None
    )


if __name__ == "__main__":
    for each in map(int, sys.argv[1:]):
        rules, tally_of_one = battle(each)
        print(each, broken(each) or "nothing broken in a day", rules or "nor by kills", sep="\n")
        print(*figures([tally_of_one]).lines(), sep="\n")
