"""What a session with an arm may do next."""

from enum import Enum
from typing import Final


class State(Enum):
    """LOOKING: does it stand? ASKING: who is it? SYNCING: was that the last answer? CHECKING: where does it
    stand? CLEARING: on its way home.

    STOPPING and HALTING: it comes to a stand, to wait for a person.
    """

    NEW = "new"
    LOOKING = "looking"
    ASKING = "asking"
    SYNCING = "syncing"
    CHECKING = "checking"
    READY = "ready"
    CARRYING = "carrying"
    HOLDING = "holding"
    HELD = "held"
    RESUMING = "resuming"
    STOPPING = "stopping"
    HALTING = "halting"
    RESETTING = "resetting"
    CLEARING = "clearing"
    DOWN = "down"
    LOST = "lost"


class Ask(Enum):
    """What may be asked of it."""

    GREET = "greet"
    CARRY = "carry a part"
    HOLD = "hold"
    RESUME = "resume"
    STOP = "stop"
    HALT = "halt"
    CLEAR = "clear"


_S, _A = State, Ask

AT_WORK: Final = frozenset({_S.CARRYING, _S.HOLDING, _S.HELD, _S.RESUMING})
BRAKING: Final = frozenset({_S.HOLDING, _S.STOPPING, _S.HALTING})

NEXT: Final[dict[tuple[State, Ask], State]] = {
    (_S.NEW, _A.GREET): _S.LOOKING,
    (_S.READY, _A.CARRY): _S.CARRYING,
    (_S.CARRYING, _A.HOLD): _S.HOLDING,
    (_S.RESUMING, _A.HOLD): _S.HOLDING,
    (_S.HELD, _A.RESUME): _S.RESUMING,
    **{(state, _A.STOP): _S.STOPPING for state in AT_WORK},
    (_S.READY, _A.STOP): _S.READY,
    **{
        (state, _A.HALT): _S.HALTING
        for state in State
        if state not in (_S.NEW, _S.LOST, _S.HALTING)
    },
    (_S.DOWN, _A.CLEAR): _S.RESETTING,
}  # fmt: skip
