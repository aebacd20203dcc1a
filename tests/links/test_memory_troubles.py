"""The same troubles of the same twin over the memory link, without any server: what a caller learns of each."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.memory import MemoryLinks
from cellctl.links.memory_nodes import MemoryNodeLink
from cellctl.ports.nodes import NodeAccess, NodeRef, NodeValue, Quality
from cellctl_sim.faults import Fault
from cellctl_sim.opcua.twin import NodeTwin
from tests.sim.opcua_scene import CARRY, handshake, robot, world


@dataclass(slots=True)
class Cell:
    """One machine."""

    node_devices: dict[str, Any]
    byte_devices: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Bench:
    """A robot, its links, and what was heard."""

    robot: NodeTwin
    links: MemoryLinks
    values: dict[NodeRef, NodeValue] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    async def watching(self) -> MemoryNodeLink:
        link = self.links.nodes_of("m-1", NodeAccess("opc.tcp://nowhere", insecure=True))
        await link.open(lambda value: self.values.update({value.ref: value}), self.lost.append)
        await link.subscribe([NodeRef(path) for path in self.robot.types()])
        return link

    async def load(self, link: MemoryNodeLink) -> tuple[Any, ...]:
        return await link.call(self.robot.shelf.methods["LoadByName"].path, CARRY)

    @property
    def state(self) -> int:
        return int(self.robot.values()[self.robot.shelf.variables["CurrentState/Number"].path])

    def heard(self, name: str) -> NodeValue:
        return self.values[NodeRef(self.robot.shelf.variables[name].path)]


def play(act: Callable[[Bench], Awaitable[None]], *faults: Fault) -> None:
    device = robot(world())
    for fault in faults:
        device.trouble.add(fault)

    async def main() -> None:
        links = MemoryLinks(Cell({"m-1": device}), VirtualClock())  # type: ignore[arg-type] - nobody asks for people
        links.start()
        await act(Bench(device, links))
        links.close()

    run_virtual(main())


@pytest.mark.parametrize(
    ("kind", "state"), [("hang", 1), ("hang-after", 2), ("drop", 1), ("drop-after", 2), ("slow", 2), ("late", 1)]
)
def test_a_call_without_an_answer_is_lost_and_had_its_effect_or_not(kind: str, state: int) -> None:
    async def act(bench: Bench) -> None:
        link = await bench.watching()
        with pytest.raises(LinkLost):
            await bench.load(link)
        assert bench.state == state
        assert bool(bench.lost) is kind.startswith("drop")
        await asyncio.sleep(20.0)
        assert bench.state == (2 if kind == "late" else state)
        await link.close()

    play(act, Fault(kind, nth=1, line="call Load", amount=10.0))


def test_a_refusal_is_the_machines_own_or_a_status_code() -> None:
    async def act(bench: Bench) -> None:
        link = await bench.watching()
        assert await bench.load(link) == (2,)
        with pytest.raises(MachineFault, match="BadUserAccessDenied"):
            await bench.load(link)
        assert await bench.load(link) == (0,)
        await link.close()

    own, code = Fault("refuse", nth=1, line="call"), Fault("refuse", nth=2, line="call", text="BadUserAccessDenied")
    play(act, own, code)


@pytest.mark.parametrize("kind", ["cut", "restart", "reboot", "full", "certificate"])
def test_a_server_that_is_gone_for_a_while_is_told_and_comes_back(kind: str) -> None:
    async def act(bench: Bench) -> None:
        link = await bench.watching()
        await asyncio.sleep(2.0)
        assert bench.lost
        await link.close()
        with pytest.raises(LinkLost):
            await bench.watching()
        await asyncio.sleep(5.0)
        await (await bench.watching()).close()

    play(act, Fault(kind, at_s=1.0, amount=4.0))


def test_another_certificate_than_the_pinned_one_is_refused_as_over_a_network() -> None:
    async def act(bench: Bench) -> None:
        protected = NodeAccess("opc.tcp://nowhere")
        link = bench.links.nodes_of("m-1", protected)
        await link.open(lambda _: None, bench.lost.append)
        await asyncio.sleep(3.0)
        assert bench.lost
        await link.close()
        with pytest.raises(MachineFault, match=r"m-1: .*another certificate.*cellctl opcua trust m-1"):
            await bench.links.nodes_of("m-1", protected).open(lambda _: None, lambda _: None)

    play(act, Fault("certificate", at_s=1.0, amount=1.0))


def test_a_request_has_the_same_name_however_its_node_was_found() -> None:
    device = handshake(world(), style="bits")
    device.trouble.add(Fault("refuse", nth=1, line="write Start", text="BadUserAccessDenied"))

    async def main() -> None:
        links = MemoryLinks(Cell({"m-1": device}), VirtualClock())
        link = links.nodes_of("m-1", NodeAccess("opc.tcp://nowhere", insecure=True))
        await link.open(lambda _: None, lambda _: None)
        with pytest.raises(MachineFault, match="BadUserAccessDenied"):
            await link.write(NodeRef(("node:urn:cellctl:sim:plc;s=m-1.Start",)), True)
        await link.close()

    run_virtual(main())


def test_to_ask_again_for_what_is_heard_is_a_read_and_no_subscription() -> None:
    async def act(bench: Bench) -> None:
        link = await bench.watching()
        refs = [NodeRef(path) for path in bench.robot.types()]
        await link.subscribe(refs)
        with pytest.raises(MachineFault, match="BadUserAccessDenied"):
            await link.subscribe(refs)
        await link.close()

    once = Fault("refuse", nth=2, line="subscribe", text="BadInternalError")
    play(act, Fault("refuse", nth=3, line="read", text="BadUserAccessDenied"), once)


@pytest.mark.parametrize("kind", ["bad", "uncertain"])
def test_a_value_of_another_quality_is_not_known(kind: str) -> None:
    async def act(bench: Bench) -> None:
        link = await bench.watching()
        await asyncio.sleep(2.0)
        assert bench.heard("OperationalMode").quality is not Quality.GOOD
        await asyncio.sleep(2.0)
        assert bench.heard("OperationalMode").value == 4
        await link.close()

    play(act, Fault(kind, at_s=1.0, amount=2.0))
