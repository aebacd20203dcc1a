"""An order book in memory, for virtual time."""

from collections.abc import Sequence

from cellctl.ports.book import ACCEPTED, BookEvent, Hint, Presence, Put
from cellctl.stores.book import needs


class MemoryBook:
    """ports.book.OrderBook without a disk."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}
        self._events: dict[tuple[str, int], BookEvent] = {}
        self._accepted: set[str] = set()
        self._last: dict[str, int] = {}
        self.cells: dict[str, Presence] = {}

    async def put_if_absent(self, key: str, value: str) -> Put:
        """At once."""
        return Put.WON if self._entries.setdefault(key, value) == value else Put.LOST

    async def get(self, key: str) -> str | None:
        """The value of a key."""
        return self._entries.get(key)

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        """In the order in which they came."""
        named = (
            (key.removeprefix("order/"), value) for key, value in self._entries.items() if key.startswith("order/")
        )
        able = set(capabilities)
        return [Hint(*each) for each in named if each[0] not in self._accepted and able.issuperset(needs(each[1]))]

    async def append(self, event: BookEvent) -> None:
        """At once."""
        if self._events.setdefault((event.cell, event.sequence), event) is not event:
            return
        self._last[event.cell] = max(event.sequence, self._last.get(event.cell, 0))
        if event.name == ACCEPTED:
            self._accepted.add(event.order_id)

    async def presence(self, info: Presence) -> int:
        """At once."""
        self.cells[info.cell] = info
        return self._last.get(info.cell, 0)
