"""What becomes of a part that did not pass its gate: accept, rework, scrap, concession. And measuring by people."""

from typing import Final

from cellctl.core import lifecycle, quality
from cellctl.core.cell import Cell
from cellctl.core.instructions import PassOn, Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.job import JobCommand, JobState, JobSubstate
from cellctl.domain.quality import DECISIONS, Disposition, Inspection
from cellctl.domain.stock_commands import DisposePart, RecordInspection
from cellctl.domain.stock_events import InspectionRecorded, PartDisposed
from cellctl.domain.work import Operation, OperationState, Part, Prompt, Step

WORDS: Final = {disposition: word for word, disposition in DECISIONS.items()}


def carry_out(turn: Turn, envelope: Envelope) -> Reply | None:
    """The answer to a command about a part; None for another command."""
    match envelope.command:
        case RecordInspection() as command:
            return _measure(turn, command, envelope.sender)
        case DisposePart() as command:
            return _dispose(turn, command, envelope.sender)
    return None


def settle(turn: Turn, prompt: Prompt, choice: str, by: str) -> bool:
    """A person has answered what becomes of a part; False if the question was another one."""
    part = turn.cell.parts.get(prompt.serial)
    if part is None or not part.held_at or choice not in DECISIONS or prompt.operation_id:
        return False
    decide(turn, part, DECISIONS[choice], by, f"{by} says: {choice}")
    return True


def decide(turn: Turn, part: Part, disposition: Disposition, by: str, reason: str) -> None:
    """Make a decision true that is allowed."""
    withdraw(turn, part)
    job = turn.cell.jobs[part.job_id]
    step = _step(turn.cell, part)
    match disposition:
        case Disposition.SCRAPPED:
            lifecycle.scrap(turn, job, f"{step.name}: {job.reason}", by)
            return
        case Disposition.REWORK if step.gate is not None:
            back_to = step.gate.rework_to
            turn.remember(PartDisposed(part.serial, disposition, by, step.name, back_to, reason))
            names = [each.name for each in turn.cell.orders[job.order_id].directive.steps]
            begins = names.index(back_to)
            turn.remember(ev.JobChanged(job.id, JobState.RUNNING, JobSubstate.NONE, begins, f"rework: {job.reason}"))
            return
        case Disposition.CONCESSION:
            turn.remember(PartDisposed(part.serial, disposition, by, step.name, reason=reason))
        case _:
            result = part.inspection(step.name)
            operation_id = result.operation_id if result else ""
            turn.remember(InspectionRecorded(part.serial, Inspection(step.name, operation_id, True, by, why=reason)))
    lifecycle.change_job(turn, job, JobCommand.RESUME, reason)
    lifecycle.next_step(turn, turn.cell.jobs[job.id], by)


def withdraw(turn: Turn, part: Part) -> None:
    """Nobody needs to be asked any more what becomes of a part that was held."""
    for prompt in [each for each in turn.cell.prompts.values() if each.serial == part.serial and not each.operation_id]:
        turn.remember(ev.PromptWithdrawn(prompt.id))


def scrap_cancelled(turn: Turn) -> None:
    """A part that waits for a decision is no longer wanted once its order is cancelled."""
    for part in [each for each in turn.cell.parts.values() if each.held_at]:
        entry = turn.cell.orders[turn.cell.jobs[part.job_id].order_id]
        if entry.cancelled and not entry.keep:
            withdraw(turn, part)
            lifecycle.scrap(turn, turn.cell.jobs[part.job_id], "the order was cancelled", "cellctl")


def _step(cell: Cell, part: Part) -> Step:
    """The step of the gate that a part is held at."""
    job = cell.jobs[part.job_id]
    return cell.orders[job.order_id].directive.steps[job.step]


def _measure(turn: Turn, command: RecordInspection, by: str) -> Reply:
    part = turn.cell.parts.get(command.serial)
    if part is None:
        return rejected("unknown_target", f"there is no part {command.serial}; list them: cellctl status")
    operation = turn.cell.operation_of(part.job_id)
    gate = quality.gate_of(turn.cell, operation) if operation else None
    if operation is None or gate is None or not _asked(turn.cell, operation):
        return rejected("precondition_failed", f"nobody is asked to measure {part.serial} now; cellctl prompt list")
    wrong = quality.misnamed(gate, command.values)
    if wrong:
        return rejected("invalid", f"{part.serial} at '{operation.step}': {wrong}")
    result = quality.measured(part.serial, operation, gate, command.values, by)
    turn.remember(InspectionRecorded(part.serial, result))
    choices = operation.question.choices if operation.question else ("",)
    choice = choices[0] if result.passed else choices[-1]
    for prompt in [each for each in turn.cell.prompts.values() if each.operation_id == operation.id]:
        turn.remember(ev.PromptAnswered(prompt.id, choice, by))
    turn.do(PassOn(operation.station, operation.id, choice, by))
    told = "passes" if result.passed else f"does not pass: {result.why}"
    return Reply("accepted", f"{part.serial} {told}", {"passed": result.passed})


def _asked(cell: Cell, operation: Operation) -> bool:
    """Whether a person is asked about it at this moment."""
    asked = any(prompt.operation_id == operation.id for prompt in cell.prompts.values())
    return asked and operation.question is not None and operation.state is not OperationState.UNKNOWN


def _dispose(turn: Turn, command: DisposePart, sender: str) -> Reply:
    part = turn.cell.parts.get(command.serial)
    if part is None:
        return rejected("unknown_target", f"there is no part {command.serial}; list them: cellctl status")
    step = _step(turn.cell, part) if part.held_at else None
    if step is None or step.gate is None:
        return rejected("precondition_failed", f"{part.serial} waits for no decision; cellctl prompt list")
    result = part.inspection(step.name)
    allowed = quality.allowed(part, step.name, step.gate, result)
    if command.disposition not in allowed:
        ways = ", ".join(word for word, each in DECISIONS.items() if each in allowed)
        return rejected("invalid", f"{part.serial} at '{step.name}' may become: {ways}")
    concession = command.disposition is Disposition.CONCESSION
    by = command.allowed_by if concession and command.allowed_by else sender
    decide(turn, part, command.disposition, by, command.reason or f"{sender} decided it")
    return Reply("accepted", f"{part.serial}: {WORDS[command.disposition]}, by {by}")
