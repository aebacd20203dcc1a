"""What the pre-flight check answers: a program may run, or why not, place by place."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cellctl.gcode.rules import Point

# One cause repeats itself on thousands of lines; these few places are enough to find it.
LISTED_FOR_EACH_REASON: Final = 5
_FOUND_SHOWN: Final = 60


class Reason(Enum):
    """Why a line is refused."""

    BAD_BYTE = "bad_byte"
    LINE_TOO_LONG = "line_too_long"
    BAD_WORD = "bad_word"
    FRAMED = "framed"
    BLOCK_DELETE = "block_delete"
    CONTROLLER_COMMAND = "controller_command"
    NO_CODE = "no_code"
    UNKNOWN_CODE = "unknown_code"
    DANGEROUS_CODE = "dangerous_code"
    TWO_CODES = "two_codes"
    REPEATED_LETTER = "repeated_letter"
    LETTER_NOT_ALLOWED = "letter_not_allowed"
    MISSING_LETTER = "missing_letter"
    MISSING_NUMBER = "missing_number"
    OUT_OF_RANGE = "out_of_range"
    OUT_OF_TRAVEL = "out_of_travel"
    NOT_HOMED = "not_homed"
    POSITION_UNKNOWN = "position_unknown"
    BAD_ARC = "bad_arc"
    UNITS_NOT_STATED = "units_not_stated"
    UNITS_CHANGED = "units_changed"
    MODE_NOT_STATED = "mode_not_stated"
    MODE_LEFT = "mode_left"
    AFTER_END = "after_end"
    MISSING_FEED = "missing_feed"
    FEED_TOO_HIGH = "feed_too_high"
    SPINDLE_SPEED = "spindle_speed"
    SPINDLE_OFF = "spindle_off"
    TOO_HOT = "too_hot"
    TOO_COLD = "too_cold"
    EXTRUSION_TOO_LONG = "extrusion_too_long"
    NOT_FITTED = "not_fitted"
    NOTHING_TO_DO = "nothing_to_do"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One place and what is wrong there. Lines and columns count from 1."""

    line: int
    column: int
    reason: Reason
    found: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}, {self.reason.value}"
        return f"{where}: {self.found}; {self.allowed}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Box:
    """The smallest box around every move, in machine coordinates."""

    least_mm: Point
    most_mm: Point


@dataclass(frozen=True, slots=True)
class Passed:
    """The program may run. `lines`: how many are sent. `box_mm`: None if it does not move.

    `estimated_s` is motion, dwells and what takes a known time (homing); `heating_s`, where the rates are known, comes
    on top. `extruded_mm`: filament used. The maxima are 0 for what it does not use.
    """

    lines: int
    box_mm: Box | None
    estimated_s: float
    heating_s: float
    extruded_mm: float
    tools: tuple[int, ...]
    nozzle_celsius: float
    bed_celsius: float
    spindle_rpm: float
    feed_mm_per_min: float

    @property
    def takes_s(self) -> float:
        """All of it: motion, dwells, and waiting for heat."""
        return self.estimated_s + self.heating_s


@dataclass(frozen=True, slots=True)
class Refused:
    """The program must not run. `refusals`: the first places for each reason, in order; `counts`: of all places."""

    refusals: tuple[Refusal, ...]
    counts: Mapping[Reason, int]

    def __str__(self) -> str:
        unlisted = sum(self.counts.values()) - len(self.refusals)
        more = (f"and {unlisted} more places",) if unlisted else ()
        return "\n".join((*map(str, self.refusals), *more))


Verdict = Passed | Refused


class Findings:
    """Collects refusals. `line` and `text` are where the check is; `sent` counts the lines that would go out."""

    __slots__ = ("_counts", "_refusals", "line", "sent", "text")

    def __init__(self) -> None:
        self.line = 0
        self.text = ""
        self.sent = 0
        self._refusals: list[Refusal] = []
        self._counts: Counter[Reason] = Counter()

    def refuse(self, reason: Reason, found: str, allowed: str, remedy: str, column: int = 1) -> None:
        """Something is wrong on the present line; `column` counts from 1."""
        self._counts[reason] += 1
        if self._counts[reason] <= LISTED_FOR_EACH_REASON:
            self._refusals.append(Refusal(self.line, column, reason, found, allowed, remedy))

    def refuse_word(self, reason: Reason, letter: str, found: str, allowed: str, remedy: str) -> None:
        """The same, at the first word of the present line that begins with this letter."""
        column = self.text.upper().find(letter) + 1
        self.refuse(reason, found, allowed, remedy, max(1, column))

    def refused(self) -> Refused | None:
        """What was wrong; None if nothing was."""
        return Refused(tuple(self._refusals), dict(self._counts)) if self._refusals else None


def shown(text: str) -> str:
    """A piece of a program as a person may read it: printable, and not too long."""
    return ascii(text if len(text) <= _FOUND_SHOWN else text[:_FOUND_SHOWN] + "...")
