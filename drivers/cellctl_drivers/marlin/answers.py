"""What a Marlin printer says, line by line. All dialects of one meaning become one answer."""

import re
from difflib import SequenceMatcher
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from cellctl.gcode.rules import Point
from cellctl_drivers.marlin.facts import NO_COMMAND

LONGEST_LINE = 4096

Position = tuple[float, float, float, float]


class Kind(Enum):
    """What a line means."""

    __hash__ = object.__hash__  # by identity; Enum's own is slow

    OK = "ok"
    OK_REPORT = "ok with temperatures"
    RESEND = "resend"
    COMPLAINT = "a line was damaged"
    SKIPPED = "a line was passed over"
    ERROR = "error"
    KILLED = "it has halted itself"
    COLD = "extrusion prevented"
    UNKNOWN = "unknown command"
    BUSY = "busy"
    START = "start"
    WAIT = "wait"
    ACTION = "action"
    FIRMWARE = "who it is"
    CAPABILITY = "what it can do"
    AREA = "how far it reaches"
    REPORT = "temperatures"
    POSITION = "where it stands"
    STARVATION = "how often it had nothing to do"
    CHATTER = "anything else"


class Answer(NamedTuple):
    """One line. `text` is what matters of it; `number` the line that it names; -1 stands for what is not named."""

    kind: Kind
    text: str = ""
    number: int = -1
    free_blocks: int = -1
    free_slots: int = -1


PLAIN_OK: Final = Answer(Kind.OK)

_ADVANCED_OK: Final = re.compile(rb"ok N(\d+)(?: P(\d+))?(?: B(\d+))?")

# Tried in this order. Group "text" and group "number" are what is kept.
_SHAPES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        # Said every second, and never twice the same; with so few letters it can be nothing else.
        (r"T:[-0-9. /TWB:@?]*$", Kind.REPORT),
        (r"(?:ok )?(?:FIRMWARE_)?NAME[:.]", Kind.FIRMWARE),
        # M105 is the one command whose `ok` can be told from all others.
        (r"ok\b.*?\bT\d?:", Kind.OK_REPORT),
        (r"(?P<text>.*\bHALT state)", Kind.KILLED),
        (r"ok(?: N(?P<number>\d+))?(?!\w)", Kind.OK),
        (r"(?:Resend:?|rs)\s*N?\s*(?P<number>\d+)", Kind.RESEND),
        (r"Error:.*(?:checksum mismatch|(?:no|missing) checksum|line number)(?:.*: ?(?P<number>\d+))?", Kind.COMPLAINT),
        (r"skip\b", Kind.SKIPPED),
        (r"(?:Error:|!!)?\s*(?P<text>.*(?:printer halted|kill\(\) called|reset the controller).*)", Kind.KILLED),
        (r"//\s*(?P<text>Klipper state:\s*(?:Shutdown|Disconnect))", Kind.KILLED),
        (r"(?:Error:)\s*(?P<text>.*)", Kind.ERROR),
        (r"(?P<text>!!.*)", Kind.ERROR),
        (r".*\b(?P<text>(?:cold|too long) extrusion prevented)", Kind.COLD),
        (r'(?:echo:|//)?\s*Unknown command:\s*"?(?P<text>[^"]*)', Kind.UNKNOWN),
        (r"(?:echo:\s*)?busy:\s*(?P<text>.*)", Kind.BUSY),
        (r"\W*start$", Kind.START),
        (r"(?:echo:\s*)?(?P<text>PowerUp|(?:External|Brown out|Watchdog|Software) Reset)", Kind.START),
        (r"wait$", Kind.WAIT),
        (r"//\s*action:\s*(?P<text>.*)", Kind.ACTION),
        (r"Cap:(?P<text>\w+):1", Kind.CAPABILITY),
        (r"area:\{(?P<text>full:.*)", Kind.AREA),
        (r"T\d?:|B:\s*-?\d", Kind.REPORT),
        (r"D576 ", Kind.STARVATION),
        (r"X: ?-?\d[-.\d]* Y: ?-?\d", Kind.POSITION),
    )
)
# Marlin/src/core/language.h; 1.x has the last two.
_COMPLAINTS: Final = (
    "checksum mismatch, Last Line: ",
    "Line Number is not Last Line Number+1, Last Line: ",
    "No Checksum with line number, Last Line: ",
    "No Line Number with checksum, Last Line: ",
    "Missing checksum, Last Line: ",
)
_UNKNOWN: Final = 'echo:Unknown command: "'
_ALIKE: Final = 0.7
_BED = re.compile(r"\bB:\s*(-?\d+(?:\.\d+)?)")
_NOZZLE = re.compile(r"\bT\d?:\s*(-?\d+(?:\.\d+)?)\s*/\s*(-?\d+(?:\.\d+)?)")
_MM: Final = r"(-?\d+(?:\.\d+)?)"
# Smoothie names further axes between Z and E; what stands behind "Count" are steps.
_POSITION = re.compile(rf"\bX: ?{_MM} +Y: ?{_MM} +Z: ?{_MM}(?: +[A-D]: ?-?\d+(?:\.\d+)?)*(?: +E: ?{_MM})?")
_CHAMBER = re.compile(r"\bC:\s*-?\d")
_FIELD = re.compile(r"([A-Z][A-Z_-]+)[:.]\s?(.*?)[,\s]*(?=\b[A-Z][A-Z_-]+:|$)")
_CORNER = re.compile(r"m(?:in|ax):\{x:(-?\d+(?:\.\d+)?),y:(-?\d+(?:\.\d+)?),z:(-?\d+(?:\.\d+)?)[^}]*\}")
_UNDERRUNS = re.compile(r"-?(\d+) \((\d+)\)")


