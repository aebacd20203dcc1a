"""The journal as the engine uses it: what was appended last is at hand without asking the disk."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Final

from cellctl.core.cell import Cell, apply
from cellctl.core.history import History
from cellctl.domain.events import Record
from cellctl.ports import Store
from cellctl.stores import snapshots

# Every face asks for what is new after each change; the event loop must not wait for the disk that often.
RECENT: Final = 1000
# Snapshots are taken so many records apart: more is folded at a start, and fewer are written.
EVERY: Final = 2500
EVERY_AT_START: Final = 100_000
# How often a long fold says how far it is: a slow computer folds so many in a few seconds.
TOLD_EVERY: Final = 10_000


class Log:
    """Append to a store, and read from it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: deque[Record] = deque(maxlen=RECENT)
        # Taught by the engine, record by record, together with the cell.
        self.history = History()
        # Told of every record once it is durable.
        self.listener: Callable[[Record], None] = lambda _: None
        # Told while a long log is folded: at which record, and which is the last.
        self.folding: Callable[[int, int], None] = lambda _seq, _last_seq: None
        self.every = EVERY
        self._kept_seq = 0

    def replay(self, cell: Cell) -> Cell:
        """Fold the log into an empty cell, from the last snapshot on, and the history with it. Blocks."""
        schema = snapshots.schema(cell.plan)
        kept = self._store.kept(schema)
        if kept is not None:
            cell, known = snapshots.read(kept.content, cell.plan)
            self.history, self._kept_seq = History(known), kept.seq
        last_seq = self._store.last_seq
        for record in self._store.read(self._kept_seq):
            cell = apply(cell, record.event)
            self.history.learn(record)
            if record.seq % TOLD_EVERY == 0:
                self.folding(record.seq, last_seq)
            if record.seq - self._kept_seq >= EVERY_AT_START:
                # A long fold that somebody breaks off goes on from here next time.
                self.note(cell)
        return cell

    def answers(self, most: int) -> Sequence[tuple[str, str]]:
        """What was answered to commands last, oldest first: the command's id, and the content of the record. Blocks."""
        return self._store.answers(most)

    def note(self, cell: Cell) -> None:
        """The cell as it is now that everything so far is durable: at times it is kept, for the next start."""
        if cell.counts.rev - self._kept_seq >= self.every:
            self._kept_seq = cell.counts.rev
            content = partial(snapshots.write, cell, self.history.known())
            self._store.keep(self._kept_seq, snapshots.schema(cell.plan), content)

    @property
    def full(self) -> bool:
        """The disk has no room for anything new."""
        return self._store.full

    async def append(self, records: Sequence[Record]) -> None:
        """Durable on return. Raises StoreFailed."""
        await self._store.append(records)
        self._recent.extend(records)
        for record in records:
            self.listener(record)

    def read_named(self, name: str, after_seq: int) -> Iterator[Record]:
        """The records of one event after a sequence number."""
        return self._store.read(after_seq, name)

    def read(self, after_seq: int = 0) -> Iterator[Record]:
        """Every durable record after a sequence number, in order."""
        if not self._recent or after_seq < self._recent[0].seq - 1:
            return self._store.read(after_seq)
        newer = list(takewhile(lambda record: record.seq > after_seq, reversed(self._recent)))
        return reversed(newer)
