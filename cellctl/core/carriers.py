"""When a carrier is moved, and to where; if not, why not. Pure, like dispatch, and after it: what can leave does first.

A carrier goes where the parts on it can go on, once none of them can go on from where it stands, and none is about to
be put on it. An empty one goes where a part waits for it. One that must not stay, or cannot go there, makes room.
"""

from collections.abc import Iterator

from cellctl.core import dispatch, readiness, rights
from cellctl.core.cell import Cell
from cellctl.core.reasons import Reason
from cellctl.core.whereabouts import beneath, moving, stands_at, station_at
from cellctl.domain.machine import MachineState
from cellctl.domain.reach import Leg
from cellctl.domain.work import Carrier, Disposition, Job, Operation, OperationKind, Part, Place, Station, station_of

Answer = Operation | tuple[Reason, ...]

# In these a person or an arm will be free by itself.
_COMES_FREE = frozenset(
    {
        MachineState.IDLE, MachineState.STARTING, MachineState.EXECUTE, MachineState.COMPLETING, MachineState.COMPLETE,
        MachineState.RESETTING,
    }
)  # fmt: skip


def next_move(cell: Cell, carrier: Carrier) -> Answer:
    """The operation that can begin now to move a carrier, or every reason why it stays."""
    at_it = next((each for each in cell.operations.values() if _is_about(carrier, each)), None)
    if at_it is not None:
        return (Reason("carrier_busy", f"{at_it.id} ({at_it.step} of {at_it.serial}) is at it"),)
    wish = _wish(cell, carrier)
    may_leave = not any(_lies_on(cell, carrier)) if isinstance(wish, Reason) else _free(cell, carrier, wish) is None
    if may_leave:
        wish = _out_of_the_way(cell, carrier) or wish
    return _carry(cell, carrier, wish) if isinstance(wish, str) else (wish,)


def _is_about(carrier: Carrier, operation: Operation) -> bool:
    return carrier.name in (operation.carrier, station_of(operation.source), station_of(operation.target))


def _lies_on(cell: Cell, carrier: Carrier) -> Iterator[Part]:
    return (part for part in cell.parts.values() if beneath(cell, part) == carrier.name)


# ---- where it should be ------------------------------------------------------------------------------------------


def _wish(cell: Cell, carrier: Carrier) -> str | Reason:
    """The station where a carrier should be instead, or why it should stay."""
    waiting = {job.serial: (job, dispatch.ways_on(cell, job)) for job in dispatch.waiting(cell)}
    loaded = list(_lies_on(cell, carrier))
    for part in loaded:
        if part.disposition is not Disposition.IN_WORK:
            return Reason("carrier_unloads", f"{part.serial} on it is to be taken away first")
    riders = [waiting[part.serial][1] for part in loaded if part.serial in waiting and waiting[part.serial][1]]
    for part in loaded:
        ways = waiting[part.serial][1] if part.serial in waiting else []
        if ways and not ways[0].rides:
            return Reason("carrier_unloads", f"{part.serial} is to be taken off it first")
    here = stands_at(cell, carrier.name)
    if len(loaded) < len(carrier.slots) and (coming := _comes(cell, carrier, here, waiting)):
        return Reason("carrier_loads", f"{coming} is to be put on it first")
    if riders:
        return riders[0][0].to.name
    called = "" if loaded else _called(cell, carrier, waiting)
    return called or Reason("carrier_rests", "nothing waits for it elsewhere")


Waiting = dict[str, tuple[Job, list[Leg]]]


def _comes(cell: Cell, carrier: Carrier, here: str, waiting: Waiting) -> str:
    """The serial number of a part that is about to be put on a carrier where it stands; "" if none is."""
    for serial, (_, ways) in waiting.items():
        first = ways[0] if ways and not ways[0].rides else None
        if first and (first.on, first.to.name) == (carrier.name, here) and _will(cell, first.mover):
            return serial
    return ""


def _called(cell: Cell, carrier: Carrier, waiting: Waiting) -> str:
    """The station where a part waits for an empty carrier, and for no other one that is there or on its way."""
    for _, ways in waiting.values():
        wanted = [leg for leg in ways if leg.on and not leg.rides and _will(cell, leg.mover)]
        if any(not leg.on for leg in ways) or any(_serves(cell, leg) for leg in wanted):
            continue
        for leg in wanted:
            if leg.on == carrier.name:
                return leg.to.name
    return ""


def _serves(cell: Cell, leg: Leg) -> bool:
    """Whether a leg's carrier is where a part can be put on it, or on its way there."""
    ride = moving(cell, leg.on)
    if ride is not None:
        return station_of(ride.target) == leg.to.name
    slots = set(cell.plan.carriers[leg.on].places)
    return stands_at(cell, leg.on) == leg.to.name and bool(slots - {part.place for part in cell.parts.values()})


def _will(cell: Cell, mover: Station) -> bool:
    """Whether a person or an arm can, or will be able to without anybody's help."""
    status = cell.stations[mover.name]
    stopped = readiness.locked(cell, mover.name) or status.by_hand or status.refused
    return status.contact == "found" and status.state in _COMES_FREE and not stopped


def _out_of_the_way(cell: Cell, carrier: Carrier) -> str:
    """Where a carrier makes room for another one that is wanted where it stands; "" if it need not."""
    here = stands_at(cell, carrier.name)
    for other in cell.plan.carriers.values():
        if other is carrier or moving(cell, other.name) or _wish(cell, other) != here or _free(cell, other, here):
            continue
        if cell.carriers[carrier.name].place in other.fits:
            places = (carrier.at, *carrier.fits)
            return next((to for to in map(station_of, places) if to != here and _free(cell, carrier, to)), "")
    return ""


# ---- how it gets there -------------------------------------------------------------------------------------------


def _free(cell: Cell, carrier: Carrier, station: str) -> Place | None:
    """A place at a station where a carrier can be put down."""
    taken = {at.place for at in cell.carriers.values()}
    taken |= {place for operation in cell.operations.values() for place in (operation.source, operation.target)}
    return next((place for place in carrier.fits if station_of(place) == station and place not in taken), None)


def _carry(cell: Cell, carrier: Carrier, station: str) -> Answer:
    source, target = cell.carriers[carrier.name].place, _free(cell, carrier, station)
    if target is None:
        return (Reason("slot_occupied", f"{station} has no free place for it"),)
    here, to = cell.plan.station(station_at(cell, source)), cell.plan.station(station)
    reasons: list[Reason] = []
    for mover in map(cell.plan.station, carrier.movers):
        if not {here.name, to.name} <= set(mover.reach):
            continue
        reason = readiness.cannot_carry(cell, here, mover, to)
        if reason is None and (against := rights.against(cell, source, target, mover)):
            reason = Reason("hand_over", against)
        if reason is None:
            return _draft(cell, carrier, mover, target)
        reasons.append(reason)
    return tuple(reasons) or (Reason("no_way", f"nobody can carry it from {here.name} to {to.name}"),)


def _draft(cell: Cell, carrier: Carrier, mover: Station, target: Place) -> Operation:
    return Operation(
        f"op-{cell.counts.operations + 1}",
        job_id="",
        serial=carrier.name,
        step="carry",
        kind=OperationKind.CARRY,
        station=mover.name,
        target=target,
        source=cell.carriers[carrier.name].place,
        gated=mover.gated,
        carrier=carrier.name,
    )
