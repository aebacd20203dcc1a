"""The way to a real MQTT broker, through aiomqtt 2.5, whose traps are closed here and nowhere else.

A client object is made for each connection and thrown away with it: aiomqtt's are reusable, but then send what
had failed before and hand out what was queued before. Times here are real seconds: they are about a wire.
"""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from cellctl.ports import BusSession, Message, Will

WILL_DELAY_S: Final = 5
FAREWELL_S: Final = 1.0
# A broker that keeps to it (MQTT 5) does not send more; the face refuses bodies above 64 KiB anyway.
MOST_PACKET_BYTES: Final = 128 * 1024
# Without it QoS 1 takes 40 ms per side: two small writes, Nagle, and the peer's delayed acknowledgement.
_AT_ONCE: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Which broker, and as whom. Two clients with one `client_id` take the connection from each other for ever.

    `answer_s` is how long the broker may take to acknowledge anything, `room` how many messages may wait for us.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: Literal["3.1.1", "5"] = "5"
    username: str = ""
    password: str = field(default="", repr=False)
    client_id: str = ""
    keepalive_s: int = 10
    answer_s: float = 3.0
    room: int = 1000


class MqttBus:
    """A broker (ports.Bus). `dropped` counts messages for which there was no room at all."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.dropped = 0
        self._settings = settings

    async def session(self, will: Will, serve: Callable[[BusSession], Awaitable[None]]) -> None:
        """Connect once, serve, disconnect; the will is published on every way out. Raises ConnectionError."""
        inbox = _Inbox(self, self._settings.room)
        client = self._client(will, inbox)
        try:
            await _connect(client)
            await serve(MqttSession(client, inbox, self._settings))
        finally:
            await _leave(client, will, min(FAREWELL_S, self._settings.answer_s))

    def _client(self, will: Will, inbox: "_Inbox") -> aiomqtt.Client:
        settings, five = self._settings, self._settings.protocol == "5"
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            identifier=settings.client_id or None,
            username=settings.username or None,
            password=settings.password or None,
            will=aiomqtt.Will(will.topic, will.payload, 1, True, _properties(five, "WILLMESSAGE", _WILL)),
            # Nothing may wait for us while we are away: a command is for those who are there.
            clean_session=None if five else True,
            clean_start=True if five else MQTT_CLEAN_START_FIRST_ONLY,
            properties=_properties(five, "CONNECT", _CONNECT),
            keepalive=settings.keepalive_s,
            timeout=settings.answer_s,
            socket_options=_AT_ONCE,
            queue_type=cast(Any, lambda maxsize: inbox),
        )
        client.pending_calls_threshold = settings.room
        return client


class MqttSession:
    """One connection (ports.BusSession)."""

    def __init__(self, client: aiomqtt.Client, inbox: "_Inbox", settings: BrokerSettings) -> None:
        self._client = client
        self._inbox = inbox
        self._room = settings.room
        self._answer_s = settings.answer_s
        self._five = settings.protocol == "5"

    async def publish(self, message: Message, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the broker. Raises ConnectionError; then it may be delivered all the same."""
        known = {"CorrelationData": message.correlation, "ResponseTopic": message.response_topic}
        properties = _properties(self._five, "PUBLISH", {name: value for name, value in known.items() if value})
        async with self._answer(f"{message.topic} was not taken by the broker"):
            await self._client.publish(message.topic, message.payload, qos, retain, properties, timeout=math.inf)

    async def subscribe(self, topic_filter: str) -> None:
        """Hear these topics. Raises ConnectionRefusedError if the broker says no, else ConnectionError."""
        # Our own publications are wanted too: the face listens to itself to know that it is not deaf.
        options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
        how: dict[str, Any] = {"options": options} if self._five else {"qos": 1}
        async with self._answer(f"{topic_filter} was not subscribed"):
            granted = await self._client.subscribe(topic_filter, timeout=math.inf, **how)
        for code in granted:
            if (code if isinstance(code, int) else code.value) >= 0x80:
                raise ConnectionRefusedError(f"the broker refuses the subscription to {topic_filter}: {code}")

    async def messages(self) -> AsyncIterator[Message]:
        """What comes in, in order. Raises ConnectionError when the connection is lost."""
        while True:
            try:
                # One wait for all that has come: aiomqtt makes a task for each call.
                first = await anext(self._client.messages)
            except aiomqtt.MqttError as lost:
                raise ConnectionError(str(lost.__cause__ or lost)) from lost
            yield self._heard(first)
            while not self._inbox.empty():
                yield self._heard(self._inbox.get_nowait())

    @asynccontextmanager
    async def _answer(self, failed: str) -> AsyncIterator[None]:
        # aiomqtt's own limit is asyncio.wait_for, which in Python 3.11 can swallow a cancellation.
        try:
            async with asyncio.timeout(self._answer_s):
                yield
        except TimeoutError:
            raise ConnectionError(f"{failed} within {self._answer_s} s") from None
        except aiomqtt.MqttError as error:
            raise ConnectionError(f"{failed}: {error}") from error

    def _heard(self, message: aiomqtt.Message) -> Message:
        return Message(
            str(message.topic),
            message.payload,
            retained=bool(message.retain),
            response_topic=getattr(message.properties, "ResponseTopic", ""),
            correlation=getattr(message.properties, "CorrelationData", b""),
            shed=self._inbox.qsize() >= self._room,
        )


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Bounded. The broker has its acknowledgement already, so what is old when it is read is marked, not dropped."""

    def __init__(self, bus: MqttBus, room: int) -> None:
        super().__init__(2 * room)
        self._bus = bus

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Called by aiomqtt from inside a read."""
        if self.full():
            self._bus.dropped += 1
        else:
            super().put_nowait(item)


