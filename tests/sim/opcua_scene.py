"""A twin behind asyncua's server, our link over asyncua's client, and a network between them, all in virtual time."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cellctl.app.virtual_net import VirtualNet
from cellctl.app.virtual_time import run_virtual
from cellctl.links.opcua import OpcUaLink
from cellctl.ports.nodes import NodeAccess, NodePath, NodeRef, NodeValue
from cellctl_sim.config import ArmTwin, HandshakeTwin, MachineToolTwin
from cellctl_sim.faults import Fault
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.node_server import NodeServer
from cellctl_sim.opcua.handshake import Handshake
from cellctl_sim.opcua.machine_tool import MachineTool
from cellctl_sim.opcua.robot import Robot
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World

PORT: Final = 4840
URL: Final = f"opc.tcp://127.0.0.1:{PORT}/twin"
PLACES: Final = ("printer-1.bed", "router-1.vise")
CARRY: Final = f"carry:{PLACES[0]}>{PLACES[1]}"
PATIENCE_S: Final = 600.0


def world() -> World:
    """A part lies on the printer's bed."""
    made = World((*PLACES, "m-1.gripper"))
    made.deposit("printer-1", PLACES[0], 0.0)
    made.finish_print("printer-1", PLACES[0], 0.0)
    return made


def robot(around: World, **config: Any) -> Robot:
    return Robot("m-1", around, PLACES, ArmTwin(model="robot", **config))


def handshake(around: World, **config: Any) -> Handshake:
    return Handshake("m-1", around, PLACES, HandshakeTwin(model="handshake", **config))


def machine_tool(around: World, **config: Any) -> MachineTool:
    """It cuts in the router's vise, where a part has been put for it."""
    if around.part_at(PLACES[1]) is None:
        around.person_moves(PLACES[0], PLACES[1], 0.0)
    return MachineTool("m-1", PLACES[1], around, MachineToolTwin(model="machine_tool", **config))


@dataclass(slots=True)
class Scene:
    """What a test acts with. `told` is every value that was heard: when, which, what."""

    device: NodeTwin
    server: NodeServer
    net: VirtualNet
    told: list[tuple[float, str, Any]] = field(default_factory=list)
    values: dict[NodeRef, NodeValue] = field(default_factory=dict)
    lost: list[tuple[float, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    now_s_at_end: float = 0.0

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def connect(self, **access: Any) -> OpcUaLink:
        link = OpcUaLink("m-1", NodeAccess(URL, insecure=True, **access))
        await link.open(self._hear, self._lose)
        return link

    async def watching(self) -> OpcUaLink:
        """A link that hears every variable, and has found every method."""
        link = await self.connect()
        await link.resolve(self.refs(), list(self.device.methods))
        await link.subscribe(self.refs())
        return link

    def refs(self) -> list[NodeRef]:
        return [NodeRef(path) for path in self.device.types()]

    def method(self, name: str) -> NodePath:
        return self.device.shelf.methods[name].path

    def ref(self, name: str, index: str = "") -> NodeRef:
        return NodeRef(self.device.shelf.variables[name].path, index)

    def value(self, name: str) -> Any:
        return self.values[self.ref(name)].value

    async def until(self, name: str, wanted: Any) -> None:
        """Wait until a variable was heard to be this."""
        async with asyncio.timeout(PATIENCE_S):
            while self.value(name) != wanted:
                self.changed.clear()
                await self.changed.wait()

    async def until_lost(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while not self.lost:
                self.changed.clear()
                await self.changed.wait()
        return self.lost[-1][1]

    def _hear(self, value: NodeValue) -> None:
        name = "/".join(step.rpartition(";")[2] for step in value.ref.path[-2:])
        self.told.append((round(self.now_s(), 6), name, value.value))
        self.values[value.ref] = value
        self.changed.set()

    def _lose(self, reason: str) -> None:
        self.lost.append((round(self.now_s(), 6), reason))
        self.changed.set()


def play(
    device: NodeTwin, act: Callable[[Scene], Awaitable[None]], *faults: Fault, seed: int = 1, **server: Any
) -> Scene:
    """Act in virtual time; the scene as it was in the end. The same arguments give the same scene."""
    for fault in faults:
        device.trouble.add(fault)

    net = VirtualNet(latency_s=0.002)

    async def main() -> Scene:
        async with scene(device, net, **server) as there:
            await act(there)
            there.now_s_at_end = there.now_s()
        return there

    return run_virtual(main(), net=net, seed=seed)


@contextlib.asynccontextmanager
async def scene(device: NodeTwin, net: VirtualNet, **options: Any) -> AsyncIterator[Scene]:
    """A served device."""
    for name, level in (("asyncua", logging.ERROR), ("asyncua.server", logging.CRITICAL)):
        logging.getLogger(name).setLevel(level)
    server = NodeServer(device, MachineTime(1.0), **options)
    await server.open(URL)
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(server.serve(), name="serve")
        try:
            yield Scene(device, server, net)
        finally:
            life.cancel()
    await server.close()
