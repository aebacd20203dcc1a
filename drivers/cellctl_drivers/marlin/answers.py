"""What a Marlin printer says, line by line. All dialects of one meaning become one answer."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

LONGEST_LINE = 4096


class Kind(Enum):
    """What a line means."""

    OK = "ok"
    OK_REPORT = "ok with temperatures"
    RESEND = "resend"
    COMPLAINT = "a line was damaged"
    ERROR = "error"
    COLD = "extrusion prevented"
    BUSY = "busy"
    START = "start"
    WAIT = "wait"
    ACTION = "action"
    FIRMWARE = "who it is"
    CAPABILITY = "what it can do"
    REPORT = "temperatures"
    CHATTER = "anything else"


@dataclass(frozen=True, slots=True)
class Answer:
    """One line. `text` is what matters of it; `number` the line number that it names, if it names one."""

    kind: Kind
    text: str = ""
    number: int | None = None


PLAIN_OK: Final = Answer(Kind.OK)

# Tried in this order. Group "text" and group "number" are what is kept.
_SHAPES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"(?:ok )?FIRMWARE_NAME:", Kind.FIRMWARE),
        # M105 is the one command whose `ok` can be told from all others.
        (r"ok\b.*?\bT\d?:", Kind.OK_REPORT),
        (r"ok(?: N(?P<number>\d+))?(?!\w)", Kind.OK),
        (r"(?:Resend:?|rs)\s*N?\s*(?P<number>\d+)", Kind.RESEND),
        (r"Error:.*(?:checksum mismatch|(?:no|missing) checksum|line number)", Kind.COMPLAINT),
        (r"(?:Error:|!!)\s*(?P<text>.*)", Kind.ERROR),
        (r".*\b(?P<text>(?:cold|too long) extrusion prevented)", Kind.COLD),
        (r"(?:echo:\s*)?busy:\s*(?P<text>.*)", Kind.BUSY),
        (r"\W*start$", Kind.START),
        (r"wait$", Kind.WAIT),
        (r"//\s*action:\s*(?P<text>.*)", Kind.ACTION),
        (r"Cap:(?P<text>\w+):1", Kind.CAPABILITY),
        (r"T\d?:", Kind.REPORT),
    )
)
_BED = re.compile(r"\bB:\s*(-?\d+(?:\.\d+)?)")
_FIELD = re.compile(r"([A-Z_]+):(.*?)\s*(?=[A-Z_]+:|$)")


def read(line: bytes) -> Answer:
    """The meaning of one line, already stripped of blanks at both ends."""
    said = line.decode("ascii", "replace")
    for shape, kind in _SHAPES:
        found = shape.match(said)
        if found is not None:
            kept = found.groupdict()
            number = kept.get("number")
            return Answer(kind, kept.get("text") or said, int(number) if number else None)
    return Answer(Kind.CHATTER, said)


def bed_celsius(report: str) -> float | None:
    """The bed's temperature in a report, None if it has none."""
    found = _BED.search(report)
    return float(found[1]) if found else None


def identity(firmware: str) -> str:
    """Machine type and UUID of an M115 answer; the firmware's name where the type is missing."""
    fields = dict(_FIELD.findall(firmware))
    name = fields.get("MACHINE_TYPE") or fields.get("FIRMWARE_NAME", "")
    return f"{name} {fields.get('UUID', '')}".strip()


class Splitter:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, without blanks at their ends; empty ones are left out."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        # Noise, or another baud rate, need never send a newline.
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        return [line for line in map(bytes.strip, lines) if line]
