"""The job state table of ISA-95, played on orders: what each command does in each state, and to the parts in work."""

from dataclasses import replace

import pytest

from cellctl.core import orders
from cellctl.core.cell import apply, empty
from cellctl.core.decide import PreparedOrder, PreparedResumption
from cellctl.core.instructions import Tell
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    Command,
    CommandMachine,
    CommandOrder,
    Envelope,
    Reply,
    ResumeOperation,
    SubmitOrder,
    UpdateOrder,
    content_hash,
)
from cellctl.domain.job import NEXT, ORDER_COMMANDS, JobCommand, JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import OperationState, Program

from .shop import DIRECTIVE, PLAN, Shop, one_step_directive

_C, _M, _S = JobCommand, MachineCommand, JobState
ORDER = "order-1"
PRINT = one_step_directive()
LEADS_TO = {
    _M.HOLD: MachineState.HELD,
    _M.UNHOLD: MachineState.EXECUTE,
    _M.STOP: MachineState.STOPPED,
    _M.ABORT: MachineState.ABORTED,
    _M.RESET: MachineState.IDLE,
}


def prepared(shop: Shop, command: SubmitOrder | UpdateOrder) -> Reply:
    shop.feed(PreparedOrder(Envelope(f"id-{shop.cell.counts.rev}", "ada", command), PRINT, "2026-01-05T06:00:00.000Z"))
    assert shop.reply is not None
    return shop.reply


def store(*, release: bool, quantity: int = 1, order_id: str = "", wake: bool = True) -> Shop:
    shop = Shop()
    if wake:
        shop.wake()
    command = SubmitOrder("plate", {}, quantity=quantity, release=release, order_id=order_id)
    assert prepared(shop, command).accepted
    return shop


def at_work(quantity: int = 1) -> Shop:
    """The first part is on the printer, and the printer at it."""
    shop = store(release=True, quantity=quantity)
    shop.feed(ev.OperationStarted(shop.started[0].id))
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    return shop


def tell(shop: Shop, command: JobCommand, order_id: str = ORDER) -> Reply:
    if command is _C.UPDATE:
        return prepared(shop, UpdateOrder(order_id, quantity=2))
    return shop.command(CommandOrder(order_id, command))


def react(shop: Shop) -> list[Tell]:
    """Machines do what they were told; work that was broken off is reported, as drivers do."""
    told = [each for each in shop.told if isinstance(each, Tell)]
    shop.told.clear()
    for each in told:
        shop.feed(ev.StationChanged(each.station, LEADS_TO[each.command]))
        for operation in list(shop.cell.operations.values()):
            broken_off = each.command in (_M.STOP, _M.ABORT) and operation.station == each.station
            if broken_off and operation.state is not OperationState.UNKNOWN:
                shop.feed(ev.OperationEnded(operation.id, OperationState.UNKNOWN, each.command.value))
    assert broken(shop.cell) == []
    return told


def paused() -> Shop:
    shop = at_work()
    assert tell(shop, _C.PAUSE).accepted
    react(shop)
    return shop


def ended() -> Shop:
    shop = at_work()
    shop.work(shop.started.pop())
    return shop


def aborted() -> Shop:
    shop = store(release=False)
    assert tell(shop, _C.ABORT).accepted
    return shop


IN_STATE = {
    _S.NOT_ALLOWED_TO_START: lambda: store(release=False, wake=False),
    _S.ALLOWED_TO_START: lambda: store(release=True, wake=False),
    _S.RUNNING: at_work,
    _S.INTERRUPTED: paused,
    _S.ENDED: ended,
    _S.ABORTED: aborted,
}


def state(shop: Shop, order_id: str = ORDER) -> tuple[str, str]:
    """As every face is shown it."""
    view = next((each for each in render(shop.cell).orders if each.id == order_id), None)
    return (view.job_state, view.substate) if view else ("", "")


def say(shop: Shop, choice: str) -> None:
    for prompt in list(shop.cell.prompts.values()):
        if choice in prompt.question.choices:
            assert shop.command(AnswerPrompt(prompt.id, choice)).accepted


def replayed(shop: Shop) -> bool:
    cell = empty(PLAN)
    for event in shop.log:
        cell = apply(cell, event)
    return cell == shop.cell


