"""An articulated arm behind an OPC UA controller, modelled after OPC 40010-1 Robotics 1.02.

The controller has one taught program for each ordered pair of places: `carry:printer-1.bed>router-1.vise`.
A call returns at once with a Status; what became of it shows in the state machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import permutations
from typing import Any, Final

from cellctl_sim.config import ArmTwin
from cellctl_sim.world import World

# Browse names below Objects, each "namespace-uri;name"; the same alias as the daemon's.
NodePath = tuple[str, ...]

DI: Final = "http://opcfoundation.org/UA/DI/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
VENDOR: Final = "urn:cellctl:sim:robot"

OK: Final = 0
E_SYSTEM_STATE: Final = 1
E_ACTIVE_ALARM: Final = 3
NO_SUCH_PROGRAM: Final = -1  # below zero the vendor may number as it likes

AUTOMATIC_EXTERNAL: Final = 4

# Input arguments of each method: name, OPC UA type, Python type.
METHODS: Final[Mapping[str, tuple[tuple[str, str, type], ...]]] = {
    "LoadByName": (("Name", "String", str),),
    "Start": (),
    "Stop": (("StopMode", "Int64", int),),
    "UnloadProgram": (),
}


class State(IntEnum):
    """TaskControlStateMachine; the value is CurrentState/Number."""

    IDLE = 1
    READY = 2
    EXECUTING = 3


class Reason(IntEnum):
    """Why the last transition happened."""

    UNKNOWN = 0
    EXTERNAL = 1
    ERROR = 4
    APPLICATION = 5


class Leg(Enum):
    """A carry program, in order. What a leg is named for is reached at its end, `move_s` after the one before."""

    INTO_SOURCE_ZONE = 0
    GRIP = 1
    OUT_OF_SOURCE_ZONE = 2
    TRAVEL = 3
    INTO_TARGET_ZONE = 4
    RELEASE = 5
    OUT_OF_TARGET_ZONE = 6
    HOME = 7


@dataclass(slots=True)
class _Run:
    """The loaded program and how far it is."""

    name: str
    leg: Leg = Leg.INTO_SOURCE_ZONE
    left_s: float = 0.0
    gripped_nothing: bool = False

    @property
    def source(self) -> str:
        return self.name.removeprefix("carry:").partition(">")[0]

    @property
    def target(self) -> str:
        return self.name.partition(">")[2]


@dataclass(slots=True)
class _Control:
    """The task control's own memory."""

    state: State = State.IDLE
    reason: Reason = Reason.UNKNOWN
    alarm: bool = False
    ended: int = 0
    run: _Run | None = None
    at_start: bool = True


