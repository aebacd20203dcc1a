"""Marlin over a line that damages bytes both ways: what arrives, how programs end, and what the checksum cannot see.

Two sorts of noise: a byte becomes any other, or one bit of it turns. Two damages in one line pass an 8-bit XOR if they
cancel: with other bytes by a chance of 1 in 255, with single bits 1 in 8 (they need only be the same bit).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from cellctl_drivers.marlin.ledger import frame
from cellctl_sim.faults import Kind
from tests.drivers.marlin_noise import line, send
from tests.prove.claims import Claim

PROCESSES = 2
# Bytes of a line in mid-program, its newline left out: damage to the sum itself can cancel damage to the rest.
SUMMED_BYTES = len(frame(500, line(500).encode())) - 1
CANCEL = {Kind.SPOIL: 1 / 255, Kind.FLIP: 1 / 8}
# Noise, rate, programs, lines each.
BATTERIES = (
    (Kind.SPOIL, 1e-4, 52, 20_000),
    (Kind.FLIP, 1e-4, 20, 20_000),
    *((kind, 1e-3, 300, 500) for kind in (Kind.SPOIL, Kind.FLIP)),
    *((kind, 1e-2, 300, 200) for kind in (Kind.SPOIL, Kind.FLIP)),
)


def claims() -> Iterator[Claim]:
    """Some minutes in all."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        for kind, rate, jobs, lines in BATTERIES:
            yield from _battery(pool, kind, rate, jobs, lines)


def _battery(pool: ProcessPoolExecutor, kind: Kind, rate: float, jobs: int, lines: int) -> Iterator[Claim]:
    """So many programs of so many lines, one half with a window of one line, the other half with one that grows."""
    parts = pool.map(partial(_send, kind, rate, lines), (range(n, jobs, 2) for n in range(2)))
    got = sum(parts, Counter[str]())
    pairs = math.comb(SUMMED_BYTES, 2) * rate**2 * (1 - rate) ** (SUMMED_BYTES - 2)
    expected = got["arrived"] * pairs * CANCEL[kind]
    bound = expected + 4 * math.sqrt(expected) + 1  # four standard deviations
    name = f"Marlin, {rate:g} {_WORDS[kind]}"
    ends = ", ".join(f"{end} {got[end]}" for end in ("done", "held", "fault", "silent") if got[end])
    ended = got["done"] + got["held"] + got["fault"] + got["silent"]
    yield Claim(f"{name}: programs end", f"{ends} of {jobs}", "done or held", ended == jobs)
    wrong = got["twice"] + got["skipped"]
    arrived = f"{got['damaged']} damaged, {wrong} twice or left out of {got['arrived']:,}"
    if kind is Kind.SPOIL and rate == 1e-4:
        holds = not got["damaged"] + wrong and got["arrived"] >= 1_000_000
        yield Claim(f"{name}: lines arrive identical", arrived, "0 of 1,000,000", holds)
    else:
        holds = got["damaged"] <= bound and not wrong
        yield Claim(f"{name}: accepted", arrived, f"<= {bound:.1f} damaged, 0 twice", holds)


_WORDS = {Kind.SPOIL: "bytes become others", Kind.FLIP: "bits turn"}


def _send(kind: Kind, rate: float, lines: int, seeds: Sequence[int]) -> Counter[str]:
    got = Counter[str]()
    for seed in seeds:
        result = send(lines, rate, seed, advanced_ok=seed % 4 > 1, kind=kind)
        tally = result.tally
        got[result.end] += 1
        got.update(
            arrived=tally.arrived, damaged=len(tally.damaged), twice=len(tally.twice), skipped=len(tally.skipped)
        )
    return got
