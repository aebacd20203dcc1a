"""An articulated arm behind an OPC UA controller, modelled after OPC 40010-1 Robotics 1.02.

The controller has one taught program for each ordered pair of places: `carry:printer-1.bed>router-1.vise`.
A call returns at once with a Status; what became of it shows in the state machine.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Any, Final

from cellctl_sim.config import ArmTwin
from cellctl_sim.faults import Fault
from cellctl_sim.opcua.carrier import AXES, Carrier
from cellctl_sim.opcua.shelf import DEVICE_SET, DI, ROBOTICS, NodePath, Shelf, Variable, methods, variables
from cellctl_sim.opcua.trouble import NodeKind
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World

VENDOR: Final = "urn:cellctl:sim:robot"

OK: Final = 0
E_SYSTEM_STATE: Final = 1
E_UNEXPECTED: Final = 2
E_ACTIVE_ALARM: Final = 3
NO_SUCH_PROGRAM: Final = -1  # below zero the vendor may number as it likes

MANUAL_REDUCED: Final = 1
AUTOMATIC_EXTERNAL: Final = 4

# What stops the arm, and keeps it from starting, for as long as it lasts.
_STOPS: Final = (NodeKind.STOP_CHAIN, NodeKind.PROTECTIVE_STOP, NodeKind.WRONG_MODE)


class State(IntEnum):
    """TaskControlStateMachine; the value is CurrentState/Number."""

    IDLE = 1
    READY = 2
    EXECUTING = 3


_STATE_NAMES: Final = {state: state.name.capitalize() for state in State}
# The state nodes of the type, for CurrentState/Id; ours, as the numbers differ between editions of the nodeset.
_STATE_IDS: Final = {state: f"{ROBOTICS};i={5100 + state}" for state in State}


class Reason(IntEnum):
    """Why the last transition happened."""

    UNKNOWN = 0
    EXTERNAL = 1
    ERROR = 4
    APPLICATION = 5


@dataclass(slots=True)
class _Control:
    """The task control's own memory."""

    state: State = State.IDLE
    reason: Reason = Reason.UNKNOWN
    alarm: bool = False
    ended: int = 0
    at_start: bool = True


class Robot(NodeTwin):
    """One arm with its controller. `config.axes_every_s` is how often its axes are looked at while it moves."""

    def __init__(
        self, name: str, world: World, places: Sequence[str], config: ArmTwin, rng: Random | None = None
    ) -> None:
        super().__init__(name, robot_shelf(name), rng or Random(name))  # noqa: S311 - repeatable
        self._arm = Carrier(name, world, places, config.move_s)
        self._axes_every_s = config.axes_every_s
        self._control = _Control()
        self._override_percent = config.speed_override_percent

    def _present(self) -> Mapping[str, Any]:
        control, arm = self._control, self._arm
        substate = ("", "AtProgramStart", "Suspended")
        number = 0 if control.state is not State.READY else 1 if control.at_start else 2
        return {
            "GripperHoldsPart": arm.holds_part,
            "InZone": arm.zone,
            "ProgramCounter": control.ended,
            "TaskProgramName": arm.program,
            "TaskProgramLoaded": control.state is not State.IDLE,
            "ExecutionMode": 0,
            "CurrentState": _STATE_NAMES[control.state],
            "CurrentState/Number": int(control.state),
            "CurrentState/Id": _STATE_IDS[control.state],
            "LastTransitionReason": int(control.reason),
            "ReadySubstateMachine/CurrentState": substate[number],
            "ReadySubstateMachine/CurrentState/Number": number,
            "OperationalMode": MANUAL_REDUCED if self._suffers(NodeKind.WRONG_MODE) else AUTOMATIC_EXTERNAL,
            "EmergencyStop": self._suffers(NodeKind.STOP_CHAIN),
            "ProtectiveStop": self._suffers(NodeKind.PROTECTIVE_STOP),
            "MotionDeviceCategory": 1,
            "SpeedOverride": self._override_percent,
            "InControl": True,
            **{name: round(at, 3) for name, at in zip(_AXES_AT, arm.axes, strict=True)},
        }

    def _act(self, method: str, arguments: Sequence[Any], *, refuse: bool) -> tuple[Any, ...]:
        if refuse:
            return (E_UNEXPECTED,)
        if method == "LoadByName":
            return (self._load(*arguments),)
        if method == "Stop":
            return (self._stop(),)
        return ({"Start": self._start, "UnloadProgram": self._unload, "ResetToProgramStart": self._reset}[method](),)

    def _due_s(self) -> float:
        look_s = self._now_s + self._axes_every_s if self._axes_every_s and self._arm.moving else math.inf
        return min(self._arm.due_s, look_s)

    def _live(self, now_s: float) -> None:
        end = self._arm.live(now_s)
        if end == "ended":
            self._control.ended += 1
            self._rewind(self._arm.program)
            self._enter(State.READY, Reason.APPLICATION)
        elif end == "failed":
            self._fail()

    def _begin(self, fault: Fault) -> None:
        if fault.kind in _STOPS and self._control.state is State.EXECUTING:
            self._hold(Reason.ERROR)
        elif fault.kind == NodeKind.ALARM:
            self._fail()

    def _reboot(self) -> None:
        self._arm.unload()
        self._control = _Control(ended=self._control.ended)

    # ---- methods ---------------------------------------------------------------------------------------------

    def _load(self, name: str) -> int:
        if self._control.alarm:
            return E_ACTIVE_ALARM
        if self._control.state is not State.IDLE:
            return E_SYSTEM_STATE
        if name not in self._arm.taught:
            return NO_SUCH_PROGRAM
        self._rewind(name)
        self._enter(State.READY, Reason.EXTERNAL)
        return OK

    def _start(self) -> int:
        if self._control.alarm:
            return E_ACTIVE_ALARM
        if self._control.state is not State.READY or any(map(self._suffers, _STOPS)):
            return E_SYSTEM_STATE
        self._control.at_start = False
        self._arm.moving = True
        self._enter(State.EXECUTING, Reason.EXTERNAL)
        return OK

    def _stop(self) -> int:
        """Stand still at once, on the path, whatever the mode; Start goes on from there."""
        if self._control.state is not State.EXECUTING:
            return E_SYSTEM_STATE
        self._hold(Reason.EXTERNAL)
        return OK

    def _reset(self) -> int:
        """A suspended program begins anew with the next start."""
        if self._control.state is not State.READY:
            return E_SYSTEM_STATE
        self._rewind(self._arm.program)
        self._enter(State.READY, Reason.EXTERNAL)
        return OK

    def _unload(self) -> int:
        """Forget the program, and the alarm of a failed one. The arm stays where it is."""
        if self._control.state is not State.READY and not self._control.alarm:
            return E_SYSTEM_STATE
        self._control.alarm = False
        self._arm.unload()
        self._enter(State.IDLE, Reason.EXTERNAL)
        return OK

    # ---- inside ----------------------------------------------------------------------------------------------

    def _rewind(self, name: str) -> None:
        self._arm.load(name)
        self._control.at_start = True

    def _hold(self, reason: Reason) -> None:
        self._arm.moving = False
        self._enter(State.READY, reason)

    def _fail(self) -> None:
        self._arm.moving = False
        self._control.alarm = True
        self._enter(State.IDLE, Reason.ERROR)

    def _enter(self, state: State, reason: Reason) -> None:
        self._control.state, self._control.reason = state, reason


