"""A carry of a serial arm with everything that can go wrong, over many seeds of each kind."""

from collections import Counter
from collections.abc import Iterator

from tests.drivers.arm_battle import KINDS, Setting, outcome
from tests.prove.claims import Claim

SEEDS = 1000


def claims() -> Iterator[Claim]:
    """One for each kind of fault; some minutes in all."""
    for kind in KINDS:
        ends: Counter[str] = Counter()
        wrong = []
        for seed in range(1, SEEDS + 1):
            setting = Setting(("grbl", "marlin")[seed % 2], sensor=seed % 4 < 2)
            found = outcome(kind, seed, setting)
            ends[found.end] += 1
            wrong += [seed] if found.wrongs(kind, setting.sensor) else []
        shown = ", ".join(f"{end} {count}" for end, count in ends.most_common())
        first = f", first {wrong[:3]}" if wrong else ""
        yield Claim(f"arm, {kind}: {shown}", f"{len(wrong)} of {SEEDS} wrong{first}", f"0 of {SEEDS}", not wrong)
