"""What a session knows of its arm, and the clocks that run."""

from dataclasses import dataclass, field
from enum import Enum

from cellctl_drivers.serial_arm.dialects import Motion
from cellctl_drivers.serial_arm.route import Sequence
from cellctl_drivers.serial_session import SessionEvent


class Purpose(Enum):
    """What a contact is made for."""

    GREET = "greet"
    CLEAR = "clear"


@dataclass(slots=True)
class Contact:
    """`proving`: a barrier is acknowledged, and a report must show that the arm stands. `asked`: how often it was
    asked who it is. `fresh`: it has begun anew since the line was opened. `homed`: it has been to its switches since.
    `told`: events that no byte and no time has brought about."""

    purpose: Purpose = Purpose.GREET
    motion: Motion | None = None
    locked: bool = False
    fresh: bool = False
    homed: bool = False
    proving: bool = False
    asked: int = 0
    identity: str = ""
    told: list[SessionEvent] = field(default_factory=list)


@dataclass(slots=True)
class Clocks:
    """When a state or a wait is over, when a line must be answered, when which sequence must be over, when to ask for a
    report; and since when one is awaited, and a line has been without any sign of life."""

    until_s: float | None = None
    due_s: float | None = None
    sequence_s: float | None = None
    sequence: Sequence | None = None
    poll_s: float | None = None
    asked_s: float | None = None
    quiet: bool = True

    @property
    def next_s(self) -> float | None:
        """The earliest."""
        clocks = (self.until_s, self.due_s, self.sequence_s, self.poll_s)
        return min((at_s for at_s in clocks if at_s is not None), default=None)
