"""What any order book must keep to: each check is a rule, and gets a fresh book.

A book that is hard to reach may answer UNKNOWN or be silent, and must be
asked again. Wrong books, and hard ways to reach a right one, are below.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from random import Random  # noqa: TID251 - seeded
from typing import Any

from cellctl.ports.book import ACCEPTED, BookEvent, BookSilent, Hint, OrderBook, Presence, Put
from cellctl.stores.memory_book import MemoryBook

Make = Callable[[int], OrderBook]
RECORD = json.dumps({"needs": ["fdm"]})
MOST_TRIES = 200


class RuleBroken(AssertionError):
    """An order book does what no order book may do."""


def hold(kept: bool, rule: str) -> None:
    if not kept:
        raise RuleBroken(rule)


async def put(book: OrderBook, key: str, value: str) -> Put:
    """Ask until it is known."""
    for _ in range(MOST_TRIES):
        if (found := await book.put_if_absent(key, value)) is not Put.UNKNOWN:
            return found
    raise RuleBroken("it never becomes known")


async def sure(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until there is an answer."""
    for _ in range(MOST_TRIES):
        try:
            return await ask()
        except BookSilent:
            pass
    raise RuleBroken("it is silent for ever")


async def hinted(book: OrderBook, order_id: str, *able: str) -> bool:
    """Whether an order shows up within a few looks."""
    for _ in range(MOST_TRIES):
        hints = await sure(lambda: book.orders(able))
        if any(hint.order_id == order_id for hint in hints):
            return True
    return False


# ---- the rules -------------------------------------------------------------------------------------------------------


async def the_first_value_stays(book: OrderBook) -> None:
    hold(await put(book, "claim/a", "cell-1") is Put.WON, "the first value wins")
    hold(await put(book, "claim/a", "cell-2") is Put.LOST, "a second value loses")
    hold(await sure(lambda: book.get("claim/a")) == "cell-1", "the first value stays")
    hold(await put(book, "claim/a", "cell-2") is Put.LOST, "a second value loses every time")
    hold(await put(book, "claim/b", "cell-2") is Put.WON, "keys are apart")


async def ones_own_value_is_won(book: OrderBook) -> None:
    """The key exists with the own nonce: the reply to the first put was lost."""
    await put(book, "claim/a", "cell-1")
    hold(await put(book, "claim/a", "cell-1") is Put.WON, "the own value again is won")


async def what_was_won_is_read_at_once(book: OrderBook) -> None:
    hold(await sure(lambda: book.get("claim/a")) is None, "a key that nobody put is absent")
    for number in range(8):
        await put(book, f"claim/{number}", "cell-1")
        found = await sure(lambda key=f"claim/{number}": book.get(key))
        hold(found == "cell-1", "get is linearizable: what was won is there")


async def unknown_is_neither(book: OrderBook) -> None:
    """Whatever the first answer is, all answers afterwards agree with each other and with get."""
    for number in range(12):
        key = f"claim/{number}"
        first = await book.put_if_absent(key, "cell-1")
        second = await put(book, key, "cell-2")
        again = await put(book, key, "cell-1")
        found = await sure(lambda key=key: book.get(key))
        hold((second is Put.WON) != (again is Put.WON), "exactly one has won in the end")
        hold(found == ("cell-1" if again is Put.WON else "cell-2"), "get names the one that has won")
        hold(first is Put.UNKNOWN or first is again, "what was said once stays so")


async def of_many_one_wins(book: OrderBook) -> None:
    for number in range(6):
        key = f"claim/{number}"
        puts = [await book.put_if_absent(key, f"cell-{cell}") for cell in range(5)]
        ends = [await put(book, key, f"cell-{cell}") for cell in range(5)]
        hold(ends.count(Put.WON) == 1, "of many exactly one wins")
        hold(all(was in (Put.UNKNOWN, end) for was, end in zip(puts, ends, strict=True)), "nobody is told two things")


async def a_claim_is_for_ever(book: OrderBook) -> None:
    await put(book, "claim/a", "cell-1")
    for number in range(60):
        await put(book, f"claim/x{number}", "cell-2")
        await sure(lambda: book.presence(Presence("cell-2", "1")))
    hold(await put(book, "claim/a", "cell-2") is Put.LOST, "no lease, time-out or reaper hands a claim on")


async def orders_are_hinted_until_they_are_accepted(book: OrderBook) -> None:
    await put(book, "order/a", RECORD)
    await put(book, "claim/a", "cell-1")
    hold(await hinted(book, "a", "fdm"), "an order that nobody has accepted is hinted at, claimed or not")
    hold(not await hinted_anywhere(book, "a", "mill3"), "and to nobody who lacks what it needs")
    await sure(lambda: book.append(BookEvent("cell-1", 7, "a", ACCEPTED)))
    await put(book, "order/b", RECORD)
    hold(await hinted(book, "b", "fdm", "mill3"), "and the next one")


async def hinted_anywhere(book: OrderBook, order_id: str, *able: str) -> bool:
    hints: Sequence[Hint] = await sure(lambda: book.orders(able))
    return any(hint.order_id == order_id for hint in hints)


