"""The second example: a mill, two arms, plates with slots, and a bench where people do what machines need not."""

import runpy
from functools import cache

import pytest

from cellctl.app.config import load
from cellctl.app.main import main
from cellctl.app.simulate import Outcome, simulate, simulated_cell, wishes_for
from cellctl.domain import events as ev
from tests.app.workshop import CELL, FOLDER, late, orders_over, play_week, week


@cache
def played(level: str, orders: int) -> Outcome:
    config = load(CELL)
    return simulate(config, simulated_cell(CELL, {}, 1), wishes_for(config, orders, 1), 1, level=level)


def test_nothing_is_wrong_with_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CELL)]) == 0
    told = capsys.readouterr().out
    assert "refused" not in told
    assert {product.name for product in load(CELL).products} == {"sign", "spacer", "bracket", "nameplate"}


def test_its_milling_programs_are_what_its_script_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make_programs.py"))["PROGRAMS"]
    assert {file.name: file.read_text("ascii") for file in FOLDER.glob("*.gcode")} == made


@pytest.mark.parametrize(("level", "orders"), [("line", 4), ("program", 12)])
def test_orders_over_all_its_products_are_made_and_the_world_sees_nothing_wrong(level: str, orders: int) -> None:
    outcome = played(level, orders)
    assert (outcome.violations, outcome.open_jobs) == ([], [])
    accepted = [record.event for record in outcome.records if isinstance(record.event, ev.PartDisposed)]
    assert [each.disposition.value for each in accepted] == ["accepted"] * orders


def test_a_blank_is_printed_or_sawn_and_both_arms_carry() -> None:
    intended = [
        record.event.operation for record in played("program", 12).records if record.event.NAME == "step.intent"
    ]  # type: ignore[union-attr]
    assert {each.station for each in intended if each.step in ("blank", "plate")} == {"printer-1", "bench-1"}
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


def test_the_monday_of_the_week_is_made_in_time() -> None:
    monday = play_week("program", days=0.7)
    assert [reply["code"] for reply in monday.replies] == ["accepted"] * len(monday.replies)
    assert (monday.violations, monday.open_jobs, late(monday)) == ([], [], [])
    assert orders_over(monday) == {"done": len(monday.replies)}
    assert len(monday.replies) > 8
