"""Grbl 1.1 and grblHAL: state words, realtime bytes and sizes (gnea/grbl doc/markdown/interface.md, grblHAL grbl.h)."""

from enum import Enum
from typing import Final

GRBL_LINE_BYTES: Final = 80
GRBLHAL_LINE_BYTES: Final = 256
# Until `$I` has told the true size; the smallest that any Grbl 1.1 was built with.
DEFAULT_RX_BYTES: Final = 128


class Mode(Enum):
    """The state word of a status report. OTHER: a word that this driver does not know."""

    IDLE = "Idle"
    RUN = "Run"
    HOLD = "Hold"
    JOG = "Jog"
    ALARM = "Alarm"
    DOOR = "Door"
    CHECK = "Check"
    HOME = "Home"
    SLEEP = "Sleep"
    TOOL = "Tool"
    OTHER = ""


MODES: Final = {mode.value: mode for mode in Mode if mode is not Mode.OTHER}

# The substate of Hold that means: standing still. Hold:1 is still slowing down.
HOLD_AT_REST: Final = 0

DOOR_REASONS: Final = {
    0: "door closed again, waiting for resume",
    1: "door open",
    2: "door opened while moving, parking",
    3: "door closed, going back to where it was",
}


class Realtime(Enum):
    """Bytes that act the moment they arrive: not buffered, not counted, never acknowledged."""

    STATUS = b"?"
    HOLD = b"!"
    RESUME = b"~"
    RESET = b"\x18"
    ABANDON = b"\x19"
    DOOR = b"\x84"
    JOG_CANCEL = b"\x85"
    FEED_100 = b"\x90"
    FEED_PLUS_10 = b"\x91"
    FEED_MINUS_10 = b"\x92"
    FEED_PLUS_1 = b"\x93"
    FEED_MINUS_1 = b"\x94"
    RAPID_100 = b"\x95"
    RAPID_50 = b"\x96"
    RAPID_25 = b"\x97"
    SPINDLE_100 = b"\x99"
    SPINDLE_PLUS_10 = b"\x9a"
    SPINDLE_MINUS_10 = b"\x9b"
    SPINDLE_PLUS_1 = b"\x9c"
    SPINDLE_MINUS_1 = b"\x9d"
    SPINDLE_STOP = b"\x9e"
    FLOOD = b"\xa0"
    MIST = b"\xa1"
    TOOL_ACKNOWLEDGED = b"\xa3"


# grblHAL throws away what it has received when one of these comes; of a reset, the banner is the proof.
EMPTY_THE_BUFFER: Final = frozenset({Realtime.ABANDON, Realtime.JOG_CANCEL})
# The axes in the order of every list of positions; grblHAL says with [AXS:...] which of them it has.
AXES: Final = "XYZABCUVW"
MM_PER_INCH: Final = 25.4
