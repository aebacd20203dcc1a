"""What is known after something went wrong, and what a person must say before anything moves again.

Only closed questions, and only about what is unknown. An answer becomes a fact with the person's name.
"""

from dataclasses import replace

from cellctl.core import changeover, dispositions, lifecycle, one_by_one, prompts, quality, sighting, usage, whereabouts
from cellctl.core.cell import StationStatus
from cellctl.core.evidence import classify
from cellctl.core.instructions import Adopt, Turn
from cellctl.core.one_by_one import MADE, NOT_BEGUN, SCRAP
from cellctl.core.whereabouts import moved, touched
from cellctl.domain import events as ev
from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineState
from cellctl.domain.work import (
    GONE,
    Knowledge,
    Operation,
    OperationKind,
    OperationState,
    Place,
    Program,
    Prompt,
    Question,
)

LOST = "not in the cell"


def take_stock(turn: Turn) -> None:
    """After a start: nobody saw the end of what was under way.

    What the journal cannot settle, machines are asked about when they are heard; and people only about the rest.
    """
    for operation in list(turn.cell.operations.values()):
        if operation.state is OperationState.UNKNOWN or changeover.by_a_person(operation):
            continue
        if _has_result(turn, operation):
            continue
        verdict, why = classify(operation, Findings())
        if verdict is Verdict.NOT_BEGUN:
            not_begun(turn, operation, why)
        else:
            attended = turn.cell.plan.station(operation.station).attended
            doubt(turn, operation, "the controller stopped while it was under way", sought=not attended)


def lose_sight(turn: Turn, station: str, why: str) -> None:
    """A machine is not heard any more, and its driver did not say how its work ended.

    Where it stood idle to the last, the work has not come to it yet: its supervisor still says what becomes of that.
    """
    for operation in [each for each in turn.cell.operations.values() if each.station == station and each.sought]:
        _ask(turn, operation, why)
    if turn.cell.stations[station].state in (MachineState.IDLE, None):
        return
    for operation in [each for each in turn.cell.operations.values() if each.station == station]:
        doubt(turn, operation, why)


def doubt(turn: Turn, operation: Operation, why: str, *, sought: bool = False) -> None:
    """It is not known how an operation ended. Does nothing if that is known to be unknown.

    A question that was not answered is asked again. Of everything else a person must say what is true, unless its
    machine can (`sought`); until then its job is interrupted.
    """
    if operation.state is OperationState.UNKNOWN or changeover.by_a_person(operation):
        return
    if _has_result(turn, operation):
        return
    withdraw_prompts(turn, operation)
    if operation.question is not None:
        turn.remember(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, f"will be asked again: {why}"))
        return
    turn.remember(ev.OperationEnded(operation.id, OperationState.UNKNOWN, why, sought=sought))
    _tell_job(turn, operation, JobCommand.PAUSE, why)
    if not sought:
        _ask(turn, operation, why)


def _ask(turn: Turn, operation: Operation, why: str) -> None:
    """One closed question about work whose outcome is unknown."""
    match operation.kind:
        case OperationKind.CARRY:
            question = _carry_question(operation, why)
        case OperationKind.CHANGE:
            question = changeover.doubted(operation, why)
        case OperationKind.PROCESS:
            question = _process_question(turn, operation, why)
    prompts.ask(turn, Prompt(prompts.next_id(turn.cell), operation.station, question, operation.id, operation.serial))


def _tell_job(turn: Turn, operation: Operation, command: JobCommand, why: str) -> None:
    """Change every job that an operation is for; a change-over is for none."""
    for job_id in operation.job_ids:
        if job_id in turn.cell.jobs:
            lifecycle.change_job(turn, turn.cell.jobs[job_id], command, why)


def _has_result(turn: Turn, operation: Operation) -> bool:
    """Whether what a person was asked is recorded already: then it is done, and nobody measures a second time."""
    if operation.question is None or not quality.recorded(turn.cell, operation):
        return False
    withdraw_prompts(turn, operation)
    turn.remember(ev.OperationEnded(operation.id, OperationState.DONE, "its result is recorded"))
    lifecycle.work_done(turn, operation, "", "")
    return True


