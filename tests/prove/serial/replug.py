"""A hundred cables pulled at random moments of a job, on real pseudo-terminals, both families."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.links.yard import Outcome, round_of
from tests.prove.claims import Claim

ROUNDS = 10
MACHINES = 10


def claims() -> Iterator[Claim]:
    """Five claims about the same hundred cases; one to two minutes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    outcomes: list[Outcome] = []
    for seed in range(1, ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder:
            outcomes += asyncio.run(round_of(Path(folder), seed, MACHINES, strangers=2))
    cases = len(outcomes)
    held = sum(each.held for each in outcomes)
    yield Claim("cable pulled in mid-job: held", f"{held} of {cases}", "all", held == cases)
    slowest_s = max(each.held_s for each in outcomes)
    yield Claim("cable pulled in mid-job: known after, at the most", f"{slowest_s:.2f} s", "< 1 s", slowest_s < 1)
    back = sum(each.back_s <= 2 for each in outcomes)
    slowest_s = max(each.back_s for each in outcomes)
    figure = f"{back} of {cases}, slowest {slowest_s:.2f} s"
    yield Claim("plugged in again: the same machine, back within 2 s", figure, "all", back == cases)
    met, refused = 2 * ROUNDS, sum(bool(each.refused) for each in outcomes)
    yield Claim("another machine in its socket: refused, with the reason", f"{refused} of {met}", "all", refused == met)
    mistakes = [mistake for each in outcomes for mistake in each.mistakes]
    figure = f"{len(mistakes)} of {cases}{', first: ' + mistakes[0] if mistakes else ''}"
    yield Claim("lines that were sent twice, or after the return", figure, "none", not mistakes)
