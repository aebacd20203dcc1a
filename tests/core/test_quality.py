"""Gates: a recorded result for every part that passes, and a person's decision for every one that does not."""

from dataclasses import replace

import pytest

from cellctl.core.invariants import broken
from cellctl.domain import events as ev
from cellctl.domain import stock_events as sv
from cellctl.domain.commands import AnswerPrompt, CancelOrder
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.machine import MachineState
from cellctl.domain.quality import Characteristic, Disposition, Gate, Inspection
from cellctl.domain.stock_commands import DisposePart, RecordInspection
from cellctl.domain.work import Directive, OperationState, Part, Program, Prompt, Question, Step, Way, one_way
from tests.core.shop import Shop

WIDTH = Characteristic("width", "mm", 29.9, 30.1)
ANY_WAY = (Disposition.REWORK, Disposition.SCRAPPED, Disposition.CONCESSION)
GATE = Gate((WIDTH,), ANY_WAY, rework_to="engrave", rework_at_most=1)
QUESTION = Question("Width 29.9 to 30.1 mm?", ("within", "not within"))
SERIAL = "plate-A-00001"


def route(gate: Gate = GATE, *, by_machine: bool = False) -> Directive:
    look = one_way("inspect", "inspect", question=QUESTION)
    if by_machine:
        look = Step("inspect", (Way("engrave", Program("cc", "probe", 5)),))
    steps = (
        one_way("print", "fdm", Program("aa", "base", 100)),
        one_way("engrave", "engrave", Program("bb", "text", 20)),
        replace(look, gate=gate),
        one_way("finish", "fdm", Program("dd", "polish", 5)),
    )
    return Directive("plate", "A", {}, steps)


def at_the_gate(gate: Gate = GATE, *, by_machine: bool = False) -> Shop:
    it = Shop()
    it.wake()
    it.order(directive=route(gate, by_machine=by_machine))
    while it.started[0].step != "inspect":
        it.work(it.started.pop(0))
        assert broken(it.cell) == []
    begin(it)
    return it


def begin(it: Shop) -> None:
    operation = it.started[0]
    it.feed(ev.OperationStarted(operation.id))
    it.feed(ev.StationChanged(operation.station, MachineState.EXECUTE))
    if operation.question is not None:
        asked = Prompt(f"ask-{operation.id}", operation.station, operation.question, operation.id, operation.serial)
        it.feed(ev.PromptRaised(asked))


def end(it: Shop, answer: str = "", by: str = "") -> None:
    operation = it.started.pop(0)
    it.feed(ev.StationChanged(operation.station, MachineState.COMPLETE))
    it.feed(ev.OperationEnded(operation.id, OperationState.DONE, answer=answer, by=by))
    it.told = [each for each in it.told if not hasattr(each, "choice")]
    it.obey()
    assert broken(it.cell) == []


def measure(it: Shop, width: float) -> None:
    reply = it.command(RecordInspection(SERIAL, {"width": width}))
    assert reply.accepted, reply.message
    end(it, "within" if reply.result["passed"] else "not within", "eve")


def part(it: Shop) -> Part:
    return it.cell.parts[SERIAL]


def waiting(it: Shop) -> Prompt:
    return next(prompt for prompt in it.cell.prompts.values() if prompt.serial == SERIAL)


def test_a_part_within_its_limits_goes_on_with_its_result() -> None:
    it = at_the_gate()
    measure(it, 30.1)
    assert part(it).inspections == (Inspection("inspect", "op-6", True, "ada", {"width": 30.1}),)
    assert it.cell.jobs["job-1"].step == 3


def test_a_yes_without_values_is_a_result_too_unless_values_are_required() -> None:
    it = at_the_gate()
    it.command(AnswerPrompt("ask-op-6", "within"))
    end(it, "within", "eve")
    assert part(it).inspections == (Inspection("inspect", "op-6", True, "eve"),)
    strict = at_the_gate(replace(GATE, values_required=True))
    reply = strict.command(AnswerPrompt("ask-op-6", "within"))
    assert reply.message == f"inspect passes by what is measured: cellctl part inspect {SERIAL} width=VALUE"
    assert "ask-op-6" in strict.cell.prompts
    assert strict.command(AnswerPrompt("ask-op-6", "not within")).accepted


def test_a_part_out_of_limits_stops_and_one_closed_question_is_asked() -> None:
    it = at_the_gate()
    measure(it, 30.4)
    job, asked = it.cell.jobs["job-1"], waiting(it)
    assert (job.state, job.substate) == (JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION)
    assert asked.question.choices == ("rework", "scrap", "concession")
    assert "did not pass 'inspect': width 30.4 mm is above 30.1" in asked.question.text
    assert it.started == []


