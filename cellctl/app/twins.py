"""The people of a simulated cell: a customer who orders over MQTT, and a person who answers questions."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cellctl.app.engine import Engine
from cellctl.core.lifecycle import in_work
from cellctl.core.view import PromptView
from cellctl.domain.commands import AnswerPrompt, Envelope, content_hash
from cellctl.domain.order_book import Wish
from cellctl.ports import Bus, BusSession, Clock, Desk, Ids, Message, SimulatedCell, Will

CUSTOMER: Final = "customer"
PERSON: Final = "simulated-person"


class Customer:
    """Asks for things over the bus as any client would: quotes session and tick, and waits for each reply."""

    def __init__(self, bus: Bus, clock: Clock, ids: Ids, root: str) -> None:
        self._bus = bus
        self._clock = clock
        self._ids = ids
        self._root = root
        self._freshness: dict[str, Any] = {}
        self._replies: dict[str, dict[str, Any]] = {}
        self._heard = asyncio.Event()

    async def order(self, wishes: Sequence[Wish]) -> list[dict[str, Any]]:
        """Ask for each when its time has come, counted from now, and return the replies, in order."""
        replies: list[dict[str, Any]] = []

        async def serve(session: BusSession) -> None:
            for topic in ("status", "heartbeat", f"response/{CUSTOMER}/#"):
                await session.subscribe(f"{self._root}/{topic}")
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(session))
                await self._until(lambda: bool(self._freshness))
                began_s, began_at = self._clock.now_s(), self._clock.utc()
                for wish in wishes:
                    await self._clock.sleep(max(0.0, began_s + wish.at_s - self._clock.now_s()))
                    replies.append(await self._ask(session, wish.verb, wish.request(began_at)))
                listening.cancel()

        await self._bus.session(Will(f"{self._root}/client/{CUSTOMER}", b""), serve)
        return replies

    async def _ask(self, session: BusSession, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        request = {"id": self._ids.new(), "verb": verb, "args": dict(args), **self._freshness}
        await session.publish(Message(f"{self._root}/request/{CUSTOMER}/job/{verb}", json.dumps(request).encode()))
        await self._until(lambda: request["id"] in self._replies)
        return self._replies.pop(request["id"])

    async def _listen(self, session: BusSession) -> None:
        async for message in session.messages():
            body: dict[str, Any] = json.loads(message.payload)
            if message.topic.rpartition("/")[2] in ("status", "heartbeat"):
                self._freshness = {key: body[key] for key in ("session", "tick") if key in body} or self._freshness
            elif "id" in body:
                self._replies[body["id"]] = body
            self._heard.set()

    async def _until(self, shown: Callable[[], bool]) -> None:
        while not shown():
            self._heard.clear()
            await self._heard.wait()


class Person:
    """Answers open questions one after the other, as long and as well as the simulated person does."""

    def __init__(self, engine: Engine, desk: Desk, twin: SimulatedCell, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._desk = desk
        self._twin = twin
        self._clock = clock
        self._ids = ids

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            if self._engine.cell.prompts:
                await self._answer(self._desk.view().prompts[0])
            else:
                await self._engine.changed(self._engine.cell.counts.rev)

    async def _answer(self, prompt: PromptView) -> None:
        takes_s, choice = self._twin.person_answers(prompt.text, prompt.choices, prompt.station)
        await self._clock.sleep(takes_s)
        if prompt.id not in self._engine.cell.prompts:
            return
        if prompt.target != prompt.source:
            self._twin.person_moves(prompt.source, prompt.target, self._clock.now_s())
        command = AnswerPrompt(prompt.id, choice)
        await self._desk.submit(Envelope(self._ids.new(), PERSON, command, content_hash(command)))


async def until_done(engine: Engine, patience_s: float) -> bool:
    """Wait until no job is in work or waiting; False when nothing at all has happened for so long."""
    # From the end: what came in last is mostly done last.
    while any(in_work(job) for job in reversed([*engine.cell.jobs.values()])):
        try:
            async with asyncio.timeout(patience_s):
                await engine.changed(engine.cell.counts.rev)
        except TimeoutError:
            return False
    return True
