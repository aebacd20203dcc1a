"""Where a session stands in the table, and the clocks that run there."""

from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.grbl.facts import Realtime
from cellctl_drivers.grbl.poll import Poll
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.states import ENTRY, HURRIED, LISTENING, POLLED, REPEAT, Ask, Heard, Purpose, State, after
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_session import FaultRaised

# Where a fast answer to `?` is worth nothing.
_LEISURELY: Final = frozenset({State.READY})


class Stance:
    """State and purpose; entering a state sends what belongs to it and starts its clocks.

    `asking`: it is held because the program waits for a person, who has not answered yet. `owed`: a fault that is told
    once it is known who that is.
    """

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self.state = State.NEW
        self.purpose = Purpose.GREET
        self.asking = False
        self.owed: FaultRaised | None = None
        self.poll = Poll(settings.poll_repeat_s)
        self.until_s: float | None = None
        self._settings = settings
        self._wire = wire

    def ask(self, ask: Ask, now_s: float) -> None:
        """Go where it leads. Raises NotAllowed."""
        target = after(self.state, ask, self.purpose)
        if target is None:
            raise NotAllowed(f"Grbl is {self.state.value}; it cannot {ask.value}")
        self.enter(target, now_s)

    def hear(self, heard: Heard, now_s: float) -> bool:
        """Go where it leads, or say once more what was not heeded. True: another state was entered."""
        source = self.state
        target = after(source, heard, self.purpose)
        if target is None:
            if (source, heard) in REPEAT:
                self._wire.realtime(REPEAT[source, heard])
            return False
        self.enter(target, now_s)
        return target is not source

    def enter(self, state: State, now_s: float) -> None:
        """Be in this state from now on; nothing happens where it is the present one."""
        if state is self.state:
            return
        self.state = state
        self.limit(now_s)
        if state in ENTRY:
            self._wire.realtime(ENTRY[state])
        self.listen(now_s, hurried=state in HURRIED)

    def limit(self, now_s: float) -> None:
        """The time that this state may last begins now."""
        limit_s = self._settings.limit_s(self.state)
        self.until_s = None if limit_s is None else now_s + limit_s

    def listen(self, now_s: float, *, hurried: bool) -> None:
        """What reports say counts from here on: an older question may be answered with an older truth."""
        if self.state not in POLLED:
            self.poll.begin(None, now_s)
            return
        leisurely = self.state in _LEISURELY
        interval_s = self._settings.poll_idle_s if leisurely else self._settings.poll_running_s
        self.poll.begin(interval_s, now_s + interval_s)
        if hurried:
            self.query(now_s)

    def query(self, now_s: float) -> None:
        """Ask how it is."""
        self._wire.realtime(Realtime.STATUS)
        self.poll.asked(now_s)

    def silent_s(self, now_s: float, *, homing: bool) -> float:
        """How long it has been silent, if that is too long by now; else 0. While homing, no Grbl answers."""
        limit_s = self._settings.homing_s if homing else self._settings.silence_s
        silent_s = self.poll.silent_s(now_s)
        return silent_s if self.state in LISTENING and silent_s >= limit_s else 0.0

    @property
    def deadline_s(self) -> float | None:
        """The earliest of its clocks."""
        poll_s, until_s = self.poll.deadline_s, self.until_s
        if poll_s is None or until_s is None:
            return until_s if poll_s is None else poll_s
        return min(poll_s, until_s)
