"""The journal as the engine uses it: what was appended last is at hand without asking the disk."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from cellctl.core.history import History
from cellctl.domain.events import Record
from cellctl.ports import Store

# Every face asks for what is new after each change; the event loop must not wait for the disk that often.
RECENT: Final = 1000


class Log:
    """Append to a store, and read from it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: deque[Record] = deque(maxlen=RECENT)
        # Taught by the engine, record by record, together with the cell.
        self.history = History()

    async def append(self, records: Sequence[Record]) -> None:
        """Durable on return. Raises StoreFailed."""
        await self._store.append(records)
        self._recent.extend(records)

    def read(self, after_seq: int = 0) -> Iterator[Record]:
        """Every durable record after a sequence number, in order."""
        if not self._recent or after_seq < self._recent[0].seq - 1:
            return self._store.read(after_seq)
        newer = list(takewhile(lambda record: record.seq > after_seq, reversed(self._recent)))
        return reversed(newer)
