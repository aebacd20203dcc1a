"""Random kills of the daemon in virtual time: by the clock, and in mid append, over every phase of work.

Machines are at program level, so that ten thousand are affordable; `tests/app/kills.py` has the same at line level,
with the bytes on every wire judged. `python -m tests.prove.orders.kills quick SEED` plays one seed again.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory, mkdtemp
from time import monotonic
from typing import Final

import structlog

from cellctl.app.config import CellConfig, load
from cellctl.app.shift import Call, Shift, TightStore
from cellctl.app.simulate import wishes_for
from cellctl.app.virtual_time import run_virtual
from cellctl.core import invariants
from cellctl.core.cell import apply, empty
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import Record
from cellctl.domain.work import Disposition
from cellctl.ports import Clock
from cellctl_sim.cell import simulate as twin_of
from tests.app.kills import CELL, Battle, quick_cell, quick_product
from tests.app.tally import Tally, figures
from tests.app.workshop import CELL as SHOP_FILE
from tests.prove.claims import Claim
from tests.prove.orders.judge import Judge, lived_through

# With a print of a few minutes, so that every phase gets its share of the kills: in the first example, and in the
# second with its two arms and its people who carry, saw and drill. BUSY: the first as it is, where two printers lay
# down plastic nearly all the time.
QUICK: Final = "quick"
WORKSHOP: Final = "workshop"
BUSY: Final = "busy"
ORDERS: Final = 12
KILLS_A_SEED: Final = 20
# Between two deaths at most so long, or so many appends; the daemon is away for at most so long.
GAP_S: Final = 600.0
MOST_APPENDS: Final = 60
AWAY_S: Final = 120.0
SHOP: Final = SHOP_FILE.resolve()
LONGEST_S: Final = 10 * 86_400.0
KILLS: Final = 10_000
# So many of them in the workshop.
WORKSHOP_KILLS: Final = 3000
LINE_KILLS: Final = 1_000
BUSY_KILLS: Final = 400
# What some crash must have fallen into. What is missing is no state between two commits here: until PERMIT a hand-over
# comes in one, and GRIP and RELEASE last only where clamps are seen; the model check has crashes there.
STAGES: Final = frozenset(
    {f"{what} by a machine, {rung}" for what in ("work", "carry") for rung in ("intended", "taken", "touching")}
    | {f"{what} by a person, {rung}" for what in ("work", "carry") for rung in ("intended", "taken")}
    | {f"hand-over in {phase}" for phase in ("PERMIT", "ENTER", "LEAVE", "DISPUTED")}
    | {"work by a machine, acknowledged"}
)

Found = tuple[list[str], Tally]


class DyingStore(TightStore):
    """A journal that dies in the middle of an append: just before it is durable, or just after. 0: not by itself."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.appends_left = 0
        self.durable = False

    async def append(self, records: Sequence[Record]) -> None:
        self.appends_left -= 1
        if self.appends_left:
            await super().append(records)
            return
        if self.durable:
            await super().append(records)
        self.crash()
        raise StoreFailed("killed in mid append")


class Deaths(Shift):
    """A shift whose daemon dies again and again."""

    def prepare(self, seed: int) -> None:
        """Whom chance hits is up to the seed."""
        self.rng = Random(seed)
        self.store: DyingStore = DyingStore(self.clock)

    async def run(self, until_s: float) -> bool:
        """Until every order is done; a month is enough for that."""
        rng, store = self.rng, self.store
        for _ in range(KILLS_A_SEED):
            store.appends_left = rng.randint(1, MOST_APPENDS) if rng.random() < 0.5 else 0
            store.durable = rng.random() < 0.5
            if await self._live(self.clock.now_s() + rng.uniform(1, GAP_S)):
                break
            await self.clock.sleep(rng.uniform(1, AWAY_S))
        store.appends_left = 0
        return await self._until(until_s)


@cache
def configured(product: str) -> CellConfig:
    """An example's cell, with its products or with quick ones; made once."""
    if product == BUSY:
        return load(CELL)
    folder = Path(mkdtemp(prefix="cellctl-kills-"))
    return quick_workshop(folder) if product == WORKSHOP else quick_cell(folder)


def quick_workshop(folder: Path) -> CellConfig:
    """The second example's cell, where a print takes a few minutes, on a warm bed that cools down behind it."""
    products = [quick_product(folder)]
    (folder / "warm.gcode").write_text(f"M190 S60\n{(folder / 'quick.gcode').read_text()}")
    for program in SHOP.parent.glob("*.gcode"):
        (folder / program.name).symlink_to(program)
    for file in ("sign.toml", "spacer.toml", "bracket.toml"):
        text = (SHOP.parent / file).read_text("utf-8").replace("../nameplate/base.gcode", "warm.gcode")
        (folder / file).write_text(text, "utf-8")
        products.append(folder / file)
    return load(SHOP, {"cell.products": [str(product) for product in products]})


