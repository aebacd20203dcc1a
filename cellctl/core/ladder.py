"""How far an operation has come, rung by rung; each is durable before the next may happen."""

from dataclasses import replace

from cellctl.domain import events as ev
from cellctl.domain.work import Operation, OperationState, Rung

Climb = ev.OperationStarted | ev.OperationSent | ev.OperationAcknowledged | ev.OperationFound


def climbed(operation: Operation, event: Climb) -> Operation:
    """The operation after a fact about how far it has come. What was reached stays reached."""
    match event:
        case ev.OperationStarted():
            return _started(operation, event)
        case ev.OperationSent():
            return replace(operation, rung=Rung.SENT, mark=event.mark or operation.mark)
        case ev.OperationAcknowledged():
            return replace(operation, rung=Rung.ACKNOWLEDGED, mark=event.mark or operation.mark)
    return replace(operation, state=OperationState.RUNNING, sought=False)


def _started(operation: Operation, event: ev.OperationStarted) -> Operation:
    program = operation.program
    if program is not None and event.estimated_s:
        program = replace(program, estimated_s=event.estimated_s)
    return replace(
        operation,
        state=OperationState.RUNNING,
        program=program,
        mark=event.mark or operation.mark,
        rung=Rung.STARTED if operation.rung is Rung.INTENDED else operation.rung,
    )
