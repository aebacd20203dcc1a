"""A scripted arm behind a NodeLink, and the shop it stands in. Paths are written out as the standard has them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError
from cellctl.domain.events import (
    Fact,
    OperationEnded,
    StationChanged,
)
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, Place
from cellctl.ports import Files, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink, NodePath, NodeRef, NodeValue, Quality
from cellctl_drivers.opcua_robot.driver import FAMILY

DI: Final = "http://opcfoundation.org/UA/DI/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
OURS: Final = "urn:cellctl:sim:robot"

SYSTEM: Final = (f"{DI};DeviceSet", f"{OURS};arm-1")
TASK: Final = (*SYSTEM, f"{ROBOTICS};Controllers", f"{OURS};controller", f"{ROBOTICS};TaskControls", f"{OURS};task")
MACHINE: Final = (*TASK, f"{ROBOTICS};TaskControlOperation", f"{ROBOTICS};TaskControlStateMachine")
STOPS: Final = (*SYSTEM, f"{ROBOTICS};SafetyStates", f"{OURS};SafetyState", f"{DI};ParameterSet")

STATE: Final = (*MACHINE, "CurrentState", "Number")
NAME: Final = (*TASK, f"{DI};ParameterSet", f"{ROBOTICS};TaskProgramName")
LOADED: Final = (*TASK, f"{DI};ParameterSet", f"{ROBOTICS};TaskProgramLoaded")
MODE: Final = (*STOPS, f"{ROBOTICS};OperationalMode")
STOP_CHAIN: Final = (*STOPS, f"{ROBOTICS};EmergencyStop")
PROTECTIVE: Final = (*STOPS, f"{ROBOTICS};ProtectiveStop")
GRIPPER: Final = (*SYSTEM, f"{OURS};GripperHoldsPart")
ZONE: Final = (*SYSTEM, f"{OURS};InZone")
COUNTER: Final = (*SYSTEM, f"{OURS};ProgramCounter")

LOAD: Final = (*MACHINE, f"{ROBOTICS};LoadByName")
START: Final = (*MACHINE, f"{ROBOTICS};Start")
STOP: Final = (*MACHINE, f"{ROBOTICS};Stop")
UNLOAD: Final = (*MACHINE, f"{ROBOTICS};UnloadProgram")

IDLE, READY, EXECUTING = 1, 2, 3
PROGRAM: Final = "carry:printer-1.bed>router-1.vise"
GRIPPED: Final = Place("arm-1.gripper")
CARRY: Final = Operation(
    "op-1", "job-1", "S1", "carry", OperationKind.CARRY, "arm-1",
    target=Place("router-1.vise"), source=Place("printer-1.bed"),
)  # fmt: skip

Reply = Callable[..., Awaitable[tuple[Any, ...]]]


class Arm:
    """A scripted OPC UA server: what it shows, what it was asked, and how it answers (a NodeLink)."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.closed = 0
        self.replies: dict[NodePath, Reply] = {}
        self.shown: dict[NodePath, NodeValue] = {}
        self.on_change: Callable[[NodeValue], None] = lambda _value: None
        self.on_lost: Callable[[str], None] = lambda _reason: None
        at_rest = {STATE: IDLE, NAME: "", LOADED: False, MODE: 4, STOP_CHAIN: False, PROTECTIVE: False}
        self.show({**at_rest, GRIPPER: False, ZONE: "", COUNTER: 7})

    def show(self, values: Mapping[NodePath, Any], *, good: bool = True) -> None:
        for path, value in values.items():
            self.shown[path] = NodeValue(NodeRef(path), value, Quality.GOOD if good else Quality.BAD)
            self.on_change(self.shown[path])

    def run_program(self) -> None:
        """A carry as it should be, up to the end of its program."""
        self.show({ZONE: "printer-1"})
        self.show({GRIPPER: True})
        self.show({ZONE: "router-1"})
        self.show({GRIPPER: False})
        self.show({ZONE: ""})
        self.show({COUNTER: self.shown[COUNTER].value + 1, STATE: READY})

    def starts(self) -> int:
        return self.calls.count(("Start",))

    # ---- NodeLink --------------------------------------------------------------------------------------------

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        self.on_change, self.on_lost = on_change, on_lost

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        for ref in refs:
            self.on_change(self.shown[ref.path])

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        self.calls.append((path[-1].rpartition(";")[2], *arguments))
        if path in self.replies:
            return await self.replies[path](*arguments)
        effects: Mapping[NodePath, dict[NodePath, Any]] = {
            LOAD: {NAME: arguments[0] if arguments else "", LOADED: True, STATE: READY},
            START: {STATE: EXECUTING},
            STOP: {STATE: READY},
            UNLOAD: {NAME: "", LOADED: False, STATE: IDLE},
        }
        self.show(effects[path])
        return (0,)

    async def close(self) -> None:
        self.closed += 1


def answers(*outputs: Any) -> Reply:
    async def reply(*_arguments: Any) -> tuple[Any, ...]:
        return outputs

    return reply


def fails(error: CellError) -> Reply:
    async def reply(*_arguments: Any) -> tuple[Any, ...]:
        raise error

    return reply


async def never(*_arguments: Any) -> tuple[Any, ...]:
    await asyncio.sleep(1e6)
    return (0,)


class Links:
    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.asked: list[tuple[str, NodeAccess]] = []

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        self.asked.append((machine, access))
        return self.arm

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> Any:
        raise NotImplementedError


class Shop:
    """An arm, its driver, and the facts that it has reported."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.links = Links(arm)
        self.facts: list[Fact] = []
        self.ended: CellError | None = None
        self.gone = asyncio.Event()
        self._news = asyncio.Event()
        tools = Tools(VirtualClock(), self.links, Files, self._report)  # type: ignore[arg-type]
        options = FAMILY.options(url="opc.tcp://127.0.0.1:1/arm-1", insecure=True)
        self.driver = FAMILY.driver("arm-1", options, tools)

    def _report(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._news.set()

    async def until(self, wanted: MachineState | type[Fact]) -> None:
        """Wait for a fact that has not been looked at yet."""
        while not any(self._is(fact, wanted) for fact in self.facts):
            self._news.clear()
            await self._news.wait()

    async def carrying(self) -> None:
        """Idle, then started, then seen executing."""
        await self.until(MachineState.IDLE)
        self.facts.clear()
        self.driver.start(CARRY)
        await self.until(MachineState.EXECUTE)

    @property
    def states(self) -> list[MachineState]:
        return [fact.state for fact in self.facts if isinstance(fact, StationChanged)]

    @property
    def outcome(self) -> OperationEnded:
        (ended,) = [fact for fact in self.facts if isinstance(fact, OperationEnded)]
        return ended

    @property
    def reason(self) -> str:
        return [fact.reason for fact in self.facts if isinstance(fact, StationChanged)][-1]

    @staticmethod
    def _is(fact: Fact, wanted: MachineState | type[Fact]) -> bool:
        if isinstance(wanted, MachineState):
            return isinstance(fact, StationChanged) and fact.state is wanted
        return isinstance(fact, wanted)


def play(scene: Callable[[Shop], Awaitable[None]], arm: Arm | None = None) -> Shop:
    """Serve while the scene is played; how the driver ended is left in the shop."""

    async def serve(shop: Shop) -> None:
        try:
            await shop.driver.serve()
        except CellError as error:
            shop.ended = error
        shop.gone.set()

    async def main() -> Shop:
        shop = Shop(arm or Arm())
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve(shop))
            async with asyncio.timeout(3600):
                await scene(shop)
            serving.cancel()
        return shop

    return run_virtual(main())
