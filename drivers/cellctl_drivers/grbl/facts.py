"""Grbl 1.1 and grblHAL: states, realtime bytes, and what their error and alarm numbers mean.

The numbers are those of Grbl 1.1h (doc/csv, doc/markdown/interface.md) and of grblHAL's errors.h and alarms.h.
A machine may know more of them, or name them better (grblHAL: $EEG, $EAG); these tables are the fallback.
"""

from dataclasses import dataclass
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


ERRORS: Final[dict[int, str]] = {
    1: "a word does not begin with a letter",
    2: "a number is missing or malformed",
    3: "this $ command is unknown or not supported",
    4: "a negative value where only a positive one is allowed",
    5: "homing is not enabled in the settings",
    6: "the step pulse must be longer than 3 us",
    7: "the stored settings could not be read; the controller took its defaults",
    8: "this $ command is accepted only while idle",
    9: "G-code is locked out during an alarm or a jog",
    10: "soft limits need homing to be enabled",
    11: "the line is longer than the controller can hold",
    12: "the setting asks for more steps per second than the controller can make",
    13: "the door is open",
    14: "the build text or start-up line is longer than its place in the memory",
    15: "the jog would leave the travel of the machine",
    16: "a jog without '=' or with a code that a jog must not hold",
    17: "laser mode needs a spindle output with PWM",
    18: "a reset came in between",
    19: "the value must be above zero",
    20: "the G-code word is unknown or not supported",
    21: "two words of the same modal group in one line",
    22: "no feed rate has been set",
    23: "the word needs a whole number",
    24: "two words in one line both use the axis words",
    25: "a word occurs twice in one line",
    26: "the axis words that this command needs are missing",
    27: "the line number is out of range",
    28: "the command misses a value word it needs",
    29: "this work coordinate system does not exist here",
    30: "G53 works only with G0 and G1",
    31: "axis words without a command that uses them",
    32: "an arc without an axis word in its plane",
    33: "the target of the motion is not valid",
    34: "the arc cannot be made with this radius",
    35: "an arc without an offset word in its plane",
    36: "words that no command of the line uses",
    37: "G43.1 is not for the axis of the tool length",
    38: "the tool number is above the highest one allowed",
    39: "a value is out of range",
    40: "a tool change is waiting to be acknowledged",
    41: "the spindle does not turn and this motion needs it",
    42: "the plane does not fit this command",
    43: "the feed rate is above the highest one allowed",
    44: "the spindle speed is out of range",
    45: "a limit switch is pressed",
    46: "the machine must be homed first",
    47: "the tool is not in the table, or none is set",
    48: "value words exclude each other",
    49: "the self test at power-up failed",
    50: "the E-stop input of the machine is active",
    51: "a motor driver reports a fault",
    52: "the setting's value is out of range",
    53: "this setting does not exist here, or is disabled",
    54: "the retract position is below the drilling depth",
    55: "the homing configuration is not valid",
    56: "this work coordinate system is locked",
    57: "a demarcation sign (%) where none may be",
    58: "the auxiliary port is not available",
    60: "the SD card could not be mounted",
    61: "the file could not be read",
    62: "the directory could not be opened",
    63: "the directory was not found",
    64: "no SD card is mounted",
    65: "no file system is mounted",
    66: "the file system cannot be written",
    70: "Bluetooth could not be started",
    71: "unknown operator in an expression",
    72: "division by zero in an expression",
    73: "an argument of an expression is out of range",
    74: "an argument of an expression is not valid",
    75: "an expression is malformed",
    76: "an expression has no valid result",
    77: "a password is needed",
    78: "access denied",
    79: "not allowed while a critical event is active",
    80: "flow control outside of a macro or file",
    81: "flow control is malformed",
    82: "flow control is nested too deeply",
    83: "no memory left for flow control",
    84: "the file could not be opened",
    253: "an error that an extension of the firmware raised",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an alarm number means and what a person does about it."""

    what: str
    do_next: str


_FREE_AND_HOME = "Free the axis, then reset and home the machine"
_CHECK_PROBE = "Check the probe and its wire, then reset the machine"
_HOME_AGAIN = "Home the machine again"
_CHECK_SWITCHES = "Check limit switches, pull-off and wiring, then home the machine again"

ALARMS: Final[dict[int, Alarm]] = {
    1: Alarm("a limit switch was hit; the position is lost", _FREE_AND_HOME),
    2: Alarm("a motion would have left the travel of the machine", "Check work offset and program, then reset it"),
    3: Alarm("it was reset while moving; the position is lost", "Home the machine"),
    4: Alarm("the probe was closed before probing began", _CHECK_PROBE),
    5: Alarm("the probe did not touch anything on its way", _CHECK_PROBE),
    6: Alarm("homing was interrupted by a reset", _HOME_AGAIN),
    7: Alarm("the door was opened during homing", "Close the door and home the machine again"),
    8: Alarm("homing could not clear the limit switch", _CHECK_SWITCHES),
    9: Alarm("homing did not find a limit switch", _CHECK_SWITCHES),
    10: Alarm("homing did not find the second switch of a doubled axis", _CHECK_SWITCHES),
    11: Alarm("the machine must be homed before it may move", "Home the machine"),
    12: Alarm("a limit switch is pressed", _FREE_AND_HOME),
    13: Alarm("the probe is touching something it must not touch", _CHECK_PROBE),
    14: Alarm("the spindle did not reach its speed in time", "Check spindle and its drive, then reset the machine"),
    15: Alarm("homing did not find the second switch of a doubled axis", _CHECK_SWITCHES),
    16: Alarm("the self test at power-up failed", "Switch the machine off and have it looked at"),
    17: Alarm("a motor driver reports a fault", "Check motors and drivers, then reset and home the machine"),
    18: Alarm("homing is not configured correctly", "Check the homing settings, then home the machine again"),
    19: Alarm("a Modbus device does not answer", "Check spindle drive and its cable, then reset the machine"),
    20: Alarm("an I/O expander does not answer", "Check the board, then reset and home the machine"),
    21: Alarm("the memory of the settings failed", "Have the board looked at; its settings may be gone"),
}
# The same number means another thing in grblHAL.
GRBLHAL_ALARMS: Final = ALARMS | {
    10: Alarm("the E-stop input of the machine is active", "Release the input at the machine, then reset and home it"),
}
_UNKNOWN_ALARM = Alarm("an alarm this driver does not know", "Look the number up in the firmware's manual")


def error_text(code: int) -> str:
    """What an error number means, in one sentence without a stop."""
    return ERRORS.get(code, "an error this driver does not know")


def alarm(code: int, *, grblhal: bool = False) -> Alarm:
    """What an alarm number means with this firmware."""
    return (GRBLHAL_ALARMS if grblhal else ALARMS).get(code, _UNKNOWN_ALARM)
