"""One line for Grbl: several codes, at most one of each modal group, and values that must belong to one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cellctl.gcode.forbidden import refuse_code
from cellctl.gcode.reader import Word, name_of
from cellctl.gcode.rules import Code, MachineRules
from cellctl.gcode.verdict import Findings, Reason

# Modal groups (RS274/NGC table 4; grbl/gcode.h). A code without a group here stands for itself.
GROUPS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("G0", "G1", "G2", "G3", "G38.2", "G38.3", "G38.4", "G38.5", "G80"), "motion"),
    **dict.fromkeys(("G4", "G10", "G28", "G30", "G53", "G92", "G92.1"), "once"),
    **dict.fromkeys(("G17", "G18", "G19"), "plane"),
    **dict.fromkeys(("G20", "G21"), "units"),
    **dict.fromkeys(("G54", "G55", "G56", "G57", "G58", "G59", "G59.1", "G59.2", "G59.3"), "system"),
    **dict.fromkeys(("G90", "G91"), "distance"),
    **dict.fromkeys(("G93", "G94"), "feed mode"),
    **dict.fromkeys(("M0", "M1", "M2", "M30"), "flow"),
    **dict.fromkeys(("M3", "M4", "M5"), "spindle"),
    **dict.fromkeys(("M8", "M9"), "coolant"),
}
_TAKE_AXES: Final = frozenset({"G10", "G28", "G30", "G92"})
_VALUES: Final = frozenset("FIJKLPRSTXYZ")
_NEVER_NEGATIVE: Final = frozenset("FPST")
_ALWAYS: Final = frozenset("FST")


@dataclass(slots=True)
class Block:
    """`codes` by modal group, `values` by letter. `motion`: the motion that the axis words are for, empty if none."""

    codes: dict[str, str] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    motion: str = ""

    @property
    def once(self) -> str:
        """A code that acts in this block only (G4, G10, G28, G53, G92 ...)."""
        return self.codes.get("once", "")

    @property
    def axes(self) -> bool:
        """Whether there is an X, Y or Z."""
        return not self.values.keys().isdisjoint("XYZ")


class Blocks:
    """Sorts words into blocks, by the allow list of one machine; what is wrong goes to the findings."""

    __slots__ = ("_findings", "_rules")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        self._rules = rules
        self._findings = findings

    def read(self, words: list[Word], motion: str) -> Block | None:
        """The block that these words are; `motion` is the one in force. None if something in it is refused."""
        block = Block()
        sorted_in = [self._sort(block, word) for word in words]  # all of them, so that all mistakes are found
        if not all(sorted_in):
            return None
        if block.once in _TAKE_AXES and block.codes.get("motion", "G80") != "G80":
            self._two(block.once, block.codes["motion"], words[0].column)
            return None
        if block.once == "G92.1" and block.axes:  # which would move, still by the old offset
            self._two(block.once, "a move", words[0].column)
            return None
        block.motion = self._motion(block, motion)
        fits = [self._belongs(block, word) for word in words]
        in_force = block.codes.get("motion", motion)
        return block if all(fits) and self._complete(block, in_force, words[0].column) else None

    def _motion(self, block: Block, motion: str) -> str:
        named = block.codes.get("motion", "")
        if not block.axes or block.once in _TAKE_AXES:
            return named if named not in ("G0", "G1", "G80") else ""
        return named or motion

    def _sort(self, block: Block, word: Word) -> bool:
        letter, value, column = word
        if letter not in "GM":
            return self._value(block, word)
        if value is None:
            self._no_number(letter, column)
            return False
        name = name_of(letter, value)
        if name not in self._rules.codes:
            refuse_code(name, column, self._rules.dialect, self._findings)
            return False
        group = GROUPS.get(name, name)
        if group in block.codes:
            self._two(block.codes[group], name, column)
            return False
        block.codes[group] = name
        return True

    def _value(self, block: Block, word: Word) -> bool:
        letter, value, column = word
        refuse = self._findings.refuse
        if letter not in _VALUES:
            found, allowed = f"the letter {letter}", "this controller does not know it"
            refuse(Reason.LETTER_NOT_ALLOWED, found, allowed, "Take the word out", column)
        elif value is None:
            self._no_number(letter, column)
        elif letter in block.values:
            refuse(Reason.REPEATED_LETTER, f"{letter} twice", "each letter once in a line", "Divide the line", column)
        elif value < 0 and letter in _NEVER_NEGATIVE:
            refuse(Reason.OUT_OF_RANGE, f"{letter}{value:g}", "it cannot be negative", "Correct the number", column)
        else:
            block.values[letter] = value
            return True
        return False

    def _belongs(self, block: Block, word: Word) -> bool:
        """Whether one of the block's codes has a use for this value, and takes this number."""
        letter, value, column = word
        if letter in "GM" or letter in _ALWAYS:
            return True
        names = (block.once, block.motion or block.codes.get("motion", ""))
        span = next((code.letters[letter] for name in names if letter in (code := self._entry(name)).letters), None)
        if span is not None and value is not None and value in span:
            return True
        if span is None and letter in "XYZ":
            self._findings.refuse(
                Reason.NO_CODE,
                f"{letter} without a motion",
                "the first move names its code, G0 or G1",
                "Put the code before it",
                column,
            )
        elif span is None:
            found, allowed = f"{letter} that belongs to no code", "no code of this line has a use for it"
            self._findings.refuse(Reason.LETTER_NOT_ALLOWED, found, allowed, "Take the word out", column)
        else:
            found, allowed = f"{letter}{value:g}", f"allowed is {span}"
            self._findings.refuse(Reason.OUT_OF_RANGE, found, allowed, "Choose a number that is allowed", column)
        return False

    def _complete(self, block: Block, in_force: str, column: int) -> bool:
        for name in (block.once, block.motion):
            needs = self._entry(name).needs
            if needs and needs.isdisjoint(block.values):
                found = f"{name} without {' or '.join(sorted(needs))}"
                allowed, remedy = "it needs one with a number", "Complete or delete the line"
                self._findings.refuse(Reason.MISSING_LETTER, found, allowed, remedy, column)
                return False
        if block.once == "G53" and in_force not in ("G0", "G1"):
            found, allowed = f"G53 with {in_force or 'no motion'}", "it goes with G0 and G1 only"
            self._findings.refuse(Reason.NO_CODE, found, allowed, "Put G0 or G1 on the line", column)
            return False
        return True

    def _entry(self, name: str) -> Code:
        return self._rules.codes.get(name) or _NOTHING

    def _no_number(self, letter: str, column: int) -> None:
        found = f"{letter} without a number"
        self._findings.refuse(Reason.MISSING_NUMBER, found, "it needs one", "Complete the word", column)

    def _two(self, first: str, second: str, column: int) -> None:
        found = f"{first} and {second}"
        allowed = "one code of a kind in a line, and axis words for one of them"
        self._findings.refuse(Reason.TWO_CODES, found, allowed, "Divide the line", column)


_NOTHING: Final = Code()
