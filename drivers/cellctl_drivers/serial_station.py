"""A machine's PackML state and the operation on it, as they are reported to the cell."""

import math
from collections.abc import Callable
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import (
    ContactFound,
    Fact,
    LinkMeasured,
    OperationAcknowledged,
    OperationAdvanced,
    OperationEnded,
    OperationSent,
    OperationStarted,
    PromptRaised,
    PromptWithdrawn,
    StationChanged,
)
from cellctl.domain.link import LinkQuality
from cellctl.domain.machine import NEXT, MachineCommand, MachineState, after
from cellctl.domain.work import Operation, OperationState, Prompt, Question
from cellctl.gcode.meter import Metered
from cellctl_drivers.serial_console import Console
from cellctl_drivers.serial_nap import sooner
from cellctl_drivers.serial_session import Session, progress_of

Report = Callable[[Fact], None]

ADVANCE_EVERY_S: Final = 1.0
# Lines that are counted together: so many are kept in memory until then.
_COUNTED_AT_ONCE: Final = 64
MEASURE_EVERY_S: Final = 5.0

_OUT_OF_REACH: Final = 1 << 62  # lines

_C = MachineCommand
_S = MachineState
_ONWARD: Final = {
    _S.STARTING: _C.STATE_COMPLETE,
    _S.HOLDING: _C.STATE_COMPLETE,
    _S.HELD: _C.UNHOLD,
    _S.UNHOLDING: _C.STATE_COMPLETE,
}


class Station:
    """The state of one machine. Only its driver changes it, and every state on the way is reported."""

    def __init__(self, machine: str, report: Report) -> None:
        self.machine = machine
        self.state: MachineState | None = None
        self.gauge = Gauge(machine, report)
        self.console = Console(machine, report)
        # Work of a controller that died, of which this machine is asked.
        self.sought: Operation | None = None
        self._report = report

    def found(self, identity: str) -> None:
        """The machine answers. It is taken for stopped, and prepared for work at once."""
        self._report(ContactFound(self.machine, identity))
        self._enter(_S.STOPPED)
        self.take(_C.RESET)

    def after(self, command: MachineCommand) -> MachineState:
        """Where a command leads. Raises NotAllowed."""
        if self.state is None:
            raise NotAllowed(f"{self.machine} is not heard yet; it cannot {command.value}")
        return after(self.state, command)

    def take(self, command: MachineCommand, reason: str = "") -> None:
        """Go where a command leads. Raises NotAllowed."""
        self._enter(self.after(command), reason)

    def take_if_allowed(self, command: MachineCommand, reason: str = "") -> None:
        """Go where a command leads, or stay."""
        if self.state is not None and (self.state, command) in NEXT:
            self.take(command, reason)

    def complete_if(self, *states: MachineState, reason: str = "") -> bool:
        """An acting state has ended, if it is one of these."""
        if self.state not in states:
            return False
        self.take(_C.STATE_COMPLETE, reason)
        return True

    def in_hands_of(self, person: str) -> None:
        """A person works on it; where it is and in which modes, nobody knows any more."""
        reason = f"{person} works on it by hand: its position and modes are not trusted. Home it, then clear and reset"
        self.take_if_allowed(_C.ABORT, reason)
        self._enter(_S.ABORTED, reason)

    def walk_to_execute(self) -> None:
        """The machine runs by its own account: catch up with it, through every state between."""
        while self.state in _ONWARD:
            self.take(_ONWARD[self.state])

    def put_off(self, deadline_s: float | None, now_s: float) -> float | None:
        """What was due now is due then, if the session's deadline has moved; a gauge is read whenever a clock rings."""
        return sooner(deadline_s, self.console.due_s) if now_s < self.gauge.due_s else -math.inf

    def _enter(self, state: MachineState, reason: str = "") -> None:
        self.state = state
        self._report(StationChanged(self.machine, state, reason))


