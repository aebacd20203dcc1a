"""One contact with one machine: values and answers in, facts and requests out. No await, no clock.

Every request is made once. The end of a step is what the machine's state shows, never that a call returned. A session
whose contact is lost is thrown away.
"""

from collections.abc import Sequence
from typing import Final

from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import ContactFound, Fact, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation
from cellctl.ports.nodes import NodeValue

from .connection import Connection, Contact, Limits, Owner
from .course import fits
from .errand import Errand
from .footing import Setup
from .naming import Naming
from .picture import Picture, mark_of
from .profile import Profile
from .sensing import Sensing
from .words import Answer, Decision, GiveUp, Refused, Request, Unanswered
from .work import Work

_COMMANDS: Final = frozenset(
    {
        MachineCommand.HOLD, MachineCommand.UNHOLD, MachineCommand.ABORT, MachineCommand.CLEAR,
        MachineCommand.RESET, MachineCommand.STOP,
    }
)  # fmt: skip
# What a machine that is only read is said to be doing. It is never IDLE: that would mean that it takes work.
_MIRRORED: Final = {
    "executing": MachineState.EXECUTE,
    "paused": MachineState.HELD,
    "waiting": MachineState.SUSPENDED,
    "faulted": MachineState.ABORTED,
    "resting": MachineState.STOPPED,
}