def look_for(turn: Turn, station: str) -> None:
    """A machine is heard again: it may still be at the work whose outcome is unknown, or know how that ended."""
    for operation in turn.cell.operations.values():
        if operation.station == station and operation.state is OperationState.UNKNOWN:
            turn.do(Adopt(operation))


def look_beside(turn: Turn, station: str) -> None:
    """A station is heard, or was looked for in vain: a carry to or from it may be weighed now."""
    for operation in turn.cell.operations.values():
        sides = set(touched(turn.cell, operation)) - {operation.station}
        carrier = turn.cell.stations.get(operation.station)
        if operation.sought and station in sides and carrier is not None and carrier.contact == "found":
            turn.do(Adopt(operation))


def weigh(turn: Turn, fact: ev.EvidenceGathered) -> None:
    """A machine has shown what it can of unknown work: that settles it, or one person is asked one question."""
    turn.remember(fact)
    operation = turn.cell.operations[fact.operation_id]
    found = sighting.with_sensor(turn.cell, operation, fact.found)
    if operation.sought and sighting.awaited(turn.cell, operation, found):
        return
    verdict, why = _verdict(turn, operation, found)
    if verdict is Verdict.NOT_BEGUN:
        not_begun(turn, operation, why)
    elif verdict is not Verdict.UNKNOWN:
        find_again(turn, ev.OperationFound(operation.id))
    elif operation.sought:
        _ask(turn, operation, f"the controller stopped while it was under way; {why}")
    if verdict is Verdict.DONE:
        if operation.kind is OperationKind.CARRY:
            seen = Knowledge.OBSERVED if found.part else Knowledge.RECORDED
            turn.remember(moved(turn.cell, operation.serial, operation.target, seen, operation.id))
        turn.remember(ev.OperationEnded(operation.id, OperationState.DONE, why))
        lifecycle.work_done(turn, operation, "", "")


def _verdict(turn: Turn, operation: Operation, found: Findings) -> tuple[Verdict, str]:
    """By what its machine shows; where that does not settle it, and says nothing against it, by the sensors around it.

    Not any more once a person was asked: their hands may be there.
    """
    verdict, why = classify(operation, found)
    if verdict is Verdict.NOT_BEGUN and _has_left(turn, operation):
        verdict, why = Verdict.UNKNOWN, f"it shows what it showed before, and had left {operation.source} already"
    if verdict is not Verdict.UNKNOWN or not operation.sought or found.ended is True or found.failed is True:
        return verdict, why
    end = sighting.seen_at(turn.cell, operation, found)
    if end is None:
        return verdict, why
    if end == operation.source:
        turn.remember(moved(turn.cell, operation.serial, end, Knowledge.OBSERVED, operation.id))
    return Verdict.DONE if end == operation.target else Verdict.NOT_BEGUN, sighting.AGREED


def _has_left(turn: Turn, operation: Operation) -> bool:
    """Whether what is carried was seen away from where it was: a carry that has begun, whatever its machine shows."""
    carried = operation.carrier or operation.serial
    return operation.kind is OperationKind.CARRY and whereabouts.of(turn.cell, carried) != operation.source


def not_begun(turn: Turn, operation: Operation, why: str) -> None:
    """It is proved that the part was not touched: the work is given out again, and nobody is asked."""
    withdraw_prompts(turn, operation)
    turn.remember(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, why))
    if operation.state is OperationState.UNKNOWN:
        _tell_job(turn, operation, JobCommand.RESUME, why)
    lifecycle.put_back(turn, operation)


def find_again(turn: Turn, fact: ev.OperationFound) -> None:
    """The machine has proved what becomes of unknown work: nobody needs to be asked, and its job goes on."""
    operation = turn.cell.operations[fact.operation_id]
    withdraw_prompts(turn, operation)
    turn.remember(fact)
    _tell_job(turn, operation, JobCommand.RESUME, "its machine has found it again")


