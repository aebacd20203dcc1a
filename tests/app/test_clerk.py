"""Orders come in through the order book: claimed before they are accepted, made once whatever the book does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellctl.app.cell import RunningCell
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import Envelope, SubmitOrder, content_hash
from cellctl.domain.events import OrderAccepted
from cellctl.ports.book import BookEvent, BookSilent, Hint, OrderBook, Presence, Put
from cellctl.stores.memory_book import MemoryBook
from tests.app.shop_floor import ShopFloor


def order(command_id: str, order_id: str = "", text: str = "") -> Envelope:
    command = SubmitOrder("plate", {}, order_id=order_id, customer_reference=text)
    return Envelope(command_id, "ada", command, content_hash(command))


class Floor(ShopFloor):
    """A shop floor whose daemons share an order book."""

    def __init__(self, book: OrderBook) -> None:
        super().__init__()
        self.book = book

    def cell(self, folder: Path) -> RunningCell:
        import dataclasses

        cell = super().cell(folder)
        return RunningCell(cell.config, dataclasses.replace(cell.outside, book=self.book))

    def accepted(self) -> list[str]:
        return [event.order.id for event in self.log() if isinstance(event, OrderAccepted)]


def play(scene: Any) -> None:
    run_virtual(scene)


class Mute(MemoryBook):
    """Takes everything, and loses so many of its replies."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost

    async def put_if_absent(self, key: str, value: str) -> Put:
        put = await super().put_if_absent(key, value)
        if self.lost:
            self.lost -= 1
            return Put.UNKNOWN
        return put

    async def presence(self, info: Presence) -> int:
        if self.lost:
            raise BookSilent("no answer")
        return await super().presence(info)


def test_an_order_is_claimed_before_it_is_accepted_and_told_when_it_is(tmp_path: Path) -> None:
    floor = Floor(book := MemoryBook())

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            reply = await cell.desk.submit(order("id-1"))
            assert reply.result["order_id"] == "order-1"
            assert await book.get("claim/order-1") == '{"cell": "test"}'
            assert len(await book.orders([])) <= 1
            await cell.engine.pulse()
            assert await book.orders(["fdm"]) == []

    play(scene())
    assert book.cells["test"].capabilities == ("fdm",)


def test_a_name_that_the_book_knows_is_not_given_twice(tmp_path: Path) -> None:
    floor = Floor(book := MemoryBook())

    async def scene() -> None:
        await book.put_if_absent("order/order-1", "another cell's")
        await book.put_if_absent("order/mine", "another cell's")
        async with floor.daemon(tmp_path) as cell:
            assert (await cell.desk.submit(order("id-1"))).result["order_id"] == "order-2"
            refused = await cell.desk.submit(order("id-2", "mine"))
            assert refused.code == "rejected:id_reused"

    play(scene())
    assert floor.accepted() == ["order-2"]


def test_two_cells_never_make_the_same_order(tmp_path: Path) -> None:
    floor = Floor(book := MemoryBook())

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            assert (await cell.desk.submit(order("id-1", "shared"))).accepted
        await book.put_if_absent("order/other", '{"id": "id-9", "sender": "eve", "command": {"product": "plate", '
                                                '"parameters": {}, "order_id": "other"}}')  # fmt: skip
        await book.put_if_absent("claim/other", '{"cell": "another"}')
        async with floor.daemon(tmp_path) as cell:
            await cell.engine.pulse()

    play(scene())
    assert floor.accepted() == ["shared"]


def test_lost_replies_of_the_book_cost_time_and_nothing_else(tmp_path: Path) -> None:
    floor = Floor(Mute(lost=5))

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            assert (await cell.desk.submit(order("id-1"))).accepted
            assert (await cell.desk.submit(order("id-1"))).duplicate

    play(scene())
    assert floor.accepted() == ["order-1"]


def test_while_the_book_is_silent_nothing_is_accepted_and_the_same_command_is_taken_once_later(tmp_path: Path) -> None:
    floor = Floor(book := Mute(lost=10**6))

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            reply = await cell.desk.submit(order("id-1"))
            assert reply.code == "rejected:busy"
            assert floor.accepted() == []
            book.lost = 0
            assert (await cell.desk.submit(order("id-1"))).accepted
            await asyncio.sleep(60.0)

    play(scene())
    assert floor.accepted() == ["order-1"]


def test_who_leaves_while_the_book_is_asked_finds_the_order_made_once(tmp_path: Path) -> None:
    floor = Floor(book := Mute(lost=20))

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            try:
                async with asyncio.timeout(1.0):
                    await cell.desk.submit(order("id-1"))
            except TimeoutError:
                book.lost = 0
            await asyncio.sleep(30.0)
            assert (await cell.desk.submit(order("id-1"))).duplicate

    play(scene())
    assert floor.accepted() == ["order-1"]


def test_what_was_claimed_and_not_accepted_before_a_crash_is_taken_up_under_its_own_id(tmp_path: Path) -> None:
    claimed = Floor(book := MemoryBook())
    floor = Floor(book)

    async def scene() -> None:
        async with claimed.daemon(tmp_path) as cell:
            assert (await cell.desk.submit(order("id-1"))).accepted
        # The journal of that daemon is gone, the book is not: as if the power had gone between the two.
        book._accepted.clear()
        book._last.clear()
        book._events.clear()
        async with floor.daemon(tmp_path) as cell:
            await cell.engine.pulse()
            await cell.engine.pulse()
            reply = await cell.desk.submit(order("id-1"))
            assert (reply.duplicate, reply.result["order_id"]) == (True, "order-1")

    play(scene())
    assert floor.accepted() == ["order-1"]


def test_a_book_that_was_lost_is_filled_from_the_journal(tmp_path: Path) -> None:
    floor = Floor(MemoryBook())

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(order("id-1"))
        floor.book = MemoryBook()
        async with floor.daemon(tmp_path) as cell:
            await cell.engine.pulse()
            assert await floor.book.get("claim/order-1") == '{"cell": "test"}'
            assert await floor.book.orders(["fdm"]) == []

    play(scene())


class Eager(MemoryBook):
    """Hints at everything, again and again."""

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        self._accepted.clear()
        return [*await super().orders(capabilities)] * 3


def test_duplicate_hints_make_nothing_twice(tmp_path: Path) -> None:
    floor = Floor(Eager())

    async def scene() -> None:
        for life in range(3):
            async with floor.daemon(tmp_path) as cell:
                await cell.desk.submit(order(f"id-{life}"))
                await cell.engine.pulse()

    play(scene())
    assert floor.accepted() == ["order-1", "order-2", "order-3"]


def test_an_event_names_the_record_of_the_journal(tmp_path: Path) -> None:
    events: list[BookEvent] = []

    class Noted(MemoryBook):
        async def append(self, event: BookEvent) -> None:
            events.append(event)
            await super().append(event)

    floor = Floor(Noted())

    async def scene() -> None:
        async with floor.daemon(tmp_path) as cell:
            await cell.desk.submit(order("id-1"))
            await cell.engine.pulse()

    play(scene())
    seqs = [record.seq for record in floor.store.read() if isinstance(record.event, OrderAccepted)]
    assert [event.sequence for event in events] == seqs
