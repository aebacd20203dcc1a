"""What a Marlin session can be in, what can happen to it, and what follows."""

from enum import Enum
from typing import Final

from cellctl.domain.errors import NotAllowed


class State(Enum):
    """The session's states, in the order in which a good day walks through them."""

    # By identity, as members are compared: Enum's own hash is slow, and tables of these are asked for every line.
    __hash__ = object.__hash__

    NEW = "new"
    WAKING = "waking"
    GREETING = "greeting"
    SETTLING = "settling"
    READY = "ready"
    RUNNING = "running"
    DRAINING = "draining"
    COOLING = "cooling"
    HOLDING = "holding"
    PARKING = "parking"
    HELD = "held"
    RETURNING = "returning"
    STOPPING = "stopping"
    HALTING = "halting"
    DOWN = "down"
    LOST = "lost"


class Signal(Enum):
    """What can happen: asked by the host, said by the machine, or seen by the clock."""

    GREET = "greet"
    QUIET = "begin to speak"
    SEALED = "be sealed"
    LOAD = "run a program"
    LAST_LINE = "come to the last line"
    COOLED = "be cool"
    HOLD = "hold"
    PARK = "park"
    PAUSED = "pause by itself"
    RETURN = "look where it stands"
    RESUME = "resume"
    STOP = "stop"
    HALT = "halt"
    CLEAR = "clear"
    KILLED = "be killed"
    FAULT = "fault"
    RESTARTED = "start anew"
    SILENCE = "fall silent"


_S = State
_G = Signal
_AWAKE: Final = tuple(state for state in State if state not in (_S.NEW, _S.DOWN, _S.LOST))
_KNOWN: Final = tuple(state for state in _AWAKE if state not in (_S.WAKING, _S.GREETING, _S.HALTING))

NEXT: Final[dict[tuple[State, Signal], State]] = {
    (_S.NEW, _G.GREET): _S.WAKING,
    (_S.WAKING, _G.RESTARTED): _S.WAKING,
    (_S.WAKING, _G.QUIET): _S.GREETING,
    (_S.GREETING, _G.RESTARTED): _S.WAKING,
    (_S.GREETING, _G.SEALED): _S.SETTLING,
    (_S.SETTLING, _G.SEALED): _S.READY,
    (_S.READY, _G.LOAD): _S.RUNNING,
    (_S.RUNNING, _G.LAST_LINE): _S.DRAINING,
    (_S.DRAINING, _G.SEALED): _S.COOLING,
    (_S.COOLING, _G.COOLED): _S.READY,
    (_S.RUNNING, _G.HOLD): _S.HOLDING,
    (_S.DRAINING, _G.HOLD): _S.HOLDING,
    (_S.HOLDING, _G.SEALED): _S.HELD,
    (_S.HOLDING, _G.PARK): _S.PARKING,
    (_S.PARKING, _G.SEALED): _S.HELD,
    (_S.HELD, _G.RETURN): _S.RETURNING,
    (_S.RETURNING, _G.RESUME): _S.RUNNING,
    # Nothing has moved since it was parked.
    (_S.RETURNING, _G.HOLD): _S.PARKING,
    (_S.RUNNING, _G.PAUSED): _S.HELD,
    (_S.DRAINING, _G.PAUSED): _S.HELD,
    (_S.HOLDING, _G.PAUSED): _S.HELD,
    (_S.HELD, _G.RESUME): _S.RUNNING,
    **{(state, _G.STOP): _S.STOPPING for state in _KNOWN if state is not _S.STOPPING},
    (_S.STOPPING, _G.SEALED): _S.READY,
    **{(state, _G.HALT): _S.HALTING for state in _AWAKE if state is not _S.HALTING},
    # A board that restarts when it is told to halt has stopped as well.
    (_S.HALTING, _G.KILLED): _S.DOWN,
    (_S.HALTING, _G.RESTARTED): _S.DOWN,
    (_S.DOWN, _G.RESTARTED): _S.DOWN,
    (_S.DOWN, _G.CLEAR): _S.WAKING,
    **{(state, _G.FAULT): _S.DOWN for state in _AWAKE if state is not _S.HALTING},
    **{(state, _G.RESTARTED): _S.LOST for state in _KNOWN},
    **{(state, _G.SILENCE): _S.LOST for state in _AWAKE},
}

# In these, numbered lines go out.
SPEAKS: Final = frozenset(State) - {_S.NEW, _S.WAKING, _S.HALTING, _S.DOWN, _S.LOST}
# In these, a program is under way.
WORKS: Final = frozenset({_S.RUNNING, _S.DRAINING, _S.HOLDING, _S.PARKING, _S.HELD, _S.RETURNING})
# In these, nobody knows who is at the other end: not even its heaters are our business.
STRANGE: Final = frozenset({_S.NEW, _S.WAKING, _S.GREETING})


def after(state: State, signal: Signal) -> State:
    """The state that follows. Raises NotAllowed, naming both and what is allowed."""
    try:
        return NEXT[state, signal]
    except KeyError:
        allowed = ", ".join(g.value for s, g in NEXT if s is state)
        raise NotAllowed(
            f"a Marlin session that is {state.value} cannot {signal.value}; it can: {allowed or 'nothing'}"
        ) from None
