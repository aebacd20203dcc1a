"""An MQTT face at a bare desk, a broker in memory, and somebody who uses it; all in virtual time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.faces.mqtt import MqttFace, MqttSettings
from cellctl.links.memory_bus import MemoryBroker, matches
from cellctl.ports import BusSession, Message, Will
from tests.faces.desk import BUSY_CELL, BareDesk

ROOT = "cellctl/nameplate"
SUBMIT = {"product": "nameplate", "parameters": {"text": "ADA"}}


class SlowDesk(BareDesk):
    """Decides about nothing that goes to machines in `slow` until `go` is set."""

    def __init__(self, *slow: str) -> None:
        super().__init__(BUSY_CELL)
        self.slow = slow
        self.go = asyncio.Event()
        self.begun: list[str] = []

    async def submit(self, envelope: Any) -> Any:
        self.begun.append(envelope.id)
        command = envelope.command
        if (command.VERB, getattr(command, "machine", ""))[command.VERB == "machine"] in self.slow:
            await self.go.wait()
        return await super().submit(envelope)


class Somebody:
    """A client that hears everything below the cell's root, retained or live."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.fresh: dict[str, Any] = {}
        self._numbers = iter(range(1, 10**6))
        self._news = asyncio.Event()
        self._link: BusSession | None = None

    async def serve(self, link: BusSession) -> None:
        self._link = link
        await link.subscribe(f"{ROOT}/#")
        async for message in link.messages():
            self.heard.append(message)
            if message.topic in (f"{ROOT}/heartbeat", f"{ROOT}/status"):
                said = json.loads(message.payload)
                if said.get("online", True):
                    self.fresh = {"session": said["session"], "tick": said["tick"]}
            self._news.set()

    def id(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._numbers):012d}"

    async def publish(self, topic: str, body: Any, *, retain: bool = False, **more: Any) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self._link.publish(Message(f"{ROOT}/{topic}", payload, **more), retain=retain)

    def all(self, topic_filter: str, since: int = 0) -> list[dict[str, Any]]:
        heard = [each for each in self.heard[since:] if matches(f"{ROOT}/{topic_filter}", each.topic)]
        return [json.loads(each.payload) if each.payload else {} for each in heard]

    async def next(self, topic_filter: str, since: int, **fields: Any) -> dict[str, Any]:
        """The first message on a topic, after so many were heard, that has these fields."""
        async with asyncio.timeout(120):
            while True:
                self._news.clear()
                for body in self.all(topic_filter, since):
                    if body.items() >= fields.items():
                        return body
                await self._news.wait()

    async def ask(self, what: str, user: str = "ada", *, retain: bool = False, **body: Any) -> dict[str, Any]:
        """Ask for `class/verb`, with session and tick, and wait for the reply at the usual place."""
        body = {"id": self.id(), **(self.fresh if what.startswith(("job", "motion")) else {}), **body}
        body = {name: value for name, value in body.items() if value is not None}
        since = len(self.heard)
        await self.publish(f"request/{user}/{what}", body, retain=retain)
        return await self.next(f"response/{user}/{what}", since, id=body.get("id", ""))


class Room:
    """What a scenario plays with."""

    def __init__(self, desk: BareDesk, broker: MemoryBroker, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.desk = desk
        self.broker = broker
        self.somebody = Somebody()
        bus = broker.client("cellctl-nameplate")
        self.face = MqttFace(desk, bus, self.clock, SeededIds(1), MqttSettings("nameplate", **settings))

    def status(self) -> dict[str, Any]:
        return json.loads(self.broker.retained[f"{ROOT}/status"].payload)

    def cut(self) -> None:
        self.broker.cut("cellctl-nameplate")

    async def online(self, after_session: str = "") -> dict[str, Any]:
        """Wait for a status that says online, of another session than that."""
        async with asyncio.timeout(120):
            while not (self.status()["online"] and self.status()["session"] != after_session):
                await asyncio.sleep(0.01)
        return self.status()

    async def again(self) -> None:
        """Cut the face's connection and wait until it is back."""
        session = self.status()["session"]
        self.cut()
        await self.online(after_session=session)

    @asynccontextmanager
    async def open(self):
        async with asyncio.TaskGroup() as tasks:
            will = Will("client/somebody", b"")
            client = tasks.create_task(self.broker.client("somebody").session(will, self.somebody.serve))
            await asyncio.sleep(0.1)
            face = tasks.create_task(self.face.serve())
            try:
                yield
            finally:
                face.cancel()
                await asyncio.wait([face])
                client.cancel()


def play(
    scenario: Callable[[Room], Awaitable[None]],
    desk: Callable[[], BareDesk] = lambda: BareDesk(BUSY_CELL),
    broker: Callable[[], MemoryBroker] = MemoryBroker,
    **settings: Any,
) -> Room:
    """Play a scenario with a face that is online, and take it down afterwards."""

    async def main() -> Room:
        room = Room(desk(), broker(), **settings)
        async with room.open():
            await room.somebody.next("status", 0, online=True)
            await scenario(room)
        return room

    return run_virtual(main())
