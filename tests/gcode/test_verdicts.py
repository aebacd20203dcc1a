"""What the check has said is remembered, by content and rules, and shared by all who ask meanwhile."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cellctl.domain.errors import StoreFailed
from cellctl.gcode import verdicts
from cellctl.gcode.preflight import LINES_A_PIECE, checking, finish
from cellctl.gcode.verdict import Passed, Refused
from cellctl.gcode.verdicts import Verdicts
from tests.gcode.machines import PRINTER, PRINTER_LIMITS, ROUTER
from tests.gcode.test_preflight import HOT

SMALLER = replace(
    PRINTER, limits=replace(PRINTER_LIMITS, envelope=replace(PRINTER_LIMITS.envelope, most_mm=(100, 100, 100)))
)
LONG = [*HOT, *["G1 X150 F6000", "G1 X10"] * (2 * LINES_A_PIECE)]


class Shelf:
    """Programs, and how often each was begun to be read."""

    def __init__(self, **programs: list[str]) -> None:
        self.programs = programs
        self.read: list[str] = []

    def lines(self, name: str) -> Iterator[str]:
        self.read.append(name)
        for line in self.programs[name]:
            if line == "BREAK":
                raise StoreFailed("altered on the disk")
            yield line


def test_a_program_is_read_once_for_equal_rules_and_once_more_for_others() -> None:
    shelf = Shelf(base=LONG)
    known = Verdicts(shelf.lines)
    first = finish(known.asking("base", PRINTER))
    assert isinstance(first, Passed)
    assert finish(known.asking("base", replace(PRINTER))) is first
    assert isinstance(finish(known.asking("base", SMALLER)), Refused)
    assert isinstance(finish(known.asking("base", ROUTER)), Refused)
    assert finish(known.asking("base", PRINTER)) is first
    assert shelf.read == ["base"] * 3


def test_what_is_known_needs_no_waiting_and_what_is_not_gives_way() -> None:
    known = Verdicts(Shelf(base=LONG).lines)
    work = known.asking("base", PRINTER)
    assert sum(1 for _ in work) == (len(LONG) - 1) // LINES_A_PIECE
    assert list(known.asking("base", PRINTER)) == []


def test_all_who_ask_meanwhile_drive_the_same_reading_on() -> None:
    shelf = Shelf(base=LONG)
    known = Verdicts(shelf.lines)
    works = [known.asking("base", PRINTER) for _ in range(3)]
    for work in works:
        next(work)
    assert isinstance(finish(works[2]), Passed)
    works[1].close()
    assert isinstance(finish(works[0]), Passed)
    assert shelf.read == ["base"]


def test_what_nobody_asks_for_any_more_is_not_read_on() -> None:
    shelf = Shelf(base=LONG)
    known = Verdicts(shelf.lines)
    first, second = known.asking("base", PRINTER), known.asking("base", PRINTER)
    next(first)
    next(second)
    first.close()
    assert known._open
    second.close()
    assert not known._open
    assert isinstance(finish(known.asking("base", PRINTER)), Passed)
    assert shelf.read == ["base"] * 2


def test_a_reading_that_fails_is_begun_anew_by_the_next_who_asks() -> None:
    shelf = Shelf(base=[*LONG, "BREAK"])
    known = Verdicts(shelf.lines)
    for _ in range(2):
        with pytest.raises(StoreFailed):
            finish(known.asking("base", PRINTER))
    assert shelf.read == ["base"] * 2


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_KEPT", 2)
    monkeypatch.setattr(verdicts, "_RULES_KEPT", 2)
    shelf = Shelf(a=HOT, b=HOT, c=HOT)
    known = Verdicts(shelf.lines)
    for name in "abcba":
        finish(known.asking(name, PRINTER))
    assert shelf.read == ["a", "b", "c", "a"]
    for rules in (PRINTER, SMALLER, ROUTER, PRINTER):
        finish(known.asking("b", rules))
    assert len(shelf.read) == 7
    assert len(known._known) == len(known._rules) == 2


def test_a_check_in_pieces_answers_as_one_at_once() -> None:
    for count in (0, 1, LINES_A_PIECE - 1, LINES_A_PIECE, LINES_A_PIECE + 1, 5 * LINES_A_PIECE):
        program = [*HOT, *["G1 X10 F600"] * count, "G1 X300"]
        pieces = checking(iter(program), PRINTER)
        assert sum(1 for _ in pieces) == (len(program) - 1) // LINES_A_PIECE
        verdict = finish(checking(program, PRINTER))
        assert isinstance(verdict, Refused)
        assert verdict.refusals[0].line == len(program)
