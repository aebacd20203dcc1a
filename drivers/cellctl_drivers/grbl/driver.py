"""The Grbl family: its options in the cell file, and how session and shell are put together."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cellctl.ports import Driver, Tools
from cellctl_drivers.grbl.memory import Settings
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.serial_shell import SerialDriver

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# Its limits are meant in seconds of the world outside.
_USUAL: Final = Settings()


class GrblOptions(BaseModel):
    """What `[machines.<name>]` may say for driver = "grbl"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[str, Field(min_length=1, description="serial port, below the devices folder")]
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    homing: Annotated[bool, Field(description="clearing a locked machine homes it; else it is only unlocked")] = False
    line_numbers: Annotated[bool, Field(description="number the lines; the firmware must report them (Ln:)")] = False
    ack_timeout_s: Annotated[Seconds, Field(description="how long an `ok` may stay out while it stands idle")] = (
        _USUAL.ack_s
    )
    silence_timeout_s: Annotated[Seconds, Field(description="how long it may leave `?` unanswered")] = _USUAL.silence_s
    stand_timeout_s: Annotated[Seconds, Field(description="how long a feed hold may take")] = _USUAL.stand_s
    resume_timeout_s: Annotated[Seconds, Field(description="how long it may take to go on after a hold")] = (
        _USUAL.resume_s
    )
    homing_timeout_s: Annotated[Seconds, Field(description="how long homing may take")] = _USUAL.homing_s


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
            poll_running_s=wire_s(_USUAL.poll_running_s),
            poll_idle_s=wire_s(_USUAL.poll_idle_s),
            poll_repeat_s=wire_s(_USUAL.poll_repeat_s),
            greet_s=wire_s(_USUAL.greet_s),
            banner_s=wire_s(_USUAL.banner_s),
            answer_s=wire_s(_USUAL.answer_s),
            stand_s=wire_s(options.stand_timeout_s),
            resume_s=wire_s(options.resume_timeout_s),
            ack_s=wire_s(options.ack_timeout_s),
            homing_s=wire_s(options.homing_timeout_s),
            silence_s=wire_s(options.silence_timeout_s),
        )
        link = tools.links.bytes_to(machine, options.port, {"baud": options.baud})
        return SerialDriver(machine, link, GrblSession(settings), tools)


FAMILY = GrblFamily()
