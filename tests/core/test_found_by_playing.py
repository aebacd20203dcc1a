"""Each of these went wrong once: found by playing the brain against random cells, or by reading it as an enemy."""

from dataclasses import replace

import pytest

from cellctl.core import dispatch, rights
from cellctl.core.cell import empty
from cellctl.core.decide import decide
from cellctl.core.instructions import Answer, PassOn, Start, Tell
from cellctl.core.reasons import Reason
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CancelOrder, CommandMachine, Envelope, SubmitOrder
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Directive,
    Disposition,
    Knowledge,
    Operation,
    OperationState,
    Place,
    Plan,
    Program,
    Prompt,
    Question,
    Station,
    Step,
    one_way,
)

from .shop import PLAN, Shop

PART = "nameplate-A-00001"
PRINT = one_way("print", "fdm", Program("aa", "base", 100))
ENGRAVE = one_way("engrave", "engrave", Program("bb", "text", 20))
INSPECT = one_way("inspect", "inspect", question=Question("Good?", ("accept", "scrap")))


def shop_until(step: str, plan: Plan = PLAN, steps: tuple[Step, ...] = (), quantity: int = 1) -> tuple[Shop, Operation]:
    """A shop that has done everything before the first `step`, which is started."""
    shop = Shop(plan)
    shop.wake()
    shop.order(quantity, directive=Directive("nameplate", "A", {}, steps) if steps else None)
    while shop.started[0].step != step:
        shop.work(shop.started.pop(0))
    return shop, shop.started.pop(0)


def work_on(shop: Shop, part: int, step: str) -> None:
    """The station that was started for this step of a part does it."""
    wanted = next(op for op in shop.started if op.step == step and op.serial.endswith(str(part)))
    shop.started.remove(wanted)
    shop.work(wanted)


def plan_with(*stations: Station) -> Plan:
    return Plan("test", {**PLAN.stations, **{station.name: station for station in stations}})


def the_prompt(shop: Shop) -> Prompt:
    (prompt,) = shop.cell.prompts.values()
    return prompt


def answer(shop: Shop, choice: str) -> None:
    assert shop.command(AnswerPrompt(the_prompt(shop).id, choice)).accepted


# ---- what nobody did is not believed -----------------------------------------------------------------------------


def test_a_part_of_a_cancelled_order_on_the_desk_is_not_gone_before_somebody_took_it() -> None:
    shop, _ = shop_until("inspect")
    shop.feed(ev.ControllerStarted("test"))  # The question is to be asked again, but not before the bench is there.
    shop.command(CancelOrder("order-1"))
    assert shop.cell.parts[PART].place == "bench-1.desk"
    assert the_prompt(shop).question.choices == ("taken away",)


def test_a_part_that_a_person_far_away_calls_made_stays_where_it_is_until_it_is_taken_away() -> None:
    pack = one_way("pack", "inspect")
    shop, packing = shop_until("pack", steps=(PRINT, ENGRAVE, pack))
    shop.feed(ev.OperationEnded(packing.id, OperationState.UNKNOWN, "nobody knows"))
    answer(shop, "made")
    assert shop.cell.parts[PART].disposition is Disposition.ACCEPTED
    assert shop.cell.parts[PART].place == "bench-1.desk"
    answer(shop, "taken away")
    assert shop.cell.parts[PART].place == GONE


def test_a_carry_that_is_done_puts_the_part_at_its_target_even_if_nobody_saw_it_pass() -> None:
    shop, carry = shop_until("carry")
    shop.feed(ev.OperationEnded(carry.id, OperationState.DONE))
    assert shop.cell.parts[PART].place == "router-1.vise"
    assert shop.cell.parts[PART].knowledge is Knowledge.RECORDED


def test_an_end_that_is_none_does_not_count_as_done() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.OperationEnded(printing.id, OperationState.RUNNING))
    assert shop.cell.jobs["job-1"].step == 0
    assert "unknown" in the_prompt(shop).question.text


# ---- echoes ------------------------------------------------------------------------------------------------------


