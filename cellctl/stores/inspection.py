"""Looks at every record of a journal and of its archive, a thousand at a time: is each as it was written?"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl.stores.archive import Sealed, read, sealed_in
from cellctl.stores.chain import Verdict, Walk
from cellctl.stores.codec import Row
from cellctl.stores.formats import CHAINED, FORMAT
from cellctl.stores.sqlite import connect, failed, place, select_chained

_ROWS_AT_ONCE: Final = 1000


class Inspection:
    """One walk from the oldest record that is there to the newest."""

    def __init__(self, archive: Sequence[Sealed]) -> None:
        self._archive = list(archive)
        self._sealed: Iterator[tuple[Row, bytes]] = iter(())
        self._walk: Walk | None = None

    def look(self, db: sqlite3.Connection) -> Verdict | None:
        """Go on with the next piece; the verdict once the end is reached. Raises sqlite3.Error, StoreFailed."""
        if self._walk is None:
            self._walk = Walk(self._archive[0].anchor if self._archive else place(db, "anchor"))
        rows = list(islice(self._sealed, _ROWS_AT_ONCE))
        if not rows and self._archive:
            self._sealed = self._of(self._archive.pop(0), place(db, "anchor").seq)
            return None
        rows = rows or select_chained(db, self._walk.last.seq, _ROWS_AT_ONCE)
        if self._walk.take(rows) and rows:
            return None
        self._sealed = iter(())  # Closed in the thread that opened it.
        return self._walk.end(place(db, "head"))

    def _of(self, sealed: Sealed, anchor_seq: int) -> Iterator[tuple[Row, bytes]]:
        """Its records. What a crash left in both is looked at in the journal."""
        after_seq = self._walk.last.seq if self._walk else 0
        return (each for each in read(sealed, after_seq) if each[0][0] <= anchor_seq)


def inspect(path: Path) -> Verdict:
    """A journal that no daemon has open, or a copy of one. Raises StoreFailed."""
    if not path.exists():
        raise StoreFailed(f"{path}: there is no such journal")
    try:
        with closing(connect(path)) as db:
            (pages,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if pages != "ok":
                raise StoreFailed(f"{path}: it is damaged ({pages}). Keep it for study, and restore a backup")
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if not CHAINED <= found <= FORMAT:
                raise StoreFailed(f"{path}: its format is {found}, which has no chain: start cellctl with it once")
            looking = Inspection(sealed_in(path.parent / "archive"))
            verdict = None
            while verdict is None:
                verdict = looking.look(db)
    except sqlite3.Error as error:
        raise failed(path, error) from error
    return verdict
