"""OPC 40010-1 Robotics 1.02: where things are in the address space, and what their numbers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from cellctl.ports.nodes import NodePath

DI: Final = "http://opcfoundation.org/UA/DI/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"


class Signal(Enum):
    """A variable of the robot, by its browse name. The last three are the vendor's own."""

    STATE = "Number"
    PROGRAM_NAME = "TaskProgramName"
    PROGRAM_LOADED = "TaskProgramLoaded"
    MODE = "OperationalMode"
    STOP_CHAIN_OPEN = "EmergencyStop"
    PROTECTIVE_STOP = "ProtectiveStop"
    GRIPPER_HOLDS = "GripperHoldsPart"
    IN_ZONE = "InZone"
    PROGRAMS_ENDED = "ProgramCounter"


class Method(Enum):
    """A method of the TaskControlStateMachine, by its browse name."""

    LOAD = "LoadByName"
    START = "Start"
    STOP = "Stop"
    UNLOAD = "UnloadProgram"


class TaskState(IntEnum):
    """CurrentState/Number of the TaskControlStateMachine."""

    IDLE = 1
    READY = 2
    EXECUTING = 3


AT_REST: Final = frozenset({TaskState.IDLE, TaskState.READY})

# OperationalMode: only the fourth lets a program be started from outside.
AUTOMATIC_EXTERNAL: Final = 4
MODES: Final[Mapping[int, str]] = {
    0: "OTHER",
    1: "MANUAL_REDUCED_SPEED",
    2: "MANUAL_HIGH_SPEED",
    3: "AUTOMATIC",
    AUTOMATIC_EXTERNAL: "AUTOMATIC_EXTERNAL",
}

# What a method's Status means; below zero the vendor numbers.
ACCEPTED: Final = 0
WRONG_STATE: Final = 1
_STATUS: Final[Mapping[int, str]] = {
    ACCEPTED: "accepted",
    WRONG_STATE: "its state does not allow it",
    2: "an unexpected error",
    3: "an alarm is active",
    4: "something must be acknowledged at the controller first",
}

# ProgramCounter is a UInt32 and begins again at zero.
COUNTER_RANGE: Final = 2**32
# Stop on the path, the one StopMode that every controller must know.
STOP_MODE: Final = 0


def status_text(status: int) -> str:
    """What a method's Status says, for a person."""
    return f"Status {status}: {_STATUS.get(status, 'see the manual of the controller')}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of one robot's instances, all in one namespace (its URI)."""

    namespace: str
    system: str
    controller: str
    task: str
    safety_state: str

    @property
    def identity(self) -> str:
        """What was found when the paths could be resolved."""
        return f"{self.namespace};{self.system}"

    @property
    def variables(self) -> dict[NodePath, Signal]:
        """Where each signal is."""
        parameters, stops = (*self._task, f"{DI};ParameterSet"), (*self._stops, f"{DI};ParameterSet")
        paths = {
            Signal.STATE: (*self._machine, "CurrentState", "Number"),
            **{s: (*parameters, f"{ROBOTICS};{s.value}") for s in (Signal.PROGRAM_NAME, Signal.PROGRAM_LOADED)},
            **{
                s: (*stops, f"{ROBOTICS};{s.value}")
                for s in (Signal.MODE, Signal.STOP_CHAIN_OPEN, Signal.PROTECTIVE_STOP)
            },
            **{
                s: (*self._system, self._own(s.value))
                for s in (Signal.GRIPPER_HOLDS, Signal.IN_ZONE, Signal.PROGRAMS_ENDED)
            },
        }
        return {path: signal for signal, path in paths.items()}

    @property
    def methods(self) -> dict[Method, NodePath]:
        """Where each method is."""
        return {method: (*self._machine, f"{ROBOTICS};{method.value}") for method in Method}

    @property
    def _system(self) -> NodePath:
        return (f"{DI};DeviceSet", self._own(self.system))

    @property
    def _stops(self) -> NodePath:
        return (*self._system, f"{ROBOTICS};SafetyStates", self._own(self.safety_state))

    @property
    def _task(self) -> NodePath:
        controller = (f"{ROBOTICS};Controllers", self._own(self.controller))
        return (*self._system, *controller, f"{ROBOTICS};TaskControls", self._own(self.task))

    @property
    def _machine(self) -> NodePath:
        return (*self._task, f"{ROBOTICS};TaskControlOperation", f"{ROBOTICS};TaskControlStateMachine")

    def _own(self, name: str) -> str:
        return f"{self.namespace};{name}"
