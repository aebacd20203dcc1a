"""Where things are, and who is at it: parts, carriers, and parts on carriers, which are wherever their carrier is."""

from cellctl.core.cell import Cell
from cellctl.domain import events as ev
from cellctl.domain.transfer import resolved
from cellctl.domain.work import NOWHERE, Knowledge, Operation, Part, Place, station_of


def station_at(cell: Cell, place: Place) -> str:
    """The station that a place is at now; a slot on a carrier is where that is."""
    return station_of(resolved(place, cell.carriers) if cell.carriers else place)


def touched(cell: Cell, operation: Operation) -> tuple[str, str, str]:
    """The stations that an operation takes part in: as worker, as giver ("": none) and as taker."""
    if not cell.carriers:
        return operation.station, station_of(operation.source), station_of(operation.target)
    return operation.station, station_at(cell, operation.source), station_at(cell, operation.target)


def beneath(cell: Cell, part: Part | None) -> str:
    """The carrier that a part lies on; "" if it lies on none."""
    below = station_of(part.place) if part is not None else ""
    return below if below in cell.carriers else ""


def stands_at(cell: Cell, carrier: str) -> str:
    """The station where a carrier is."""
    return station_of(cell.carriers[carrier].place)


def moving(cell: Cell, carrier: str) -> Operation | None:
    """The open operation by which a carrier is carried; None while it stands."""
    return next((each for each in cell.operations.values() if each.carrier == carrier), None) if carrier else None


def rides(cell: Cell, serial: str) -> Operation | None:
    """The open operation by which the carrier of a part is carried, and the part with it."""
    return moving(cell, beneath(cell, cell.parts.get(serial))) if cell.carriers else None


def carried_by(cell: Cell, name: str) -> Operation | None:
    """The open operation of a part or a carrier."""
    if name in cell.carriers:
        return moving(cell, name)
    part = cell.parts.get(name)
    return cell.operation_of(part.job_id) if part is not None else None


def of(cell: Cell, name: str) -> Place:
    """Where a part or a carrier is believed to be; NOWHERE for one that is not known."""
    if name in cell.carriers:
        return cell.carriers[name].place
    part = cell.parts.get(name)
    return part.place if part is not None else NOWHERE


def moved(cell: Cell, name: str, place: Place, knowledge: Knowledge, by: str) -> ev.PartMoved | ev.CarrierMoved:
    """The event that a part, or a carrier with all that lies on it, is at a place."""
    kind = ev.CarrierMoved if name in cell.carriers else ev.PartMoved
    return kind(name, place, knowledge, by)


def said(cell: Cell, place: Place) -> str:
    """A place in words: with where its carrier is, for a slot on one."""
    at = resolved(place, cell.carriers)
    return str(place) if at == place else f"{place} (at {at})"
