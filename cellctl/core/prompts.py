"""Questions to people: closed ones only, each with a time to be answered in, and what happens until it is.

A question that nobody has answered in time raises the alarm `unanswered`, again later, and MOST_LEVELS times in all. No
question is ever answered by time.
"""

from dataclasses import dataclass, replace
from typing import Final

from cellctl.core import alarms, builds, rights
from cellctl.core.cell import OURSELVES, Cell
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.stops import UNANSWERED
from cellctl.domain.work import OperationKind, OperationState, Prompt

MOST_LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a kind of question may wait, and what happens meanwhile, for a person to read."""

    within_s: float
    meanwhile: str


OUTCOME: Final = "outcome"
STEP: Final = "step"
CARRY: Final = "carry"
TAKE_AWAY: Final = "take-away"
CHANGE: Final = "change-over"
OTHER: Final = "other"
KINDS: Final = {
    OUTCOME: Waiting(15 * 60.0, "the stations that it is about stay locked; nothing is tried again; the rest goes on"),
    STEP: Waiting(30 * 60.0, "the part waits where it is, and its station with it; the rest goes on"),
    CARRY: Waiting(30 * 60.0, "both places stay reserved for the part; the rest goes on"),
    TAKE_AWAY: Waiting(120 * 60.0, "its place stays taken, and a machine waits for it; the rest goes on"),
    CHANGE: Waiting(30 * 60.0, "the station waits for its change-over; the rest goes on"),
    OTHER: Waiting(30 * 60.0, "what it is about waits; the rest goes on"),
}


def kind_of(cell: Cell, prompt: Prompt) -> str:
    """Which kind of question it is: a key of KINDS."""
    operation = cell.operations.get(prompt.operation_id)
    part = cell.parts.get(prompt.serial)
    if operation is None and part is not None and builds.waits_for_an_answer(cell, part):
        return OUTCOME
    if operation is None:
        return TAKE_AWAY if prompt.serial else OTHER
    if operation.state is OperationState.UNKNOWN:
        return OUTCOME
    if operation.kind is OperationKind.CHANGE:
        return CHANGE
    return CARRY if operation.source else STEP


def within_s(cell: Cell, prompt: Prompt) -> float:
    """How long it may wait before somebody is reminded, by the cell file or else by KINDS."""
    kind = kind_of(cell, prompt)
    return cell.plan.within_s.get(kind, KINDS[kind].within_s)


def ask(turn: Turn, prompt: Prompt) -> None:
    """Ask a person, from now on."""
    turn.remember(ev.PromptRaised(replace(prompt, due_s=turn.now_s + within_s(turn.cell, prompt))))


def next_id(cell: Cell) -> str:
    """A name for a question of our own."""
    return f"prompt-{cell.counts.prompts + 1}"


def next_due_s(cell: Cell) -> float | None:
    """When time itself becomes news, in seconds since the Unix epoch; None while it does not."""
    asked = [prompt.due_s for prompt in cell.prompts.values() if prompt.due_s]
    handed_over = rights.next_due_s(cell)
    return min(asked if handed_over is None else [*asked, handed_over], default=None)


def pass_time(turn: Turn) -> None:
    """Remind people of what was due by now; each reminder comes twice as late as the one before it."""
    for prompt in list(turn.cell.prompts.values()):
        if not prompt.due_s or prompt.due_s > turn.now_s:
            continue
        level = prompt.level + 1
        wait_s = within_s(turn.cell, prompt) * 2**level
        turn.remember(ev.PromptOverdue(prompt.id, level, turn.now_s + wait_s if level < MOST_LEVELS else 0.0))
        text = f"{prompt.id} waits for an answer, reminder {level} of {MOST_LEVELS}: cellctl prompt list"
        alarms.sound(turn, UNANSWERED, prompt.station, text, OURSELVES, subject=prompt.id)
