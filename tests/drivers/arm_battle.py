"""One carry of a simulated serial arm with one plan of faults, by the real driver, in virtual time; and what is wrong
with how it went."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError, NotAllowed
from cellctl.domain.events import Fact, OperationEnded, PartMoved, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place
from cellctl.links.memory import MemoryLinks
from cellctl.ports import Driver, Tools
from cellctl.stores.files import MemoryFiles
from cellctl_drivers.serial_arm.driver import FAMILY
from cellctl_drivers.serial_arm.options import SerialArmOptions
from cellctl_drivers.serial_arm.route import carry, homing
from cellctl_sim.config import SerialArmTwin
from cellctl_sim.faults import Fault, FaultPlan, Kind, Way, plan
from cellctl_sim.serial_arm import FIRMWARES, SerialArm
from cellctl_sim.world import World
from tests.drivers.marlin_battle import Room

NAME, OTHER = "arm-1", "arm-2"
PLACES: Final = {"rack.1": (200.0, 100.0, 20.0), "vise.1": (-200.0, 100.0, 40.0)}
HOME: Final = (0.0, 150.0, 200.0)
SOURCE, TARGET, GRIPPER = Place("rack.1"), Place("vise.1"), f"{NAME}.gripper"
MOST_S: Final = 1800.0
AFTERWARDS_S: Final = 60.0
RETURNS: Final = 20

LOST_OK: Final = "lost-ok"
DAMAGED: Final = "damaged-line"
WIRE: Final = (Kind.FLIP, Kind.DROP, Kind.DOUBLE, Kind.GARBAGE, Kind.LOSE, Kind.MERGE, Kind.INSERT, Kind.SPLIT)
_ANY: Final = frozenset({"done", "fault", "lost", "not-begun", "unmet"})
# What may become of a carry, by what has gone wrong: noise may be harmless, or stand in the way before it begins.
ENDS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys((*WIRE, Kind.STALL, LOST_OK, DAMAGED), _ANY),
    **dict.fromkeys((Kind.FLIP, Kind.GARBAGE, DAMAGED), _ANY | {"held"}),  # One of its bytes may be a hold.
    Kind.UNPLUG: frozenset({"done", "lost", "not-begun"}),
    Kind.SWAP: frozenset({"done", "lost", "not-begun", "unmet"}),
    Kind.RESET: frozenset({"lost"}),
    Kind.POWER_CUT: frozenset({"lost"}),
    "limit": frozenset({"fault"}),
    "stuck": frozenset({"fault"}),
    # Without a sensor nobody notices; the part's place is presumed.
    "grip-miss": frozenset({"fault", "done"}),
    "slip": frozenset({"fault", "done"}),
}
KINDS: Final = tuple(ENDS)


@dataclass(frozen=True, slots=True)
class Setting:
    """Which arm it is."""

    dialect: str = "grbl"
    sensor: bool = True

    @property
    def options(self) -> SerialArmOptions:
        """As the cell file would say it."""
        grbl = self.dialect == "grbl"
        asked = {"query": "$GRIP", "holds": "holds", "empty": "empty"} if grbl else {}
        asked = asked or {"query": "P2231", "holds": "V2", "empty": "V0"}
        return SerialArmOptions(
            port="x",
            dialect=self.dialect,
            identity="ours",
            places={name: {"at": dict(zip("XYZ", at, strict=True))} for name, at in PLACES.items()},
            home=dict(zip("XYZ", HOME, strict=True)),
            homing=("$H",) if grbl else ("G28",),
            gripper=asked if self.sensor else {},
        )

    def twin(self, identity: str) -> SerialArmTwin:
        """The arm itself. Its jaws lock themselves, so that a reset drops nothing."""
        return SerialArmTwin(
            model="serial_arm", firmware=self.dialect, identity=identity, places=PLACES, sensor=self.sensor
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. `end`: done, fault, lost, not-begun, held, unmet (never ready) or never.

    `extra`: lines that move the arm and were carried out more often than a carry has them, or after its end.
    `strange`: others were. `cleared`: what a person's clear has come to; empty if there was nothing to clear.
    """

    end: str
    reason: str
    moved: tuple[tuple[str, Knowledge], ...]
    part: str
    extra: Sequence[str]
    strange: bool
    theirs: Sequence[str]
    violations: Sequence[str]
    cleared: str

    def wrongs(self, kind: str, sensor: bool) -> list[str]:
        """What must not be."""
        wrongs = [] if self.end in ENDS[kind] else [f"ended {self.end} ({self.reason})"]
        wrongs += [f"told again, or after the end: {line}" for line in self.extra]
        wrongs += [f"told to another arm: {line}" for line in self.theirs]
        wrongs += self.violations
        if self.end == "done" and sensor and self.part != TARGET:
            wrongs.append(f"done, and the part is at {self.part}")
        if kind == "grip-miss" and sensor and self.end == "done":
            wrongs.append("nothing was gripped, and it is done")
        if self.end == "not-begun" and self.part != SOURCE:
            wrongs.append(f"not begun, and the part is at {self.part}")
        known = {knowledge for _, knowledge in self.moved}
        if known - {Knowledge.OBSERVED if sensor else Knowledge.PRESUMED}:
            wrongs.append(f"custody is {known}")
        if self.moved and self.moved[-1][0] == TARGET and sensor and self.part != TARGET:
            wrongs.append(f"observed at {TARGET}, and the part is at {self.part}")
        if self.cleared not in ("", "STOPPED") and kind not in LASTING:
            wrongs.append(f"cleared, and it is {self.cleared}")
        return wrongs


