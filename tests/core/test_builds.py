"""Shared builds: one run of a machine makes several parts, each with its job, its serial number and its place."""

from dataclasses import replace

import pytest

from cellctl.core import invariants
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain import stock_events as sv
from cellctl.domain.commands import AnswerPrompt, CancelOrder, CommandMachine, CommandOrder
from cellctl.domain.job import JobCommand, JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.material import MaterialLot, Stock
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Directive,
    Disposition,
    Operation,
    OperationState,
    Program,
    Question,
    Station,
    Step,
    Way,
    one_way,
)
from cellctl.economics.report import order_report
from cellctl.economics.report import render as shown
from tests.core.shop import PLAN, Shop

_S, _O = MachineState, OperationState
BED = ("bed", "bed-2", "bed-3", "bed-4")
ONE_PRINTER = replace(
    PLAN,
    stations={
        name: replace(station, slots=BED) if name == "printer-1" else station
        for name, station in PLAN.stations.items()
        if name != "printer-2"
    },
)
INSPECT = one_way("inspect", "inspect", question=Question("Good?", ("accept", "scrap")))


def clip(name: str = "clip", sizes: tuple[int, ...] = (1, 2, 4), mm: float = 0.0) -> Directive:
    ways = (
        Way("fdm", Program(f"{name}{n}", f"{name}-x{n}", 100 * n), materials={"pla": mm * n} if mm else {}, parts=n)
        for n in sizes
    )
    return Directive(name, "A", {}, (Step("print", tuple(ways)), INSPECT))


def shop(stock: Stock | None = None) -> Shop:
    it = Shop(replace(ONE_PRINTER, stock=stock or Stock()))
    it.feed(ev.ControllerStarted("1"))
    it.wake()
    return it


def run_of(it: Shop) -> Operation:
    """The run that the printer was started for last."""
    return [each for each in it.started if each.station == "printer-1"][-1]


def begin(it: Shop, *quantities: int, directive: Directive | None = None) -> Operation:
    """Orders that come while the cell is paused for a moment, so that all of their jobs wait."""
    it.feed(ev.StationChanged("printer-1", _S.STOPPED))
    for quantity in quantities:
        it.order(quantity, directive=directive or clip())
    it.feed(ev.StationChanged("printer-1", _S.IDLE))
    return run_of(it)


def break_off(it: Shop, operation: Operation) -> None:
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.feed(ev.OperationEnded(operation.id, _O.FAILED, "the filament is jammed"))
    it.feed(ev.StationChanged("printer-1", _S.STOPPED))


def asked(it: Shop) -> list[tuple[str, str]]:
    return [(prompt.id, prompt.serial) for prompt in it.cell.prompts.values()]


def answer(it: Shop, choice: str) -> None:
    assert it.command(AnswerPrompt(asked(it)[0][0], choice)).accepted
    fine(it)


def fine(it: Shop) -> None:
    assert invariants.broken(it.cell) == []


def states(it: Shop) -> list[str]:
    return [job.state.name for job in it.cell.jobs.values()]


@pytest.mark.parametrize(("waiting", "made"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4)])
def test_a_run_makes_as_many_as_wait_and_there_is_a_program_for(waiting: int, made: int) -> None:
    it = shop()
    operation = begin(it, waiting)
    assert (len(operation.serials), operation.program and operation.program.name) == (made, f"clip-x{made}")
    assert [str(alone.target) for alone in operation.each()] == [f"printer-1.{slot}" for slot in BED[:made]]
    assert [part.place for part in it.cell.parts.values()] == [alone.target for alone in operation.each()]
    assert states(it).count("RUNNING") == made
    fine(it)


def test_it_begins_with_what_there_is_and_waits_for_no_more() -> None:
    it = shop()
    it.order(directive=clip())
    assert run_of(it).mates == ()
    it.order(directive=clip())
    assert [each.station for each in it.started] == ["printer-1"]


