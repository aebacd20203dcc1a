"""The second example: a mill, two arms, plates with slots, and a bench where people do what machines need not."""

import runpy
from functools import cache

import pytest

from cellctl.app.config import load
from cellctl.app.main import main
from cellctl.app.simulate import Outcome, simulate, simulated_cell, wishes_for
from cellctl.domain import events as ev
from cellctl.domain.stock_events import MaterialConsumed
from tests.app.workshop import CELL, FOLDER, late, orders_over, week, work_week


@cache
def played(level: str, orders: int) -> Outcome:
    config = load(CELL)
    return simulate(config, simulated_cell(CELL, {}, 1), wishes_for(config, orders, 1), 1, level=level)


def test_nothing_is_wrong_with_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CELL)]) == 0
    told = capsys.readouterr().out
    assert "REFUSED" not in told
    assert "bench-1" not in told.partition("\nsign A\n")[2], "what is not done by hand is said of no person"
    assert {product.name for product in load(CELL).products} == {"sign", "spacer", "bracket", "clip", "nameplate"}


def test_its_milling_programs_are_what_its_script_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make_programs.py"))["PROGRAMS"]
    assert {file.name: file.read_text("ascii") for file in FOLDER.glob("*.gcode")} == made


@pytest.mark.parametrize(("level", "orders"), [("line", 4), ("program", 16)])
def test_orders_over_all_its_products_are_made_and_the_world_sees_nothing_wrong(level: str, orders: int) -> None:
    outcome = played(level, orders)
    assert (outcome.violations, outcome.open_jobs) == ([], [])
    accepted = [record.event for record in outcome.records if isinstance(record.event, ev.PartDisposed)]
    assert [each.disposition.value for each in accepted] == ["accepted"] * orders


def test_prints_raw_pieces_and_what_is_milled_pass_over_the_plates_and_through_both_arms() -> None:
    events = [record.event for record in played("program", 16).records]
    intended = [event.operation for event in events if isinstance(event, ev.OperationIntended)]
    # A plate is printed or sawn, by whoever is thought to be done sooner.
    assert {each.station for each in intended if each.step == "plate"} <= {"printer-1", "bench-1"}
    assert {each.station for each in intended if each.step == "carry"} == {"arm-1", "arm-2", "bench-1"}
    assert {each.source.partition(".")[0] for each in intended} >= {"plate-a", "plate-b", "mill-1", "printer-1"}


def test_its_week_is_sixty_orders_over_both_cells_products_with_a_rush_and_a_cancel() -> None:
    wishes = week()
    orders = [wish for wish in wishes if wish.verb == "submit"]
    assert len(orders) == 60
    assert {wish.args["product"] for wish in orders} == {"sign", "spacer", "bracket", "nameplate"}
    assert all(wish.due_s is not None and wish.due_s > wish.at_s for wish in orders)
    assert len({wish.args.get("priority", 0) for wish in orders}) > 3
    assert len({wish.args.get("quantity", 1) for wish in orders}) == 3
    (rush,) = [wish for wish in orders if wish.args.get("priority", 0) == 100]
    assert rush.due_s is not None and rush.due_s - rush.at_s < 9 * 3600
    assert [(wish.verb, wish.args) for wish in wishes if wish.verb != "submit"] == [("cancel", {"order_id": "W-042"})]


def test_every_order_of_the_week_is_made_by_people_who_go_home_at_night_and_the_world_sees_nothing_wrong() -> None:
    outcome = work_week((7.0, 18.0))
    assert (outcome.violations, outcome.open_jobs) == ([], [])
    assert orders_over(outcome) == {"done": 59, "cancelled": 1}
    assert "W-031" not in late(outcome), "the rush"
    assert len(late(outcome)) < 6
    events = [record.event for record in outcome.records]
    materials = [event.setup["material"] for event in events if isinstance(event, ev.SetupChanged)]
    assert len(materials) >= 5
    assert set(materials) == {"pla-black", "pla-white"}
    used = {event.lot_id for event in events if isinstance(event, MaterialConsumed)}
    assert used == {"spool-black", "spool-white", "bar-1", "bar-2"}
