"""The order book in one SQLite file, for a cell that works alone."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from cellctl.domain.errors import StoreFailed
from cellctl.ports import Clock
from cellctl.ports.book import ACCEPTED, BookEvent, BookSilent, Hint, Presence, Put
from cellctl.stores.sqlite import connect, failed, transaction
from cellctl.stores.writer import Writer

FORMAT: Final = 1
# "book".
APPLICATION_ID: Final = 0x626F6F6B

Answer = TypeVar("Answer")

_TABLES: Final = (
    "CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE events (
        cell TEXT NOT NULL, sequence INTEGER NOT NULL, order_id TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (cell, sequence)
    ) STRICT""",
    "CREATE INDEX events_of ON events (order_id, name)",
    "CREATE TABLE cells (cell TEXT PRIMARY KEY, version TEXT NOT NULL, capabilities TEXT NOT NULL) STRICT",
    f"PRAGMA user_version = {FORMAT}",
    f"PRAGMA application_id = {APPLICATION_ID}",
)
_OPEN: Final = """
SELECT substr(key, 7), value FROM entries WHERE key >= 'order/' AND key < 'order0'
AND NOT EXISTS (SELECT 1 FROM events WHERE events.order_id = substr(key, 7) AND events.name = ?) ORDER BY rowid
"""


class SqliteBook:
    """ports.book.OrderBook in a file. It is open between `start` and `stop`, or inside a `with`; both block."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.writer = Writer(path, clock, _open)

    def start(self) -> None:
        """Open and check the file. Raises StoreFailed."""
        self.writer.start()

    def stop(self) -> None:
        """Write what was handed over, and close. May be called twice."""
        self.writer.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def put_if_absent(self, key: str, value: str) -> Put:
        """Durable on return; UNKNOWN where the disk does not say whether it is."""
        try:
            return await self.writer.change(partial(_put, key=key, value=value))
        except StoreFailed:
            return Put.UNKNOWN

    async def get(self, key: str) -> str | None:
        """The value of a key, of which all that was won is durable."""
        return await self._asked(partial(_get, key=key))

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        """In the order in which they came."""
        able = set(capabilities)
        hints = await self._asked(lambda db: [Hint(*row) for row in db.execute(_OPEN, (ACCEPTED,))])
        return [hint for hint in hints if able.issuperset(needs(hint.record))]

    async def append(self, event: BookEvent) -> None:
        """Durable on return."""
        await self._changed(partial(_append, event=event))

    async def presence(self, info: Presence) -> int:
        """Durable on return."""
        return await self._changed(partial(_presence, info=info))

    async def _asked(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            return await self.writer.asked(question)
        except StoreFailed as error:
            raise BookSilent(str(error)) from error

    async def _changed(self, do: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            return await self.writer.change(do)
        except StoreFailed as error:
            raise BookSilent(str(error)) from error


def needs(record: str) -> list[str]:
    """The capabilities that an order's record asks for; none where it does not say so."""
    try:
        found = json.loads(record)
    except ValueError:
        return []
    wanted = found.get("needs", []) if isinstance(found, dict) else []
    return [str(each) for each in wanted] if isinstance(wanted, list) else []


def _open(path: Path) -> sqlite3.Connection:
    db = connect(path)
    try:
        _check_format(path, db)
    except sqlite3.Error as error:
        db.close()
        raise failed(path, error) from error
    except StoreFailed:
        db.close()
        raise
    return db


def _check_format(path: Path, db: sqlite3.Connection) -> None:
    found, owner = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
    if (found, owner) == (0, 0):
        with transaction(db):
            for statement in _TABLES:
                db.execute(statement)
    elif (found, owner) != (FORMAT, APPLICATION_ID):
        what = f"its format is {found}, this cellctl reads {FORMAT}"
        raise StoreFailed(f"{path}: {what}. Start the version of cellctl that wrote it, or give it another file")


def _put(db: sqlite3.Connection, key: str, value: str) -> Put:
    db.execute("INSERT INTO entries VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))
    return Put.WON if _get(db, key) == value else Put.LOST


def _get(db: sqlite3.Connection, key: str) -> str | None:
    found = db.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
    return found[0] if found else None


def _append(db: sqlite3.Connection, event: BookEvent) -> None:
    row = (event.cell, event.sequence, event.order_id, event.name)
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)


def _presence(db: sqlite3.Connection, info: Presence) -> int:
    row = (info.cell, info.version, json.dumps(info.capabilities))
    db.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", row)
    (last,) = db.execute("SELECT coalesce(max(sequence), 0) FROM events WHERE cell = ?", (info.cell,)).fetchone()
    return int(last)
