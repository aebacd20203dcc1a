"""Lots, tools and fixtures: what keeps work from a station, what it reserves, and what it has used up."""

from dataclasses import replace

import pytest

from cellctl.core import stock
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.core.view import CellView
from cellctl.domain import events as ev
from cellctl.domain import stock_events as sv
from cellctl.domain.commands import AnswerPrompt, Reply
from cellctl.domain.machine import MachineState
from cellctl.domain.material import ANY, STORE, Basis, Fixture, MaterialLot, Stock, Tool, Unit, Used
from cellctl.domain.stock_commands import AdjustMaterial, ChangeTool, LoadMaterial, MoveFixture
from cellctl.domain.work import Directive, OperationState, Program, Progress, Step, Way
from tests.core.shop import PLAN, Shop

SPOOL = MaterialLot("spool-1", "pla", "printer-1", 1000.0)
OTHER = MaterialLot("spool-2", "pla", "printer-2", 1000.0)


def shop(*lots: MaterialLot, tools: tuple[Tool, ...] = (), fixtures: tuple[Fixture, ...] = ()) -> Shop:
    stock = Stock({lot.id: lot for lot in lots}, {tool.id: tool for tool in tools}, {f.id: f for f in fixtures})
    shop = Shop(replace(PLAN, stock=stock))
    shop.feed(ev.ControllerStarted("1"))
    shop.wake()
    return shop


def print_of(need: float, material: str = "pla", **way: object) -> Directive:
    ways = (Way("fdm", Program("aa", "base", 100), materials={material: need}, **way),)  # type: ignore[arg-type]
    return Directive("plate", "A", {}, (Step("print", ways),))


def why(shop: Shop) -> dict[str, str]:
    view: CellView = render(shop.cell)
    return {code: job.why for job in view.jobs for code in job.reasons}


def test_what_the_cell_file_says_is_remembered_once() -> None:
    it = shop(SPOOL, tools=(Tool("mill-1", "mill", "router-1", 60),), fixtures=(Fixture("jaw-1", "jaw", STORE),))
    kinds = (sv.MaterialLoaded, sv.ToolChanged, sv.FixtureMoved)
    assert [type(event) for event in it.log if isinstance(event, kinds)] == list(kinds)
    it.command(AdjustMaterial("spool-1", 400))
    it.feed(ev.ControllerStarted("2"))
    assert sum(isinstance(event, kinds) for event in it.log) == 3
    assert it.cell.stock.lots["spool-1"].remaining == 400


def test_work_begins_where_its_material_is_and_what_it_needs_is_reserved() -> None:
    it = shop(replace(SPOOL, material="abs"), OTHER)
    it.order(directive=print_of(500))
    assert [operation.station for operation in it.started] == ["printer-2"]
    lot = render(it.cell).stock.lots[1]
    assert (lot.remaining, lot.reserved, lot.free) == (1000, 525, 475)


@pytest.mark.parametrize(("need", "begins"), [(952.0, True), (953.0, False)])
def test_what_it_needs_and_five_per_cent_must_be_there(need: float, begins: bool) -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(need))
    assert bool(it.started) is begins
    assert ("material_short" in why(it)) is not begins


def test_a_job_without_material_says_so_and_begins_once_it_is_loaded() -> None:
    it = shop(replace(SPOOL, material="abs"))
    it.order(directive=print_of(500))
    told = why(it)["material_missing"]
    assert "printer-1 has no pla (loaded: abs): cellctl material load" in told
    it.command(LoadMaterial("spool-9", "printer-1", "pla", 800))
    assert [operation.station for operation in it.started] == ["printer-1"]
    assert it.cell.stock.lots["spool-1"].place == STORE, "a machine has one lot, unless another comes beside it"


def test_a_cell_without_lots_keeps_no_account() -> None:
    it = shop()
    it.order(directive=print_of(500))
    assert len(it.started) == 1
    assert it.started[0].claims == ()


