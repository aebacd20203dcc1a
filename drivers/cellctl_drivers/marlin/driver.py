"""The Marlin family: its options in the cell file, and how session and shell are put together."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cellctl.domain.work import Operation, Program
from cellctl.gcode.resume import Resumable
from cellctl.gcode.rules import Dialect, MachineRules
from cellctl.ports import ByteLink, Driver, Tools
from cellctl_drivers.marlin.dialects import BY_NAME
from cellctl_drivers.marlin.memory import EVERY_LINE, Expected, Limits
from cellctl_drivers.marlin.parking import Park
from cellctl_drivers.marlin.rules import PrinterLimits, rules
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.serial_options import Port
from cellctl_drivers.serial_program import gate
from cellctl_drivers.serial_shell import SerialDriver

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
DialectName = Literal["auto", "marlin1", "marlin2", "prusa", "klipper", "reprapfirmware", "smoothie", "repetier"]

# Its limits are meant in seconds of the world outside.
_USUAL: Final = Limits()
_PARK: Final = Park()


class ParkTable(BaseModel):
    """`[machines.<name>.park]`: what a hold does once the planner is empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retract_mm: Annotated[float, Field(ge=0, le=20, description="filament pulled back; 0: none")] = _PARK.retract_mm
    lift_mm: Annotated[float, Field(ge=0, le=500, description="how far up")] = _PARK.lift_mm
    x_mm: Annotated[Finite | None, Field(description="where it waits; left out: above its place")] = None
    y_mm: Annotated[Finite | None, Field(description="where it waits; left out: above its place")] = None
    standby_celsius: Annotated[float, Field(ge=0, le=300, description="of the nozzle, in a long pause")] = (
        _PARK.standby_celsius
    )
    standby_after_s: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="how long the nozzle stays hot; 0: for ever")
    ] = _PARK.standby_after_s


class MarlinOptions(BaseModel):
    """What `[machines.<name>]` may say for driver = "marlin"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Port
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    dialect: Annotated[DialectName, Field(description="which firmware it is; auto: as M115 says")] = "auto"
    uuid: Annotated[str, Field(description="the UUID that M115 must answer; empty: any")] = ""
    machine_type: Annotated[str, Field(description="the MACHINE_TYPE that M115 must answer; empty: any")] = ""
    window: Annotated[
        int, Field(ge=1, le=32, description="most lines under way at once, where the firmware proves that it has room")
    ] = 8
    rx_bytes: Annotated[int, Field(ge=96, le=65536, description="receive buffer of the board, in bytes")] = 128
    boot_s: Annotated[Seconds, Field(description="how long the board may take to say `start`")] = _USUAL.boot_s
    ack_timeout_s: Annotated[Seconds, Field(description="how long an `ok` may stay out, busy lines not counted")] = (
        _USUAL.acknowledge_s
    )
    dead_man_s: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="heat goes off when nothing moved for so long; 0: never")
    ] = 600.0
    park: Annotated[ParkTable, Field(description="where a held printer waits: a table")] = ParkTable()
    homes_over_part: Annotated[
        str, Field(pattern="^[XYZ]*$", description="axes that find their zero with a part on the bed: Z only upwards")
    ] = ""
    release_bed_celsius: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="a part may be taken off at this bed or colder")
    ] = None
    limits: Annotated[PrinterLimits | None, Field(description="what programs are held against before they run")] = None


class MarlinDriver(SerialDriver):
    """A serial machine that may have said in M115 how far it reaches."""

    def __init__(
        self, machine: str, link: ByteLink, session: MarlinSession, tools: Tools, limits: PrinterLimits | None
    ) -> None:
        super().__init__(machine, link, session, tools)
        self._marlin = session
        self._limits = limits

    def _rules(self, program: Program) -> MachineRules:
        """Those of the cell file, within the area that the printer reports. Raises NotAllowed."""
        return rules(self._limits, self._marlin.area)

    def _announce(self, operation: Operation, program: Program) -> int | None:
        untouched = gate(self._tools.files, operation, program, Dialect.MARLIN)
        self._marlin.announce(EVERY_LINE if untouched is None else untouched)
        return untouched


class MarlinFamily:
    """A `ports.DriverFamily`."""

    by_hand = True
    gated = True

    @property
    def options(self) -> type[Any]:
        """MarlinOptions."""
        return MarlinOptions

    def rules(self, options: MarlinOptions) -> MachineRules:
        """What programs are held against before the machine is met."""
        return rules(options.limits)

    def resumable(self, options: MarlinOptions) -> Resumable:
        """A `resume.ResumingFamily`."""
        return Resumable(Dialect.MARLIN, frozenset(options.homes_over_part), lift_mm=options.park.lift_mm)

    def driver(self, machine: str, options: MarlinOptions, tools: Tools) -> Driver:
        """A driver for one connection with one printer."""
        link = tools.links.bytes_to(machine, options.port, {"baud": options.baud})
        limits = replace(_limits(options, tools), asks_last_line=tools.sought() is not None)
        return MarlinDriver(machine, link, MarlinSession(limits), tools, options.limits)


def _limits(options: MarlinOptions, tools: Tools) -> Limits:
    wire_s = tools.clock.wire_s
    return Limits(
        boot_s=wire_s(options.boot_s),
        quiet_s=wire_s(_USUAL.quiet_s),
        greeting_s=wire_s(_USUAL.greeting_s),
        acknowledge_s=wire_s(options.ack_timeout_s),
        keepalive_s=wire_s(_USUAL.keepalive_s),
        trailing_ok_s=wire_s(_USUAL.trailing_ok_s),
        storm_s=wire_s(_USUAL.storm_s),
        crossing_s=wire_s(_USUAL.crossing_s),
        halt_again_s=wire_s(_USUAL.halt_again_s),
        answered_s=wire_s(_USUAL.answered_s),
        release_bed_celsius=options.release_bed_celsius,
        dead_man_s=options.dead_man_s,
        park=Park(**options.park.model_dump()),
        window=options.window,
        rx_bytes=options.rx_bytes,
        dialect=BY_NAME.get(options.dialect),
        expected=Expected(options.uuid, options.machine_type),
    )


FAMILY = MarlinFamily()