# What is still wrong when a person clears.
LASTING: Final = frozenset({"stuck", Kind.SWAP, *WIRE, Kind.STALL, DAMAGED, LOST_OK, Kind.POWER_CUT})


class Battle:
    """One carry against one plan. A person comes when all is quiet, takes the part out and clears."""

    def __init__(self, setting: Setting, faults: FaultPlan) -> None:
        self.clock = VirtualClock()
        self.facts: list[Fact] = []
        self.setting = setting
        self.world = World([*PLACES, GRIPPER, f"{OTHER}.gripper"])
        self.world.deposit("nobody", SOURCE, 0.0)
        self.world.finish_print("nobody", SOURCE, 0.0)
        self.trouble = faults.play()
        self.arms = {
            NAME: _witness(NAME, self.world, setting.twin("ours"), self.trouble),
            OTHER: _witness(OTHER, self.world, setting.twin("theirs"), None),
        }
        self.links = MemoryLinks(Room({name: arm for name, (arm, _) in self.arms.items()}), self.clock)
        self._driver: Driver | None = None

    async def fight(self) -> Outcome:
        """Until the carry has ended, and some minutes longer; then a person clears."""
        self.trouble.plug = self._plug
        self.links.start()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self._serve())
            await self._until(lambda: self._ended is not None or self.clock.now_s() > MOST_S)
            moves = list(self.arms[NAME][1])
            end = self._end()
            await asyncio.sleep(AFTERWARDS_S)
            later = self.arms[NAME][1][len(moves) :]
            part = self.world.parts[0].place
            violations = list(self.world.violations)
            cleared = await self._clear()
            serving.cancel()
        self.links.close()
        moved = [(fact.place, fact.knowledge) for fact in self.facts if isinstance(fact, PartMoved)]
        allowed = self._allowed()
        told = Counter(moves)
        strange = any(line not in allowed for line in told)
        extra = [line for line in told if line in allowed and told[line] > allowed[line]]
        # A move that was on its way when the cable went may still be taken.
        extra += [line for line in later if line not in moves[-1:]][1 if end[0] == "lost" else 0 :]
        theirs = self.arms[OTHER][1]
        return Outcome(*end, tuple(moved), part, extra, strange, theirs, violations, cleared)

    def _allowed(self) -> Counter[str]:
        hand, taught = self.setting.options.hand, self.setting.options.taught
        steps = [*homing(hand), *carry(hand, taught[SOURCE], taught[TARGET])]
        return Counter(step.line for step in steps if step.moves or step.name in ("grip", "release", "open"))

    # ---- what a supervisor and a person do -----------------------------------------------------------------------

    async def _serve(self) -> None:
        """As the supervisor does; the carry is begun once, when the arm is ready for the first time."""
        tools = Tools(self.clock, self.links, MemoryFiles(), self._hear)
        for _ in range(RETURNS):
            self._driver = FAMILY.driver(NAME, self.setting.options, tools)
            try:
                await self._driver.serve()
            except CellError as error:
                self.facts.append(StationChanged(NAME, MachineState.STOPPED, str(error)))
            self._driver = None
            await asyncio.sleep(30.0)

    def _hear(self, fact: Fact) -> None:
        begun = any(isinstance(each, StationChanged) and each.state is MachineState.STARTING for each in self.facts)
        self.facts.append(fact)
        if isinstance(fact, StationChanged) and fact.state is MachineState.IDLE and not begun:
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        if self._driver is not None:
            with contextlib.suppress(NotAllowed):  # It was lost in the same moment.
                self._driver.start(Operation("op", "job", "n-1", "carry", OperationKind.CARRY, NAME, TARGET, SOURCE))

    async def _clear(self) -> str:
        """A person takes the part out of the gripper and clears the arm."""
        if self._state is not MachineState.ABORTED or self._driver is None:
            return ""
        self.world.person_moves(GRIPPER, "gone", self.clock.now_s())
        with contextlib.suppress(NotAllowed):
            self._driver.command(MachineCommand.CLEAR)
        await asyncio.sleep(AFTERWARDS_S)
        return "" if self._state is None else self._state.name

    async def _until(self, over: Any) -> None:
        while not over():
            await asyncio.sleep(1.0)

    @property
    def _state(self) -> MachineState | None:
        states = [fact.state for fact in self.facts if isinstance(fact, StationChanged)]
        return states[-1] if states else None

    @property
    def _ended(self) -> OperationEnded | None:
        return next((fact for fact in self.facts if isinstance(fact, OperationEnded)), None)

    def _end(self) -> tuple[str, str]:
        ended = self._ended
        if ended is not None:
            return _NAMES[ended.state], ended.reason
        if self._state is MachineState.HELD:
            return "held", "a byte of noise was a hold"
        reasons = [fact.reason for fact in self.facts if isinstance(fact, StationChanged) and fact.reason]
        started = any(isinstance(fact, StationChanged) and fact.state is MachineState.STARTING for fact in self.facts)
        return "never" if started else "unmet", reasons[-1] if reasons else ""

    def _plug(self, fault: Fault, now_s: float) -> None:
        self.links.cut(NAME)
        if fault.kind == Kind.SWAP:
            self.links.cut(OTHER)
            self.links.swap(NAME, OTHER)
        asyncio.get_running_loop().call_later(fault.amount, self.links.mend, NAME)


