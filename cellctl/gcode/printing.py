"""A printer's program, line by line: one code a line (Marlin), nearly all of them plain moves."""

import re
from typing import Final

from cellctl.gcode.forbidden import refuse_code
from cellctl.gcode.letters import Arguments, arguments
from cellctl.gcode.printer import Printer
from cellctl.gcode.printer_codes import ACTS, fitted
from cellctl.gcode.reader import Reader, Word, name_of
from cellctl.gcode.rules import Code, MachineRules
from cellctl.gcode.verdict import Findings, Passed, Reason

_U: Final = r"(?:[0-9]{1,8}(?:\.[0-9]*)?|\.[0-9]+)"
_N: Final = rf"(-?{_U})"
# The letters in the order in which slicers write them, one blank between words; F first or last, but not both.
_PLAIN_MOVE: Final = re.compile(
    rf"G[01](?: F({_U}))?(?: X{_N})?(?: Y{_N})?(?: Z{_N})?(?: E{_N})?(?(1)|(?: F({_U}))?) *(?:;[^\r\n]*)?\r?\n?"
)
_NO_LETTERS: Final = Code()


class PrinterProgram:
    """One program on its way through the check: `take` every line, then `end`."""

    __slots__ = ("_findings", "_longest", "_printer", "_reader", "_settled")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        self._findings = findings
        self._longest = rules.longest_line
        self._printer = Printer(rules, findings)
        self._reader = Reader(rules, findings)
        self._settled = False

    def take(self, line: str) -> None:
        """The next line."""
        if self._settled and len(line) <= self._longest:
            plain = _PLAIN_MOVE.fullmatch(line)
            if plain is not None:
                self._findings.text = line
                self._findings.sent += 1
                self._printer.plain_move(plain.groups())
                return
        read = self._reader.read(line)
        if isinstance(read, tuple):
            self._act(read[0], {})
        elif read:
            self._code(read)
        self._settled = self._printer.settled

    def end(self) -> Passed:
        """What the program came to, provided that nothing was refused."""
        printer = self._printer
        if printer.modes.relative:
            self._findings.refuse(
                Reason.MODE_LEFT,
                "the program ends in relative coordinates",
                "the next one begins in absolute ones",
                "Let it end with G90",
            )
        printer.estimate.rest()
        tools = printer.modes.tools or ({printer.extruder.tool} if printer.extruder.used_mm else set())
        return Passed(
            lines=self._findings.sent,
            box_mm=printer.track.box,
            estimated_s=printer.estimate.elapsed_s,
            heating_s=printer.heaters.heating_s,
            extruded_mm=printer.extruder.used_mm,
            tools=tuple(sorted(tools)),
            nozzle_celsius=printer.heaters.nozzle_celsius,
            bed_celsius=printer.heaters.bed_celsius,
            spindle_rpm=0.0,
            feed_mm_per_min=printer.modes.fastest_mm_per_min,
        )

    def _code(self, words: list[Word]) -> None:
        first = words[0]
        if first.letter not in "GMT" or first.value is None:
            self._findings.refuse(
                Reason.NO_CODE,
                f"{first.letter} at the beginning of a line",
                "every line begins with a code",
                "Let the slicer write the code on every line",
                first.column,
            )
            return
        rules = self._printer.rules
        name = name_of(first.letter, first.value)
        code = _NO_LETTERS if first.letter == "T" else rules.codes.get(name)
        if code is None:
            refuse_code(name, first.column, rules.dialect, self._findings)
            return
        given = arguments(name, code, words[1:], self._findings)
        if given is None:
            return
        if first.letter == "T":
            self._select(first.value)
        else:
            self._act(name, given)

    def _act(self, name: str, given: Arguments) -> None:
        act = ACTS.get(name)
        if act is not None:
            act(self._printer, name, given)

    def _select(self, tool: float) -> None:
        printer = self._printer
        if fitted(printer, tool):
            printer.estimate.rest()
            printer.extruder.tool = int(tool)
            printer.modes.tools.add(int(tool))
