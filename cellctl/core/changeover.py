"""Change-overs: a station is set up for what comes next, by a person who is asked to, or by itself.

A change-over is an operation of its own kind. It is for no part, and its station is busy until it is over.
"""

from dataclasses import replace
from typing import Final

from cellctl.core.cell import OURSELVES, Cell
from cellctl.core.instructions import Turn
from cellctl.core.setups import Change, Matrix
from cellctl.domain import events as ev
from cellctl.domain.work import (
    NOWHERE,
    Job,
    Operation,
    OperationKind,
    OperationState,
    Program,
    Question,
    Station,
)

DONE: Final = "done"
NOT_POSSIBLE: Final = "not possible"


def matrix(cell: Cell) -> Matrix:
    """The set-up matrix as it is known now."""
    return Matrix(cell.plan.changeovers, cell.measured)


def draft(cell: Cell, job: Job, station: Station, change: Change) -> Operation:
    """The operation that sets a station up for a job."""
    setup = {name: value for name, _, value in change.dimensions}
    program = Program("", change.program, 0, change.takes_s, resident=change.program) if change.program else None
    text = f"Change {station.name} over: {change.text}. '{NOT_POSSIBLE}': it stays as it is, and gets no work."
    question = None if program else Question(text, (DONE, NOT_POSSIBLE))
    number = cell.counts.operations + 1
    kind = OperationKind.CHANGE
    wanted = Operation(f"op-{number}", "", "", "change-over", kind, station.name, NOWHERE, NOWHERE, program, question)
    return replace(wanted, setup=setup, prepares=job.id)


def by_a_person(operation: Operation) -> bool:
    """Whether a person was asked to; then nothing but an answer ends it."""
    return operation.kind is OperationKind.CHANGE and operation.question is not None


def doubted(operation: Operation, why: str) -> Question:
    """What a person is asked about a change-over that the machine was to do by itself."""
    wanted = ", ".join(f"{name} {value}" for name, value in operation.setup.items())
    text = (
        f"Is {operation.station} set up with {wanted}? ({why}.) '{DONE}': it is. "
        f"'{NOT_POSSIBLE}': it is as it was before, and gets no work."
    )
    return Question(text, (DONE, NOT_POSSIBLE))


def answered(turn: Turn, operation: Operation, choice: str, by: str) -> None:
    """A person has done it, or cannot: then the station gets no work before it has shown another state."""
    if choice == DONE:
        turn.remember(ev.OperationEnded(operation.id, OperationState.DONE, answer=choice, by=by))
        changed(turn, operation, by)
        return
    why = f"{by} cannot change it over"
    turn.remember(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, why, answer=choice, by=by))


def changed(turn: Turn, operation: Operation, by: str) -> None:
    """The station is set up as it was to be."""
    took_s = max(turn.now_s - operation.at_s, 0.0) if operation.at_s else 0.0
    turn.remember(ev.SetupChanged(operation.station, operation.setup, by or OURSELVES, round(took_s, 1)))
