"""Who may begin to move now: the rights of the open hand-overs, as they are at this moment."""

from cellctl.core import custody, zones
from cellctl.core.cell import Cell
from cellctl.core.custody import Shown
from cellctl.core.whereabouts import station_at
from cellctl.domain.machine import AT_REST, MachineState
from cellctl.domain.transfer import Phase, Transfer
from cellctl.domain.work import Place, Station, station_of


def hand(carrier: Station) -> Place:
    """The place of what a carrier has in its gripper, or in its hands."""
    return carrier.places[0] if carrier.places and not carrier.attended else Place(f"{carrier.name}.hands")


def sensed(cell: Cell, place: Place) -> bool | None:
    """What the sensor of a place says of a part there; None where there is none, or it is not heard."""
    status = cell.stations.get(station_of(place))
    return status.signals.at(place) if status else None


def standing(cell: Cell, place: Place) -> Shown:
    """What the station of a place shows as the side that stands still; of a rack there is nothing to be heard."""
    status = cell.stations.get(station_at(cell, place))
    if status is None:
        return Shown(1, alive=True, ready=True)
    signals = status.signals
    ready = status.state in AT_REST and not status.told and not status.by_hand and signals.door_open is not False
    alive = status.contact == "found" and status.state is not None
    return Shown(1, alive=alive, ready=ready, has_part=signals.at(place), clamped=signals.clamped)


def inhibited(cell: Cell, station: str) -> str:
    """Why the machine of a station must not begin to move: somebody may be in its zone. Empty if it may."""
    for transfer in cell.transfers.values():
        permit = transfer.permit
        if permit is not None and permit.zone == station and not custody.may_start([transfer], station):
            return f"{permit.holder} may be in {station} (hand-over {transfer.id} of {transfer.carried})"
    return ""


def against_motion(cell: Cell, station: str, token: int) -> str:
    """Why a station may not begin a motion now, by the rights as they are at this moment; empty if it may.

    `token` is what it was told last with a permit; 0: it was told none. Whoever is about to say something to a machine
    asks this right before.
    """
    reason = zones.against(cell, station)
    stopped = reason.sentence if reason else inhibited(cell, station)
    if stopped:
        return stopped
    held = [each for each in cell.transfers.values() if each.mover == station and each.open]
    for transfer in held:
        if not custody.may_enter(transfer.permit, station, token):
            return f"the permit of {station} for {transfer.zone} is over ({transfer.why or f'it was told {token}'})"
    return f"the hand-over that {station} was permitted for is over" if token and not held else ""


def against_going_on(cell: Cell, station: str) -> str:
    """Why a held machine must not be told to go on; empty if it may."""
    stopped = inhibited(cell, station)
    if stopped:
        return f"must stand still: {stopped}"
    doubted = (each for each in cell.transfers.values() if each.mover == station and each.phase is Phase.DISPUTED)
    return next((f"is held in a hand-over that a person must settle first: {each.why}" for each in doubted), "")


def against(cell: Cell, source: Place, target: Place, carrier: Station) -> str:
    """Why a carry cannot be offered now; empty if it can. Only what sensors say: the rest is dispatch's."""
    for place, wanted, why in ((source, True, "is empty"), (target, False, "is taken")):
        if sensed(cell, place) is (not wanted):
            return f"{place} {why}, says its sensor; look there"
    if not carrier.attended and sensed(cell, hand(carrier)) is True:
        return f"the gripper of {carrier.name} holds something; take it out"
    for place in (source, target):
        station = station_at(cell, place)
        if station != carrier.name and (why := _not_standing(cell, place)):
            return f"{station} {why}"
    return ""


def _not_standing(cell: Cell, place: Place) -> str:
    station, shown = station_at(cell, place), standing(cell, place)
    status = cell.stations.get(station)
    if status is not None and status.signals.door_open is False:
        return "has its door shut; open it"
    if not shown.alive or not shown.ready:
        told = f"was told to {status.told.value}" if status and status.told else "does not stand still"
        return f"{told}; it must be at rest before anybody reaches in"
    stopped = inhibited(cell, station)
    return f"is taken: {stopped}" if stopped else ""


def next_due_s(cell: Cell) -> float | None:
    """When the first phase will have lasted too long (wall clock, seconds since the Unix epoch); None if none will."""
    due = [each for transfer in cell.transfers.values() if (each := due_s(cell, transfer)) is not None]
    return min(due, default=None)


def due_s(cell: Cell, transfer: Transfer) -> float | None:
    """When a phase will have lasted too long; None where nobody counts: a person takes as long as they take, and a
    carrier that is held is waited for."""
    status = cell.stations.get(transfer.mover)
    waits = cell.plan.station(transfer.mover).attended or (status is not None and status.state is MachineState.HELD)
    return None if waits else custody.due_s(transfer, cell.plan.speed)
