"""All machines of a cell at program level, from the same cell file as the line-level twins."""

import math
from collections.abc import Mapping

from cellctl.domain.mishaps import FaultPlan
from cellctl.gcode.estimate import Estimate
from cellctl.gcode.rules import Pace
from cellctl_sim.cell_file import CellFile, Machine
from cellctl_sim.config import (
    ArmTwin,
    HandshakeTwin,
    MachineToolTwin,
    PersonTwin,
    Point,
    PrinterTwin,
    RouterTwin,
    SerialArmTwin,
)
from cellctl_sim.program.bodies import ArmBody, LegsS, PrinterBody, RouterBody, ToolBody
from cellctl_sim.program.machine import Body, ProgramMachine
from cellctl_sim.world import World

# As a serial arm's driver is told to go where the cell file does not say it.
_ABOVE_MM = 40.0
_SLOW_MM_PER_S = 10.0
_FAST_MM_PER_S = 100.0
_HOME_MM_PER_S = 50.0
_GRIP_S = 1.0
# What its controller takes to say that it stands, over all legs of a carry.
_ANSWERS_S = 0.2


def machines(file: CellFile, world: World, plan: FaultPlan = ()) -> Mapping[str, ProgramMachine]:
    """By name, in the order of the cell file; a person is no machine."""
    found = {}
    for name, machine in file.machines.items():
        body = _body(name, machine, world)
        if body is not None:
            found[name] = ProgramMachine(name, body, tuple(stroke for stroke in plan if stroke.to == name))
    return found


def _body(name: str, machine: Machine, world: World) -> Body | None:
    place = f"{name}.{machine.slots[0]}"
    match machine.sim:
        case PrinterTwin() as twin:
            return PrinterBody(name, place, world, twin, machine.release_bed_celsius)
        case RouterTwin() as twin:
            return RouterBody(name, place, world, twin)
        case MachineToolTwin() as twin:
            return ToolBody(name, place, world, twin)
        case ArmTwin() | HandshakeTwin() as twin:
            legs_s = (twin.move_s,) * 8
            return ArmBody(name, world, lambda source, target: legs_s, f"urn:cellctl:sim:robot;{name}")
        case SerialArmTwin() as twin:
            return ArmBody(name, world, _serial_legs(twin), twin.identity, streamed=True, boots_s=0.5)
        case PersonTwin():
            return None


def _serial_legs(twin: SerialArmTwin) -> LegsS:
    """Up and over, down slowly, grip, and so on, between the places where they really are."""
    pace = Pace(twin.max_feed_mm_per_min, twin.acceleration_mm_per_s2)
    homing = [twin.homing_s]  # before the first carry

    def travel_s(start: Point, end: Point, feed_mm_per_s: float = math.inf) -> float:
        way = tuple(b - a for a, b in zip(start, end, strict=True))
        clock = Estimate(pace)
        clock.line((way[0], way[1], way[2], 0.0), math.hypot(*way), feed_mm_per_s)
        clock.rest()
        return clock.elapsed_s

    def legs_s(source: str, target: str) -> tuple[float, ...]:
        above = {place: (x, y, z + _ABOVE_MM) for place, (x, y, z) in twin.places.items()}
        slow_s = _ABOVE_MM / _SLOW_MM_PER_S
        return (
            (homing.pop() if homing else 0.0) + _GRIP_S + travel_s(twin.home_mm, above[source], _FAST_MM_PER_S),
            slow_s + _GRIP_S,
            slow_s,
            _ANSWERS_S,
            travel_s(above[source], above[target], _FAST_MM_PER_S),
            slow_s + _GRIP_S,
            slow_s,
            travel_s(above[target], twin.home_mm, _HOME_MM_PER_S),
        )

    return legs_s