async def _connect(client: aiomqtt.Client) -> None:
    """Raises ConnectionError. A cancellation waits until the thread in which paho connects is done, some seconds."""
    async with asyncio.TaskGroup() as tasks:
        entering = tasks.create_task(_enter(client), name="mqtt.connect")
        try:
            why_not = await asyncio.shield(entering)
        except asyncio.CancelledError:
            # A thread cannot be cancelled; left alone it would open a connection that nobody knows of.
            await asyncio.wait([entering])
            raise
    if why_not:
        raise ConnectionError(why_not)


async def _enter(client: aiomqtt.Client) -> str:
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as failed:
        return f"no connection: {failed}"
    # aiomqtt forgets a connection that is lost before this line is reached, and would listen for ever.
    return "" if client._client.is_connected() else "the broker closed the connection at once"


async def _leave(client: aiomqtt.Client, will: Will, limit_s: float) -> None:
    try:
        if client._client.is_connected():
            await _take_leave(client, will, limit_s)
    finally:
        _cut(client)


async def _take_leave(client: aiomqtt.Client, will: Will, limit_s: float) -> None:
    """An orderly disconnection suppresses the will, so it is published first; if that fails, the broker does it."""
    client.timeout = math.inf  # ours is below
    with suppress(aiomqtt.MqttError, OSError):
        async with asyncio.timeout(limit_s):
            await client.publish(will.topic, will.payload, qos=1, retain=True)
            await client.__aexit__(None, None, None)


def _cut(client: aiomqtt.Client) -> None:
    """Close the socket, whatever state it is in. aiomqtt has no way to do that, and left open it lives on.

    A broker that wakes up would find it connected under our client id.
    """
    client._client._sock_close()
    if client._disconnected.done():
        client._disconnected.exception()  # seen; asyncio would complain that nobody has looked


_WILL: Final = {"WillDelayInterval": WILL_DELAY_S}
_CONNECT: Final = {"SessionExpiryInterval": 0, "MaximumPacketSize": MOST_PACKET_BYTES}


def _properties(five: bool, packet: str, values: dict[str, Any]) -> Properties | None:
    if not (five and values):
        return None
    properties = Properties(getattr(PacketTypes, packet))  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