_NAMES: Final = {
    OperationState.DONE: "done",
    OperationState.FAILED: "fault",
    OperationState.UNKNOWN: "lost",
    OperationState.NOT_BEGUN: "not-begun",
}


def _witness(name: str, world: World, twin: SerialArmTwin, trouble: Any) -> tuple[SerialArm, list[str]]:
    """An arm, and the lines that move something as it carries them out."""
    told: list[str] = []
    base: Any = FIRMWARES[twin.firmware]

    class Witness(base):  # type: ignore[misc]
        def _begin(self, line: str, now_s: float) -> Any:
            task = super()._begin(line, now_s)
            if line[:2] in ("G0", "G1", "G2", "M3", "M5") or line == "$H" or line.startswith("M2231"):
                told.append(line)
            return task

    return Witness(name, world, twin, Random(1), faults=trouble), told


def faults_of(kind: str, seed: int) -> FaultPlan:
    """What goes wrong; when is drawn from the seed, within the carry or a little before."""
    rng = Random(f"{seed}/{kind}/arm")
    nth = rng.randint(1, 30)
    if kind == LOST_OK:
        return FaultPlan(seed, (Fault(Kind.LOSE, nth=nth, way=Way.TO_HOST, line="ok"),))
    if kind == DAMAGED:
        return FaultPlan(seed, (Fault(rng.choice((Kind.FLIP, Kind.DROP, Kind.DOUBLE)), nth=nth),))
    if kind == "grip-miss":
        return FaultPlan(seed, (Fault(kind, at_s=0.0),))
    if kind == "slip":
        return FaultPlan(seed, (Fault(kind, at_s=rng.uniform(20.0, 50.0)),))
    if kind in ("limit", "stuck", Kind.RESET, Kind.POWER_CUT):
        return FaultPlan(seed, (Fault(kind, at_s=rng.uniform(1.0, 45.0), amount=rng.uniform(0.1, 20.0)),))
    return plan(seed, kind, lines=30)


def fight(kind: str, seed: int) -> list[str]:
    """What was wrong with this seed; nothing, if all is well. Dialect and sensor take turns with the seeds."""
    setting = Setting(("grbl", "marlin")[seed % 2], sensor=seed % 4 < 2)
    return outcome(kind, seed, setting).wrongs(kind, setting.sensor)


def outcome(kind: str, seed: int, setting: Setting) -> Outcome:
    """How one carry went."""

    async def main() -> Outcome:
        return await Battle(setting, faults_of(kind, seed)).fight()

    return run_virtual(main())