async def events_are_kept_once(book: OrderBook) -> None:
    cell = Presence("cell-1", "1", ("fdm",))
    hold(await sure(lambda: book.presence(cell)) == 0, "a new cell has no events")
    await put(book, "order/a", RECORD)
    await put(book, "order/b", RECORD)
    for order_id in ("a", "b"):
        await sure(lambda order_id=order_id: book.append(BookEvent("cell-1", 7, order_id, ACCEPTED)))
    hold(await hinted(book, "b", "fdm"), "an event of a sequence that is taken has no effect")
    hold(await sure(lambda: book.presence(cell)) == 7, "a cell learns how far the book has its events")
    await sure(lambda: book.append(BookEvent("cell-1", 5, "a", ACCEPTED)))
    hold(await sure(lambda: book.presence(cell)) == 7, "an older event does not lower it")
    hold(await sure(lambda: book.presence(Presence("cell-2", "1"))) == 0, "cells are apart")


RULES = (
    the_first_value_stays, ones_own_value_is_won, what_was_won_is_read_at_once, unknown_is_neither, of_many_one_wins,
    a_claim_is_for_ever, orders_are_hinted_until_they_are_accepted, events_are_kept_once,
)  # fmt: skip


# ---- hard to reach, and right ----------------------------------------------------------------------------------------


class Troubled:
    """A right book behind a bad line: replies are lost after they took effect, or before; come late; hints are old."""

    def __init__(self, seed: int) -> None:
        self._book = MemoryBook()
        self._rng = Random(seed)
        self._late: list[tuple[str, str]] = []
        self._old_hints: Sequence[Hint] = ()

    async def put_if_absent(self, key: str, value: str) -> Put:
        for late in self._late:
            await self._book.put_if_absent(*late)
        self._late = []
        match self._rng.randrange(6):
            case 0:
                return Put.UNKNOWN
            case 1:
                await self._book.put_if_absent(key, value)
                return Put.UNKNOWN
            case 2:
                self._late.append((key, value))
                return Put.UNKNOWN
        return await self._book.put_if_absent(key, value)

    async def get(self, key: str) -> str | None:
        self._maybe_silent()
        for late in self._late:
            await self._book.put_if_absent(*late)
        self._late = []
        return await self._book.get(key)

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        self._maybe_silent()
        old, self._old_hints = self._old_hints, await self._book.orders(capabilities)
        able = {hint.order_id for hint in self._old_hints}
        return [*(hint for hint in old if hint.order_id in able), *self._old_hints, *self._old_hints]

    async def append(self, event: BookEvent) -> None:
        self._maybe_silent()
        await self._book.append(event)
        self._maybe_silent()

    async def presence(self, info: Presence) -> int:
        self._maybe_silent()
        return await self._book.presence(info)

    def _maybe_silent(self) -> None:
        if self._rng.random() < 0.3:
            raise BookSilent("no answer")


# ---- wrong -----------------------------------------------------------------------------------------------------------


class LastWins(MemoryBook):
    """Overwrites."""

    async def put_if_absent(self, key: str, value: str) -> Put:
        self._entries[key] = value
        return Put.WON


class ForgetsItself(MemoryBook):
    """Does not know its own nonce again."""

    async def put_if_absent(self, key: str, value: str) -> Put:
        present = key in self._entries
        put = await super().put_if_absent(key, value)
        return Put.LOST if present else put


class Optimistic(MemoryBook):
    """Says that it won what was lost on the way."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = Random(seed)

    async def put_if_absent(self, key: str, value: str) -> Put:
        return Put.WON if self._rng.random() < 0.3 else await super().put_if_absent(key, value)


class Pessimistic(Optimistic):
    """Says that it lost what took effect, because the reply did not come."""

    async def put_if_absent(self, key: str, value: str) -> Put:
        put = await MemoryBook.put_if_absent(self, key, value)
        return Put.LOST if self._rng.random() < 0.3 else put


class ReadsACopy(MemoryBook):
    """Its get is answered by a copy that lags behind."""

    async def get(self, key: str) -> str | None:
        return list(self._entries.values())[-2] if len(self._entries) > 1 and key == list(self._entries)[-1] else None


class Leases(MemoryBook):
    """A claim ends after a while."""

    def __init__(self) -> None:
        super().__init__()
        self._puts = 0

    async def put_if_absent(self, key: str, value: str) -> Put:
        self._puts += 1
        if self._puts % 50 == 0:
            self._entries.clear()
        return await super().put_if_absent(key, value)


class DropsClaimed(MemoryBook):
    """Hints at most once: a claimed order is nobody's any more if its cell dies."""

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        hints = await super().orders(capabilities)
        return [hint for hint in hints if f"claim/{hint.order_id}" not in self._entries]


class HintsToAll(MemoryBook):
    """Takes no notice of what a cell can do."""

    async def orders(self, capabilities: Sequence[str]) -> Sequence[Hint]:
        return await super().orders(["fdm", *capabilities])


class AppendsTwice(MemoryBook):
    """An event of a taken sequence replaces, or counts besides, what was there."""

    async def append(self, event: BookEvent) -> None:
        self._events.pop((event.cell, event.sequence), None)
        await super().append(event)


class CountsDown(MemoryBook):
    """Answers with the last event that came, not with the highest."""

    async def append(self, event: BookEvent) -> None:
        await super().append(event)
        self._last[event.cell] = event.sequence


WRONG: dict[str, Make] = {
    "last wins": lambda _: LastWins(),
    "forgets itself": lambda _: ForgetsItself(),
    "optimistic": Optimistic,
    "pessimistic": Pessimistic,
    "reads a copy": lambda _: ReadsACopy(),
    "leases": lambda _: Leases(),
    "drops claimed": lambda _: DropsClaimed(),
    "hints to all": lambda _: HintsToAll(),
    "appends twice": lambda _: AppendsTwice(),
    "counts down": lambda _: CountsDown(),
}
