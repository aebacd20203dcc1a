"""What a person is told when a Grbl machine cannot go on."""

from typing import Final

from cellctl_drivers.grbl.facts import error_text
from cellctl_drivers.grbl.states import State
from cellctl_drivers.serial_session import FaultRaised, ResetSeen

_LOOK: Final = "look at the part, then clear"

BEGAN_ANEW: Final = ResetSeen("the controller began anew by itself; what was in work is not known")
WAS_BUSY: Final = FaultRaised("was in the middle of something, and was stopped", "Look at the part, then clear")
NOT_RESET: Final = FaultRaised("does not begin anew when it is reset", "Switch it off and on, then clear")

# A state that lasted too long, and what then brings the machine to rest.
TOO_LONG: Final[dict[State, tuple[FaultRaised, State]]] = {
    State.HOLDING: (
        FaultRaised("does not come to a hold; it was reset", f"Home it again and {_LOOK}"),
        State.RESETTING,
    ),
    State.RESUMING: (
        FaultRaised("does not go on after a hold", f"Look for an input that is active; {_LOOK}"),
        State.STOPPING,
    ),
    State.FREEING: (
        FaultRaised("does not come to the end of homing", "Check the limit switches, then clear"),
        State.RESETTING,
    ),
}


def _meaning(reason: str) -> str:
    return f"{error_text(int(reason))} (error:{reason})" if reason.isdigit() else reason


def refused(line: str, reason: str) -> FaultRaised:
    """`reason` is what stood behind `error:`."""
    return FaultRaised(f"refused {line}: {_meaning(reason)}", f"Correct the program, {_LOOK}")


def refused_command(command: str, reason: str) -> FaultRaised:
    """A command of ours was refused."""
    return FaultRaised(f"refused {command}: {_meaning(reason)}", "Check its settings, then clear")


def unanswered(line: str) -> FaultRaised:
    """It has nothing to do, and `ok` is missing."""
    return FaultRaised(
        f"stands idle and has not acknowledged {line}: an answer or a line was lost",
        f"Check cable and grounding, {_LOOK}; nothing was sent again",
    )


def not_idle(word: str) -> FaultRaised:
    """It was reset, and is neither idle nor locked."""
    return FaultRaised(f"says {word} after a reset", "Look what it is doing, then clear")


def troubled(trouble: str) -> FaultRaised:
    """The program cannot be sent any further."""
    return FaultRaised(trouble, f"Check program and cable, {_LOOK}")
