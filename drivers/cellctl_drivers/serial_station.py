"""A machine's PackML state and the operation on it, as they are reported to the cell."""

from collections.abc import Callable
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import (
    ContactFound,
    Fact,
    OperationAdvanced,
    OperationEnded,
    OperationStarted,
    StationChanged,
)
from cellctl.domain.machine import NEXT, MachineCommand, MachineState, after
from cellctl.domain.work import Operation, OperationState, Progress

Report = Callable[[Fact], None]

ADVANCE_EVERY_S: Final = 1.0

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

    def walk_to_execute(self) -> None:
        """The machine runs by its own account: catch up with it, through every state between."""
        while self.state in _ONWARD:
            self.take(_ONWARD[self.state])

    def _enter(self, state: MachineState, reason: str = "") -> None:
        self.state = state
        self._report(StationChanged(self.machine, state, reason))


class Work:
    """One operation on its machine, from the first byte to its end."""

    def __init__(self, operation: Operation, report: Report) -> None:
        self.trouble = ""  # Why it was stopped, if it was not asked for.
        self.started = False
        self._operation = operation
        self._report = report
        self._next_s = 0.0

    def begin(self) -> None:
        """The first byte is on the wire."""
        self.started = True
        self._report(OperationStarted(self._operation.id))

    def advance(self, sent: int, acknowledged: int, executed: int, now_s: float) -> None:
        """A checkpoint, unless the last one was just now."""
        if now_s >= self._next_s:
            self._next_s = now_s + ADVANCE_EVERY_S
            total = self._operation.program.lines if self._operation.program else 0
            self._report(OperationAdvanced(self._operation.id, Progress(sent, acknowledged, executed, total)))

    def end(self, state: OperationState, reason: str = "") -> None:
        """It is over."""
        self._report(OperationEnded(self._operation.id, state, reason))
