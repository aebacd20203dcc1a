"""The pre-flight check: may this program run on that machine? Decided before anything moves.

A program is read once, line by line, in bounded memory; 10 million lines take no more of it than ten. What is checked
is what the driver sends: the lines without their comments, in their order.
"""

from collections.abc import Iterable

from cellctl.gcode.printing import PrinterProgram
from cellctl.gcode.routing import RouterProgram
from cellctl.gcode.rules import Dialect, MachineRules
from cellctl.gcode.verdict import Findings, Reason, Verdict


def check(lines: Iterable[str], rules: MachineRules) -> Verdict:
    """Passed, with what the program will do, or Refused, with where and why. Never raises for what is in a line.

    `lines` must be cut where the driver cuts them (`ports.Files.lines`): at line feed and carriage return only.
    """
    findings = Findings()
    printer = rules.dialect is Dialect.MARLIN
    program = PrinterProgram(rules, findings) if printer else RouterProgram(rules, findings)
    take = program.take
    for findings.line, line in enumerate(lines, start=1):
        take(line)
    passed = program.end()
    if not findings.sent:
        findings.refuse(
            Reason.NOTHING_TO_DO, "a program without a code", "it has at least one", "Hand in the right file"
        )
    return findings.refused() or passed