def test_a_state_heard_after_contact_was_lost_sends_no_arm_to_the_machine() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.ContactLost("arm-1", "cable"))
    shop.work(printing)
    shop.feed(ev.ContactLost("printer-1", "cable"))
    shop.feed(ev.StationChanged("printer-1", MachineState.IDLE))
    shop.feed(ev.ContactFound("arm-1", "twin"))
    shop.feed(ev.StationChanged("arm-1", MachineState.IDLE))
    assert shop.started == []
    assert shop.cell.stations["printer-1"].state is None


def test_an_arm_in_the_zone_of_a_machine_that_is_lost_may_go_no_further_in_until_that_is_heard_again() -> None:
    shop, carry = shop_until("carry")
    shop.feed(ev.OperationStarted(carry.id))
    shop.feed(ev.OperationSent(carry.id))
    shop.feed(ev.StationChanged("arm-1", MachineState.EXECUTE))
    take = next(each for each in shop.cell.transfers.values() if each.giver == "printer-1")
    assert take.permit is not None
    assert rights.against_motion(shop.cell, "arm-1", take.permit.token) == ""
    shop.feed(ev.ContactLost("printer-1", "cable"))
    assert "printer-1 is not heard" in rights.against_motion(shop.cell, "arm-1", take.permit.token)
    shop.feed(ev.ContactFound("printer-1", "twin"))
    shop.feed(ev.StationChanged("printer-1", MachineState.COMPLETE))
    renewed = shop.cell.transfers[take.id].permit
    assert renewed is not None
    assert rights.against_motion(shop.cell, "arm-1", take.permit.token) != ""
    assert rights.against_motion(shop.cell, "arm-1", renewed.token) == ""


def test_a_late_start_does_not_make_the_unknown_known() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.OperationEnded(printing.id, OperationState.UNKNOWN, "defect"))
    shop.feed(ev.OperationStarted(printing.id))
    assert shop.cell.operations[printing.id].state is OperationState.UNKNOWN
    answer(shop, "scrap")
    assert not [tell for tell in shop.told if isinstance(tell, PassOn)]
    assert shop.cell.parts[PART].disposition is Disposition.SCRAPPED


def test_a_late_question_of_a_station_is_not_asked_beside_the_one_about_the_unknown() -> None:
    shop, carry = shop_until("carry")
    shop.feed(ev.OperationEnded(carry.id, OperationState.UNKNOWN, "defect"))
    late = Prompt(f"{carry.id}?", carry.station, Question("Take it", ("done", "not possible")), carry.id, PART)
    shop.feed(ev.PromptRaised(late))
    assert the_prompt(shop).question.choices == (carry.source, carry.target, "not in the cell")


def test_the_echo_of_an_old_carry_does_not_move_the_part_back() -> None:
    shop, carry = shop_until("carry")
    shop.work(carry)
    shop.work(shop.started.pop(0))
    shop.work(shop.started.pop(0))
    assert shop.cell.parts[PART].place == "outfeed.1"
    shop.feed(ev.PartMoved(PART, carry.target, Knowledge.OBSERVED, carry.id))
    assert shop.cell.parts[PART].place == "outfeed.1"


# ---- machines that vanish, crash or refuse -----------------------------------------------------------------------


def test_a_driver_that_dies_without_a_word_leaves_its_work_unknown_and_not_open_for_ever() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.StationChanged("printer-1", MachineState.STARTING))
    shop.feed(ev.ContactLost("printer-1", "defect in the driver"))
    assert shop.cell.operations[printing.id].state is OperationState.UNKNOWN
    assert "defect in the driver" in the_prompt(shop).question.text


def test_work_that_had_not_come_to_a_machine_when_contact_was_lost_is_left_to_its_supervisor() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.ContactLost("printer-1", "cable"))
    assert shop.cell.prompts == {}
    shop.feed(ev.OperationEnded(printing.id, OperationState.NOT_BEGUN, "not connected"))
    assert [operation.station for operation in shop.started] == ["printer-2"]


