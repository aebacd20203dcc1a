"""The driver shell that all serial machines share: link and session in, PackML states and facts out."""

from cellctl_drivers.serial_session import (
    Acknowledged,
    FaultRaised,
    FellSilent,
    Greeted,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    Resumed,
    Session,
    SessionEvent,
    Stopped,
)

__all__ = [
    "Acknowledged", "FaultRaised", "FellSilent", "Greeted", "Held", "ProgramDrained", "ResetSeen", "Rested",
    "Resumed", "Session", "SessionEvent", "Stopped",
]  # fmt: skip
