"""The machines that pre-flight tests check for, their simulated twins, and how long a program really takes there."""

from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded
from typing import Final

from cellctl.gcode.allowed import printer_rules, router_rules
from cellctl.gcode.rules import Dialect, Envelope, Heat, MachineLimits, MachineRules, Pace, Role, Spindle
from cellctl.gcode.words import strip_comment
from cellctl_sim.config import PrinterTwin, RouterTwin
from cellctl_sim.grbl import Grbl
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World
from tests.sim.device_rig import Rig

PRINTER_TWIN: Final = PrinterTwin(model="marlin")
ROUTER_TWIN: Final = RouterTwin(model="grbl", homing_switches=False)

PRINTER_LIMITS: Final = MachineLimits(
    Envelope((0, 0, 0), (220, 220, 240), homes_itself=True),
    Pace(
        max_feed_mm_per_min=(12000, 12000, 720, 7200),
        max_acceleration_mm_per_s2=(1500, 1500, 100, 5000),
        acceleration_mm_per_s2=1000,
        retract_acceleration_mm_per_s2=1000,
        travel_acceleration_mm_per_s2=1500,
        junction_deviation_mm=0.013,
        feed_ceiling_mm_per_min=18000,
    ),
    Heat(
        nozzle_max_celsius=260,
        bed_max_celsius=110,
        ambient_celsius=22,
        nozzle_celsius_per_s=3.0,
        bed_celsius_per_s=0.3,
    ),
)
ROUTER_LIMITS: Final = MachineLimits(
    # The twin has no switches: it takes where it is switched on for its zero, and G54 was set by a person.
    Envelope((-300, -180, -45), (0, 0, 0), {54: (-250, -150, -37.5)}, starts_at_mm=(0, 0, 0)),
    Pace(
        max_feed_mm_per_min=(3000, 3000, 1000),
        max_acceleration_mm_per_s2=(200, 200, 100),
        junction_deviation_mm=0.01,
        planner_blocks=15,
        feed_ceiling_mm_per_min=3000,
    ),
    spindle=Spindle(most_rpm=12000, least_rpm=100),
)

PRINTER: Final = printer_rules(PRINTER_LIMITS, homing_s=(4.0, 4.0, 8.0))
ROUTER: Final = router_rules(ROUTER_LIMITS)
GRBLHAL_ROUTER: Final = router_rules(ROUTER_LIMITS, Dialect.GRBLHAL)
ENGINEERS_PRINTER: Final = printer_rules(PRINTER_LIMITS, role=Role.ENGINEER)
ENGINEERS_ROUTER: Final = router_rules(ROUTER_LIMITS, role=Role.ENGINEER)

BY_DIALECT: Final[dict[str, MachineRules]] = {"marlin": PRINTER, "grbl": ROUTER, "grblhal": GRBLHAL_ROUTER}

HEATS: Final = ("M109", "M190")


@dataclass(frozen=True, slots=True)
class Took:
    """What a simulated machine made of a program. `said`: everything but ok."""

    motion_s: float
    heating_s: float
    said: list[str]


def executable(program: list[str]) -> list[str]:
    """The lines that a driver sends."""
    return [bare for line in program if (bare := strip_comment(line))]


def printed(program: list[str], twin: PrinterTwin = PRINTER_TWIN) -> Took:
    """Run a program on the simulated printer; the clock stops when the last move is made."""
    rig = Rig(Marlin("printer-1", "printer-1.bed", World(["printer-1.bed"]), twin, Random(1)))
    rig.until(0.0)
    return _run(rig, [*executable(program), "M400"])


def routed(program: list[str]) -> Took:
    """Run a program on the simulated router, which begins at machine zero."""
    rig = Rig(Grbl("router-1", "router-1.vise", World(["router-1.vise"]), ROUTER_TWIN, Random(1)))
    rig.until(0.0)
    return _run(rig, [*executable(program), "G4 P0"])


def _run(rig: Rig, program: list[str]) -> Took:
    heating_s, began_s, said = 0.0, rig.now_s, []
    for line in program:
        sent_s = rig.now_s
        answer = rig.send(f"{line}\n")
        said += answer
        while not any(text.startswith(("ok", "error")) for text in answer):
            due_s = rig.device.wakeup_s
            assert due_s is not None, f"no answer to {line}: {said[-5:]}"
            answer = rig.until(due_s)
            said += answer
        if line.startswith(HEATS):
            heating_s += rig.now_s - sent_s
    return Took(rig.now_s - began_s - heating_s, heating_s, [text for text in said if text != "ok"])
