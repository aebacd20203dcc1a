"""What became of work whose end nobody saw: each kind of evidence, and who is asked."""

from dataclasses import replace

import pytest

from cellctl.core.evidence import RULES, classify
from cellctl.domain import events as ev
from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Plan, Program, Rung
from tests.core.shop import PLAN, Shop

BED, BASE = Place("printer-1.bed"), Program("aa", "base", 9)
PRINT = Operation("op-1", "job-1", "A-1", "print", OperationKind.PROCESS, "printer-1", BED, program=BASE, gated=True)
STARTED, SENT, TAKEN = (replace(PRINT, rung=rung) for rung in (Rung.STARTED, Rung.SENT, Rung.ACKNOWLEDGED))
CARRY = replace(PRINT, kind=OperationKind.CARRY, step="carry", source=BED, rung=Rung.SENT)
AT_END = Findings(stands=True, took_all=True, began_anew=False)
D, N, R, U = Verdict.DONE, Verdict.NOT_BEGUN, Verdict.RUNNING, Verdict.UNKNOWN

CASES = [
    (PRINT, Findings(), N),
    (STARTED, Findings(), N),
    (replace(STARTED, gated=False), Findings(), U),  # Its driver may have gone on: an older log says no more.
    (replace(STARTED, resumes="op-0"), Findings(), U),
    (STARTED, Findings(part=True), U),
    (SENT, Findings(), U),
    (SENT, Findings(stands=True), U),
    (SENT, AT_END, U),  # Lines of it may never have come.
    (TAKEN, Findings(stands=True), U),
    (TAKEN, AT_END, D),
    (TAKEN, replace(AT_END, took_all=None, at_end=True), D),
    (TAKEN, replace(AT_END, stands=None), U),
    (TAKEN, replace(AT_END, began_anew=True), U),
    (TAKEN, replace(AT_END, began_anew=None), U),
    (TAKEN, replace(AT_END, part=False), U),
    (TAKEN, replace(AT_END, failed=True), U),
    (CARRY, Findings(shows_ours=True, stands=False), R),
    (CARRY, Findings(shows_ours=True, stands=False, began_anew=True), U),
    (CARRY, Findings(shows_ours=True, stands=None), U),
    (CARRY, Findings(shows_ours=False, stands=False), U),
    (CARRY, Findings(ended=True, stands=True), D),
    (CARRY, Findings(ended=True, stands=True, part=True), D),
    (CARRY, Findings(ended=True, stands=True, part=False), U),
    (CARRY, Findings(ended=True, stands=False), U),
    (CARRY, Findings(as_before=True, stands=True), N),
    (replace(CARRY, resumes="op-0"), Findings(as_before=True, stands=True), U),
    (CARRY, Findings(as_before=True), U),
]


@pytest.mark.parametrize(("operation", "found", "verdict"), CASES)
def test_the_table_gives_this_verdict(operation: Operation, found: Findings, verdict: Verdict) -> None:
    assert classify(operation, found)[0] is verdict


def test_every_rule_of_the_table_decides_some_case() -> None:
    firsts = [next((rule for rule in RULES if rule.holds(each, found)), None) for each, found, _ in CASES]
    assert [rule.why for rule in RULES if rule not in firsts] == []


def gated_shop() -> Shop:
    stations = {name: replace(station, gated=not station.attended) for name, station in PLAN.stations.items()}
    shop = Shop(Plan("test", stations))
    shop.machines_can_tell = True
    shop.wake()
    shop.order()
    return shop


def restarted(shop: Shop) -> None:
    shop.feed(ev.ControllerStarted("test"))
    shop.started.clear()
    shop.wake()


def test_a_print_that_was_still_heating_begins_again_and_nobody_is_asked() -> None:
    shop = gated_shop()
    shop.feed(ev.OperationStarted("op-1"))
    restarted(shop)
    assert (shop.cell.prompts, [each.step for each in shop.started]) == ({}, ["print"])
    assert shop.started[0].id != "op-1"


def test_a_print_in_the_middle_leads_to_one_question_once_its_machine_was_looked_at() -> None:
    shop = gated_shop()
    shop.feed(ev.OperationStarted("op-1"))
    shop.feed(ev.OperationSent("op-1"))
    restarted(shop)
    assert (shop.cell.prompts, shop.started) == ({}, [])
    shop.feed(ev.EvidenceGathered("op-1", Findings(stands=True)))
    (prompt,) = shop.cell.prompts.values()
    assert (prompt.operation_id, prompt.question.choices) == ("op-1", ("made", "scrap", "not begun"))
    shop.feed(ev.EvidenceGathered("op-1", Findings(stands=True)))
    assert len(shop.cell.prompts) == 1


def test_a_machine_that_is_not_found_after_a_restart_cannot_answer_so_a_person_is_asked() -> None:
    shop = gated_shop()
    shop.feed(ev.OperationSent("op-1"))
    shop.feed(ev.ControllerStarted("test"))
    assert shop.cell.prompts == {}
    shop.feed(ev.ContactLost("printer-1", "no such port"))
    assert [prompt.operation_id for prompt in shop.cell.prompts.values()] == ["op-1"]


def test_a_print_that_was_taken_to_the_last_line_is_done_and_its_part_goes_on() -> None:
    shop = gated_shop()
    for fact in (ev.OperationStarted("op-1"), ev.OperationSent("op-1"), ev.OperationAcknowledged("op-1", "120")):
        shop.feed(fact)
    restarted(shop)
    shop.feed(ev.EvidenceGathered("op-1", AT_END))
    assert (shop.cell.prompts, [each.step for each in shop.started]) == ({}, ["carry"])


def test_an_arm_that_is_at_it_still_is_left_to_it_and_its_end_is_heard() -> None:
    shop = gated_shop()
    shop.work(shop.started.pop())
    (carry,) = shop.started
    shop.feed(ev.OperationStarted(carry.id, mark="7"))
    shop.feed(ev.OperationSent(carry.id, "7"))
    restarted(shop)
    assert shop.started == []
    shop.feed(ev.EvidenceGathered(carry.id, Findings(shows_ours=True, stands=False)))
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    assert (shop.cell.operations[carry.id].state, shop.cell.prompts) == (OperationState.RUNNING, {})
    shop.feed(ev.OperationEnded(carry.id, OperationState.DONE))
    assert [each.step for each in shop.started] == ["engrave"]


def test_a_restart_in_the_middle_of_looking_looks_again() -> None:
    shop = gated_shop()
    shop.feed(ev.OperationSent("op-1"))
    shop.feed(ev.ControllerStarted("test"))
    restarted(shop)
    assert (shop.cell.prompts, shop.cell.operations["op-1"].sought) == ({}, True)
    shop.feed(ev.OperationEnded("op-1", OperationState.UNKNOWN, "abort was commanded"))
    assert len(shop.cell.prompts) == 1