def test_a_machine_that_comes_back_still_running_is_asked_about_and_its_end_decides_nothing() -> None:
    shop, printing = shop_until("print")
    shop.feed(ev.OperationStarted(printing.id))
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    shop.feed(ev.ContactLost("printer-1", "cable"))
    shop.feed(ev.ContactFound("printer-1", "twin"))
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    shop.feed(ev.OperationEnded(printing.id, OperationState.DONE))
    shop.feed(ev.StationChanged("printer-1", MachineState.COMPLETE))
    assert not shop.started
    assert not shop.told
    answer(shop, "made")
    assert [operation.source for operation in shop.started] == ["printer-1.bed"]


def test_a_carry_by_hand_that_was_open_at_a_crash_keeps_its_places_until_the_person_says_where_the_part_is() -> None:
    shop, carry = shop_until("carry", steps=(PRINT, INSPECT), quantity=2)
    shop.work(carry)
    by_hand = next(operation for operation in shop.started if operation.station == "bench-1")
    shop.started.remove(by_hand)
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    assert not [operation for operation in shop.started if "bench-1" in operation.target]
    prompt = next(each for each in shop.cell.prompts.values() if each.operation_id == by_hand.id)
    assert prompt.question.choices == ("outfeed.1", "bench-1.desk", "not in the cell")
    shop.command(AnswerPrompt(prompt.id, "bench-1.desk"))
    assert [operation.step for operation in shop.started if operation.serial == PART] == ["inspect"]


def test_a_machine_that_refuses_its_work_is_not_asked_again_at_once_and_for_ever() -> None:
    shop = Shop(Plan("test", {name: PLAN.stations[name] for name in ("printer-1", "router-1")}))
    shop.wake()
    shop.order()
    for _ in range(2):
        shop.feed(ev.OperationEnded(shop.started.pop().id, OperationState.NOT_BEGUN, "it has no program"))
        assert shop.started == []
        (reason,) = reasons(shop)
        assert (reason.code, "it has no program" in reason.sentence) == ("refused", True)
        shop.feed(ev.StationChanged("printer-1", MachineState.STOPPED))
        shop.feed(ev.StationChanged("printer-1", MachineState.IDLE))


@pytest.mark.parametrize("state", [OperationState.FAILED, OperationState.UNKNOWN])
def test_a_question_that_was_given_up_is_asked_again_and_counts_neither_as_accepted_nor_as_scrap(
    state: OperationState,
) -> None:
    shop, inspection = shop_until("inspect")
    shop.feed(ev.StationChanged("bench-1", MachineState.EXECUTE))
    shop.feed(ev.OperationEnded(inspection.id, state, "abort was commanded"))
    assert shop.cell.prompts == {}
    assert shop.cell.parts[PART].disposition is Disposition.IN_WORK
    shop.feed(ev.StationChanged("bench-1", MachineState.ABORTED))
    shop.feed(ev.StationChanged("bench-1", MachineState.IDLE))
    assert [operation.step for operation in shop.started] == ["inspect"]


def test_work_by_hand_that_is_not_possible_is_not_asked_for_again_before_somebody_has_looked() -> None:
    saw = one_way("saw", "inspect")
    shop, sawing = shop_until("saw", steps=(saw, INSPECT))
    shop.feed(ev.OperationEnded(sawing.id, OperationState.FAILED, "not possible", answer="not possible", by="eve"))
    assert shop.started == []
    assert shop.cell.parts[PART].place == "bench-1.desk"
    assert the_prompt(shop).question.choices == ("made", "scrap", "not begun")


# ---- resets ------------------------------------------------------------------------------------------------------


def test_a_machine_is_not_reset_by_hand_while_an_arm_takes_its_part_out() -> None:
    shop, carry = shop_until("carry")
    shop.feed(ev.PartMoved(PART, Place("arm-1.gripper"), Knowledge.OBSERVED, carry.id))
    refused = shop.command(CommandMachine("printer-1", MachineCommand.RESET))
    assert refused.message == f"printer-1 takes part in {carry.id} (carry), which must end first"


