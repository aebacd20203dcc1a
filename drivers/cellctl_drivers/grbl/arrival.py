"""A state was entered: what is said to the controller there, and what the shell is told."""

from cellctl_drivers.grbl import faults
from cellctl_drivers.grbl.facts import Mode, Realtime
from cellctl_drivers.grbl.interview import Interview
from cellctl_drivers.grbl.play import Play
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stance import Stance
from cellctl_drivers.grbl.states import Purpose, State
from cellctl_drivers.grbl.tell import found_at_work, held
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_session import Asked, Greeted, Rested, Resumed, SessionEvent, Stopped, Unasked


class Arrival:
    """In the state that the stance is in. `interview` is the one that is under way, or the last one."""

    def __init__(self, settings: Settings, wire: Wire, stance: Stance, portrait: Portrait, play: Play) -> None:
        self._settings = settings
        self._wire = wire
        self._stance = stance
        self._portrait = portrait
        self._play = play
        self.introduce()

    def introduce(self) -> None:
        """Begin to ask who it is."""
        self.interview = Interview(self._portrait, texts=self._settings.texts)

    def told(self, source: State) -> list[SessionEvent]:
        """It was entered from this one."""
        stance = self._stance
        match stance.state:
            case State.DOWN:
                return self._tell_down(source)
            case State.HELD:
                return self._tell_held(source)
            case State.RUNNING:
                return self._tell_running(source)
            case State.LOST:
                return [faults.BEGAN_ANEW]
            case State.IDENTIFYING:
                self.introduce()
                self._wire.say(self.interview.question)
            case State.FREEING:
                self._wire.say("$H" if self._settings.homing else "$X")
            case State.ENTERING:
                self._wire.say("$C")
            case State.VETTING:
                self._play.rehearse(self._portrait)
        return self._tell_contact(source)

    def _tell_contact(self, source: State) -> list[SessionEvent]:
        stance = self._stance
        match source, stance.state:
            case State.VETTING, State.RESETTING:
                self._play.rehearsed()
                stance.purpose = Purpose.RUN
            case State.IDENTIFYING, State.PROVING:
                return [Greeted(self._portrait.firmware.identity)]
            case State.FREEING, State.PROVING:
                stance.purpose = Purpose.FREED
            case State.PROVING, State.READY:
                self._portrait.alarm = None
                stopped = stance.purpose in (Purpose.STOP, Purpose.STOP_FOUND)
                return [Stopped() if stopped else Rested()]
        return []

    def _tell_held(self, source: State) -> list[SessionEvent]:
        if source is State.GREETING:
            return [found_at_work(self._portrait, stands=True)]
        if source is State.PROVING:
            self._stance.purpose = Purpose.WAIT
        if self._portrait.mode is Mode.TOOL:
            # So it knows that somebody attends to the change; what it had received waits until it is over.
            self._wire.realtime(Realtime.TOOL_ACKNOWLEDGED)
        line = self._wire.window.oldest.decode().strip()
        told = held(self._portrait, line, asked=source is not State.RUNNING)
        self._stance.asking = any(isinstance(event, Asked) for event in told)
        return told

    def _tell_running(self, source: State) -> list[SessionEvent]:
        if source is State.GREETING:
            return [found_at_work(self._portrait, stands=False)]
        if source is not State.PROVING:
            closed: list[SessionEvent] = [Unasked()] if self._stance.asking else []
            self._stance.asking = False
            return [*closed, Resumed()]
        self._play.begin(self._portrait)
        return [Resumed()] if self._play.interrupted else []

    def _tell_down(self, source: State) -> list[SessionEvent]:
        if source in (State.RESETTING, State.STOPPING):
            return [Stopped()] if self._stance.purpose is Purpose.HALT else []
        self._stance.purpose = Purpose.FAULT
        return [self._portrait.explain_lock(self._settings.homing)]
