"""The link around aiomqtt against a real mosquitto: each trap of the list is closed, for both protocols."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellctl.links.mqtt import BrokerSettings, MqttBus
from cellctl.ports import BusSession, Message, Will
from tests.broker import Mosquitto, mosquitto

pytestmark = pytest.mark.broker

OFFLINE = Will("cell/status", b"offline")
Serve = Callable[[BusSession], Awaitable[None]]
# How long anything here may take at the most; a test that waits so long has failed.
LIMIT_S = 10.0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker for tests that do it no harm."""
    with mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker to kill and to freeze."""
    with mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture(params=["3.1.1", "5"])
def protocol(request: pytest.FixtureRequest) -> Any:
    return request.param


def bus(port: int, protocol: Any = "5", **settings: Any) -> MqttBus:
    return MqttBus(BrokerSettings(port=port, protocol=protocol, **settings))


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(LIMIT_S):
            await scenario()

    asyncio.run(main())


@asynccontextmanager
async def session(to: MqttBus, will: Will = OFFLINE) -> AsyncIterator[BusSession]:
    """A session for as long as the block runs."""
    ready: asyncio.Future[BusSession] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def serve(link: BusSession) -> None:
        ready.set_result(link)
        await done.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(to.session(will, serve))
        try:
            yield await ready
        finally:
            done.set()


async def heard(link: BusSession, topic: str) -> Message:
    """The next message on a topic."""
    async for message in link.messages():
        if message.topic == topic:
            return message
    raise AssertionError("the messages have ended without an error")


def sockets() -> int:
    """How many sockets this process has open."""
    return sum(
        str(link.readlink()).startswith("socket:") for link in Path("/proc/self/fd").iterdir() if link.is_symlink()
    )


async def settled(count: int) -> None:
    """Wait until no more sockets are open than that."""
    while sockets() > count:
        await asyncio.sleep(0)


# ---- what a bus does -------------------------------------------------------------------------------------------


def test_what_one_says_the_other_hears(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        async with session(bus(shared.port, protocol)) as one, session(bus(shared.port, protocol)) as other:
            await other.subscribe("hall/+/said")
            for qos in (0, 1):
                said = Message("hall/1/said", b"hello", response_topic="hall/answers", correlation=b"7")
                await one.publish(said, qos=qos)
                told = said if protocol == "5" else replace(said, response_topic="", correlation=b"")
                assert await heard(other, "hall/1/said") == told

    play(scenario)


def test_one_hears_oneself(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        async with session(bus(shared.port, protocol)) as link:
            await link.subscribe("self/said")
            await link.publish(Message("self/said", b"?"))
            assert (await heard(link, "self/said")).payload == b"?"

    play(scenario)


def test_rule_4_retained_messages_are_not_replayed_or_at_least_marked(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        topic = f"kept/{protocol}"
        async with session(bus(shared.port, protocol)) as link:
            await link.publish(Message(topic, b"old"), retain=True)
            await link.subscribe(topic)
            if protocol == "3.1.1":
                assert (await heard(link, topic)).retained, "replayed, and marked"
            await link.publish(Message(topic, b"new"), retain=True)
            live = await heard(link, topic)
            assert (live.payload, live.retained) == (b"new", protocol == "5"), "the live copy is marked by MQTT 5 only"

    play(scenario)


def test_rule_5_nothing_waits_for_a_client_that_was_away(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        fixed = bus(shared.port, protocol, client_id=f"cell-{protocol}")
        async with session(bus(shared.port, protocol)) as sender:
            async with session(fixed) as link:
                await link.subscribe("cell/start")
            await sender.publish(Message("cell/start", b"while it was away"))
            async with session(fixed) as link:
                await link.subscribe("cell/start")
                await sender.publish(Message("cell/start", b"now"))
                assert (await heard(link, "cell/start")).payload == b"now"

    play(scenario)


def test_ten_requests_and_replies_take_less_than_five_delayed_acknowledgements(
    shared: Mosquitto, protocol: Any
) -> None:
    async def scenario() -> None:
        async def answer(link: BusSession) -> None:
            async for _ in link.messages():
                await link.publish(Message("reply", b"!"))

        loop = asyncio.get_running_loop()
        async with session(bus(shared.port, protocol)) as asker, session(bus(shared.port, protocol)) as answerer:
            await asker.subscribe("reply")
            await answerer.subscribe("request")
            async with asyncio.TaskGroup() as tasks:
                answering = tasks.create_task(answer(answerer))
                began_s = loop.time()
                for _ in range(10):
                    await asker.publish(Message("request", b"?"))
                    await heard(asker, "reply")
                took_s = loop.time() - began_s
                answering.cancel()
            assert took_s < 5 * 0.088, "88 ms each would be without TCP_NODELAY"

    play(scenario)


def test_a_publication_can_be_cancelled_at_any_moment(shared: Mosquitto, protocol: Any) -> None:
    async def publish_for_ever(link: BusSession) -> None:
        while True:
            await link.publish(Message("cell/heartbeat", b""))

    async def scenario() -> None:
        async with session(bus(shared.port, protocol)) as link:
            for moment in range(100):
                async with asyncio.TaskGroup() as tasks:
                    publishing = tasks.create_task(publish_for_ever(link))
                    for _ in range(moment):
                        await asyncio.sleep(0)
                    publishing.cancel()

    play(scenario)


# ---- every way out ---------------------------------------------------------------------------------------------


class Oops(Exception):
    """Anything that goes wrong."""


async def _returns(_: BusSession) -> None: ...


async def _raises(_: BusSession) -> None:
    raise Oops


async def _is_cancelled(_: BusSession) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("serve", [_returns, _raises, _is_cancelled])
def test_rule_16_the_will_is_published_on_every_way_out(shared: Mosquitto, protocol: Any, serve: Serve) -> None:
    async def scenario() -> None:
        will = Will("cell/status", b"offline")
        async with session(bus(shared.port, protocol), Will("watcher", b"")) as watcher:
            await watcher.subscribe("cell/status")
            with suppress(Oops, asyncio.CancelledError):
                await bus(shared.port, protocol).session(will, serve)
            assert (await heard(watcher, "cell/status")).payload == b"offline"

    play(scenario)


def test_rule_16_a_client_that_vanishes_has_its_will_published_by_the_broker(shared: Mosquitto) -> None:
    async def scenario() -> None:
        async with Proxy(shared.port) as proxy, session(bus(shared.port), Will("watcher", b"")) as watcher:
            await watcher.subscribe("gone/status")
            with pytest.RaisesGroup(ConnectionError, flatten_subgroups=True):
                async with session(bus(proxy.port, "3.1.1"), Will("gone/status", b"offline")) as link:
                    proxy.cut()
                    await heard(link, "anything")
            assert (await heard(watcher, "gone/status")).payload == b"offline"

    play(scenario)


# ---- brokers that die, freeze, refuse ----------------------------------------------------------------------------


def test_a_killed_broker_is_noticed_and_a_new_one_is_a_new_session(own: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        before = sockets()
        link_bus = bus(own.port, protocol, client_id="cell")

        async def serve(link: BusSession) -> None:
            await link.subscribe("cell/start")
            own.kill()
            async for _ in link.messages():
                pass

        with pytest.raises(ConnectionError):
            await link_bus.session(OFFLINE, serve)
        with pytest.raises(ConnectionError, match="refused"):
            await link_bus.session(OFFLINE, serve)
        own.start()
        async with session(link_bus) as link:
            await link.subscribe("cell/start")
            await link.publish(Message("cell/start", b"now"))
            assert (await heard(link, "cell/start")).payload == b"now"
        await settled(before)

    play(scenario)


def test_a_publication_that_a_frozen_broker_does_not_take_ends_in_time_and_leaves_no_socket(
    own: Mosquitto, protocol: Any
) -> None:
    async def scenario() -> None:
        before = sockets()

        async def serve(link: BusSession) -> None:
            own.freeze()
            await link.publish(Message("cell/heartbeat", b""))

        async with asyncio.timeout(3):
            with pytest.raises(ConnectionError, match="cell/heartbeat"):
                await bus(own.port, protocol, answer_s=0.2).session(OFFLINE, serve)
        await settled(before)
        own.thaw()

    play(scenario)


def test_a_broker_that_is_frozen_before_it_answers_leaves_no_connection_for_when_it_wakes_up(
    own: Mosquitto, protocol: Any
) -> None:
    async def scenario() -> None:
        before = sockets()
        own.freeze()
        for _ in range(3):
            with pytest.raises(ConnectionError, match="timed out"):
                await bus(own.port, protocol, client_id="cell", answer_s=0.2).session(OFFLINE, _returns)
        await settled(before)
        own.thaw()
        async with session(bus(own.port, protocol, client_id="cell")) as link:
            await link.subscribe("cell/start")
            await link.publish(Message("cell/start", b"now"))
            await heard(link, "cell/start")

    play(scenario)


def test_trap_1_a_connection_that_ends_right_after_it_was_accepted_is_noticed_every_time(protocol: Any) -> None:
    async def scenario() -> None:
        before = sockets()
        async with FakeBroker(protocol, closes=True) as broker:
            for _ in range(20):
                with pytest.raises(ConnectionError):
                    await bus(broker.port, protocol).session(OFFLINE, _listen)
        await settled(before)

    play(scenario)


async def _listen(link: BusSession) -> None:
    async for _ in link.messages():
        pass


def test_a_refused_subscription_is_an_error(protocol: Any) -> None:
    async def subscribe(link: BusSession) -> None:
        await link.subscribe("cell/start")

    async def scenario() -> None:
        async with FakeBroker(protocol) as broker:
            with pytest.raises(ConnectionRefusedError, match="cell/start"):
                await bus(broker.port, protocol, answer_s=0.2).session(OFFLINE, subscribe)

    play(scenario)


def test_a_refused_client_is_told_why(tmp_path: Path, protocol: Any) -> None:
    async def scenario() -> None:
        refused = pytest.raises(ConnectionError, match=r"(?i)not authori[sz]ed")
        with mosquitto(tmp_path, "allow_anonymous false") as broker, refused:
            await bus(broker.port, protocol).session(OFFLINE, _returns)

    play(scenario)


def test_cancelled_while_it_connects_it_leaves_no_socket(protocol: Any) -> None:
    async def scenario() -> None:
        async with FakeBroker(protocol, silent=True) as broker:
            before = sockets()
            async with asyncio.TaskGroup() as tasks:
                connecting = tasks.create_task(bus(broker.port, protocol, answer_s=0.2).session(OFFLINE, _returns))
                await broker.called.wait()
                connecting.cancel()
            await settled(before)

    play(scenario)


def test_cancelled_while_a_thread_connects_it_leaves_no_socket(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        before = sockets()
        for moment in range(10):
            async with asyncio.TaskGroup() as tasks:
                connecting = tasks.create_task(bus(shared.port, protocol).session(OFFLINE, _listen))
                for _ in range(moment):
                    await asyncio.sleep(0)
                connecting.cancel()
        await asyncio.get_running_loop().shutdown_default_executor()
        await settled(before)

    play(scenario)


def test_two_clients_of_one_name_take_over_from_each_other(shared: Mosquitto, protocol: Any) -> None:
    async def scenario() -> None:
        twin = bus(shared.port, protocol, client_id="twin")
        with pytest.RaisesGroup(ConnectionError, flatten_subgroups=True):
            async with session(twin) as first, session(twin):
                await heard(first, "anything")

    play(scenario)


def test_more_than_there_is_room_for_is_marked_and_more_than_twice_that_is_counted(shared: Mosquitto) -> None:
    async def scenario() -> None:
        crowded = bus(shared.port, room=10)
        async with session(bus(shared.port)) as sender, session(crowded) as link:
            await link.subscribe("flood")
            for number in range(25):
                await sender.publish(Message("flood", b"%d" % number))
            while crowded.dropped < 5:
                await asyncio.sleep(0)
            messages = aiter(link.messages())
            got = [await anext(messages) for _ in range(20)]
            assert [int(message.payload) for message in got] == list(range(20)), "in order"
            assert [message.shed for message in got] == [True] * 10 + [False] * 10, "the oldest are too late"

    play(scenario)


# ---- what stands between -----------------------------------------------------------------------------------------


class Proxy:
    """A wire that can be cut."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Proxy":
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.cut()
        self._server.close()
        await self._tasks.__aexit__(None, None, None)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers += [writer, out]
        self._tasks.create_task(_copy(reader, out))
        self._tasks.create_task(_copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
    except ConnectionError:
        pass
    writer.transport.abort()


class FakeBroker:
    """Accepts every client; then closes at once, or says nothing at all, or refuses every subscription."""

    def __init__(self, protocol: Any, *, closes: bool = False, silent: bool = False) -> None:
        self.port = 0
        self.called = asyncio.Event()
        self._five = protocol == "5"
        self._closes = closes
        self._silent = silent
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "FakeBroker":
        self._server = await asyncio.start_server(self._speak, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        while self._clients:
            await asyncio.sleep(0)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while packet := await self._packet(reader):
                kind, content = packet
                self.called.set()
                if kind == 1 and not self._silent:
                    writer.write(b"\x20\x03\x00\x00\x00" if self._five else b"\x20\x02\x00\x00")
                    if self._closes:
                        break
                if kind == 8:
                    properties = b"\x00" if self._five else b""
                    answer = content[:2] + properties + b"\x80"
                    writer.write(bytes([0x90, len(answer)]) + answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()
        self._clients.discard(writer)

    @staticmethod
    async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes] | None:
        first = await reader.read(1)
        if not first:
            return None
        length, shift = 0, 0
        while True:
            (byte,) = await reader.readexactly(1)
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first[0] >> 4, await reader.readexactly(length)