def battle(product: str, seed: int) -> Found:
    """One seed: what was broken, and what its crashes asked."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    config, twin = configured(product), twin_of(SHOP if product == WORKSHOP else CELL, {}, seed)
    wishes = wishes_for(config, ORDERS, seed)
    orders = [SubmitOrder(wish["product"], wish["parameters"], order_id=f"o-{n}") for n, wish in enumerate(wishes)]
    rng = Random(seed)
    calls = [Call(rng.uniform(0, KILLS_A_SEED * GAP_S / 3), order, f"order-{n}") for n, order in enumerate(orders)]
    judge = Judge(twin)
    shift = Deaths(config, twin, calls, watch=[judge.watch])
    shift.prepare(seed)
    judge.admit(shift)
    done = lived_through(shift, LONGEST_S)
    records = list(shift.store.read())
    tally = Tally(config.plan).read(record.event for record in records)
    found = [] if done else ["what was ordered did not come to its end"]
    return [*found, *judge.verdict(shift), *tally.broken, *_counted(config, records, twin.world)], tally


def _counted(config: CellConfig, records: Sequence[Record], world: object) -> Iterator[str]:
    """Parts lost or doubled: each order has its one part, whole, and no more parts have left than were made."""
    cell = empty(config.plan)
    accepted = []
    for record in records:
        cell = apply(cell, record.event)
        if getattr(record.event, "disposition", None) is Disposition.ACCEPTED:
            accepted.append(record.event.serial)  # type: ignore[union-attr]
    yield from invariants.broken(cell)
    if len(accepted) != ORDERS or len(set(accepted)) != ORDERS:
        yield f"{len(accepted)} parts were accepted, {ORDERS} wanted"
    # The run ends with the last answer, a moment before the person has taken along what lies before them.
    desks = [place for station in config.plan.stations.values() if station.attended for place in station.places]
    left = [part for part in world.parts if part.place not in ("gone", *desks)]  # type: ignore[attr-defined]
    if left:
        yield f"the world still has {[(part.id, part.place) for part in left]}"


def line_battle(folder: str, seed: int) -> Found:
    """The same at line level, three kills a seed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with TemporaryDirectory(dir=folder) as own:

        async def main() -> Found:
            fought = Battle(seed, Path(own))
            return await fought.fight(), fought.tally()

        return run_virtual(main())


def many(work: partial[Found], seeds: Sequence[int], processes: int = 2) -> list[Found]:
    """On so many processes; in the order of the seeds."""
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        return list(pool.map(work, seeds, chunksize=4))


def until(product: str, kills: int) -> list[Found]:
    """Seed after seed, until the daemon has died so often."""
    everything: list[Found] = []
    while sum(len(tally.crashes) for _, tally in everything) < kills:
        everything += many(partial(battle, product), range(len(everything), len(everything) + 32))
    return everything


def claims() -> Iterator[Claim]:
    """Program level, then a tenth as many at line level, then what it is like where machines are always at it."""
    began_s = monotonic()
    cells = {QUICK: until(QUICK, KILLS - WORKSHOP_KILLS), WORKSHOP: until(WORKSHOP, WORKSHOP_KILLS)}
    took_s = monotonic() - began_s
    everything = [found for each in cells.values() for found in each]
    yield from _zeros("program level", everything)
    yield from _questions("program level", everything)
    for product, found in cells.items():
        sums = figures(tally for _, tally in found)
        figure = f"{sums.all_per_crash:.2f} a crash; none about machines in {sums.silent_percent:.0f} %"
        yield Claim(f"{sums.crashes} of them in the cell '{product}'", figure, "", holds=True)
    yield Claim("these kills, on two processes", f"{took_s:.0f} s", "< 480 s", took_s < 480)
    with TemporaryDirectory() as folder:
        lines = many(partial(line_battle, folder), range(1, LINE_KILLS // 3 + 2))
    yield from _zeros("line level", lines)
    yield from _questions("line level", lines)
    busy = until(BUSY, BUSY_KILLS)
    hit = figures(tally for _, tally in (*everything, *busy)).stages
    missed = sorted(STAGES - hit.keys())
    figure = ", ".join(missed) or f"least: {min((hit[each], each) for each in STAGES)}"
    yield Claim("rungs and hand-over phases that no crash fell into", figure, "none", not missed)
    yield from _zeros("long prints, always at it", busy)
    sums = figures(tally for _, tally in busy)
    figure = f"{sums.per_crash:.2f} a crash, none in {sums.silent_percent:.0f} %"
    yield Claim("questions, long prints, always at it", figure, "<= 1.5", sums.per_crash <= 1.5)


def _zeros(level: str, found: Sequence[Found]) -> Iterator[Claim]:
    broken = [(seed, rules[0]) for seed, (rules, _) in enumerate(found) if rules]
    kills = sum(len(tally.crashes) for _, tally in found)
    shown = f", first {broken[0]}" if broken else ""
    yield Claim(f"{kills} kills, {level}: lost, doubled, unasked", f"{len(broken)}{shown}", "0", not broken)


def _questions(level: str, found: Sequence[Found]) -> Iterator[Claim]:
    sums = figures(tally for _, tally in found)
    print(*sums.lines(), sep="\n")
    figure = f"{sums.per_crash:.2f}; {sums.all_per_crash:.2f} with the bench"
    yield Claim(f"questions a crash, {level}", figure, "<= 1.5", sums.all_per_crash <= 1.5)
    percent = sums.silent_percent
    figure = f"{percent:.0f} %; {sums.mute_percent:.0f} % with the bench"
    yield Claim(f"crashes that ask nothing, {level}", figure, ">= 60 %", percent >= 60)


if __name__ == "__main__":
    rules, tally_of_one = battle(sys.argv[1], int(sys.argv[2]))
    print(*rules, *figures([tally_of_one]).lines(), sep="\n")
