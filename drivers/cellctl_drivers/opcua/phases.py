"""What a session waits for, phase by phase, as tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cellctl.domain.machine import MachineCommand, MachineState

from .course import Course, RefreshAct
from .picture import NO_WORDS, Picture
from .profile import Act, Profile
from .work import Work


class Phase(Enum):
    """What the session does; the value says what it waits for."""

    NOTHING = "nothing"
    CHECK = "fresh values"
    BEGIN = "the start"
    MOVE = "the end of the program"
    LOOK = "the result"
    SETTLE = "the proof"
    GIVE = "control to be given back"
    HALT = "the halt"
    REST = "standstill"
    CLEAR = "the fault to be cleared"
    RESET = "the machine to be ready"
    ADOPT = "what runs there"


@dataclass(slots=True)
class Step:
    """The present phase. `asked`: what was asked for and not answered; `until_s`: when the present wait is too long.

    `command`: which halt it is; `stops`: it asks the machine to stop. `fresh_start`: the work had not begun before what
    was asked. `weighed`: what was asked must be allowed by all that is heard until it goes out, as a start (True) or as
    going on (False).
    """

    phase: Phase = Phase.NOTHING
    course: Course = field(default_factory=lambda: Course((), NO_WORDS))
    asked: Act | RefreshAct | None = None
    until_s: float | None = None
    command: str = ""
    stops: bool = False
    fresh_start: bool = False
    weighed: bool | None = None


# What the machine must show for a phase to be over, once its course is; others are over then.
SHOWN: Final[dict[Phase, Callable[[Profile, Picture, Work | None], bool]]] = {
    Phase.MOVE: lambda profile, picture, work: picture.at_rest,
    Phase.SETTLE: lambda profile, picture, work: (
        work is None or picture.holds(profile.proof.failed) is True or not work.missing(profile, picture)
    ),
    Phase.REST: lambda profile, picture, work: picture.at_rest,
}

# A refusal there changes nothing: what becomes of it is for the machine's state to say.
FORGIVING: Final = frozenset({Phase.HALT, Phase.GIVE, Phase.LOOK, Phase.ADOPT})

# Where a refusal leads to, in other phases than the start.
TURNED_BACK: Final = {Phase.CLEAR: MachineCommand.ABORT, Phase.RESET: MachineCommand.STOP}

# By which commands of a profile a machine is brought to rest, the first one that it has.
HALTS: Final = {
    MachineState.HOLDING: ("hold",),
    MachineState.STOPPING: ("stop", "abort"),
    MachineState.ABORTING: ("abort", "stop"),
}