def test_it_makes_parts_of_several_orders_of_the_same_product_and_of_no_other() -> None:
    it = shop()
    it.feed(ev.StationChanged("printer-1", _S.STOPPED))
    for directive in (clip(), clip("hook"), clip(), replace(clip(), revision="B"), clip()):
        it.order(directive=directive)
    it.feed(ev.StationChanged("printer-1", _S.IDLE))
    assert run_of(it).serials == ("clip-A-00001", "clip-A-00003")
    fine(it)


def test_a_parameter_that_goes_into_the_program_keeps_parts_apart() -> None:
    it = shop()
    it.feed(ev.StationChanged("printer-1", _S.STOPPED))
    single, *builds = clip().steps[0].ways
    other = replace(single, program=Program("ee", "another text", 100))
    it.order(directive=clip())
    it.order(directive=replace(clip(), steps=(Step("print", (other, *builds)), INSPECT)))
    it.feed(ev.StationChanged("printer-1", _S.IDLE))
    assert run_of(it).mates == ()


def test_what_is_paused_or_stored_is_not_taken_along() -> None:
    it = shop()
    it.feed(ev.StationChanged("printer-1", _S.STOPPED))
    it.order(directive=clip())
    it.order(directive=clip())
    it.order(directive=clip())
    assert it.command(CommandOrder("order-2", JobCommand.REVOKE_START)).accepted
    it.feed(ev.StationChanged("printer-1", _S.IDLE))
    assert run_of(it).serials == ("clip-A-00001", "clip-A-00003")


def test_a_larger_build_for_which_material_lacks_or_that_the_check_refuses_is_not_taken() -> None:
    it = shop(Stock({"spool": MaterialLot("spool", "pla", "printer-1", 350.0)}))
    assert len(begin(it, 4, directive=clip(mm=100.0)).serials) == 2
    single, two, four = clip().steps[0].ways
    ways = (single, replace(two, unfit={"printer-1": "it is too wide"}), four)
    refused = replace(clip(), steps=(Step("print", ways), INSPECT))
    assert begin(shop(), 3, directive=refused).mates == ()


def test_a_machine_with_fewer_places_makes_fewer() -> None:
    printer = replace(ONE_PRINTER.stations["printer-1"], slots=BED[:3])
    it = Shop(replace(ONE_PRINTER, stations={**ONE_PRINTER.stations, "printer-1": printer}))
    it.feed(ev.ControllerStarted("1"))
    it.wake()
    assert len(begin(it, 4).serials) == 2


def test_a_person_makes_them_one_by_one() -> None:
    bench = Station("printer-1", "manual", ("fdm",), BED)
    it = Shop(replace(ONE_PRINTER, stations={**ONE_PRINTER.stations, "printer-1": bench}))
    it.feed(ev.ControllerStarted("1"))
    it.wake()
    assert begin(it, 4).mates == ()


def test_the_machine_is_not_free_before_the_last_part_has_left() -> None:
    it = shop()
    operation = begin(it, 3)
    it.started.clear()
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.feed(ev.StationChanged("printer-1", _S.COMPLETE))
    it.feed(ev.OperationEnded(operation.id, _O.DONE))
    (first,) = it.started
    assert (first.kind.value, first.source) == ("carry", "printer-1.bed")
    it.work(it.started.pop(0))
    assert it.cell.stations["printer-1"].state is _S.COMPLETE, "the second part is there still"
    second = next(each for each in it.started if each.source == "printer-1.bed-2")
    assert "printer-1" not in {each.station for each in it.started}
    it.started.remove(second)
    it.work(second)
    assert run_of(it).serials == ("clip-A-00003",)
    fine(it)


def test_everything_is_made_in_the_end() -> None:
    it = shop()
    it.order(9, directive=clip())
    lines = it.work_off()
    assert sum("inspect" in line for line in lines) == 9
    assert states(it) == ["ENDED"] * 9
    runs = [event.operation for event in it.log if isinstance(event, ev.OperationIntended) and event.operation.program]
    assert [len(each.serials) for each in runs] == [4, 4, 1]


