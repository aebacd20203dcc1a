"""A program on its way to a serial machine: what of it is sent, and where it begins to touch the part."""

from collections.abc import Iterator

from cellctl.domain.errors import StoreFailed
from cellctl.domain.work import Operation, Program
from cellctl.gcode.rules import Dialect
from cellctl.gcode.touch import untouched_lines
from cellctl.gcode.words import strip_comment
from cellctl.ports import Files


def executable(files: Files, sha256: str) -> Iterator[str]:
    """What of a program is sent: no comments, no empty lines (some firmware never answers those).

    The file is not touched before the first line is wanted. Raises StoreFailed in any line.
    """
    for line in files.lines(sha256):
        bare = strip_comment(line)
        if bare:
            yield bare


def gate(files: Files, operation: Operation, program: Program, dialect: Dialect) -> int | None:
    """How many lines leave the part as it is; None where nobody waits for the one behind them."""
    if not operation.gated:
        return None
    try:
        return untouched_lines(executable(files, program.sha256), dialect)
    except StoreFailed:  # Whoever sends the first line will say so.
        return 0
