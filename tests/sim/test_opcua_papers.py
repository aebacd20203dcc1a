"""A twin with papers on loopback, in real time: asyncua at both ends, signed and encrypted, with a user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final

import pytest

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.opcua import OpcUaLink
from cellctl.ports.nodes import NodeAccess, NodeRef, NodeValue
from cellctl_sim.faults import Fault
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.node_server import NodeServer
from cellctl_sim.opcua.robot import Robot
from tests.drivers.opcua_papers import PASSWORD, USER, office
from tests.sim.opcua_scene import CARRY, robot, world
from tests.sim.test_serve import free_port

IN_TIME_S: Final = 60.0


class Gate:
    """A robot behind its server, and the way in."""

    def __init__(self, device: Robot, url: str) -> None:
        self.device = device
        self.access = NodeAccess(url, user=USER, password_file="password")
        self.heard: list[NodeValue] = []
        self.lost = asyncio.Event()

    async def enter(self, access: NodeAccess | None = None, *, wrongly: bool = False) -> OpcUaLink:
        link = OpcUaLink("arm-1", access or self.access, office().trusting("arm-1", wrongly=wrongly))
        await link.open(self.heard.append, lambda _: self.lost.set())
        return link


@contextlib.asynccontextmanager
async def gate(*faults: Fault) -> AsyncIterator[Gate]:
    device = robot(world())
    server = NodeServer(device, MachineTime(1.0), papers=office().papers)
    url = f"opc.tcp://127.0.0.1:{free_port()}/twin"
    await server.open(url)
    for fault in faults:
        device.trouble.add(fault)
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(server.serve())
        try:
            yield Gate(device, url)
        finally:
            life.cancel()
    await server.close()


def play(act: Callable[[Gate], Awaitable[None]], *faults: Fault) -> None:
    async def main() -> None:
        async with asyncio.timeout(IN_TIME_S), gate(*faults) as there:
            await act(there)

    office()  # keys take their time, and have all of it
    asyncio.run(main())


def test_with_pin_user_and_password_it_is_heard_and_told_under_encryption() -> None:
    async def act(there: Gate) -> None:
        link = await there.enter()
        await link.subscribe([NodeRef(there.device.shelf.variables["OperationalMode"].path)])
        assert there.heard[0].value == 4
        assert await link.call(there.device.shelf.methods["LoadByName"].path, CARRY) == (0,)
        await link.close()
        # The server has no other door.
        with pytest.raises(LinkLost, match=r"arm-1: .*speaks with nobody without protection"):
            await there.enter(NodeAccess(there.access.url, insecure=True))

    play(act)


@pytest.mark.parametrize("user", ["stranger", ""])
def test_a_wrong_user_and_a_nameless_one_are_refused_with_the_machines_name(user: str) -> None:
    async def act(there: Gate) -> None:
        with pytest.raises(LinkLost, match=r"arm-1: .*BadUserAccessDenied.*Check user and password_file"):
            await there.enter(replace(there.access, user=user))

    play(act)


def test_a_wrong_password_is_refused_and_the_right_one_let_in_after_it() -> None:
    async def act(there: Gate) -> None:
        file = office().folder / "password"
        try:
            file.write_text("let me out")
            with pytest.raises(LinkLost, match=r"arm-1: .*Check user and password_file"):
                await there.enter()
        finally:
            file.write_text(PASSWORD)
        await (await there.enter()).close()

    play(act)


def test_another_certificate_from_the_start_is_refused_before_any_user_is_named() -> None:
    async def act(there: Gate) -> None:
        with pytest.raises(MachineFault, match=r"arm-1: .*another certificate.*cellctl opcua trust arm-1"):
            await there.enter(wrongly=True)

    play(act)


def test_another_certificate_after_a_restart_is_refused() -> None:
    async def act(there: Gate) -> None:
        link = await there.enter()
        await link.subscribe([NodeRef(path) for path in there.device.types()])
        await there.lost.wait()
        await link.close()
        # Until it listens again nobody is there at all.
        while True:
            try:
                await there.enter()
            except LinkLost:
                await asyncio.sleep(0.1)
                continue
            except MachineFault as refused:
                said = str(refused)
                break
        assert "another certificate" in said
        assert said.endswith("cellctl opcua trust arm-1")

    play(act, Fault("certificate", nth=1, line="subscribe", amount=0.3))
