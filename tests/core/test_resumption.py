"""A program that broke off and goes on: another operation, at the same place, for the same part."""

import pytest

from cellctl.core.decide import PreparedResumption
from cellctl.core.recovery import MADE, SCRAP
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, Envelope, Reply, ResumeOperation
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Disposition, OperationState, Program

from .shop import Shop, one_step_directive

REST = Program("cc", "base from line 60", 55)


def broken_off(state: MachineState = MachineState.IDLE) -> Shop:
    """The print of the first part failed in its middle; the printer is in this state."""
    shop = Shop()
    shop.wake()
    shop.order(directive=one_step_directive())
    operation = shop.started.pop()
    shop.feed(ev.OperationStarted(operation.id))
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    shop.feed(ev.OperationEnded(operation.id, OperationState.FAILED, "filament ran out"))
    shop.feed(ev.StationChanged("printer-1", state))
    return shop


def resume(shop: Shop, operation_id: str = "op-1") -> Reply:
    envelope = Envelope("r-1", "ada", ResumeOperation("printer-1", 60))
    shop.feed(PreparedResumption(envelope, operation_id, 60, REST))
    assert shop.reply is not None
    return shop.reply


def test_it_goes_on_as_an_operation_of_its_own_that_is_durable_before_it_starts() -> None:
    shop = broken_off()
    assert resume(shop).accepted
    (again,) = shop.started
    assert (again.id, again.resumes, again.program, again.station) == ("op-2", "op-1", REST, "printer-1")
    assert [type(event) for event in shop.log[-5:]] == [
        ev.PromptWithdrawn, ev.OperationEnded, ev.JobChanged, ev.OperationIntended, ev.CommandAnswered,
    ]  # fmt: skip
    assert not shop.cell.prompts
    assert shop.cell.jobs["job-1"].state is JobState.RUNNING
    assert shop.cell.parts["plate-A-00001"].place == "printer-1.bed"
    shop.work(again)
    assert shop.cell.parts["plate-A-00001"].disposition is Disposition.ACCEPTED


def test_a_machine_that_broke_off_may_be_reset_by_a_person_and_stays_locked() -> None:
    shop = broken_off(MachineState.STOPPED)
    assert "must be IDLE" in resume(shop).message
    assert shop.command(CommandMachine("printer-1", MachineCommand.RESET)).accepted
    shop.obey()
    shop.order(directive=one_step_directive())
    assert [operation.station for operation in shop.started] == ["printer-2"]


def test_what_is_not_unknown_is_not_gone_on_with() -> None:
    shop = broken_off()
    assert resume(shop, "op-9").code == "rejected:precondition_failed"
    assert resume(shop).accepted
    assert "not unknown any more" in resume(shop).message
    assert len(shop.started) == 1


def test_going_on_that_was_not_begun_leaves_the_half_made_part_in_doubt() -> None:
    """Nobody may take the bed for empty: of the operation before a part is there."""
    shop = broken_off()
    resume(shop)
    shop.feed(ev.OperationEnded("op-2", OperationState.NOT_BEGUN, "not idle"))
    assert shop.cell.operations["op-2"].state is OperationState.UNKNOWN
    (prompt,) = shop.cell.prompts.values()
    assert prompt.question.choices == (MADE, SCRAP)
    assert "which was gone on with" in prompt.question.text
    assert shop.cell.parts["plate-A-00001"].place == "printer-1.bed"


@pytest.mark.parametrize("ended", [OperationState.FAILED, OperationState.UNKNOWN])
def test_it_may_break_off_again_and_go_on_again(ended: OperationState) -> None:
    shop = broken_off()
    resume(shop)
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    shop.feed(ev.OperationEnded("op-2", ended, "again"))
    shop.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    assert resume(shop, "op-2").accepted
    assert shop.started[-1].resumes == "op-2"
