"""The brain, face to face: what goes in, what comes out."""

import pytest

from cellctl.core.cell import apply, empty
from cellctl.core.decide import MachineTold, decide
from cellctl.core.instructions import Remember, Start, Tell
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CancelOrder, CommandMachine, Envelope
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import GONE, NOWHERE, Disposition, OperationState

from .shop import PLAN, Shop


def test_one_order_walks_its_route_and_transport_is_found_on_the_way() -> None:
    shop = Shop()
    shop.wake()
    assert shop.order().accepted
    assert shop.work_off() == [
        "nameplate-A-00001 print printer-1",
        "nameplate-A-00001 carry arm-1 printer-1.bed>router-1.vise",
        "nameplate-A-00001 engrave router-1",
        "nameplate-A-00001 carry arm-1 router-1.vise>outfeed.1",
        "nameplate-A-00001 carry bench-1 outfeed.1>bench-1.desk",
        "nameplate-A-00001 inspect bench-1",
    ]
    assert shop.cell.jobs["job-1"].state is JobState.ENDED
    assert shop.cell.parts["nameplate-A-00001"].disposition is Disposition.ACCEPTED
    assert shop.cell.parts["nameplate-A-00001"].place == GONE
    assert render(shop.cell).orders[0].state == "done"


def test_the_intent_is_remembered_before_the_work_is_started() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    _, todo = decide(shop.cell, ev.ContactFound("bench-1", "x"), shop.now_s)
    assert not [step for step in todo if isinstance(step, Start)]
    fresh = Shop()
    fresh.order()
    fresh.feed(ev.ContactFound("printer-2", "twin"))
    todo = fresh.feed(ev.StationChanged("printer-2", MachineState.IDLE))
    kinds = [type(step.event).__name__ if isinstance(step, Remember) else type(step).__name__ for step in todo]
    assert kinds.index("OperationIntended") < kinds.index("Start")
    assert fresh.started[0].station == "printer-2"


def test_two_printers_work_at_once_and_a_third_order_waits_with_a_reason() -> None:
    shop = Shop()
    shop.wake()
    for _ in range(3):
        shop.order()
    assert [operation.station for operation in shop.started] == ["printer-1", "printer-2"]
    waiting = render(shop.cell).jobs[2]
    assert waiting.reasons == ("slot_occupied", "slot_occupied")
    assert "printer-1 still holds a part" in waiting.why


def test_a_printer_that_finished_is_not_free_until_its_part_has_left() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=3)
    first = shop.started.pop(0)
    shop.work(first)
    assert not [tell for tell in shop.told if isinstance(tell, Tell) and tell.station == "printer-1"]
    assert not [operation for operation in shop.started if operation.station == "printer-1"]
    refused = shop.command(CommandMachine("printer-1", MachineCommand.RESET))
    assert refused.code == "rejected:precondition_failed"
    assert "still holds nameplate-A-00001" in refused.message


def test_higher_priority_goes_first_and_parts_further_along_before_new_ones() -> None:
    shop = Shop()
    shop.order()
    shop.order(priority=5)
    shop.wake()
    assert [operation.job_id for operation in shop.started] == ["job-2", "job-1"]


def test_a_finished_print_moves_to_the_infeed_when_the_router_is_busy_and_the_printer_is_wanted() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=3)
    one, two = shop.started
    shop.started.clear()
    shop.work(one)
    shop.work(shop.started.pop(0))  # carry to the router
    engraving, *others = shop.started
    assert engraving.step == "engrave"
    assert [operation.step for operation in others] == ["print"]  # printer-1 has its next part
    shop.feed(ev.OperationStarted(engraving.id))
    shop.feed(ev.StationChanged("router-1", MachineState.EXECUTE))
    shop.order()
    shop.started.clear()
    shop.work(two)
    assert [f"{op.step} {op.source}>{op.target}" for op in shop.started] == ["carry printer-2.bed>infeed.1"]


def test_a_scrapped_part_is_made_again_with_another_serial_number() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    while shop.started[0].step != "inspect":
        shop.work(shop.started.pop(0))
    inspection = shop.started.pop(0)
    shop.feed(ev.StationChanged("bench-1", MachineState.COMPLETE))
    shop.feed(ev.OperationEnded(inspection.id, OperationState.DONE, answer="scrap", by="eve"))
    assert shop.cell.parts["nameplate-A-00001"].disposition is Disposition.SCRAPPED
    assert shop.cell.jobs["job-1"].state is JobState.ABORTED
    assert [operation.serial for operation in shop.started] == ["nameplate-A-00002"]
    shop.obey()
    shop.work_off()
    assert render(shop.cell).orders[0].state == "done"


def test_after_a_restart_nothing_starts_and_one_closed_question_is_asked_for_each_open_operation() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.feed(ev.OperationStarted(shop.started[0].id))
    shop.started.clear()
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    assert shop.started == []
    (prompt,) = shop.cell.prompts.values()
    assert prompt.question.choices == ("made", "scrap", "not begun")
    assert shop.cell.jobs["job-1"].substate is JobSubstate.NEEDS_CONFIRMATION
    assert render(shop.cell).jobs[0].reasons == ("needs_confirmation",)
    assert "unknown" in render(shop.cell).machines[0].locked


@pytest.mark.parametrize(("choice", "then"), [("made", "carry"), ("not begun", "print"), ("scrap", "print")])
def test_the_answer_decides_how_an_interrupted_print_goes_on(choice: str, then: str) -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.started.clear()
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    reply = shop.command(AnswerPrompt(next(iter(shop.cell.prompts)), choice))
    assert reply.accepted
    assert [operation.step for operation in shop.started] == [then]
    expected = "nameplate-A-00002" if choice == "scrap" else "nameplate-A-00001"
    assert shop.started[0].serial == expected


