"""What a Grbl session may do next: one table, from which the documentation draws its diagram."""

from enum import Enum
from typing import Final

from cellctl_drivers.grbl.facts import HOLD_AT_REST, Mode, Realtime
from cellctl_drivers.grbl.status import Report


class State(Enum):
    """What the session is about.

    STOPPING: `!` is out, no stand is reported yet. RESETTING: 0x18 is out, the banner is not seen. IDENTIFYING: `$I`.
    PROVING: is it idle, or locked? FREEING: homing or unlocking. DOWN: until it is cleared.
    """

    NEW = "new"
    GREETING = "greeting"
    STOPPING = "stopping"
    RESETTING = "resetting"
    IDENTIFYING = "identifying"
    PROVING = "proving"
    FREEING = "freeing"
    READY = "ready"
    RUNNING = "running"
    HOLDING = "holding"
    HELD = "held"
    RESUMING = "resuming"
    DOWN = "down"
    LOST = "lost"


class Ask(Enum):
    """What the shell may ask."""

    GREET = "greet"
    LOAD = "load a program"
    HOLD = "hold"
    RESUME = "resume"
    STOP = "stop"
    HALT = "halt"
    CLEAR = "clear"


class Heard(Enum):
    """What the controller, or the clock, has told. From IDLE on: what a status report amounts to."""

    BANNER = "banner"
    ANSWERED = "answered"
    ALARM = "alarm"
    TIMEOUT = "timeout"
    IDLE = "idle"
    MOVING = "moving"
    CHANGING = "between moving and standing"
    STAND = "standing, and would go on"
    BLOCKED = "standing, and could not go on"
    LOCKED = "locked"


class Purpose(Enum):
    """What a stop and a reset are for; decides where they lead."""

    GREET = "greet"
    GREET_BUSY = "greet a machine that was in the middle of something"
    CLEAR = "clear"
    FREED = "clear, with the lock taken off"
    STOP = "stop"
    HALT = "halt"
    FAULT = "fault"


_S, _A, _H, _P = State, Ask, Heard, Purpose

PROGRAM: Final = frozenset({_S.RUNNING, _S.HOLDING, _S.HELD, _S.RESUMING})
# Where the controller is expected to answer `?`.
POLLED: Final = PROGRAM | {_S.GREETING, _S.STOPPING, _S.RESETTING, _S.PROVING, _S.READY}
# Where something was just asked of it, and the first report is wanted at once.
HURRIED: Final = frozenset({_S.GREETING, _S.STOPPING, _S.PROVING, _S.HOLDING, _S.RESUMING})
# Where long silence ends the session; elsewhere the state's own limit does.
LISTENING: Final = PROGRAM | {_S.READY}

NEXT: Final[dict[tuple[State, Ask | Heard], State]] = {
    (_S.NEW, _A.GREET): _S.GREETING,
    (_S.GREETING, _H.BANNER): _S.IDENTIFYING,
    (_S.GREETING, _H.IDLE): _S.RESETTING,
    (_S.GREETING, _H.LOCKED): _S.RESETTING,
    (_S.GREETING, _H.STAND): _S.RESETTING,
    (_S.GREETING, _H.BLOCKED): _S.RESETTING,
    (_S.GREETING, _H.MOVING): _S.STOPPING,
    (_S.GREETING, _H.CHANGING): _S.STOPPING,
    (_S.GREETING, _H.TIMEOUT): _S.RESETTING,
    (_S.STOPPING, _H.IDLE): _S.RESETTING,
    (_S.STOPPING, _H.LOCKED): _S.RESETTING,
    (_S.STOPPING, _H.STAND): _S.RESETTING,
    (_S.STOPPING, _H.BLOCKED): _S.RESETTING,
    (_S.STOPPING, _H.ALARM): _S.RESETTING,
    (_S.STOPPING, _H.TIMEOUT): _S.RESETTING,
    (_S.RESETTING, _H.BANNER): _S.IDENTIFYING,
    (_S.IDENTIFYING, _H.ANSWERED): _S.PROVING,
    (_S.PROVING, _H.IDLE): _S.READY,
    (_S.PROVING, _H.STAND): _S.READY,
    (_S.PROVING, _H.BLOCKED): _S.READY,
    (_S.PROVING, _H.LOCKED): _S.DOWN,
    (_S.FREEING, _H.ANSWERED): _S.PROVING,
    (_S.READY, _A.LOAD): _S.RUNNING,
    (_S.RUNNING, _A.HOLD): _S.HOLDING,
    (_S.RUNNING, _H.STAND): _S.HELD,
    (_S.RUNNING, _H.BLOCKED): _S.HELD,
    (_S.HOLDING, _H.STAND): _S.HELD,
    (_S.HOLDING, _H.BLOCKED): _S.HELD,
    (_S.HELD, _A.RESUME): _S.RESUMING,
    (_S.HELD, _H.IDLE): _S.RUNNING,
    (_S.HELD, _H.MOVING): _S.RUNNING,
    (_S.RESUMING, _A.HOLD): _S.HOLDING,
    (_S.RESUMING, _H.IDLE): _S.RUNNING,
    (_S.RESUMING, _H.MOVING): _S.RUNNING,
    (_S.RESUMING, _H.BLOCKED): _S.HELD,
    **{(state, _H.LOCKED): _S.DOWN for state in LISTENING},
    **{(state, _H.ALARM): _S.DOWN for state in (*LISTENING, _S.IDENTIFYING, _S.PROVING, _S.FREEING)},
    # Nobody asked for this reset.
    **{(state, _H.BANNER): _S.LOST for state in (*LISTENING, _S.STOPPING, _S.FREEING)},
    **{(state, _A.STOP): _S.STOPPING for state in (*PROGRAM, _S.READY)},
    **{
        (state, _A.HALT): _S.STOPPING
        for state in (*PROGRAM, _S.READY, _S.GREETING, _S.STOPPING, _S.IDENTIFYING, _S.PROVING)
    },
    # A feed hold does nothing while homing, nor after an alarm.
    **{(state, _A.HALT): _S.RESETTING for state in (_S.FREEING, _S.RESETTING, _S.DOWN)},
    (_S.DOWN, _A.CLEAR): _S.RESETTING,
    # A fault is cleared while its own stop is still under way.
    (_S.STOPPING, _A.CLEAR): _S.STOPPING,
    (_S.RESETTING, _A.CLEAR): _S.RESETTING,
}

