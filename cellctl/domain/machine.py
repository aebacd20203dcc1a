"""PackML: the seventeen states of a machine and what may happen next (ISA-TR88.00.02).

Numbers are the PackTag values, the same as in the OPC UA node set `http://opcfoundation.org/UA/PackML/`.
"""

from enum import Enum, IntEnum
from typing import Final

from cellctl.domain.errors import NotAllowed


class MachineState(IntEnum):
    """What a machine is doing; the value is PackML's StateCurrent."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class MachineCommand(Enum):
    """What may be asked of a machine. STATE_COMPLETE is the machine's own: an acting state has ended."""

    RESET = "reset"
    START = "start"
    STOP = "stop"
    HOLD = "hold"
    UNHOLD = "unhold"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    COMPLETE = "complete"
    ABORT = "abort"
    CLEAR = "clear"
    STATE_COMPLETE = "state-complete"


_S = MachineState
_C = MachineCommand

# Running, Cleared: the composite states of the standard. Stop leaves Running, Abort leaves Cleared.
RUNNING: Final = frozenset(
    {
        _S.IDLE, _S.STARTING, _S.EXECUTE, _S.COMPLETING, _S.COMPLETE, _S.RESETTING, _S.HOLDING, _S.HELD,
        _S.UNHOLDING, _S.SUSPENDING, _S.SUSPENDED, _S.UNSUSPENDING,
    }
)  # fmt: skip
CLEARED: Final = RUNNING | {_S.STOPPING, _S.STOPPED, _S.CLEARING}

NEXT: Final[dict[tuple[MachineState, MachineCommand], MachineState]] = {
    (_S.ABORTING, _C.STATE_COMPLETE): _S.ABORTED,
    (_S.ABORTED, _C.CLEAR): _S.CLEARING,
    (_S.CLEARING, _C.STATE_COMPLETE): _S.STOPPED,
    (_S.STOPPED, _C.RESET): _S.RESETTING,
    (_S.STOPPING, _C.STATE_COMPLETE): _S.STOPPED,
    (_S.RESETTING, _C.STATE_COMPLETE): _S.IDLE,
    (_S.IDLE, _C.START): _S.STARTING,
    (_S.STARTING, _C.STATE_COMPLETE): _S.EXECUTE,
    (_S.EXECUTE, _C.STATE_COMPLETE): _S.COMPLETING,
    (_S.EXECUTE, _C.COMPLETE): _S.COMPLETING,
    (_S.EXECUTE, _C.SUSPEND): _S.SUSPENDING,
    (_S.HOLDING, _C.STATE_COMPLETE): _S.HELD,
    (_S.HELD, _C.UNHOLD): _S.UNHOLDING,
    (_S.UNHOLDING, _C.STATE_COMPLETE): _S.EXECUTE,
    (_S.SUSPENDING, _C.STATE_COMPLETE): _S.SUSPENDED,
    (_S.SUSPENDED, _C.UNSUSPEND): _S.UNSUSPENDING,
    (_S.UNSUSPENDING, _C.STATE_COMPLETE): _S.EXECUTE,
    (_S.COMPLETING, _C.STATE_COMPLETE): _S.COMPLETE,
    (_S.COMPLETE, _C.RESET): _S.RESETTING,
    # Hold leaves Execute, and five more states by the node set's extra transitions.
    **{
        (state, _C.HOLD): _S.HOLDING
        for state in (
            _S.EXECUTE, _S.STARTING, _S.SUSPENDING, _S.SUSPENDED, _S.UNSUSPENDING, _S.UNHOLDING,
        )
    },
    **{(state, _C.STOP): _S.STOPPING for state in sorted(RUNNING)},
    **{(state, _C.ABORT): _S.ABORTING for state in sorted(CLEARED)},
}  # fmt: skip

# What a person may tell a machine; all others belong to an operation, or are the machine's own.
FOR_PEOPLE: Final = frozenset({_C.HOLD, _C.UNHOLD, _C.ABORT, _C.CLEAR, _C.RESET, _C.STOP})

# A machine in one of these stands still by its own account; an arm may be sent to it.
AT_REST: Final = frozenset({_S.STOPPED, _S.IDLE, _S.COMPLETE})
# In the middle of something: it may stand anywhere.
BROKEN_OFF: Final = frozenset({_S.ABORTING, _S.ABORTED, _S.CLEARING, _S.STOPPING, _S.STOPPED})


def after(state: MachineState, command: MachineCommand) -> MachineState:
    """The state that `command` leads to from `state`. Raises NotAllowed, naming both and what is allowed."""
    try:
        return NEXT[state, command]
    except KeyError:
        allowed = ", ".join(c.value for s, c in NEXT if s is state and c is not _C.STATE_COMPLETE)
        raise NotAllowed(f"a machine in {state.name} cannot {command.value}; it can: {allowed or 'nothing'}") from None
