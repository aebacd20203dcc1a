"""A journal in memory for virtual time. It writes and reads through the same codec as the real one."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import CommandAnswered, Record
from cellctl.ports import Clock, Snapshot
from cellctl.stores.codec import Row, decode, decode_answer, encode


class MemoryStore:
    """ports.Store without a disk. What is appended is durable one turn of the loop later.

    `sink` is told of every record when it is durable. `crash` loses what is not durable yet, as a power cut does;
    the same store then serves the next daemon after `start`.
    """

    def __init__(self, clock: Clock, sink: Callable[[Record], None] | None = None) -> None:
        self._clock = clock
        self._sink = sink
        self._rows: list[Row] = []
        self._decoded: list[Record] = []
        self._lives = 0
        self._alive = True
        self._snapshots: dict[str, tuple[int, Callable[[], str]]] = {}

    def start(self) -> None:
        """Serve again after a crash; what was durable is still there."""
        self._alive = True

    def crash(self) -> None:
        """Lose what is on its way; whoever waits for it, or appends before the next `start`, gets StoreFailed."""
        self._alive = False
        self._lives += 1

    async def append(self, records: Sequence[Record]) -> None:
        """Keep all of these or none. Raises StoreFailed."""
        rows = [encode(record) for record in records]
        if not self._alive:
            raise _crashed()
        life = self._lives
        await asyncio.sleep(0)
        if life != self._lives:
            raise _crashed()
        if rows and self._rows and rows[0][0] <= self._rows[-1][0]:
            raise StoreFailed(f"record {rows[0][0]} was written before. This is a defect of cellctl: report it")
        self._rows += rows
        if self._sink:
            for record in records:
                self._sink(record)

    def read(self, after_seq: int = 0, name: str = "") -> Iterator[Record]:
        """Every durable record after a sequence number, in order; only those of one event where it is named."""
        first = bisect_right(self._rows, after_seq, key=_seq)
        for index in range(first, len(self._rows)):
            # Each row is decoded once only: a run with many restarts reads its journal many times.
            self._decoded += map(decode, self._rows[len(self._decoded) : index + 1])
            if name in ("", self._rows[index][4]):
                yield self._decoded[index]

    def keep(self, seq: int, schema: str, content: Callable[[], str]) -> None:
        """Keep the newest snapshot of a schema; it is made when somebody wants it."""
        self._snapshots[schema] = (seq, content)

    def kept(self, schema: str) -> Snapshot | None:
        """The newest snapshot of this schema."""
        seq, content = self._snapshots.get(schema, (0, str))
        text = content()
        self._snapshots[schema] = (seq, lambda: text)
        return Snapshot(seq, schema, text) if text else None

    def answers(self, most: int) -> Sequence[tuple[str, str]]:
        """The last so many answers, oldest first: to which command, and the content of the record."""
        found = [payload for *_, name, payload in self._rows if name == CommandAnswered.NAME][-most:]
        return [(decode_answer(content).command_id, content) for content in found]

    @property
    def last_seq(self) -> int:
        """The number of the last durable record; 0 if there is none."""
        return self._rows[-1][0] if self._rows else 0

    @property
    def full(self) -> bool:
        """False: memory does not fill up."""
        return False

    @property
    def last_progress_s(self) -> float:
        """Now: memory does not get stuck."""
        return self._clock.now_s()


def _seq(row: Row) -> int:
    return row[0]


def _crashed() -> StoreFailed:
    return StoreFailed("the simulated computer has crashed; nothing more can be written")
