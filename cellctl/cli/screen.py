"""Text for people: aligned tables, colour only in a terminal, nothing that could steer the terminal."""

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TextIO

_NARROWEST = 30
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
# Words that are coloured wherever they fill a cell of a table.
_WORDS = {
    "EXECUTE": "green",
    "HELD": "yellow",
    "SUSPENDED": "yellow",
    "STOPPED": "red",
    "ABORTED": "red",
    "lost": "red",
    "never": "red",
    "running": "green",
    "done": "green",
    "interrupted": "yellow",
    "aborted": "red",
    "failed": "red",
}


def printable(text: object) -> str:
    """Without control characters: what a machine or a customer wrote must not reach the terminal as a command."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def pairs(parameters: Mapping[str, Any]) -> str:
    """An order's parameters, as they are typed: text=ADA height_mm=8"""
    return " ".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in parameters.items()
    )


# A named tuple and not a dataclass: importing `dataclasses` would be a tenth of the program's start.
class Screen(NamedTuple):
    """How to write: with colour or not, wrapped at `width` columns (0: never, so that a line stays a line).

    `me` is how this program was called, for commands that are shown to be copied.
    """

    colour: bool = False
    width: int = 0
    me: str = "cellctl"

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> "Screen":
        """What suits a stream. NO_COLOR (no-color.org) and TERM=dumb are honoured."""
        if not stream.isatty():
            return cls()
        plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        return cls(not plain, os.get_terminal_size(stream.fileno()).columns)

    def paint(self, text: str, style: str) -> str:
        """Text in one of the styles above (or none), if this screen has colour."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour and style else text

    def wrapped(self, text: str, indent: int) -> list[str]:
        """The text in lines that fit after `indent` columns; the indent itself is the caller's."""
        if not self.width:
            return [text]
        return textwrap.wrap(text, max(self.width - indent, _NARROWEST)) or [""]

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]], indent: int = 2) -> list[str]:
        """Aligned columns, the last one wrapped."""
        cells = [[printable(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
        lines = [self.paint(self._row(headers, widths, indent), "dim")]
        hang = indent + sum(width + 2 for width in widths[:-1])
        for *front, last in cells:
            first, *others = self.wrapped(last, hang)
            lines.append(self._row([*front, first], widths, indent))
            lines += [" " * hang + other for other in others]
        return lines

    def _row(self, row: Sequence[str], widths: Sequence[int], indent: int) -> str:
        cells = (self.paint(cell.ljust(width), _WORDS.get(cell, "")) for cell, width in zip(row, widths, strict=True))
        return (" " * indent + "  ".join(cells)).rstrip()
