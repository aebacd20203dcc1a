"""Zones, alarms and how far a stop goes. Nothing here protects anybody: see LIMITS.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Rung(Enum):
    """What an alarm does to the stations that it reaches, mildest first. Nobody restarts by himself from HOLD on."""

    WARN = "warn"
    SUSPEND = "suspend"
    HOLD = "hold"
    STOP = "stop"
    ABORT = "abort"

    @property
    def height(self) -> int:
        """Its place on the ladder; the higher of two wins."""
        return _LADDER[self]


_LADDER: Final[Mapping[Rung, int]] = MappingProxyType({rung: height for height, rung in enumerate(Rung)})


class Reach(Enum):
    """Whom an alarm concerns: the station that it is about, or every station of that station's zones."""

    STATION = "station"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class AlarmClass:
    """A kind of alarm, with its rung and its reach."""

    name: str
    rung: Rung = Rung.WARN
    reach: Reach = Reach.STATION


# What the cell raises by itself. A cell file may give them another rung and reach, and add classes of its own.
EXTERNAL_STOP: Final = "external-stop"
MACHINE_ABORTED: Final = "machine-aborted"
CONTACT_LOST: Final = "contact-lost"
UNANSWERED: Final = "unanswered"
STALLED: Final = "stalled"
CLOCK: Final = "clock"
BUILT_IN: Final[Mapping[str, AlarmClass]] = MappingProxyType(
    {
        each.name: each
        for each in (
            AlarmClass(EXTERNAL_STOP, Rung.ABORT, Reach.ZONE),
            AlarmClass(MACHINE_ABORTED),
            AlarmClass(CONTACT_LOST),
            AlarmClass(UNANSWERED),
            AlarmClass(STALLED, Rung.HOLD),
            AlarmClass(CLOCK),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that stands until it is cleared. `about` is a station, a zone (`zone` says so), or "" for the cell.

    `subject` is what it is about besides: a prompt, for example; two alarms of one class, about and subject never stand
    at once. `by` raised it.
    """

    id: str
    kind: str
    rung: Rung
    reach: Reach
    about: str
    text: str
    by: str
    zone: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """Stations that are stopped together."""

    name: str
    stations: tuple[str, ...]


class ZonePhase(Enum):
    """OPEN works. A stopped zone comes back by a person's Clear (to CLEARED), then a person's Reset (to OPEN)."""

    OPEN = "open"
    STOPPED = "stopped"
    CLEARED = "cleared"


class CellMode(Enum):
    """What the whole cell was told. DRAINING begins no other part; PAUSED begins nothing and holds what is at work."""

    RUNNING = "running"
    DRAINING = "draining"
    PAUSED = "paused"


class CellCommand(Enum):
    """What the whole cell may be told. CONTINUE leads back from both others."""

    DRAIN = "drain"
    PAUSE = "pause"
    CONTINUE = "continue"


class ZoneCommand(Enum):
    """What a zone may be told."""

    STOP = "stop"
    CLEAR = "clear"
    RESET = "reset"
