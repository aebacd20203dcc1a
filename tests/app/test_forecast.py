"""`cellctl simulate --book`: when is each order done, what stops, and what would one more station change?"""

import json
import math
from pathlib import Path

import pytest

from cellctl.app.attendance import Attendance, unmanned
from cellctl.app.forecast import Failures, Question, forecast, with_another
from cellctl.app.main import main
from cellctl.app.toml_file import read_toml
from cellctl.domain.errors import ConfigError
from cellctl.domain.order_book import Wish, parse_order_book

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
BOOK = """
[book]
begins = "mon 06:00"

[[order]]
at = "mon 06:00"
id = "ada"
product = "nameplate"
parameters = { text = "ADA" }
quantity = 4
due = "mon 07:00"

[[order]]
at = "mon 06:30"
id = "eve"
product = "nameplate"
parameters = { text = "EVE" }
priority = 5

[[request]]
at = "mon 06:31"
verb = "order-pause"
args = { order_id = "eve" }

[[request]]
at = "mon 06:32"
verb = "order-resume"
args = { order_id = "eve" }
"""
HOUR_S = 3600.0


def read_book(path: Path) -> tuple[Wish, ...]:
    return tuple(parse_order_book(read_toml(path), path.name))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.toml"
    path.write_text(BOOK)
    return path


def asked(book: Path, *failures: Failures, **settings: object) -> Question:
    return Question(CELL, settings, read_book(book), failures, ())


def test_an_order_is_done_when_its_last_part_is(book: Path) -> None:
    ada, second = forecast(asked(book), [1]).orders
    # Two printers, half an hour a part: the fourth part is ready after the second pair of prints, and inspected.
    assert 1.0 * HOUR_S < ada.half_s < 1.6 * HOUR_S
    assert ada.on_time == 0.0
    assert second.id == "eve"
    assert second.on_time is None


def test_failures_make_it_later_and_are_named(book: Path) -> None:
    well = forecast(asked(book), [1])
    ill = forecast(asked(book, Failures("printer-1", 0.3, 2.0), Failures("printer-2", 0.3, 2.0)), [1])
    assert ill.orders[0].half_s > well.orders[0].half_s
    assert {stop.station for stop in ill.stops} & {"printer-1", "printer-2"}
    assert well.stops == []


def test_one_more_printer_makes_it_sooner(book: Path) -> None:
    more, name = with_another(CELL, {}, "printer-1")
    assert name == "printer-1-2"
    wider = Question(CELL, more, read_book(book), (), ())
    assert forecast(wider, [1]).orders[0].half_s < forecast(asked(book), [1]).orders[0].half_s


def spools(amount_mm: float) -> dict[str, object]:
    """Another cell file than the example's: with a spool at each printer."""
    return {"lots": {f"spool-{n}": {"material": "PLA", "at": f"printer-{n}", "amount": amount_mm} for n in (1, 2)}}


def test_a_spool_that_runs_out_stops_its_printer_and_what_waits_is_never_done(book: Path) -> None:
    enough, scarce = (forecast(asked(book, **spools(amount_mm)), [1]) for amount_mm in (100_000.0, 4_000.0))
    assert enough.stops == []
    assert enough.orders == forecast(asked(book), [1]).orders
    # Of five parts each spool is good for one.
    assert [(stop.station, stop.reason, stop.lasts_s) for stop in scarce.stops] == [
        ("printer-1", "too little is left of spool-1", math.inf),
        ("printer-2", "too little is left of spool-2", math.inf),
    ]
    assert 0.4 * HOUR_S < scarce.stops[0].first_s < 1.0 * HOUR_S
    assert scarce.orders[0].half_s == math.inf


def test_one_more_printer_comes_with_a_spool_of_its_own(tmp_path: Path) -> None:
    cell = tmp_path / "cell.toml"
    lot = '[lots.spool-1]\nmaterial = "PLA"\nat = "printer-1"\namount = 5000.0\n'
    cell.write_text(CELL.read_text() + lot)
    more, name = with_another(cell, {}, "printer-1")
    assert more["lots.spool-1-of-printer-1-2"] == {"material": "PLA", "at": name, "amount": 5000.0}


def test_nobody_there_stops_the_cell(book: Path) -> None:
    question = Question(CELL, {}, read_book(book), (), unmanned([(6 * HOUR_S, 14 * HOUR_S)]))
    (stop, *_) = forecast(question, [1]).stops
    assert stop.station == "bench-1"
    assert "waits for a person" in stop.reason
    assert stop.lasts_s > 6 * HOUR_S


def test_the_command_prints_json(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(CELL), "--book", str(book), "--runs", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [order["id"] for order in answer["as it is"]["orders"]] == ["ada", "eve"]


def test_what_a_customer_cannot_ask_is_no_part_of_a_book(book: Path) -> None:
    book.write_text(BOOK.replace("order-pause", "console"))
    with pytest.raises(ConfigError, match="console"):
        forecast(asked(book), [1])


def test_somebody_is_there_when_hours_and_absences_allow() -> None:
    # The simulation begins at six; nobody is there from 18:00 to 06:00, and once from 8 to 9.
    hours = unmanned([(18 * HOUR_S, 6 * HOUR_S)])
    attendance = Attendance(hours, ((2 * HOUR_S, 3 * HOUR_S),), midnight_s=-6 * HOUR_S)
    assert hours == ((6 * HOUR_S, 18 * HOUR_S),)
    assert attendance.back_in_s(0.0) == 0.0
    assert attendance.back_in_s(2.5 * HOUR_S) == 0.5 * HOUR_S
    assert attendance.back_in_s(13 * HOUR_S) == 11 * HOUR_S
    assert math.isfinite(attendance.back_in_s(1e7))
