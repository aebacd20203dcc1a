"""Which facts are news: a driver may say a thing twice, late, or about work that was settled without it."""

from cellctl.core.cell import Cell
from cellctl.domain import events as ev
from cellctl.domain.work import Operation, OperationKind, OperationState


def is_news(cell: Cell, fact: ev.Fact) -> bool:
    """False for what is settled already, comes from a connection that is over, or is about nothing that we know."""
    match fact:
        case ev.OperationStarted() | ev.OperationAdvanced() | ev.OperationEnded():
            return _under_way(cell, fact.operation_id) is not None
        case ev.PromptRaised(prompt=prompt):
            return _under_way(cell, prompt.operation_id) is not None
        case ev.PromptWithdrawn(prompt_id=prompt_id):
            asked = cell.prompts.get(prompt_id)
            return asked is not None and _under_way(cell, asked.operation_id) is not None
        case ev.PartMoved():
            return _belongs(cell, fact)
        case ev.StationChanged() | ev.ContactFound() | ev.ContactLost():
            return _is_heard(cell, fact)
    return True


def _under_way(cell: Cell, operation_id: str) -> Operation | None:
    """An open operation. What is unknown is not under way: only a person can say more about it."""
    operation = cell.operations.get(operation_id)
    return None if operation is None or operation.state is OperationState.UNKNOWN else operation


def _belongs(cell: Cell, fact: ev.PartMoved) -> bool:
    """Whether a part was moved by the carry that it is on, to where that can bring it."""
    part = cell.parts.get(fact.serial)
    open_operation = cell.operation_of(part.job_id) if part else None
    operation = _under_way(cell, open_operation.id) if open_operation else None
    if operation is None or operation.kind is not OperationKind.CARRY:
        return False
    carrier = cell.plan.station(operation.station)
    return fact.place in (operation.target, *carrier.places) and (fact.by == operation.id or carrier.attended)


def _is_heard(cell: Cell, fact: ev.StationChanged | ev.ContactFound | ev.ContactLost) -> bool:
    status = cell.stations.get(fact.station)
    match fact:
        case ev.StationChanged():
            return status is not None and status.contact == "found"
        case ev.ContactLost():
            # The log says when contact was lost and found, not how often it was looked for.
            return status is not None and status.contact != "lost"
    return status is not None
