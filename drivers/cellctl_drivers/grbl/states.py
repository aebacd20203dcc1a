"""What a Grbl session may do next: one table, from which the documentation draws its diagram."""

from enum import Enum
from typing import Final

from cellctl_drivers.grbl.facts import HOLD_AT_REST, Mode, Realtime
from cellctl_drivers.grbl.status import Report


class State(Enum):
    """What the session is about.

    STOPPING: `!` is out, no stand is reported yet. RESETTING: 0x18 is out, the banner is not seen. IDENTIFYING: `$I`
    and what follows it. PROVING: is it idle, or locked? FREEING: homing or unlocking. ENTERING: `$C` is out.
    VETTING: a program is played in check mode. DOWN: until it is cleared.
    """

    # By identity, as members are compared: Enum's own hash is slow, and tables of these are asked for every line.
    __hash__ = object.__hash__

    NEW = "new"
    GREETING = "greeting"
    STOPPING = "stopping"
    RESETTING = "resetting"
    IDENTIFYING = "identifying"
    PROVING = "proving"
    FREEING = "freeing"
    READY = "ready"
    ENTERING = "entering"
    VETTING = "vetting"
    RUNNING = "running"
    HOLDING = "holding"
    HELD = "held"
    RESUMING = "resuming"
    JOGGING = "jogging"
    JOG_ENDING = "jog-ending"
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
    JOG = "jog"
    CANCEL_JOG = "end a jog"


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
    CHECKING = "parsing, and not moving"


class Purpose(Enum):
    """What a stop and a reset are for, or whose program it is; decides where they lead.

    FOUND: the machine was at work when it was met, and not for us. VET, RUN: a program of ours is to be played in
    check mode, or for real. WAIT: it was held before it began.
    """

    GREET = "greet"
    FOUND = "leave alone what was found at work"
    STOP_FOUND = "stop what was found at work"
    CLEAR = "clear"
    FREED = "clear, with the lock taken off"
    VET = "play in check mode"
    RUN = "run"
    WAIT = "wait before the run"
    STOP = "stop"
    HALT = "halt"
    FAULT = "fault"


_S, _A, _H, _P = State, Ask, Heard, Purpose

# A program, ours or not, is in the machine.
PROGRAM: Final = frozenset({_S.RUNNING, _S.HOLDING, _S.HELD, _S.RESUMING})
# The program's lines go out, and are answered.
FED: Final = PROGRAM | {_S.VETTING}
# A program of ours is about to begin: nothing moves, and a reset costs nothing.
BEGINNING: Final = frozenset({_S.RESETTING, _S.PROVING, _S.ENTERING, _S.VETTING})
_BEGINS: Final = frozenset({_P.VET, _P.RUN, _P.WAIT})
# Where long silence ends the session; elsewhere the state's own limit does.
LISTENING: Final = FED | {_S.READY, _S.JOGGING, _S.JOG_ENDING}
# Where the controller is expected to answer `?`.
POLLED: Final = LISTENING | {_S.GREETING, _S.STOPPING, _S.RESETTING, _S.PROVING, _S.ENTERING}
# Where something was just asked of it, and the first report is wanted at once.
HURRIED: Final = frozenset(
    {_S.GREETING, _S.STOPPING, _S.PROVING, _S.ENTERING, _S.HOLDING, _S.RESUMING, _S.JOGGING, _S.JOG_ENDING}
)