def test_a_stopped_machine_can_be_reset_if_its_part_goes_on_right_there() -> None:
    shop, first = shop_until("engrave", steps=(PRINT, ENGRAVE, replace(ENGRAVE, name="again")))
    shop.feed(ev.StationChanged("router-1", MachineState.EXECUTE))
    shop.feed(ev.OperationEnded(first.id, OperationState.DONE))
    shop.feed(ev.StationChanged("router-1", MachineState.STOPPED))
    assert shop.command(CommandMachine("router-1", MachineCommand.RESET)).accepted
    shop.feed(ev.StationChanged("router-1", MachineState.IDLE))
    assert [operation.step for operation in shop.started] == ["again"]


def test_a_person_whose_part_is_still_on_the_desk_can_carry_it_away() -> None:
    bench = Station("bench-2", "manual", ("deburr",), ("table",), ("printer-1", "printer-2", "bench-2", "router-1"))
    shop, deburring = shop_until("deburr", plan_with(bench), (PRINT, one_way("deburr", "deburr"), ENGRAVE, INSPECT))
    shop.work(deburring)
    assert [(operation.station, operation.source) for operation in shop.started] == [("bench-2", "bench-2.table")]


@pytest.mark.parametrize("command", [MachineCommand.START, MachineCommand.STATE_COMPLETE])
def test_nobody_can_tell_a_machine_what_only_an_operation_or_the_machine_itself_may(command: MachineCommand) -> None:
    shop = Shop()
    shop.wake()
    shop.feed(
        ev.StationChanged("printer-1", MachineState.IDLE if command is MachineCommand.START else MachineState.EXECUTE)
    )
    assert shop.command(CommandMachine("printer-1", command)).code == "rejected:invalid"
    assert shop.told == []


# ---- ways --------------------------------------------------------------------------------------------------------


def test_the_place_that_a_part_was_taken_from_is_kept_free_for_its_return() -> None:
    plan = plan_with(Station("arm-2", "opcua", (), ("gripper",), ("printer-1", "printer-2", "infeed")))
    shop = Shop(plan)
    shop.wake()
    shop.order(quantity=5)
    for serial, step in ((1, "print"), (1, "carry"), (2, "print"), (2, "carry"), (1, "engrave"), (1, "carry")):
        work_on(shop, serial, step)
    back = next(op for op in shop.started if op.source == "infeed.1")
    shop.feed(ev.PartMoved(back.serial, Place("arm-1.gripper"), Knowledge.OBSERVED, back.id))
    work_on(shop, 3, "print")
    assert "infeed.1" not in {operation.target for operation in shop.started}
    work_on(shop, 2, "carry")
    assert "infeed.1" in {operation.target for operation in shop.started}


def test_two_parts_that_want_each_others_machine_pass_by_way_of_the_buffer() -> None:
    topping = one_way("finish", "fdm", Program("cc", "top", 5))
    plan = Plan("test", {name: station for name, station in PLAN.stations.items() if name != "printer-2"})
    shop, engraving = shop_until("engrave", plan, (PRINT, ENGRAVE, topping), quantity=2)
    shop.work(shop.started.pop(0))  # the second print: its bed is what the first part wants now
    shop.work(engraving)
    assert [f"{op.source}>{op.target}" for op in shop.started] == ["router-1.vise>infeed.1"]
    shop.work_off()
    answer(shop, "taken away")
    shop.obey()
    shop.work_off()
    assert {part.disposition for part in shop.cell.parts.values()} == {Disposition.ACCEPTED}


def test_no_part_is_put_out_of_the_way_to_where_there_is_no_way_on() -> None:
    bench = Station("bench-2", "manual", ("deburr",), ("table",), ("printer-1", "printer-2", "bench-2"))
    steps = (PRINT, one_way("deburr", "deburr"), INSPECT)
    shop, printing = shop_until("print", plan_with(bench), steps, quantity=3)
    shop.feed(ev.ContactLost("bench-2", "at lunch"))
    shop.work(printing)
    assert "infeed.1" not in {operation.target for operation in shop.started}


