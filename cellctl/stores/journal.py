"""The journal: every event of the cell in one SQLite file, durable before anybody acts on it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import Record
from cellctl.ports import Clock, Snapshot
from cellctl.stores.archive import Sealed, boundary, let_go, read_answers, seal, sealed_in
from cellctl.stores.archive import read as read_sealed
from cellctl.stores.chain import Verdict
from cellctl.stores.codec import decode, encode
from cellctl.stores.inspection import Inspection
from cellctl.stores.room import Room
from cellctl.stores.sqlite import insert, is_large, open_journal, place, select, select_answers, transaction
from cellctl.stores.writer import Writer

ROWS_AT_ONCE: Final = 1000
_SNAPSHOTS_KEPT: Final = 2
_DELETE_OLDER: Final = "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)"


class Journal:
    """ports.Store in a file. It is open between `start` and `stop`, or inside a `with`; both block."""

    def __init__(self, path: Path, clock: Clock, room: Room | None = None) -> None:
        self.writer = Writer(path, clock, open_journal, room)
        self._room = room
        self._archive = path.parent / "archive"
        # Whether it was too large for a look at all of it when it was opened: see `look_through`.
        self.unseen = False

    def start(self) -> None:
        """Open and check the file. Raises StoreFailed, also when another process has it open."""
        self.unseen = is_large(self.writer.path)
        self.writer.start()

    def stop(self) -> None:
        """Write what was handed over, and close. May be called twice."""
        self.writer.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def append(self, records: Sequence[Record]) -> None:
        """Write all of these or none; durable on return. Raises StoreFailed, DiskFull.

        Who is cancelled here cannot know whether they were written.
        """
        await self.writer.change(partial(insert, rows=[encode(record) for record in records]))

    def read(self, after_seq: int = 0, name: str = "") -> Iterator[Record]:
        """Every durable record after a sequence number, in order. Blocks, a thousand records at a time.

        All of them: where records are in a file of the archive that is not there, it raises StoreFailed. Those of one
        event come from as far back as there are files.
        """
        anchor = self.writer.ask(lambda db: place(db, "anchor"))
        for sealed in sealed_in(self._archive) if after_seq < anchor.seq else []:
            if after_seq < sealed.anchor.seq and not name:
                break
            for row, _ in read_sealed(sealed, after_seq):
                after_seq = row[0]
                if name in ("", row[4]):
                    yield decode(row)
        if after_seq < anchor.seq and not name:
            what = f"records {after_seq + 1} to {anchor.seq} were archived, and their files are not in {self._archive}"
            raise StoreFailed(f"{self.writer.path}: {what}. Bring them back there")
        while rows := self.writer.ask(partial(select, after_seq=after_seq, limit=ROWS_AT_ONCE, name=name)):
            yield from map(decode, rows)
            after_seq = rows[-1][0]

    def answers(self, most: int) -> Sequence[tuple[str, str]]:
        """The last so many answers, oldest first: to which command, and the content of the record. Blocks.

        From as far back as there are files of the archive.
        """
        newest_first = self.writer.ask(partial(select_answers, limit=most))
        archived = reversed(sealed_in(self._archive))
        while len(newest_first) < most and (sealed := next(archived, None)):
            newest_first += read_answers(sealed, most - len(newest_first))
        return newest_first[::-1]

    async def verify(self) -> Verdict:
        """Whether every record is as it was written: looked at in pieces, between two commits. Raises StoreFailed."""
        return await self._walked(Inspection(sealed_in(self._archive)), 0.0)

    async def look_through(self, rest_s: float) -> Verdict:
        """The same for what is in this file, with a rest after each piece, so that nobody waits for it."""
        return await self._walked(Inspection([]), rest_s)

    async def _walked(self, looking: Inspection, rest_s: float) -> Verdict:
        while (verdict := await self.writer.asked(looking.look)) is None:
            await asyncio.sleep(rest_s)
        return verdict

    async def archive(self, before_at: str, most_seq: int) -> Sealed | None:
        """Move what is older than an instant, and not beyond a record, into a sealed file; None: there is nothing.

        In the writer's thread, which goes on committing meanwhile. Raises StoreFailed.
        """
        return await self.writer.asked(partial(self._archive_in_thread, before_at=before_at, most_seq=most_seq))

    def _archive_in_thread(self, db: sqlite3.Connection, before_at: str, most_seq: int) -> Sealed | None:
        breathe = partial(self.writer.serve_waiting, db)
        anchor_seq = place(db, "anchor").seq
        for left in (each for each in sealed_in(self._archive) if each.anchor.seq <= anchor_seq < each.head.seq):
            # A crash came between sealing and letting go.
            let_go(db, left, breathe)
        last_seq = boundary(db, before_at, most_seq)
        if last_seq <= place(db, "anchor").seq:
            return None
        sealed = seal(db, self._archive, last_seq, breathe)
        let_go(db, sealed, breathe)
        return sealed

    @property
    def last_seq(self) -> int:
        """The number of the last durable record; 0 if there is none. Blocks."""
        return self.writer.ask(lambda db: place(db, "head")).seq

    @property
    def full(self) -> bool:
        """The disk has no room but the ballast."""
        return self._room is not None and self._room.full

    def keep(self, seq: int, schema: str, content: Callable[[], str]) -> None:
        """Keep a snapshot; it is made and written in the writer's thread."""
        self.writer.later(partial(_keep, seq=seq, schema=schema, content=content))

    def kept(self, schema: str) -> Snapshot | None:
        """The newest snapshot for this schema that is as it was written, and belongs to this log."""
        return self.writer.ask(partial(_kept, schema=schema))

    @property
    def last_progress_s(self) -> float:
        """When the writer last finished something, or found nothing to do (it looks once a real second)."""
        return self.writer.last_progress_s


def _keep(db: sqlite3.Connection, seq: int, schema: str, content: Callable[[], str]) -> None:
    text = content()
    seal = _seal(db, seq, schema, text)
    if not text or seal is None:
        return
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", (seq, schema, seal, text))
        db.execute(_DELETE_OLDER, (_SNAPSHOTS_KEPT,))


def _kept(db: sqlite3.Connection, schema: str) -> Snapshot | None:
    found = "SELECT seq, sha256, content FROM snapshots WHERE schema = ? ORDER BY seq DESC"
    for seq, sealed, content in db.execute(found, (schema,)):
        if sealed == _seal(db, seq, schema, content):
            return Snapshot(seq, schema, content)
    return None


def _seal(db: sqlite3.Connection, seq: int, schema: str, content: str) -> bytes | None:
    """The hash that ties a snapshot to the log up to its record; None where there is no such record."""
    anchor = place(db, "anchor")
    known = anchor.sha256 if seq == anchor.seq else None
    if found := db.execute("SELECT sha256 FROM records WHERE seq = ?", (seq,)).fetchone():
        known = found[0]
    return known and sha256(known + f"{seq}/{schema}/{content}".encode()).digest()
