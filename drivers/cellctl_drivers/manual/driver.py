"""A station with a person: every operation is a closed question, and the answer is what happened."""

import asyncio
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import (
    ContactFound,
    Fact,
    OperationEnded,
    OperationStarted,
    PartMoved,
    PromptRaised,
    StationChanged,
)
from cellctl.domain.machine import MachineCommand, MachineState, after
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Prompt, Question
from cellctl.ports import Driver, DriverFamily, Tools

DONE: Final = "done"
NOT_POSSIBLE: Final = "not possible"

_COMMANDS: Final = frozenset(
    {
        MachineCommand.HOLD, MachineCommand.UNHOLD, MachineCommand.ABORT, MachineCommand.CLEAR,
        MachineCommand.RESET, MachineCommand.STOP,
    }
)  # fmt: skip
_LEAVING: Final = frozenset({MachineState.STOPPING, MachineState.ABORTING})


class ManualOptions(BaseModel):
    """A person needs no keys of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class _Answer:
    choice: str
    by: str


class ManualDriver:
    """One person at one station."""

    def __init__(self, machine: str, tools: Tools) -> None:
        self._machine = machine
        self._report = tools.report
        self._state = MachineState.STOPPED
        self._operation: Operation | None = None
        self._answer: _Answer | None = None
        self._present = False

    async def serve(self) -> None:
        """Be there until cancelled; a person cannot be lost."""
        self._present = True
        self._report(ContactFound(self._machine, identity="person"))
        self._report(StationChanged(self._machine, self._state))
        self._walk(MachineCommand.RESET, MachineCommand.STATE_COMPLETE)
        try:
            await asyncio.Event().wait()
        finally:
            self._present = False

    def start(self, operation: Operation) -> None:
        """Ask the person. Raises NotAllowed unless IDLE."""
        self._require_contact()
        self._walk(MachineCommand.START)
        self._operation, self._answer = operation, None
        question = question_of(operation)
        self._report(OperationStarted(operation.id))
        self._walk(MachineCommand.STATE_COMPLETE)
        prompt = Prompt(f"ask-{operation.id}", self._machine, question, operation.id, operation.serial)
        self._report(PromptRaised(prompt))

    def command(self, command: MachineCommand) -> None:
        """HOLD, UNHOLD, ABORT, CLEAR, RESET, STOP. Raises NotAllowed by the PackML table."""
        self._require_contact()
        if command not in _COMMANDS:
            raise NotAllowed(f"{self._machine} does not take {command.value}")
        self._walk(command)
        if self._state in _LEAVING:
            self._give_up(f"{command.value} was commanded")
        self._walk(MachineCommand.STATE_COMPLETE)
        self._finish()

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """The person's answer; while held it counts once the station goes on. Raises NotAllowed if not asked."""
        operation = self._operation
        if operation is None or operation.id != operation_id:
            raise NotAllowed(f"{self._machine} does not ask about {operation_id} (any more)")
        choices = question_of(operation).choices
        if choice not in choices:
            raise NotAllowed(f"{self._machine} asked for one of {', '.join(choices)}, not {choice!r}")
        self._answer = _Answer(choice, by)
        self._finish()

    def _finish(self) -> None:
        """End the operation once it is answered and the station is in EXECUTE."""
        operation, answer = self._operation, self._answer
        if operation is None or answer is None or self._state is not MachineState.EXECUTE:
            return
        self._operation = None
        for fact in outcome(operation, answer.choice, answer.by):
            self._report(fact)
        self._walk(MachineCommand.STATE_COMPLETE, MachineCommand.STATE_COMPLETE)

    def _give_up(self, reason: str) -> None:
        """Nobody waits for the answer any more. Where a carried part is now, nobody has said."""
        operation, self._operation = self._operation, None
        if operation is None:
            return
        carried = operation.kind is OperationKind.CARRY
        state = OperationState.UNKNOWN if carried else OperationState.FAILED
        self._report(OperationEnded(operation.id, state, reason))

    def _walk(self, *commands: MachineCommand) -> None:
        for command in commands:
            self._state = after(self._state, command)
            self._report(StationChanged(self._machine, self._state))

    def _require_contact(self) -> None:
        if not self._present:
            raise NotAllowed(f"{self._machine} is not attended")


def question_of(operation: Operation) -> Question:
    """What the person is asked: the step's own question, or whether the work is done."""
    if operation.kind is OperationKind.CARRY:
        what = f"{operation.carrier}, with all that lies on it," if operation.carrier else f"part {operation.serial}"
        text = f"Take {what} from {operation.source} to {operation.target}."
        return Question(text, (DONE, NOT_POSSIBLE))
    work = Question(f"Do {operation.step} on part {operation.serial}.", (DONE, NOT_POSSIBLE))
    return operation.question or work


def outcome(operation: Operation, choice: str, by: str) -> list[Fact]:
    """What an answer says has happened. A step's own question is done with any answer: the core judges it."""
    asked_by_step = operation.kind is OperationKind.PROCESS and operation.question is not None
    if choice == NOT_POSSIBLE and not asked_by_step:
        return [OperationEnded(operation.id, OperationState.FAILED, NOT_POSSIBLE, answer=choice, by=by)]
    ended = OperationEnded(operation.id, OperationState.DONE, answer=choice, by=by)
    if operation.kind is OperationKind.CARRY:
        return [PartMoved(operation.serial, operation.target, Knowledge.CONFIRMED, by=by), ended]
    return [ended]


class _Family:
    @property
    def options(self) -> type[ManualOptions]:
        """What the cell file may say about a person: nothing."""
        return ManualOptions

    def rules(self, options: ManualOptions) -> None:
        """A person runs no programs."""

    def driver(self, machine: str, options: ManualOptions, tools: Tools) -> Driver:
        """A driver for one person."""
        return ManualDriver(machine, tools)


FAMILY: Final[DriverFamily] = _Family()
