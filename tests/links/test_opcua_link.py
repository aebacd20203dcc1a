"""The OPC UA link against a real asyncua server on loopback. The server starts once, and lives on one loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.internal_session import InternalSession
from asyncua.server.server import Server
from asyncua.ua.status_codes import StatusCodes

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.opcua import OpcUaLink
from cellctl.links.opcua_security import Keys
from cellctl.ports.nodes import NodeAccess, NodePath, NodeRef, NodeValue, Quality

URI: Final = "urn:test:plant"
NO_KEYS: Final = Keys(Path("nowhere"), Path("nowhere"))

PLANT: Final[NodePath] = (f"{URI};Plant",)
LEVEL: Final[NodePath] = (*PLANT, f"{URI};Level")
TEXT: Final[NodePath] = (*PLANT, f"{URI};Text")
GAUGE: Final[NodePath] = (*PLANT, f"{URI};Gauge")
MODEL: Final[NodePath] = (*PLANT, "Model")
DOUBLE: Final[NodePath] = (*PLANT, f"{URI};Double")
REFUSE: Final[NodePath] = (*PLANT, f"{URI};Refuse")
HANG: Final[NodePath] = (*PLANT, f"{URI};Hang")


@dataclass(slots=True)
class Plant:
    """A running server with a few variables and methods, and what its methods were called with."""

    server: Server
    port: int
    nodes: dict[NodePath, Node]
    called: list[tuple[Any, ...]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/plant"

    async def show(self, path: NodePath, value: Any, status: int = StatusCodes.Good) -> None:
        shown = ua.DataValue(ua.Variant(value), StatusCode=ua.StatusCode(ua.UInt32(status)))
        await self.server.write_attribute_value(self.nodes[path].nodeid, shown)

    async def double(self, _parent: ua.NodeId, number: ua.Variant) -> list[ua.Variant]:
        self.called.append(("Double", number.Value, number.VariantType))
        return [ua.Variant(number.Value * 2, ua.VariantType.Int64)]

    async def refuse(self, _parent: ua.NodeId) -> ua.StatusCode:
        self.called.append(("Refuse",))
        return ua.StatusCode(ua.UInt32(StatusCodes.BadUserAccessDenied))

    async def hang(self, _parent: ua.NodeId) -> list[ua.Variant]:
        self.called.append(("Hang",))
        await self.released.wait()
        return []


@dataclass(slots=True)
class Wire:
    """A wire to a port that can be cut; to port 0: to somebody who never says anything."""

    target: int
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    server: asyncio.Server | None = None

    async def open(self) -> str:
        self.server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return f"opc.tcp://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/plant"

    async def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        if self.server:
            self.server.close()
            await self.server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if not self.target:
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers.append(back)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, back))
            tasks.create_task(_copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(4096):
            writer.write(chunk)
    writer.close()


def client_tasks() -> list[asyncio.Task[Any]]:
    """Tasks of asyncua's client that nobody has cancelled."""
    running = [task for task in asyncio.all_tasks() if not task.cancelling()]
    return [task for task in running if "asyncua/client" in task.get_coro().cr_code.co_filename]


async def _start() -> Plant:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for other in ("urn:test:first", "urn:test:second"):
        await server.register_namespace(other)
    index = await server.register_namespace(URI)
    root = await server.nodes.objects.add_object(index, "Plant")
    nodes = {
        LEVEL: await root.add_variable(index, "Level", 1),
        TEXT: await root.add_variable(index, "Text", ua.LocalizedText("Idle")),
        GAUGE: await root.add_variable(index, "Gauge", 1.5),
        MODEL: await root.add_property(0, "Model", "M1"),
    }
    plant = Plant(server, 0, nodes)
    await root.add_method(index, "Double", plant.double, [ua.VariantType.Int64], [ua.VariantType.Int64])
    await root.add_method(index, "Refuse", plant.refuse, [], [])
    await root.add_method(index, "Hang", plant.hang, [], [])
    await server.start()
    plant.port = server.bserver._server.sockets[0].getsockname()[1]
    return plant