@pytest.mark.parametrize("where", ["printer-1.bed", "router-1.vise", "not in the cell"])
def test_after_a_restart_in_a_carry_the_person_says_where_the_part_is(where: str) -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.work(shop.started.pop(0))
    carry = shop.started.pop(0)
    assert carry.step == "carry"
    shop.feed(ev.OperationStarted(carry.id))
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    assert shop.started == []
    (prompt,) = shop.cell.prompts.values()
    shop.command(AnswerPrompt(prompt.id, where))
    place = shop.cell.parts["nameplate-A-00001"].place
    assert place == (GONE if where == "not in the cell" else where)
    assert shop.started, "work goes on after the answer"


def test_a_question_to_a_person_is_simply_asked_again_after_a_restart() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    while shop.started[0].step != "inspect":
        shop.work(shop.started.pop(0))
    shop.started.clear()
    shop.feed(ev.ControllerStarted("test"))
    assert shop.cell.prompts == {}
    shop.wake()
    assert [operation.step for operation in shop.started] == ["inspect"]


def test_failed_work_locks_its_stations_until_a_person_has_looked() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=2)
    printing = shop.started[0]
    shop.feed(ev.OperationEnded(printing.id, OperationState.FAILED, "Thermal Runaway"))
    (prompt,) = shop.cell.prompts.values()
    assert "Thermal Runaway" in prompt.question.text
    assert render(shop.cell).machines[0].locked


def test_what_a_probe_has_found_is_remembered_and_changes_nothing() -> None:
    shop = Shop()
    shop.wake()
    before = shop.cell.stations["router-1"]
    found = ev.ProbeEnded("router-1", {"Z": -3.25}, touched=True)
    shop.feed(found)
    assert shop.log[-1] == found
    assert shop.cell.stations["router-1"] == before


def test_work_that_is_proved_not_to_have_begun_is_given_out_again_without_a_question() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    printing = shop.started.pop()
    shop.feed(ev.ContactLost("printer-1", "cable"))
    shop.feed(ev.OperationEnded(printing.id, OperationState.NOT_BEGUN, "not connected"))
    assert shop.cell.prompts == {}
    assert [operation.station for operation in shop.started] == ["printer-2"]


def test_cancel_takes_waiting_jobs_off_the_list_and_scraps_the_part_in_work_after_its_operation() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=3)
    reply = shop.command(CancelOrder("order-1"))
    assert reply.message == "order-1 is cancelled: 1 not begun, 2 in work will be scrapped"
    for operation in list(shop.started):
        shop.started.remove(operation)
        shop.work(operation)
    assert shop.started == []
    assert {part.disposition for part in shop.cell.parts.values()} == {Disposition.SCRAPPED}
    for prompt in list(shop.cell.prompts.values()):
        shop.command(AnswerPrompt(prompt.id, "taken away"))
    shop.obey()
    assert {part.place for part in shop.cell.parts.values()} == {GONE}
    assert shop.cell.stations["printer-1"].state is MachineState.IDLE
    assert shop.command(CancelOrder("order-1")).code == "rejected:precondition_failed"
    assert shop.command(CancelOrder("order-9")).code == "rejected:unknown_target"


def test_an_answer_must_be_one_of_the_choices() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.feed(ev.ControllerStarted("test"))
    prompt_id = next(iter(shop.cell.prompts))
    reply = shop.command(AnswerPrompt(prompt_id, "maybe"))
    assert reply.code == "rejected:invalid"
    assert "made, scrap, not begun" in reply.message
    assert shop.command(AnswerPrompt("prompt-99", "made")).code == "rejected:unknown_target"


def test_a_machine_command_is_judged_by_the_packml_table() -> None:
    shop = Shop()
    assert "not heard" in shop.command(CommandMachine("printer-1", MachineCommand.HOLD)).message
    shop.wake()
    assert shop.command(CommandMachine("printer-1", MachineCommand.UNHOLD)).code == "rejected:precondition_failed"
    assert shop.command(CommandMachine("lathe-9", MachineCommand.HOLD)).code == "rejected:unknown_target"
    shop.feed(ev.StationChanged("printer-1", MachineState.HELD))
    assert shop.command(CommandMachine("printer-1", MachineCommand.UNHOLD)).accepted
    assert shop.told == [Tell("printer-1", MachineCommand.UNHOLD)]


def test_replaying_the_log_gives_the_same_cell() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=2)
    shop.work_off()
    shop.feed(ev.ControllerStarted("test"))
    cell = empty(PLAN)
    for event in shop.log:
        cell = apply(cell, event)
    assert cell == shop.cell


def test_a_part_is_nowhere_until_its_first_operation_is_given_out() -> None:
    shop = Shop()
    shop.order()
    assert shop.cell.parts == {}
    shop.wake()
    assert shop.cell.parts["nameplate-A-00001"].place == "printer-1.bed"
    shop.feed(ev.OperationEnded("op-1", OperationState.NOT_BEGUN, "no"))
    assert NOWHERE not in {part.place for part in shop.cell.parts.values()}  # given out again at once


def test_a_hold_that_the_machine_obeyed_is_accepted_though_its_state_was_reported_first() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.feed(ev.StationChanged("printer-1", MachineState.HOLDING))
    envelope = Envelope("id-h", "ada", CommandMachine("printer-1", MachineCommand.HOLD))
    shop.feed(MachineTold(envelope, ""))
    assert shop.reply is not None
    assert shop.reply.accepted
    shop.feed(MachineTold(Envelope("id-i", "ada", envelope.command), "a machine in IDLE cannot hold"))
    assert shop.reply.code == "rejected:precondition_failed"
