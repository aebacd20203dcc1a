"""An MQTT broker in memory: for virtual time and for tests. It behaves as one that speaks MQTT 3.1.1."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from cellctl.ports import BusSession, Message, Will

ROOM: Final = 1000


@lru_cache(maxsize=4096)  # the same topics are published over and over
def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic passes a filter with the wildcards + and #. Topics that begin with $ need one that does too."""
    if topic.startswith("$") != topic_filter.startswith("$"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at == len(levels) or level not in ("+", levels[at]):
            return False
    return len(wanted) == len(levels)


class MemorySession:
    """One connection (ports.BusSession)."""

    def __init__(self, broker: "MemoryBroker", will: Will, room: int) -> None:
        self.will = will
        self.filters: list[str] = []
        self._broker = broker
        self._room = room
        self.lost = ""
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()

    async def publish(self, message: Message, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the broker; nobody waits for one of QoS 0."""
        if qos:
            await asyncio.sleep(0)
        self._check()
        self._broker.publish(message, retain=retain, qos=qos)

    async def subscribe(self, topic_filter: str) -> None:
        """Hear these topics; the retained ones come first."""
        self._check()
        self.filters.append(topic_filter)
        for topic, kept in list(self._broker.retained.items()):
            if matches(topic_filter, topic):
                self.deliver(replace(kept, retained=True))

    async def messages(self) -> AsyncIterator[Message]:
        """What comes in, in order."""
        while (message := await self._waiting.get()) is not None:
            # What has been waiting behind a full room is old: it is not lost without a word.
            shed = self._waiting.qsize() >= self._room
            yield replace(message, shed=True) if shed else message
        raise ConnectionError(self.lost)

    def deliver(self, message: Message) -> None:
        """A message from the broker."""
        self._waiting.put_nowait(message)

    def lose(self, reason: str) -> None:
        """The connection is gone."""
        self.lost = reason
        self._waiting.put_nowait(None)

    def _check(self) -> None:
        if self.lost:
            raise ConnectionError(self.lost)


class MemoryBroker:
    """The broker. Messages to several subscribers go out in the order of the subscribers' connections.

    `up` False refuses connections. A client in `deaf` is granted its subscriptions and hears nothing, as with an
    ACL. The next `repeats[client]` deliveries at QoS 1 to a client come twice.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.up = True
        self.deaf: set[str] = set()
        self.repeats: dict[str, int] = {}
        self.retained: dict[str, Message] = {}
        self._room = room
        self._sessions: dict[str, MemorySession] = {}

    def client(self, client_id: str) -> "MemoryBus":
        """The way to this broker for one client."""
        return MemoryBus(self, client_id)

    def publish(self, message: Message, *, retain: bool = False, qos: int = 1) -> None:
        """Take a publication and deliver it."""
        if retain and message.payload:
            self.retained[message.topic] = message
        elif retain:
            self.retained.pop(message.topic, None)
        for client_id, session in list(self._sessions.items()):
            if any(matches(each, message.topic) for each in session.filters) and client_id not in self.deaf:
                self._deliver(client_id, message, qos)

    def cut(self, client_id: str, reason: str = "the connection was cut") -> None:
        """Lose a client's connection, as the network would: its will is published."""
        session = self._sessions.pop(client_id, None)
        if session is not None:
            session.lose(reason)
            self.publish(Message(session.will.topic, session.will.payload), retain=True)

    def stop(self) -> None:
        """Refuse connections and lose those there are; no wills are published."""
        self.up = False
        for session in self._sessions.values():
            session.lose("the broker is gone")
        self._sessions.clear()

    def connect(self, client_id: str, will: Will) -> MemorySession:
        """A new connection; an older one of the same client is cut. Raises ConnectionError."""
        if not self.up:
            raise ConnectionError("the broker is not there")
        self.cut(client_id, "taken over by another connection with the same client id")
        self._sessions[client_id] = MemorySession(self, will, self._room)
        return self._sessions[client_id]

    def leave(self, client_id: str, session: MemorySession) -> None:
        """An orderly end: no will."""
        if self._sessions.get(client_id) is session:
            del self._sessions[client_id]

    def _deliver(self, client_id: str, message: Message, qos: int) -> None:
        self._sessions[client_id].deliver(message)
        if qos == 1 and self.repeats.get(client_id, 0) > 0:
            self.repeats[client_id] -= 1
            self._sessions[client_id].deliver(message)


class MemoryBus:
    """One client of a MemoryBroker (ports.Bus)."""

    def __init__(self, broker: MemoryBroker, client_id: str) -> None:
        self._broker = broker
        self._client_id = client_id

    async def session(self, will: Will, serve: Callable[[BusSession], Awaitable[None]]) -> None:
        """Connect once, serve, leave; the will is published on every way out. Raises ConnectionError."""
        await asyncio.sleep(0)
        session = self._broker.connect(self._client_id, will)
        try:
            await serve(session)
        finally:
            if not session.lost:
                self._broker.publish(Message(will.topic, will.payload), retain=True)
            self._broker.leave(self._client_id, session)
