"""What machines are told because of zones and alarms, and how a person leads a zone back.

A stopped zone has its stations aborted (or stopped), and its neighbours suspended. It comes back by a person's Clear,
then a person's Reset, and by nothing else.
"""

from typing import Final

from cellctl.core import dispatch, zones
from cellctl.core.cell import OURSELVES, THE_ALARMS, Cell, StationStatus
from cellctl.core.instructions import Tell, Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import Command, CommandZone, RaiseAlarm, Reply, ReportStop, rejected
from cellctl.domain.machine import NEXT, MachineCommand, MachineState
from cellctl.domain.stop_events import ZoneChanged
from cellctl.domain.stops import Alarm, Rung, Zone, ZoneCommand, ZonePhase

_C, _S = MachineCommand, MachineState
_COME_TO_REST: Final = frozenset({_S.ABORTED, _S.STOPPED})


def steer(turn: Turn) -> None:
    """Machines are told what the rung in force at them means, each once a state."""
    if not turn.cell.stops.zones and not turn.cell.stops.alarms:
        return
    for name, status in turn.cell.stations.items():
        rung = zones.rung_at(turn.cell, name)
        command = _wish(turn.cell, name, status, rung)
        if command is not None and status.told is not command:
            by = OURSELVES if rung is Rung.SUSPEND else THE_ALARMS
            turn.remember(ev.StationCommanded(name, command, by))
            turn.do(Tell(name, command))


def _wish(cell: Cell, name: str, status: StationStatus, rung: Rung) -> MachineCommand | None:
    """What a machine is to be told; None where it stands already, or is on its way, or must not be told anything."""
    if status.state is None or rung is Rung.WARN:
        return None
    if rung in (Rung.STOP, Rung.ABORT):
        command = _C.ABORT if rung is Rung.ABORT else _C.STOP
        return command if (status.state, command) in NEXT else None
    if cell.plan.station(name).attended:
        return None
    if rung is Rung.SUSPEND and cell.plan.station(name).suspends and status.state is _S.EXECUTE:
        return _C.SUSPEND
    if status.parked and status.state in (_S.SUSPENDING, _S.SUSPENDED):
        return None
    return _C.HOLD if (status.state, _C.HOLD) in NEXT else None


def aborted_by(cell: Cell, command: Command) -> tuple[str, ...]:
    """The machines that a command is about to abort, so that they can hear it before it is decided upon."""
    plan = cell.plan
    match command:
        case CommandZone(zone=name, command=ZoneCommand.STOP) | ReportStop(zone=name, pressed=True):
            names = plan.zones[name].stations if name in plan.zones else ()
        case RaiseAlarm(kind=kind, station=station) if kind in plan.alarms and plan.alarms[kind].rung is Rung.ABORT:
            alarm = Alarm("", kind, Rung.ABORT, plan.alarms[kind].reach, station, "", "")
            names = tuple(each for each in cell.stations if zones.reaches(plan, alarm, each))
        case _:
            names = ()
    return tuple(each for each in names if each in cell.stations and (cell.stations[each].state, _C.ABORT) in NEXT)


def command_zone(turn: Turn, command: CommandZone, by: str) -> Reply:
    """Stop, clear or reset a zone."""
    zone = turn.cell.plan.zones.get(command.zone)
    if zone is None:
        known = ", ".join(turn.cell.plan.zones) or "none in this cell file"
        return rejected("unknown_target", f"there is no zone {command.zone}; there are: {known}")
    if command.command is ZoneCommand.STOP:
        close(turn, zone, Rung.ABORT, by, f"{by} stopped it")
        return Reply("accepted", f"{zone.name} is stopped: {', '.join(zone.stations)}")
    why = _against_leading_back(turn.cell, zone, command.command)
    if why:
        return rejected("precondition_failed", f"{zone.name} cannot be told to {command.command.value}: {why}")
    clearing = command.command is ZoneCommand.CLEAR
    turn.remember(ZoneChanged(zone.name, ZonePhase.CLEARED if clearing else ZonePhase.OPEN, by))
    told = [name for name in zone.stations if _lead_back(turn, name, command.command, by)]
    return Reply("accepted", f"{zone.name}: {command.command.value} told to {', '.join(told) or 'nobody'}")


def close(turn: Turn, zone: Zone, rung: Rung, by: str, reason: str) -> None:
    """Stop a zone; one that is stopped by this rung or a higher one stays as it is."""
    known = turn.cell.stops.zones.get(zone.name)
    if known is None or known.phase is not ZonePhase.STOPPED or known.rung.height < rung.height:
        turn.remember(ZoneChanged(zone.name, ZonePhase.STOPPED, by, reason, rung))


def _against_leading_back(cell: Cell, zone: Zone, command: ZoneCommand) -> str:
    stop = cell.stops.zones.get(zone.name)
    if stop is None:
        return "it is open"
    wanted = ZonePhase.STOPPED if command is ZoneCommand.CLEAR else ZonePhase.CLEARED
    if stop.phase is not wanted:
        return f"it is {stop.phase.value}: {zones.way_back(zone.name, stop.phase)}"
    least = Rung.STOP if command is ZoneCommand.CLEAR else Rung.HOLD
    for name in zone.stations:
        alarm = zones.standing(cell, name, least)
        if alarm is not None:
            return zones.stands(alarm)
        status = cell.stations.get(name)
        rest = _COME_TO_REST if command is ZoneCommand.CLEAR else {_S.STOPPED}
        if status is not None and status.state not in rest:
            state = status.state.name if status.state else "not heard; bring it back, or take it out of the cell file"
            return f"{name} is {state}"
    return ""


def _lead_back(turn: Turn, name: str, command: ZoneCommand, by: str) -> bool:
    """Tell one machine of the zone to clear or reset. One in the middle of something is left to a person."""
    status = turn.cell.stations.get(name)
    machine_command = _C.CLEAR if command is ZoneCommand.CLEAR else _C.RESET
    if (
        status is None
        or (status.state, machine_command) not in NEXT
        or zones.against_telling(turn.cell, name, machine_command)
    ):
        return False
    if machine_command is _C.RESET and dispatch.against_reset(turn.cell, name):
        return False
    turn.remember(ev.StationCommanded(name, machine_command, by))
    turn.do(Tell(name, machine_command))
    return True
