"""Job orders: states, substates and methods of OPC 10031-4 (ISA-95 Job Control)."""

from enum import Enum, IntEnum
from typing import Final

from cellctl.domain.errors import NotAllowed


class JobState(IntEnum):
    """The six states; the value is the StateNumber of the OPC UA node set."""

    NOT_ALLOWED_TO_START = 1
    ALLOWED_TO_START = 2
    RUNNING = 3
    INTERRUPTED = 4
    ENDED = 5
    ABORTED = 6


class JobSubstate(Enum):
    """Substates; NEEDS_CONFIRMATION is ours: held until a person has said what is true."""

    NONE = ""
    WAITING = "Waiting"
    READY = "Ready"
    LOADED = "Loaded"
    HELD = "Held"
    SUSPENDED = "Suspended"
    NEEDS_CONFIRMATION = "Held/NeedsConfirmation"
    COMPLETED = "Completed"
    CLOSED = "Closed"


class JobCommand(Enum):
    """The standard's methods that change a state, and the executor's own three: begin, interrupt and finish."""

    START = "start"
    REVOKE_START = "revoke-start"
    UPDATE = "update"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"
    ABORT = "abort"
    CLEAR = "clear"
    BEGIN = "begin"
    FINISH = "finish"


_S = JobState
_C = JobCommand

# None: the job leaves the list.
NEXT: Final[dict[tuple[JobState, JobCommand], JobState | None]] = {
    (_S.NOT_ALLOWED_TO_START, _C.UPDATE): _S.NOT_ALLOWED_TO_START,
    (_S.NOT_ALLOWED_TO_START, _C.START): _S.ALLOWED_TO_START,
    (_S.NOT_ALLOWED_TO_START, _C.CANCEL): None,
    (_S.NOT_ALLOWED_TO_START, _C.ABORT): _S.ABORTED,
    (_S.ALLOWED_TO_START, _C.UPDATE): _S.ALLOWED_TO_START,
    (_S.ALLOWED_TO_START, _C.REVOKE_START): _S.NOT_ALLOWED_TO_START,
    (_S.ALLOWED_TO_START, _C.BEGIN): _S.RUNNING,
    (_S.ALLOWED_TO_START, _C.CANCEL): None,
    (_S.ALLOWED_TO_START, _C.ABORT): _S.ABORTED,
    (_S.RUNNING, _C.PAUSE): _S.INTERRUPTED,
    (_S.RUNNING, _C.STOP): _S.ENDED,
    (_S.RUNNING, _C.FINISH): _S.ENDED,
    (_S.RUNNING, _C.ABORT): _S.ABORTED,
    (_S.INTERRUPTED, _C.RESUME): _S.RUNNING,
    (_S.INTERRUPTED, _C.STOP): _S.ENDED,
    (_S.INTERRUPTED, _C.ABORT): _S.ABORTED,
    (_S.ENDED, _C.CLEAR): None,
    (_S.ABORTED, _C.CLEAR): None,
}

SUBSTATES: Final[dict[JobState, frozenset[JobSubstate]]] = {
    _S.NOT_ALLOWED_TO_START: frozenset({JobSubstate.WAITING, JobSubstate.READY, JobSubstate.LOADED}),
    _S.ALLOWED_TO_START: frozenset({JobSubstate.WAITING, JobSubstate.READY, JobSubstate.LOADED}),
    _S.RUNNING: frozenset({JobSubstate.NONE}),
    _S.INTERRUPTED: frozenset({JobSubstate.HELD, JobSubstate.SUSPENDED, JobSubstate.NEEDS_CONFIRMATION}),
    _S.ENDED: frozenset({JobSubstate.COMPLETED, JobSubstate.CLOSED}),
    _S.ABORTED: frozenset({JobSubstate.NONE}),
}


# What nobody asks for: the executor does it.
_OWN: Final = frozenset({_C.BEGIN, _C.FINISH})


# What an order can be told in a word, beside Cancel; it is told to its id with this verb by every face.
ORDER_COMMANDS: Final = (_C.START, _C.REVOKE_START, _C.PAUSE, _C.RESUME, _C.STOP, _C.ABORT, _C.CLEAR)


def allowed(state: JobState) -> tuple[JobCommand, ...]:
    """What may be asked of a job order in this state."""
    return tuple(command for each, command in NEXT if each is state and command not in _OWN)


def after(state: JobState, command: JobCommand) -> JobState | None:
    """The state that `command` leads to (None: gone from the list). Raises NotAllowed, naming what is allowed."""
    try:
        return NEXT[state, command]
    except KeyError:
        ways = ", ".join(c.value for s, c in NEXT if s is state)
        raise NotAllowed(f"a job in {state.name} cannot {command.value}; it can: {ways}") from None
