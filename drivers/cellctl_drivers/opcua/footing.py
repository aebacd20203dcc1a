"""What an errand stands on from phase to phase: the machine, its picture, its work, and its commands."""

from dataclasses import dataclass

from cellctl.domain.events import StationChanged
from cellctl.domain.machine import MachineCommand, MachineState, after

from .connection import Connection, Limits
from .course import Course, RefreshAct
from .phases import SHOWN, Phase, Step
from .picture import NO_WORDS, Picture
from .profile import Act, CallAct, Profile, Stage, WriteAct
from .values import Unfit
from .words import Answered, Decision, Refused, Request
from .work import Work


@dataclass(frozen=True, slots=True)
class Setup:
    """What stays as it is for a whole contact."""

    machine: str
    profile: Profile
    limits: Limits


class Footing:
    """One machine as an errand finds it. `state` is what it does, in PackML's words."""

    def __init__(self, setup: Setup, picture: Picture, connection: Connection) -> None:
        self.state = MachineState.STOPPED
        self._setup = setup
        self._picture = picture
        self._connection = connection
        self._work: Work | None = None
        # Of the present work, or of the last one: what it left behind may have to be cleared away.
        self._words = NO_WORDS
        self._step = Step()
        self._reason = ""

    @property
    def deadline_s(self) -> float | None:
        """When the present wait has been too long."""
        return None if self._step.asked else self._step.until_s

    def last_words(self) -> list[Request]:
        """What brings the machine to rest, without waiting for what it shows."""
        starting = self._step.asked is not None and self._step.course.moves
        stages: list[Stage] = self._undo()
        if self._may_move() or starting:
            stages += self._stages("stop", "abort")
        stages += self._giving()
        acts = [act for stage in stages for act in stage.acts if isinstance(act, CallAct | WriteAct)]
        requests = []
        for act in acts:
            course = Course((Stage((act,)),), self._words)
            try:
                requests.append(course.request(act, self._setup.profile, self._picture))
            except (Unfit, KeyError):
                continue
        return requests

    def _take(self, act: Act | RefreshAct, answer: Answered | Refused) -> None:
        """What a method's answer says of signals."""
        if isinstance(act, CallAct) and isinstance(answer, Answered):
            for output, name in act.gives.items():
                if output < len(answer.outputs):
                    self._picture.given(name, answer.outputs[output], self._picture.now_s)

    def _wait(self, duration_s: float) -> None:
        if self._step.until_s is None:
            self._step.until_s = self._picture.now_s + duration_s

    @property
    def _patience_s(self) -> float:
        """How long the machine may take to show that the present phase is over."""
        limits = self._setup.limits
        if self._step.phase is Phase.MOVE:
            return limits.carry_s if self._work and self._work.carries else limits.work_s
        return self._setup.profile.times.settle_s * limits.wire

    def _over(self) -> bool:
        step, picture = self._step, self._picture
        if step.phase is Phase.REST and self.state is MachineState.HOLDING and picture.state == "paused":
            return True
        return step.phase not in SHOWN or SHOWN[step.phase](self._setup.profile, picture, self._work)

    def _may_move(self) -> bool:
        work = self._work
        return work is not None and work.began and not (work.seen_executing and self._picture.at_rest)

    @property
    def _whereabouts(self) -> str:
        """In whose zone an arm stands, as the end of a sentence; empty if in none."""
        name = self._setup.profile.gripping.zone
        zone = self._picture.shows(name) if name else ""
        return f"; it stands in the zone of {zone}" if zone else ""

    def _drop(self) -> None:
        self._work, self._step = None, Step()

    def _undo(self) -> list[Stage]:
        """What takes a start bit back that was set."""
        undo = self._step.course.undo
        return [Stage((undo,))] if undo else []

    def _giving(self) -> list[Stage]:
        """What gives control back, where it is ours."""
        owned = self._picture.holds(self._setup.profile.owned)
        return self._stages("give_control") if owned else []

    def _stages(self, *names: str) -> list[Stage]:
        """The first of these commands that the profile has."""
        commands = self._setup.profile.commands
        return next((list(commands[name]) for name in names if commands.get(name)), [])

    def _walk(self, command: MachineCommand, reason: str = "") -> list[Decision]:
        self.state = after(self.state, command)
        return [StationChanged(self._setup.machine, self.state, reason)]
