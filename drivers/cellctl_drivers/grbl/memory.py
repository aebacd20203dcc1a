"""What a session is told by its owner, and what it has learned of the machine."""

import re
from dataclasses import dataclass
from typing import Final

from cellctl_drivers.grbl import facts
from cellctl_drivers.grbl.states import Heard, State, heard_in
from cellctl_drivers.grbl.status import Report
from cellctl_drivers.serial_session import FaultRaised

_VERSION: Final = re.compile(r"\[VER:([^:\]]*):?([^\]]*)\]")
_OPTIONS: Final = re.compile(r"\[OPT:[^,\]]*,([0-9]+),([0-9]+)")
_BUSY: Final = frozenset({Heard.MOVING, Heard.CHANGING, Heard.STAND})


@dataclass(frozen=True, slots=True)
class Settings:
    """The owner's choices, and how long to wait for what, in seconds of the Clock.

    `homing`: a locked machine is homed when it is cleared (else unlocked where it stands). `line_numbers`: the
    lines are numbered, for firmware that reports the number in work (Ln:).
    """

    homing: bool = False
    line_numbers: bool = False
    poll_running_s: float = 0.2
    poll_idle_s: float = 2.0
    poll_repeat_s: float = 1.0
    greet_s: float = 4.0
    banner_s: float = 4.0
    answer_s: float = 4.0
    stand_s: float = 5.0
    resume_s: float = 30.0
    ack_s: float = 15.0
    homing_s: float = 180.0
    silence_s: float = 5.0

    def limit_s(self, state: State) -> float | None:
        """How long a state may last; None: as long as it likes."""
        return {
            State.GREETING: self.greet_s,
            State.STOPPING: self.stand_s,
            State.RESETTING: self.banner_s,
            State.IDENTIFYING: self.answer_s,
            State.PROVING: self.answer_s,
            State.FREEING: self.homing_s,
            State.RUNNING: self.ack_s,
            State.HOLDING: self.stand_s,
            State.RESUMING: self.resume_s,
        }.get(state)


class Portrait:
    """The controller by its own words."""

    def __init__(self) -> None:
        self.grblhal = False
        self.version = ""
        self.rx_bytes = facts.DEFAULT_RX_BYTES
        self.planner_blocks: int | None = None
        self.alarm: int | None = None
        self.report: Report | None = None

    @property
    def identity(self) -> str:
        """Firmware, version and the name that its owner gave it with `$I=`."""
        return f"{'grblHAL' if self.grblhal else 'Grbl'} {self.version}"

    @property
    def longest_bytes(self) -> int:
        """The longest line it takes, newline included."""
        line = facts.GRBLHAL_LINE_BYTES if self.grblhal else facts.GRBL_LINE_BYTES
        return min(line, self.rx_bytes - 1)

    @property
    def mode(self) -> facts.Mode:
        """What its last report said."""
        return self.report.mode if self.report else facts.Mode.OTHER

    @property
    def word(self) -> str:
        """The same as the controller spelled it."""
        return self.report.word if self.report else ""

    @property
    def busy(self) -> bool:
        """Whether its last report shows it in the middle of something. An open door alone is nothing."""
        return self.report is not None and heard_in(self.report) in _BUSY and self.mode is not facts.Mode.DOOR

    @property
    def nothing_planned(self) -> bool:
        """Whether its last report proves that all it has acknowledged is done. Idle alone may be a dwell, or a
        moment before motion begins."""
        report, blocks = self.report, self.planner_blocks
        return (
            report is not None
            and report.mode is facts.Mode.IDLE
            and None not in (report.blocks_free, blocks)
            and report.blocks_free == blocks
        )

    @property
    def why_held(self) -> str:
        """What holds it, apart from a hold that it was asked for."""
        if self.report is not None and self.mode is facts.Mode.DOOR:
            return facts.DOOR_REASONS.get(self.report.substate or 0, "")
        return "waiting for a tool change" if self.mode is facts.Mode.TOOL else ""

    def hear(self, message: str) -> None:
        """A line in brackets, as `$I` prints them."""
        if version := _VERSION.match(message):
            self.version = " ".join(part for part in version.groups() if part)
        elif options := _OPTIONS.match(message):
            self.planner_blocks, self.rx_bytes = int(options[1]), int(options[2])
        elif message.startswith("[FIRMWARE:grblHAL"):
            self.grblhal = True

    def explain_lock(self, homing: bool) -> FaultRaised:
        """Why it is locked, and what to do about it."""
        clearing = "clearing homes the machine" if homing else "clearing unlocks it where it stands"
        make_room = f"Make room for the axes; {clearing}"
        if self.mode is facts.Mode.SLEEP:
            return FaultRaised("is asleep, its motors are off", make_room)
        code = self.alarm
        if self.report and self.mode is facts.Mode.ALARM and self.report.substate:
            code = self.report.substate
        if code is None:
            return FaultRaised("is locked: its position is not known", make_room)
        alarm = facts.alarm(code, grblhal=self.grblhal)
        return FaultRaised(f"raised alarm {code}: {alarm.what}", f"{alarm.do_next}; {clearing}")
