"""The broker in memory does what a broker for MQTT 3.1.1 does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cellctl.app.virtual_time import run_virtual
from cellctl.links.memory_bus import MemoryBroker, matches
from cellctl.ports import BusSession, Message, Will


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("+/b", "a/b", True),
        ("#", "a/b/c", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "ab", False),
        ("#", "$SYS/uptime", False),
        ("$SYS/#", "$SYS/uptime", True),
    ],
)
def test_filters_match_as_the_standard_says(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


@asynccontextmanager
async def session(broker: MemoryBroker, name: str) -> AsyncIterator[BusSession]:
    ready: asyncio.Future[BusSession] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def serve(link: BusSession) -> None:
        ready.set_result(link)
        await done.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(broker.client(name).session(Will(f"{name}/status", b"offline"), serve))
        try:
            yield await ready
        finally:
            done.set()


async def heard(link: BusSession, count: int) -> list[Message]:
    messages = aiter(link.messages())
    return [await anext(messages) for _ in range(count)]


def test_retained_messages_are_replayed_and_marked_until_an_empty_one_removes_them() -> None:
    async def main() -> None:
        broker = MemoryBroker()
        async with session(broker, "one") as link:
            await link.publish(Message("a/1", b"x"), retain=True)
            await link.publish(Message("a/2", b"y"), retain=True)
            await link.publish(Message("a/2", b""), retain=True)
            await link.subscribe("a/+")
            await link.publish(Message("a/1", b"z"), retain=True)
            assert await heard(link, 2) == [Message("a/1", b"x", retained=True), Message("a/1", b"z")]

    run_virtual(main())


def test_the_will_is_published_when_a_client_is_cut_and_when_it_leaves() -> None:
    async def main() -> None:
        broker = MemoryBroker()
        async with session(broker, "watcher") as watcher:
            await watcher.subscribe("+/status")
            with pytest.RaisesGroup(ConnectionError):
                async with session(broker, "one") as link:
                    broker.cut("one")
                    await heard(link, 1)
            async with session(broker, "two"):
                pass
            assert [message.topic for message in await heard(watcher, 2)] == ["one/status", "two/status"]

    run_virtual(main())


def test_a_client_of_the_same_name_takes_over() -> None:
    async def main() -> None:
        broker = MemoryBroker()
        with pytest.RaisesGroup(ConnectionError, flatten_subgroups=True):
            async with session(broker, "twin") as first, session(broker, "twin"):
                await first.publish(Message("a", b""))

    run_virtual(main())


def test_a_broker_that_is_stopped_loses_everybody_and_refuses_until_it_is_up_again() -> None:
    async def main() -> None:
        broker = MemoryBroker()
        with pytest.RaisesGroup(ConnectionError):
            async with session(broker, "one") as link:
                broker.stop()
                await heard(link, 1)
        with pytest.raises(ConnectionError):
            await broker.client("one").session(Will("s", b""), lambda link: link.subscribe("a"))
        broker.up = True
        async with session(broker, "one") as link:
            await link.subscribe("a")

    run_virtual(main())


def test_deliveries_can_be_repeated_and_what_waits_too_long_is_marked() -> None:
    async def main() -> None:
        broker = MemoryBroker(room=2)
        async with session(broker, "one") as link:
            await link.subscribe("a")
            broker.repeats["one"] = 1
            for payload in (b"1", b"2"):
                await link.publish(Message("a", payload))
            got = [(message.payload, message.shed) for message in await heard(link, 3)]
            assert got == [(b"1", True), (b"1", False), (b"2", False)]

    run_virtual(main())
