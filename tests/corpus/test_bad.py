"""Bad lines are refused, each for its own reason. bad/lines.tsv is made by bad_lines.py."""

import json
from collections import Counter
from typing import Final

import pytest

from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed, Reason, Refused
from tests.corpus.bad_lines import SITUATIONS, TABLE, rows
from tests.gcode.machines import BY_DIALECT

ROWS: Final = [line.split("\t") for line in TABLE.read_text().splitlines()]
# Reasons that a single line cannot have.
_WHOLE_PROGRAM: Final = {Reason.NOTHING_TO_DO}


def lines_after(situation: str) -> list[str]:
    """Ends as it must, so that only the bad line is to blame."""
    return ["G90"] if situation == "marlin/relative" else ["G90", "M5", "M30"] if situation == "grbl/relative" else []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_comes_before_a_bad_line_is_fine_by_itself(situation: str) -> None:
    end = ["G90"] if situation.startswith("marlin") else ["M30"]
    if situation == "grbl/ended":
        end = []
    verdict = check([*SITUATIONS[situation], *end], BY_DIALECT[situation.partition("/")[0]])
    assert isinstance(verdict, Passed), str(verdict)


def judged(reason: str, situation: str, text: str) -> str:
    """What is wrong with how a bad line is judged; empty if it is refused for its reason, and at its line."""
    before, line = SITUATIONS[situation], json.loads(text)
    verdict = check([*before, line], BY_DIALECT[situation.partition("/")[0]])
    if isinstance(verdict, Passed):
        return f"{situation}: {text} passed, expected {reason}"
    found = {refusal.reason.value for refusal in verdict.refusals if refusal.line == len(before) + 1}
    return "" if reason in found else f"{situation}: {text} is {found or verdict}, expected {reason}"


def test_every_bad_line_is_refused_for_its_reason_and_at_its_line() -> None:
    wrong = [why for row in ROWS if (why := judged(*row))]
    assert not wrong, "\n".join(wrong)


def test_the_corpus_is_as_large_as_is_claimed_and_knows_every_reason() -> None:
    assert len(ROWS) >= 500
    counts = Counter(reason for reason, _, _ in ROWS)
    assert {Reason(reason) for reason in counts} | _WHOLE_PROGRAM == set(Reason)
    assert [tuple(row[:2]) for row in ROWS] == [row[:2] for row in dict.fromkeys(rows())], "run tests.corpus.bad_lines"


def test_a_refusal_says_what_was_found_what_is_allowed_and_what_to_do() -> None:
    for _, situation, text in ROWS:
        verdict = check([*SITUATIONS[situation], json.loads(text)], BY_DIALECT[situation.partition("/")[0]])
        assert isinstance(verdict, Refused)
        for refusal in verdict.refusals:
            assert refusal.found and refusal.allowed and refusal.remedy
            assert refusal.line >= 1 and refusal.column >= 1
            assert str(refusal).isascii() and str(refusal).isprintable()
