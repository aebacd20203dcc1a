"""Which facts are news: a driver may say a thing twice, late, or about work that was settled without it."""

from cellctl.core import zones
from cellctl.core.cell import Cell
from cellctl.core.whereabouts import carried_by
from cellctl.domain import events as ev
from cellctl.domain import stock_events as stock
from cellctl.domain.stop_events import StopSeen
from cellctl.domain.stops import EXTERNAL_STOP
from cellctl.domain.work import Operation, OperationKind, OperationState


def is_news(cell: Cell, fact: ev.Fact) -> bool:
    """False for what is settled already, comes from a connection that is over, or is about nothing that we know."""
    match fact:
        case (
            ev.OperationStarted()
            | ev.OperationSent()
            | ev.OperationAdvanced()
            | ev.OperationAcknowledged()
            | ev.OperationEnded()
            | ev.OperationFound()
            | ev.EvidenceGathered()
        ):
            known = _is_unknown if isinstance(fact, ev.OperationFound | ev.EvidenceGathered) else _under_way
            return bool(known(cell, fact.operation_id)) or _closes_the_search(cell, fact)
        case ev.PromptRaised() | ev.PromptWithdrawn():
            asked = fact.prompt if isinstance(fact, ev.PromptRaised) else cell.prompts.get(fact.prompt_id)
            return asked is not None and _under_way(cell, asked.operation_id) is not None
        case ev.PartMoved() | stock.InspectionRecorded():
            return _belongs(cell, fact) if isinstance(fact, ev.PartMoved) else _is_inspected(cell, fact)
        case (
            ev.StationChanged()
            | ev.SignalsShown()
            | ev.ContactFound()
            | ev.ContactLost()
            | ev.LinkMeasured()
            | ev.ProbeEnded()
            | StopSeen()
        ):
            return _is_heard(cell, fact)
    if isinstance(fact, ev.DiskChanged):
        return fact.full is not cell.disk_full
    # What is left is said while a person works on a machine by hand.
    status = cell.stations.get(fact.station)
    return status is not None and bool(status.by_hand)


def _under_way(cell: Cell, operation_id: str) -> Operation | None:
    """An open operation. What is unknown is not under way: a person says more of it, or its machine finds it again."""
    operation = cell.operations.get(operation_id)
    return None if operation is None or operation.state is OperationState.UNKNOWN else operation


def _closes_the_search(cell: Cell, fact: ev.Fact) -> bool:
    """Whether a driver that looked for work says that it has ended, in whatever way."""
    operation = cell.operations.get(fact.operation_id) if isinstance(fact, ev.OperationEnded) else None
    return operation is not None and operation.sought


def _is_unknown(cell: Cell, operation_id: str) -> bool:
    """Whether an operation is unknown: until a person has answered, its machine may know better."""
    operation = cell.operations.get(operation_id)
    return operation is not None and operation.state is OperationState.UNKNOWN


def _belongs(cell: Cell, fact: ev.PartMoved) -> bool:
    """Whether a part or a carrier was moved by the carry that it is on, to where that can bring it."""
    open_operation = carried_by(cell, fact.serial)
    operation = _under_way(cell, open_operation.id) if open_operation else None
    if operation is None or operation.kind is not OperationKind.CARRY:
        return False
    carrier = cell.plan.station(operation.station)
    return fact.place in (operation.target, *carrier.places) and (fact.by == operation.id or carrier.attended)


def _is_inspected(cell: Cell, fact: stock.InspectionRecorded) -> bool:
    """Whether a machine has measured the part that it works on."""
    operation = _under_way(cell, fact.inspection.operation_id)
    return operation is not None and (operation.serial, operation.step) == (fact.serial, fact.inspection.step)


_OfStation = (
    ev.StationChanged | ev.SignalsShown | ev.ContactFound | ev.ContactLost | ev.LinkMeasured | ev.ProbeEnded | StopSeen
)


def _changes_the_mirror(cell: Cell, seen: StopSeen) -> bool:
    """Of a machine in no zone its own state says all that there is to say of its stop."""
    alarms = cell.stops.alarms.values()
    stands = any(alarm.kind == EXTERNAL_STOP and alarm.subject == seen.station for alarm in alarms)
    zoned = any(zones.of_station(cell.plan, seen.station))
    return zoned and not stands if seen.pressed else stands


def _is_heard(cell: Cell, fact: _OfStation) -> bool:
    status = cell.stations.get(fact.station)
    match fact:
        case ev.LinkMeasured(quality=quality):
            # Each kind of trouble is news once in a connection, so the log cannot be flooded with it.
            known = status.link.troubles if status and status.link else {}
            return status is not None and status.contact == "found" and bool(quality.troubles.keys() - known.keys())
        case ev.StationChanged():
            return status is not None and status.contact == "found"
        case ev.SignalsShown(signals=signals):
            return status is not None and status.contact == "found" and signals.seq > status.signals.seq
        case StopSeen():
            return _changes_the_mirror(cell, fact)
        case ev.ContactLost():
            # The log says when contact was lost and found and what stands in the way, not how often it was looked for.
            return status is not None and (status.contact, status.reason) != ("lost", fact.reason)
    return status is not None