def named_ok(line: bytes) -> tuple[int, int, int] | None:
    """Line, free blocks and free slots of `ok N12 P15 B3`, -1 for what is not said; None if it names no line."""
    found = _ADVANCED_OK.fullmatch(line)
    if found is None:
        return None
    number, blocks, slots = found.groups(b"-1")
    return int(number), int(blocks), int(slots)


@lru_cache(maxsize=256)
def read(line: bytes) -> Answer:
    """The meaning of one line, already stripped of blanks at both ends."""
    named = named_ok(line)
    if named is not None:
        return Answer(Kind.OK, "", *named)
    said = line.decode("ascii", "replace")
    for shape, kind in _SHAPES:
        found = shape.match(said)
        if found is not None:
            kept = found.groupdict()
            number_said = kept.get("number")
            if kind is Kind.ERROR and _was_complaint(kept["text"]):
                return Answer(Kind.COMPLAINT, said)
            return Answer(kind, kept.get("text") or said, int(number_said) if number_said else -1)
    if NO_COMMAND in said:
        return Answer(Kind.UNKNOWN, NO_COMMAND)
    if '"' in said and _alike(said, _UNKNOWN):
        return Answer(Kind.UNKNOWN, said[said.index('"') :].strip('"'))
    return Answer(Kind.CHATTER, said)


def _was_complaint(text: str) -> bool:
    """Whether noise has made this of a complaint about a line: no fault of the machine, the request follows."""
    return any(_alike(text, known) for known in _COMPLAINTS)


def _alike(text: str, known: str) -> bool:
    length = min(len(text), len(known))
    return SequenceMatcher(None, text[:length], known[:length], autojunk=False).ratio() >= _ALIKE


def bed_celsius(report: str) -> float | None:
    """The bed's temperature in a report, None if it has none."""
    found = _BED.search(report)
    return float(found[1]) if found else None


def nozzle_celsius(report: str) -> tuple[float, float] | None:
    """The first nozzle's temperature in a report, and its target; None if it has none."""
    found = _NOZZLE.search(report)
    return (float(found[1]), float(found[2])) if found else None


def position_mm(said: str) -> Position | None:
    """X, Y, Z and E in an answer to M114, as the program counts them; E is nan if it is not told."""
    found = _POSITION.search(said)
    return (float(found[1]), float(found[2]), float(found[3]), float(found[4] or "nan")) if found else None


def names_chamber(report: str) -> bool:
    """Whether a report has the temperature of a heated chamber."""
    return _CHAMBER.search(report) is not None


def area(said: str) -> tuple[Point, Point] | None:
    """The corners of the full area in a line of M115; None if it is not whole, or damaged."""
    corners = [(float(x), float(y), float(z)) for x, y, z in _CORNER.findall(said)[:2]]
    if len(corners) < 2 or not all(low < high for low, high in zip(*corners, strict=True)):
        return None
    return corners[0], corners[1]


def starvation(said: str) -> tuple[int, float]:
    """Underruns of the planner in a D576 report, and their longest, in seconds.

    Those of the command queue, behind `B:`, are none: with one line under way it is empty behind every line.
    """
    found = _UNDERRUNS.search(said.partition("B:")[0])
    return (int(found[1]), int(found[2]) / 1000) if found else (0, 0.0)


def fields(firmware: str) -> dict[str, str]:
    """What an M115 answer says, by its key: FIRMWARE_NAME, MACHINE_TYPE, EXTRUDER_COUNT, UUID, ..."""
    found = dict(_FIELD.findall(firmware))
    # Malyan's says NAME where all others say FIRMWARE_NAME.
    return {"FIRMWARE_NAME": found.get("NAME", ""), **found}


class Splitter:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self.thrown_away_bytes = 0
        self._rest = b""

    def lines(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, without blanks at their ends; empty ones are left out."""
        if not self._rest and chunk in (b"ok\n", b"ok\r\n"):
            return [b"ok"]
        *lines, rest = (self._rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:  # Noise, or another baud rate, need never send a newline.
            self.thrown_away_bytes += len(rest)
            rest = b""
        self._rest = rest
        return [line for line in map(bytes.strip, lines) if line]