def test_nobody_is_sent_to_a_rack_in_which_an_arm_may_stand() -> None:
    look = replace(INSPECT, name="look")
    shop = Shop()
    shop.wake()
    shop.order(2, directive=Directive("nameplate", "A", {}, (look, ENGRAVE, INSPECT)))
    for step in ("look", "carry", "carry", "engrave"):
        work_on(shop, 1, step)
    carry = next(op for op in shop.started if op.step == "carry")
    assert (carry.station, carry.target) == ("arm-1", "outfeed.1")
    shop.feed(ev.OperationEnded(carry.id, OperationState.UNKNOWN, "stop chain"))
    shop.started.remove(carry)
    work_on(shop, 2, "look")
    assert shop.started == []
    assert [reason.code for reason in reasons(shop, "job-2")] == ["needs_confirmation"]
    answer(shop, "outfeed.1")
    assert [operation.source for operation in shop.started] == ["bench-1.desk"]


def test_a_rack_does_no_work_whatever_its_capabilities() -> None:
    plan = plan_with(Station("shelf", "", ("fdm",), ("1",)))
    plan = Plan("test", {"shelf": plan.stations["shelf"]})
    shop = Shop(plan)
    shop.order()
    assert reasons(shop) == (Reason("no_capability", "no station of this cell can fdm"),)


def reasons(shop: Shop, job: str = "job-1") -> tuple[Reason, ...]:
    found = dispatch.next_operation(shop.cell, shop.cell.jobs[job])
    assert isinstance(found, tuple)
    return found


# ---- nothing is too strange --------------------------------------------------------------------------------------


def test_a_station_that_has_left_the_cell_file_is_a_place_that_nobody_reaches() -> None:
    shop, carry = shop_until("carry")
    smaller = Plan(
        "test", {name: station for name, station in PLAN.stations.items() if name not in ("printer-1", "arm-1")}
    )
    shop.cell = replace(empty(smaller), **{
        name: getattr(shop.cell, name) for name in ("orders", "jobs", "parts", "operations", "prompts", "counts")
    })  # fmt: skip
    shop.feed(ev.ControllerStarted("test"))
    assert the_prompt(shop).operation_id == carry.id
    answer(shop, carry.source)
    assert [reason.code for reason in reasons(shop)] == ["no_way"]


@pytest.mark.parametrize(
    "fact",
    [
        ev.ContactFound("lathe-9", "?"),
        ev.ContactLost("lathe-9", "?"),
        ev.ContactLost("outfeed", "?"),
        ev.StationChanged("lathe-9", MachineState.IDLE),
        ev.OperationStarted("op-99"),
        ev.OperationEnded("op-99", OperationState.UNKNOWN),
        ev.PartMoved("part-99", Place("router-1.vise"), Knowledge.OBSERVED, "op-99"),
        ev.PartMoved(PART, Place("lathe-9.chuck"), Knowledge.OBSERVED, "op-1"),
        ev.PromptRaised(Prompt("op-99?", "lathe-9", Question("?", ("a",)), "op-99")),
        ev.PromptWithdrawn("prompt-99"),
    ],
)
def test_a_fact_about_nothing_that_we_know_changes_nothing(fact: ev.Fact) -> None:
    shop, _ = shop_until("print")
    assert decide(shop.cell, fact, shop.now_s) == (shop.cell, [])


def test_an_order_that_was_not_prepared_is_refused_and_does_not_end_the_controller() -> None:
    _, todo = decide(Shop().cell, Envelope("id-1", "ada", SubmitOrder("nameplate", {})), 0.0)
    (reply,) = [step.reply for step in todo if isinstance(step, Answer)]
    assert reply.code == "rejected:internal"


# ---- cancelled orders --------------------------------------------------------------------------------------------


def test_an_order_that_is_done_cannot_be_cancelled_any_more() -> None:
    shop, inspection = shop_until("inspect")
    shop.work(inspection)
    reply = shop.command(CancelOrder("order-1"))
    assert (reply.code, shop.cell.orders["order-1"].cancelled) == ("rejected:precondition_failed", False)


