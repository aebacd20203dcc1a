"""Random kills of the daemon while machines make several parts in one run: none lost, none made twice.

`python -m tests.prove.orders.builds SEED` plays one seed again.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import structlog

from cellctl.app.config import CellConfig, load
from cellctl.app.shift import Call
from cellctl.domain import events as ev
from cellctl.domain.commands import SubmitOrder
from cellctl_sim.cell import simulate as twin_of
from tests.app.tally import Tally, figures
from tests.prove.claims import Claim
from tests.prove.orders import kills
from tests.prove.orders.judge import Judge, lived_through
from tests.prove.orders.shops import write_shop

KILLS = 1000
# Orders come several at a time.
BUNCH = 4
PRINTS = {"block": 12}
BUILDS = {"block": (2, 3)}


@cache
def shop() -> tuple[Path, CellConfig]:
    """Two printers with room for three, an arm and a bench."""
    folder = Path(tempfile.mkdtemp(prefix="cellctl-builds-"))
    cell = write_shop(folder, printers=2, routers=1, arms=1, benches=1, prints=PRINTS, builds=BUILDS)
    return cell, load(cell)


def battle(seed: int) -> tuple[list[str], Tally, Counter[int]]:
    """One seed: what was broken, what its crashes asked, and how many runs made so many parts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    cell, config = shop()
    twin, rng, at_s = twin_of(cell, {}, seed), Random(seed), 0.0
    calls = []
    for number in range(kills.ORDERS):
        at_s = at_s if number % BUNCH else rng.uniform(0, kills.KILLS_A_SEED * kills.GAP_S / 3)
        calls.append(Call(at_s, SubmitOrder("block", {}, order_id=f"o-{number}"), f"order-{number}"))
    judge = Judge(twin)
    shift = kills.Deaths(config, twin, calls, watch=[judge.watch])
    shift.prepare(seed)
    judge.admit(shift)
    done = lived_through(shift, kills.LONGEST_S)
    records = list(shift.store.read())
    tally = Tally(config.plan).read(record.event for record in records)
    runs = Counter(
        len(each.event.operation.serials) for each in records if isinstance(each.event, ev.OperationIntended)
    )
    found = [] if done else ["what was ordered did not come to its end"]
    return [*found, *judge.verdict(shift), *tally.broken, *kills._counted(config, records, twin.world)], tally, runs


def claims() -> Iterator[Claim]:
    """A thousand kills."""
    broken, crashes, shared, seed = [], 0, 0, 0
    tallies = []
    while crashes < KILLS:
        found, tally, runs = battle(seed)
        broken += [f"seed {seed}: {rule}" for rule in found]
        tallies.append(tally)
        crashes, shared, seed = crashes + len(tally.crashes), shared + runs[2] + runs[3], seed + 1
    shown = f"{len(broken)}{f', first {broken[0]}' if broken else ''}"
    yield Claim(f"{crashes} kills, {shared} shared runs: lost, doubled, unasked", shown, "0", not broken)
    sums = figures(tallies)
    yield Claim("questions a crash, shared runs", f"{sums.per_crash:.2f}", "<= 1.5", sums.per_crash <= 1.5)


if __name__ == "__main__":
    rules, tally_of_one, _ = battle(int(sys.argv[1]))
    print(*rules, *figures([tally_of_one]).lines(), sep="\n")
