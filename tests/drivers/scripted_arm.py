"""A scripted arm after OPC 40010-1. Paths are written out as the standard has them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from cellctl.domain.work import Place
from cellctl.ports.nodes import NodePath
from tests.drivers import scripted_nodes
from tests.drivers.scripted_nodes import CARRY, Reply, Server, answers, fails, machine, never

__all__ = ["CARRY", "Reply", "answers", "fails", "never"]

DI: Final = "http://opcfoundation.org/UA/DI/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
OURS: Final = "urn:cellctl:sim:robot"

SYSTEM: Final = (f"{DI};DeviceSet", f"{OURS};arm-1")
TASK: Final = (*SYSTEM, f"{ROBOTICS};Controllers", f"{OURS};controller", f"{ROBOTICS};TaskControls", f"{OURS};task")
MACHINE: Final = (*TASK, f"{ROBOTICS};TaskControlOperation", f"{ROBOTICS};TaskControlStateMachine")
STOPS: Final = (*SYSTEM, f"{ROBOTICS};SafetyStates", f"{OURS};SafetyState", f"{DI};ParameterSet")

STATE: Final = (*MACHINE, "CurrentState", "Number")
SUBSTATE: Final = (*MACHINE, f"{ROBOTICS};ReadySubstateMachine", "CurrentState", "Number")
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

TYPES: Final[Mapping[NodePath, str]] = {
    STATE: "UInt32", SUBSTATE: "UInt32", NAME: "String", LOADED: "Boolean", MODE: "Int32", STOP_CHAIN: "Boolean",
    PROTECTIVE: "Boolean", GRIPPER: "Boolean", ZONE: "String", COUNTER: "UInt32",
}  # fmt: skip
IDLE, READY, EXECUTING = 1, 2, 3
AT_START: Final = 1
PROGRAM: Final = "carry:printer-1.bed>router-1.vise"
GRIPPED: Final = Place("arm-1.gripper")
KEYS: Final[Mapping[str, Any]] = {"profile": "robotics-1.02", "parameters": {"namespace": OURS}}


class Arm(Server):
    """What the robot's controller does when it is asked, and what a program of it shows."""

    def __init__(self) -> None:
        at_rest = {STATE: IDLE, SUBSTATE: 0, NAME: "", LOADED: False, MODE: 4, STOP_CHAIN: False, PROTECTIVE: False}
        super().__init__({**at_rest, GRIPPER: False, ZONE: "", COUNTER: 7}, TYPES)

    def run_program(self) -> None:
        """A carry as it should be, up to the end of its program."""
        self.show({ZONE: "printer-1"})
        self.show({GRIPPER: True})
        self.show({ZONE: "router-1"})
        self.show({GRIPPER: False})
        self.show({ZONE: ""})
        self.show({COUNTER: self.shown[COUNTER].value + 1, STATE: READY, SUBSTATE: AT_START})

    def starts(self) -> int:
        return self.calls.count(("Start",))

    async def act(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        effects: Mapping[NodePath, dict[NodePath, Any]] = {
            LOAD: {NAME: arguments[0] if arguments else "", LOADED: True, STATE: READY, SUBSTATE: AT_START},
            START: {STATE: EXECUTING, SUBSTATE: 0},
            STOP: {STATE: READY, SUBSTATE: 2},
            UNLOAD: {NAME: "", LOADED: False, STATE: IDLE, SUBSTATE: 0},
        }
        self.show(effects[path])
        return (0,)


class Shop(scripted_nodes.Shop):
    """An arm, its driver, and the facts that it has reported."""

    def __init__(self, arm: Arm, **keys: Any) -> None:
        super().__init__(arm, machine(**{**KEYS, **keys}))
        self.arm = arm

    async def carrying(self) -> None:
        """Idle, then started, then seen executing."""
        await self.working()


def play(scene: Callable[[Shop], Awaitable[None]], arm: Arm | None = None, **keys: Any) -> Shop:
    """Serve while the scene is played; how the driver ended is left in the shop."""
    played: Shop = scripted_nodes.play(lambda: Shop(arm or Arm(), **keys), scene)
    return played