def test_a_product_that_names_no_material_takes_what_is_loaded_where_an_account_is_kept() -> None:
    it = shop(replace(SPOOL, loaded=100.0))
    it.order(quantity=2, directive=print_of(500, ANY))
    assert [operation.station for operation in it.started] == ["printer-2"], "of printer-2 nobody has said anything"


def test_remnants_are_used_first() -> None:
    it = shop(SPOOL, MaterialLot("rest", "pla", "printer-1", 600.0))
    it.order(directive=print_of(500))
    assert [claim.id for claim in it.started[0].claims] == ["rest"]


def test_grams_become_lengths() -> None:
    it = shop(MaterialLot("spool-1", "pla", "printer-1", 10.0, Unit.GRAMS, 300.0))
    it.order(directive=print_of(1500))
    assert [(claim.need, claim.held) for claim in it.started[0].claims] == [(5.0, 5.25)]
    it.work(it.started[0])
    assert it.cell.stock.lots["spool-1"].remaining == 5.0


# ---- what was used ---------------------------------------------------------------------------------------------


def advanced(it: Shop, used: Used | None, lines: int = 50) -> None:
    it.feed(ev.OperationStarted("op-1"))
    it.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    it.feed(ev.OperationAdvanced("op-1", Progress(lines, lines, lines, 100, used=used)))


def consumed(it: Shop) -> list[tuple[float, Basis]]:
    return [(event.amount, event.basis) for event in it.log if isinstance(event, sv.MaterialConsumed)]


def answer(it: Shop, choice: str) -> Reply:
    return it.command(AnswerPrompt(next(iter(it.cell.prompts)), choice))


def test_what_the_machine_has_counted_is_used_up() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    advanced(it, Used(498.5), 100)
    it.feed(ev.OperationEnded("op-1", OperationState.DONE))
    assert consumed(it) == [(498.5, Basis.MEASURED)]
    assert render(it.cell).stock.lots[0].reserved == 0


def test_where_nobody_counts_the_whole_program_is_used_up() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    it.work(it.started[0])
    assert consumed(it) == [(500, Basis.PROGRAM)]


def test_what_was_not_begun_uses_nothing() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    it.feed(ev.OperationEnded("op-1", OperationState.NOT_BEGUN, "busy"))
    assert consumed(it) == []
    assert it.cell.stock.lots["spool-1"].remaining == 1000


def test_failed_work_uses_up_what_was_counted_and_stays_reserved_until_a_person_has_looked() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    advanced(it, Used(200.0))
    it.feed(ev.OperationEnded("op-1", OperationState.FAILED, "it broke"))
    assert (consumed(it), render(it.cell).stock.lots[0].reserved) == ([], 525)
    assert "reserved for op-1" in it.command(LoadMaterial("spool-1", STORE)).message
    answer(it, "scrap")
    assert consumed(it) == [(200, Basis.MEASURED)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("scrap", [(500, Basis.BOUND)]), ("made", [(500, Basis.PROGRAM)]), ("not begun", [])],
)
def test_work_that_nobody_followed_has_used_up_all_that_it_can_have(
    choice: str, expected: list[tuple[float, Basis]]
) -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    advanced(it, Used(200.0))
    it.feed(ev.ControllerStarted("2"))
    it.wake()
    answer(it, choice)
    assert consumed(it) == expected


def test_more_than_the_record_had_is_a_wrong_record() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(900))
    advanced(it, Used(1100.0), 100)
    it.feed(ev.OperationEnded("op-1", OperationState.DONE))
    lot = it.cell.stock.lots["spool-1"]
    assert (lot.consumed, lot.adjusted, lot.remaining) == (1100, 100, 0)


# ---- tools and fixtures ----------------------------------------------------------------------------------------


def cut_of(minutes: float, **setup: str) -> Directive:
    ways = (Way("fdm", Program("aa", "base", 100), tools={"mill": minutes}, setup=setup),)
    return Directive("plate", "A", {}, (Step("cut", ways),))


