"""One line of G-code as Grbl reads it: words sorted into modal groups, or the error that it answers first.

This is the part that needs no state: unknown codes, repeated words, two commands of one group.
"""

from enum import Enum
from typing import Final

from cellctl.gcode.words import BadLine, Words, parse, words
from cellctl_sim.grbl.memory import Refused

_LARGEST_LINE_NUMBER: Final = 10_000_000
_LARGEST_TOOL: Final = 255
_XYZ: Final = frozenset("XYZ")
_VALUES: Final = frozenset("FIJKLNPRSTXYZ")
_NEVER_NEGATIVE: Final = frozenset("FNPST")


class Axes(Enum):
    """Which command of a block the axis words belong to."""

    NONE = 0
    NON_MODAL = 1
    MOTION = 2
    TOOL_LENGTH = 3


# Code times 100 -> (group, whose axis words, value in the group). Groups of one code each have no value to keep.
_G: Final[dict[int, tuple[str, Axes, float]]] = {
    **{code * 100: ("motion", Axes.MOTION, float(code)) for code in (0, 1, 2, 3)},
    **{3800 + probe * 10: ("motion", Axes.MOTION, 38 + probe / 10) for probe in (2, 3, 4, 5)},
    8000: ("motion", Axes.NONE, 80.0),
    **{code * 100: ("non_modal", Axes.NON_MODAL, float(code)) for code in (10, 28, 30, 92)},
    **{code: ("non_modal", Axes.NONE, code / 100) for code in (400, 2810, 3010, 5300, 9210)},
    **{code * 100: ("plane", Axes.NONE, float(code)) for code in (17, 18, 19)},
    **{code * 100: ("units", Axes.NONE, float(code)) for code in (20, 21)},
    **{code * 100: ("system", Axes.NONE, float(code - 54)) for code in range(54, 60)},
    **{code * 100: ("distance", Axes.NONE, float(code)) for code in (90, 91)},
    **{code * 100: ("feed_mode", Axes.NONE, float(code)) for code in (93, 94)},
    9110: ("arc_distance", Axes.NONE, 91.1),
    4000: ("cutter", Axes.NONE, 40.0),
    4310: ("tool_length", Axes.TOOL_LENGTH, 43.1),
    4900: ("tool_length", Axes.TOOL_LENGTH, 49.0),
    6100: ("path", Axes.NONE, 61.0),
}
_M: Final[dict[int, tuple[str, float]]] = {
    **{code: ("flow", float(code)) for code in (0, 1, 2, 30)},
    **{code: ("spindle", float(code)) for code in (3, 4, 5)},
    **{code: ("coolant", float(code)) for code in (8, 9)},
    6: ("tool_change", 6.0),
}
# With a fraction these are unsupported commands; all other known G codes then are "not an integer".
_FRACTION_UNSUPPORTED: Final = frozenset({28, 30, 38, 43, 61, 90, 91, 92})
_KNOWN: Final = frozenset(code // 100 for code in _G)


class Block:
    """The words of one line. `commands` by group, `values` by letter, `axes` says what the axis words belong to,
    `axis_words` which of X, Y and Z there are, `number` is that of the line (0: none)."""

    __slots__ = ("axes", "axis_words", "commands", "number", "values")

    def __init__(self) -> None:
        self.commands: dict[str, float] = {}
        self.values: dict[str, float] = {}
        self.axes = Axes.NONE
        self.axis_words: frozenset[str] = frozenset()
        self.number = 0

    @property
    def non_modal(self) -> float:
        """G4, G10, G28, G28.1, G30, G30.1, G53, G92, G92.1; 0 for none."""
        return self.commands.get("non_modal", 0.0)


def read(text: str) -> Block:
    """Sort the words of a line (capital letters, no blanks, no comments). Raises Refused."""
    block = Block()
    block.number, found = _words(text)
    for letter, value in found:
        if letter == "G":
            _g_code(block, value)
        elif letter == "M":
            _m_code(block, value)
        else:
            _value(block, letter, value)
    block.axis_words = _XYZ & block.values.keys()
    return block


def _words(text: str) -> tuple[int, Words]:
    """The number of the line, and its words."""
    if "*" in text:
        text = text.replace("*", "#")  # Grbl knows no checksums
    try:
        if text[:1] != "N":
            return 0, words(text)
        line = parse(text)
    except BadLine as mistake:
        raise Refused(1 if mistake.expected == "letter" else 2) from None
    if (line.number or 0) > _LARGEST_LINE_NUMBER:
        raise Refused(27)
    return line.number or 0, line.words


def _g_code(block: Block, value: float) -> None:
    known = _G.get(round(value * 100))
    if known is None:
        whole = int(value)
        raise Refused(20 if whole not in _KNOWN or whole in _FRACTION_UNSUPPORTED else 23)
    group, axes, setting = known
    if axes is not Axes.NONE:
        if block.axes is not Axes.NONE:
            raise Refused(24)
        block.axes = axes
    if group in block.commands:
        raise Refused(21)
    block.commands[group] = setting


def _m_code(block: Block, value: float) -> None:
    if value != int(value):
        raise Refused(23)
    known = _M.get(int(value))
    if known is None:
        raise Refused(20)
    group, setting = known
    if group in block.commands:
        raise Refused(21)
    block.commands[group] = setting


def _value(block: Block, letter: str, value: float) -> None:
    if letter not in _VALUES:
        raise Refused(20)
    if letter == "T" and value > _LARGEST_TOOL:
        raise Refused(38)
    if letter in block.values:
        raise Refused(25)
    if value < 0 and letter in _NEVER_NEGATIVE:
        raise Refused(4)
    block.values[letter] = value
