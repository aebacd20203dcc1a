"""The pre-flight check: may this program run on that machine? Decided before anything moves.

A program is read once, line by line, in bounded memory; 10 million lines take no more of it than ten. What is checked
is what the driver sends: the lines without their comments, in their order.
"""

from collections.abc import Generator, Iterable
from itertools import islice
from typing import Final, TypeVar

from cellctl.gcode.printing import PrinterProgram
from cellctl.gcode.routing import RouterProgram
from cellctl.gcode.rules import Dialect, MachineRules
from cellctl.gcode.verdict import Findings, Reason, Verdict

# Well below a millisecond's work: whoever checks beside running machines lets them go on in between.
LINES_A_PIECE: Final = 32

Answer = TypeVar("Answer")
Piecewise = Generator[None, None, Answer]
"""Work that is done a piece at a time; it yields between two pieces, and its answer is its return value."""


def check(lines: Iterable[str], rules: MachineRules) -> Verdict:
    """Passed, with what the program will do, or Refused, with where and why. Never raises for what is in a line.

    `lines` must be cut where the driver cuts them (`ports.Files.lines`): at line feed and carriage return only.
    """
    return finish(checking(lines, rules))


def checking(lines: Iterable[str], rules: MachineRules) -> Piecewise[Verdict]:
    """The same, piece by piece."""
    findings = Findings()
    printer = rules.dialect is Dialect.MARLIN
    program = PrinterProgram(rules, findings) if printer else RouterProgram(rules, findings)
    take = program.take
    numbered = iter(enumerate(lines, start=1))
    piece = list(islice(numbered, LINES_A_PIECE))
    while piece:
        for findings.line, line in piece:
            take(line)
        piece = list(islice(numbered, LINES_A_PIECE))
        if piece:
            yield
    passed = program.end()
    if not findings.sent:
        findings.refuse(
            Reason.NOTHING_TO_DO, "a program without a code", "it has at least one", "Hand in the right file"
        )
    return findings.refused() or passed


def finish(work: Piecewise[Answer]) -> Answer:
    """All pieces at once."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            answer: Answer = done.value
            return answer
