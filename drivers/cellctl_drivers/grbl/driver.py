"""The Grbl family: its options in the cell file, and how session and shell are put together."""

from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cellctl.domain.events import ContactFound, ProbeEnded, StationChanged
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, Program
from cellctl.gcode.resume import Resumable
from cellctl.gcode.rules import Dialect, MachineLimits, MachineRules
from cellctl.ports import ByteLink, Driver, Tools
from cellctl_drivers.grbl.dials import Button, Dial
from cellctl_drivers.grbl.events import FoundAtWork
from cellctl_drivers.grbl.jog import Jog
from cellctl_drivers.grbl.play import Script
from cellctl_drivers.grbl.rules import RouterLimits, Told, rules
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stream import EVERY_LINE
from cellctl_drivers.serial_options import Port
from cellctl_drivers.serial_program import executable, gate
from cellctl_drivers.serial_session import Probed, Rested, SessionEvent
from cellctl_drivers.serial_shell import SerialDriver

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# Its limits are meant in seconds of the world outside.
_USUAL: Final = Settings()

# Where the machine stands changes from run to run, and with it how long the first move takes. A longer program is not
# read once more for that.
_APPROACH_MATTERS_LINES: Final = 10_000


class GrblOptions(BaseModel):
    """What `[machines.<name>]` may say for driver = "grbl"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Port
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    identity: Annotated[
        str, Field(description="the name stored in it with $I=; a machine of another one is refused")
    ] = ""
    homing: Annotated[bool, Field(description="clearing a locked machine homes it; else it is only unlocked")] = False
    line_numbers: Annotated[bool | None, Field(description="number the lines; by default where it reports them")] = None
    dry_run: Annotated[bool, Field(description="play a program in check mode before its first run")] = True
    spindle_off_in_hold: Annotated[bool, Field(description="stop the spindle while a program is held")] = False
    end_check: Annotated[bool, Field(description="compare where it stands with where the program ends")] = True
    ask_texts: Annotated[bool, Field(description="ask grblHAL for its own texts of errors, alarms, settings")] = True
    reset_when_silent: Annotated[bool, Field(description="reset a machine that is silent at contact")] = False
    ack_timeout_s: Annotated[Seconds, Field(description="how long an `ok` may stay out while it stands idle")] = (
        _USUAL.ack_s
    )
    silence_timeout_s: Annotated[Seconds, Field(description="how long it may leave `?` unanswered")] = _USUAL.silence_s
    stand_timeout_s: Annotated[Seconds, Field(description="how long a feed hold may take")] = _USUAL.stand_s
    resume_timeout_s: Annotated[Seconds, Field(description="how long it may take to go on after a hold")] = (
        _USUAL.resume_s
    )
    homing_timeout_s: Annotated[Seconds, Field(description="how long homing may take")] = _USUAL.homing_s
    limits: Annotated[RouterLimits | None, Field(description="what programs are held against before they run")] = None


class GrblDriver(SerialDriver):
    """A serial machine that can also be jogged and overridden, and that may be met at work."""

    def __init__(
        self, machine: str, link: ByteLink, session: GrblSession, tools: Tools, limits: RouterLimits | None = None
    ) -> None:
        super().__init__(machine, link, session, tools)
        self._grbl = session
        self._limits = limits

    def _announce(self, operation: Operation, program: Program) -> int | None:
        """It is tried in check mode first, where that is wanted."""
        files = self._tools.files
        untouched = gate(files, operation, program, Dialect.GRBL)
        until = EVERY_LINE if untouched is None else untouched
        self._grbl.announce(Script(program.sha256, lambda: executable(files, program.sha256), until))
        return untouched

    def _rules(self, program: Program) -> MachineRules:
        """Those of the cell file, within what the controller tells of itself. Raises NotAllowed."""
        portrait, told = self._grbl.portrait, self.limits
        if told is None:
            return rules(self._limits)
        if program.lines > _APPROACH_MATTERS_LINES:
            told = replace(told, envelope=replace(told.envelope, starts_at_mm=None))
        return rules(self._limits, Told(told, portrait.homes, portrait.firmware.grblhal))

    def jog(self, move: Jog) -> None:
        """Move by hand, while nothing else is going on. Raises NotAllowed."""
        self._grbl.jog(move, self._tools.clock.now_s())
        self._pump(self._tools.clock.now_s())

    def cancel_jog(self) -> None:
        """End a move by hand. Raises NotAllowed unless there is one."""
        self._grbl.cancel_jog(self._tools.clock.now_s())
        self._pump(self._tools.clock.now_s())

    def override(self, dial: Dial, percent: int) -> None:
        """Feed, rapids or spindle, in percent of the program's. Raises NotAllowed."""
        self._grbl.override(dial, percent)

    def press(self, button: Button) -> None:
        """Press a button of the front panel. Raises NotAllowed."""
        self._grbl.press(button)
        self._pump(self._tools.clock.now_s())

    @property
    def limits(self) -> MachineLimits | None:
        """What the machine can bear, by its own settings; None before it has told them."""
        return self._grbl.portrait.limits

    def _react(self, event: SessionEvent) -> None:
        if isinstance(event, FoundAtWork):
            self._met_at_work(event)
        elif isinstance(event, Probed):
            self._tools.report(ProbeEnded(self._station.machine, event.at_mm, event.touched))
        else:
            super()._react(event)
            self._remark_if_idle(event)

    def _remark_if_idle(self, event: SessionEvent) -> None:
        """Every program begins with a reset, so what a reset may do is told before the first one."""
        state, remark = self._station.state, self._grbl.portrait.remark
        if isinstance(event, Rested) and state is MachineState.IDLE and remark:
            self._tools.report(StationChanged(self._station.machine, state, remark))

    def _met_at_work(self, found: FoundAtWork) -> None:
        """It is reported as it is: running or held. From there on a person may hold, resume, stop or abort it."""
        station, report = self._station, self._tools.report
        station.state = MachineState.HELD if found.held else MachineState.EXECUTE
        report(ContactFound(station.machine, found.identity))
        report(StationChanged(station.machine, station.state, found.what))
        self._look(self._tools.clock.now_s())


class GrblFamily:
    """A `ports.DriverFamily`."""

    by_hand = True
    gated = True

    @property
    def options(self) -> type[Any]:
        """GrblOptions."""
        return GrblOptions

    def rules(self, options: GrblOptions) -> MachineRules:
        """What programs are held against before the machine is met."""
        return rules(options.limits)

    def resumable(self, options: GrblOptions) -> Resumable:
        """A `resume.ResumingFamily`. With homing, whoever clears it after a fault homes it."""
        return Resumable(Dialect.GRBL, frozenset("XYZ" if options.homing else ""))

    def driver(self, machine: str, options: GrblOptions, tools: Tools) -> Driver:
        """A driver for one connection with one controller."""
        wire_s = tools.clock.wire_s
        settings = Settings(
            homing=options.homing,
            line_numbers=options.line_numbers,
            dry_run=options.dry_run,
            spindle_off_in_hold=options.spindle_off_in_hold,
            end_check=options.end_check,
            texts=options.ask_texts,
            identity=options.identity,
            reset_when_silent=options.reset_when_silent,
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
        return GrblDriver(machine, link, GrblSession(settings), tools, options.limits)


FAMILY = GrblFamily()
