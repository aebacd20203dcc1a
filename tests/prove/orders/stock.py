"""Stock and gates: shops that are played at random, every stimulus judged by the core's rules and by a ledger of ours.

`python -m tests.prove orders` runs all; a failing run is named by its seed.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

from tests.core.stock_yard import ACTS, Act, Broken, StockYard
from tests.prove.claims import Claim

RUNS = 400
ACTS_A_RUN = 80
# What must have happened somewhere in the battery, or it has shown nothing.
WANTED = (
    "material.consumed",
    "material.adjusted",
    "material.loaded",
    "tool.used",
    "tool.changed",
    "inspection.result",
    "unit.held",
    "unit.disposition",
)


def acts_of(seed: int, count: int = ACTS_A_RUN) -> list[Act]:
    """What is done in the run of a seed; much of it is work, so that work gets done."""
    rng = Random(seed)
    weights = [3, 6, 8, 1, 1, 8, 2, 1, 1, 1, 3, 2]
    return [(rng.choices(ACTS, weights)[0], rng.randrange(100)) for _ in range(count)]


def play(seeds: range) -> tuple[Counter[str], int, list[str]]:
    """What happened, how many starts, and which runs broke a rule."""
    seen: Counter[str] = Counter()
    starts, wrong = 0, []
    for seed in seeds:
        yard = StockYard()
        try:
            yard.play(acts_of(seed))
        except Broken as broken:
            wrong.append(f"seed {seed}: {broken}")
        seen += yard.seen
        starts += yard.starts
    return seen, starts, wrong


def claims() -> Iterator[Claim]:
    """The balance, the starts, the gates."""
    seen, starts, wrong = play(range(RUNS))
    for line in wrong[:5]:
        print(line)
    rare = [name for name in WANTED if not seen[name]]
    consumed, results = seen["material.consumed"], seen["inspection.result"]
    said = f"{len(wrong)} of {RUNS} runs broken"
    yield Claim(f"material balances ({consumed} uses), reserved within remaining", said, "0", not wrong)
    yield Claim(f"no start without its need and 5 % ({starts} starts)", said, "0", not wrong and starts > RUNS)
    yield Claim(f"no gate passed without a result ({results} results)", said, "0", not wrong and not rare)