class Session:
    """Decides what is asked next and what is reported. Every method answers what must be done now, in order."""

    def __init__(self, machine: str, profile: Profile, limits: Limits, naming: Naming) -> None:
        self.machine = machine
        self._profile = profile
        self._naming = naming
        self._picture = Picture(profile, profile.times.stale_s * limits.wire)
        self._connection = Connection(machine, profile, limits)
        self._sensing = Sensing(machine, profile.gripping, profile.sensors)
        self._errand = Errand(Setup(machine, profile, limits), self._picture, self._connection)

    @property
    def state(self) -> MachineState:
        """What the machine is doing, in PackML's words."""
        return self._errand.state

    @property
    def contact(self) -> Contact:
        """How far the connection is."""
        return self._connection.state

    @property
    def oldest_s(self) -> float | None:
        """When the oldest of the values that it goes by was heard; None while one was not."""
        return self._picture.oldest_s

    @property
    def deadline_s(self) -> float | None:
        """When `tick` must be called, on the machine's clock."""
        due = (self._connection.deadline_s, self._errand.deadline_s)
        return min((each for each in due if each is not None), default=None)

    # ---- what comes in ---------------------------------------------------------------------------------------

    def begin(self, now_s: float) -> Sequence[Decision]:
        """Connect. Whatever the machine is doing, it goes on doing."""
        self._picture.now_s = now_s
        return self._connection.begin(now_s)

    def heard(self, value: NodeValue, now_s: float) -> Sequence[Decision]:
        """A variable has this value now."""
        picture = self._picture
        picture.now_s = now_s
        if not picture.hear(value, now_s) or not self._connection.ready:
            return ()
        self._connection.feel(picture)
        sensed = self._sensing.look(picture)
        decided = self._mirrored() if self._profile.reading else self._errand.look()
        # After what the machine does by itself about it, so that its zone does not tell it that again.
        stops = self._sensing.stops(picture)
        return [*sensed, *decided, *stops] if sensed or stops else decided

    def second_thoughts(self, now_s: float) -> str:
        """What was heard since the open request was decided, and speaks against it. It has not gone out yet."""
        self._picture.now_s = now_s
        asked = self._connection.open
        return self._errand.second_thoughts if asked and asked.owner is Owner.COURSE else ""

    @property
    def begins_motion(self) -> bool:
        """Whether the open request is a motion, or leads up to one: the fence is asked right before it goes out."""
        asked = self._connection.open
        return bool(asked and asked.owner is Owner.COURSE and self._errand.weighs)

    def answered(self, answer: Answer, now_s: float) -> list[Decision]:
        """The answer to the one request that is open."""
        self._picture.now_s = now_s
        asked = self._connection.answered(now_s)
        if asked is None:
            return []
        if isinstance(answer, Unanswered):
            self._connection.open = asked
            return self._give_up(answer.error)
        if asked.owner is Owner.CONNECTION:
            return self._grown(answer, now_s)
        if asked.owner is Owner.UPKEEP and isinstance(answer, Refused):
            return self._give_up(answer.error)
        if asked.owner is Owner.COURSE:
            return [*self._errand.answered(answer), *self._connection.upkeep(self._picture)]
        # What was new in the answer was looked at when it was heard.
        self._connection.feel(self._picture)
        decided = self._mirrored() if self._profile.reading else self._errand.go_on()
        return [*decided, *self._connection.upkeep(self._picture)]

    def start(self, operation: Operation, now_s: float) -> list[Decision]:
        """Do this work. Raises NotAllowed unless IDLE, and for work that is none for this machine."""
        self._picture.now_s = now_s
        if self._profile.reading:
            raise NotAllowed(self._only_read())
        words = self._naming.words(operation)
        unfit = fits(self._profile.commands["start"], self._profile, words)
        if unfit:
            raise NotAllowed(f"{self.machine}: {words['program']!r} cannot be started by its profile: {unfit}")
        return self._errand.start(Work(operation, words))

    def adopt(self, operation: Operation, now_s: float) -> list[Decision]:
        """Look for work that was open when the contact was lost. Raises NotAllowed for what cannot be there."""
        self._picture.now_s = now_s
        if self._profile.reading or not self._connection.ready:
            raise NotAllowed(f"{self.machine} cannot be asked about {operation.id}")
        words = self._naming.words(operation)
        work = Work(operation, words, sent=True, began=True, adopted=True)
        return self._errand.adopt(work, mark_of(operation.mark))

    def proceed(self, operation_id: str, now_s: float) -> list[Decision]:
        """The call that moves may go out. Raises NotAllowed if it does not wait."""
        self._picture.now_s = now_s
        return self._errand.proceed(operation_id)

    def command(self, command: MachineCommand, now_s: float) -> list[Decision]:
        """A PackML command. Raises NotAllowed by the table, or because the profile has no such command."""
        self._picture.now_s = now_s
        if self._profile.reading:
            raise NotAllowed(self._only_read())
        if command not in _COMMANDS:
            raise NotAllowed(f"{self.machine} does not take {command.value}")
        if command in (MachineCommand.HOLD, MachineCommand.UNHOLD) and command.value not in self._profile.commands:
            name = self._profile.name
            raise NotAllowed(f"{self.machine}: its profile {name} cannot {command.value}; stop it instead")
        return self._errand.command(command)

    def tick(self, now_s: float) -> list[Decision]:
        """Time has passed."""
        self._picture.now_s = now_s
        if self._connection.state in (Contact.LOST, Contact.DISCONNECTED):
            return []
        overdue = self._connection.overdue(now_s)
        if overdue is not None:
            return self._give_up(overdue)
        return [*self._errand.tick(), *self._connection.upkeep(self._picture)]

    def lost(self, reason: str) -> list[Decision]:
        """The contact is lost, or is given up; the machine does as it likes."""
        return self._give_up(LinkLost(self.machine, reason, do_next="Check network and controller"))

    def last_words(self, now_s: float) -> list[Request]:
        """What is to be asked, one after the other, before the contact is given up: to stop, if it moves for us."""
        self._picture.now_s = now_s
        return self._errand.last_words() if self._connection.ready else []

    # ---- contact ---------------------------------------------------------------------------------------------

    def _grown(self, answer: Answer, now_s: float) -> list[Decision]:
        grown = self._connection.grown(answer, now_s)
        if isinstance(grown, LinkLost | MachineFault):
            return self._give_up(grown)
        if not self._connection.ready:
            return list(grown)
        self._connection.feel(self._picture)
        found: list[Decision] = [ContactFound(self.machine, self._profile.identity)]
        found += self._sensing.look(self._picture)
        if self._profile.reading:
            found += self._mirrored(first=True)
        else:
            found += self._errand.found()
        return found + self._sensing.stops(self._picture)

    def _mirrored(self, *, first: bool = False) -> list[Decision]:
        """What a machine that is only read is doing; STOPPED where that is not known."""
        shown = self._picture.state
        state = _MIRRORED.get(shown, MachineState.STOPPED)
        if state is self._errand.state and not first:
            return []
        self._errand.state = state
        reason = "only read: it takes no work from here" if shown else "what it does is not known"
        return [StationChanged(self.machine, state, reason)]

    def _only_read(self) -> str:
        return (
            f"{self.machine} is only read: its profile {self._profile.name} has no commands. Do it at the machine, "
            "or give it a profile that has"
        )

    def _give_up(self, error: LinkLost | MachineFault) -> list[Decision]:
        """End what is open, and the contact."""
        if self._connection.state is Contact.LOST:
            return []
        ended: list[Fact] = self._errand.abandon(error.what)
        self._connection.lose()
        return [*ended, GiveUp(error)]