@pytest.mark.parametrize(("choice", "expected"), [("made", "RUNNING"), ("scrap", "ABORTED"), ("not begun", "RUNNING")])
def test_a_run_that_breaks_off_asks_one_question_about_all(choice: str, expected: str) -> None:
    it = shop()
    operation = begin(it, 2, 2)
    break_off(it, operation)
    assert [prompt.operation_id for prompt in it.cell.prompts.values()] == [operation.id]
    assert states(it) == ["INTERRUPTED"] * 4
    fine(it)
    answer(it, choice)
    assert states(it)[:4] == [expected] * 4
    assert len(it.cell.jobs) == (8 if choice == "scrap" else 4), "scrap is made again"
    place = {"made": "printer-1.bed", "scrap": GONE, "not begun": NOWHERE}[choice]
    assert {part.place for part in it.cell.parts.values()} >= {place}


def test_parts_that_differ_are_asked_about_one_by_one() -> None:
    it = shop()
    begin(it, 4)
    break_off(it, run_of(it))
    answer(it, "one by one")
    assert [serial for _, serial in asked(it)] == [f"clip-A-0000{n}" for n in (1, 2, 3, 4)]
    assert states(it) == ["INTERRUPTED"] * 4
    (first, *_) = render(it.cell).prompts
    assert (first.kind, first.source, first.target) == ("outcome", "printer-1.bed", "printer-1.bed")
    assert all("waits for a person" in job.why for job in render(it.cell).jobs)
    it.feed(ev.ControllerStarted("2"))
    it.wake()
    assert it.command(CommandOrder("order-1", JobCommand.PAUSE)).code == "rejected:precondition_failed"
    for choice in ("made", "scrap", "not begun", "made"):
        it.feed(ev.StationChanged("printer-1", _S.STOPPED))
        answer(it, choice)
    assert states(it) == ["RUNNING", "ABORTED", "RUNNING", "RUNNING", "ALLOWED_TO_START"]
    parts = it.cell.parts
    assert (parts["clip-A-00002"].place, parts["clip-A-00002"].disposition) == (GONE, Disposition.SCRAPPED)
    assert parts["clip-A-00003"].place == NOWHERE
    assert not any(part.held_at for part in parts.values())


def test_a_machine_with_parts_that_are_asked_about_is_not_made_ready() -> None:
    it = shop()
    begin(it, 2)
    break_off(it, run_of(it))
    answer(it, "one by one")
    refused = it.command(CommandMachine("printer-1", MachineCommand.RESET))
    assert "still holds clip-A-00001" in refused.message


def test_after_a_crash_the_run_is_asked_about_once_or_found_again() -> None:
    it = shop()
    operation = begin(it, 4)
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.feed(ev.OperationSent(operation.id))
    it.feed(ev.ControllerStarted("2"))
    assert len(it.cell.prompts) == 1
    assert states(it) == ["INTERRUPTED"] * 4
    it.feed(ev.OperationFound(operation.id))
    assert (len(it.cell.prompts), states(it)) == (0, ["RUNNING"] * 4)
    fine(it)


def test_an_order_that_is_cancelled_loses_its_part_and_the_others_go_on() -> None:
    it = shop()
    operation = begin(it, 1, 1)
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.told.clear()
    assert it.command(CancelOrder("order-1")).accepted
    assert it.told == []
    it.feed(ev.StationChanged("printer-1", _S.COMPLETE))
    it.feed(ev.OperationEnded(operation.id, _O.DONE))
    assert states(it) == ["ABORTED", "RUNNING"]
    fine(it)


def test_of_a_broken_run_nobody_is_asked_about_the_part_of_a_cancelled_order() -> None:
    it = shop()
    begin(it, 1, 1)
    it.command(CancelOrder("order-1"))
    break_off(it, run_of(it))
    answer(it, "one by one")
    choices = [prompt.question.choices for prompt in it.cell.prompts.values()]
    assert choices == [("taken away",), ("made", "scrap", "not begun")]


def told(it: Shop) -> list[str]:
    commands = [each.command.value for each in it.told if each.__class__.__name__ == "Tell"]  # type: ignore[union-attr]
    it.told.clear()
    return commands


