"""A program that a machine must not run goes to another one, or waits and says why."""

from dataclasses import replace

from cellctl.core.dispatch import next_operation
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Directive, Operation, OperationState, Place, Plan, Program, Step, Way, one_way
from tests.core.shop import DIRECTIVE, PLAN, Shop

WHY = "printer-1 must not run base: line 8, column 8, out_of_travel"
ON_TWO = Directive(
    "plate", "A", {}, (Step("print", (Way("fdm", Program("aa", "base", 100), unfit={"printer-1": WHY}),)),)
)


def shop(plan: Plan = PLAN) -> Shop:
    made = Shop(plan)
    made.wake()
    return made


def refuse(floor: Shop, operation: Operation) -> None:
    """The machine finds, by its own account, that the program does not fit it."""
    floor.feed(
        ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, f"{operation.station} is too small", unfit=True)
    )


def test_only_a_machine_that_passed_is_given_the_program() -> None:
    floor = shop()
    floor.order(quantity=2, directive=ON_TWO)
    assert [operation.station for operation in floor.started] == ["printer-2"]
    waiting = render(floor.cell).jobs[1]
    assert waiting.reasons == ("slot_occupied", "preflight")
    assert WHY in waiting.why


def test_jobs_that_wait_for_the_same_capability_but_may_go_elsewhere_are_not_kept_waiting() -> None:
    floor = shop()
    floor.order(quantity=2, directive=ON_TWO)
    floor.order(directive=replace(ON_TWO, steps=(one_way("print", "fdm", Program("bb", "other", 5)),)))
    assert [operation.station for operation in floor.started] == ["printer-2", "printer-1"]


def test_a_part_whose_next_step_does_not_fit_where_it_is_is_carried_on() -> None:
    second = Step("print-2", (Way("fdm", Program("cc", "more", 5), unfit={"printer-1": WHY}),))
    floor = shop()
    floor.order(directive=Directive("plate", "A", {}, (*DIRECTIVE.steps[:1], second)))
    (first,) = floor.started
    assert first.station == "printer-1"
    floor.started.clear()
    floor.work(first)
    (carry,) = floor.started
    assert (carry.source, carry.target) == (Place("printer-1.bed"), Place("printer-2.bed"))


def test_a_machine_that_finds_a_program_unfit_stays_free_for_others_and_is_not_asked_again() -> None:
    floor = shop()
    floor.order(directive=replace(ON_TWO, steps=(one_way("print", "fdm", Program("aa", "base", 100)),)))
    refuse(floor, floor.started[0])
    assert [operation.station for operation in floor.started] == ["printer-1", "printer-2"]
    refuse(floor, floor.started[1])
    (job,) = render(floor.cell).jobs
    assert job.why == "printer-1 is too small; printer-2 is too small"
    floor.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    assert len(floor.started) == 2
    floor.order(directive=replace(ON_TWO, steps=(one_way("print", "fdm", Program("bb", "other", 5)),)))
    assert [operation.station for operation in floor.started[2:]] == ["printer-1"]


def test_a_person_who_stops_it_and_a_new_contact_have_it_asked_again() -> None:
    floor = shop(replace(PLAN, stations={name: each for name, each in PLAN.stations.items() if name != "printer-2"}))
    floor.order(directive=replace(ON_TWO, steps=(one_way("print", "fdm", Program("aa", "base", 100)),)))
    refuse(floor, floor.started[0])
    assert len(floor.started) == 1
    assert floor.command(CommandMachine("printer-1", MachineCommand.STOP)).accepted
    floor.feed(ev.StationChanged("printer-1", MachineState.STOPPED))
    floor.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    assert len(floor.started) == 2
    refuse(floor, floor.started[1])
    floor.feed(ev.ContactLost("printer-1", "cable"))
    floor.feed(ev.ContactFound("printer-1", "twin"))
    floor.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    assert len(floor.started) == 3


def test_the_operation_carries_how_long_it_takes_on_its_machine_and_then_from_where_it_stands() -> None:
    estimates_s = {"printer-1": 60.0, "printer-2": 90.0}
    step = Step("print", (Way("fdm", Program("aa", "base", 100, 60.0), estimates_s=estimates_s),))
    floor = shop()
    floor.order(quantity=2, directive=Directive("plate", "A", {}, (step,)))
    assert [operation.program and operation.program.estimated_s for operation in floor.started] == [60.0, 90.0]
    assert [machine.estimated_s for machine in render(floor.cell).machines[:3]] == [60.0, 90.0, 0.0]
    floor.feed(ev.OperationStarted(floor.started[1].id, 88.5))
    assert render(floor.cell).machines[1].estimated_s == 88.5


def test_an_order_that_was_accepted_before_there_was_a_check_goes_anywhere() -> None:
    floor = shop()
    floor.order(directive=DIRECTIVE)
    assert [operation.station for operation in floor.started] == ["printer-1"]
    (job,) = floor.cell.jobs.values()
    assert isinstance(next_operation(floor.cell, job), tuple)
