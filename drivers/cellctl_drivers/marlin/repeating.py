"""Which lines do no harm if they are executed twice: for firmware that drops a damaged line without a word, and takes
one that it has had already."""

from typing import Final

from cellctl.gcode.words import BadLine, words

_SETTINGS: Final = frozenset(
    {
        *(("G", number) for number in (4, 20, 21, 28, 90, 91, 92)),
        *(("M", number) for number in (82, 83, 84, 85, 104, 105, 106, 107, 108, 109, 110, 114, 115, 116, 117, 140)),
        *(("M", number) for number in (141, 155, 190, 191, 201, 203, 204, 205, 220, 221, 302, 400, 566, 572)),
    }
)
_MODES: Final[dict[tuple[str, float], tuple[str, bool]]] = {
    ("G", 90): ("xyz", True),
    ("G", 91): ("xyz", False),
    ("M", 82): ("e", True),
    ("M", 83): ("e", False),
}


class Modes:
    """What is known about absolute and relative; what the program has not said counts as relative."""

    def __init__(self) -> None:
        self._absolute = {"xyz": False, "e": False}

    def follow(self, line: str) -> None:
        """A line of the program goes out."""
        for word in _words(line):
            if word in _MODES:
                axes, absolute = _MODES[word]
                self._absolute[axes] = absolute

    def may_come_twice(self, line: str) -> bool:
        """Whether this line, the last one that was followed, ends where it ended the first time."""
        found = _words(line)
        if not found:
            return False
        letters = {letter for letter, _ in found[1:]}
        if found[0] in (("G", 0), ("G", 1)):
            moves = letters & set("XYZABCUVW")
            return not (moves and not self._absolute["xyz"]) and not ("E" in letters and not self._absolute["e"])
        return found[0] in _SETTINGS


def _words(line: str) -> tuple[tuple[str, float], ...]:
    try:
        return words(line)
    except BadLine:
        return ()