_AXES_AT: Final = tuple(f"Axis{n}/ActualPosition" for n in range(1, AXES + 1))
_SIGNATURES: Final = {
    "LoadByName": ("Name: String", "Status: Int32"),
    "Start": ("", "Status: Int32"),
    "Stop": ("StopMode: Int64", "Status: Int32"),
    "UnloadProgram": ("", "Status: Int32"),
}


def robot_shelf(arm: str) -> Shelf:
    """Where each variable and method of a robot is, by the shortest name that is unique."""
    system = (*DEVICE_SET, f"{VENDOR};{arm}")
    device = (*system, f"{ROBOTICS};MotionDevices", f"{VENDOR};arm")
    controller = (*system, f"{ROBOTICS};Controllers", f"{VENDOR};controller")
    task = (*controller, f"{ROBOTICS};TaskControls", f"{VENDOR};task")
    operation = (*task, f"{ROBOTICS};TaskControlOperation")
    machine = (*operation, f"{ROBOTICS};TaskControlStateMachine")
    ready = (*machine, f"{ROBOTICS};ReadySubstateMachine")
    stops = (*system, f"{ROBOTICS};SafetyStates", f"{VENDOR};SafetyState")
    axes = {n: (*device, f"{ROBOTICS};Axes", f"{VENDOR};Axis{n}") for n in range(1, AXES + 1)}
    shown = {
        **dict(variables(system, VENDOR, "GripperHoldsPart: Boolean", "InZone: String", "ProgramCounter: UInt32")),
        **_parameters(task, "TaskProgramName: String", "TaskProgramLoaded: Boolean", "ExecutionMode: Int32"),
        **dict(variables(machine, "", "CurrentState: LocalizedText")),
        **_state_parts("CurrentState", (*machine, "CurrentState"), "Number: UInt32", "Id: NodeId"),
        **dict(variables(machine, ROBOTICS, "LastTransitionReason: Int16")),
        **_state_parts("ReadySubstateMachine", ready, "CurrentState: LocalizedText"),
        **_state_parts("ReadySubstateMachine/CurrentState", (*ready, "CurrentState"), "Number: UInt32"),
        **_parameters(stops, "OperationalMode: Int32", "EmergencyStop: Boolean", "ProtectiveStop: Boolean"),
        **dict(variables(device, ROBOTICS, "MotionDeviceCategory: Int32")),
        **_parameters(device, "SpeedOverride: Double", "InControl: Boolean"),
        **{
            f"Axis{n}/{k}": v
            for n, axis in axes.items()
            for k, v in _parameters(axis, "ActualPosition: Double").items()
        },
    }
    reset = {"ResetToProgramStart": ("", "Status: Int32")}
    called = {**dict(methods(machine, ROBOTICS, _SIGNATURES)), **dict(methods(ready, ROBOTICS, reset))}
    kinds = {system: 1002, device: 1004, controller: 1003, task: 1011, operation: 1008, machine: 1025, stops: 1013}
    kinds |= dict.fromkeys(axes.values(), 16601)
    objects: dict[NodePath, str] = {path: f"{ROBOTICS};i={number}" for path, number in kinds.items()}
    return Shelf(VENDOR, shown, called, {DEVICE_SET: f"{DI};i=5001"}, objects, {})


def _parameters(parent: NodePath, *names_and_types: str) -> dict[str, Variable]:
    return dict(variables((*parent, f"{DI};ParameterSet"), ROBOTICS, *names_and_types))


def _state_parts(prefix: str, parent: NodePath, *names_and_types: str) -> dict[str, Variable]:
    return {f"{prefix}/{name}": variable for name, variable in variables(parent, "", *names_and_types)}