def test_a_worn_tool_keeps_work_away_until_it_is_changed() -> None:
    tools = tuple(Tool(f"mill-{n}", "mill", f"printer-{n}", 60.0, 50.0) for n in (1, 2))
    it = shop(tools=tools)
    it.order(directive=cut_of(10.0))
    told = why(it)["tool_worn"]
    assert "mill-1 at printer-1 has 10 min of its life left, and 10.5 are needed" in told
    reply = it.command(ChangeTool("printer-1", "mill-9", "mill", 60.0))
    assert (reply.accepted, reply.message) == (True, "mill-9 (mill) is at printer-1: 60 min left")
    assert it.cell.stock.tools["mill-1"].station == STORE
    assert it.command(ChangeTool("printer-1", "mill-1")).code == "rejected:precondition_failed"
    it.feed(ev.OperationStarted("op-1"))
    it.feed(ev.OperationAdvanced("op-1", Progress(100, 100, 100, 100, used=Used(0, 9.5))))
    it.feed(ev.OperationEnded("op-1", OperationState.DONE))
    assert it.cell.stock.tools["mill-9"].left_min == 50.5


def test_a_fixture_that_is_fitted_to_another_machine_is_waited_for() -> None:
    it = shop(fixtures=(Fixture("jaw-1", "jaw", "router-1"),))
    needs = Way("fdm", setup={"fixture": "jaw"})

    printer = it.cell.plan.station("printer-1")
    assert [reason.code for reason in stock.against(it.cell, needs, printer)] == ["fixture_missing"]
    assert it.command(MoveFixture("jaw-1", STORE)).accepted
    assert stock.against(it.cell, needs, printer) == ()
    assert it.command(MoveFixture("jaw-1", "nowhere")).code == "rejected:unknown_target"


# ---- what people say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (LoadMaterial("new", "printer-1"), "invalid", "new is new here"),
        (LoadMaterial("new", "printer-1", "pla", 0), "invalid", "above 0"),
        (LoadMaterial("new", "moon", "pla", 5), "unknown_target", "there is no place moon"),
        (LoadMaterial("spool-1", "printer-2", amount=7), "id_reused", "spool-1 is known: 1000 mm of pla"),
        (LoadMaterial("spool-1", "printer-2", "abs"), "id_reused", "material adjust"),
        (AdjustMaterial("spool-7", 1), "unknown_target", "there are: spool-1"),
        (AdjustMaterial("spool-1", -1), "invalid", "0 or more"),
        (ChangeTool("printer-1", "mill-1"), "invalid", "say what kind"),
        (MoveFixture("jaw-1", STORE), "invalid", "say what kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_effect(command: LoadMaterial, code: str, message: str) -> None:
    it = shop(SPOOL)
    before = it.cell.stock
    reply = it.command(command)
    assert reply.code == f"rejected:{code}"
    assert message in reply.message
    assert it.cell.stock == before


def test_a_weighed_spool_is_put_right_and_nothing_is_forgotten() -> None:
    it = shop(SPOOL)
    reply = it.command(AdjustMaterial("spool-1", 640, "weighed"))
    assert reply.message == "spool-1: 640 mm (the record said 1000)"
    lot = it.cell.stock.lots["spool-1"]
    assert (lot.loaded, lot.adjusted, lot.remaining) == (1000, -360, 640)
    assert broken(it.cell) == []


def test_what_is_loaded_is_how_the_station_is_set_up() -> None:
    printer = replace(PLAN.stations["printer-1"], setup={"material": "abs"})
    it = Shop(replace(PLAN, stations={**PLAN.stations, "printer-1": printer}))
    it.wake()
    it.command(LoadMaterial("spool-9", "printer-1", "pla", 800))
    assert it.cell.stations["printer-1"].setup == {"material": "pla"}
    assert it.cell.stations["printer-2"].setup == {}
