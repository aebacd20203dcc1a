"""An order book: what a shop's customers ask for over days, in the shop's own times. Parsed from TOML tables.

    [book]
    begins = "mon 06:00"

    [[order]]
    at = "mon 07:30"                     # when it comes in
    id = "W-001"
    product = "sign"
    parameters = { text = "ADA" }
    quantity = 2
    priority = 5                         # higher goes first
    due = "tue 12:00"                    # a week later: "2 tue 12:00"

    [[request]]                          # what else is asked later: any verb of the class "job"
    at = "mon 09:00"
    verb = "cancel"
    args = { order_id = "W-001" }

It is played from any instant on: `begins` is then. What a product makes of its parameters is the cell's to say.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cellctl.domain.errors import ConfigError

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = re.compile(rf"(?:([1-9]) )?({'|'.join(_DAYS)}) ([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DAY_S: Final = 86_400
# The keys of an order, and of what kind each is; those that must be there.
_ORDER: Final = {
    "at": str, "id": str, "product": str, "revision": str, "parameters": dict, "quantity": int, "priority": int,
    "due": str, "customer_reference": str,
}  # fmt: skip
_REQUEST: Final = {"at": str, "verb": str, "args": dict}
_NEEDED: Final = {"order": ("at", "id", "product"), "request": ("at", "verb")}
_KINDS: Final = {str: "text", int: "a whole number", dict: "a table"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is asked for, so many seconds after the book begins. `due_s`: of an order, on the same clock."""

    at_s: float
    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)
    due_s: float | None = None

    def request(self, begun_at: str) -> dict[str, Any]:
        """The arguments of the request, for a book that was begun at this instant (UTC, ISO 8601)."""
        if self.due_s is None:
            return dict(self.args)
        due = datetime.fromisoformat(begun_at) + timedelta(seconds=self.due_s)
        return {**self.args, "due_at": f"{due.isoformat(timespec='seconds').removesuffix('+00:00')}Z"}


def parse_order_book(table: Mapping[str, Any], file: str) -> Sequence[Wish]:
    """Every wish of a book, in order of time. Raises ConfigError with all mistakes; `file` is for these."""
    mistakes = [*_shape(table, file)]
    if not mistakes:
        mistakes = [*_sense(table, file)]
    if mistakes:
        raise ConfigError(mistakes)
    begins_s = _seconds(table["book"]["begins"])
    orders = [_order(each, begins_s) for each in table["order"]]
    requests = [
        Wish(_seconds(each["at"]) - begins_s, each["verb"], each.get("args", {})) for each in table.get("request", ())
    ]
    return sorted([*orders, *requests], key=lambda wish: wish.at_s)


def _order(keys: Mapping[str, Any], begins_s: int) -> Wish:
    args = {key: value for key, value in keys.items() if key not in ("at", "id", "due")}
    due_s = _seconds(keys["due"]) - begins_s if "due" in keys else None
    return Wish(_seconds(keys["at"]) - begins_s, "submit", {**args, "order_id": keys["id"]}, due_s)


def _seconds(said: str) -> int:
    """From Monday 0:00 on. Raises ValueError."""
    found = _TIME.fullmatch(said.lower())
    if found is None:
        raise ValueError(said)
    week, day, hours, minutes = found.groups()
    return (7 * (int(week or 1) - 1) + _DAYS.index(day)) * _DAY_S + int(hours) * 3600 + int(minutes) * 60


def _shape(table: Mapping[str, Any], file: str) -> Iterator[str]:
    """Keys that are missing, unknown, or of another kind; times that are none."""
    for key in table.keys() - {"book", "order", "request"}:
        yield f"{file}: {key} is not a key that is known here"
    yield from _keys(table.get("book"), {"begins": str}, ("begins",), f"{file}: book")
    if not table.get("order"):
        yield f"{file}: order is missing"
    for name, kinds in (("order", _ORDER), ("request", _REQUEST)):
        tables = table.get(name, [])
        for number, keys in enumerate(tables if isinstance(tables, list) else [None]):
            yield from _keys(keys, kinds, _NEEDED[name], f"{file}: {name}.{number}")


def _keys(keys: Any, kinds: Mapping[str, type], needed: Sequence[str], where: str) -> Iterator[str]:
    if not isinstance(keys, dict):
        yield f"{where} must be a table"
        return
    yield from (f"{where}.{key} is missing" for key in needed if key not in keys)
    for key, value in keys.items():
        if key not in kinds:
            yield f"{where}.{key} is not a key that is known here"
        elif type(value) is not kinds[key]:
            yield f"{where}.{key} must be {_KINDS[kinds[key]]}; found {value!r}"
        elif key in ("at", "due", "begins") and not _TIME.fullmatch(str(value).lower()):
            yield f'{where}.{key} must be a day and a time, such as "tue 08:15"; found {value!r}'


def _sense(table: Mapping[str, Any], file: str) -> Iterator[str]:
    """Ids that come twice, and times in the wrong order."""
    begins_s, seen = _seconds(table["book"]["begins"]), set[str]()
    for number, order in enumerate(table["order"]):
        if order["id"] in seen:
            yield f"{file}: order.{number}.id: every order needs an id of its own; found {order['id']!r} again"
        seen.add(order["id"])
        if "due" in order and _seconds(order["due"]) <= _seconds(order["at"]):
            yield f"{file}: order.{number}.due must come after at"
    for name in ("order", "request"):
        for number, wish in enumerate(table.get(name, ())):
            if _seconds(wish["at"]) < begins_s:
                yield f"{file}: {name}.{number}.at must not come before book.begins"
