"""A shared build whose outcome is unknown: one question for the whole run, and one for each part where they differ."""

from typing import Final

from cellctl.core import lifecycle, prompts
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand
from cellctl.domain.stock_events import PartDisposed, PartHeld
from cellctl.domain.work import GONE, NOWHERE, Disposition, Knowledge, Operation, Prompt, Question

MADE: Final = "made"
SCRAP: Final = "scrap"
NOT_BEGUN: Final = "not begun"
CHOICE: Final = "one by one"


def question(operation: Operation, why: str, lines: str) -> Question:
    """What a person is asked about a whole run. One that was gone on with has begun."""
    places = ", ".join(f"{alone.serial} at {alone.target}" for alone in operation.each())
    text = (
        f"The outcome of '{operation.step}' for {len(operation.serials)} parts of one run is unknown ({why}).{lines} "
        f"Look at {places}. '{MADE}': all are whole and stay there. "
        f"'{SCRAP}': you have taken all away, make others. '{CHOICE}': they differ, you are asked about each."
    )
    if operation.resumes:
        return Question(text, (MADE, SCRAP, CHOICE))
    return Question(f"{text} '{NOT_BEGUN}': nothing was done to any yet.", (MADE, SCRAP, CHOICE, NOT_BEGUN))


def ask(turn: Turn, operation: Operation, reason: str) -> None:
    """The run is over. A person says of each part what it is; nobody is asked about what is wanted no more."""
    for alone in operation.each():
        entry = turn.cell.orders[turn.cell.jobs[alone.job_id].order_id]
        if entry.cancelled and not entry.keep:
            lifecycle.scrap(turn, turn.cell.jobs[alone.job_id], "the order was cancelled", "cellctl")
            continue
        turn.remember(PartHeld(alone.serial, alone.step, reason))
        text = (
            f"Look at {alone.serial} at {alone.target}. '{MADE}': it is whole and stays there. "
            f"'{SCRAP}': you have taken it away, make another. '{NOT_BEGUN}': nothing of it is there."
        )
        asked = Question(text, (MADE, SCRAP, NOT_BEGUN))
        prompts.ask(turn, Prompt(prompts.next_id(turn.cell), alone.station, asked, serial=alone.serial))


def settle(turn: Turn, prompt: Prompt, choice: str, by: str) -> bool:
    """Make true what a person says of one part; False if the question was another one."""
    part = turn.cell.parts.get(prompt.serial)
    if part is None or not part.held_at or MADE not in prompt.question.choices:
        return False
    job, reason = turn.cell.jobs[part.job_id], f"{by} says: {choice}"
    if choice == SCRAP:
        turn.remember(ev.PartMoved(part.serial, GONE, Knowledge.CONFIRMED, by))
        lifecycle.scrap(turn, job, reason, by)
        return True
    turn.remember(PartDisposed(part.serial, Disposition.IN_WORK, by, part.held_at, reason=reason))
    lifecycle.change_job(turn, job, JobCommand.RESUME, reason)
    if choice == MADE:
        lifecycle.next_step(turn, turn.cell.jobs[job.id], by)
    else:
        turn.remember(ev.PartMoved(part.serial, NOWHERE, Knowledge.CONFIRMED, by))
    return True