@dataclass(slots=True)
class Loop:
    """The loop on which server and tests run, one after the other."""

    runner: asyncio.Runner
    plant: Plant

    def run(self, test: Callable[[Plant], Awaitable[None]]) -> None:
        async def one() -> None:
            async with asyncio.timeout(20):
                await test(self.plant)

        self.plant.called.clear()
        self.runner.run(one())


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with asyncio.Runner() as runner:
        plant = runner.run(_start())
        yield Loop(runner, plant)
        runner.run(plant.server.stop())


def refs(*paths: NodePath) -> list[NodeRef]:
    return [NodeRef(path) for path in paths]


class Hearing:
    """What a link has told, each awaited in order."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[NodeValue] = asyncio.Queue()
        self.losses: asyncio.Queue[str] = asyncio.Queue()

    async def until(self, path: NodePath, value: Any, quality: Quality = Quality.GOOD, status: str = "Good") -> None:
        while await self.values.get() != NodeValue(NodeRef(path), value, quality, status):
            pass


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[tuple[OpcUaLink, Hearing]]:
    link, hearing = OpcUaLink("arm-1", NodeAccess(url, insecure=True, **options), NO_KEYS), Hearing()
    await link.open(hearing.values.put_nowait, hearing.losses.put_nowait)
    try:
        yield link, hearing
    finally:
        await link.close()


def test_present_values_come_before_subscribe_returns_and_changes_after_it(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        await plant.show(LEVEL, 1)
        async with opened(plant.url) as (link, hearing):
            await link.subscribe(refs(LEVEL, TEXT, MODEL))
            heard = [hearing.values.get_nowait() for _ in range(3)]
            assert heard == [
                NodeValue(NodeRef(LEVEL), 1),
                NodeValue(NodeRef(TEXT), "Idle"),
                NodeValue(NodeRef(MODEL), "M1"),
            ]
            await plant.show(LEVEL, 2)
            await hearing.until(LEVEL, 2)

    loop.run(test)


def test_changes_faster_than_publishing_all_arrive_in_order(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, hearing):
            await link.subscribe(refs(LEVEL))
            for level in range(10, 15):
                await plant.show(LEVEL, level)
            heard: list[int] = []
            while heard[-1:] != [14]:
                heard.append((await hearing.values.get()).value)
            assert heard[-5:] == [10, 11, 12, 13, 14]

    loop.run(test)


def test_a_bad_or_uncertain_value_is_unknown(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, hearing):
            await link.subscribe(refs(GAUGE))
            await plant.show(GAUGE, 2.5, StatusCodes.BadSensorFailure)
            await hearing.until(GAUGE, None, Quality.BAD, "BadSensorFailure")
            await plant.show(GAUGE, 2.5, StatusCodes.UncertainLastUsableValue)
            await hearing.until(GAUGE, None, Quality.UNCERTAIN, "UncertainLastUsableValue")
            await plant.show(GAUGE, 2.5)
            await hearing.until(GAUGE, 2.5)

    loop.run(test)


def test_to_subscribe_again_brings_the_present_values_again_and_no_change_twice(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, hearing):
            await link.subscribe(refs(MODEL, LEVEL))
            await plant.show(LEVEL, 100)
            await hearing.until(LEVEL, 100)
            await link.subscribe(refs(MODEL, LEVEL))
            again = [hearing.values.get_nowait() for _ in range(2)]
            assert again == [NodeValue(NodeRef(MODEL), "M1"), NodeValue(NodeRef(LEVEL), 100)]
            await plant.show(LEVEL, 101)
            await plant.show(LEVEL, 102)
            assert [(await hearing.values.get()).value for _ in range(2)] == [101, 102]

    loop.run(test)


def test_a_call_brings_its_outputs_and_an_int_travels_as_int64(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, _):
            assert await link.call(DOUBLE, 21) == (42,)
            assert plant.called == [("Double", 21, ua.VariantType.Int64)]

    loop.run(test)


def test_a_refused_call_names_the_status(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, _):
            with pytest.raises(MachineFault, match=r"arm-1: .*refuses to call .*Refuse: BadUserAccessDenied"):
                await link.call(REFUSE)

    loop.run(test)


def test_a_call_without_an_answer_is_lost_and_made_once(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url, call_timeout_s=0.2) as (link, _):
            with pytest.raises(LinkLost, match=r"no answer in time to: call .*Hang"):
                await link.call(HANG)
            plant.released.set()
        assert plant.called == [("Hang",)]

    loop.run(test)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ((*PLANT, f"{URI};Nothing"), "has no urn:test:plant;Plant / urn:test:plant;Nothing"),
        ((*PLANT, "urn:test:absent;Level"), "has no urn:test:plant;Plant / urn:test:absent;Level"),
    ],
)
def test_a_name_that_leads_nowhere_is_a_fault_by_name(loop: Loop, path: NodePath, what: str) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, _):
            with pytest.raises(MachineFault, match=what):
                await link.subscribe(refs(LEVEL, path))
            with pytest.raises(MachineFault, match=what):
                await link.call(path)

    loop.run(test)


def test_a_cut_wire_is_told_once_and_later_requests_are_lost(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        wire = Wire(plant.port)
        async with opened(await wire.open()) as (link, hearing):
            await link.subscribe(refs(LEVEL))
            await wire.cut()
            assert "the connection is lost" in await hearing.losses.get()
            with pytest.raises(LinkLost):
                await link.call(DOUBLE, 1)
            await link.close()
        assert hearing.losses.empty()
        assert plant.called == []

    loop.run(test)


def test_nothing_is_told_after_close(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        async with opened(plant.url) as (link, hearing), opened(plant.url) as (other, proof):
            await link.subscribe(refs(LEVEL))
            await other.subscribe(refs(LEVEL))
            await link.close()
            told = hearing.values.qsize()
            await plant.show(LEVEL, 55)
            await proof.until(LEVEL, 55)
            assert (hearing.values.qsize(), hearing.losses.qsize()) == (told, 0)
            with pytest.raises(LinkLost, match="session is not open"):
                await link.call(DOUBLE, 1)

    loop.run(test)


def test_close_gives_the_session_back_and_ends_every_task(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        seats = InternalSession._current_connections
        async with opened(plant.url) as (link, _):
            await link.subscribe(refs(LEVEL))
            assert InternalSession._current_connections == seats + 1
            assert client_tasks()
        assert InternalSession._current_connections == seats
        assert not client_tasks()

    loop.run(test)


def test_a_server_that_is_not_there_is_a_lost_link(loop: Loop) -> None:
    async def test(plant: Plant) -> None:
        wire = Wire(plant.port)
        url = await wire.open()
        await wire.cut()
        with pytest.raises(LinkLost, match="arm-1: could not connect"):
            async with opened(url):
                pass

    loop.run(test)


def test_a_server_that_says_nothing_is_a_lost_link_within_the_deadline(loop: Loop) -> None:
    async def test(_plant: Plant) -> None:
        silent = Wire(target=0)
        with pytest.raises(LinkLost, match="no answer in time to: connect"):
            async with opened(await silent.open(), call_timeout_s=0.1):
                pass
        await silent.cut()

    loop.run(test)


def test_without_security_nothing_is_sent_and_the_error_says_what_to_do(loop: Loop) -> None:
    async def test(_plant: Plant) -> None:
        nobody, hearing = Wire(target=0), Hearing()
        link = OpcUaLink("arm-1", NodeAccess(await nobody.open()), NO_KEYS)
        with pytest.raises(MachineFault, match="cellctl opcua trust arm-1"):
            await link.open(hearing.values.put_nowait, hearing.losses.put_nowait)
        await link.close()
        assert nobody.writers == []
        await nobody.cut()

    loop.run(test)
