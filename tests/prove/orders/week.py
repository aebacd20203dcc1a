"""A shop's week of 60 mixed orders on the workshop cell: all are over in the end, and the world saw nothing wrong."""

from collections.abc import Iterator

from cellctl.app.simulate import LINE, PROGRAM
from tests.app.workshop import late, orders_over, play_week
from tests.prove.claims import Claim


def claims() -> Iterator[Claim]:
    """One for programs as single operations, one for every line over its wire; two or three minutes."""
    for level in (PROGRAM, LINE):
        outcome = play_week(level)
        over = orders_over(outcome)
        wrong = len(outcome.violations) + len(outcome.open_jobs)
        figure = f"{over['done']} done, {over['cancelled']} cancelled, {len(late(outcome))} late, {wrong} wrong"
        right = over == {"done": 59, "cancelled": 1} and not wrong
        yield Claim(f"a week of 60 orders, {level} level", figure, "59 done, 1 cancelled, 0 wrong", right)
