"""How much of a program may run before anything happens to a part: heating, homing, setting modes.

What is not known to be harmless is taken to touch the part, so an answer can only be too small.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from cellctl.gcode.rules import Dialect
from cellctl.gcode.words import BadLine, Words, words

# Nobody heats and homes for longer than this; beyond it the program counts as touching the part.
MOST_LINES: Final = 2000

_MODES: Final = frozenset({4, 17, 18, 19, 20, 21, 40, 49, 54, 55, 56, 57, 58, 59, 61, 64, 80, 90, 91, 93, 94})
_AXES: Final = frozenset("XYZABCUVWIJKR")
# A printer's nozzle touches nothing but an empty bed, or the part that it left there, until it extrudes.
_PRINTER_G: Final = frozenset({0, 1, 4, 20, 21, 28, 29, 90, 91, 92})
_PRINTER_M: Final = frozenset(
    {
        17, 18, 73, 75, 76, 77, 78, 82, 83, 84, 104, 105, 106, 107, 109, 110, 111, 113, 114, 115, 117, 118, 140, 141,
        155, 190, 191, 201, 203, 204, 205, 220, 221, 301, 304, 400, 413, 420, 851, 862, 900, 905, 907,
    }
)  # fmt: skip
# A tool that turns may touch something where it stands.
_ROUTER_M: Final = frozenset({5, 9})


def untouched_lines(lines: Iterable[str], dialect: Dialect) -> int:
    """How many lines at the head of a program leave the part as it is. Reads no further than it must.

    None of a program in which nothing is seen to touch the part: nobody would run it for nothing.
    """
    harmless = _harmless_to_print if dialect is Dialect.MARLIN else _harmless_to_cut
    count = 0
    for line in islice(lines, MOST_LINES):
        try:
            if not harmless(words(line)):
                return count
        except BadLine:
            return count
        count += 1
    return count if count == MOST_LINES else 0


def _harmless_to_print(line: Words) -> bool:
    for letter, number in line:
        if letter == "G" and number not in _PRINTER_G:
            return False
        if letter == "M" and int(number) not in _PRINTER_M:
            return False
        if letter == "T":
            return False
    # G92 E0 sets a counter; on any other line E is filament.
    return ("G", 92.0) in line or all(letter != "E" for letter, _ in line)


def _harmless_to_cut(line: Words) -> bool:
    for letter, number in line:
        if letter in _AXES or letter == "T":
            return False
        if letter == "G" and number not in _MODES:
            return False
        if letter == "M" and number not in _ROUTER_M:
            return False
    return True
