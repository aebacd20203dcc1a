"""The letters behind a code, held against what its entry in the allow list says."""

from collections.abc import Mapping

from cellctl.gcode.reader import Word
from cellctl.gcode.rules import Code
from cellctl.gcode.verdict import Findings, Reason

Arguments = Mapping[str, float | None]
"""Letters with their numbers; None for one that stands alone."""


def arguments(name: str, code: Code, words: list[Word], findings: Findings) -> Arguments | None:
    """The letters behind a code; None if one of them is refused, or missing."""
    given: dict[str, float | None] = {}
    fine = True
    for word in words:
        fine = _fits(name, code, word, given, findings) and fine
        given[word.letter] = word.value
    if fine and code.needs and not any(given.get(letter) is not None for letter in code.needs):
        letters = " or ".join(sorted(code.needs))
        found = f"{name} without {letters}"
        findings.refuse(Reason.MISSING_LETTER, found, "it needs one with a number", "Complete or delete the line")
        return None
    return given if fine else None


def _fits(name: str, code: Code, word: Word, given: Arguments, findings: Findings) -> bool:
    letter, value, column = word
    refuse = findings.refuse
    span = code.letters.get(letter)
    if letter in given:
        refuse(Reason.REPEATED_LETTER, f"{letter} twice", "each letter once in a line", "Divide the line", column)
    elif span is None and letter in "GMT":
        refuse(Reason.TWO_CODES, f"{letter} behind {name}", "one code in a line", "Divide the line", column)
    elif span is None:
        allowed = f"its letters are: {', '.join(code.letters) or 'none'}"
        refuse(Reason.LETTER_NOT_ALLOWED, f"{name} with {letter}", allowed, "Take the word out", column)
    elif value is None and letter not in code.bare:
        refuse(Reason.MISSING_NUMBER, f"{letter} without a number", "it needs one", "Complete the word", column)
    elif value is not None and value not in span:
        found = f"{name} with {letter}{value:g}"
        refuse(Reason.OUT_OF_RANGE, found, f"allowed is {span}", "Choose a number that is allowed", column)
    else:
        return True
    return False
