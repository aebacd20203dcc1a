"""The journal file's formats: the present one, and the way to it from each earlier one, step by step."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from cellctl.stores.chain import GENESIS, after

FORMAT: Final = 3
# The first whose records have their hashes.
CHAINED: Final = 2
# "cell": what `file` and other tools know the file by. Format 1 had none.
APPLICATION_ID: Final = 0x63656C6C

_RECORDS: Final = """
CREATE TABLE records (
    seq     INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    mono_s  REAL NOT NULL,
    actor   TEXT NOT NULL,
    name    TEXT NOT NULL,
    payload TEXT NOT NULL,
    sha256  BLOB NOT NULL
) STRICT
"""
# `anchor` is the place in the chain before the first record of this file, `head` its last.
_CHAIN: Final = "CREATE TABLE chain (place TEXT PRIMARY KEY, seq INTEGER NOT NULL, sha256 BLOB NOT NULL) STRICT"
# Answers are read at every start, among a hundred times as many other records: with their content, so that they lie
# side by side on the disk.
_ANSWERS: Final = "CREATE INDEX answers ON records (seq, name, payload) WHERE name = 'command.answered'"
_SNAPSHOTS: Final = """
CREATE TABLE snapshots (
    seq     INTEGER PRIMARY KEY,
    schema  TEXT NOT NULL,
    sha256  BLOB NOT NULL,
    content TEXT NOT NULL
) STRICT
"""
_ROWS_AT_ONCE: Final = 1000


def create(db: sqlite3.Connection) -> None:
    """Make the tables of the present format, inside a transaction. Raises sqlite3.Error."""
    for statement in (_RECORDS, _CHAIN, _ANSWERS, _SNAPSHOTS):
        db.execute(statement)
    chained = [(place, GENESIS.seq, GENESIS.sha256) for place in ("anchor", "head")]
    db.executemany("INSERT INTO chain VALUES (?, ?, ?)", chained)
    _mark(db, FORMAT)


def migrate(db: sqlite3.Connection, found: int) -> None:
    """Bring the tables to the present format, inside a transaction. Raises KeyError for a format nobody knows."""
    for step in range(found, FORMAT):
        STEPS[step](db)
        _mark(db, step + 1)


def _mark(db: sqlite3.Connection, number: int) -> None:
    db.execute(f"PRAGMA user_version = {number}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _chain(db: sqlite3.Connection) -> None:
    """1 to 2: every record gets its hash."""
    db.execute("ALTER TABLE records RENAME TO unchained")
    create(db)
    sha256, seq = GENESIS.sha256, GENESIS.seq
    some = "SELECT seq, at, mono_s, actor, name, payload FROM unchained WHERE seq > ? ORDER BY seq LIMIT ?"
    while rows := db.execute(some, (seq, _ROWS_AT_ONCE)).fetchall():
        chained = []
        for row in rows:
            sha256 = after(sha256, row)
            chained.append((*row, sha256))
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", chained)
        seq = rows[-1][0]
    db.execute("UPDATE chain SET seq = ?, sha256 = ? WHERE place = 'head'", (seq, sha256))
    db.execute("DROP TABLE unchained")


def _cover(db: sqlite3.Connection) -> None:
    """2 to 3: the index of the answers holds them too. What comes from format 1 has it already."""
    db.execute("DROP INDEX answers")
    db.execute(_ANSWERS)


STEPS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {1: _chain, 2: _cover}
