"""The order book: who makes which order, where several cells may want the same one. One cell today, many tomorrow.

An order is an immutable record under `order/<id>`; the cell that makes it is under `claim/<id>`, for ever: no lease,
time-out or reaper hands a claimed order to somebody else. What becomes of it is in events, and stored nowhere twice.
The cell's own journal stays the only thing that decides what a machine does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from cellctl.domain.errors import CellError

# The names of events; a hint of an order ends with ACCEPTED.
ACCEPTED: Final = "accepted"
RETIRED: Final = "retired"


class Put(Enum):
    """How `put_if_absent` ended. UNKNOWN: it may have happened or not; ask again, and start nothing meanwhile."""

    WON = "won"
    LOST = "lost"
    UNKNOWN = "unknown"


class BookSilent(CellError):
    """The order book does not answer; nothing is known of what was asked."""


@dataclass(frozen=True, slots=True)
class BookEvent:
    """What became of an order in a cell. `sequence` is that of the cell's journal, and names it there for ever."""

    cell: str
    sequence: int
    order_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Hint:
    """An order that may still be there to be made: its name and its record. Only a claim says more."""

    order_id: str
    record: str


@dataclass(frozen=True, slots=True)
class Presence:
    """A cell that works with this book, and what it can do."""

    cell: str
    version: str
    capabilities: tuple[str, ...] = ()


class OrderBook(Protocol):
    """Five methods that an engine with one hard primitive can serve: insert if absent."""

    async def put_if_absent(self, key: str, value: str) -> Put:
        """WON: the key holds this value, now or from before, and never another one. LOST: it holds another value."""
        ...

    async def get(self, key: str) -> str | None:
        """The value of a key, linearizable: never older than any answer given before. Raises BookSilent."""
        ...

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        """Orders that nobody has accepted and that need no more than this; at least once, so perhaps too many.

        A record says what it needs in `needs`, a list in its JSON. Raises BookSilent.
        """
        ...

    async def append(self, event: BookEvent) -> None:
        """Keep an event; the same (cell, sequence) again has no effect. Raises BookSilent."""
        ...

    async def presence(self, info: Presence) -> int:
        """Say who is here. Answers with the highest sequence that the book has of this cell. Raises BookSilent."""
        ...
