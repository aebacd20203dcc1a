"""The driver of a station with a person, who is here the test."""

import asyncio
import shlex
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import (
    ContactFound,
    Fact,
    OperationEnded,
    OperationStarted,
    PartMoved,
    PromptRaised,
    StationChanged,
)
from cellctl.domain.machine import MachineCommand as C
from cellctl.domain.machine import MachineState as S
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place, Prompt, Question
from cellctl.faces.mqtt.topics import segment
from cellctl.ports import Driver, Files, Links, Tools
from cellctl_drivers.manual.driver import FAMILY

INSPECT: Final = Operation(
    "op-1", "job-1", "S1", "inspect", OperationKind.PROCESS, "bench-1", Place("bench-1.desk"),
    question=Question("Is it flat?", ("accept", "scrap")),
)  # fmt: skip
DEBURR: Final = Operation("op-2", "job-1", "S1", "deburr", OperationKind.PROCESS, "bench-1", Place("bench-1.desk"))
CARRY: Final = Operation(
    "op-3", "job-1", "S1", "carry", OperationKind.CARRY, "bench-1",
    target=Place("bench-1.desk"), source=Place("outfeed.1"),
)  # fmt: skip


def play(scene: Callable[[Driver, list[Fact]], None]) -> list[Fact]:
    """Play a scene while the person is there; the facts since then."""

    async def main() -> list[Fact]:
        facts: list[Fact] = []
        there = asyncio.Event()

        def report(fact: Fact) -> None:
            facts.append(fact)
            there.set()

        tools = Tools(VirtualClock(), Links, Files, report)  # type: ignore[arg-type]
        driver = FAMILY.driver("bench-1", FAMILY.options(), tools)
        with pytest.raises(NotAllowed, match="not attended"):
            driver.start(INSPECT)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await there.wait()
            assert facts[0] == ContactFound("bench-1", "person")
            assert states(facts) == [S.STOPPED, S.RESETTING, S.IDLE]
            facts.clear()
            scene(driver, facts)
            serving.cancel()
        with pytest.raises(NotAllowed, match="not attended"):
            driver.command(C.RESET)
        return facts

    return run_virtual(main())


def states(facts: list[Fact]) -> list[S]:
    return [fact.state for fact in facts if isinstance(fact, StationChanged)]


def outcome(facts: list[Fact]) -> OperationEnded:
    (ended,) = [fact for fact in facts if isinstance(fact, OperationEnded)]
    return ended


def test_a_question_is_asked_and_its_answer_is_what_happened() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(INSPECT)
        driver.answer("op-1", "scrap", "anna")

    assert INSPECT.question
    assert play(scene) == [
        StationChanged("bench-1", S.STARTING),
        OperationStarted("op-1"),
        StationChanged("bench-1", S.EXECUTE),
        PromptRaised(Prompt("ask-op-1", "bench-1", INSPECT.question, "op-1", "S1")),
        OperationEnded("op-1", OperationState.DONE, answer="scrap", by="anna"),
        StationChanged("bench-1", S.COMPLETING),
        StationChanged("bench-1", S.COMPLETE),
    ]


def test_the_name_of_a_question_is_typed_and_put_into_addresses_and_topics_as_it_is() -> None:
    (prompt,) = (
        each.prompt for each in play(lambda driver, _: driver.start(INSPECT)) if isinstance(each, PromptRaised)
    )
    assert prompt.id == shlex.quote(prompt.id) == quote(prompt.id, "") == segment(prompt.id)


def test_a_carried_part_is_confirmed_at_its_target() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(CARRY)
        (prompt,) = [fact.prompt for fact in facts if isinstance(fact, PromptRaised)]
        assert prompt.question.text == "Take part S1 from outfeed.1 to bench-1.desk."
        assert prompt.question.choices == ("done", "not possible")
        facts.clear()
        driver.answer("op-3", "done", "anna")

    assert play(scene)[:2] == [
        PartMoved("S1", Place("bench-1.desk"), Knowledge.CONFIRMED, by="anna"),
        OperationEnded("op-3", OperationState.DONE, answer="done", by="anna"),
    ]


