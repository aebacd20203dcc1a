"""Zones and the ladder of stops: whom they concern, how high the rung is at a station, and what it forbids."""

from collections.abc import Iterator

from cellctl.core.cell import Cell
from cellctl.core.reasons import Reason
from cellctl.core.stops import ZoneStop
from cellctl.domain.machine import MachineCommand
from cellctl.domain.stops import Alarm, Reach, Rung, Zone, ZonePhase
from cellctl.domain.work import Plan

_C = MachineCommand


def neighbours(plan: Plan, zone: Zone) -> frozenset[str]:
    """Stations outside a zone that reach into it, or that a station of it reaches. They are suspended with it."""
    inside = set(zone.stations)
    into = {station.name for station in plan.stations.values() if inside & set(station.reach)}
    reached = {name for each in zone.stations for name in plan.station(each).reach}
    return frozenset((into | reached) - inside)


def of_station(plan: Plan, name: str) -> Iterator[Zone]:
    """The zones that a station belongs to."""
    return (zone for zone in plan.zones.values() if name in zone.stations)


def reaches(plan: Plan, alarm: Alarm, name: str) -> bool:
    """Whether an alarm concerns a station."""
    if alarm.zone:
        zone = plan.zones.get(alarm.about)
        return zone is not None and name in zone.stations
    if alarm.about in ("", name):
        return True
    return alarm.reach is Reach.ZONE and any(name in zone.stations for zone in of_station(plan, alarm.about))


def standing(cell: Cell, name: str, least: Rung) -> Alarm | None:
    """An alarm of this rung or a higher one that concerns a station."""
    alarms = (alarm for alarm in cell.stops.alarms.values() if alarm.rung.height >= least.height)
    return next((alarm for alarm in alarms if reaches(cell.plan, alarm, name)), None)


def against(cell: Cell, name: str) -> Reason | None:
    """Why nothing may be begun at a station, and nothing go on there: a zone that is not open, or an alarm."""
    if not cell.stops.zones and not cell.stops.alarms:
        return None
    for zone, stop in closed(cell):
        if name in zone.stations:
            how = f"{name} is in zone {zone.name}, which {stop.by} has stopped"
            return Reason("zone_stopped", f"{how}; it is {stop.phase.value}: {way_back(zone.name, stop.phase)}")
        if name in neighbours(cell.plan, zone):
            sentence = f"{name} is beside zone {zone.name}, which is {stop.phase.value}"
            return Reason("zone_beside", f"{sentence}: {way_back(zone.name, stop.phase)}")
    alarm = standing(cell, name, Rung.SUSPEND)
    return Reason("alarm", stands(alarm)) if alarm else None


def stands(alarm: Alarm) -> str:
    """An alarm in a sentence, and how it is cleared."""
    return f"{alarm.id} stands ({alarm.kind}: {alarm.text}); once it is seen to: cellctl alarm clear {alarm.id}"


def way_back(zone: str, phase: ZonePhase) -> str:
    """What leads a zone on from a phase."""
    return f"cellctl zone {'clear' if phase is ZonePhase.STOPPED else 'reset'} {zone}"


def closed(cell: Cell) -> Iterator[tuple[Zone, ZoneStop]]:
    """The zones that are not open."""
    stops = cell.stops.zones
    return ((zone, stops[zone.name]) for zone in cell.plan.zones.values() if zone.name in stops)


def rung_at(cell: Cell, name: str) -> Rung:
    """The highest rung that is in force at a station; WARN where there is none."""
    rungs = [alarm.rung for alarm in cell.stops.alarms.values() if reaches(cell.plan, alarm, name)]
    for zone, stop in closed(cell):
        if name in zone.stations and stop.phase is ZonePhase.STOPPED:
            rungs.append(stop.rung)
        elif name in neighbours(cell.plan, zone):
            rungs.append(Rung.SUSPEND)
    return max(rungs, key=lambda rung: rung.height, default=Rung.WARN)


def against_telling(cell: Cell, name: str, command: MachineCommand) -> str:
    """Why a person's command to one machine must wait for its zone or for an alarm; "" if it need not."""
    if command is _C.CLEAR:
        phases = {stop.phase for zone, stop in closed(cell) if name in zone.stations}
        free = ZonePhase.STOPPED not in phases and standing(cell, name, Rung.STOP) is None
    else:
        # Both may move it.
        free = command not in (_C.RESET, _C.UNHOLD)
    reason = None if free else against(cell, name)
    return f"must wait: {reason.sentence}" if reason else ""
