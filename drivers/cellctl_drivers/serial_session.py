"""What every serial protocol is to its shell: bytes in, events and bytes out, time as an argument.

A session speaks with one machine over one connection and is thrown away with it. `serial_shell.SerialDriver` runs
any session; it calls `transmit` after every other call and writes what it gets in the same turn of the loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast, runtime_checkable

from cellctl.domain.evidence import Findings
from cellctl.domain.link import LinkQuality
from cellctl.domain.work import Evidence, Operation, Program, Progress
from cellctl.gcode.meter import Metered


@dataclass(frozen=True, slots=True)
class Greeted:
    """The machine has said who it is. Once for every `greet` or `clear`; `Rested` or `FaultRaised` follows."""

    identity: str


@dataclass(frozen=True, slots=True)
class Rested:
    """The machine stands still by its own account, nothing of it is in the way, and it would take a program.

    Comes after Greeted, after ProgramDrained (later where something must cool first) and after `clear`.
    """


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The machine has taken so many lines of the program by now. At most one for every call of `receive`."""

    lines: int


@dataclass(frozen=True, slots=True)
class ProgramDrained:
    """Every line of the program is acknowledged, and its motion is proved to be over."""


@dataclass(frozen=True, slots=True)
class Held:
    """The machine stands still inside a program: after `hold`, or because it paused by itself, for this reason."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The program goes on: after `resume`, or because it was resumed at the machine."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The machine stands still and the program is forgotten: the answer to `halt` and to `stop`."""


@dataclass(frozen=True, slots=True)
class FaultRaised:
    """The machine says, or shows, that it cannot go on. The program is forgotten; `clear` is the way out."""

    what: str
    do_next: str


@dataclass(frozen=True, slots=True)
class FellSilent:
    """No answer came for this long, and asking again did not help. The session is over."""

    silent_s: float


@dataclass(frozen=True, slots=True)
class ResetSeen:
    """The machine began anew without having been asked to. The session is over."""

    what: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The program waits for a person, and goes on when `answer` brings one of these. Replaces an open question."""

    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unasked:
    """The open question was answered at the machine, or is of no interest any more."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A probing move has ended, here in machine coordinates; `touched`: it found something."""

    at_mm: Mapping[str, float]
    touched: bool


SessionEvent = (
    Greeted
    | Rested
    | Acknowledged
    | ProgramDrained
    | Held
    | Resumed
    | Stopped
    | FaultRaised
    | FellSilent
    | ResetSeen
    | Asked
    | Unasked
    | Probed
)


class Session(Protocol):
    """A protocol without I/O. Every method that a state does not allow raises NotAllowed, naming the state.

    `greet`, `clear`, `hold`, `resume`, `stop`, `halt` and the end of a program are each answered within bounded
    time by their event, by FaultRaised or by FellSilent. After FellSilent and ResetSeen nothing more is heard of
    a session, except a last `transmit`.
    """

    def greet(self, now_s: float) -> None:
        """The link has just been opened: find out who is there."""
        ...

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes have come in, cut anywhere. The events do not depend on where."""
        ...

    def transmit(self, now_s: float) -> bytes:
        """All bytes that may go out now, urgent ones first. Pulls program lines as the machine's window opens.

        What goes wrong in here (a line that must not be sent) is told by the next `tick`, which is due at once.
        """
        ...

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Time has passed. Calls before `deadline_s` do no harm."""
        ...

    @property
    def deadline_s(self) -> float | None:
        """When to call `tick` next; None while nothing is waited for."""
        ...

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """Run this program, one line after the other; allowed when `at_rest`.

        Lines come without comments and are never empty; `total` is their number. At most one window is read ahead.
        """
        ...

    def hold(self, now_s: float) -> None:
        """Come to a stand inside the program; answered by Held."""
        ...

    def resume(self, now_s: float) -> None:
        """Go on; answered by Resumed."""
        ...

    def stop(self, now_s: float) -> None:
        """End the program in order: stand still, heat and spindle off, forget the rest. Answered by Stopped.

        The machine is `at_rest` after it.
        """
        ...

    def halt(self, now_s: float) -> None:
        """Stop by the quickest way the firmware has, whatever it costs. Answered by Stopped; then `clear`."""
        ...

    def clear(self, now_s: float) -> None:
        """A person has looked and clears a fault or a halt. Answered by Rested."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether the machine stands still and would take a program now: from Rested or `stop`'s Stopped on."""
        ...

    @property
    def sent(self) -> int:
        """Lines of the program that were handed to the link at least once."""
        ...

    @property
    def acknowledged(self) -> int:
        """Lines that the machine has taken (not: moved)."""
        ...

    @property
    def executed(self) -> int:
        """Lines that are proved to be executed; the truth lies between this and `sent`."""
        ...