@pytest.mark.parametrize("command", [*ORDER_COMMANDS, _C.CANCEL, _C.UPDATE], ids=lambda each: each.value)
@pytest.mark.parametrize("before", JobState, ids=lambda each: each.name)
def test_every_command_in_every_state_leads_where_the_table_says_or_is_refused(
    before: JobState, command: JobCommand
) -> None:
    shop = IN_STATE[before]()
    assert state(shop)[0] == before.name
    reply = tell(shop, command)
    react(shop)
    say(shop, "scrap")  # Where a machine was broken off, a person has looked, and taken it away.
    if (before, command) not in NEXT:
        assert reply.code == "rejected:precondition_failed"
        assert f"is {before.name} and cannot {command.value}; it can: " in reply.message
        assert reply.result["allowed"] == [
            each.value for state, each in NEXT if state is before and each not in (_C.BEGIN, _C.FINISH)
        ]
        assert state(shop)[0] == before.name
    else:
        after = NEXT[before, command]
        assert reply.accepted
        assert state(shop)[0] == (after.name if after else "")
    assert replayed(shop)


@pytest.mark.parametrize("command", [*ORDER_COMMANDS, _C.CANCEL, _C.UPDATE], ids=lambda each: each.value)
def test_an_order_that_is_not_on_the_list_is_not_known_to_any_command(command: JobCommand) -> None:
    shop = aborted()
    assert tell(shop, _C.CLEAR).accepted
    for order_id in (ORDER, "order-9"):
        assert tell(shop, command, order_id).code == "rejected:unknown_target"


@pytest.mark.parametrize("command", [_C.BEGIN, _C.FINISH, _C.UPDATE], ids=lambda each: each.value)
def test_what_belongs_to_the_executor_is_not_told_in_a_word(command: JobCommand) -> None:
    assert at_work().command(CommandOrder(ORDER, command)).code == "rejected:invalid"


# ---- stored and changed ----------------------------------------------------------------------------------------


def test_a_stored_order_begins_only_after_start_and_says_why_it_waits() -> None:
    shop = store(release=False, quantity=2)
    assert shop.started == []
    assert [job.reasons for job in render(shop.cell).jobs] == [("not_released",)] * 2
    assert tell(shop, _C.START).accepted
    assert [operation.station for operation in shop.started] == ["printer-1", "printer-2"]
    assert state(shop) == ("RUNNING", "")


def test_a_start_that_was_revoked_holds_the_order_back_again() -> None:
    shop = store(release=True, wake=False)
    assert tell(shop, _C.REVOKE_START).accepted
    shop.wake()
    assert shop.started == []


def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    shop = store(release=False, quantity=3)
    serials = [job.serial for job in shop.cell.jobs.values()]
    assert prepared(shop, UpdateOrder(ORDER, quantity=2, priority=7)).result["serials"] == serials[:2]
    order = shop.cell.orders[ORDER].order
    assert (order.quantity, order.priority, order.accepted_at) == (2, 7, "2026-01-05T06:00:00.000Z")
    assert prepared(shop, UpdateOrder(ORDER, due_at="2030-01-01T00:00:00Z")).accepted
    order = shop.cell.orders[ORDER].order
    assert (order.quantity, order.priority, order.due_at) == (2, 7, "2030-01-01T00:00:00Z")
    assert broken(shop.cell) == []
    assert replayed(shop)


def test_an_update_to_another_product_gives_new_serial_numbers() -> None:
    shop = store(release=False)
    update = UpdateOrder(ORDER, product="nameplate", parameters={"text": "ADA"})
    wanted = orders.wanted(shop.cell.orders[ORDER], update)
    assert (wanted.product, wanted.revision, wanted.parameters) == ("nameplate", "", {"text": "ADA"})
    shop.feed(PreparedOrder(Envelope("id-u", "ada", update), DIRECTIVE, "later"))
    assert [job.serial for job in shop.cell.jobs.values()] == ["nameplate-A-00002"]
    assert broken(shop.cell) == []


