"""Marlin: every kind of fault ends in its named state. Seeds are fought by two processes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.drivers.marlin_faults import ENDS, campaign
from tests.prove.claims import Claim

SEEDS = 1000
PROCESSES = 2


def claims() -> Iterator[Claim]:
    """One claim a kind; about ten minutes in all."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        for kind in ENDS:
            halves = pool.map(partial(campaign, kind), (range(0, SEEDS, 2), range(1, SEEDS, 2)))
            ends, wrongs = Counter[str](), []
            for half_ends, half_wrongs in halves:
                ends += half_ends
                wrongs += half_wrongs
            figure = ", ".join(f"{end} {count}" for end, count in ends.most_common())
            if wrongs:
                figure += f"; wrong: {wrongs[0]}"
            yield Claim(
                f"Marlin, {kind}: its end, no line twice or left out", figure, f"0 of {SEEDS} wrong", not wrongs
            )
