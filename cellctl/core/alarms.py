"""Alarms: raised by people, machines and the cell itself; what a class of them does is in the cell file (`Rung`)."""

from cellctl.core import stopping, zones
from cellctl.core.cell import OURSELVES, THE_ALARMS
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import ClearAlarm, RaiseAlarm, Reply, ReportStop, rejected
from cellctl.domain.machine import MachineState
from cellctl.domain.stop_events import AlarmCleared, AlarmRaised, ClockAdjusted, ControllerStalled, StopSeen
from cellctl.domain.stops import (
    BUILT_IN,
    CLOCK,
    CONTACT_LOST,
    EXTERNAL_STOP,
    MACHINE_ABORTED,
    STALLED,
    UNANSWERED,
    Alarm,
    Reach,
    Rung,
)
from cellctl.domain.work import OperationState

_ABORTED = (MachineState.ABORTING, MachineState.ABORTED)


def sound(turn: Turn, kind: str, about: str, text: str, by: str, *, zone: bool = False, subject: str = "") -> Alarm:
    """Raise an alarm of a class that the cell knows; one that stands already gets the new text.

    With rung STOP or ABORT and the reach of a zone, the zones that it concerns are stopped.
    """
    stops = turn.cell.stops
    alarm_class = turn.cell.plan.alarm_class(kind) or BUILT_IN[UNANSWERED]
    key = (kind, about, subject)
    known = next((each for each in stops.alarms.values() if (each.kind, each.about, each.subject) == key), None)
    alarm_id = known.id if known else f"alarm-{stops.raised + 1}"
    alarm = Alarm(alarm_id, kind, alarm_class.rung, alarm_class.reach, about, text, by, zone, subject)
    if known != alarm:
        turn.remember(AlarmRaised(alarm))
    if alarm.rung in (Rung.STOP, Rung.ABORT) and (zone or alarm.reach is Reach.ZONE):
        plan = turn.cell.plan
        concerned = [plan.zones[about]] if zone else list(zones.of_station(plan, about))
        for each in concerned:
            stopping.close(turn, each, alarm.rung, by, f"{alarm.id}: {text}")
    return alarm


def silence(turn: Turn, kind: str, about: str, by: str, subject: str = "") -> bool:
    """Clear an alarm; False if none of this kind, about and subject stands."""
    key = (kind, about, subject)
    found = [each.id for each in turn.cell.stops.alarms.values() if (each.kind, each.about, each.subject) == key]
    for alarm_id in found:
        turn.remember(AlarmCleared(alarm_id, by))
    return bool(found)


# ---- commands --------------------------------------------------------------------------------------------------


def raise_by(turn: Turn, command: RaiseAlarm, by: str) -> Reply:
    """Somebody, or a program of theirs, says that something is wrong."""
    plan = turn.cell.plan
    if command.kind not in plan.alarms:
        known = ", ".join(plan.alarms) or "none in this cell file ([alarms.NAME])"
        return rejected("unknown_target", f"there is no kind of alarm {command.kind}; there are: {known}")
    if command.station and command.station not in plan.stations:
        known = ", ".join(plan.stations)
        return rejected("unknown_target", f"there is no station {command.station}; there are: {known}")
    alarm = sound(turn, command.kind, command.station, command.text or f"{by} says so", by)
    return Reply("accepted", f"{alarm.id} stands: {alarm.kind}", {"alarm_id": alarm.id})


def clear_by(turn: Turn, command: ClearAlarm, by: str) -> Reply:
    """A person has seen to it. A stop from outside is only let go where it was pressed."""
    alarm = turn.cell.stops.alarms.get(command.alarm_id)
    if alarm is None:
        standing = ", ".join(turn.cell.stops.alarms) or "none"
        return rejected("unknown_target", f"there is no alarm {command.alarm_id}; there are: {standing}")
    if alarm.kind == EXTERNAL_STOP:
        how = "let go where it was pressed, and then reported: cellctl zone stop-released"
        return rejected("precondition_failed", f"{alarm.id} mirrors a stop from outside; it is {how} {alarm.about}")
    turn.remember(AlarmCleared(alarm.id, by))
    return Reply("accepted", f"{alarm.id} is cleared; what it has stopped stays so until it is told otherwise")


def report_stop(turn: Turn, command: ReportStop, by: str) -> Reply:
    """The mirror of a stop from outside, by somebody who sees it."""
    if command.zone not in turn.cell.plan.zones:
        known = ", ".join(turn.cell.plan.zones) or "none in this cell file"
        return rejected("unknown_target", f"there is no zone {command.zone}; there are: {known}")
    if command.pressed:
        alarm = sound(turn, EXTERNAL_STOP, command.zone, f"reported by {by}", by, zone=True)
        return Reply("accepted", f"{alarm.id}: the stop of {command.zone} is mirrored", {"alarm_id": alarm.id})
    if not silence(turn, EXTERNAL_STOP, command.zone, by):
        return rejected("precondition_failed", f"no stop from outside is known in {command.zone}")
    return Reply("accepted", f"the stop of {command.zone} is let go; then: cellctl zone clear {command.zone}")


# ---- what the cell hears ---------------------------------------------------------------------------------------


def hear(turn: Turn, fact: ev.Fact) -> None:
    """What a fact means for alarms. The milder of the built-in kinds are in the view anyway and not journalled."""
    match fact:
        case StopSeen():
            _mirror(turn, fact)
        case ev.ContactLost(station=station, reason=reason):
            _sound_if_it_acts(turn, CONTACT_LOST, station, reason)
        case ev.StationChanged(station=station, state=state, reason=reason) if state in _ABORTED:
            if zones.against(turn.cell, station) is None:
                _sound_if_it_acts(turn, MACHINE_ABORTED, station, reason)


def _mirror(turn: Turn, seen: StopSeen) -> None:
    """A machine shows that a stop from outside was pressed, or let go."""
    for name in [zone.name for zone in zones.of_station(turn.cell.plan, seen.station)]:
        if seen.pressed:
            text = f"{seen.station} shows {seen.what or 'a stop from outside'}"
            sound(turn, EXTERNAL_STOP, name, text, seen.station, zone=True, subject=seen.station)
        else:
            silence(turn, EXTERNAL_STOP, name, seen.station, seen.station)


def _sound_if_it_acts(turn: Turn, kind: str, station: str, why: str) -> None:
    alarm_class = turn.cell.plan.alarm_class(kind)
    if alarm_class is not None and alarm_class.rung is not Rung.WARN:
        sound(turn, kind, station, why or kind, THE_ALARMS)


def note_time(turn: Turn, event: ClockAdjusted | ControllerStalled) -> None:
    """The wall clock was set, or time went by without us: machines that were at work then are looked at first."""
    turn.remember(event)
    if isinstance(event, ClockAdjusted):
        sound(turn, CLOCK, "", f"the computer's clock was set by {event.step_s:+.1f} s", OURSELVES)
        return
    for operation in list(turn.cell.operations.values()):
        attended = turn.cell.plan.station(operation.station).attended
        if operation.state is OperationState.RUNNING and not attended:
            text = f"nobody watched it for {event.lag_s:.0f} s; look at it, clear this, then let it go on"
            sound(turn, STALLED, operation.station, text, OURSELVES)


def tidy(turn: Turn) -> None:
    """Reminders of questions that nobody needs to answer any more end by themselves."""
    for alarm in list(turn.cell.stops.alarms.values()):
        if alarm.kind == UNANSWERED and alarm.subject not in turn.cell.prompts:
            turn.remember(AlarmCleared(alarm.id, OURSELVES))
