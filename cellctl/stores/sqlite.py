"""A file of SQLite: how it is opened, checked, written and read, and what its errors mean. Blocking; any thread."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cellctl.domain.errors import DiskFull, StoreFailed
from cellctl.stores.chain import Link, after
from cellctl.stores.codec import Row
from cellctl.stores.formats import APPLICATION_ID, FORMAT, STEPS, create, migrate

_BUSY_S: Final = 0.5
# Beyond this a file is looked at as a whole behind the start, and by `cellctl journal verify`.
LARGE_BYTES: Final = 64 * 1024 * 1024

# FULL: in simulated power cuts, WAL with synchronous=NORMAL lost acknowledged commits in most runs, with FULL in none.
# EXCLUSIVE: one writer, and a second process is refused.
_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)

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


def connect(path: Path) -> sqlite3.Connection:
    """Open a file, or make an empty one, for one writer, so that a commit outlives a power cut. Raises StoreFailed."""
    try:
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    except sqlite3.Error as error:
        raise failed(path, error) from error
    try:
        for pragma in _PRAGMAS:
            db.execute(pragma)
        verdict = "ok" if is_large(path) else db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        db.close()
        raise failed(path, error) from error
    if verdict != "ok":
        db.close()
        raise StoreFailed(f"{path}: {_DAMAGED} ({verdict})")
    return db


def is_large(path: Path) -> bool:
    """Looking at every page of a large file would take the seconds in which the cell has to be there again."""
    return path.exists() and path.stat().st_size > LARGE_BYTES


def open_journal(path: Path) -> sqlite3.Connection:
    """Open a journal, make a new one, or bring an old one to the present format. Raises StoreFailed."""
    db = connect(path)
    try:
        _bring_up(path, db)
        _check_head(path, db)
    except sqlite3.Error as error:
        db.close()
        raise failed(path, error) from error
    except StoreFailed:
        db.close()
        raise
    return db


def _bring_up(path: Path, db: sqlite3.Connection) -> None:
    found, owner = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    new = found == 0 and tables == 0
    if found == FORMAT and owner == APPLICATION_ID:
        return
    if not new and (found not in STEPS or owner not in (0, APPLICATION_ID)):
        what = f"its format is {found}, this cellctl reads {min(STEPS)} to {FORMAT}"
        raise StoreFailed(f"{path}: {what}. Start the version of cellctl that wrote it, or give it another file")
    with _Transaction(db):
        if new:
            create(db)
        else:
            migrate(db, found)


def _check_head(path: Path, db: sqlite3.Connection) -> None:
    """The last record must be the one that the head names; all others are looked at by `cellctl journal verify`."""
    found = db.execute("SELECT seq, sha256 FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    last = Link(*found) if found else place(db, "anchor")
    if last != place(db, "head"):
        what = f"it ends at record {last.seq}, and not as it was left. Somebody else has changed it"
        raise StoreFailed(f"{path}: {what}: cellctl journal verify says where; restore a backup")


class _Transaction:
    """Everything in it is durable when it ends, or nothing is."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            # Some errors have rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


transaction = _Transaction


def place(db: sqlite3.Connection, name: str) -> Link:
    """The `anchor` or the `head` of the chain. Raises sqlite3.Error."""
    return Link(*db.execute("SELECT seq, sha256 FROM chain WHERE place = ?", (name,)).fetchone())


def move(db: sqlite3.Connection, name: str, link: Link) -> None:
    """Put the anchor or the head elsewhere. Raises sqlite3.Error."""
    db.execute("UPDATE chain SET seq = ?, sha256 = ? WHERE place = ?", (link.seq, link.sha256, name))


def insert(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Write rows behind the head, inside a transaction. Raises sqlite3.Error, also for a number that was used."""
    if not rows:
        return
    head = place(db, "head")
    seq, sha256 = head.seq, head.sha256
    chained = []
    for row in rows:
        if row[0] <= seq:
            raise sqlite3.IntegrityError(f"record {row[0]} comes after record {seq}")
        seq, sha256 = row[0], after(sha256, row)
        chained.append((*row, sha256))
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", chained)
    move(db, "head", Link(seq, sha256))


_SELECT: Final = "SELECT seq, at, mono_s, actor, name, payload FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
_SELECT_CHAINED: Final = (
    "SELECT seq, at, mono_s, actor, name, payload, sha256 FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
)
_SELECT_NAMED: Final = (
    "SELECT seq, at, mono_s, actor, name, payload FROM records WHERE seq > ? AND name = ? ORDER BY seq LIMIT ?"
)
# The name in so many words, for the index to be used; and nothing that is not in it.
_SELECT_ANSWERS: Final = (
    "SELECT json_extract(payload, '$.command_id'), payload FROM records INDEXED BY answers "
    "WHERE name = 'command.answered' ORDER BY seq DESC LIMIT ?"
)


def select(db: sqlite3.Connection, after_seq: int, limit: int, name: str = "") -> list[Row]:
    """The next rows after a sequence number, in order, of one event if it is named. Raises sqlite3.Error."""
    if name:
        return db.execute(_SELECT_NAMED, (after_seq, name, limit)).fetchall()
    return db.execute(_SELECT, (after_seq, limit)).fetchall()


def select_answers(db: sqlite3.Connection, limit: int) -> list[tuple[str, str]]:
    """The last answers, newest first: to which command, and their content. Raises sqlite3.Error."""
    return db.execute(_SELECT_ANSWERS, (limit,)).fetchall()


def select_chained(db: sqlite3.Connection, after_seq: int, limit: int) -> list[tuple[Row, bytes]]:
    """The next rows, each with its hash. Raises sqlite3.Error."""
    return [(row[:6], row[6]) for row in db.execute(_SELECT_CHAINED, (after_seq, limit))]


def failed(path: Path, error: sqlite3.Error) -> StoreFailed:
    """The same error with the file's name and what to do."""
    # The low byte is the kind of error, the rest says more about it.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    meaning = _MEANINGS.get(code, "it cannot be used. This is a defect of cellctl: report it")
    kind = DiskFull if code == sqlite3.SQLITE_FULL else StoreFailed
    return kind(f"{path}: {meaning} ({error})")