NEXT: Final[dict[tuple[State, Ask | Heard], State]] = {
    (_S.NEW, _A.GREET): _S.GREETING,
    (_S.GREETING, _H.BANNER): _S.IDENTIFYING,
    (_S.GREETING, _H.IDLE): _S.RESETTING,
    (_S.GREETING, _H.LOCKED): _S.RESETTING,
    (_S.GREETING, _H.CHECKING): _S.RESETTING,
    # Heard only where the owner allows it: a machine that is silent may be homing.
    (_S.GREETING, _H.TIMEOUT): _S.RESETTING,
    # Somebody else's work is left alone.
    (_S.GREETING, _H.MOVING): _S.RUNNING,
    (_S.GREETING, _H.CHANGING): _S.RUNNING,
    (_S.GREETING, _H.STAND): _S.HELD,
    (_S.GREETING, _H.BLOCKED): _S.HELD,
    (_S.STOPPING, _H.IDLE): _S.RESETTING,
    (_S.STOPPING, _H.LOCKED): _S.RESETTING,
    (_S.STOPPING, _H.STAND): _S.RESETTING,
    (_S.STOPPING, _H.BLOCKED): _S.RESETTING,
    (_S.STOPPING, _H.CHECKING): _S.RESETTING,
    (_S.STOPPING, _H.ALARM): _S.RESETTING,
    (_S.STOPPING, _H.TIMEOUT): _S.RESETTING,
    (_S.RESETTING, _H.BANNER): _S.IDENTIFYING,
    (_S.IDENTIFYING, _H.ANSWERED): _S.PROVING,
    (_S.PROVING, _H.IDLE): _S.READY,
    (_S.PROVING, _H.STAND): _S.READY,
    (_S.PROVING, _H.BLOCKED): _S.READY,
    (_S.PROVING, _H.LOCKED): _S.DOWN,
    (_S.FREEING, _H.ANSWERED): _S.PROVING,
    (_S.READY, _A.LOAD): _S.RESETTING,
    (_S.ENTERING, _H.CHECKING): _S.VETTING,
    (_S.VETTING, _H.ANSWERED): _S.RESETTING,
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
    (_S.READY, _A.JOG): _S.JOGGING,
    (_S.JOGGING, _A.JOG): _S.JOGGING,
    (_S.JOGGING, _A.CANCEL_JOG): _S.JOG_ENDING,
    **{
        (state, heard): _S.READY
        for state in (_S.JOGGING, _S.JOG_ENDING)
        for heard in (_H.IDLE, _H.STAND, _H.BLOCKED)
    },
    **{(state, _H.LOCKED): _S.DOWN for state in (*LISTENING, _S.ENTERING)},
    **{
        (state, _H.ALARM): _S.DOWN
        for state in (*LISTENING, _S.IDENTIFYING, _S.PROVING, _S.FREEING, _S.ENTERING)
    },
    # Nobody asked for this reset.
    **{(state, _H.BANNER): _S.LOST for state in (*LISTENING, _S.STOPPING, _S.FREEING, _S.ENTERING)},
    **{(state, _A.STOP): _S.STOPPING for state in (*PROGRAM, _S.READY, _S.JOGGING, _S.JOG_ENDING)},
    **{
        (state, _A.HALT): _S.STOPPING
        for state in (
            *PROGRAM, _S.READY, _S.GREETING, _S.STOPPING, _S.IDENTIFYING, _S.PROVING, _S.JOGGING, _S.JOG_ENDING,
        )
    },
    # A feed hold does nothing while homing, in check mode, nor after an alarm.
    **{
        (state, _A.HALT): _S.RESETTING
        for state in (_S.FREEING, _S.RESETTING, _S.ENTERING, _S.VETTING, _S.DOWN)
    },
    (_S.DOWN, _A.CLEAR): _S.RESETTING,
    # A fault is cleared while its own stop is still under way.
    (_S.STOPPING, _A.CLEAR): _S.STOPPING,
    (_S.RESETTING, _A.CLEAR): _S.RESETTING,
}  # fmt: skip

# Where the purpose leads elsewhere than NEXT says.
BRANCH: Final[dict[tuple[State, Ask | Heard, Purpose], State]] = {
    (_S.RESETTING, _H.BANNER, _P.STOP): _S.PROVING,
    (_S.RESETTING, _H.BANNER, _P.HALT): _S.DOWN,
    (_S.RESETTING, _H.BANNER, _P.FAULT): _S.DOWN,
    # It has reset itself while we were about to.
    (_S.STOPPING, _H.BANNER, _P.FAULT): _S.DOWN,
    (_S.PROVING, _H.LOCKED, _P.CLEAR): _S.FREEING,
    **{(_S.RESETTING, _H.BANNER, purpose): _S.PROVING for purpose in _BEGINS},
    (_S.PROVING, _H.IDLE, _P.VET): _S.ENTERING,
    (_S.PROVING, _H.IDLE, _P.RUN): _S.RUNNING,
    (_S.PROVING, _H.IDLE, _P.WAIT): _S.HELD,
    # Behind an open door nothing begins; a person closes it and resumes.
    **{(_S.PROVING, heard, purpose): _S.HELD for heard in (_H.STAND, _H.BLOCKED) for purpose in _BEGINS},
    # What was held before it began, begins anew.
    (_S.HELD, _A.RESUME, _P.WAIT): _S.RESETTING,
    **{(_S.HELD, heard, _P.WAIT): _S.HELD for heard in (_H.IDLE, _H.MOVING)},
    **{
        (state, ask, purpose): _S.RESETTING
        for state in BEGINNING
        for ask in (_A.HOLD, _A.STOP)
        for purpose in _BEGINS
    },
}  # fmt: skip

# What goes out the moment a state is entered.
ENTRY: Final[dict[State, Realtime]] = {
    _S.STOPPING: Realtime.HOLD,
    _S.RESETTING: Realtime.RESET,
    _S.HOLDING: Realtime.HOLD,
    _S.RESUMING: Realtime.RESUME,
    _S.JOG_ENDING: Realtime.JOG_CANCEL,
}

# What goes out again when a report shows that it did not arrive, or came too early to be heeded.
REPEAT: Final[dict[tuple[State, Heard], Realtime]] = {
    (_S.STOPPING, _H.MOVING): Realtime.HOLD,
    (_S.HOLDING, _H.MOVING): Realtime.HOLD,
    (_S.HOLDING, _H.IDLE): Realtime.HOLD,
    (_S.RESUMING, _H.STAND): Realtime.RESUME,
    (_S.JOG_ENDING, _H.MOVING): Realtime.JOG_CANCEL,
}

_BY_MODE: Final = {
    Mode.IDLE: _H.IDLE,
    Mode.RUN: _H.MOVING,
    Mode.JOG: _H.MOVING,
    Mode.HOME: _H.MOVING,
    Mode.ALARM: _H.LOCKED,
    Mode.SLEEP: _H.LOCKED,
    Mode.TOOL: _H.STAND,
    Mode.CHECK: _H.CHECKING,
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
    if (state, signal, purpose) in BRANCH:
        return BRANCH[state, signal, purpose]
    return NEXT.get((state, signal))
