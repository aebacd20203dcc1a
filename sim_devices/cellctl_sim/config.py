"""What a cell file says about its simulated twins: one model for each kind of `sim` table."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellctl_sim.faults import Fault

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Point = tuple[Number, Number, Number]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Celsius = Annotated[float, Field(gt=-50, lt=500, allow_inf_nan=False)]


class _Twin(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Area = tuple[float, float, float, float]
"""Least x and y, most x and y, in mm."""


class PrinterTwin(_Twin):
    """A Marlin board on a printer of ordinary size. Axes are X, Y, Z, E; heater powers are over the losses."""

    model: Literal["marlin"]
    uuid: str = "00000000-0000-4000-8000-000000000000"
    firmware: str = "Marlin 2.1.2"
    machine_name: str = "cellctl twin"
    size_mm: tuple[Positive, Positive, Positive] = (220.0, 220.0, 240.0)
    beds: dict[str, Area] = {}
    """Which area of its bed each of its places is; what is extruded elsewhere is no part. Without any, the first
    place is all of it."""

    max_feed_mm_per_s: tuple[Positive, Positive, Positive, Positive] = (200.0, 200.0, 12.0, 120.0)
    max_acceleration_mm_per_s2: tuple[Positive, Positive, Positive, Positive] = (1500.0, 1500.0, 100.0, 5000.0)
    acceleration_mm_per_s2: Positive = 1000.0
    travel_acceleration_mm_per_s2: Positive = 1500.0
    junction_deviation_mm: Positive = 0.013
    planner_blocks: Annotated[int, Field(ge=2, le=256)] = 16
    command_slots: Annotated[int, Field(ge=1, le=64)] = 4
    rx_bytes: Annotated[int, Field(ge=64, le=65536)] = 128
    advanced_ok: bool = False
    emergency_parser: bool = False
    """M108, M112 and M410 act at once, numbered or not."""
    resend_brings_ok: bool = True
    """`ok` behind `Resend:`; some versions of 2021 do not say it."""
    wait_every_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """`wait` when there has been nothing to do for so long; 0: never."""

    ambient_celsius: Celsius = 22.0
    nozzle_heats_celsius_per_s: Positive = 3.0
    nozzle_cools_in_s: Positive = 120.0
    """Time constant of cooling towards ambient."""
    nozzle_max_celsius: Celsius = 275.0
    bed_heats_celsius_per_s: Positive = 0.3
    bed_cools_in_s: Positive = 600.0
    """Time constant of cooling towards ambient."""
    bed_max_celsius: Celsius = 120.0
    cold_extrusion_celsius: Celsius = 170.0

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class RouterTwin(_Twin):
    """A Grbl 1.1 or grblHAL board on a small router. Axes are X, Y, Z."""

    model: Literal["grbl"]
    dialect: Literal["grbl", "grblhal"] = "grbl"
    line_numbers: bool = False
    """Built to report the number of the line in work (Ln:)."""
    echo: bool = False
    """Built to repeat every line that it has received ([echo:])."""
    firmware: str = "1.1h"
    build_date: str = "20190825"
    size_mm: tuple[Positive, Positive, Positive] = (300.0, 180.0, 45.0)

    max_feed_mm_per_min: tuple[Positive, Positive, Positive] = (3000.0, 3000.0, 1000.0)
    acceleration_mm_per_s2: tuple[Positive, Positive, Positive] = (200.0, 200.0, 100.0)
    junction_deviation_mm: Positive = 0.01
    homing_seek_mm_per_min: Positive = 1500.0
    homing_pull_off_mm: Positive = 1.0
    planner_blocks: Annotated[int, Field(ge=2, le=256)] = 15
    rx_bytes: Annotated[int, Field(ge=64, le=65536)] = 128

    max_spindle_rpm: Positive = 12000.0
    spindle_spins_up_s: Positive = 2.0
    has_door: bool = False
    homing_switches: bool = True
    """With them the machine is locked at power-up until it is homed; without, it trusts where it stands."""
    vise_top_mm: float | None = None
    """Machine Z of the part's surface; None: the work origin's Z, as the operator would set it."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class ArmTwin(_Twin):
    """A robot controller with one taught program for each pair of places that it reaches."""

    model: Literal["robot"]
    move_s: Positive = 6.0
    """One leg: approach, grip, retreat, travel, and so on."""
    axes_every_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """How often ActualPosition is shown while it moves; 0: at the end of each leg."""
    speed_override_percent: Percent = 100.0

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class HandshakeTwin(_Twin):
    """An arm behind a PLC without methods: a program number, and bits that are set, watched and cleared.

    `style`: every number and bit a variable of its own, or elements of arrays and bits of a word, with fixed node ids.
    """

    model: Literal["handshake"]
    style: Literal["bits", "array"] = "bits"
    programs: dict[int, str] = {}
    """What each number means ("carry:A>B"); without any, all pairs of places in order from 1."""
    move_s: Positive = 6.0
    """One leg: approach, grip, retreat, travel, and so on."""
    cycle_s: Annotated[float, Field(ge=0.001, le=1)] = 0.05
    """The PLC sees what was written when its next cycle begins."""
    life_every_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How often MachineLife changes; 0: never."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class MachineToolTwin(_Twin):
    """A CNC machine with Machine Tools monitoring (umati), job management and CNC channel variables."""

    model: Literal["machine_tool"]
    programs: dict[str, Positive] = {"nameplate": 60.0}
    """How many seconds each program takes that it can run (WorkMaster)."""
    most_jobs: Annotated[int, Field(ge=1, le=1000)] = 10
    keeps_ended: Annotated[int, Field(ge=1, le=1000)] = 20
    """So many ended jobs stay in the lists."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class SerialArmTwin(_Twin):
    """A small arm on a serial line. `places` is where the places of the cell really are, whatever it was taught."""

    model: Literal["serial_arm"]
    firmware: Literal["grbl", "marlin"] = "grbl"
    identity: str = "twin arm"
    places: Annotated[dict[str, Point], Field(min_length=2)]
    low_mm: Point = (-350.0, -350.0, 0.0)
    high_mm: Point = (350.0, 350.0, 300.0)
    home_mm: Point = (0.0, 150.0, 200.0)
    """Where it stands once it was homed."""
    homed: bool = True
    """It was homed before anybody connects; otherwise it is as after power-up."""
    homing_s: Positive = 12.0

    sensor: bool = True
    """Whether the gripper can tell what it holds."""
    gripper: Literal["jaws", "vacuum"] = "jaws"
    """Jaws lock themselves; a vacuum lets go with every reset and power cut."""
    grip_s: Positive = 0.4
    grip_within_mm: Positive = 3.0

    max_feed_mm_per_min: tuple[Positive, Positive, Positive] = (6000.0, 6000.0, 4000.0)
    acceleration_mm_per_s2: tuple[Positive, Positive, Positive] = (400.0, 400.0, 300.0)
    planner_blocks: Annotated[int, Field(ge=2, le=256)] = 15
    rx_bytes: Annotated[int, Field(ge=64, le=65536)] = 128
    zone_radius_mm: Positive = 60.0
    zone_height_mm: Positive = 25.0
    """The zone of a place: so far around it, and so far above it."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong with it."""


class PersonTwin(_Twin):
    """A person who answers questions."""

    model: Literal["person"]
    answer_s: Positive = 40.0


NodeTwinConfig = ArmTwin | HandshakeTwin | MachineToolTwin
Twin = PrinterTwin | RouterTwin | NodeTwinConfig | SerialArmTwin | PersonTwin

BY_MODEL: Final[dict[str, type[BaseModel]]] = {
    "marlin": PrinterTwin,
    "grbl": RouterTwin,
    "robot": ArmTwin,
    "handshake": HandshakeTwin,
    "machine_tool": MachineToolTwin,
    "serial_arm": SerialArmTwin,
    "person": PersonTwin,
}
