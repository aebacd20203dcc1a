"""Change-overs in the cell: asked of a person, done, measured; and nobody else's work gets in between."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellctl.core import dispatch
from cellctl.core.invariants import broken, broken_by
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CancelOrder
from cellctl.domain.machine import MachineState
from cellctl.domain.material import MaterialLot, Stock
from cellctl.domain.stock_commands import StateSetup
from cellctl.domain.work import (
    Changeovers,
    ChangeRule,
    Directive,
    Operation,
    OperationKind,
    OperationState,
    Plan,
    Program,
    Station,
    Step,
    Way,
)
from tests.core.shop import Shop

RULES = Changeovers((ChangeRule(30.0, "plate", program="swap"), ChangeRule(None, "nozzle"), ChangeRule(720.0)))
BLACK, WHITE = {"material": "black"}, {"material": "white"}


def plan(*setups: dict[str, str], sequencer: str = "set-up") -> Plan:
    printers = [
        Station(f"printer-{number}", "marlin", ("fdm",), ("bed",), setup=setup)
        for number, setup in enumerate(setups, 1)
    ]
    arm = Station("arm-1", "opcua", (), ("gripper",), (*(each.name for each in printers), "shelf"))
    shelf = Station("shelf", "", (), tuple(str(number) for number in range(30)))
    return Plan("c", {each.name: each for each in (*printers, arm, shelf)}, changeovers=RULES, dispatch=sequencer)


def shop(*setups: dict[str, str], sequencer: str = "set-up") -> Shop:
    made = Shop(plan(*setups, sequencer=sequencer))
    made.wake()
    return made


def printed(setup: dict[str, str], takes_s: float = 600.0) -> Directive:
    way = Way("fdm", Program("aa", "base", 100, takes_s), setup=setup)
    return Directive("plate", "A", {}, (Step("print", (way,)),))


def only_prompt(floor: Shop) -> str:
    (prompt,) = floor.cell.prompts.values()
    return prompt.id


def codes(floor: Shop, job_id: str) -> list[str]:
    answer = dispatch.next_operation(floor.cell, floor.cell.jobs[job_id])
    return [] if isinstance(answer, Operation) else [reason.code for reason in answer]


def finish(floor: Shop, operation: Operation) -> None:
    """The machine does its work, and a person takes the part away."""
    floor.work(operation)
    for prompt in list(floor.cell.prompts.values()):
        if prompt.serial == operation.serial:
            floor.command(AnswerPrompt(prompt.id, "taken away"))
    floor.obey()


def test_a_person_is_asked_to_change_a_station_over_and_then_the_job_begins() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(WHITE))
    assert floor.started == []
    (prompt,) = floor.cell.prompts.values()
    assert "Change printer-1 over: material from black to white" in prompt.question.text
    assert prompt.question.choices == ("done", "not possible")
    assert codes(floor, "job-1") == ["changing_over"]
    floor.now_s += 400.0
    assert floor.command(AnswerPrompt(prompt.id, "done")).accepted
    (changed,) = [event for event in floor.log if isinstance(event, ev.SetupChanged)]
    assert changed == ev.SetupChanged("printer-1", {"material": "white"}, "ada", 400.0)
    assert [operation.kind for operation in floor.started] == [OperationKind.PROCESS]
    assert floor.cell.stations["printer-1"].setup == WHITE
    assert floor.cell.measured == {"printer-1 material: black > white": (400.0,)}


def test_a_station_that_cannot_be_changed_over_gets_no_work_until_somebody_has_looked_at_it() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(WHITE))
    floor.command(AnswerPrompt(only_prompt(floor), "not possible"))
    assert (floor.started, codes(floor, "job-1")) == ([], ["refused"])
    assert floor.cell.stations["printer-1"].setup == BLACK
    floor.feed(ev.StationChanged("printer-1", MachineState.STOPPED))
    floor.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    assert codes(floor, "job-1") == ["changing_over"]


def test_work_that_fits_goes_first_and_one_change_over_serves_all_of_a_kind() -> None:
    floor = shop(BLACK)
    for setup in (BLACK, WHITE, BLACK, WHITE):
        floor.order(directive=printed(setup))
    asked, done = 0, []
    while floor.started or floor.cell.prompts:
        if not floor.started:
            asked += 1
            floor.command(AnswerPrompt(only_prompt(floor), "done"))
        operation = floor.started.pop(0)
        done.append(operation.job_id)
        finish(floor, operation)
    assert (done, asked) == (["job-1", "job-3", "job-2", "job-4"], 1)


def test_first_come_changes_over_for_every_job_as_it_came() -> None:
    floor = shop(BLACK, sequencer="first-come")
    for setup in (BLACK, WHITE, BLACK, WHITE):
        floor.order(directive=printed(setup))
    asked, done = 0, []
    while floor.started or floor.cell.prompts:
        if not floor.started:
            asked += 1
            floor.command(AnswerPrompt(only_prompt(floor), "done"))
        operation = floor.started.pop(0)
        done.append(operation.job_id)
        finish(floor, operation)
    assert (done, asked) == (["job-1", "job-2", "job-3", "job-4"], 3)


def test_a_job_goes_to_the_station_that_is_set_up_for_it() -> None:
    floor = shop(BLACK, WHITE)
    floor.order(directive=printed(WHITE))
    assert [operation.station for operation in floor.started] == ["printer-2"]
    assert not floor.cell.prompts


def test_it_waits_for_a_station_that_fits_and_is_free_soon_and_says_so() -> None:
    floor = shop(BLACK, WHITE)
    floor.order(directive=printed(WHITE, takes_s=300.0))
    floor.order(directive=printed(WHITE))
    assert [operation.station for operation in floor.started] == ["printer-2"]
    assert codes(floor, "job-2") == ["slot_occupied", "set_up"]
    assert not floor.cell.prompts
    answer = dispatch.next_operation(floor.cell, floor.cell.jobs["job-2"])
    assert not isinstance(answer, Operation)
    assert "printer-1 would have to be changed over (material from black to white, 12 min)" in answer[1].sentence


def test_it_waits_no_longer_once_that_station_has_gone() -> None:
    floor = shop(BLACK, WHITE)
    floor.order(directive=printed(WHITE, takes_s=300.0))
    floor.order(directive=printed(WHITE))
    floor.feed(ev.ContactLost("printer-2", "cable"))
    assert [prompt.station for prompt in floor.cell.prompts.values() if not prompt.serial] == ["printer-1"]


def test_what_a_station_is_being_prepared_for_stays_its_next() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(WHITE))
    floor.order(directive=printed(BLACK), priority=9)
    assert codes(floor, "job-2") == ["changing_over"]
    floor.command(AnswerPrompt(only_prompt(floor), "done"))
    assert [operation.job_id for operation in floor.started] == ["job-1"]


@pytest.mark.parametrize(
    ("frozen_s", "order"),
    [
        (0.0, ["job-1", "job-4", "job-2", "job-3"]),
        (900.0, ["job-1", "job-2", "job-4", "job-3"]),
        (1500.0, ["job-1", "job-2", "job-3", "job-4"]),
    ],
)
def test_what_is_planned_to_begin_within_the_frozen_span_begins_before_a_rush_that_comes_later(
    frozen_s: float, order: list[str]
) -> None:
    floor = Shop(replace(plan(BLACK), frozen_s=frozen_s))
    floor.wake()
    for _ in range(3):
        floor.order(directive=printed(BLACK))
    floor.order(directive=printed(BLACK), priority=9)
    begun = []
    while floor.started:
        begun.append(floor.started[0].job_id)
        finish(floor, floor.started.pop(0))
    assert begun == order


def test_a_change_over_for_a_cancelled_order_still_ends_and_the_next_job_takes_the_station() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(WHITE))
    floor.order(directive=printed(WHITE))
    assert floor.command(CancelOrder("order-1")).accepted
    assert "job-1" not in floor.cell.jobs
    floor.command(AnswerPrompt(only_prompt(floor), "done"))
    assert [operation.job_id for operation in floor.started] == ["job-2"]


def test_what_a_person_says_of_a_set_up_is_believed_journalled_and_not_learned_from() -> None:
    floor = shop(BLACK)
    assert floor.command(StateSetup("printer-1", {"nozzle": "0.4", **WHITE})).accepted
    (changed,) = [event for event in floor.log if isinstance(event, ev.SetupChanged)]
    assert changed == ev.SetupChanged("printer-1", {"nozzle": "0.4", **WHITE}, "ada")
    assert (floor.cell.stations["printer-1"].setup, floor.cell.measured) == ({"nozzle": "0.4", **WHITE}, {})
    assert floor.command(StateSetup("printer-1", WHITE)).accepted
    assert sum(isinstance(event, ev.SetupChanged) for event in floor.log) == 1, "nothing was changed"
    floor.order(directive=printed(WHITE))
    assert [operation.kind for operation in floor.started] == [OperationKind.PROCESS]


@pytest.mark.parametrize("needed", [BLACK, WHITE])
def test_nobody_says_how_a_station_is_set_up_that_works_or_is_being_changed_over(needed: dict[str, str]) -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(needed))
    before = floor.cell.stations["printer-1"].setup
    reply = floor.command(StateSetup("printer-1", {"nozzle": "0.6"}))
    assert (reply.code, "must end first" in reply.message) == ("rejected:precondition_failed", True)
    assert floor.cell.stations["printer-1"].setup == before


def test_a_set_up_that_the_stock_contradicts_is_refused_with_the_command_that_is_meant() -> None:
    spool = MaterialLot("spool-1", "black", "printer-1", 1000.0)
    floor = Shop(replace(plan(BLACK), stock=Stock({"spool-1": spool})))
    floor.feed(ev.ControllerStarted("1"))
    floor.wake()
    reply = floor.command(StateSetup("printer-1", WHITE))
    assert reply.code == "rejected:precondition_failed"
    assert "printer-1 has the material black, by the stock" in reply.message
    assert "cellctl material load LOT printer-1" in reply.message
    assert floor.command(StateSetup("printer-9", WHITE)).code == "rejected:unknown_target"


def test_a_forbidden_change_over_is_a_reason() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed({"nozzle": "0.6"}))
    assert codes(floor, "job-1") == ["set_up_forbidden"]


def test_a_machine_that_can_changes_over_by_itself() -> None:
    floor = shop({"plate": "smooth"})
    floor.order(directive=printed({"plate": "rough"}))
    (change,) = floor.started
    assert (change.kind, change.program and change.program.resident) == (OperationKind.CHANGE, "swap")
    floor.started.clear()
    floor.feed(ev.OperationStarted(change.id))
    floor.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    floor.feed(ev.OperationEnded(change.id, OperationState.DONE))
    assert floor.cell.stations["printer-1"].setup == {"plate": "rough"}
    floor.feed(ev.StationChanged("printer-1", MachineState.COMPLETE))
    floor.obey()
    assert [operation.kind for operation in floor.started] == [OperationKind.PROCESS]


def test_a_change_over_of_unknown_outcome_is_asked_about() -> None:
    floor = shop({"plate": "smooth"})
    floor.order(directive=printed({"plate": "rough"}))
    (change,) = floor.started
    floor.feed(ev.OperationStarted(change.id))
    floor.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    floor.feed(ev.OperationEnded(change.id, OperationState.FAILED, "it jammed"))
    (prompt,) = floor.cell.prompts.values()
    assert "Is printer-1 set up with plate rough?" in prompt.question.text
    floor.command(AnswerPrompt(prompt.id, "done"))
    assert floor.cell.stations["printer-1"].setup == {"plate": "rough"}
    assert not floor.cell.operations


def test_after_a_start_a_person_who_was_asked_is_asked_no_second_time() -> None:
    floor = shop(BLACK)
    floor.order(directive=printed(WHITE))
    asked = dict(floor.cell.prompts)
    floor.feed(ev.ControllerStarted("test"))
    assert floor.cell.prompts.keys() == asked.keys()
    floor.wake()
    assert floor.cell.prompts.keys() == asked.keys()
    floor.command(AnswerPrompt(only_prompt(floor), "done"))
    assert [operation.job_id for operation in floor.started] == ["job-1"]


SETUPS = st.sampled_from(({}, BLACK, WHITE, {**BLACK, "plate": "rough"}, {**WHITE, "plate": "smooth"}, {"nozzle": "1"}))
DOINGS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), SETUPS, st.integers(0, 2)),
        st.tuples(st.just("work"), st.just(0), st.integers(0, 9)),
        st.tuples(st.just("answer"), st.booleans(), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.just(0), st.integers(0, 2)),
        st.tuples(st.just("find"), st.just(0), st.integers(0, 2)),
    ),
    min_size=5,
    max_size=40,
)


class Checked(Shop):
    """A shop in which every turn must leave the cell in order: above all, every waiting job has a reason."""

    waited = 0

    def feed(self, stimulus):  # type: ignore[no-untyped-def]
        before = self.cell
        todo = super().feed(stimulus)
        wrong = broken_by(before, todo, self.cell) + broken(self.cell)
        assert not wrong, f"{stimulus}: {wrong}"
        for job in dispatch.waiting(self.cell):
            answer = dispatch.next_operation(self.cell, job)
            assert not isinstance(answer, Operation)
            assert answer
            assert all(reason.code and reason.sentence for reason in answer)
            Checked.waited += 1
        return todo


@pytest.mark.parametrize("sequencer", ["set-up", "first-come"])
@settings(max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(doings=DOINGS)
def test_every_waiting_job_has_a_reason_and_a_sentence_whatever_happens(sequencer: str, doings: list[tuple]) -> None:  # type: ignore[type-arg]
    floor = Checked(plan(BLACK, {**WHITE, "plate": "smooth"}, {}, sequencer=sequencer))
    floor.wake()
    for what, value, which in doings:
        do(floor, what, value, which)
    assert Checked.waited


def do(floor: Shop, what: str, value: object, which: int) -> None:
    """Something happens in the shop."""
    name = f"printer-{which % 3 + 1}"
    floor.now_s += 60.0
    match what:
        case "order":
            floor.order(1 + which, which, printed(value))  # type: ignore[arg-type]
        case "work" if floor.started:
            work(floor, floor.started.pop(which % len(floor.started)))
        case "answer" if floor.cell.prompts:
            prompt = list(floor.cell.prompts.values())[which % len(floor.cell.prompts)]
            floor.command(AnswerPrompt(prompt.id, prompt.question.choices[0 if value else -1]))
        case "lose":
            floor.feed(ev.ContactLost(name, "cable"))
        case "find":
            floor.feed(ev.ContactFound(name, "twin"))
            floor.feed(ev.StationChanged(name, MachineState.IDLE))
    floor.obey()


def work(floor: Shop, operation: Operation) -> None:
    if operation.id in floor.cell.operations and floor.cell.stations[operation.station].state is MachineState.IDLE:
        floor.work(operation)