# Where the purpose leads elsewhere than NEXT says.
BRANCH: Final[dict[tuple[State, Heard, Purpose], State]] = {
    (_S.RESETTING, _H.BANNER, _P.STOP): _S.PROVING,
    (_S.RESETTING, _H.BANNER, _P.HALT): _S.DOWN,
    (_S.RESETTING, _H.BANNER, _P.FAULT): _S.DOWN,
    (_S.PROVING, _H.IDLE, _P.GREET_BUSY): _S.DOWN,
    (_S.PROVING, _H.STAND, _P.GREET_BUSY): _S.DOWN,
    (_S.PROVING, _H.BLOCKED, _P.GREET_BUSY): _S.DOWN,
    (_S.PROVING, _H.LOCKED, _P.CLEAR): _S.FREEING,
}

# What goes out the moment a state is entered.
ENTRY: Final[dict[State, Realtime]] = {
    _S.STOPPING: Realtime.HOLD,
    _S.RESETTING: Realtime.RESET,
    _S.HOLDING: Realtime.HOLD,
    _S.RESUMING: Realtime.RESUME,
}

# What goes out again when a report shows that it did not arrive, or came too early to be heeded.
REPEAT: Final[dict[tuple[State, Heard], Realtime]] = {
    (_S.STOPPING, _H.MOVING): Realtime.HOLD,
    (_S.HOLDING, _H.MOVING): Realtime.HOLD,
    (_S.HOLDING, _H.IDLE): Realtime.HOLD,
    (_S.RESUMING, _H.STAND): Realtime.RESUME,
}

_BY_MODE: Final = {
    Mode.IDLE: _H.IDLE,
    Mode.RUN: _H.MOVING,
    Mode.JOG: _H.MOVING,
    Mode.HOME: _H.MOVING,
    Mode.ALARM: _H.LOCKED,
    Mode.SLEEP: _H.LOCKED,
    Mode.TOOL: _H.STAND,
}
_BY_SUBSTATE: Final[dict[tuple[Mode, int | None], Heard]] = {
    (Mode.HOLD, HOLD_AT_REST): _H.STAND,
    (Mode.DOOR, 0): _H.STAND,
    (Mode.DOOR, 1): _H.BLOCKED,
}


def heard_in(report: Report) -> Heard:
    """What a status report amounts to. A word that we do not know is neither idle nor standing."""
    by_mode = _BY_MODE.get(report.mode, Heard.CHANGING)
    return _BY_SUBSTATE.get((report.mode, report.substate), by_mode)


def after(state: State, signal: Ask | Heard, purpose: Purpose) -> State | None:
    """The state that follows, or None where the signal changes nothing (heard) or is refused (asked)."""
    if isinstance(signal, Heard) and (state, signal, purpose) in BRANCH:
        return BRANCH[state, signal, purpose]
    return NEXT.get((state, signal))
