"""What keeps the cell from working, as a part of the cell: its mode, its zones and its alarms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cellctl.domain.stop_events import AlarmCleared, AlarmRaised, CellCommanded, ZoneChanged
from cellctl.domain.stops import Alarm, CellCommand, CellMode, Rung, ZonePhase

Stopped = CellCommanded | ZoneChanged | AlarmRaised | AlarmCleared
_MODES: Final[Mapping[CellCommand, CellMode]] = {
    CellCommand.DRAIN: CellMode.DRAINING,
    CellCommand.PAUSE: CellMode.PAUSED,
    CellCommand.CONTINUE: CellMode.RUNNING,
}


@dataclass(frozen=True, slots=True)
class ZoneStop:
    """A zone that is not open. `by` is who stopped it, `rung` what that does to its stations: STOP or ABORT."""

    phase: ZonePhase
    by: str
    reason: str = ""
    rung: Rung = Rung.ABORT


@dataclass(frozen=True, slots=True)
class Stops:
    """The cell's mode, zones that are not open by name, alarms that stand by id; `raised` counts those there were."""

    mode: CellMode = CellMode.RUNNING
    zones: Mapping[str, ZoneStop] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    raised: int = 0


def fold(stops: Stops, event: Stopped) -> Stops:
    """The stops after an event of the log."""
    match event:
        case CellCommanded(command=command):
            return replace(stops, mode=_MODES[command])
        case ZoneChanged():
            return replace(stops, zones=_zones(stops.zones, event))
        case AlarmRaised(alarm=alarm):
            return replace(stops, alarms={**stops.alarms, alarm.id: alarm}, raised=stops.raised + 1)
        case AlarmCleared(alarm_id=alarm_id):
            return replace(stops, alarms={name: each for name, each in stops.alarms.items() if name != alarm_id})


def _zones(zones: Mapping[str, ZoneStop], event: ZoneChanged) -> Mapping[str, ZoneStop]:
    others = {name: stop for name, stop in zones.items() if name != event.zone}
    if event.phase is ZonePhase.OPEN:
        return others
    known = zones.get(event.zone)
    if known is not None and event.phase is ZonePhase.CLEARED:
        return {**others, event.zone: replace(known, phase=event.phase)}
    return {**others, event.zone: ZoneStop(event.phase, event.by, event.reason, event.rung)}
