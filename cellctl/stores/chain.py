"""The hash chain of a journal: who alters, removes, inserts or moves a record is found, and at which one.

Each record's hash is the SHA-256 of the hash before it and of the record itself. A chain begins at its anchor (the
hash before its first record) and ends at its head, which is written in the same commit as the last record. Whoever may
write the file can make a new chain; against that helps only a head that was noted down elsewhere.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cellctl.stores.codec import Row


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: the sequence number of a record, and the hash up to and with it."""

    seq: int
    sha256: bytes


GENESIS: Final = Link(0, sha256(b"cellctl journal").digest())


def after(previous: bytes, row: Row) -> bytes:
    """The hash of a row that follows another one."""
    seq, at, mono_s, actor, name, payload = row
    canonical = _JSON.encode((seq, at, float(mono_s), actor, name, payload))
    return sha256(previous + canonical.encode()).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along a chain has found: `bad_seq` is the first record that is not as it was written, or None."""

    records: int
    last: Link
    bad_seq: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether every record is as it was written, and none is missing."""
        return self.bad_seq is None


class Walk:
    """Goes along a chain from its anchor, a few rows at a time; at the first bad record it stands still."""

    def __init__(self, anchor: Link) -> None:
        self.last = anchor
        self.records = 0
        self._bad_seq: int | None = None
        self._why = ""

    def take(self, rows: Iterable[tuple[Row, bytes]]) -> bool:
        """The next rows with their hashes. False: one of them is bad, and there is no use in going on."""
        for row, sha256_found in rows:
            if self._bad_seq is not None:
                return False
            self._take(row, sha256_found)
        return self._bad_seq is None

    def end(self, head: Link) -> Verdict:
        """What was found, if the chain must end here."""
        if self._bad_seq is None and self.last != head:
            if self.last.seq < head.seq:
                self._miss(self.last.seq + 1)
            else:
                self._bad_seq, self._why = max(head.seq, 0) + 1, "it was not written by cellctl: it is beyond the head"
        return Verdict(self.records, self.last, self._bad_seq, self._why)

    def _take(self, row: Row, sha256_found: bytes) -> None:
        seq = row[0]
        expected = after(self.last.sha256, row)
        if expected == sha256_found:
            self.last = Link(seq, expected)
            self.records += 1
        elif seq > self.last.seq + 1:
            self._miss(self.last.seq + 1)
        else:
            self._bad_seq, self._why = seq, f"it is not what was written after record {self.last.seq}"

    def _miss(self, seq: int) -> None:
        self._bad_seq, self._why = seq, f"it is missing: what follows record {self.last.seq} does not belong there"


_JSON: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
