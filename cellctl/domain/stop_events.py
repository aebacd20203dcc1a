"""What happens to zones, alarms, the cell's mode and the clock: a part of the log's events, see `events`."""

from dataclasses import dataclass
from typing import ClassVar

from cellctl.domain.stops import Alarm, CellCommand, Rung, ZonePhase


@dataclass(frozen=True, slots=True)
class CellCommanded:
    """The whole cell was told to drain, to pause or to go on."""

    command: CellCommand
    by: str
    NAME: ClassVar = "cell.commanded"


@dataclass(frozen=True, slots=True)
class ZoneChanged:
    """A zone was stopped (by `rung`: STOP or ABORT), cleared or opened again. `by` is who did so."""

    zone: str
    phase: ZonePhase
    by: str
    reason: str = ""
    rung: Rung = Rung.ABORT
    NAME: ClassVar = "zone.state"


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """Something is wrong, until it is cleared."""

    alarm: Alarm
    NAME: ClassVar = "alarm.raised"


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """An alarm stands no longer."""

    alarm_id: str
    by: str
    NAME: ClassVar = "alarm.cleared"


@dataclass(frozen=True, slots=True)
class StopSeen:
    """Fact: a machine shows a stop from outside (pressed), or that it was let go. It is mirrored, never made, by us."""

    station: str
    pressed: bool
    what: str = ""
    NAME: ClassVar = "station.stop_seen"


@dataclass(frozen=True, slots=True)
class ClockAdjusted:
    """The wall clock was set by so much while we ran. Open deadlines move with it."""

    step_s: float
    NAME: ClassVar = "clock.adjusted"


@dataclass(frozen=True, slots=True)
class ControllerStalled:
    """For so long the daemon did not run, or its computer slept, while machines may have gone on."""

    lag_s: float
    NAME: ClassVar = "controller.stalled"


Stopping = StopSeen | ClockAdjusted | ControllerStalled | CellCommanded | ZoneChanged | AlarmRaised | AlarmCleared