def test_an_order_has_the_name_that_its_sender_gave_it_and_the_same_again_makes_nothing_twice() -> None:
    shop = store(release=True, order_id="WO 4711/10")
    same = SubmitOrder("plate", {}, order_id="WO 4711/10")
    again = prepared(shop, same)
    assert (again.accepted, again.result["serials"], len(shop.cell.jobs)) == (True, ["plate-A-00001"], 1)
    assert prepared(shop, replace(same, quantity=2)).code == "rejected:id_reused"
    stored = store(release=False, order_id="WO")
    refused = prepared(stored, SubmitOrder("plate", {}, order_id="WO"))
    assert refused.message == "WO is stored already: cellctl order start WO"


def test_a_number_that_a_sender_has_used_is_not_given_out_again() -> None:
    shop = store(release=True, order_id="order-2")
    assert shop.order().result["order_id"] == "order-3"


def test_the_id_of_a_command_from_before_the_upgrade_is_still_known() -> None:
    plain = SubmitOrder("plate", {"text": "ADA"})
    assert content_hash(plain) == "aa762c15fc11f85d423d5e077a32c6954787973f010434e91af1246efff76b9e"
    assert content_hash(replace(plain, release=False)) != content_hash(plain)


# ---- paused ----------------------------------------------------------------------------------------------------


def test_a_pause_holds_its_machine_and_is_true_once_that_stands() -> None:
    shop = at_work(quantity=3)
    (_, second) = shop.started
    assert tell(shop, _C.PAUSE).accepted
    assert shop.told == [Tell("printer-1", _M.HOLD)]
    assert state(shop) == ("RUNNING", "")
    shop.feed(ev.StationChanged("printer-2", MachineState.EXECUTE))  # It had not come to its work yet.
    assert [each.command for each in react(shop)] == [_M.HOLD, _M.HOLD]
    assert state(shop) == ("INTERRUPTED", "Held")
    assert render(shop.cell).orders[0].state == "paused"
    assert tell(shop, _C.RESUME).accepted
    assert {each.command for each in react(shop)} == {_M.UNHOLD}
    assert state(shop) == ("RUNNING", "")
    assert shop.cell.stations["printer-2"].parked is False
    assert second.id in shop.cell.operations


def test_nothing_more_of_a_paused_order_begins_and_others_go_on() -> None:
    shop = store(release=True, quantity=3)
    first, second = list(shop.started)
    shop.started.clear()
    assert tell(shop, _C.PAUSE).accepted
    shop.feed(ev.OperationEnded(second.id, OperationState.NOT_BEGUN, "no"))
    assert shop.started == []
    shop.feed(ev.StationChanged("printer-2", MachineState.IDLE))
    shop.order(directive=PRINT)
    assert [(op.job_id, op.station) for op in shop.started] == [("job-4", "printer-2")]
    assert [job.reasons for job in render(shop.cell).jobs][1:3] == [("order_paused",)] * 2
    assert first.id in shop.cell.operations


def test_a_machine_that_is_held_for_a_paused_order_goes_on_with_the_order_and_not_alone() -> None:
    shop = paused()
    refused = shop.command(CommandMachine("printer-1", _M.UNHOLD))
    assert refused.message == "printer-1 is held because order-1 is paused: cellctl order resume order-1"


def test_a_machine_that_a_person_holds_is_not_let_go_by_a_resume() -> None:
    shop = at_work()
    shop.feed(ev.StationChanged("printer-1", MachineState.HELD))
    assert tell(shop, _C.PAUSE).accepted
    assert tell(shop, _C.RESUME).accepted
    assert shop.told == []


def test_a_carry_ends_before_its_order_is_interrupted() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    shop.work(shop.started.pop())
    (carry,) = shop.started
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    assert tell(shop, _C.PAUSE).accepted
    assert (shop.told, state(shop)) == ([], ("RUNNING", ""))
    shop.started.clear()
    shop.work(carry)
    assert (shop.started, state(shop)) == ([], ("INTERRUPTED", "Held"))
    assert tell(shop, _C.RESUME).accepted
    assert [operation.step for operation in shop.started] == ["engrave"]


