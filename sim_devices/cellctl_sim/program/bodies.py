"""What the machines of a cell do to the world in one run: a printer, a router, an arm, a machine tool.

Times: motion from the pre-flight check, heat by the same law as the line-level twin's, legs from the twin's `move_s`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from cellctl.domain.events import OperationAcknowledged, PartMoved
from cellctl.domain.mishaps import Mishap, Stroke
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place
from cellctl.gcode.rules import Pace, Point
from cellctl_sim.config import MachineToolTwin, PrinterTwin, RouterTwin
from cellctl_sim.heat import Heater
from cellctl_sim.opcua.carrier import Leg
from cellctl_sim.program.machine import Stage, Stages, WentWrong
from cellctl_sim.program.reading import Nature, Script, reading
from cellctl_sim.world import World

NO_GOOD: Final = "is no good"
# A printer's board is silent for so long after its port was opened.
_BOOTS_S: Final = 3.0
# A wait for heat ends when the target was kept for a while.
_SETTLES_S: Final = 5.0
_HOMING_S: Final[Point] = (4.0, 4.0, 8.0)
# An operator has set the work origin of G54 once: this part of each travel away from the homing corner.
_ORIGIN_AT: Final = 5 / 6


class PrinterBody:
    """A bed, a nozzle and what comes out of it. `release_celsius`: a part is taken off at this bed or colder."""

    boots_s = _BOOTS_S
    adopts = False

    def __init__(self, name: str, place: str, world: World, twin: PrinterTwin, release_celsius: float | None) -> None:
        self.nature: Nature | None = Nature(_pace_of(twin), _HOMING_S)
        self.identity = f"{twin.machine_name} {twin.uuid}"
        self._name, self._place, self._world, self._twin = name, place, world, twin
        self._release_celsius = release_celsius
        self._heaters = _Heaters(twin)
        self._spoils_next = False
        self._spoils_until_s = 0.0

    def mark(self) -> str:
        """A printer shows nothing of what it printed."""
        return ""

    def strike(self, stroke: Stroke, now_s: float) -> None:
        """The next part may be spoilt, or all of the next hours."""
        self._spoils_next = self._spoils_next or stroke.kind is Mishap.BAD_PART
        if stroke.kind is Mishap.WRONG_MATERIAL:
            self._spoils_until_s = max(self._spoils_until_s, stroke.until_s)

    def come_home(self, now_s: float) -> None:
        """It has nothing to bring home."""

    def work(self, operation: Operation, script: Script | None, now_s: float) -> Stages:
        """Heat, print, cool down to where the part comes off. The bed goes off while the last moves are planned.

        A shared build comes one part after the other.
        """
        world, heaters, begun = self._world, self._heaters, list[str]()
        places = [str(alone.target) for alone in operation.each()] if operation.mates else [self._place]
        world.set_moving(self._name, True, now_s)
        try:
            heats_s, moves_s, coasts_s = self._times(script, now_s)
            now_s = yield Stage(heats_s)
            now_s = yield Stage(0.0, gate=True)
            for place in places:
                if begun:
                    self._finish(begun.pop(), now_s)
                world.deposit(self._name, place, now_s)
                begun.append(place)
                now_s = yield Stage((moves_s - coasts_s) / len(places))
            heaters.go_off(now_s)
            now_s = yield Stage(coasts_s)
            self._finish(begun.pop(), now_s)
            self._cool(places, now_s)
            taken = (OperationAcknowledged(operation.id),)
            cools_s = heaters.cools_s(self._release_celsius, now_s)
            now_s = yield Stage(cools_s, taken, completing=True, resident=True)
            self._cool(places, now_s)
            return ()
        finally:
            heaters.go_off(now_s)
            world.set_moving(self._name, False, now_s)
            for place in begun:
                world.break_off(self._name, place, now_s)

    def _times(self, script: Script | None, now_s: float) -> tuple[float, float, float]:
        """Waiting for heat, moving, and what of that is left when the bed goes off."""
        if script is None:
            return 0.0, 0.0, 0.0
        read, moves_s = reading(script, self._twin.planner_blocks), script.takes.estimated_s
        return self._heaters.wait_s(read.heats, now_s), moves_s, min(read.coasts_s, moves_s)

    def _cool(self, places: Sequence[str], now_s: float) -> None:
        self._world.set_moving(self._name, False, now_s)
        for place in places:
            self._world.set_surface_celsius(place, self._heaters.bed.celsius(now_s), now_s)

    def _finish(self, place: str, now_s: float) -> None:
        self._world.finish_print(self._name, place, now_s)
        part = self._world.part_at(place)
        if part is not None and (self._spoils_next or now_s < self._spoils_until_s):
            self._spoils_next = False
            part.note(NO_GOOD, now_s)


class _Heaters:
    """Bed and nozzle of a printer."""

    def __init__(self, twin: PrinterTwin) -> None:
        self.bed = Heater(twin.ambient_celsius, twin.bed_heats_celsius_per_s, twin.bed_cools_in_s)
        self.nozzle = Heater(twin.ambient_celsius, twin.nozzle_heats_celsius_per_s, twin.nozzle_cools_in_s)
        self._twin = twin

    def wait_s(self, heats: Sequence[tuple[str, float, bool]], now_s: float) -> float:
        """How long a program waits for what it heats before it extrudes, from how warm the machine is."""
        # Homing stands between the first targets and the first wait: its time is motion, and heats all the same.
        began_s, now_s = now_s, now_s + sum(_HOMING_S)
        for which, celsius, waits in heats:
            heater = self.bed if which == "bed" else self.nozzle
            if celsius != heater.target:
                heater.set_target(celsius, now_s if waits else began_s)
            reached_s = heater.reaches_s(celsius) if waits else now_s
            if reached_s > now_s:
                now_s = reached_s + _SETTLES_S
        return now_s - began_s - sum(_HOMING_S)

    def go_off(self, now_s: float) -> None:
        """Both."""
        self.bed.set_target(0.0, now_s)
        self.nozzle.set_target(0.0, now_s)

    def cools_s(self, release_celsius: float | None, now_s: float) -> float:
        """How long until a part may be taken off a bed that is off."""
        if release_celsius is None or self.bed.celsius(now_s) <= release_celsius:
            return 0.0
        return self.bed.reaches_s(release_celsius) - now_s


def _pace_of(twin: PrinterTwin) -> Pace:
    return Pace(
        tuple(60.0 * feed for feed in twin.max_feed_mm_per_s),
        twin.max_acceleration_mm_per_s2,
        twin.acceleration_mm_per_s2,
        twin.acceleration_mm_per_s2,
        twin.travel_acceleration_mm_per_s2,
        twin.junction_deviation_mm,
        twin.planner_blocks,
    )


class RouterBody:
    """A spindle over a vise."""

    boots_s = 0.0
    adopts = False

    def __init__(self, name: str, place: str, world: World, twin: RouterTwin) -> None:
        self.identity = f"Grbl {twin.firmware}.{twin.build_date}"
        x, y, z = (-_ORIGIN_AT * size for size in twin.size_mm)
        pace = Pace(
            twin.max_feed_mm_per_min,
            twin.acceleration_mm_per_s2,
            junction_deviation_mm=twin.junction_deviation_mm,
            planner_blocks=twin.planner_blocks,
        )
        self.nature: Nature | None = Nature(pace, stands_at_mm=(0.0, 0.0, 0.0), work_zero_mm=(x, y, z))
        self._name, self._place, self._world = name, place, world
        self._planner_blocks = twin.planner_blocks
        self._spoils_next = False

    def mark(self) -> str:
        """A router shows nothing of what it cut."""
        return ""

    def strike(self, stroke: Stroke, now_s: float) -> None:
        """The next part may be spoilt."""
        self._spoils_next = self._spoils_next or stroke.kind is Mishap.BAD_PART

    def come_home(self, now_s: float) -> None:
        """It stands where it stands."""

    def work(self, operation: Operation, script: Script | None, now_s: float) -> Stages:
        """Cut what is in the vise."""
        world, whole = self._world, False
        now_s = yield Stage(0.0, gate=True)
        world.set_moving(self._name, True, now_s)
        world.set_spindle(self._name, True, now_s)
        world.cut(self._name, self._place, f"cut {operation.step}", now_s)
        try:
            now_s = yield Stage(script.takes.takes_s if script else 0.0)
            whole = True
            self._stand(now_s)
            self._go_to(script)
            self._judge(now_s)
            yield Stage(0.0, completing=True)
            return ()
        finally:
            self._stand(now_s)
            if not whole:
                world.break_off(self._name, self._place, now_s)

    def _stand(self, now_s: float) -> None:
        self._world.set_spindle(self._name, False, now_s)
        self._world.set_moving(self._name, False, now_s)

    def _go_to(self, script: Script | None) -> None:
        nature = self.nature
        if script is None or nature is None or nature.stands_at_mm is None or nature.work_zero_mm is None:
            return
        ends = reading(script, self._planner_blocks).ends_mm
        x, y, z = (
            old if math.isnan(end) else zero + end
            for old, end, zero in zip(nature.stands_at_mm, ends, nature.work_zero_mm, strict=True)
        )
        self.nature = replace(nature, stands_at_mm=(x, y, z))

    def _judge(self, now_s: float) -> None:
        part = self._world.part_at(self._place)
        if part is not None and self._spoils_next:
            self._spoils_next = False
            part.note(NO_GOOD, now_s)


class ToolBody:
    """A machine tool that knows its programs by name."""

    boots_s = 0.0
    adopts = True
    nature: Nature | None = None

    def __init__(self, name: str, place: str, world: World, twin: MachineToolTwin) -> None:
        self.identity = f"urn:cellctl:sim:machine-tool;{name}"
        self._name, self._place, self._world, self._programs = name, place, world, twin.programs
        self._runs = 0

    def mark(self) -> str:
        """How many programs it has run."""
        return str(self._runs)

    def strike(self, stroke: Stroke, now_s: float) -> None:
        """Nothing of it can be spoilt."""

    def come_home(self, now_s: float) -> None:
        """It does that by itself."""

    def work(self, operation: Operation, script: Script | None, now_s: float) -> Stages:
        """Run the program of this name."""
        name = operation.program.resident if operation.program else ""
        if name not in self._programs:
            raise WentWrong(f"there is no program {name!r}", OperationState.NOT_BEGUN)
        world = self._world
        now_s = yield Stage(0.0, gate=True)
        world.set_spindle(self._name, True, now_s)
        world.cut(self._name, self._place, f"cut {operation.step}", now_s)
        try:
            yield Stage(self._programs[name])
            self._runs += 1
            return ()
        finally:
            world.set_spindle(self._name, False, now_s)


LegsS = Callable[[str, str], Sequence[float]]
"""How long each of the eight legs of a carry lasts, from place to place."""


class ArmBody:
    """An arm that takes a part from place to place in eight legs.

    `streamed`: it is told leg by leg over a line, and stands still when nobody speaks any more.
    """

    nature: Nature | None = None

    def __init__(
        self, name: str, world: World, legs_s: LegsS, identity: str, *, streamed: bool = False, boots_s: float = 0.0
    ) -> None:
        self.identity, self.boots_s, self.adopts = identity, boots_s, not streamed
        self._name, self._world, self._legs_s = name, world, legs_s
        self._ended = 0
        self._drops_next = False
        self._lies: dict[Mishap, float] = {}

    def mark(self) -> str:
        """Its program counter."""
        return str(self._ended) if self.adopts else ""

    def strike(self, stroke: Stroke, now_s: float) -> None:
        """The next part may fall, or the sensor lie for a while."""
        if stroke.kind is Mishap.DROPS_PART:
            self._drops_next = True
        elif stroke.kind in (Mishap.SENSES_NOTHING, Mishap.SENSES_PART):
            self._lies[stroke.kind] = stroke.until_s

    def work(self, operation: Operation, script: Script | None, now_s: float) -> Stages:
        """Carry."""
        if operation.kind is not OperationKind.CARRY:
            raise WentWrong("an arm carries, and does nothing else", OperationState.NOT_BEGUN)
        source, target = str(operation.source), str(operation.target)
        legs_s = self._legs_s(source, target)
        told: tuple[PartMoved, ...] = ()
        now_s = yield Stage(0.0, gate=True)
        try:
            for leg in Leg:
                now_s = yield Stage(legs_s[leg.value], told)
                told = self._end_leg(leg, operation, now_s)
        except WentWrong:
            self.come_home(now_s)
            raise
        self._ended += 1
        if not self.adopts:
            yield Stage(0.0, told, completing=True)
        return () if not self.adopts else told

    def come_home(self, now_s: float) -> None:
        """Out of every zone. What is in the gripper stays there."""
        for station in {self._world.station_of(place) for place in self._world.places}:
            self._world.leave(self._name, station, now_s)

    def _end_leg(self, leg: Leg, operation: Operation, now_s: float) -> tuple[PartMoved, ...]:
        world, name = self._world, self._name
        match leg:
            case Leg.INTO_SOURCE_ZONE:
                world.enter(name, world.station_of(operation.source), now_s)
            case Leg.GRIP:
                world.grip(name, operation.source, now_s)
                self._expect(holds=True, now_s=now_s, why="the gripper holds nothing")
                return self._moved(operation, f"{name}.gripper")
            case Leg.OUT_OF_SOURCE_ZONE:
                world.leave(name, world.station_of(operation.source), now_s)
            case Leg.TRAVEL:
                self._travel(now_s)
            case Leg.INTO_TARGET_ZONE:
                world.enter(name, world.station_of(operation.target), now_s)
            case Leg.RELEASE:
                world.release(name, operation.target, now_s)
                return () if self.adopts else self._moved(operation, str(operation.target))
            case Leg.OUT_OF_TARGET_ZONE:
                world.leave(name, world.station_of(operation.target), now_s)
            case Leg.HOME:
                self._expect(holds=False, now_s=now_s, why="the gripper still holds something")
                return self._moved(operation, str(operation.target)) if self.adopts else ()
        return ()

    @staticmethod
    def _moved(operation: Operation, place: str) -> tuple[PartMoved, ...]:
        return (PartMoved(operation.serial, Place(place), Knowledge.OBSERVED, by=operation.id),)

    def _travel(self, now_s: float) -> None:
        if self._drops_next:
            self._drops_next = False
            self._world.lose(self._name, "", now_s)
        self._expect(holds=True, now_s=now_s, why="the gripper has lost its part")

    def _expect(self, *, holds: bool, now_s: float, why: str) -> None:
        """What the sensor must say now. Raises WentWrong."""
        shown = self._world.part_at(f"{self._name}.gripper") is not None
        if self._lies.get(Mishap.SENSES_NOTHING, 0.0) > now_s:
            shown = False
        if self._lies.get(Mishap.SENSES_PART, 0.0) > now_s:
            shown = True
        if shown is not holds:
            raise WentWrong(why, OperationState.UNKNOWN)
