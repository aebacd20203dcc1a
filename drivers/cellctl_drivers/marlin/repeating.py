"""Which lines do no harm if they are executed twice: for firmware that drops a damaged line without a word, and takes
one that it has had already."""

from typing import Final

from cellctl.gcode.modal import ModalState
from cellctl.gcode.words import BadLine, words

_SETTINGS: Final = frozenset(
    {
        *(("G", number) for number in (4, 20, 21, 28, 90, 91, 92)),
        *(("M", number) for number in (82, 83, 84, 85, 104, 105, 106, 107, 108, 109, 110, 114, 115, 116, 117, 140)),
        *(("M", number) for number in (141, 155, 190, 191, 201, 203, 204, 205, 220, 221, 302, 400, 566, 572)),
    }
)


def may_come_twice(line: str, modal: ModalState) -> bool:
    """Whether this line, already folded into the state, ends where it ended the first time.

    What the program has not said counts as relative.
    """
    found = _words(line)
    if not found:
        return False
    letters = {letter for letter, _ in found[1:]}
    if found[0] in (("G", 0), ("G", 1)):
        moves = bool(letters & set("XYZABCUVW"))
        return not (moves and modal.relative is not False) and not ("E" in letters and modal.e_relative is not False)
    return found[0] in _SETTINGS


def _words(line: str) -> tuple[tuple[str, float], ...]:
    try:
        return words(line)
    except BadLine:
        return ()