def test_rework_goes_back_to_its_step_and_is_measured_again_and_has_an_end() -> None:
    it = at_the_gate()
    measure(it, 30.4)
    it.command(AnswerPrompt(waiting(it).id, "rework"))
    assert (it.cell.jobs["job-1"].step, part(it).inspections, part(it).held_at) == (1, (), "")
    assert broken(it.cell) == []
    while it.started[0].step != "inspect":
        it.work(it.started.pop(0))
    begin(it)
    measure(it, 30.3)
    assert waiting(it).question.choices == ("scrap", "concession"), "it has been reworked as often as it may"
    reply = it.command(DisposePart(SERIAL, Disposition.REWORK))
    assert reply.message == f"{SERIAL} at 'inspect' may become: scrap, concession"


def test_a_concession_lets_it_pass_with_the_name_of_who_allowed_it() -> None:
    it = at_the_gate()
    measure(it, 30.4)
    reply = it.command(DisposePart(SERIAL, Disposition.CONCESSION, "customer agrees", "grace"))
    assert reply.message == f"{SERIAL}: concession, by grace"
    (result,) = part(it).inspections
    assert (result.passed, result.good, result.conceded_by, result.values) == (False, True, "grace", {"width": 30.4})
    assert it.cell.jobs["job-1"].step == 3
    assert not any(prompt.serial == SERIAL for prompt in it.cell.prompts.values())
    it.work_off()
    assert part(it).disposition is Disposition.ACCEPTED
    assert broken(it.cell) == []


def test_scrap_makes_the_part_anew() -> None:
    it = at_the_gate()
    measure(it, 29.0)
    it.command(AnswerPrompt(waiting(it).id, "scrap"))
    assert part(it).disposition is Disposition.SCRAPPED
    assert [job.serial for job in it.cell.jobs.values()] == [SERIAL, "plate-A-00002"]
    assert broken(it.cell) == []


def test_where_nothing_but_scrap_is_allowed_nobody_is_asked() -> None:
    it = at_the_gate(Gate((WIDTH,)))
    measure(it, 29.0)
    assert part(it).disposition is Disposition.SCRAPPED
    assert it.cell.jobs["job-1"].reason == "inspect: width 29 mm is below 29.9"


def test_a_machine_measures_and_the_limits_are_the_products() -> None:
    it = at_the_gate(by_machine=True)
    said = Inspection("inspect", it.started[0].id, True, "router-1", {"width": 31.0})
    it.feed(sv.InspectionRecorded(SERIAL, said))
    end(it)
    assert part(it).held_at == "inspect"
    assert part(it).inspections[0].why == "width 31 mm is above 30.1"


def test_a_machine_that_told_no_result_lets_nothing_pass() -> None:
    it = at_the_gate(by_machine=True)
    end(it)
    assert waiting(it).question.choices == ("accept", "rework", "scrap")
    it.command(AnswerPrompt(waiting(it).id, "accept"))
    assert part(it).inspections[0].by == "ada"
    assert it.cell.jobs["job-1"].step == 3


def test_a_cancelled_order_asks_no_more_what_becomes_of_its_part() -> None:
    it = at_the_gate()
    measure(it, 30.4)
    it.command(CancelOrder("order-1"))
    assert part(it).disposition is Disposition.SCRAPPED
    assert [prompt.question.choices for prompt in it.cell.prompts.values()] == [("taken away",)]
    assert broken(it.cell) == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "missing: width"),
        ({"width": 30.0, "mass": 1.0}, "not measured: mass"),
    ],
)
def test_every_characteristic_is_measured_and_no_other(values: dict[str, float], why: str) -> None:
    it = at_the_gate()
    reply = it.command(RecordInspection(SERIAL, values))
    assert (reply.code, reply.message) == ("rejected:invalid", f"{SERIAL} at 'inspect': {why}")
    assert part(it).inspections == ()


def test_nothing_is_measured_or_decided_that_nobody_asked_for() -> None:
    it = at_the_gate()
    assert it.command(RecordInspection("nobody", {"width": 1})).code == "rejected:unknown_target"
    assert it.command(DisposePart(SERIAL, Disposition.SCRAPPED)).code == "rejected:precondition_failed"
    end(it, "within", "eve")
    assert it.command(RecordInspection(SERIAL, {"width": 30})).code == "rejected:precondition_failed"


def test_what_was_measured_before_the_controller_died_is_not_measured_again() -> None:
    it = at_the_gate()
    it.command(RecordInspection(SERIAL, {"width": 30.4}))
    it.feed(ev.ControllerStarted("2"))
    assert part(it).held_at == "inspect"
    assert waiting(it).question.choices == ("rework", "scrap", "concession")
    assert broken(it.cell) == []
