"""What a person is told when a Grbl machine cannot go on."""

from collections.abc import Mapping
from typing import Final

from cellctl_drivers.grbl.states import State
from cellctl_drivers.grbl.texts import Texts
from cellctl_drivers.serial_session import FaultRaised, ResetSeen

_LOOK: Final = "look at the part, then clear"
_LOOK_FIRST: Final = "Look at the part, then clear"
_NOTHING_MOVED: Final = "in check mode, before anything moved"

BEGAN_ANEW: Final = ResetSeen("the controller began anew by itself; what was in work is not known")
WORK_ENDED: Final = FaultRaised("has come to the end of what it was doing when it was met", _LOOK_FIRST)
NOT_RESET: Final = FaultRaised("does not begin anew when it is reset", "Switch it off and on, then clear")
LEFT_CHECK_MODE: Final = FaultRaised("left its check mode by itself while a program was tried there", _LOOK_FIRST)
SETTINGS_LOST: Final = FaultRaised(
    "began anew and could not read its stored settings: it has taken those that it was compiled with (error:7)",
    "Restore its settings ($$), home it and look at the part, then clear",
)
DOUBTFUL: Final = FaultRaised(
    "tells its version and the size of its buffer differently each time", "Check cable and grounding, then clear"
)

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
    State.ENTERING: (
        FaultRaised("does not enter its check mode", "Clear it; if it stays so, set dry_run = false"),
        State.RESETTING,
    ),
    State.VETTING: (
        FaultRaised(f"left a line unanswered {_NOTHING_MOVED}", "Check cable and grounding, then clear"),
        State.RESETTING,
    ),
    State.JOG_ENDING: (
        FaultRaised("does not end a jog; it was reset", "Home it again, then clear"),
        State.RESETTING,
    ),
}


def _meaning(reason: str, texts: Texts) -> str:
    return f"{texts.error(int(reason))} (error:{reason})" if reason.isdecimal() else reason


def refused(line: str, reason: str, texts: Texts, *, rehearsed: bool = False) -> FaultRaised:
    """`reason` is what stood behind `error:`. `rehearsed`: the program was only tried."""
    if rehearsed:
        what = f"refused {line} {_NOTHING_MOVED}: {_meaning(reason, texts)}"
        return FaultRaised(what, "Correct the program, then clear")
    return FaultRaised(f"refused {line}: {_meaning(reason, texts)}", f"Correct the program, {_LOOK}")


def refused_command(command: str, reason: str, texts: Texts) -> FaultRaised:
    """A command of ours was refused."""
    return FaultRaised(f"refused {command}: {_meaning(reason, texts)}", "Check its settings, then clear")


def unanswered(line: str) -> FaultRaised:
    """It has nothing to do, and `ok` is missing."""
    return FaultRaised(
        f"stands idle and has not acknowledged {line}: an answer or a line was lost",
        f"Check cable and grounding, {_LOOK}; nothing was sent again",
    )


def not_idle(word: str) -> FaultRaised:
    """It was reset, and is neither idle nor locked."""
    return FaultRaised(f"says {word} after a reset", "Look what it is doing, then clear")


def troubled(trouble: str, *, rehearsed: bool = False) -> FaultRaised:
    """The program cannot be sent any further."""
    if rehearsed:
        return FaultRaised(f"{trouble}, {_NOTHING_MOVED}", "Check program and cable, then clear")
    return FaultRaised(trouble, f"Check program and cable, {_LOOK}")


def wrong_machine(found: str, expected: str) -> FaultRaised:
    """Another one is at the other end of this cable."""
    called = f"is called '{found}'" if found else "has no name"
    return FaultRaised(
        f"is the wrong machine: it {called}, and '{expected}' is expected",
        "Plug the right cable in, or correct identity in the cell file (a name is stored with $I=name)",
    )


def elsewhere(differences_mm: Mapping[str, tuple[float, float]]) -> FaultRaised:
    """A program has ended, and the machine does not stand where it leads. Values: where it is, where it should be."""
    where = ", ".join(f"{axis} at {at:.3f} mm instead of {end:.3f} mm" for axis, (at, end) in differences_mm.items())
    return FaultRaised(
        f"stands elsewhere than the program ends: {where}; a line was damaged on its way, or a motor lost steps",
        f"Check cable and axes, home it, {_LOOK}",
    )
