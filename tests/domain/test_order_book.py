"""A shop's order book: days and times become seconds, and every mistake is told at once."""

import tomllib

import pytest

from cellctl.domain.errors import ConfigError
from cellctl.domain.order_book import Wish, parse_order_book

BOOK = """
[book]
begins = "mon 06:00"

[[order]]
at = "tue 08:15"
id = "W-2"
product = "spacer"
parameters = { marking = "7" }
quantity = 3
priority = 9
due = "2 mon 06:00"

[[order]]
at = "Mon 06:00"
id = "W-1"
product = "sign"

[[request]]
at = "mon 07:00"
verb = "cancel"
args = { order_id = "W-1" }
"""


def test_wishes_come_in_order_of_time_with_their_due_dates_on_the_clock_that_the_book_is_played_by() -> None:
    first, second, third = parse_order_book(tomllib.loads(BOOK), "week.toml")
    assert first == Wish(0, "submit", {"product": "sign", "order_id": "W-1"})
    assert second == Wish(3600, "cancel", {"order_id": "W-1"})
    assert third.at_s == 86_400 + 2 * 3600 + 15 * 60
    assert third.request("2026-01-05T06:00:00.000Z") == {
        "product": "spacer", "parameters": {"marking": "7"}, "quantity": 3, "priority": 9, "order_id": "W-2",
        "due_at": "2026-01-12T06:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "mistake"),
    [
        ('"tue 08:15"', '"tuesday"', 'week.toml: order.0.at must be a day and a time, such as "tue 08:15"'),
        ('"tue 08:15"', '"tue 24:00"', "found 'tue 24:00'"),
        ('"2 mon 06:00"', '"mon 12:00"', "week.toml: order.0.due must come after at"),
        ('"W-2"', '"W-1"', "week.toml: order.1.id: every order needs an id of its own; found 'W-1' again"),
        ('begins = "mon 06:00"', 'begins = "mon 07:00"', "week.toml: order.1.at must not come before book.begins"),
        ("quantity = 3", "quantity = true", "week.toml: order.0.quantity must be a whole number; found True"),
        ("priority = 9", "urgent = 9", "week.toml: order.0.urgent is not a key that is known here"),
        ('verb = "cancel"', "", "week.toml: request.0.verb is missing"),
        ("[[request]]", "[[wish]]", "week.toml: wish is not a key that is known here"),
        ("[[request]]", "[request]", "week.toml: request.0 must be a table"),
        ('[book]\nbegins = "mon 06:00"', "", "week.toml: book must be a table"),
    ],
)
def test_a_mistake_is_told_by_file_and_key(was: str, now: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse_order_book(tomllib.loads(BOOK.replace(was, now, 1)), "week.toml")
    assert mistake in str(told.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        parse_order_book({"order": [{"id": 7}]}, "week.toml")
    assert len(told.value.mistakes) == 4
