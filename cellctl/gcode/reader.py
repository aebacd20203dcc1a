"""One line of a program as the pre-flight check sees it: bytes and length first, then words with their columns.

What is checked is what is sent: the line without its comments (`words.strip_comment`). Every doubt is a refusal.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from cellctl.gcode.rules import Code, Dialect, MachineRules
from cellctl.gcode.verdict import Findings, Reason, shown
from cellctl.gcode.words import blank_comment, strip_comment

_LINE_ENDS: Final = re.compile(r"[\r\n]")
# Printable ASCII without the bytes that Grbl obeys wherever they stand (grbl/serial.c).
_BAD_BYTE: Final = re.compile(r"[^ -~]|[?!~]")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,8}(?:\.[0-9]*)?|\.[0-9]+)")
_WORD: Final = re.compile(r"([A-Za-z]) *([-+.0-9]*) *|\S")
_NAME: Final = re.compile(r" *([GMT]) *([0-9]+(?:\.[0-9]+)?)(?![-+.0-9])")
_LINE_NUMBER: Final = re.compile(r" *[Nn] *[0-9]{1,7}(?![-+.0-9]) *")
_KLIPPER: Final = re.compile(r" *([A-Za-z_][A-Za-z_]{2,}[0-9]*)(?![A-Za-z_0-9.])")
# Small letters are unknown to Marlin, and some of its builds read the number of "X1E5" as 100000.
_MARLIN_MISTAKE: Final = re.compile(r"[a-z]|(?<=[0-9.])E")


class Word(NamedTuple):
    """A letter in upper case and its number, None without one. Columns count from 1."""

    letter: str
    value: float | None
    column: int


Text = str
Read = list[Word] | tuple[str, Text]
"""The words of a line, or the name of a code and the text behind it."""


class Reader:
    """Reads the lines of one program for one machine; what is wrong with a line goes to the findings."""

    __slots__ = ("_codes", "_findings", "_grbl", "_longest")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        self._findings = findings
        self._codes: Mapping[str, Code] = rules.codes
        self._grbl = rules.dialect is not Dialect.MARLIN
        self._longest = rules.longest_line

    def read(self, line: str) -> Read | None:
        """A line's words; None if there is nothing on it, or nothing that can be understood."""
        line = line.rstrip("\r\n")
        plain = blank_comment(line).rstrip(" \t")
        bare = plain.lstrip(" \t")
        self._findings.text = plain = bare.rjust(len(plain))
        # A line end inside a line would be one line here and two on their way to the machine.
        bad = _LINE_ENDS.search(line) or _BAD_BYTE.search(plain)
        if bad:
            self._refuse_byte(bad)
            return None
        if not bare:
            return None
        self._findings.sent += 1
        length = len(strip_comment(line))
        if length > self._longest:
            self._refuse_length(length)
            return None
        return self._words(plain)

    # ---- what is wrong -------------------------------------------------------------------------------------------

    def _refuse_byte(self, bad: re.Match[str]) -> None:
        self._findings.refuse(
            Reason.BAD_BYTE,
            f"the byte 0x{ord(bad[0]):02X} ({shown(bad[0])})",
            "allowed is printable ASCII without ? ! ~",
            "Take it out; a controller may obey it in the middle of a line",
            bad.start() + 1,
        )

    def _refuse_length(self, length: int) -> None:
        self._findings.refuse(
            Reason.LINE_TOO_LONG,
            f"{length} characters",
            f"this machine takes {self._longest} in a line",
            "Write the numbers with fewer digits, or divide the line",
            self._longest + 1,
        )

    # ---- words ---------------------------------------------------------------------------------------------------

    def _words(self, plain: str) -> Read | None:
        if self._is_command(plain):
            return None
        start = self._frame(plain)
        if start is None:
            return None
        named = _NAME.match(plain, start)
        if named:
            name = name_of(named[1], float(named[2]))
            code = self._codes.get(name)
            if code is not None and code.text:
                return name, plain[named.end() :].strip()
            if code is None and named[1] != "T" and not self._grbl:
                # Not allowed, whatever follows: a file name is no mistake of its own.
                return [Word(named[1], float(named[2]), named.start(1) + 1)]
        return self._split(plain, start)

    def _frame(self, plain: str) -> int | None:
        """Where the words begin, behind a line number. None: it is framed as a program must not be."""
        if "*" in plain:
            column, found = plain.index("*") + 1, "a checksum"
        elif number := _LINE_NUMBER.match(plain):
            if self._grbl:
                return number.end()
            column, found = number.start() + 1, "a line number"
        elif plain.lstrip(" \t").startswith("/"):
            self._findings.refuse(
                Reason.BLOCK_DELETE,
                "a line with /",
                "one firmware skips such a line, and another runs it",
                "Delete the line, or only the /",
                plain.index("/") + 1,
            )
            return None
        else:
            return 0
        remedy = "Let the slicer or CAM program write lines without it"
        self._findings.refuse(Reason.FRAMED, found, "that is the driver's business", remedy, column)
        return None

    def _is_command(self, plain: str) -> bool:
        """A line for the controller itself, or a macro: not G-code at all."""
        text = plain.strip()
        if text.startswith("$"):
            found = f"the command {shown(text)} to the controller itself"
            remedy = "Take it out; home, unlock and change settings with cellctl or at the machine"
        elif macro := _KLIPPER.match(plain):
            found, remedy = f"the macro {shown(macro[1])}", "Write out in G-code what it does, as far as it is allowed"
        else:
            return False
        column = len(plain) - len(plain.lstrip()) + 1
        allowed = "a program consists of G, M and T codes"
        self._findings.refuse(Reason.CONTROLLER_COMMAND, found, allowed, remedy, column)
        return True

    def _split(self, plain: str, start: int) -> list[Word] | None:
        words = []
        for match in _WORD.finditer(plain, start):
            letter, number = match[1], match[2]
            if letter is None or (number and not _NUMBER.fullmatch(number)):
                self._refuse_word(plain, match.start() if letter is None else match.start(2))
                return None
            words.append(Word(letter.upper(), float(number) if number else None, match.start() + 1))
        if not self._grbl and (mistake := _MARLIN_MISTAKE.search(plain)):
            self._refuse_word(plain, mistake.start())
            return None
        return words

    def _refuse_word(self, plain: str, at: int) -> None:
        self._findings.refuse(
            Reason.BAD_WORD,
            f"{shown(plain[at:].split(' ', 1)[0])}, which is no word",
            "a word is a letter and a number of at most 8 digits before the point"
            + ("" if self._grbl else ", in capital letters, with a blank before the next word"),
            "Correct the line; expressions, variables and quotes are not understood here",
            at + 1,
        )


def name_of(letter: str, number: float) -> str:
    """ "G1" for G and 1.0; a number that is not whole keeps all its digits."""
    return f"{letter}{int(number)}" if number == int(number) else f"{letter}{number!r}"