# ---- what some sessions can do besides --------------------------------------------------------------------------


@runtime_checkable
class Asking(Protocol):
    """A session whose machine may ask a person."""

    def answer(self, choice: str, now_s: float) -> None:
        """A person's answer to the question that is open. Raises NotAllowed if there is none, or not this choice."""
        ...


@runtime_checkable
class Resting(Protocol):
    """A session that can leave its machine cold and quiet without waiting for an answer."""

    def rest(self, now_s: float) -> None:
        """We are leaving: heat and spindle off, as soon as the machine can. The bytes are in the next `transmit`.

        Never refused. A program that runs was held before; nothing of it is sent any more.
        """
        ...


@runtime_checkable
class Trying(Protocol):
    """A session that tries a program out before it counts a line of it as sent."""

    @property
    def may_have_moved(self) -> bool:
        """Whether the trial went wrong in a way in which its lines can have been executed."""
        ...


@runtime_checkable
class Gated(Protocol):
    """A session that was told before a program was loaded how much of it leaves the part as it is; it stops there."""

    def proceed(self) -> None:
        """The rest of the program may go out."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A session that can tell something of work that was under way when nobody looked."""

    @property
    def mark(self) -> str:
        """What the machine will show, if it is asked later, as long as it lives and has taken all lines so far."""
        ...

    def found(self, operation: Operation, now_s: float) -> Findings | None:
        """What it shows of that work; None if more will be known after what is heard next."""
        ...


class Estimating(Protocol):
    """A session that knows more or less where its machine is, besides what is proved."""

    @property
    def estimated(self) -> int:
        """Lines that are likely to be executed: between `executed` and `acknowledged`."""
        ...


@runtime_checkable
class Yielding(Protocol):
    """A session whose machine a person may take into their own hands, past all that the session knows."""

    def yield_to_person(self, now_s: float) -> None:
        """Be as after a fault: say nothing by itself, hear without reacting; `clear` is the way back.

        Raises NotAllowed unless the machine is at rest, or at fault already.
        """
        ...

    def halt_by_hand(self, now_s: float) -> None:
        """Stop what a person has set going, by the quickest way; changes nothing in the session."""
        ...


class Proving(Protocol):
    """A session that says by what it knows how many lines are executed."""

    @property
    def evidence(self) -> Evidence:
        """What `executed` rests on."""
        ...


class Measuring(Protocol):
    """A session that counts what it hears of its line."""

    @property
    def quality(self) -> LinkQuality:
        """How good the line has been since contact was made."""
        ...


# isinstance reads every property of a Protocol each time it asks, so on the hot way the class is asked, and once.


@cache
def _offers(kind: type, name: str) -> bool:
    return hasattr(kind, name)


def estimated_of(session: Session) -> int:
    """Lines that are likely to be executed; those that are proved where nobody estimates."""
    return cast(Estimating, session).estimated if _offers(type(session), "estimated") else session.executed


def evidence_of(session: Session) -> Evidence:
    """What `executed` rests on."""
    return cast(Proving, session).evidence if _offers(type(session), "evidence") else Evidence.NONE


def progress_of(session: Session, program: Program | None, metered: Metered | None = None) -> Progress:
    """How far the session is with a program, and what that has used, where its lines are counted."""
    total, estimated, acknowledged = program.lines if program else 0, estimated_of(session), session.acknowledged
    used = metered.by(acknowledged) if metered else None
    return Progress(session.sent, acknowledged, session.executed, total, estimated, evidence_of(session), used)


def mark_of(session: Session) -> str:
    """By what the machine's last lines are known again; empty where it cannot tell."""
    return session.mark if isinstance(session, Telling) else ""


def found_by(session: Session, operation: Operation, now_s: float) -> Findings | None:
    """What a machine that nobody followed shows of this work; None while more may become known."""
    if isinstance(session, Telling) and session.at_rest:
        return session.found(operation, now_s)
    return Findings(stands=session.at_rest or None)


def quality_of(session: Session) -> LinkQuality | None:
    """How good the line has been; None where nobody counts."""
    return cast(Measuring, session).quality if _offers(type(session), "quality") else None