@pytest.mark.parametrize(("choice", "asked"), [("made", ("taken away",)), ("scrap", ()), ("not begun", ())])
def test_a_cancelled_order_ends_with_the_answer_about_what_was_unknown(choice: str, asked: tuple[str, ...]) -> None:
    shop, _ = shop_until("print")
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    shop.command(CancelOrder("order-1"))
    answer(shop, choice)
    assert shop.cell.jobs["job-1"].state is JobState.ABORTED
    assert shop.started == []
    assert tuple(choice for prompt in shop.cell.prompts.values() for choice in prompt.question.choices) == asked
    assert shop.cell.parts[PART].place in ((NOWHERE, GONE) if not asked else ("printer-1.bed",))


def test_a_question_to_take_a_part_away_outlives_a_restart_and_frees_the_machine() -> None:
    shop, printing = shop_until("print")
    shop.command(CancelOrder("order-1"))
    shop.work(printing)
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    shop.order(quantity=2)
    assert [operation.station for operation in shop.started] == ["printer-2"]
    answer(shop, "taken away")
    assert [operation.station for operation in shop.started] == ["printer-2", "printer-1"]


def test_serial_numbers_are_not_used_twice_after_scrap_and_a_restart() -> None:
    shop, _ = shop_until("print")
    for _ in range(3):
        shop.feed(ev.ControllerStarted("test"))
        shop.wake()
        answer(shop, "scrap")
    assert [job.serial for job in shop.cell.jobs.values()] == [f"nameplate-A-{number:05d}" for number in range(1, 5)]


def test_no_machine_is_started_or_reset_by_an_answer_that_was_refused() -> None:
    shop, _ = shop_until("print")
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    _, todo = decide(shop.cell, Envelope("id-9", "ada", AnswerPrompt(the_prompt(shop).id, "perhaps")), shop.now_s)
    assert not [step for step in todo if isinstance(step, Start | Tell)]


# ---- arms and persons --------------------------------------------------------------------------------------------


def test_an_arm_is_not_sent_to_a_rack_into_which_a_person_was_asked_to_reach() -> None:
    shop = Shop()
    shop.wake()
    shop.order(2)
    work_on(shop, 1, "print")
    work_on(shop, 2, "print")
    work_on(shop, 1, "carry")
    work_on(shop, 1, "engrave")
    work_on(shop, 1, "carry")
    by_hand = next(op for op in shop.started if op.station == "bench-1")
    assert by_hand.source == "outfeed.1"
    work_on(shop, 2, "carry")
    work_on(shop, 2, "engrave")
    assert [op for op in shop.started if op.target.startswith("outfeed")] == []
    (job,) = (job for job in shop.cell.jobs.values() if job.serial.endswith("2"))
    assert dispatch.next_operation(shop.cell, job) == (
        Reason("station_busy", f"outfeed takes part in {by_hand.id} (carry)"),
    )
    shop.started.remove(by_hand)
    shop.work(by_hand)
    assert [op.target for op in shop.started if op.station == "arm-1"] == ["outfeed.1"]


@pytest.mark.parametrize("gone", [MachineState.ABORTED, None])
def test_a_machine_is_not_started_while_an_arm_that_broke_off_may_stand_in_its_way(gone: MachineState | None) -> None:
    shop, carry = shop_until("carry")
    shop.feed(ev.OperationStarted(carry.id))
    shop.feed(ev.OperationEnded(carry.id, OperationState.UNKNOWN, "it fell silent"))
    shop.feed(ev.StationChanged("arm-1", gone) if gone else ev.ContactLost("arm-1", "nothing was heard"))
    answer(shop, "router-1.vise")
    assert shop.started == []
    (job,) = shop.cell.jobs.values()
    reasons = dispatch.next_operation(shop.cell, job)
    assert isinstance(reasons, tuple)
    assert reasons[0].code == "arm_in_the_way"
    shop.feed(ev.ContactFound("arm-1", "twin"))
    shop.feed(ev.StationChanged("arm-1", MachineState.IDLE))
    assert [op.step for op in shop.started] == ["engrave"]
