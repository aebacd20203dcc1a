"""What is said to a machine by hand, and heard of it and of the line to it. The same list as `events`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cellctl.domain.link import LinkQuality, SessionState


@dataclass(frozen=True, slots=True)
class LineSent:
    """A person has sent a machine a line by hand. Written before the line goes out."""

    station: str
    line: str
    by: str
    NAME: ClassVar = "console.sent"


@dataclass(frozen=True, slots=True)
class LineNotSent:
    """Fact: the machine could not take the line that was journalled last."""

    station: str
    reason: str
    NAME: ClassVar = "console.not_sent"


@dataclass(frozen=True, slots=True)
class LinesHeard:
    """Fact: what a machine has said while a person works on it by hand; a lively one is not quoted in full."""

    station: str
    lines: tuple[str, ...]
    NAME: ClassVar = "console.heard"


@dataclass(frozen=True, slots=True)
class ContactFound:
    """Fact: the machine answers, and is the one that the cell file means."""

    station: str
    identity: str
    NAME: ClassVar = "station.contact_found"


@dataclass(frozen=True, slots=True)
class ContactLost:
    """Fact: the machine cannot be heard. A quality of our knowledge, not a state of the machine."""

    station: str
    reason: str
    NAME: ClassVar = "station.contact_lost"


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    """Fact: a probing move of a machine has ended, at these machine coordinates. `touched`: it found something."""

    station: str
    at_mm: Mapping[str, float]
    touched: bool
    NAME: ClassVar = "station.probed"


@dataclass(frozen=True, slots=True)
class LinkMeasured:
    """Fact: how good the line is, with a sentence for a person where it is bad. Journalled when it gets worse."""

    station: str
    quality: LinkQuality
    warning: str = ""
    NAME: ClassVar = "station.link"


@dataclass(frozen=True, slots=True)
class DiskChanged:
    """Fact: the journal's disk has no room left but what was put by (`full`), or has room again."""

    full: bool
    NAME: ClassVar = "store.disk"


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """Fact: how far the session with a machine's server is. Shown at once, never journalled."""

    station: str
    session: SessionState
    NAME: ClassVar = "station.session"