def settle(turn: Turn, prompt: Prompt, choice: str, by: str) -> None:
    """Make a person's answer true: about an unknown operation, or about a part that was to be taken away."""
    operation = turn.cell.operations.get(prompt.operation_id)
    if operation is None:
        if one_by_one.settle(turn, prompt, choice, by) or dispositions.settle(turn, prompt, choice, by):
            return
        if prompt.serial and choice == lifecycle.TAKEN_AWAY:
            turn.remember(ev.PartMoved(prompt.serial, GONE, Knowledge.CONFIRMED, by))
        return
    if operation.kind is OperationKind.CHANGE:
        changeover.answered(turn, operation, choice, by)
        return
    outcome = OperationState.DONE if choice in (MADE, str(operation.target)) else OperationState.FAILED
    reason = f"{by} says: {choice}"
    turn.remember(ev.OperationEnded(operation.id, outcome, reason, answer=choice, by=by))
    if choice == one_by_one.CHOICE:
        one_by_one.ask(turn, operation, reason)
        return
    if operation.carrier:
        turn.remember(moved(turn.cell, operation.carrier, Place(choice), Knowledge.CONFIRMED, by))
        return
    for alone in operation.each():
        _settle_part(turn, alone, choice, by, reason)


def _settle_part(turn: Turn, operation: Operation, choice: str, by: str, reason: str) -> None:
    """What a person has said of an operation, for one of its parts."""
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


def go_on(turn: Turn, operation: Operation, program: Program, at_line: int, by: str) -> Operation:
    """An operation that broke off is gone on with: another one, at the same place, for the same part."""
    reason = f"{by} goes on at line {at_line}"
    claims = usage.of_the_rest(turn.cell, operation)
    withdraw_prompts(turn, operation)
    turn.remember(ev.OperationEnded(operation.id, OperationState.FAILED, reason, by=by))
    _tell_job(turn, operation, JobCommand.RESUME, reason)
    again = replace(
        operation,
        id=f"op-{turn.cell.counts.operations + 1}",
        program=program,
        state=OperationState.INTENDED,
        resumes=operation.id,
        claims=claims,
    )
    turn.remember(ev.OperationIntended(again))
    return again


def withdraw_prompts(turn: Turn, operation: Operation) -> None:
    """Nobody needs to be asked about an operation any more."""
    for prompt in [p for p in turn.cell.prompts.values() if p.operation_id == operation.id]:
        turn.remember(ev.PromptWithdrawn(prompt.id))


def _process_question(turn: Turn, operation: Operation, why: str) -> Question:
    progress = turn.cell.stations.get(operation.station, StationStatus()).progress
    lines = (
        f" At the last checkpoint {progress.sent} of its {progress.total} lines were sent, {progress.acknowledged} "
        f"acknowledged, {progress.executed} proved to be executed."
        if progress.total
        else ""
    )
    if operation.mates:
        return one_by_one.question(operation, why, lines)
    if operation.resumes:
        text = (
            f"The outcome of '{operation.step}' for {operation.serial}, which was gone on with, "
            f"is unknown ({why}).{lines} Look at {operation.target}. '{MADE}': it is whole and stays there. "
            f"'{SCRAP}': you have taken it away, make another."
        )
        return Question(text, (MADE, SCRAP))
    text = (
        f"The outcome of '{operation.step}' for {operation.serial} is unknown ({why}).{lines} "
        f"Look at {operation.target}. '{MADE}': it is whole and stays there. "
        f"'{SCRAP}': you have taken it away, make another. '{NOT_BEGUN}': nothing was done to it yet."
    )
    return Question(text, (MADE, SCRAP, NOT_BEGUN))


def _carry_question(operation: Operation, why: str) -> Question:
    text = (
        f"Where is {operation.serial}? It was carried from {operation.source} to "
        f"{operation.target} ({why}). If it is in the gripper or elsewhere, put it down at one of the two first."
    )
    places = str(operation.source), str(operation.target)
    if operation.carrier:
        # Its parts are asked about by nobody else: they are on it, or have to be.
        return Question(f"{text} Every part that was on it must be in its slot again.", places)
    return Question(text, (*places, LOST))
