"""The order book's contract, kept by each implementation and by none of the wrong ones."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cellctl.app.clock import RealClock
from cellctl.domain.errors import StoreFailed
from cellctl.ports.book import ACCEPTED, BookEvent, BookSilent, OrderBook, Presence, Put
from cellctl.stores.book import SqliteBook
from cellctl.stores.formats import FORMAT
from cellctl.stores.journal import Journal
from cellctl.stores.memory_book import MemoryBook
from tests.stores.book_contract import RECORD, RULES, WRONG, RuleBroken, Troubled

Rule = Callable[[OrderBook], Awaitable[None]]
SEEDS = 25


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_book_in_memory_keeps_the_rule(rule: Rule) -> None:
    asyncio.run(rule(MemoryBook()))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_book_on_disk_keeps_the_rule(rule: Rule, tmp_path: Path) -> None:
    with SqliteBook(tmp_path / "orders.sqlite", RealClock()) as book:
        asyncio.run(rule(book))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_book_behind_a_bad_line_keeps_the_rule(rule: Rule) -> None:
    for seed in range(SEEDS):
        asyncio.run(rule(Troubled(seed)))


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_book_is_found_out(kind: str) -> None:
    broken = []
    for rule in RULES:
        for seed in range(SEEDS):
            try:
                asyncio.run(rule(WRONG[kind](seed)))
            except RuleBroken as found:
                broken.append(str(found))
                break
    assert broken


def test_the_book_on_disk_has_everything_after_a_restart(tmp_path: Path) -> None:
    async def fill(book: SqliteBook) -> None:
        assert await book.put_if_absent("order/a", RECORD) is Put.WON
        assert await book.put_if_absent("claim/a", "cell-1") is Put.WON
        await book.append(BookEvent("cell-1", 7, "a", ACCEPTED))

    async def look(book: SqliteBook) -> None:
        assert await book.put_if_absent("claim/a", "cell-2") is Put.LOST
        assert await book.orders(["fdm"]) == []
        assert await book.presence(Presence("cell-1", "2")) == 7

    for scene in (fill, look):
        with SqliteBook(tmp_path / "orders.sqlite", RealClock()) as book:
            asyncio.run(scene(book))


def test_a_book_that_is_not_open_knows_nothing_and_says_so(tmp_path: Path) -> None:
    book = SqliteBook(tmp_path / "orders.sqlite", RealClock())
    assert asyncio.run(book.put_if_absent("claim/a", "cell-1")) is Put.UNKNOWN
    with pytest.raises(BookSilent, match="it is not open"):
        asyncio.run(book.get("claim/a"))


def test_another_file_is_no_book(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite", RealClock()):
        pass
    with pytest.raises(StoreFailed, match=rf"journal\.sqlite: its format is {FORMAT}, this cellctl reads 1"):
        SqliteBook(tmp_path / "journal.sqlite", RealClock()).start()
