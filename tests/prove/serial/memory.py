"""A million lines through each session: what is kept at once stays what it is for a short program."""

from collections.abc import Iterator

from tests.drivers.long_programs import FAMILIES, most_kept_bytes
from tests.prove.claims import Claim

LINES = 1_000_000
MOST_BYTES = 50_000


def claims() -> Iterator[Claim]:
    """One claim a family; some minutes, for every allocation is watched."""
    for family in FAMILIES:
        kept = most_kept_bytes(family, LINES)
        name = f"{family}: bytes kept at once, {LINES:,} lines"
        yield Claim(name, f"{kept:,}", f"< {MOST_BYTES:,}", kept < MOST_BYTES)
