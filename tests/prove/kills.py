"""The kill battery with many seeds, for as long as its time allows; the figure says how far it came."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.app.kills import battle
from tests.prove.claims import Claim

SEEDS = 1000
MOST_S = 900.0


def claims() -> Iterator[Claim]:
    """One claim, after a quarter of an hour at the most."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    began_s = time.monotonic()
    fought, broken = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, SEEDS + 1):
            if time.monotonic() - began_s > MOST_S:
                break
            fought += 1
            found = battle(seed, Path(folder))
            broken += [seed] if found else []
    shown = f", first {broken[:3]}" if broken else ""
    figure = f"{len(broken)} of {fought} broken{shown}"
    name = "killed in mid work and mid append: parts made once, no motion"
    yield Claim(name, figure, f"0 of {SEEDS}", not broken and fought == SEEDS)