def test_what_waits_for_a_person_is_resumed_by_the_answer_and_by_nothing_else() -> None:
    shop = at_work()
    shop.feed(ev.OperationEnded(shop.started.pop().id, OperationState.FAILED, "it broke"))
    assert state(shop) == ("INTERRUPTED", "Held/NeedsConfirmation")
    refused = tell(shop, _C.RESUME)
    assert (refused.code, refused.result) == ("rejected:precondition_failed", {})
    assert "cellctl prompt list" in refused.message
    say(shop, "made")
    assert state(shop) == ("ENDED", "Completed")


def test_a_program_that_broke_off_is_not_gone_on_with_while_its_order_is_paused() -> None:
    shop = paused()
    (operation,) = shop.cell.operations.values()
    shop.feed(ev.OperationEnded(operation.id, OperationState.UNKNOWN, "cable"))
    shop.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    envelope = Envelope("id-r", "ada", ResumeOperation("printer-1", 7))
    shop.feed(PreparedResumption(envelope, operation.id, 7, Program("cc", "rest", 5)))
    assert shop.reply is not None
    assert shop.reply.message == "order-1 is paused; nothing of it goes on"


# ---- stopped, aborted, cancelled -------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize(
    ("command", "told", "after"),
    [(_C.STOP, _M.STOP, ("ENDED", "Closed")), (_C.ABORT, _M.ABORT, ("ABORTED", ""))],
)
def test_stop_and_abort_break_off_what_runs_and_end_with_what_a_person_says(
    command: JobCommand, told: MachineCommand, after: tuple[str, str], held: bool
) -> None:
    shop = paused() if held else at_work(quantity=3)
    assert tell(shop, command).accepted
    for operation in list(shop.started)[1:]:
        shop.feed(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, "no"))
    assert [each.command for each in react(shop)] == [told]
    assert state(shop)[0] == "INTERRUPTED"
    refused = tell(shop, _C.STOP)
    assert refused.message == f"order-1 was told to {command.value} already; what is in work ends first"
    say(shop, "scrap")
    assert state(shop) == after
    assert {job.state for job in shop.cell.jobs.values()} == {JobState.ABORTED}
    assert render(shop.cell).orders[0].state == {_C.STOP: "stopped", _C.ABORT: "aborted"}[command]


def test_an_abort_reaches_the_arm_and_a_stop_lets_it_put_down_what_it_carries() -> None:
    for command, told in ((_C.STOP, []), (_C.ABORT, [Tell("arm-1", _M.ABORT)])):
        shop = Shop()
        shop.wake()
        shop.order()
        shop.work(shop.started.pop())
        shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
        assert tell(shop, command).accepted
        assert shop.told == told


def test_a_stopped_order_may_still_be_aborted_while_something_of_it_runs() -> None:
    shop = at_work()
    assert tell(shop, _C.STOP).accepted
    assert tell(shop, _C.ABORT).accepted
    assert [each.command for each in react(shop)] == [_M.STOP, _M.ABORT]
    say(shop, "scrap")
    assert state(shop) == ("ABORTED", "")


def test_cancel_at_any_stage_stops_the_machine_of_a_paused_order_and_lets_others_end_their_operation() -> None:
    for shop, told in ((paused(), [_M.STOP]), (at_work(), [])):
        assert shop.command(CancelOrder(ORDER)).accepted
        assert [each.command for each in react(shop)] == told
        assert render(shop.cell).orders[0].state == "cancelled"


def test_what_was_cancelled_before_it_began_stays_in_view_and_is_off_the_list() -> None:
    shop = store(release=False)
    assert shop.command(CommandOrder(ORDER, _C.CANCEL)).accepted
    assert [(each.state, each.job_state) for each in render(shop.cell).orders] == [("cancelled", "")]


def test_a_cleared_order_leaves_the_view_and_its_part_stays_known() -> None:
    shop = ended()
    assert tell(shop, _C.CLEAR).accepted
    assert render(shop.cell).orders == ()
    assert shop.cell.parts["plate-A-00001"].place == "printer-1.bed"
    say(shop, "taken away")
    assert broken(shop.cell) == []


def test_every_word_that_an_order_is_told_is_a_command_of_its_own() -> None:
    commands: list[Command] = [CommandOrder(ORDER, command) for command in ORDER_COMMANDS]
    assert len({content_hash(command) for command in commands}) == len(ORDER_COMMANDS)
