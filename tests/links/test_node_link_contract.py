"""One contract, two ends: what ports.nodes says holds for the session over asyncua and for the one in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

from cellctl.app.clock import RealClock
from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.memory import MemoryLinks
from cellctl.links.opcua import OpcUaLink
from cellctl.ports.nodes import NodeAccess, NodeLink, NodeRef, NodeValue, Quality

from .opcua_plant import PLANT, URI, MemoryPlant, at, start_plant

Test = Callable[["End"], Awaitable[None]]
LEVEL: Final = NodeRef(at("Level"))


class End:
    """One end of the contract, and what it has told."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.heard: asyncio.Queue[NodeValue] = asyncio.Queue()
        self.lost: list[str] = []

    def link(self) -> NodeLink:
        raise NotImplementedError

    async def show(self, name: str, value: Any) -> None:
        raise NotImplementedError

    async def reset(self) -> None:
        raise NotImplementedError

    @property
    def called(self) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[NodeLink]:
        link = self.link()
        await link.open(self.heard.put_nowait, self.lost.append)
        try:
            yield link
        finally:
            await link.close()

    async def until(self, value: NodeValue) -> None:
        while await self.heard.get() != value:
            pass

    def run(self, test: Test) -> None:
        async def one() -> None:
            self.heard, self.lost = asyncio.Queue(), []
            await self.reset()
            async with asyncio.timeout(20):
                await test(self)

        self.runner.run(one())


class Memory(End):
    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self.byte_devices, self.violations = {}, ()
        self._begin()

    def _begin(self) -> None:
        self.plant = MemoryPlant()
        self.node_devices = {"arm-1": self.plant}
        self.links = MemoryLinks(self, RealClock())  # type: ignore[arg-type]

    def link(self) -> NodeLink:
        return self.links.nodes_of("arm-1", NodeAccess("opc.tcp://in.memory"))

    async def show(self, name: str, value: Any) -> None:
        self.plant.show(name, value)
        self.links._nodes["arm-1"]._live(0.0)

    async def reset(self) -> None:
        self._begin()

    @property
    def called(self) -> list[tuple[Any, ...]]:
        return self.plant.called


class Real(End):
    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self.plant = runner.run(start_plant())

    def link(self) -> NodeLink:
        return OpcUaLink("arm-1", NodeAccess(self.plant.url, insecure=True, publish_ms=20.0))

    async def show(self, name: str, value: Any) -> None:
        await self.plant.show(name, value)

    async def reset(self) -> None:
        await self.plant.reset()

    @property
    def called(self) -> list[tuple[Any, ...]]:
        return self.plant.called


@pytest.fixture(scope="module", params=["memory", "asyncua"])
def end(request: pytest.FixtureRequest) -> Iterator[End]:
    with asyncio.Runner() as runner:
        if request.param == "memory":
            yield Memory(runner)
            return
        real = Real(runner)
        yield real
        runner.run(real.plant.server.stop())


def test_every_type_is_told_in_order_and_its_present_value_is_plain(end: End) -> None:
    wanted = {
        "Level": ("Int64", 1), "Small": ("Int16", 5), "Byte": ("Byte", 200), "Real": ("Float", 0.5),
        "On": ("Boolean", True), "Text": ("String", "abc"), "Label": ("LocalizedText", "Idle"),
        "Registers": ("Int16[]", [10, 11, 12, 13]), "Coils": ("Boolean[]", [False, True, False]),
    }  # fmt: skip
    refs = [NodeRef(at(name)) for name in wanted]

    async def test(end: End) -> None:
        async with end.opened() as link:
            assert list(await link.resolve(refs, [])) == [name for name, _ in wanted.values()]
            await link.subscribe(refs)
            heard = [end.heard.get_nowait() for _ in refs]
            assert heard == [NodeValue(ref, value) for ref, (_, value) in zip(refs, wanted.values(), strict=True)]

    end.run(test)


def test_changes_come_and_to_ask_again_reads_anew(end: End) -> None:
    async def test(end: End) -> None:
        async with end.opened() as link:
            await link.subscribe([LEVEL])
            assert end.heard.get_nowait() == NodeValue(LEVEL, 1)
            await end.show("Level", 2)
            await end.until(NodeValue(LEVEL, 2))
            await link.subscribe([LEVEL])
            assert end.heard.get_nowait() == NodeValue(LEVEL, 2)

    end.run(test)


