"""The brain of the cell: `decide(cell, stimulus, now_s)` answers with the next cell and what is to be done.

A stimulus is a command (in its envelope), an order that was made ready, or a fact that a driver reports. Pure:
no clock, no file, no machine. What happens to a part is in `lifecycle`, what a person is asked in `recovery`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from cellctl.core import (
    about_cell,
    alarms,
    beginning,
    by_hand,
    changeover,
    dispatch,
    dispositions,
    handover,
    lifecycle,
    orders,
    prompts,
    quality,
    readiness,
    recovery,
    retirement,
    rights,
    stopping,
    storeroom,
    usage,
    zones,
)
from cellctl.core.cell import Cell
from cellctl.core.instructions import Answer, Instruction, PassOn, Proceed, Start, Tell, Turn
from cellctl.core.news import is_news
from cellctl.core.stimuli import (
    MachineTold,
    PreparedOrder,
    PreparedResumption,
    RefusedOrder,
    Stimulus,
    TimePassed,
)
from cellctl.domain import events as ev
from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    CommandMachine,
    CommandOrder,
    Envelope,
    ExpediteOrder,
    Reply,
    SendLine,
    SubmitOrder,
    UpdateOrder,
    rejected,
)
from cellctl.domain.errors import NotAllowed
from cellctl.domain.evidence import Findings
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import FOR_PEOPLE, MachineCommand, MachineState, after
from cellctl.domain.stock_events import InspectionRecorded
from cellctl.domain.stop_events import ClockAdjusted, ControllerStalled
from cellctl.domain.stops import CellMode
from cellctl.domain.work import OperationState

__all__ = ["MachineTold", "PreparedOrder", "PreparedResumption", "RefusedOrder", "Stimulus", "TimePassed", "decide"]


# After these nothing can begin that could not begin before.
_CHANGES_NO_QUEUE: Final = (
    ev.OperationStarted
    | ev.OperationSent
    | ev.OperationAdvanced
    | ev.OperationAcknowledged
    | ev.LinkMeasured
    | ev.PromptRaised
)


def decide(cell: Cell, stimulus: Stimulus, now_s: float) -> tuple[Cell, Sequence[Instruction]]:
    """What follows from one stimulus at a moment (seconds since the Unix epoch).

    The returned cell is valid once every Remember is durable.
    """
    turn = Turn(cell, now_s)
    match stimulus:
        case PreparedOrder():
            _accept(turn, stimulus)
        case PreparedResumption():
            _resume(turn, stimulus)
        case MachineTold():
            _told(turn, stimulus)
        case RefusedOrder():
            _reply(turn, stimulus.envelope, stimulus.reply)
        case Envelope():
            _command(turn, stimulus)
        case ev.ControllerStarted():
            turn.remember(stimulus)
            storeroom.open_shop(turn)
            recovery.take_stock(turn)
        case TimePassed():
            prompts.pass_time(turn)
            handover.pass_time(turn)
        case ClockAdjusted() | ControllerStalled():
            alarms.note_time(turn, stimulus)
        case _:
            _fact(turn, stimulus)
    usage.book(turn, cell)
    alarms.tidy(turn)
    if not isinstance(stimulus, _CHANGES_NO_QUEUE):
        handover.follow(turn)
        lifecycle.scrap_cancelled(turn)
        dispositions.scrap_cancelled(turn)
        stopping.steer(turn)
        orders.steer(turn)
        handover.free(turn)
        beginning.begin_all(turn)
        retirement.retire(turn)
    return turn.cell, turn.todo


# ---- commands --------------------------------------------------------------------------------------------------


def _reply(turn: Turn, envelope: Envelope, reply: Reply) -> None:
    turn.remember(
        ev.CommandAnswered(
            envelope.id,
            envelope.content_hash,
            envelope.sender,
            envelope.command.VERB,
            reply.code,
            reply.message,
            dict(reply.result),
        )
    )
    turn.do(Answer(reply))


def _accept(turn: Turn, prepared: PreparedOrder) -> None:
    match prepared.envelope.command:
        case SubmitOrder() as command:
            command = replace(command, order_id=prepared.order_id or command.order_id)
            reply = orders.accept(turn, command, prepared.directive, prepared.at)
        case UpdateOrder() as command:
            reply = orders.change(turn, command, prepared.directive, prepared.envelope.sender)
        case other:
            raise TypeError(f"only an order can be prepared, not {other.VERB}")
    _reply(turn, prepared.envelope, reply)


def _resume(turn: Turn, prepared: PreparedResumption) -> None:
    envelope = prepared.envelope
    operation = turn.cell.operations.get(prepared.operation_id)
    if operation is None or operation.state is not OperationState.UNKNOWN:
        refused = f"{prepared.operation_id} is not unknown any more; nothing is to be gone on with"
        _reply(turn, envelope, rejected("precondition_failed", refused))
        return
    entries = orders.entries_of(turn.cell, operation)
    stopped = zones.against(turn.cell, operation.station)
    if stopped is not None:
        _reply(turn, envelope, rejected("precondition_failed", stopped.sentence))
        return
    if all(entry.paused or (entry.cancelled and not entry.keep) for entry in entries):
        entry = entries[0]
        refused = f"{entry.order.id} is {'paused' if entry.paused else 'cancelled'}; nothing of it goes on"
        _reply(turn, envelope, rejected("precondition_failed", refused))
        return
    state = turn.cell.stations[operation.station].state
    if state is not MachineState.IDLE:
        name = state.name if state else "not heard"
        refused = f"{operation.station} is {name}; it must be IDLE first: cellctl machine clear, then reset"
        _reply(turn, envelope, rejected("precondition_failed", refused))
        return
    again = recovery.go_on(turn, operation, prepared.program, prepared.at_line, envelope.sender)
    said = f"{operation.station}: {again.id} goes on with {operation.serial} at line {prepared.at_line}"
    _reply(turn, envelope, Reply("accepted", said, {"operation_id": again.id}))
    turn.do(Start(again))


def _command(turn: Turn, envelope: Envelope) -> None:
    _reply(turn, envelope, about_cell.carry_out(turn, envelope) or _carry_out(turn, envelope))


def _carry_out(turn: Turn, envelope: Envelope) -> Reply:
    match envelope.command:
        case CommandMachine() as command:
            return _machine(turn, command, envelope.sender)
        case AnswerPrompt() as command:
            return _answer(turn, command, envelope.sender)
        case SendLine() as command:
            return by_hand.send(turn, command, envelope.sender)
    return _order(turn, envelope) or rejected("internal", "it must be prepared before it is decided upon; report this")


def _order(turn: Turn, envelope: Envelope) -> Reply | None:
    match envelope.command:
        case CancelOrder() as command:
            return orders.cancel(turn, command, envelope.sender)
        case CommandOrder() as command:
            return orders.tell(turn, command, envelope.sender)
        case ExpediteOrder() as command:
            return orders.expedite(turn, command, envelope.sender)
        case UpdateOrder() as command:
            return orders.against(turn.cell, command.order_id, JobCommand.UPDATE)
    return None


def _told(turn: Turn, stimulus: MachineTold) -> None:
    command = stimulus.envelope.command
    if not isinstance(command, CommandMachine):
        raise TypeError(f"only a machine can be told, not {command.VERB}")
    if stimulus.refused:
        reply = rejected("precondition_failed", f"{command.machine}: {stimulus.refused}")
    else:
        turn.remember(ev.StationCommanded(command.machine, command.command, stimulus.envelope.sender))
        reply = Reply("accepted", f"{command.machine}: {command.command.value}")
    _reply(turn, stimulus.envelope, reply)


def _machine(turn: Turn, command: CommandMachine, sender: str) -> Reply:
    status = turn.cell.stations.get(command.machine)
    if status is None:
        known = ", ".join(turn.cell.stations)
        return rejected("unknown_target", f"there is no machine {command.machine}; there are: {known}")
    if status.state is None:
        return rejected("precondition_failed", f"{command.machine} is not heard; check its power and cable")
    if command.command not in FOR_PEOPLE:
        allowed = ", ".join(each.value for each in MachineCommand if each in FOR_PEOPLE)
        return rejected("invalid", f"nobody tells a machine to {command.command.value}; allowed: {allowed}")
    try:
        after(status.state, command.command)
    except NotAllowed as refused:
        return rejected("precondition_failed", f"{command.machine}: {refused}")
    against = _against_telling(turn.cell, command)
    if against:
        return rejected("precondition_failed", f"{command.machine} {against}")
    turn.remember(ev.StationCommanded(command.machine, command.command, sender))
    turn.do(Tell(command.machine, command.command))
    return Reply("accepted", f"{command.machine}: {command.command.value}")


def _against_telling(cell: Cell, command: CommandMachine) -> str:
    stopped = zones.against_telling(cell, command.machine, command.command)
    if stopped:
        return stopped
    if command.command is MachineCommand.UNHOLD:
        if cell.stops.mode is CellMode.PAUSED and cell.stations[command.machine].parked:
            return "is held because the whole cell is paused: cellctl cell continue"
        order_id = orders.parked_for(cell, command.machine)
        if order_id:
            return f"is held because {order_id} is paused: cellctl order resume {order_id}"
        return rights.against_going_on(cell, command.machine)
    # A person may make a machine ready whose own program broke off: it stays locked, and may go on with it.
    if command.command is not MachineCommand.RESET or readiness.broke_off(cell, command.machine):
        return ""
    return dispatch.against_reset(cell, command.machine)


def _answer(turn: Turn, command: AnswerPrompt, sender: str) -> Reply:
    prompt = turn.cell.prompts.get(command.prompt_id)
    if prompt is None:
        return rejected("unknown_target", f"there is no open question {command.prompt_id}")
    if command.choice not in prompt.question.choices:
        allowed = ", ".join(prompt.question.choices)
        return rejected("invalid", f"{command.choice!r} is not an answer to {prompt.id}; allowed: {allowed}")
    operation = turn.cell.operations.get(prompt.operation_id)
    goes_on = (
        operation is not None
        and operation.state is not OperationState.UNKNOWN
        and not changeover.by_a_person(operation)
    )
    if operation is not None and goes_on and (why := quality.against_answer(turn.cell, operation, command.choice)):
        return rejected("precondition_failed", why)
    turn.remember(ev.PromptAnswered(prompt.id, command.choice, sender))
    if operation is not None and goes_on:
        turn.do(PassOn(operation.station, operation.id, command.choice, sender))
    else:
        recovery.settle(turn, prompt, command.choice, sender)
    return Reply("accepted", f"{prompt.id}: {command.choice}")


# ---- facts -----------------------------------------------------------------------------------------------------


def _fact(turn: Turn, fact: ev.Fact) -> None:
    if not is_news(turn.cell, fact):
        return
    if type(fact) in _WEIGHED:
        _WEIGHED[type(fact)](turn, fact)
        return
    if isinstance(fact, ev.ContactLost):
        recovery.lose_sight(turn, fact.station, fact.reason)
    if isinstance(fact, ev.PromptRaised):
        prompts.ask(turn, fact.prompt)
        return
    if isinstance(fact, ev.PartMoved):
        handover.claim(turn, fact)
        return
    turn.remember(fact)
    if isinstance(fact, ev.OperationStarted | ev.OperationSent):
        handover.follow(turn)
    if isinstance(fact, ev.OperationSent):
        turn.do(Proceed(turn.cell.operations[fact.operation_id].station, fact.operation_id))
    if isinstance(fact, ev.ContactFound):
        recovery.look_for(turn, fact.station)
    if isinstance(fact, ev.ContactFound | ev.ContactLost):
        recovery.look_beside(turn, fact.station)
    alarms.hear(turn, fact)


def _ended(turn: Turn, fact: ev.OperationEnded) -> None:
    operation = turn.cell.operations[fact.operation_id]
    if operation.sought:
        recovery.weigh(turn, ev.EvidenceGathered(operation.id, Findings(says=fact.reason)))
        return
    match fact.state:
        case OperationState.DONE if against := handover.contradiction(turn, operation):
            recovery.doubt(turn, operation, against)
        case OperationState.DONE:
            recovery.withdraw_prompts(turn, operation)
            turn.remember(fact)
            lifecycle.work_done(turn, operation, fact.answer, fact.by)
        case OperationState.NOT_BEGUN if operation.resumes:
            # Of this run nothing; of the one before it a part is there.
            recovery.doubt(turn, operation, f"going on was not begun: {fact.reason}")
        case OperationState.NOT_BEGUN:
            recovery.withdraw_prompts(turn, operation)
            turn.remember(fact)
            lifecycle.put_back(turn, operation)
        case OperationState.FAILED:
            # Failed work leaves a part in doubt; its stations stay locked until a person has looked.
            recovery.doubt(turn, operation, f"failed: {fact.reason}")
        case _:
            recovery.doubt(turn, operation, fact.reason)


# What these say is not simply remembered.
_WEIGHED: Final[Mapping[type[Any], Callable[[Turn, Any], None]]] = {
    ev.OperationEnded: _ended,
    ev.OperationFound: recovery.find_again,
    ev.EvidenceGathered: recovery.weigh,
    InspectionRecorded: quality.note,
}


# ---- after every stimulus --------------------------------------------------------------------------------------
