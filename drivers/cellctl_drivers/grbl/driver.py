"""The Grbl family: its options in the cell file, and how session and shell are put together."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cellctl.ports import Driver, Tools
from cellctl_drivers.grbl.memory import Settings
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.serial_shell import SerialDriver

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# Limits for the wire, in seconds of the world outside.
POLL_RUNNING_S = 0.2
POLL_IDLE_S = 2.0
POLL_REPEAT_S = 1.0
GREET_S = 4.0
BANNER_S = 4.0
ANSWER_S = 4.0


class GrblOptions(BaseModel):
    """What `[machines.<name>]` may say for driver = "grbl"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[str, Field(min_length=1, description="serial port, below the devices folder")]
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    homing: Annotated[bool, Field(description="clearing a locked machine homes it; else it is only unlocked")] = False
    line_numbers: Annotated[bool, Field(description="number the lines; the firmware must report them (Ln:)")] = False
    ack_timeout_s: Annotated[Seconds, Field(description="how long an `ok` may stay out while it stands idle")] = 15.0
    silence_timeout_s: Annotated[Seconds, Field(description="how long it may leave `?` unanswered")] = 5.0
    stand_timeout_s: Annotated[Seconds, Field(description="how long a feed hold may take")] = 5.0
    resume_timeout_s: Annotated[Seconds, Field(description="how long it may take to go on after a hold")] = 30.0
    homing_timeout_s: Annotated[Seconds, Field(description="how long homing may take")] = 180.0


class GrblFamily:
    """A `ports.DriverFamily`."""

    @property
    def options(self) -> type[Any]:
        """GrblOptions."""
        return GrblOptions

    def driver(self, machine: str, options: GrblOptions, tools: Tools) -> Driver:
        """A driver for one connection with one controller."""
        wire_s = tools.clock.wire_s
        settings = Settings(
            homing=options.homing,
            line_numbers=options.line_numbers,
            poll_running_s=wire_s(POLL_RUNNING_S),
            poll_idle_s=wire_s(POLL_IDLE_S),
            poll_repeat_s=wire_s(POLL_REPEAT_S),
            greet_s=wire_s(GREET_S),
            banner_s=wire_s(BANNER_S),
            answer_s=wire_s(ANSWER_S),
            stand_s=wire_s(options.stand_timeout_s),
            resume_s=wire_s(options.resume_timeout_s),
            ack_s=wire_s(options.ack_timeout_s),
            homing_s=wire_s(options.homing_timeout_s),
            silence_s=wire_s(options.silence_timeout_s),
        )
        link = tools.links.bytes_to(machine, options.port, {"baud": options.baud})
        return SerialDriver(machine, link, GrblSession(settings), tools)


FAMILY = GrblFamily()
