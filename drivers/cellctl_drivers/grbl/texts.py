"""What the numbers of Grbl and grblHAL mean, in sentences without a stop.

Grbl 1.1h's own lists (doc/csv) and grblHAL's errors.h and alarms.h, in our words. grblHAL can be asked for its own
texts ($EEG, $EAG, $ESG); then they are used, and these tables are the fallback.
"""

import csv
import re
from dataclasses import dataclass, replace
from typing import Final

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
_UNKNOWN_ALARM: Final = Alarm("an alarm this driver does not know", "Look the number up in the firmware's manual")
_UNKNOWN_ERROR: Final = "an error this driver does not know"

_PER_AXIS: Final = {100: "steps per mm", 110: "highest rate", 120: "acceleration", 130: "travel"}
SETTINGS: Final[dict[int, str]] = {
    0: "length of a step pulse",
    1: "delay until the motors are switched off",
    2: "inversion of the step signals",
    3: "inversion of the direction signals",
    4: "inversion of the enable signal",
    5: "inversion of the limit inputs",
    6: "inversion of the probe input",
    10: "what a status report shows",
    11: "junction deviation",
    12: "arc tolerance",
    13: "reports in inches",
    20: "soft limits",
    21: "hard limits",
    22: "homing",
    23: "directions of homing",
    24: "feed when the switch is located",
    25: "feed when the switch is sought",
    26: "debouncing of the limit switches",
    27: "pull-off after homing",
    30: "highest spindle speed",
    31: "lowest spindle speed",
    32: "laser mode",
    **{first + i: f"{axis}: {name}" for first, name in _PER_AXIS.items() for i, axis in enumerate("XYZ")},
}

_CODE: Final = re.compile(r"\[(ERROR|ALARM)CODE:([0-9]+)\|([^|]*)\|(.*)\]")
_SETTING: Final = re.compile(r"\[SETTING:([0-9]+)\|[^|]*\|([^|]*)\|")


class Texts:
    """The meaning of numbers, by the machine's own words as far as it has told them."""

    def __init__(self) -> None:
        self.grblhal = False
        self._told: dict[str, dict[int, str]] = {"ERROR": {}, "ALARM": {}, "SETTING": {}}

    def hear(self, topic: str, line: str) -> None:
        """A line of the answer to a question about this topic ("ERROR", "ALARM", "SETTING"); all others are skipped.

        Both forms are read: the one made for spreadsheets ("22","N/A","...") and that in brackets.
        """
        if line.startswith('"'):
            code, *rest = next(csv.reader([line]))
            # A setting is named in the second column, an error and an alarm are told in the last one.
            text = rest[0] if topic == "SETTING" and rest else rest[-1] if rest else ""
        elif found := _CODE.fullmatch(line):
            code, text = found[2], found[4] or found[3]
        elif found := _SETTING.match(line):
            code, text = found[1], found[2]
        else:
            return
        if code.isdigit() and text:
            self._told[topic][int(code)] = text.strip().rstrip(".")

    @property
    def told(self) -> bool:
        """Whether the machine has told its texts; once is enough."""
        return bool(self._told["ERROR"])

    def error(self, code: int) -> str:
        """What an error number means."""
        return self._told["ERROR"].get(code) or ERRORS.get(code, _UNKNOWN_ERROR)

    def alarm(self, code: int) -> Alarm:
        """What an alarm number means, and what a person does about it."""
        shipped = (GRBLHAL_ALARMS if self.grblhal else ALARMS).get(code, _UNKNOWN_ALARM)
        told = self._told["ALARM"].get(code)
        return replace(shipped, what=told) if told else shipped

    def setting(self, number: int) -> str:
        """What a setting is called; empty if nobody knows."""
        return self._told["SETTING"].get(number) or SETTINGS.get(number, "")