class Robot:
    """One arm with its controller, a NodeDevice. It reaches `places` and holds at most one part."""

    def __init__(self, name: str, world: World, places: Sequence[str], config: ArmTwin) -> None:
        self.name = name
        self._world = world
        self._move_s = config.move_s
        self._taught = frozenset(f"carry:{a}>{b}" for a, b in permutations(places, 2))
        self._control = _Control()
        self._zone = ""
        self._now_s = 0.0
        self._paths = _paths_of(name)

    def values(self) -> Mapping[NodePath, Any]:
        """Every variable with its present value."""
        control, run = self._control, self._control.run
        substate = ("", "AtProgramStart", "Suspended")
        number = 0 if control.state is not State.READY else 1 if control.at_start else 2
        present = {
            "GripperHoldsPart": self._world.part_at(f"{self.name}.gripper") is not None,
            "InZone": self._zone,
            "ProgramCounter": control.ended,
            "TaskProgramName": run.name if run else "",
            "TaskProgramLoaded": control.state is not State.IDLE,
            "CurrentState": control.state.name.capitalize(),
            "CurrentState/Number": int(control.state),
            "LastTransitionReason": int(control.reason),
            "ReadySubstateMachine/CurrentState": substate[number],
            "ReadySubstateMachine/CurrentState/Number": number,
            "OperationalMode": AUTOMATIC_EXTERNAL,
            "EmergencyStop": False,
            "ProtectiveStop": False,
        }
        return {self._paths[name]: value for name, value in present.items()}

    @property
    def methods(self) -> Mapping[NodePath, Sequence[tuple[str, str, type]]]:
        """Every method with its input arguments: name, OPC UA type, Python type. All return Status (Int32)."""
        return {self._paths[name]: METHODS[name] for name in METHODS}

    def call(self, path: NodePath, arguments: Sequence[Any], now_s: float) -> tuple[Any, ...]:
        """Call a method; returns (Status,). Raises KeyError if there is none, ValueError for wrong arguments."""
        expected = self.methods[path]
        if [type(a) for a in arguments] != [kind for _, _, kind in expected]:
            raise ValueError(f"{path[-1]} takes {', '.join(f'{n}: {t}' for n, t, _ in expected) or 'nothing'}")
        self.advance(now_s)
        method = path[-1].rpartition(";")[2]
        if method == "LoadByName":
            return (self._load(*arguments),)
        return ({"Start": self._start, "Stop": self._stop, "UnloadProgram": self._unload}[method](),)

    def advance(self, now_s: float) -> None:
        """Let time pass up to now: every leg that ends by then has its effect in the world."""
        while (due_s := self.wakeup_s) is not None and due_s <= now_s:
            self._now_s = due_s
            self._end_leg()
        if self._control.state is State.EXECUTING and self._control.run:
            self._control.run.left_s -= now_s - self._now_s
        self._now_s = now_s

    @property
    def wakeup_s(self) -> float | None:
        """When the present leg ends; None while no program runs."""
        run = self._control.run
        return self._now_s + run.left_s if run and self._control.state is State.EXECUTING else None

    # ---- methods ---------------------------------------------------------------------------------------------

    def _load(self, name: str) -> int:
        if self._control.alarm:
            return E_ACTIVE_ALARM
        if self._control.state is not State.IDLE:
            return E_SYSTEM_STATE
        if name not in self._taught:
            return NO_SUCH_PROGRAM
        self._rewind(name)
        self._enter(State.READY, Reason.EXTERNAL)
        return OK

    def _start(self) -> int:
        if self._control.alarm:
            return E_ACTIVE_ALARM
        if self._control.state is not State.READY:
            return E_SYSTEM_STATE
        self._control.at_start = False
        self._enter(State.EXECUTING, Reason.EXTERNAL)
        return OK

    def _stop(self) -> int:
        """Stand still at once, on the path, whatever the mode; Start goes on from there."""
        if self._control.state is not State.EXECUTING:
            return E_SYSTEM_STATE
        self._enter(State.READY, Reason.EXTERNAL)
        return OK

    def _unload(self) -> int:
        """Forget the program, and the alarm of a failed one. The arm stays where it is."""
        if self._control.state is not State.READY and not self._control.alarm:
            return E_SYSTEM_STATE
        self._control.alarm, self._control.run = False, None
        self._enter(State.IDLE, Reason.EXTERNAL)
        return OK

    # ---- motion ----------------------------------------------------------------------------------------------

    def _end_leg(self) -> None:
        run = self._control.run
        if run is None:
            return
        self._act(run)
        if run.leg is Leg.HOME:
            self._end_program(run)
        elif run.gripped_nothing and run.leg is Leg.OUT_OF_SOURCE_ZONE:
            self._control.alarm = True
            self._enter(State.IDLE, Reason.ERROR)
        else:
            run.leg, run.left_s = Leg(run.leg.value + 1), self._move_s

    def _act(self, run: _Run) -> None:
        world, now_s = self._world, self._now_s
        match run.leg:
            case Leg.INTO_SOURCE_ZONE:
                self._go_into(run.source)
            case Leg.INTO_TARGET_ZONE:
                self._go_into(run.target)
            case Leg.OUT_OF_SOURCE_ZONE | Leg.OUT_OF_TARGET_ZONE:
                self._leave_zone()
            case Leg.GRIP:
                run.gripped_nothing = not world.grip(self.name, run.source, now_s)
            case Leg.RELEASE:
                world.release(self.name, run.target, now_s)
            case Leg.TRAVEL | Leg.HOME:
                pass

    def _end_program(self, run: _Run) -> None:
        self._control.ended += 1
        self._rewind(run.name)
        self._enter(State.READY, Reason.APPLICATION)

    def _rewind(self, name: str) -> None:
        self._control.run = _Run(name, left_s=self._move_s)
        self._control.at_start = True

    def _go_into(self, place: str) -> None:
        self._leave_zone()  # where an unloaded program may have left it
        self._zone = place.partition(".")[0]
        self._world.enter(self.name, self._zone, self._now_s)

    def _leave_zone(self) -> None:
        if self._zone:
            self._world.leave(self.name, self._zone, self._now_s)
        self._zone = ""

    def _enter(self, state: State, reason: Reason) -> None:
        self._control.state, self._control.reason = state, reason


def _paths_of(arm: str) -> dict[str, NodePath]:
    """Where each variable and method is, by the shortest name that is unique."""
    system = (f"{DI};DeviceSet", f"{VENDOR};{arm}")
    task = (*system, f"{ROBOTICS};Controllers", f"{VENDOR};controller", f"{ROBOTICS};TaskControls", f"{VENDOR};task")
    machine = (*task, f"{ROBOTICS};TaskControlOperation", f"{ROBOTICS};TaskControlStateMachine")
    ready = (*machine, f"{ROBOTICS};ReadySubstateMachine")
    stops = (*system, f"{ROBOTICS};SafetyStates", f"{VENDOR};SafetyState", f"{DI};ParameterSet")
    in_robotics = {
        (*task, f"{DI};ParameterSet"): ("TaskProgramName", "TaskProgramLoaded"),
        machine: ("LastTransitionReason", *METHODS),
        stops: ("OperationalMode", "EmergencyStop", "ProtectiveStop"),
    }
    return {
        **{n: (*system, f"{VENDOR};{n}") for n in ("GripperHoldsPart", "InZone", "ProgramCounter")},
        **{n: (*parent, f"{ROBOTICS};{n}") for parent, names in in_robotics.items() for n in names},
        "CurrentState": (*machine, "CurrentState"),
        "CurrentState/Number": (*machine, "CurrentState", "Number"),
        "ReadySubstateMachine/CurrentState": (*ready, "CurrentState"),
        "ReadySubstateMachine/CurrentState/Number": (*ready, "CurrentState", "Number"),
    }
