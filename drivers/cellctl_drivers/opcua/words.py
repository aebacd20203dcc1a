"""What a session says, and what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.domain.events import Fact
from cellctl.ports.nodes import NodePath, NodeRef


@dataclass(frozen=True, slots=True)
class Open:
    """Connect."""

    name: str = "the connection"


@dataclass(frozen=True, slots=True)
class Resolve:
    """Find all of these, and say of what type the variables are."""

    refs: tuple[NodeRef, ...]
    methods: tuple[NodePath, ...]
    name: str = "its nodes"


@dataclass(frozen=True, slots=True)
class Refresh:
    """Hear all of these from now on, their present values first."""

    refs: tuple[NodeRef, ...]
    name: str = "fresh values"


@dataclass(frozen=True, slots=True)
class Write:
    """Write this, once."""

    name: str
    ref: NodeRef
    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """Call this method, once."""

    name: str
    path: NodePath
    arguments: tuple[Any, ...] = ()


Request = Open | Resolve | Refresh | Write | Call


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This contact is of no use any more."""

    error: LinkLost | MachineFault


# In the order in which they are to be done.
Decision = Fact | Request | GiveUp


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request has brought: a method's outputs, the types of what was resolved."""

    outputs: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused. A start may have had effect all the same."""

    error: MachineFault


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Whether the request had effect is unknown."""

    error: LinkLost


Answer = Answered | Refused | Unanswered
