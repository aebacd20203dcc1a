"""Gates: no part passes one without a recorded result, and one that is not good waits for a person's decision.

The result of a gate is a fact with a name to it: measured values held against their limits, or a yes or no.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from cellctl.core import prompts
from cellctl.core.cell import OURSELVES, Cell
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.quality import DECISIONS, Disposition, Gate, Inspection
from cellctl.domain.stock_events import InspectionRecorded, PartHeld
from cellctl.domain.work import Job, Operation, Part, Prompt, Question, Step

_NO_RESULT: Final = "it has no recorded result"


class Way(Enum):
    """Where a part goes from its gate."""

    ON = "on"
    OUT = "scrap"
    WAITS = "a person decides"


def judge(turn: Turn, operation: Operation, step: Step, gate: Gate, answer: str, by: str) -> Way:
    """The work of a gate is done: what was recorded decides; an answer to its question is recorded now."""
    part = turn.cell.parts[operation.serial]
    result = _result(part, operation)
    if result is None and answer and operation.question is not None:
        passed = answer == operation.question.choices[0]
        result = Inspection(step.name, operation.id, passed, by or OURSELVES, why="" if passed else answer)
        turn.remember(InspectionRecorded(part.serial, result))
    if result is not None and result.passed:
        return Way.ON
    if result is not None and set(gate.dispositions) <= {Disposition.SCRAPPED}:
        return Way.OUT
    hold(turn, turn.cell.jobs[operation.job_id], step, gate, result)
    return Way.WAITS


def hold(turn: Turn, job: Job, step: Step, gate: Gate, result: Inspection | None) -> None:
    """The part goes nowhere, and one closed question asks what becomes of it."""
    why = (result.why if result else "") or _NO_RESULT
    part = turn.cell.parts[job.serial]
    turn.remember(PartHeld(part.serial, step.name, why))
    turn.remember(ev.JobChanged(job.id, JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION, job.step, why))
    choices = tuple(word for word, each in DECISIONS.items() if each in allowed(part, step.name, gate, result))
    text = f"{part.serial} at {part.place} did not pass '{step.name}': {why}. What becomes of it?"
    if Disposition.REWORK in gate.dispositions:
        text += f" Rework goes back to '{gate.rework_to}', {gate.rework_at_most} times at most."
    station = next(iter(str(part.place).partition(".")))
    prompt = Prompt(prompts.next_id(turn.cell), station, Question(text, choices), serial=part.serial)
    prompts.ask(turn, prompt)


def allowed(part: Part, step: str, gate: Gate, result: Inspection | None) -> frozenset[Disposition]:
    """What may be decided about a part that has not passed. It may always be scrapped."""
    choices = {Disposition.SCRAPPED, *gate.dispositions}
    if part.reworks.get(step, 0) >= gate.rework_at_most:
        choices.discard(Disposition.REWORK)
    if result is None:
        # Nobody may let pass by concession what nobody has looked at; who has looked accepts it.
        choices = choices - {Disposition.CONCESSION} | {Disposition.ACCEPTED}
    return frozenset(choices)


def measured(serial: str, operation: Operation, gate: Gate, values: Mapping[str, float], by: str) -> Inspection:
    """The result that values come to, all of them given."""
    wrong = [why for each in gate.characteristics if (why := each.against(values[each.name]))]
    return Inspection(operation.step, operation.id, not wrong, by, dict(values), "; ".join(wrong))


def misnamed(gate: Gate, values: Mapping[str, float]) -> str:
    """What is wrong with the names of values; empty if each characteristic has one."""
    names = [each.name for each in gate.characteristics]
    missing, strange = [each for each in names if each not in values], sorted(set(values) - set(names))
    if not names:
        return "nothing is measured there; answer its question"
    wrong = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"not measured: {', '.join(strange)}"] * bool(strange)
    return "; ".join(wrong)


def note(turn: Turn, fact: InspectionRecorded) -> None:
    """A machine has measured. What that means is decided here, by the limits of the product."""
    said = fact.inspection
    operation = turn.cell.operations[said.operation_id]
    gate = gate_of(turn.cell, operation)
    if gate is None or (misnamed(gate, said.values) and gate.characteristics):
        return
    result = said if not gate.characteristics else measured(fact.serial, operation, gate, said.values, said.by)
    turn.remember(InspectionRecorded(fact.serial, result))


def recorded(cell: Cell, operation: Operation) -> bool:
    """Whether an operation has its result already."""
    part = cell.parts.get(operation.serial)
    return part is not None and _result(part, operation) is not None


def against_answer(cell: Cell, operation: Operation, choice: str) -> str:
    """Why a question cannot be answered so; empty if it can."""
    gate = gate_of(cell, operation)
    good = operation.question is not None and choice == operation.question.choices[0]
    if gate is None or not gate.values_required or not good:
        return ""
    names = " ".join(f"{each.name}=VALUE" for each in gate.characteristics)
    return f"{operation.step} passes by what is measured: cellctl part inspect {operation.serial} {names}"


def gate_of(cell: Cell, operation: Operation) -> Gate | None:
    """The gate that an operation works for."""
    job = cell.jobs.get(operation.job_id)
    if job is None:
        return None
    steps = cell.orders[job.order_id].directive.steps
    return steps[job.step].gate if job.step < len(steps) and steps[job.step].name == operation.step else None


def _result(part: Part, operation: Operation) -> Inspection | None:
    result = part.inspection(operation.step)
    return result if result is not None and result.operation_id == operation.id else None
