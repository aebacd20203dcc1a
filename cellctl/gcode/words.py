"""One line of G-code as words: a letter and a number each. The language that all of us share; what a word means
is the business of the firmware, the driver or the pre-flight check."""

import re
from dataclasses import dataclass
from typing import Final

Word = tuple[str, float]
Words = tuple[Word, ...]

_COMMENT: Final = re.compile(r"\([^)]*\)?|;.*")
# A letter and what looks like a number, or any other visible character (which then has neither).
_WORD: Final = re.compile(r"([A-Za-z])\s*([-+.0-9]*)|\S", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_FRAME: Final = re.compile(
    r"\s*(?P<skip>/)?\s*(?:[Nn]\s*(?P<number>[0-9]+))?(?P<body>[^*]*)(?:\*(?P<sum>.*))?", re.DOTALL
)
_FOLDABLE: Final = 64  # bytes
_FRAMED: Final = frozenset(("/", "N", "n", " ", "\t"))


class BadLine(ValueError):
    """A line that is not G-code. `column` counts from 0; `expected` is "letter", "number" or "checksum"."""

    def __init__(self, line: str, column: int, expected: str) -> None:
        found = repr(line[column]) if column < len(line) else "the end of the line"
        super().__init__(f"column {column + 1}: expected a {expected}, found {found}")
        self.column = column
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line. `number` and `checksum` are None where there is none; `skippable`: it began with "/"."""

    words: Words
    number: int | None = None
    checksum: int | None = None
    skippable: bool = False


def strip_comment(line: str) -> str:
    """The line without `;...` and `(...)`, and without blanks at its ends. An open `(` takes the rest."""
    if ";" in line or "(" in line:
        line = _COMMENT.sub("", line)
    return line.strip()


def blank_comment(line: str) -> str:
    """The line with blanks for `;...` and `(...)`, so that columns stay what they were."""
    return _COMMENT.sub(lambda comment: " " * len(comment[0]), line)


def words(line: str) -> Words:
    """The words of a line in order, letters in upper case. Raises BadLine.

    Comments, a block delete "/", a leading N word and a "*checksum" are left out. An empty line has no words.
    """
    if "*" in line or ";" in line or "(" in line or line[:1] in _FRAMED:
        return parse(line).words
    return _split(line, 0)


def parse(line: str) -> Line:
    """Everything a line says. The checksum is read, not verified. Raises BadLine, its column that of `line`."""
    plain = blank_comment(line)
    frame = _FRAME.fullmatch(plain)
    if frame is None:  # pragma: no cover - the pattern takes any text; told apart for the type checker
        raise BadLine(line, 0, "letter")
    start, number, checksum = frame.start("body"), frame["number"], frame["sum"]
    if checksum is not None and not checksum.strip().isdecimal():
        raise BadLine(line, frame.start("sum"), "checksum")
    return Line(
        _split(plain[: frame.end("body")], start),
        int(number) if number is not None else None,
        int(checksum) if checksum is not None else None,
        frame["skip"] is not None,
    )


def checksum(line: bytes) -> int:
    """XOR of all bytes, as after the "*" of a numbered line (there: of everything before the "*")."""
    if len(line) > _FOLDABLE:
        return checksum(line[:_FOLDABLE]) ^ checksum(line[_FOLDABLE:])
    # Folding one big number in halves costs less than a loop over its bytes.
    fold = int.from_bytes(line, "big")
    fold ^= fold >> 256
    fold ^= fold >> 128
    fold ^= fold >> 64
    fold ^= fold >> 32
    fold ^= fold >> 16
    return (fold ^ fold >> 8) & 0xFF


def _split(line: str, start: int) -> Words:
    try:
        if line.isascii():  # other alphabets have letters whose upper case is one of ours
            return tuple([(letter, float(number)) for letter, number in _WORD.findall(line.upper(), start)])
    except ValueError:
        pass
    raise _why(line, start)


def _why(line: str, start: int = 0) -> BadLine:
    """What is wrong with the first word that is none."""
    for match in _WORD.finditer(line, start):
        if match[1] is None:
            return BadLine(line, match.start(), "letter")
        if not _NUMBER.fullmatch(match[2]):
            good = _NUMBER.match(match[2])
            return BadLine(line, match.start(2) + good.end() if good else match.end(1), "number")
    return BadLine(line, start, "letter")


__all__ = ["BadLine", "Line", "Word", "Words", "blank_comment", "checksum", "parse", "strip_comment", "words"]
