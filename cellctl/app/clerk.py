"""Takes orders out of the order book for this cell: each is recorded and claimed before it is accepted.

A claim is for ever, so that no order is made twice by two cells. What was claimed and not accepted (the computer died
in between) is taken up at the next start, under the command's own id: whoever repeats the command gets its answer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final, TypeVar

import structlog

from cellctl import __version__
from cellctl.domain.commands import Command, Envelope, Reply, SubmitOrder, content_hash
from cellctl.domain.events import OrderAccepted, Record
from cellctl.domain.work import Directive, Plan
from cellctl.ports import Clock
from cellctl.ports.book import ACCEPTED, BookEvent, BookSilent, Hint, OrderBook, Presence, Put

log = structlog.get_logger()

# How long somebody who orders waits for a book that does not answer.
PATIENCE_S: Final = 8.0
_ASK_AGAIN_S: Final = 0.25

Answer = TypeVar("Answer")
Submit = Callable[[Envelope], Awaitable[Reply]]


class Clerk:
    """The cell's dealings with the order book."""

    def __init__(self, book: OrderBook, plan: Plan, clock: Clock) -> None:
        self._book = book
        self._cell = plan.name
        self._clock = clock
        able = {each for station in plan.stations.values() for each in station.capabilities}
        self._presence = Presence(plan.name, __version__, tuple(sorted(able)))
        self._todo: asyncio.Queue[Record | Envelope] = asyncio.Queue()

    def note(self, record: Record) -> None:
        """Take a durable record; that an order was accepted is told to the book in its turn."""
        if isinstance(record.event, OrderAccepted):
            self._todo.put_nowait(record)

    async def claim(self, order_id: str, envelope: Envelope, directive: Directive) -> Put:
        """WON: nobody else makes, or ever will make, an order of this name.

        UNKNOWN: the book did not say in time. Then, and where whoever asked has left, it is asked again until it says.
        """
        put = Put.UNKNOWN
        try:
            put = await self._put(f"order/{order_id}", _record(envelope, directive))
            return await self._put(f"claim/{order_id}", self._claim) if put is Put.WON else put
        except asyncio.CancelledError:
            put = Put.UNKNOWN
            raise
        finally:
            if put is Put.UNKNOWN:
                self._todo.put_nowait(envelope)

    async def work(self, accepted: Callable[[int], Iterable[Record]], submit: Submit) -> None:
        """Tell the book what was accepted, and take up what is there to be made; until cancelled.

        `accepted` answers with the orders that were accepted after a record of the journal.
        """
        seen = await self._patiently(lambda: self._book.presence(self._presence))
        for record in accepted(seen):
            await self._tell(record)
        for hint in await self._patiently(lambda: self._book.orders(self._presence.capabilities)):
            await self._take_up(hint, submit)
        while True:
            match await self._todo.get():
                case Record() as record:
                    await self._tell(record)
                case Envelope() as envelope:
                    await submit(envelope)

    @property
    def _claim(self) -> str:
        return json.dumps({"cell": self._cell})

    async def _put(self, key: str, value: str) -> Put:
        """Ask until it is known: the same value again has no effect."""
        given_up_s = self._clock.now_s() + self._clock.wire_s(PATIENCE_S)
        while (put := await self._book.put_if_absent(key, value)) is Put.UNKNOWN:
            if self._clock.now_s() >= given_up_s:
                log.error("book.silent", key=key)
                return put
            await self._clock.sleep(self._clock.wire_s(_ASK_AGAIN_S))
        return put

    async def _tell(self, record: Record) -> None:
        """An order was accepted. One from before there was a book comes into it now."""
        if not isinstance(record.event, OrderAccepted):
            return
        order_id = record.event.order.id
        await self._patiently(lambda: self._enter(f"order/{order_id}", json.dumps({"at": record.at})))
        await self._patiently(lambda: self._enter(f"claim/{order_id}", self._claim))
        event = BookEvent(self._cell, record.seq, order_id, ACCEPTED)
        await self._patiently(lambda: self._book.append(event))

    async def _take_up(self, hint: Hint, submit: Submit) -> None:
        envelope = _envelope(hint.record)
        if envelope is None:
            return
        claimed = await self._put(f"claim/{hint.order_id}", self._claim)
        if claimed is not Put.WON:
            return
        reply = await submit(envelope)
        log.info("book.taken_up", order=hint.order_id, code=reply.code)

    async def _enter(self, key: str, value: str) -> None:
        if await self._book.put_if_absent(key, value) is Put.UNKNOWN:
            raise BookSilent(f"{key}: whether it is in the order book is not known")

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                return await ask()
            except BookSilent as silent:
                log.warning("book.silent", why=str(silent))
                await self._clock.sleep(self._clock.wire_s(1.0))


def _record(envelope: Envelope, directive: Directive) -> str:
    """What the book keeps of an order: the command as it came, and what a cell must be able to do for it."""
    needed = {step.ways[0].capability for step in directive.steps if len(step.ways) == 1}
    content: dict[str, Any] = {"id": envelope.id, "sender": envelope.sender, "deadline_at": envelope.deadline_at}
    content |= {"command": asdict(envelope.command)}
    return json.dumps(content | {"needs": sorted(needed)}, sort_keys=True)


def _envelope(record: str) -> Envelope | None:
    """The command in a record; None for one that this cellctl cannot read."""
    try:
        content: Mapping[str, Any] = json.loads(record)
        command: Command = SubmitOrder(**content["command"])
        return Envelope(
            content["id"], content["sender"], command, content_hash(command), content.get("deadline_at", "")
        )
    except (ValueError, TypeError, KeyError):
        return None
