"""The Marlin family: its options in the cell file, and how session and shell are put together."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cellctl.ports import Driver, Tools
from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.memory import Limits
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.serial_shell import SerialDriver

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MarlinOptions(BaseModel):
    """What `[machines.<name>]` may say for driver = "marlin"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[str, Field(min_length=1, description="serial port, below the devices folder")]
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    boot_s: Annotated[Seconds, Field(description="how long the board may take to say `start`")] = 3.0
    ack_timeout_s: Annotated[Seconds, Field(description="how long an `ok` may stay out, busy lines not counted")] = 30.0
    release_bed_celsius: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="a part may be taken off at this bed or colder")
    ] = None


class MarlinFamily:
    """A `ports.DriverFamily`."""

    @property
    def options(self) -> type[Any]:
        """MarlinOptions."""
        return MarlinOptions

    def driver(self, machine: str, options: MarlinOptions, tools: Tools) -> Driver:
        """A driver for one connection with one printer."""
        wire_s = tools.clock.wire_s
        limits = Limits(
            boot_s=wire_s(options.boot_s),
            quiet_s=wire_s(facts.QUIET_S),
            greeting_s=wire_s(facts.GREETING_S),
            acknowledge_s=wire_s(options.ack_timeout_s),
            trailing_ok_s=wire_s(facts.TRAILING_OK_S),
            release_bed_celsius=options.release_bed_celsius,
        )
        link = tools.links.bytes_to(machine, options.port, {"baud": options.baud})
        return SerialDriver(machine, link, MarlinSession(limits), tools)


FAMILY = MarlinFamily()
