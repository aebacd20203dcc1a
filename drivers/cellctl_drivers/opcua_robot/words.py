"""What a session says, and what it is told."""

from dataclasses import dataclass
from typing import Any

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.domain.events import Fact

from .facts import ACCEPTED, Method


@dataclass(frozen=True, slots=True)
class Call:
    """Call this method, once."""

    method: Method
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Refresh:
    """Read every signal now."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This contact is of no use any more."""

    error: LinkLost | MachineFault


# In the order in which they are to be done.
Decision = Fact | Call | Refresh | GiveUp


@dataclass(frozen=True, slots=True)
class Answered:
    """A call returned with this Status; a refresh is answered with ACCEPTED."""

    status: int = ACCEPTED


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused the call. A Start may have had effect all the same."""

    why: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Whether the call had effect is unknown."""

    why: str


Answer = Answered | Refused | Unanswered