def test_one_element_of_an_array_is_heard_and_written_alone(end: End) -> None:
    one, some = NodeRef(at("Registers"), "2"), NodeRef(at("Registers"), "1:2")

    async def test(end: End) -> None:
        async with end.opened() as link:
            assert list(await link.resolve([one, some], [])) == ["Int16", "Int16[]"]
            await link.subscribe([one, some, NodeRef(at("Registers"))])
            assert [end.heard.get_nowait().value for _ in range(3)] == [12, [11, 12], [10, 11, 12, 13]]
            await link.write(one, 99)
            await end.until(NodeValue(NodeRef(at("Registers")), [10, 11, 99, 13]))
            await link.write(some, [7, 8])
            await end.until(NodeValue(NodeRef(at("Registers")), [10, 7, 8, 13]))
            await link.subscribe([one])
            await end.until(NodeValue(one, 8))

    end.run(test)


def test_what_is_written_is_heard_in_the_same_type(end: End) -> None:
    small, text = NodeRef(at("Small")), NodeRef(at("Text"))

    async def test(end: End) -> None:
        async with end.opened() as link:
            await link.subscribe([small, text])
            await link.write(small, -3)
            await end.until(NodeValue(small, -3))
            await link.write(text, "")
            await end.until(NodeValue(text, ""))
            assert list(await link.resolve([small, text], [])) == ["Int16", "String"]

    end.run(test)


def test_a_value_that_the_type_does_not_take_is_refused_and_nothing_changes(end: End) -> None:
    small = NodeRef(at("Small"))

    async def test(end: End) -> None:
        async with end.opened() as link:
            with pytest.raises(MachineFault, match=r"arm-1: .*Small"):
                await link.write(small, "five")
            await link.subscribe([small])
            assert end.heard.get_nowait() == NodeValue(small, 5)

    end.run(test)


def test_an_object_of_a_derived_type_is_found_and_so_are_absolute_ids(end: End) -> None:
    refs = [
        NodeRef((*PLANT, f"first:{URI};s=AxisType", f"{URI};Position")),
        NodeRef((f"node:{URI};s=Plant.Axes.A1", f"{URI};Position")),
        NodeRef((f"node:{URI};s=Plant.Small",)),
    ]

    async def test(end: End) -> None:
        async with end.opened() as link:
            assert list(await link.resolve(refs, [(f"node:{URI};s=Plant", f"{URI};Count")])) == [
                "Double",
                "Double",
                "Int16",
            ]
            await link.subscribe(refs)
            assert [end.heard.get_nowait() for _ in refs] == [
                NodeValue(ref, value) for ref, value in zip(refs, (1.5, 1.5, 5), strict=True)
            ]
            assert await link.call((f"node:{URI};s=Plant", f"{URI};Count"), 4, True) == (8,)

    end.run(test)


def test_everything_that_is_missing_is_named_in_one_go(end: End) -> None:
    async def test(end: End) -> None:
        async with end.opened() as link:
            refs = [LEVEL, NodeRef(at("Nothing")), NodeRef((*PLANT, "urn:test:absent;Level"))]
            with pytest.raises(MachineFault) as fault:
                await link.resolve(refs, [at("Count"), at("NoMethod")])
            for name in ("Nothing", "urn:test:absent;Level", "NoMethod"):
                assert name in str(fault.value)
            assert "urn:test:plant;Level" not in str(fault.value)
            assert "Count" not in str(fault.value)

    end.run(test)


def test_arguments_travel_in_their_declared_types(end: End) -> None:
    async def test(end: End) -> None:
        async with end.opened() as link:
            assert await link.call(at("Count"), 21, False) == (42,)
            assert end.called == [(21, "Int32", False, "Boolean")]

    end.run(test)


@pytest.mark.parametrize(("method", "arguments"), [("Refuse", ()), ("Count", (1,)), ("Count", ("one", True))])
def test_a_refused_call_is_a_fault_by_name_and_the_session_lives(
    end: End, method: str, arguments: tuple[Any, ...]
) -> None:
    async def test(end: End) -> None:
        async with end.opened() as link:
            with pytest.raises(MachineFault, match=f"arm-1: .*{method}"):
                await link.call(at(method), *arguments)
            assert end.called == []
            await link.subscribe([LEVEL])

    end.run(test)


def test_a_variable_without_a_value_is_not_good(end: End) -> None:
    async def test(end: End) -> None:
        unknown = NodeRef(at("Unknown"))
        async with end.opened() as link:
            assert list(await link.resolve([unknown], [])) == ["Double"]
            await link.subscribe([unknown])
            assert end.heard.get_nowait() == NodeValue(unknown, None, Quality.BAD, "BadNoData")

    end.run(test)


def test_a_closed_link_says_nothing_and_takes_nothing(end: End) -> None:
    async def test(end: End) -> None:
        async with end.opened() as link:
            await link.subscribe([LEVEL])
            await link.close()
            await link.close()
            told = end.heard.qsize()
            await end.show("Level", 9)
            for request in (link.subscribe([LEVEL]), link.write(LEVEL, 1), link.call(at("Count"), 1, True)):
                with pytest.raises(LinkLost):
                    await request
            assert (end.heard.qsize(), end.lost, end.called) == (told, [], [])

    end.run(test)
