"""Work whose outcome was unknown, and whose machine is heard again: the machine may know better than anybody."""

from cellctl.core.instructions import Adopt, Start
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt
from cellctl.domain.evidence import Findings
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Knowledge, OperationState, Place

from .shop import Shop


def carrying() -> Shop:
    """The arm has a part on its way, and is then not heard any more."""
    shop = Shop()
    shop.wake()
    shop.order()
    shop.work(shop.started.pop())
    (carry,) = shop.started
    shop.started.clear()
    shop.feed(ev.StationChanged("arm-1", MachineState.STARTING))
    shop.feed(ev.OperationStarted(carry.id, mark="7"))
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    shop.feed(ev.PartMoved(carry.serial, Place("arm-1.gripper"), Knowledge.OBSERVED, carry.id))
    shop.feed(ev.OperationEnded(carry.id, OperationState.UNKNOWN, "the connection is lost"))
    shop.feed(ev.ContactLost("arm-1", "the connection is lost"))
    return shop


def test_a_machine_that_is_heard_again_is_asked_for_its_unknown_work_and_started_by_nothing() -> None:
    shop = carrying()
    todo = shop.feed(ev.ContactFound("arm-1", "twin"))
    (adopt,) = [each for each in todo if isinstance(each, Adopt)]
    assert (adopt.operation.id, adopt.operation.mark) == ("op-2", "7")
    assert not [each for each in todo if isinstance(each, Start)]
    assert render(shop.cell).jobs[0].state == "INTERRUPTED"


def test_other_machines_are_not_asked() -> None:
    shop = carrying()
    assert not [each for each in shop.feed(ev.ContactFound("router-1", "twin")) if isinstance(each, Adopt)]


def test_work_that_runs_on_asks_nobody_any_more_and_ends_like_any_other() -> None:
    shop = carrying()
    assert shop.cell.prompts
    shop.feed(ev.ContactFound("arm-1", "twin"))
    shop.feed(ev.StationChanged("arm-1", MachineState.STOPPED, "a program is running"))
    shop.feed(ev.OperationFound("op-2"))
    assert (shop.cell.prompts, broken(shop.cell)) == ({}, [])
    assert shop.cell.jobs["job-1"].state is JobState.RUNNING
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    shop.feed(ev.PartMoved("nameplate-A-00001", Place("router-1.vise"), Knowledge.OBSERVED, "op-2"))
    shop.feed(ev.StationChanged("arm-1", MachineState.COMPLETE))
    shop.feed(ev.OperationEnded("op-2", OperationState.DONE))
    assert [operation.step for operation in shop.started] == ["engrave"]
    assert broken(shop.cell) == []


def test_an_arm_that_shows_what_it_showed_before_has_not_put_back_what_it_was_seen_to_take() -> None:
    shop = carrying()
    (prompt,) = shop.cell.prompts.values()
    shop.feed(ev.ContactFound("arm-1", "twin"))
    shop.feed(ev.EvidenceGathered("op-2", Findings(stands=True, as_before=True)))
    assert shop.cell.prompts == {prompt.id: prompt}
    assert shop.cell.operations["op-2"].state is OperationState.UNKNOWN
    shop.feed(ev.StationChanged("arm-1", MachineState.IDLE))
    assert shop.started == []
    shop.command(AnswerPrompt(prompt.id, "printer-1.bed"))
    assert [operation.step for operation in shop.started] == ["carry"]
    assert broken(shop.cell) == []


def test_what_a_person_has_said_already_is_not_found_again() -> None:
    shop = carrying()
    shop.feed(ev.ContactFound("arm-1", "twin"))
    (prompt,) = shop.cell.prompts.values()
    shop.command(AnswerPrompt(prompt.id, "router-1.vise"))
    before = shop.cell
    shop.feed(ev.OperationFound("op-2"))
    assert shop.cell == before


def test_work_that_nobody_doubts_cannot_be_found_again() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    before = shop.cell
    shop.feed(ev.OperationFound(shop.started[0].id))
    assert shop.cell == before


def test_after_a_restart_of_the_daemon_the_machine_is_asked_too() -> None:
    shop = carrying()
    shop.feed(ev.ControllerStarted("0"))
    todo = shop.feed(ev.ContactFound("arm-1", "twin"))
    assert [each.operation.mark for each in todo if isinstance(each, Adopt)] == ["7"]
