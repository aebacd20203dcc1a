"""Records that are old and closed, moved out of the journal into sealed files of the same format.

A sealed file is never written again. Its chain ends where the journal's, or the next file's, begins.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl.stores.chain import Link
from cellctl.stores.formats import create
from cellctl.stores.sqlite import failed, move, place, select_answers, select_chained, transaction

_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file: it holds the records after `anchor` up to `head`."""

    path: Path
    anchor: Link
    head: Link

    def open(self) -> sqlite3.Connection:
        """For reading only. Raises sqlite3.Error."""
        return sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def sealed_in(folder: Path) -> list[Sealed]:
    """The sealed files of a folder, in order. Raises StoreFailed for one that cannot be read."""
    found = []
    for path in sorted(folder.glob("journal-*.sqlite")):
        unknown = Sealed(path, Link(0, b""), Link(0, b""))
        try:
            with closing(unknown.open()) as db:
                found.append(Sealed(path, place(db, "anchor"), place(db, "head")))
        except sqlite3.Error as error:
            raise failed(path, error) from error
    return sorted(found, key=lambda each: each.anchor.seq)


def boundary(db: sqlite3.Connection, before_at: str, most_seq: int) -> int:
    """The last record that may go: all up to it are older than an instant, none is beyond `most_seq`."""
    (kept,) = db.execute("SELECT min(seq) FROM records WHERE at >= ?", (before_at,)).fetchone()
    last = place(db, "head").seq if kept is None else kept - 1
    return min(last, most_seq)


def seal(db: sqlite3.Connection, folder: Path, last_seq: int, breathe: Callable[[], None]) -> Sealed:
    """Copy the records up to one into a new sealed file; `breathe` is called in between. Raises StoreFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "draft.sqlite"
    draft.unlink(missing_ok=True)
    anchor = place(db, "anchor")
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as target:
            # Nobody reads a draft: it needs no journal of its own, and is made durable once, at its end.
            target.execute("PRAGMA journal_mode = OFF")
            with transaction(target):
                create(target)
                move(target, "anchor", anchor)
                move(target, "head", _copy(db, target, anchor, last_seq, breathe))
            head = place(target, "head")
        name = folder / f"journal-{anchor.seq + 1:012d}-{head.seq:012d}.sqlite"
        _make_durable(draft, name)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        raise StoreFailed(f"{folder}: old records cannot be archived ({error}). Look at the disk") from error
    return Sealed(name, anchor, head)


def _copy(
    db: sqlite3.Connection, target: sqlite3.Connection, anchor: Link, last_seq: int, breathe: Callable[[], None]
) -> Link:
    last = anchor
    while rows := [each for each in select_chained(db, last.seq, _ROWS_AT_ONCE) if each[0][0] <= last_seq]:
        chained = [(*row, sha256) for row, sha256 in rows]
        target.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", chained)
        last = Link(rows[-1][0][0], rows[-1][1])
        breathe()
    return last


def _make_durable(draft: Path, name: Path) -> None:
    file = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
    draft.chmod(0o440)
    draft.replace(name)
    folder = os.open(name.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def let_go(db: sqlite3.Connection, sealed: Sealed, breathe: Callable[[], None]) -> None:
    """Take out of the journal what a sealed file holds, some at a time; the anchor goes along. Raises sqlite3.Error."""
    while rows := [each for each in select_chained(db, 0, _ROWS_AT_ONCE) if each[0][0] <= sealed.head.seq]:
        last = Link(rows[-1][0][0], rows[-1][1])
        with transaction(db):
            db.execute("DELETE FROM records WHERE seq <= ?", (last.seq,))
            move(db, "anchor", last)
        breathe()


def read(sealed: Sealed, after_seq: int) -> Iterator[tuple[tuple[int, str, float, str, str, str], bytes]]:
    """Its records after a sequence number, each with its hash. Raises StoreFailed."""
    try:
        with closing(sealed.open()) as db:
            while rows := select_chained(db, after_seq, _ROWS_AT_ONCE):
                yield from rows
                after_seq = rows[-1][0][0]
    except sqlite3.Error as error:
        raise failed(sealed.path, error) from error


def read_answers(sealed: Sealed, most: int) -> list[tuple[str, str]]:
    """Its last answers, newest first: to which command, and their content. Raises StoreFailed."""
    try:
        with closing(sealed.open()) as db:
            return select_answers(db, most)
    except sqlite3.Error as error:
        raise failed(sealed.path, error) from error
