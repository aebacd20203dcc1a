"""The two usual ways in which small arms speak over a serial line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from re import Pattern
from typing import Final


class Motion(Enum):
    """What a status report says about motion. LOCKED: an alarm; nothing moves before the arm was homed."""

    STANDS = "stands"
    MOVES = "moves"
    HELD = "held"
    LOCKED = "locked"


_GRBL_WORDS: Final = {
    "idle": Motion.STANDS,
    "run": Motion.MOVES,
    "jog": Motion.MOVES,
    "home": Motion.MOVES,
    "busy": Motion.MOVES,
    "alarm": Motion.LOCKED,
    "sleep": Motion.LOCKED,
}
# "MPos:1.000,2.000,3.000", and what a Mirobot says instead.
_REPORTED: Final = re.compile(r"(?:[MW]Pos|Cartesian coordinate\(XYZ[^)]*\)):([-0-9.]+),([-0-9.]+),([-0-9.]+)")
# "X:1.00 Y:2.00 Z:3.00 E:0.00 Count X:80 ...", and "X1.00 Y2.00 Z3.00" of a uArm. What is counted is in steps.
_ANSWERED: Final = re.compile(r"\b([A-Z]):? ?(-?[0-9]+(?:\.[0-9]+)?)")
_STATUS: Final = re.compile(r"<([A-Za-z]+)(?::([0-9]))?[|,>]")
_OK: Final = re.compile(r"(?:\$[0-9]+ )?ok\b[ :]*(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs. Bytes that are empty do not exist there; then a hold takes effect behind the present move.

    `barrier` is answered when all motion before it is over; `identify` asks who it is, `where` where it stands (empty:
    a status report says so); both move nothing. `halt` stops at once and keeps the grip.
    """

    name: str
    identify: str
    barrier: str
    move: str
    refusal: Pattern[str]
    banner: Pattern[str]
    status: bytes = b""
    hold: bytes = b""
    resume: bytes = b""
    reset: bytes = b""
    halt: tuple[str, ...] = ()
    where: str = ""


GRBL: Final = Dialect(
    "grbl",
    identify="$I",
    barrier="G4P0.01",
    move="G1",
    refusal=re.compile(r"error\b.*|alarm\b.*", re.IGNORECASE),
    banner=re.compile(r".*\bGrbl(?:HAL)? [0-9].*|.*'\$' for help.*"),
    status=b"?",
    hold=b"!",
    resume=b"~",
    reset=b"\x18",
)
MARLIN: Final = Dialect(
    "marlin",
    identify="M115",
    barrier="M400",
    move="G0",
    # A limit switch ends the move, and everything is acknowledged as if nothing had happened.
    refusal=re.compile(
        r"error\b.*|!!.*|(?:\$[0-9]+ )?E[0-9]+\b.*|echo: ?unknown command.*|echo: ?endstops hit.*", re.IGNORECASE
    ),
    banner=re.compile(r"start"),
    halt=("M410",),  # Not M112: that switches motors and pump off, and the arm falls with what it holds.
    where="M114",
)
BY_NAME: Final = {dialect.name: dialect for dialect in (GRBL, MARLIN)}


def ok_in(line: str) -> str | None:
    """What an acknowledgement says behind its `ok`; None if the line is none."""
    found = _OK.fullmatch(line)
    return found[1] if found else None


def motion_in(line: str) -> Motion | None:
    """What a status report says; None if the line is none. A hold that still brakes (Hold:1) moves."""
    found = _STATUS.match(line)
    if found is None:
        return None
    word, substate = found[1].lower(), found[2]
    if word == "hold":
        return Motion.MOVES if substate == "1" else Motion.HELD
    return _GRBL_WORDS.get(word, Motion.MOVES)


def position_in(answer: str) -> Mapping[str, float]:
    """Where an arm says that it stands, by axis; empty if it does not say."""
    reported = _REPORTED.search(answer)
    words = zip("XYZ", reported.groups(), strict=True) if reported else _ANSWERED.findall(answer.partition("Count")[0])
    try:
        return {axis: float(value) for axis, value in words}
    except ValueError:
        return {}