@pytest.mark.parametrize(
    ("command", "rests"),
    [(JobCommand.PAUSE, "hold"), (JobCommand.STOP, "stop"), (JobCommand.ABORT, "abort")],
)
def test_a_run_rests_when_all_of_its_orders_are_told_to(command: JobCommand, rests: str) -> None:
    it = shop()
    operation = begin(it, 1, 1)
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    told(it)
    assert it.command(CommandOrder("order-1", command)).accepted
    assert told(it) == [], "the other order is not harmed"
    assert it.command(CommandOrder("order-2", command)).accepted
    assert told(it) == [rests]


def test_the_mildest_wish_of_its_orders_counts() -> None:
    it = shop()
    operation = begin(it, 1, 1)
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.command(CommandOrder("order-1", JobCommand.ABORT))
    it.command(CommandOrder("order-2", JobCommand.PAUSE))
    assert told(it) == ["hold"]
    it.feed(ev.StationChanged("printer-1", _S.HELD))
    it.command(CommandOrder("order-2", JobCommand.RESUME))
    assert told(it) == ["unhold"]
    it.feed(ev.StationChanged("printer-1", _S.COMPLETE))
    it.feed(ev.OperationEnded(operation.id, _O.DONE))
    assert states(it) == ["ABORTED", "RUNNING"]


def test_an_order_that_is_paused_alone_waits_behind_the_run() -> None:
    it = shop()
    operation = begin(it, 1, 1)
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged("printer-1", _S.EXECUTE))
    it.command(CommandOrder("order-1", JobCommand.PAUSE))
    assert render(it.cell).orders[0].job_state == JobState.INTERRUPTED.name, "no hold is to come"
    assert it.command(CommandOrder("order-1", JobCommand.RESUME)).accepted
    assert it.command(CommandOrder("order-1", JobCommand.PAUSE)).accepted
    it.feed(ev.StationChanged("printer-1", _S.COMPLETE))
    it.feed(ev.OperationEnded(operation.id, _O.DONE))
    assert render(it.cell).orders[0].job_state == JobState.INTERRUPTED.name
    assert [each.serial for each in it.started if each.step == "carry"] == ["clip-A-00002"]


def test_what_a_run_uses_is_counted_once_and_shared_evenly_in_the_report() -> None:
    it = shop(Stock({"spool": MaterialLot("spool", "pla", "printer-1", 1000.0)}))
    operation = begin(it, 2, 2, directive=clip(mm=50.0))
    assert [claim.need for claim in operation.claims] == [200.0]
    it.work(operation)
    used = [event.amount for event in it.log if isinstance(event, sv.MaterialConsumed)]
    assert (used, it.cell.stock.lots["spool"].remaining) == ([200.0], 800.0)
    at = "2026-01-05T06:00:00.000Z"
    log = [ev.Record(seq, at, 0.0, "cellctl", event) for seq, event in enumerate(it.log, 1)]
    report = order_report(log, "order-2")
    assert report is not None
    lines = [part["operations"][0] for part in report["parts"]]
    assert [line["used"][0]["amount"] for line in lines] == [50.0, 50.0]
    assert lines[0]["shared_with"] == ["clip-A-00001", "clip-A-00002", "clip-A-00004"]
    assert "in one run with clip-A-00001, clip-A-00002, clip-A-00004" in shown(report)


def test_the_invariants_see_a_build_that_is_none() -> None:
    it = shop()
    operation = begin(it, 2)
    job, other = it.cell.jobs.values()
    strange = {
        "at printer-1.bed, printer-1.bed-3": replace(operation.mates[0], target="printer-1.bed-3"),
        "makes a part twice": replace(operation.mates[0], serial=job.serial),
        "has 2 open operations": replace(operation.mates[0], job_id=job.id),
    }
    for sentence, mate in strange.items():
        wrong = replace(operation, mates=(mate,))
        cell = replace(it.cell, operations={wrong.id: wrong})
        assert any(sentence in found for found in invariants.broken(cell)), sentence
    entry = it.cell.orders["order-1"]
    hook = replace(entry, directive=clip("hook"), order=replace(entry.order, id="order-2"))
    jobs = {**it.cell.jobs, other.id: replace(other, order_id="order-2")}
    cell = replace(it.cell, jobs=jobs, orders={"order-1": entry, "order-2": hook})
    assert any("that are not the same" in found for found in invariants.broken(cell))
