"""What may be sent to a machine at all: lines without comments, of bytes that no firmware takes for a command.

Grbl picks `?`, `!`, `~`, 0x18 and everything above 0x7F out of the middle of a line, comments included
(grbl/serial.c); so these never go out as part of a program.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from cellctl.domain.errors import OrderRefused
from cellctl.gcode.words import strip_comment

FORBIDDEN: Final = frozenset("?!~")


def sendable_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines that a machine gets: no comments, no blanks. Raises OrderRefused with line and column."""
    for number, line in enumerate(lines, start=1):
        code = strip_comment(line)
        if not code:
            continue
        if not code.isascii() or not code.isprintable() or not FORBIDDEN.isdisjoint(code):
            column = next(i for i, char in enumerate(code, 1) if char in FORBIDDEN or not " " <= char <= "~")
            raise OrderRefused(
                "invalid",
                f"line {number}, column {column}: the byte {code[column - 1]!r} must not go to a machine; "
                "allowed is printable ASCII without ? ! ~",
            )
        yield code
