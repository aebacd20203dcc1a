"""Lines of a program, made ready for the wire: what is refused, what is cut up, and what is said around them."""

import math
import re
from typing import Final

from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.dead_man import DeadMan
from cellctl_drivers.marlin.dialects import Dialect
from cellctl_drivers.marlin.ledger import Own
from cellctl_drivers.marlin.wire import Line

_CODE: Final = re.compile(r"([GMT]) *0*(\d+)")
_NEXT_COMMAND: Final = re.compile(r"(?<!^)(?=[GM]\d)")
# Behind these the rest of the line is theirs, whatever it looks like.
_WHOLE: Final = frozenset({"G53", "M23", "M28", "M30", "M32", "M117", "M118", "M501", "M504", "M1000"})
_DWELL: Final = re.compile(r"([SP])(\d+(?:\.\d+)?)")


def code_of(line: str) -> str:
    """ "G1" of "G01 X5"; empty if the line does not begin with a command."""
    found = _CODE.match(line)
    return found[1] + found[2] if found else ""


def refusal(line: str) -> str:
    """Why a line must not be sent; empty if it may be."""
    return f"{code_of(line)} is not for programs" if code_of(line) in facts.REFUSED else ""


def prepare(line: str, dialect: Dialect, dead_man: DeadMan) -> list[Line]:
    """What is sent for one line of the program, in order. Exactly one of these counts as the line itself."""
    code = code_of(line)
    if dialect.one_command_a_line and code not in _WHOLE:
        *before, last = (part.strip() for part in _NEXT_COMMAND.split(line))
        return [*((_bytes(part), Own.PLAIN) for part in before), (_bytes(last), _own(code_of(last)))]
    before_it, behind_it = dead_man.around(_blocks_s(code, line))
    if code in facts.WINDING:
        behind_it = (*behind_it, *dead_man.wound())
    ours = Own.PLAIN
    return [
        *((_bytes(said), ours) for said in before_it),
        (_bytes(line), _own(code)),
        *((_bytes(said), ours) for said in behind_it),
    ]


def _own(code: str) -> Own | None:
    if code == "M105":
        return Own.ASKED
    return Own.BARRIER if code in facts.BARRIERS else None


def _blocks_s(code: str, line: str) -> float:
    """How long a command stands still."""
    if code in facts.PAUSES:
        return math.inf
    if code != "G4":
        return 0.0
    return max((float(n) / (1 if letter == "S" else 1000) for letter, n in _DWELL.findall(line)), default=0.0)


def _bytes(line: str) -> bytes:
    return line.encode("ascii", "replace")
