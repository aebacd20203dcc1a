"""The week of the second example, played, and what became of its orders."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cellctl.app.attendance import Attendance
from cellctl.app.config import load
from cellctl.app.seals import EPOCH
from cellctl.app.shift import Call, Shift
from cellctl.app.simulate import Outcome, simulate, simulated_cell
from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.commands import CancelOrder, SubmitOrder
from cellctl.domain.order_book import Wish, parse_order_book
from cellctl.domain.work import Disposition

FOLDER: Final = Path("examples/workshop")
CELL: Final = FOLDER / "cell.toml"
DAY_S: Final = 86_400.0
HOUR_S: Final = 3600.0
# The book begins when the clock of a virtual run does: on a Monday at six.
BEGINS_H: Final = 6


def week() -> Sequence[Wish]:
    """All 60 orders, and what else is asked."""
    return parse_order_book(tomllib.loads((FOLDER / "week.toml").read_text("utf-8")), "week.toml")


def play_week(level: str) -> Outcome:
    """As `cellctl simulate` does it."""
    return simulate(load(CELL), simulated_cell(CELL, {}, 1), week(), 1, level=level)


def work_week(*hours: tuple[float, float]) -> Outcome:
    """At program level and without faces, by people who are there in these hours of the day only."""
    twin = simulated_cell(CELL, {}, 1)
    spans = tuple((start * HOUR_S, end * HOUR_S) for start, end in hours)

    async def main() -> tuple[Shift, bool]:
        shift = Shift(load(CELL), twin, list(_calls()), Attendance(spans, midnight_s=-BEGINS_H * HOUR_S))
        return shift, await shift.run(10 * DAY_S)

    shift, done = run_virtual(main())
    return Outcome(list(shift.store.read()), twin.violations, [], 0.0, [] if done else ["something"])


def _calls() -> Iterator[Call]:
    for number, wish in enumerate(week()):
        args = wish.request(EPOCH)
        command = CancelOrder(**args) if wish.verb == "cancel" else SubmitOrder(**{"parameters": {}, **args})
        yield Call(wish.at_s, command, f"{number:08d}-0000-4000-8000-000000000000")


def orders_over(outcome: Outcome) -> Counter[str]:
    """How many orders have as many accepted parts as were asked for, and how many of the others were cancelled."""
    accepted = _accepted(outcome)
    cancelled = {record.event.order_id for record in outcome.records if isinstance(record.event, ev.OrderCancelled)}
    over: Counter[str] = Counter()
    for record in outcome.records:
        if isinstance(record.event, ev.OrderAccepted):
            order = record.event.order
            made = len(accepted[order.id]) == order.quantity
            over["done" if made else "cancelled" if order.id in cancelled else "open"] += 1
    return over


def late(outcome: Outcome) -> list[str]:
    """Orders whose last part came after they were due."""
    accepted = _accepted(outcome)
    orders = [record.event.order for record in outcome.records if isinstance(record.event, ev.OrderAccepted)]
    return [each.id for each in orders if each.due_at and max(accepted[each.id], default="") > each.due_at]


def _accepted(outcome: Outcome) -> dict[str, list[str]]:
    """When parts were accepted, by order."""
    jobs = [record.event.job for record in outcome.records if isinstance(record.event, ev.JobStored)]
    order_of = {job.serial: job.order_id for job in jobs}
    found: dict[str, list[str]] = {job.order_id: [] for job in jobs}
    for record in outcome.records:
        event = record.event
        if isinstance(event, ev.PartDisposed) and event.disposition is Disposition.ACCEPTED:
            found[order_of[event.serial]].append(record.at)
    return found
