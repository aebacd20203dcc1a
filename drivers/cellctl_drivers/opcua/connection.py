"""The connection as a state machine, its one open request, and what keeps its values fresh."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from cellctl.domain.errors import LinkLost, MachineFault

from .course import write_of
from .picture import NO_WORDS, Picture
from .profile import Profile, Scalar, WriteAct
from .values import Unfit, same_type
from .words import Answer, Answered, Open, Refresh, Refused, Request, Resolve, Unanswered


class Contact(Enum):
    """How far the connection is."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    RESOLVING = "resolving"
    SUBSCRIBED = "subscribed"
    READY = "ready"
    LOST = "lost"


class Turn(Enum):
    """What happens to a connection."""

    BEGUN = "begun"
    ANSWERED = "answered"
    FAILED = "failed"


# A pair that is missing changes nothing: what is lost stays lost, and is thrown away.
NEXT: Final[dict[tuple[Contact, Turn], Contact]] = {
    (Contact.DISCONNECTED, Turn.BEGUN): Contact.CONNECTING,
    (Contact.CONNECTING, Turn.ANSWERED): Contact.RESOLVING,
    (Contact.RESOLVING, Turn.ANSWERED): Contact.SUBSCRIBED,
    (Contact.SUBSCRIBED, Turn.ANSWERED): Contact.READY,
    **{(state, Turn.FAILED): Contact.LOST for state in Contact if state is not Contact.LOST},
}


class Owner(Enum):
    """For whom a request was made."""

    CONNECTION = "connection"
    COURSE = "course"
    UPKEEP = "upkeep"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of the machine's clock.

    `wire`: how many of them one second on the wire is. `answer_s`: until a request must be answered; `work_s` and
    `carry_s`: how long one program, or one carry, may take.
    """

    wire: float = 1.0
    answer_s: float = 4.0
    work_s: float = 86400.0
    carry_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The one request that is open."""

    request: Request
    owner: Owner
    deadline_s: float


class Connection:
    """At most one request is open. What cannot be asked now is not kept: it is asked when it is wanted again."""

    def __init__(self, machine: str, profile: Profile, limits: Limits) -> None:
        self.state = Contact.DISCONNECTED
        self.open: Asked | None = None
        self._machine = machine
        self._profile = profile
        self._limits = limits
        self._refreshed_s = 0.0
        # What each heartbeat showed last, and since when: theirs, and when ours was last written.
        self._beat: tuple[Scalar | None, float] = (None, 0.0)
        self._beaten_s = 0.0

    @property
    def ready(self) -> bool:
        """Every value was heard, and commands may be given."""
        return self.state is Contact.READY

    def ask(self, request: Request, owner: Owner, now_s: float) -> list[Request]:
        """Make a request; nothing while another one is open."""
        if self.open is not None or self.state is Contact.LOST:
            return []
        self.open = Asked(request, owner, now_s + self._limits.answer_s)
        return [request]

    def begin(self, now_s: float) -> list[Request]:
        """Connect."""
        self._turn(Turn.BEGUN)
        return self.ask(Open(), Owner.CONNECTION, now_s)

    def lose(self) -> None:
        """It is over."""
        self._turn(Turn.FAILED)
        self.open = None

    def answered(self, now_s: float) -> Asked | None:
        """The open request was answered."""
        asked, self.open = self.open, None
        if asked is not None and isinstance(asked.request, Refresh):
            self._refreshed_s = now_s
        return asked

    def grown(self, answer: Answer, now_s: float) -> list[Request] | LinkLost | MachineFault:
        """A step towards READY was answered: the next one, or what ends the attempt."""
        if isinstance(answer, Refused | Unanswered):
            return answer.error
        if self.state is Contact.RESOLVING and (wrong := self._wrong_types(answer)):
            return MachineFault(self._machine, wrong, do_next="Correct the types in its profile, or the machine's")
        self._turn(Turn.ANSWERED)
        self._beat, self._beaten_s = (None, now_s), now_s
        if self.state is Contact.RESOLVING:
            return self.ask(Resolve(self._profile.refs, self._profile.methods), Owner.CONNECTION, now_s)
        if self.state is Contact.SUBSCRIBED:
            return self.ask(Refresh(self._profile.refs), Owner.CONNECTION, now_s)
        return []

    def _wrong_types(self, answer: Answered) -> str:
        found = dict(zip(self._profile.refs, answer.outputs, strict=False))
        wrong = [
            f"{signal.name} is {found.get(signal.ref, 'not told')}, not {signal.type}"
            for signal in self._profile.signals.values()
            if signal.ref is not None and not same_type(signal.type, str(found.get(signal.ref, "")))
        ]
        return f"its server has other types than its profile says: {'; '.join(wrong)}" if wrong else ""

    def _turn(self, turn: Turn) -> None:
        self.state = NEXT.get((self.state, turn), self.state)

    # ---- upkeep ----------------------------------------------------------------------------------------------

    def feel(self, picture: Picture) -> None:
        """Look for the machine's heartbeat in what was heard."""
        name = self._profile.heartbeat.hears
        if name and (value := picture.shows(name)) is not None and value != self._beat[0]:
            self._beat = (value, picture.now_s)

    def upkeep(self, picture: Picture) -> list[Request]:
        """Our heartbeat, or a look at every value, if one is due and nothing else is open."""
        if not self.ready or self.open is not None:
            return []
        beat, now_s = self._profile.heartbeat, picture.now_s
        if beat.writes and now_s >= self._beat_due_s:
            self._beaten_s = now_s
            signal = self._profile.signals[beat.writes]
            how = "toggle" if signal.type == "Boolean" or signal.bit is not None else "next"
            try:
                write = write_of(WriteAct(beat.writes, beat.writes, how=how), self._profile, picture, NO_WORDS)
            except Unfit:
                return self.ask(Refresh(self._profile.refs), Owner.UPKEEP, now_s)
            return self.ask(write, Owner.UPKEEP, now_s)
        if now_s >= self._refresh_due_s:
            return self.ask(Refresh(self._profile.refs), Owner.UPKEEP, now_s)
        return []

    @property
    def deadline_s(self) -> float | None:
        """When something is due by itself."""
        due = [self.open.deadline_s] if self.open else []
        if self.ready:
            due += [self._silent_s] if self._profile.heartbeat.hears else []
            if self.open is None:
                due.append(self._refresh_due_s)
                due += [self._beat_due_s] if self._profile.heartbeat.writes else []
        return min(due, default=None)

    def overdue(self, now_s: float) -> LinkLost | None:
        """What the machine owes us for too long: an answer, or its heartbeat."""
        if self.open and now_s >= self.open.deadline_s:
            what = f"no answer to the request for {self.open.request.name}"
            return LinkLost(self._machine, what, do_next="Look at the machine")
        beat = self._profile.heartbeat
        if self.ready and beat.hears and now_s >= self._silent_s:
            what = f"its heartbeat {beat.hears} has not changed for {beat.within_s:g} s"
            return LinkLost(self._machine, what, do_next="Look whether the program in its controller runs")
        return None

    @property
    def _silent_s(self) -> float:
        return self._beat[1] + self._profile.heartbeat.within_s * self._limits.wire

    @property
    def _beat_due_s(self) -> float:
        return self._beaten_s + self._profile.heartbeat.every_s * self._limits.wire

    @property
    def _refresh_due_s(self) -> float:
        return self._refreshed_s + self._profile.times.refresh_s * self._limits.wire
