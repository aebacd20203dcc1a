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
# Bytes from the number's first digit to the last one before the star, in the middle of a program.
SUMMED_BYTES = frame(500, line(500).encode()).index(b"*")
CANCEL = {Kind.SPOIL: 1 / 255, Kind.FLIP: 1 / 8}
Job = tuple[int, bool]


def claims() -> Iterator[Claim]:
    """Some minutes in all."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        for kind in (Kind.SPOIL, Kind.FLIP):
            for advanced_ok in (False, True):
                yield from _rate(pool, kind, 1e-4, 50, 20_000, advanced_ok=advanced_ok)
        for kind in (Kind.SPOIL, Kind.FLIP):
            for rate, jobs, lines in ((1e-3, 400, 500), (1e-2, 400, 200)):
                for advanced_ok in (False, True):
                    yield from _rate(pool, kind, rate, jobs, lines, advanced_ok=advanced_ok)


def _rate(
    pool: ProcessPoolExecutor, kind: Kind, rate: float, jobs: int, lines: int, *, advanced_ok: bool
) -> Iterator[Claim]:
    """`jobs` programs of so many lines."""
    parts = pool.map(partial(_send, kind, rate, lines, advanced_ok), (range(n, jobs, 2) for n in range(2)))
    got = sum(parts, Counter[str]())
    arrived = got["arrived"]
    pairs = math.comb(SUMMED_BYTES, 2) * rate**2 * (1 - rate) ** (SUMMED_BYTES - 2)
    expected = arrived * pairs * CANCEL[kind]
    bound = expected + 4 * math.sqrt(expected) + 1  # four standard deviations
    window = "window grows" if advanced_ok else "window 1"
    name = f"Marlin, {rate:g} {_WORDS[kind]}, {window}"
    ends = ", ".join(f"{end} {got[end]}" for end in ("done", "held", "fault", "silent", "lost") if got[end])
    ended = got["done"] + got["held"] + got["fault"] + got["silent"]
    yield Claim(f"{name}: programs end", f"{ends} of {jobs}", "done or held", ended == jobs)
    wrong = got["twice"] + got["skipped"]
    damaged = f"{got['damaged']} of {arrived:,} damaged, {wrong} twice or left out"
    if rate == 1e-4 and kind is Kind.SPOIL:
        yield Claim(f"{name}: lines arrive", damaged, "0 of 1,000,000", not got["damaged"] + wrong)
    else:
        goal = f"<= {bound:.1f}, 0 twice" if rate < 1e-2 else f"<= {bound:.1f}"
        yield Claim(
            f"{name}: damaged and accepted", damaged, goal, got["damaged"] <= bound and (rate == 1e-2 or not wrong)
        )


_WORDS = {Kind.SPOIL: "bytes become others", Kind.FLIP: "bits turn"}


def _send(kind: Kind, rate: float, lines: int, advanced_ok: bool, seeds: Sequence[int]) -> Counter[str]:
    got = Counter[str]()
    for seed in seeds:
        result = send(lines, rate, seed, advanced_ok=advanced_ok, kind=kind)
        tally = result.tally
        got[result.end] += 1
        got.update(
            arrived=tally.arrived, damaged=len(tally.damaged), twice=len(tally.twice), skipped=len(tally.skipped)
        )
    return got
