"""What the owner of a Grbl machine chooses, and how long is waited for what."""

from dataclasses import dataclass

from cellctl_drivers.grbl.states import State


@dataclass(frozen=True, slots=True)
class Settings:
    """The owner's choices; times are seconds of the Clock.

    `homing`: a locked machine is homed when it is cleared (else unlocked where it stands). `line_numbers`: lines are
    numbered; None: where the firmware says that it reports the number in work (Ln:). `dry_run`: a program that was
    not run in this contact is played in check mode first. `spindle_off_in_hold`: a held program keeps no spindle
    turning. `end_check`: where the machine stands after a program is compared with where the program leads. `texts`:
    grblHAL is asked for its own texts. `identity`: the name stored with `$I=`; empty for any. `reset_when_silent`: a
    machine that answers nothing at contact is reset.
    """

    homing: bool = False
    line_numbers: bool | None = None
    dry_run: bool = True
    spindle_off_in_hold: bool = False
    end_check: bool = True
    texts: bool = True
    identity: str = ""
    reset_when_silent: bool = False
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
            State.ENTERING: self.answer_s,
            State.VETTING: self.ack_s,
            State.RUNNING: self.ack_s,
            State.HOLDING: self.stand_s,
            State.RESUMING: self.resume_s,
            State.JOG_ENDING: self.stand_s,
        }.get(state)
