"""What became of work whose end nobody saw, by the journal and by what its machine shows: one table, read from the top.

The journal is a ladder: intended, started, sent (from here on the part is touched), acknowledged. Each rung is durable
before the next may happen, so what is not in the journal has not happened; what has may have gone further.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.work import Operation, OperationKind, Rung


@dataclass(frozen=True, slots=True)
class Rule:
    """If this holds, that is the verdict, and no later rule is looked at. `why` is written into the journal."""

    verdict: Verdict
    why: str
    holds: Callable[[Operation, Findings], bool]


def _untouched(operation: Operation, _: Findings) -> bool:
    return operation.gated and operation.rung in (Rung.INTENDED, Rung.STARTED) and not operation.resumes


def _contradicted(operation: Operation, found: Findings) -> bool:
    """A part that is not where its own machine says that it was left."""
    says_so = found.ended is True or found.took_all is True or found.at_end is True
    return says_so and found.part is False


def _came_to_its_end(operation: Operation, found: Findings) -> bool:
    """Every line was acknowledged, nothing is planned any more, and it is the same life of the controller."""
    proved = found.took_all is True or found.at_end is True
    same_life = found.began_anew is False
    return operation.rung is Rung.ACKNOWLEDGED and proved and same_life and found.stands is True


RULES: Final = (
    Rule(Verdict.UNKNOWN, "its machine says that it went wrong", lambda _, found: found.failed is True),
    Rule(
        Verdict.UNKNOWN,
        "something is there, and nothing that could have left it had been sent",
        lambda operation, found: (
            _untouched(operation, found) and operation.kind is OperationKind.PROCESS and found.part is True
        ),
    ),
    Rule(Verdict.NOT_BEGUN, "nothing that touches the part had been sent", _untouched),
    Rule(
        Verdict.RUNNING,
        "its machine shows it, and is at it",
        lambda _, found: found.shows_ours is True and found.stands is False and found.began_anew is not True,
    ),
    Rule(Verdict.UNKNOWN, "its machine says that it ended, and the part is not where it should be", _contradicted),
    Rule(
        Verdict.DONE,
        "its machine says that it ended, and stands",
        lambda _, found: found.ended is True and found.stands is True,
    ),
    Rule(Verdict.DONE, "its machine had taken all of it, was not reset since, and stands at its end", _came_to_its_end),
    Rule(
        Verdict.NOT_BEGUN,
        "its machine stands, and shows what it showed before",
        lambda operation, found: found.as_before is True and found.stands is True and not operation.resumes,
    ),
)


def classify(operation: Operation, found: Findings) -> tuple[Verdict, str]:
    """The verdict on an open operation, and why. `Findings()` is what is known before its machine was heard."""
    for rule in RULES:
        if rule.holds(operation, found):
            return rule.verdict, rule.why
    return Verdict.UNKNOWN, found.says or "its machine cannot tell"
