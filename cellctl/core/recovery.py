"""What is known after something went wrong, and what a person must say before anything moves again.

Only closed questions, and only about what is unknown. An answer becomes a fact with the person's name.
"""

from cellctl.core import lifecycle
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand, JobState
from cellctl.domain.work import (
    GONE,
    Knowledge,
    Operation,
    OperationKind,
    OperationState,
    Place,
    Prompt,
    Question,
)

MADE = "made"
SCRAP = "scrap"
NOT_BEGUN = "not begun"
LOST = "not in the cell"


def take_stock(turn: Turn) -> None:
    """After a start: everything that was under way is unknown, except what a person can simply be asked again."""
    why = "the controller stopped while it was under way"
    for operation in list(turn.cell.operations.values()):
        if operation.state is OperationState.UNKNOWN:
            continue
        if turn.cell.plan.stations[operation.station].attended:
            _withdraw_prompts(turn, operation)
            turn.remember(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, "will be asked again"))
            continue
        turn.remember(ev.OperationEnded(operation.id, OperationState.UNKNOWN, why))
        ask(turn, operation, why)


def ask(turn: Turn, operation: Operation, why: str) -> None:
    """Interrupt the job and ask a person what is true of an operation whose outcome is unknown."""
    _withdraw_prompts(turn, operation)
    job = turn.cell.jobs[operation.job_id]
    if job.state is JobState.RUNNING:
        lifecycle.change_job(turn, job, JobCommand.PAUSE, why)
    question = (
        _carry_question(operation, why)
        if operation.kind is OperationKind.CARRY
        else _process_question(turn, operation, why)
    )
    prompt_id = f"prompt-{turn.cell.counts.prompts + 1}"
    prompt = Prompt(prompt_id, operation.station, question, operation.id, operation.serial)
    turn.remember(ev.PromptRaised(prompt))


def settle(turn: Turn, prompt: Prompt, choice: str, by: str) -> None:
    """Make a person's answer true: about an unknown operation, or about a part that was to be taken away."""
    operation = turn.cell.operations.get(prompt.operation_id)
    if operation is None:
        if prompt.serial and choice == lifecycle.TAKEN_AWAY:
            turn.remember(ev.PartMoved(prompt.serial, GONE, Knowledge.CONFIRMED, by))
        return
    outcome = OperationState.DONE if choice in (MADE, str(operation.target)) else OperationState.FAILED
    reason = f"{by} says: {choice}"
    turn.remember(ev.OperationEnded(operation.id, outcome, reason, answer=choice, by=by))
    job = turn.cell.jobs[operation.job_id]
    if choice in (SCRAP, LOST):
        turn.remember(ev.PartMoved(operation.serial, GONE, Knowledge.CONFIRMED, by))
        lifecycle.scrap(turn, job, reason, by)
        return
    lifecycle.change_job(turn, job, JobCommand.RESUME, reason)
    if operation.kind is OperationKind.CARRY:
        turn.remember(ev.PartMoved(operation.serial, Place(choice), Knowledge.CONFIRMED, by))
    elif choice == MADE:
        lifecycle.step_done(turn, operation, "", by)
    else:
        lifecycle.put_back(turn, operation)


def _withdraw_prompts(turn: Turn, operation: Operation) -> None:
    for prompt in [p for p in turn.cell.prompts.values() if p.operation_id == operation.id]:
        turn.remember(ev.PromptWithdrawn(prompt.id))


def _process_question(turn: Turn, operation: Operation, why: str) -> Question:
    progress = turn.cell.stations[operation.station].progress
    lines = f" About line {progress.acknowledged} of {progress.total} was reached." if progress.total else ""
    text = (
        f"{operation.station}: the outcome of '{operation.step}' for {operation.serial} is unknown ({why}).{lines} "
        f"Look at {operation.target}. '{MADE}': it is whole and stays there. "
        f"'{SCRAP}': you have taken it away, make another. '{NOT_BEGUN}': nothing was done to it yet."
    )
    return Question(text, (MADE, SCRAP, NOT_BEGUN))


def _carry_question(operation: Operation, why: str) -> Question:
    text = (
        f"{operation.station}: where is {operation.serial}? It was carried from {operation.source} to "
        f"{operation.target} ({why}). If it is in the gripper or elsewhere, put it down at one of the two first."
    )
    return Question(text, (str(operation.source), str(operation.target), LOST))
