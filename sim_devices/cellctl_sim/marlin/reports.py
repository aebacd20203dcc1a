"""What the firmware prints about itself."""

from collections.abc import Iterator
from typing import Final

from cellctl_sim.config import PrinterTwin
from cellctl_sim.marlin.printer import Printer
from cellctl_sim.motion import Limits
from cellctl_sim.paths import Vector

STEPS_PER_MM: Final = (80.0, 80.0, 400.0, 93.0)

# In the order of M115.cpp; what is not listed is absent. EMERGENCY_PARSER is added by what the board has.
CAPABILITIES: Final = {
    "SERIAL_XON_XOFF": False,
    "BINARY_FILE_TRANSFER": False,
    "EEPROM": True,
    "VOLUMETRIC": True,
    "AUTOREPORT_POS": False,
    "AUTOREPORT_TEMP": True,
    "PROGRESS": False,
    "PRINT_JOB": False,
    "AUTOLEVEL": False,
    "RUNOUT": False,
    "Z_PROBE": False,
    "LEVELING_DATA": False,
    "BUILD_PERCENT": True,
    "SOFTWARE_POWER": False,
    "TOGGLE_LIGHTS": False,
    "CASE_LIGHT_BRIGHTNESS": False,
    "EMERGENCY_PARSER": False,
    "PROMPT_SUPPORT": False,
    "SDCARD": False,
    "REPEAT": False,
    "AUTOREPORT_SD_STATUS": False,
    "LONG_FILENAME": False,
    "THERMAL_PROTECTION": True,
    "MOTION_MODES": False,
    "ARCS": True,
    "BABYSTEPPING": False,
    "CHAMBER_TEMPERATURE": False,
    "COOLER_TEMPERATURE": False,
    "MEATPACK": False,
}


def boot(config: PrinterTwin, cause: str) -> Iterator[str]:
    """The first lines after a reset: `cause` is one of PowerUp, External, Brown out, Watchdog, Software Reset."""
    yield "start"
    yield cause
    yield ""
    yield config.firmware
    yield ""
    yield "echo: Last Updated: 2022-09-01 | Author: (none, simulated)"
    yield "echo: Compiled: Sep  1 2022"
    yield "echo: Free Memory: 4001  PlannerBufferBytes: 1888"
    yield "echo:Hardcoded Default Settings Loaded"


def temperatures(printer: Printer, now_s: float) -> str:
    """` T:21.50 /0.00 B:...`: what M105 puts behind its ok, and what reports consist of. Tells the world too."""
    nozzle, bed = printer.nozzle, printer.bed
    printer.tell_bed(now_s)
    return (
        f" T:{nozzle.celsius(now_s):.2f} /{nozzle.target:.2f} B:{bed.celsius(now_s):.2f} /{bed.target:.2f}"
        f" @:{round(127 * nozzle.power(now_s))} B@:{round(127 * bed.power(now_s))}"
    )


def position(projected: Vector, real: Vector) -> str:
    """M114: where it will be when all is done, and the step counters, which are where it is now."""
    x, y, z, e = projected
    steps = [round(axis * per_mm) for axis, per_mm in zip(real, STEPS_PER_MM, strict=True)]
    return f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:{e:.2f} Count X:{steps[0]} Y:{steps[1]} Z:{steps[2]}"


def identity(config: PrinterTwin) -> Iterator[str]:
    """M115."""
    yield (
        f"FIRMWARE_NAME:{config.firmware} (Sep  1 2022 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin"
        f" PROTOCOL_VERSION:1.0 MACHINE_TYPE:{config.machine_name} EXTRUDER_COUNT:1 UUID:{config.uuid}"
    )
    for name, present in (CAPABILITIES | {"EMERGENCY_PARSER": config.emergency_parser}).items():
        yield f"Cap:{name}:{present:d}"
    x, y, z = config.size_mm
    box = f"min:{{x:0.0000,y:0.0000,z:0.0000}},max:{{x:{x:.4f},y:{y:.4f},z:{z:.4f}}}"
    yield f"area:{{full:{{{box}}},work:{{{box}}}}}"


def settings(limits: Limits, accelerations: tuple[float, float, float]) -> Iterator[str]:
    """M503."""
    yield "echo:; Steps per unit:"
    yield f"echo: M92 {_axes(STEPS_PER_MM)}"
    yield "echo:; Maximum feedrates (units/s):"
    yield f"echo:  M203 {_axes(limits.feed_mm_per_s)}"
    yield "echo:; Maximum Acceleration (units/s2):"
    yield f"echo:  M201 {_axes(limits.acceleration_mm_per_s2)}"
    yield "echo:; Acceleration (units/s2): P<print_accel> R<retract_accel> T<travel_accel>"
    printing, retract, travel = accelerations
    yield f"echo:  M204 P{printing:.2f} R{retract:.2f} T{travel:.2f}"
    yield "echo:; Advanced: B<min_segment_time_us> S<min_feedrate> T<min_travel_feedrate> J<junc_dev>"
    yield f"echo:  M205 B20000.00 S0.00 T0.00 J{limits.junction_deviation_mm:.2f}"


def _axes(values: tuple[float, ...]) -> str:
    return " ".join(f"{axis}{value:.2f}" for axis, value in zip("XYZE", values, strict=True))