@pytest.mark.parametrize("operation", [CARRY, DEBURR])
def test_what_a_person_could_not_do_has_failed_and_moved_nothing(operation: Operation) -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(operation)
        driver.answer(operation.id, "not possible", "anna")

    facts = play(scene)
    ended = outcome(facts)
    assert (ended.state, ended.reason, ended.by) == (OperationState.FAILED, "not possible", "anna")
    assert not [fact for fact in facts if isinstance(fact, PartMoved)]
    assert states(facts)[-1] is S.COMPLETE


def test_a_step_without_a_question_asks_whether_it_is_done() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(DEBURR)
        driver.answer("op-2", "done", "anna")

    facts = play(scene)
    assert PromptRaised(
        Prompt("ask-op-2", "bench-1", Question("Do deburr on part S1.", ("done", "not possible")), "op-2", "S1")
    ) in facts  # fmt: skip
    assert outcome(facts).state is OperationState.DONE


def test_an_answer_that_was_not_asked_for_is_refused_and_changes_nothing() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        with pytest.raises(NotAllowed, match="does not ask about op-1"):
            driver.answer("op-1", "accept", "anna")
        driver.start(INSPECT)
        with pytest.raises(NotAllowed, match="one of accept, scrap, not 'perhaps'"):
            driver.answer("op-1", "perhaps", "anna")
        with pytest.raises(NotAllowed, match="does not ask about op-3"):
            driver.answer("op-3", "done", "anna")
        with pytest.raises(NotAllowed):
            driver.start(DEBURR)
        driver.answer("op-1", "accept", "anna")
        with pytest.raises(NotAllowed, match="does not ask about op-1"):
            driver.answer("op-1", "scrap", "bert")

    assert outcome(play(scene)).answer == "accept"


def test_an_answer_in_a_hold_counts_once_the_station_goes_on() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(INSPECT)
        driver.command(C.HOLD)
        driver.answer("op-1", "accept", "anna")
        assert states(facts)[-1] is S.HELD
        driver.command(C.UNHOLD)

    facts = play(scene)
    assert states(facts)[-4:] == [S.UNHOLDING, S.EXECUTE, S.COMPLETING, S.COMPLETE]
    assert outcome(facts).answer == "accept"


@pytest.mark.parametrize(("operation", "state"), [(INSPECT, OperationState.FAILED), (CARRY, OperationState.UNKNOWN)])
@pytest.mark.parametrize(("command", "at_last"), [(C.ABORT, S.ABORTED), (C.STOP, S.STOPPED)])
def test_after_abort_or_stop_the_question_is_no_longer_answered(
    operation: Operation, state: OperationState, command: C, at_last: S
) -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(operation)
        driver.command(command)
        with pytest.raises(NotAllowed, match="any more"):
            driver.answer(operation.id, "done", "anna")

    facts = play(scene)
    assert outcome(facts) == OperationEnded(operation.id, state, f"{command.value} was commanded")
    assert states(facts)[-1] is at_last


def test_complete_stays_until_reset_and_aborted_until_clear() -> None:
    def scene(driver: Driver, facts: list[Fact]) -> None:
        driver.start(INSPECT)
        driver.answer("op-1", "accept", "anna")
        driver.command(C.RESET)
        driver.command(C.ABORT)
        with pytest.raises(NotAllowed):
            driver.command(C.RESET)
        driver.command(C.CLEAR)
        driver.command(C.RESET)
        with pytest.raises(NotAllowed, match="does not take start"):
            driver.command(C.START)

    walked = [S.COMPLETE, S.RESETTING, S.IDLE, S.ABORTING, S.ABORTED, S.CLEARING, S.STOPPED, S.RESETTING, S.IDLE]
    assert states(play(scene))[-9:] == walked


def test_a_person_has_no_options() -> None:
    with pytest.raises(ValidationError):
        FAMILY.options(answer_s=40)
