"""One contact with an arm: values and answers in, facts and calls out. No await, no clock.

Every call is made once. The end of a step is what the robot's state shows, never that a call returned.
A session whose contact is lost is thrown away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import ContactFound, OperationEnded, OperationStarted, PartMoved, StationChanged
from cellctl.domain.machine import RUNNING, MachineCommand, MachineState, after
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place

from .evidence import Carry, Picture
from .facts import ACCEPTED, STOP_MODE, WRONG_STATE, Method, Signal, TaskState, status_text
from .words import Answer, Answered, Call, Decision, GiveUp, Refresh, Refused, Unanswered


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of the machine's clock for an answer, for a state to show, and for one carry."""

    answer_s: float
    settle_s: float
    carry_s: float


class Step(Enum):
    """What the session waits for."""

    NOTHING = "nothing"
    CHECK = "fresh values"
    UNLOAD = "UnloadProgram"
    LOAD = "LoadByName"
    START = "Start"
    MOVE = "the end of the program"
    SETTLE = "the proof of the carry"
    HALT = "Stop"
    REST = "standstill"


# What the robot must show for a step of a carry to be over.
_SHOWN: Final[dict[Step, Callable[[Picture, Carry], bool]]] = {
    Step.CHECK: lambda picture, carry: True,
    Step.UNLOAD: lambda picture, carry: picture[Signal.STATE] == TaskState.IDLE,
    Step.LOAD: lambda picture, carry: picture.shows_loaded(carry.program),
    Step.START: lambda picture, carry: carry.seen_executing or carry.counted(picture),
    Step.MOVE: lambda picture, carry: picture.at_rest,
    Step.SETTLE: lambda picture, carry: not carry.missing(picture),
}

# What is done when the robot does not show it in time; after a carry, the reason is what it lacks.
_TOO_LATE: Final[dict[Step, tuple[MachineCommand, str]]] = {
    Step.UNLOAD: (MachineCommand.STOP, "it does not show that its last program is unloaded"),
    Step.LOAD: (MachineCommand.STOP, "it does not show that the program is loaded"),
    Step.START: (MachineCommand.ABORT, "it took the start, but was not seen to run the program"),
    Step.MOVE: (MachineCommand.ABORT, "the carry takes longer than carry_timeout_s"),
    Step.SETTLE: (MachineCommand.STOP, ""),
}

_COMMANDS: Final = frozenset(
    {
        MachineCommand.HOLD, MachineCommand.UNHOLD, MachineCommand.ABORT, MachineCommand.CLEAR,
        MachineCommand.RESET, MachineCommand.STOP,
    }
)  # fmt: skip
_HALTING: Final = frozenset({MachineState.HOLDING, MachineState.STOPPING, MachineState.ABORTING})


@dataclass(frozen=True, slots=True)
class _Phase:
    """The present step. `asked`: the answer to what it asked for has not come yet."""

    step: Step = Step.NOTHING
    asked: bool = False
    deadline_s: float | None = None


