"""Zones and stops: every level of stop, pressed in every way, against every state of a station."""

from collections.abc import Iterator

from tests.core.stop_cases import cases, play
from tests.prove.claims import Claim


def claims() -> Iterator[Claim]:
    """One: what moved before a person's Clear and Reset, over the whole product."""
    played = 0
    wrong: list[str] = []
    for case in cases():
        played += 1
        wrong += [f"{case.name}: {what}" for what in play(case)[:1]]
    figure = f"{len(wrong)} of {played} cases{f', first: {wrong[0]}' if wrong else ''}"
    yield Claim("stops: moved before Clear and Reset by a person", figure, f"0 of {played}", not wrong)
