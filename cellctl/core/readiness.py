"""Why a station cannot be given work, or reached into, now: what is at it, in its way, unknown or stopped there."""

from cellctl.core import zones
from cellctl.core.cell import Cell
from cellctl.core.reasons import Reason
from cellctl.core.whereabouts import touched
from cellctl.domain.machine import BROKEN_OFF, MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Station


def involved(cell: Cell, station: str) -> Operation | None:
    """The open operation that this station takes part in: as worker, as giver or as taker."""
    for operation in cell.operations.values():
        if station in touched(cell, operation):
            return operation
    return None


def locked(cell: Cell, station: str) -> str:
    """Why nothing may be started at a station until a person has answered; empty if it may."""
    for operation in cell.operations.values():
        if operation.state is OperationState.UNKNOWN and station in touched(cell, operation):
            return f"the outcome of {operation.id} ({operation.step} of {operation.serial}) is unknown"
    return ""


def broke_off(cell: Cell, station: str) -> bool:
    """Whether all that a machine takes part in is its own program, of which nobody knows how far it came."""
    operations = [operation for operation in cell.operations.values() if station in touched(cell, operation)]
    return bool(operations) and all(
        operation.state is OperationState.UNKNOWN
        and operation.kind is OperationKind.PROCESS
        and operation.station == station
        and operation.program is not None
        for operation in operations
    )


def cannot_carry(cell: Cell, here: Station, mover: Station, to: Station) -> Reason | None:
    """Why a person or an arm cannot be sent from a station to another, or None. What sensors say: `rights.against`."""
    reason = not_ready(cell, mover)
    if reason is not None:
        return reason
    if here.driver and cell.stations[here.name].by_hand:
        return _by_hand(here.name, cell.stations[here.name].by_hand)
    if to.driver and to is not mover:
        reason = not_ready(cell, to)
    else:
        # Into a rack, too, only one reaches at a time: an arm, or a person.
        reason = _in_doubt(cell, to) or _taking_part(cell, to, mover)
    broken_off = in_the_way(cell, here, mover) or in_the_way(cell, to, mover)
    return _taking_part(cell, here, mover) or broken_off or reason


def in_the_way(cell: Cell, station: Station, worker: Station) -> Reason | None:
    """An arm that broke off or vanished may stand where this worker is about to move, or to reach."""
    for arm in cell.plan.stations.values():
        if not arm.driver or arm.attended or arm is worker or station.name not in arm.reach:
            continue
        status = cell.stations[arm.name]
        if status.contact == "lost" or status.state in BROKEN_OFF:
            state = status.state.name if status.state else "not heard"
            sentence = f"{arm.name} ({state}) may stand in the way of {station.name}; bring it back to rest"
            return Reason("arm_in_the_way", sentence)
    return None


def _taking_part(cell: Cell, station: Station, mover: Station) -> Reason | None:
    operation = involved(cell, station.name)
    if operation is None or station is mover:
        return None
    return Reason("station_busy", f"{station.name} takes part in {operation.id} ({operation.step})")


def not_ready(cell: Cell, station: Station) -> Reason | None:
    """Why a station with a driver cannot be given work, or None."""
    status = cell.stations[station.name]
    if locked(cell, station.name):
        return _needs_confirmation(cell, station)
    if involved(cell, station.name) is not None:
        return _busy(cell, station)
    if status.contact != "found" or status.state is None:
        return Reason("no_contact", f"{station.name} is not heard ({status.reason or 'no contact yet'})")
    if status.by_hand or status.state is not MachineState.IDLE:
        why = f": {status.reason}" if status.reason else ""
        not_idle = Reason("not_idle", f"{station.name} is in {status.state.name}{why}")
        return _by_hand(station.name, status.by_hand) if status.by_hand else not_idle
    if status.refused:
        return Reason("refused", f"{station.name} did not take its work ({status.refused}); stop it, then reset it")
    return zones.against(cell, station.name)


def _busy(cell: Cell, station: Station) -> Reason:
    operation = involved(cell, station.name)
    if operation is not None and operation.kind is OperationKind.CHANGE:
        return Reason("changing_over", f"{station.name} is being changed over for {operation.prepares}")
    what = f"{operation.step} of {operation.serial}" if operation else "something"
    return Reason("station_busy", f"{station.name} is busy with {what}")


def _by_hand(name: str, who: str) -> Reason:
    return Reason("by_hand", f"{name} is in the hands of {who}, until it is cleared and reset")


def _in_doubt(cell: Cell, station: Station) -> Reason | None:
    """Whether an arm may have come to a stand in there. A person who was to carry something is no obstacle."""
    for operation in cell.operations.values():
        unknown = operation.state is OperationState.UNKNOWN and not cell.plan.station(operation.station).attended
        if unknown and station.name in touched(cell, operation)[1:]:
            return _needs_confirmation(cell, station)
    return None


def _needs_confirmation(cell: Cell, station: Station) -> Reason:
    return Reason("needs_confirmation", f"{station.name} waits for a person: {locked(cell, station.name)}")