class Session:
    """Decides what is called next and what is reported. Every method answers what must be done now, in order."""

    def __init__(self, machine: str, limits: Limits) -> None:
        self.machine = machine
        self.state = MachineState.STOPPED
        self._limits = limits
        self._picture = Picture()
        self._carry: Carry | None = None
        self._phase = _Phase()
        self._reason = ""

    @property
    def deadline_s(self) -> float | None:
        """When `tick` must be called, on the machine's clock."""
        return self._phase.deadline_s

    @property
    def moves(self) -> bool:
        """The arm is, or may be, moving for us."""
        return self._may_move() or self._phase.step is Step.START

    # ---- what comes in ---------------------------------------------------------------------------------------

    def contact(self, identity: str) -> list[Decision]:
        """Every signal has been heard. Nothing is called: whatever the arm is doing, it goes on doing."""
        against = self._picture.against_start
        found: list[Decision] = [
            ContactFound(self.machine, identity),
            StationChanged(self.machine, self.state, against),
        ]
        if against:
            return found
        return found + self._walk(MachineCommand.RESET) + self._walk(MachineCommand.STATE_COMPLETE)

    def heard(self, signal: Signal, value: Any, now_s: float, *, good: bool = True) -> list[Decision]:
        """A signal has this value now."""
        picture = self._picture
        picture.hear(signal, value, good=good)
        decisions = self._observe()
        if self.state in RUNNING and picture.halted_by_itself:
            return decisions + self._leave(MachineCommand.ABORT, picture.halted_by_itself, now_s)
        # What is merely unknown for a moment is asked for again before a start.
        if self.state is MachineState.IDLE and picture.against_start and not picture.unknown:
            return decisions + self._leave(MachineCommand.STOP, picture.against_start, now_s)
        return decisions + self._proceed(now_s)

    def answered(self, answer: Answer, now_s: float) -> list[Decision]:
        """The answer to the one request that is open."""
        step = self._phase.step
        if isinstance(answer, Unanswered):
            return self._give_up(LinkLost(self.machine, answer.why, do_next="Look at the arm"))
        self._phase = _Phase(step, deadline_s=now_s + self._limits.settle_s)
        if step is Step.HALT:
            # Refused or not: whether it stands still is for its state to say.
            return self._begin(Step.REST, now_s)
        if step is Step.REST:
            return self._proceed(now_s)
        decisions = self._note_start(answer) if step is Step.START else []
        if self.state in _HALTING:
            return decisions + self._halt(now_s)
        refusal = _refusal(step, answer)
        return decisions + (self._turn_back(refusal, now_s) if refusal else self._proceed(now_s))

    def start(self, operation: Operation, now_s: float) -> list[Decision]:
        """Carry a part. Raises NotAllowed unless IDLE, and for any other kind of work."""
        if operation.kind is not OperationKind.CARRY:
            raise NotAllowed(f"{self.machine} carries parts; it cannot do {operation.step}")
        entered = self._walk(MachineCommand.START)
        self._carry = Carry(operation)
        return entered + self._begin(Step.CHECK, now_s)

    def command(self, command: MachineCommand, now_s: float) -> list[Decision]:
        """A PackML command. Raises NotAllowed by the table."""
        if command not in _COMMANDS:
            raise NotAllowed(f"{self.machine} does not take {command.value}")
        entered = self._walk(command)
        if self.state in _HALTING:
            self._reason = f"{command.value} was commanded"
            return entered + self._halt(now_s, whoever=True)
        if self.state is MachineState.UNHOLDING:
            return entered + self._begin(Step.CHECK, now_s)
        if self.state is MachineState.RESETTING and self._picture.against_start:
            return entered + self._leave(MachineCommand.STOP, self._picture.against_start, now_s)
        return entered + self._walk(MachineCommand.STATE_COMPLETE)

    def tick(self, now_s: float) -> list[Decision]:
        """Time has passed."""
        step, deadline_s = self._phase.step, self._phase.deadline_s
        if deadline_s is None or now_s < deadline_s:
            return []
        if self._phase.asked:
            what = f"no answer to the request for {step.value}"
            return self._give_up(LinkLost(self.machine, what, do_next="Look at the arm"))
        if step is Step.REST:
            what = "it does not come to rest after Stop"
            return self._give_up(MachineFault(self.machine, what, do_next="Stop it at the arm itself"))
        command, reason = _TOO_LATE[step]
        lacks = self._carry.missing(self._picture) if self._carry else ""
        return self._leave(command, reason or lacks, now_s)

    def lost(self, reason: str) -> list[Decision]:
        """The contact is lost, or is given up; the arm does as it likes."""
        return self._give_up(LinkLost(self.machine, reason, do_next="Check network and controller"))

    # ---- the way through a carry -----------------------------------------------------------------------------

    def _begin(self, step: Step, now_s: float) -> list[Decision]:
        """Enter a step: what it asks for, and until when."""
        limits = {Step.MOVE: self._limits.carry_s, Step.SETTLE: self._limits.settle_s}
        request = self._request(step)
        self._phase = _Phase(step, request is not None, now_s + limits.get(step, self._limits.answer_s))
        return [request] if request else []

    def _request(self, step: Step) -> Call | Refresh | None:
        if step is Step.HALT:
            return Call(Method.STOP, (STOP_MODE,))
        if step in (Step.CHECK, Step.REST):
            return Refresh()
        carry = self._carry
        if carry is None or step in (Step.MOVE, Step.SETTLE):
            return None
        carry.sent = True
        if step is Step.LOAD:
            return Call(Method.LOAD, (carry.program,))
        if step is Step.UNLOAD:
            return Call(Method.UNLOAD)
        carry.seen_executing = False
        return Call(Method.START)

    def _proceed(self, now_s: float) -> list[Decision]:
        """Go on for as long as the robot shows what the present step waits for."""
        decisions: list[Decision] = []
        while not self._phase.asked:
            step, carry = self._phase.step, self._carry
            if step is Step.REST and self._picture.at_rest:
                decisions += self._rested()
            elif carry and step in _SHOWN and _SHOWN[step](self._picture, carry):
                decisions += self._next(step, carry, now_s)
            else:
                break
        return decisions

    def _next(self, step: Step, carry: Carry, now_s: float) -> list[Decision]:
        """The step after one that is over."""
        if step is Step.CHECK:
            return self._launch(carry, now_s) if carry.started else self._prepare(carry, now_s)
        if step is Step.UNLOAD:
            return self._begin(Step.LOAD, now_s)
        if step is Step.LOAD:
            return self._launch(carry, now_s)
        if step is Step.START:
            return self._run(carry, now_s)
        if step is Step.MOVE:
            return self._begin(Step.SETTLE, now_s)
        return self._done(carry.operation)

    def _prepare(self, carry: Carry, now_s: float) -> list[Decision]:
        picture = self._picture
        if picture.against_start:
            return self._turn_back(picture.against_start, now_s)
        carry.ended_before = picture[Signal.PROGRAMS_ENDED]
        return self._begin(Step.UNLOAD if picture.has_program else Step.LOAD, now_s)

    def _launch(self, carry: Carry, now_s: float) -> list[Decision]:
        """Start the loaded program, or resume it; but not once more if it ended at the moment of the hold."""
        picture = self._picture
        if carry.started and carry.counted(picture):
            return self._run(carry, now_s)
        against = picture.against_moving if carry.started else picture.against_start
        if not against and not picture.shows_loaded(carry.program):
            against = f"it does not show {carry.program} as loaded"
        return self._turn_back(against, now_s) if against else self._begin(Step.START, now_s)

    def _run(self, carry: Carry, now_s: float) -> list[Decision]:
        carry.seen_executing = True
        return self._walk(MachineCommand.STATE_COMPLETE) + self._begin(Step.MOVE, now_s)

    def _done(self, operation: Operation) -> list[Decision]:
        """Everything is proved. The part is at its target only now: a gripper may also open too early."""
        moved = self._moved(operation, operation.target)
        ended = self._end(OperationState.DONE)
        completing = self._walk(MachineCommand.STATE_COMPLETE)
        return [moved, *ended, *completing, *self._walk(MachineCommand.STATE_COMPLETE)]

    # ---- evidence --------------------------------------------------------------------------------------------

    def _observe(self) -> list[Decision]:
        """Evidence of the carry under way in what was just heard."""
        carry, picture = self._carry, self._picture
        if carry is None or not (carry.started or self._phase.step is Step.START):
            return []
        if picture[Signal.STATE] == TaskState.EXECUTING:
            carry.seen_executing = True
        if carry.gripped or not picture[Signal.GRIPPER_HOLDS]:
            return []
        carry.gripped = True
        return [self._moved(carry.operation, Place(f"{self.machine}.gripper"))]

    def _note_start(self, answer: Answered | Refused) -> list[Decision]:
        """From now on the arm may be moving, unless the robot itself said that it did not start."""
        carry = self._carry
        if carry is None:
            return []
        if isinstance(answer, Answered) and answer.status != ACCEPTED:
            carry.seen_executing = True
            return []
        first, carry.started = not carry.started, True
        return [OperationStarted(carry.operation.id)] if first else []

    def _moved(self, operation: Operation, place: Place) -> PartMoved:
        return PartMoved(operation.serial, place, Knowledge.OBSERVED, by=operation.id)

    # ---- coming to rest --------------------------------------------------------------------------------------

    def _turn_back(self, reason: str, now_s: float) -> list[Decision]:
        """The program does not start: back to HELD where it was to be resumed, else to STOPPED.

        Where the server refused Start by a Bad status, the arm may have begun all the same.
        """
        if self._may_move():
            return self._leave(MachineCommand.ABORT, reason, now_s)
        resumed = self._carry is not None and self._carry.started
        return self._leave(MachineCommand.HOLD if resumed else MachineCommand.STOP, reason, now_s)

    def _leave(self, command: MachineCommand, reason: str, now_s: float) -> list[Decision]:
        """Give the present state up for a reason of our own."""
        self._reason = reason
        return self._walk(command, reason) + self._halt(now_s)

    def _halt(self, now_s: float, *, whoever: bool = False) -> list[Decision]:
        """Bring the arm to rest; one request at a time, so not before an open one is answered.

        A program that somebody else started is stopped only where a person asked for it: `whoever`.
        """
        if self._phase.asked or self._phase.step is Step.REST:
            return []
        if self._may_move() or (whoever and not self._picture.at_rest):
            return self._begin(Step.HALT, now_s)
        return self._rested()

    def _may_move(self) -> bool:
        carry = self._carry
        return carry is not None and carry.started and not (carry.seen_executing and self._picture.at_rest)

    def _rested(self) -> list[Decision]:
        self._phase = _Phase()
        ended: list[Decision] = []
        if self.state is not MachineState.HOLDING and self._carry:
            ended = self._end(self._carry.unfinished, self._reason + self._picture.whereabouts)
        return ended + self._walk(MachineCommand.STATE_COMPLETE, self._reason)

    def _give_up(self, error: LinkLost | MachineFault) -> list[Decision]:
        """End what is open, and the contact. A call without an answer leaves the work unknown."""
        asked = self._phase.asked and self._phase.step not in (Step.CHECK, Step.REST)
        state = OperationState.UNKNOWN if asked or not self._carry else self._carry.unfinished
        return [*self._end(state, error.what), GiveUp(error)]

    def _end(self, state: OperationState, reason: str = "") -> list[Decision]:
        carry, self._carry, self._phase = self._carry, None, _Phase()
        return [OperationEnded(carry.operation.id, state, reason)] if carry else []

    def _walk(self, command: MachineCommand, reason: str = "") -> list[Decision]:
        self.state = after(self.state, command)
        return [StationChanged(self.machine, self.state, reason)]


def _refusal(step: Step, answer: Answered | Refused) -> str:
    """Why the request had no effect; empty if it had. To unload where nothing is loaded is no mistake."""
    if isinstance(answer, Refused):
        return f"it refuses {step.value}: {answer.why}"
    if step is Step.UNLOAD and answer.status == WRONG_STATE:
        return ""
    return "" if answer.status == ACCEPTED else f"it refuses {step.value}: {status_text(answer.status)}"
