"""The journal's file: how it is opened, checked, written and read, and what its errors mean. Blocking; any thread."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl.stores.codec import Row

FORMAT: Final = 1
_BUSY_S: Final = 0.5

# FULL: in simulated power cuts, WAL with synchronous=NORMAL lost acknowledged commits in most runs, with FULL in none.
# EXCLUSIVE: one writer, and a second process is refused.
_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE records (
    seq     INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    mono_s  REAL NOT NULL,
    actor   TEXT NOT NULL,
    name    TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
PRAGMA user_version = 1;
COMMIT;
"""

_DAMAGED: Final = "it is damaged. Keep it and its -wal file for study, and restore a backup"
_MEANINGS: Final = {
    sqlite3.SQLITE_BUSY: "another process has it open. Stop that one: a cell has one controller",
    sqlite3.SQLITE_LOCKED: "another process has it open. Stop that one: a cell has one controller",
    sqlite3.SQLITE_FULL: "the disk is full. Free some space",
    sqlite3.SQLITE_IOERR: "the disk reports an error. Look at the system's log before you go on",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Its folder must exist and belong to the user who runs cellctl",
    sqlite3.SQLITE_READONLY: "it may not be written. It must belong to the user who runs cellctl",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


def open_journal(path: Path) -> sqlite3.Connection:
    """Open the file, or make a new one, and check it. Raises StoreFailed."""
    try:
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    except sqlite3.Error as error:
        raise failed(path, error) from error
    try:
        for pragma in _PRAGMAS:
            db.execute(pragma)
        _check(path, db)
    except sqlite3.Error as error:
        db.close()
        raise failed(path, error) from error
    except StoreFailed:
        db.close()
        raise
    return db


def _check(path: Path, db: sqlite3.Connection) -> None:
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreFailed(f"{path}: {_DAMAGED} ({verdict})")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == 0 and tables == 0:
        db.executescript(_SCHEMA)
    elif version != FORMAT:
        what = f"its format is {version}, this cellctl reads {FORMAT}"
        raise StoreFailed(f"{path}: {what}. Start the version of cellctl that wrote it, or give it another file")


def insert(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Write all of these rows durably, or none. Raises sqlite3.Error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")
    except sqlite3.Error:
        # Some errors have rolled back already.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def select(db: sqlite3.Connection, after_seq: int, limit: int) -> list[Row]:
    """The next rows after a sequence number, in order. Raises sqlite3.Error."""
    return db.execute("SELECT * FROM records WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit)).fetchall()


def failed(path: Path, error: sqlite3.Error) -> StoreFailed:
    """The same error with the file's name and what to do."""
    # The low byte is the kind of error, the rest says more about it.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    meaning = _MEANINGS.get(code, "it cannot be used. This is a defect of cellctl: report it")
    return StoreFailed(f"{path}: {meaning} ({error})")