class Gauge:
    """Tells how good a line is: not often, more seldom while nothing changes, and only what is another than before."""

    def __init__(self, machine: str, report: Report) -> None:
        self.due_s = 0.0
        self._machine = machine
        self._report = report
        self._told = LinkQuality()
        self._still = 0  # How often in a row it was as before.

    def tell(self, quality: LinkQuality | None, now_s: float, every_s: float) -> None:
        """The figures as they are; the next ones are wanted in so long, or later."""
        same = quality in (None, self._told)
        self._still = min(self._still + 1, 4) if same else 0
        self.due_s = now_s + every_s * 2**self._still
        if quality is not None and not same:
            self._told = quality
            self._report(LinkMeasured(self._machine, quality, quality.warning))


class Ladder:
    """Up to which line a program leaves the part as it is, and what of that was told. None: nobody asked for it.

    `estimated_s`: how long it takes from where the machine stands; 0: not known. `metered`: its lines, counted.
    """

    def __init__(
        self, untouched: int | None = None, lines: int = 0, estimated_s: float = 0.0, metered: Metered | None = None
    ) -> None:
        self.estimated_s = estimated_s
        self.metered = metered
        self.waits = False
        # When something is to be told next; out of reach where nothing is.
        self._gate = _OUT_OF_REACH if untouched is None else untouched
        self._end = _OUT_OF_REACH if untouched is None else lines

    def due(self, sent: int) -> bool:
        """Whether it has just come to the line that touches the part. True once."""
        if sent < self._gate:
            return False
        self._gate = _OUT_OF_REACH
        self.waits = True
        return True

    def taken(self, acknowledged: int) -> bool:
        """So many lines are; what they use up is counted now and then. True once: when those are all."""
        if self.metered is not None and acknowledged - self.metered.counted >= _COUNTED_AT_ONCE:
            self.metered.by(acknowledged)
        if acknowledged < self._end:
            return False
        self._end = _OUT_OF_REACH
        return True


class Work:
    """One operation on its machine, from the first byte to its end."""

    def __init__(self, operation: Operation, report: Report, ladder: "Ladder | None" = None) -> None:
        self.ladder = ladder or Ladder()
        self.trouble = ""  # Why it was stopped, if it was not asked for.
        self.started = False
        self.operation = operation
        self.next_s = 0.0  # When the next checkpoint is due.
        self._report = report
        self._asked = 0
        self._open = ""  # The id of the question that waits for a person.

    def begin(self) -> None:
        """The first byte is on the wire."""
        self.started = True
        self._report(OperationStarted(self.operation.id, self.ladder.estimated_s))

    def climb(self, sent: int) -> None:
        """So many lines have gone out; the next one touches the part, and waits until that is durable."""
        if self.ladder.due(sent):
            self._report(OperationSent(self.operation.id))

    def acknowledged(self, mark: str) -> None:
        """The machine has taken every line, and shows this from now on."""
        self._report(OperationAcknowledged(self.operation.id, mark))

    def advance(self, session: Session, now_s: float) -> None:
        """A checkpoint: how far the session is now."""
        self.next_s = now_s + ADVANCE_EVERY_S
        progress = progress_of(session, self.operation.program, self.ladder.metered)
        self._report(OperationAdvanced(self.operation.id, progress))

    def ask(self, question: Question) -> None:
        """The program waits for a person. An older question is of no interest any more."""
        self.withdraw()
        self._asked += 1
        self._open = f"ask-{self.operation.id}-{self._asked}"
        station, serial = self.operation.station, self.operation.serial
        self._report(PromptRaised(Prompt(self._open, station, question, self.operation.id, serial)))

    def withdraw(self) -> None:
        """It was answered elsewhere."""
        if self._open:
            self._report(PromptWithdrawn(self._open))
        self._open = ""

    def answered(self) -> None:
        """A person has answered."""
        self._open = ""

    def end(self, state: OperationState, reason: str = "") -> None:
        """It is over, and whatever it asked with it."""
        self._report(OperationEnded(self.operation.id, state, reason))
