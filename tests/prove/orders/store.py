"""The store: snapshots against whole logs, altered records found, order books that keep their contract."""

import asyncio
from collections.abc import Iterator
from random import Random

from cellctl.stores.chain import GENESIS, Link, Walk, after
from cellctl.stores.codec import Row, encode
from tests.prove.claims import Claim
from tests.stores.book_contract import RULES, WRONG, RuleBroken, Troubled
from tests.stores.test_journal import record
from tests.stores.test_snapshots import check_snapshots

LOGS = 150
ALTERED = 5000
SEEDS = 500


def claims() -> Iterator[Claim]:
    """Four, in two or three minutes."""
    checked = check_snapshots(LOGS, 10)
    yield Claim(
        "snapshot and tail are the whole log", f"{checked} of {checked}", f"all of {LOGS * 10}", checked == LOGS * 10
    )
    found = sum(_finds(Random(seed)) for seed in range(ALTERED))
    yield Claim("altered records found, by their number", f"{found} of {ALTERED}", "all", found == ALTERED)
    broken = sum(_breaks(rule, Troubled, seed) for rule in RULES for seed in range(SEEDS))
    yield Claim("order book behind a bad line: rules broken", f"{broken}", f"0 of {len(RULES) * SEEDS}", broken == 0)
    caught = [kind for kind in WRONG if any(_breaks(rule, WRONG[kind], seed) for rule in RULES for seed in range(25))]
    yield Claim("wrong order books found out", f"{len(caught)}", f"{len(WRONG)}", len(caught) == len(WRONG))


def _finds(rng: Random) -> bool:
    """One character of one field of one record is another one."""
    rows = [encode(record(seq, f"version {seq}")) for seq in range(1, 21)]
    sha256, chained = GENESIS.sha256, []
    for row in rows:
        sha256 = after(sha256, row)
        chained.append((row, sha256))
    bad = rng.randrange(len(rows))
    chained[bad] = (_altered(rows[bad], rng), chained[bad][1])
    walk = Walk(GENESIS)
    walk.take(chained)
    return walk.end(Link(len(rows), sha256)).bad_seq == bad + 1


def _altered(row: Row, rng: Random) -> Row:
    seq, at, mono_s, actor, name, payload = row
    match rng.randrange(5):
        case 0:
            return seq, _other(at, rng), mono_s, actor, name, payload
        case 1:
            return seq, at, mono_s + 2.0 ** -rng.randrange(20), actor, name, payload
        case 2:
            return seq, at, mono_s, _other(actor, rng), name, payload
        case 3:
            return seq, at, mono_s, actor, _other(name, rng), payload
    return seq, at, mono_s, actor, name, _other(payload, rng)


def _other(text: str, rng: Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ (1 << rng.randrange(5))) + text[at + 1 :]


def _breaks(rule: object, make: object, seed: int) -> bool:
    try:
        asyncio.run(rule(make(seed)))  # type: ignore[operator]
    except RuleBroken:
        return True
    return False
