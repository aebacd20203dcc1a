"""The driver of an arm against a scripted server, in virtual time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pytest
from pydantic import ValidationError

from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import (
    ContactFound,
    OperationEnded,
    OperationStarted,
    PartMoved,
    SignalsShown,
    StationChanged,
)
from cellctl.domain.machine import MachineCommand
from cellctl.domain.machine import MachineState as S
from cellctl.domain.stop_events import StopSeen
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place
from cellctl.ports.nodes import NodeAccess, NodePath, NodeRef, NodeValue
from cellctl_drivers.opcua.driver import FAMILY
from tests.drivers.scripted_arm import (
    CARRY,
    COUNTER,
    EXECUTING,
    GRIPPED,
    GRIPPER,
    IDLE,
    LOAD,
    LOADED,
    MODE,
    NAME,
    OURS,
    PROGRAM,
    PROTECTIVE,
    READY,
    START,
    STATE,
    STOP,
    STOP_CHAIN,
    SUBSTATE,
    UNLOAD,
    ZONE,
    Arm,
    Reply,
    Shop,
    answers,
    fails,
    never,
    play,
)  # fmt: skip

FOUND: Final = [S.STOPPED, S.RESETTING, S.IDLE]


# ---- contact -----------------------------------------------------------------------------------------------------


def test_an_arm_that_proves_to_be_free_becomes_idle_and_is_asked_for_nothing() -> None:
    shop = play(lambda shop: shop.until(S.IDLE))
    assert shop.facts[0] == ContactFound("arm-1", f"{OURS};arm-1")
    assert shop.states == FOUND
    assert shop.arm.calls == []
    assert shop.arm.closed == 1
    assert shop.links.asked == [("arm-1", NodeAccess("opc.tcp://127.0.0.1:1/arm-1", insecure=True, call_timeout_s=3.0))]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (MODE, 3, "its operational mode is AUTOMATIC, not AUTOMATIC_EXTERNAL"),
        (MODE, 99, "its mode is not known: it shows '99'"),
        (STOP_CHAIN, True, "its stop chain is open"),
        (PROTECTIVE, True, "its protective stop is active"),
        (STATE, EXECUTING, "a program is running"),
        (GRIPPER, True, "its gripper holds a part"),
        (GRIPPER, 1, "its gripper_holds is not known: it shows '1'"),
        (COUNTER, "many", "its programs_ended is not known: it shows 'many'"),
    ],
)
def test_an_arm_that_does_not_stays_stopped_with_the_reason_until_a_person_resets_it(
    path: NodePath, value: Any, reason: str
) -> None:
    arm = Arm()
    before = arm.shown[path].value
    arm.show({path: value})

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        assert (shop.states, shop.reason) == ([S.STOPPED], reason)
        shop.driver.command(MachineCommand.RESET)
        await shop.until(S.STOPPING)
        assert shop.states == [S.STOPPED, S.RESETTING, S.STOPPING, S.STOPPED]
        assert shop.reason == reason
        arm.show({path: before})
        shop.driver.command(MachineCommand.RESET)
        await shop.until(S.IDLE)
        assert shop.states[-2:] == [S.RESETTING, S.IDLE]

    assert play(scene, arm).arm.calls == []


def test_a_value_that_is_not_good_is_not_known() -> None:
    arm = Arm()
    arm.show({MODE: 4}, good=False)
    shop = play(lambda shop: shop.until(S.STOPPED), arm)
    assert shop.reason == "its mode is not known: the server says BadNoData"


def test_an_idle_arm_that_is_taken_away_by_hand_is_stopped_but_a_moment_of_bad_quality_is_borne() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.arm.show({MODE: 4}, good=False)
        shop.arm.show({MODE: 4})
        assert shop.states == FOUND
        shop.arm.show({MODE: 1})
        assert shop.states == [*FOUND, S.STOPPING, S.STOPPED]

    assert play(scene).arm.calls == []


def test_a_stop_from_outside_is_told_when_its_chain_opens_and_closes_and_never_while_it_is_not_known() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        for value, good in ((False, False), (True, True), (True, False), (True, True), (False, True)):
            shop.arm.show({STOP_CHAIN: value}, good=good)
        shop.arm.show({PROTECTIVE: True})  # of its own, and not of its zone

    told = [fact for fact in play(scene).facts if isinstance(fact, StopSeen)]
    open_chain = StopSeen("arm-1", True, "that its stop chain is open")
    assert told == [StopSeen("arm-1", False), open_chain, StopSeen("arm-1", False)]


def test_a_stop_from_outside_is_told_after_what_the_arm_does_about_it_and_anew_in_every_contact() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({STOP_CHAIN: True})
        await shop.until(S.ABORTING)

    facts = play(scene).facts
    aborting = next(
        at for at, fact in enumerate(facts) if isinstance(fact, StationChanged) and fact.state is S.ABORTING
    )
    pressed = StopSeen("arm-1", True, "that its stop chain is open")
    assert facts.index(pressed) > aborting
    again = Arm()
    again.show({STOP_CHAIN: True})
    assert pressed in play(lambda shop: shop.until(S.STOPPED), again).facts


# ---- a carry -----------------------------------------------------------------------------------------------------


def test_a_carry_is_done_when_everything_is_proved() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.run_program()
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.arm.calls == [("LoadByName", PROGRAM), ("Start",)]
    levels = [fact.signals for fact in shop.facts if isinstance(fact, SignalsShown)]
    assert [level.seq for level in levels] == list(range(levels[0].seq, levels[0].seq + len(levels)))
    assert {level.holds["gripper"] for level in levels} == {False, True}
    assert [fact for fact in shop.facts if not isinstance(fact, SignalsShown)] == [
        StationChanged("arm-1", S.STARTING),
        OperationStarted("op-1", mark="7"),
        StationChanged("arm-1", S.EXECUTE),
        PartMoved("S1", GRIPPED, Knowledge.OBSERVED, by="op-1"),
        PartMoved("S1", CARRY.target, Knowledge.OBSERVED, by="op-1"),
        OperationEnded("op-1", OperationState.DONE),
        StationChanged("arm-1", S.COMPLETING),
        StationChanged("arm-1", S.COMPLETE),
    ]


def test_a_start_under_a_permit_that_is_over_does_not_go_out() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.facts.clear()
        shop.driver.start(CARRY)
        shop.fenced = "the permit of arm-1 for printer-1 is over"
        await shop.until(OperationEnded)

    shop = play(scene)
    assert shop.arm.calls == []
    assert "the permit of arm-1 for printer-1 is over" in shop.outcome.reason


def test_after_complete_it_waits_for_reset_and_unloads_before_the_next_carry() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.run_program()
        await shop.until(S.COMPLETE)
        with pytest.raises(NotAllowed):
            shop.driver.start(CARRY)
        shop.driver.command(MachineCommand.RESET)
        await shop.carrying()
        shop.arm.run_program()
        await shop.until(S.COMPLETE)

    once = [("LoadByName", PROGRAM), ("Start",)]
    assert play(scene).arm.calls == [*once, ("UnloadProgram",), *once]


def test_values_of_one_publication_may_come_in_any_order() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({STATE: READY, SUBSTATE: 1})
        shop.arm.show({COUNTER: 8})
        shop.arm.show({GRIPPER: True})
        shop.arm.show({GRIPPER: False})
        await shop.until(S.COMPLETE)

    assert play(scene).outcome.state is OperationState.DONE


def test_a_program_that_is_over_before_its_start_is_answered_is_a_carry_all_the_same() -> None:
    async def scene(shop: Shop) -> None:
        async def quick() -> tuple[int]:
            shop.arm.show({STATE: EXECUTING})
            shop.arm.run_program()
            return (0,)

        shop.arm.replies[START] = quick
        await shop.carrying()
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.outcome.state is OperationState.DONE
    assert shop.arm.starts() == 1


def test_the_count_of_programs_may_begin_again_at_zero() -> None:
    arm = Arm()
    arm.show({COUNTER: 2**32 - 1})

    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({GRIPPER: True})
        shop.arm.show({GRIPPER: False})
        shop.arm.show({COUNTER: 0, STATE: READY, SUBSTATE: 1})
        await shop.until(S.COMPLETE)

    assert play(scene, arm).outcome.state is OperationState.DONE


@pytest.mark.parametrize(
    ("end", "lacks"),
    [
        ({STATE: READY, SUBSTATE: 1}, "its count of ended programs has not gone up by one"),
        ({COUNTER: 9, STATE: READY, SUBSTATE: 1}, "its count of ended programs has not gone up by one"),
        ({GRIPPER: True, COUNTER: 8, STATE: IDLE, SUBSTATE: 1}, "its gripper is not known to be empty"),
    ],
)
def test_a_carry_that_ends_without_proof_is_unknown_and_says_what_it_lacks(
    end: Mapping[NodePath, Any], lacks: str
) -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({GRIPPER: True})
        shop.arm.show({GRIPPER: False})
        shop.arm.show(end)
        await shop.until(S.STOPPED)

    shop = play(scene)
    assert shop.outcome == OperationEnded("op-1", OperationState.UNKNOWN, lacks)
    assert [fact.place for fact in shop.facts if isinstance(fact, PartMoved)] == [GRIPPED]
    assert shop.reason == lacks


def test_a_gripper_that_never_held_the_part_is_no_carry() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({COUNTER: 8, STATE: READY, SUBSTATE: 1})
        await shop.until(S.STOPPED)

    assert play(scene).outcome.reason == "its gripper was not seen to hold the part"


def test_a_carry_that_takes_too_long_is_stopped_and_unknown() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        began_s = asyncio.get_running_loop().time()
        shop.arm.show({GRIPPER: True, ZONE: "router-1"})
        await shop.until(S.ABORTED)
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(300.0)

    shop = play(scene)
    assert shop.arm.calls[-1] == ("Stop", 0)
    late = "its program takes longer than carry_timeout_s; it stands in the zone of router-1"
    assert shop.outcome == OperationEnded("op-1", OperationState.UNKNOWN, late)


# ---- what may not be started -------------------------------------------------------------------------------------


def test_an_arm_only_carries_and_only_when_idle_and_asks_nothing() -> None:
    async def scene(shop: Shop) -> None:
        with pytest.raises(NotAllowed, match="no contact"):
            shop.driver.start(CARRY)
        await shop.until(S.IDLE)
        process = Operation("op-2", "job-1", "S1", "print", OperationKind.PROCESS, "arm-1", Place("arm-1.gripper"))
        with pytest.raises(NotAllowed, match="cannot do print"):
            shop.driver.start(process)
        with pytest.raises(NotAllowed, match="has not asked"):
            shop.driver.answer("op-1", "yes", "anna")
        with pytest.raises(NotAllowed, match="does not take suspend"):
            shop.driver.command(MachineCommand.SUSPEND)
        shop.driver.start(CARRY)
        with pytest.raises(NotAllowed):
            shop.driver.start(CARRY)
        await shop.until(S.EXECUTE)

    assert play(scene).arm.starts() == 1


def test_values_are_read_afresh_before_a_start_and_nothing_is_called_if_they_speak_against_it() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        # The change is on the server, but no notification has come.
        shop.arm.shown[GRIPPER] = NodeValue(NodeRef(GRIPPER), True)
        shop.driver.start(CARRY)
        await shop.until(S.STOPPED)
        await shop.until(OperationEnded)

    shop = play(scene)
    assert shop.arm.calls == []
    assert shop.outcome == OperationEnded("op-1", OperationState.NOT_BEGUN, "its gripper holds a part")


def test_what_leads_up_to_a_start_is_not_asked_either_once_something_speaks_against_it() -> None:
    async def scene(shop: Shop) -> None:
        async def unload() -> tuple[int]:
            shop.arm.show({MODE: 1})
            shop.arm.show({NAME: "", LOADED: False, STATE: IDLE})
            return (0,)

        shop.arm.replies[UNLOAD] = unload
        shop.arm.show({NAME: "wash", LOADED: True, STATE: READY})
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await shop.until(OperationEnded)

    shop = play(scene)
    assert shop.arm.calls == [("UnloadProgram",)]
    assert shop.outcome.state is OperationState.FAILED
    assert shop.outcome.reason == "its operational mode is MANUAL_REDUCED_SPEED, not AUTOMATIC_EXTERNAL"


@pytest.mark.parametrize(
    ("method", "reply", "reason"),
    [
        (LOAD, answers(-1), "it refuses LoadByName: status -1, see the manual of the controller"),
        (LOAD, answers(3), "it refuses LoadByName: status 3, an alarm is active"),
        (LOAD, answers(), "it refuses LoadByName: its answer () has no output 0"),
        (LOAD, fails(MachineFault("arm-1", "BadUserAccessDenied", do_next="")), "it refuses LoadByName: BadUserAcc"),
        (START, answers(1), "it refuses Start: status 1, its state does not allow it"),
        (LOAD, answers(0), "it does not show the effect of LoadByName"),
    ],
)
def test_what_the_robot_refuses_before_it_moves_has_failed(method: NodePath, reply: Reply, reason: str) -> None:
    arm = Arm()
    arm.replies[method] = reply

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.facts.clear()
        shop.driver.start(CARRY)
        await shop.until(S.STOPPED)

    shop = play(scene, arm)
    assert shop.outcome.state is OperationState.FAILED
    assert shop.outcome.reason.startswith(reason)
    assert shop.states == [S.STARTING, S.STOPPING, S.STOPPED]
    assert arm.calls.count(("LoadByName", PROGRAM)) == 1
    assert arm.starts() <= 1


def test_a_wrong_program_name_is_never_started() -> None:
    async def scene(shop: Shop) -> None:
        async def load(_name: str) -> tuple[int]:
            shop.arm.show({NAME: "wash", LOADED: True, STATE: READY})
            return (0,)

        shop.arm.replies[LOAD] = load
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await shop.until(OperationEnded)

    assert play(scene).arm.starts() == 0


def test_a_start_that_the_server_refuses_may_have_begun_so_the_arm_is_stopped() -> None:
    arm = Arm()
    arm.replies[START] = fails(MachineFault("arm-1", "BadInternalError", do_next=""))

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await shop.until(S.ABORTED)

    shop = play(scene, arm)
    assert shop.outcome.state is OperationState.UNKNOWN
    assert arm.calls == [("LoadByName", PROGRAM), ("Start",), ("Stop", 0)]


def test_a_start_that_is_taken_but_never_seen_is_stopped_and_unknown() -> None:
    arm = Arm()
    arm.replies[START] = answers(0)

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await shop.until(S.ABORTED)

    shop = play(scene, arm)
    assert shop.outcome.state is OperationState.UNKNOWN
    assert arm.calls[-2:] == [("Start",), ("Stop", 0)]


# ---- no answer, no contact ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [LOAD, START])
@pytest.mark.parametrize("reply", [never, fails(LinkLost("arm-1", "no answer in time", do_next=""))])
def test_a_call_without_an_answer_is_not_repeated_and_its_work_is_unknown(method: NodePath, reply: Reply) -> None:
    arm = Arm()
    arm.replies[method] = reply

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await shop.gone.wait()

    shop = play(scene, arm)
    assert shop.outcome.state is OperationState.UNKNOWN
    assert isinstance(shop.ended, LinkLost)
    assert len(arm.calls) == len(set(arm.calls))
    assert ("Stop", 0) not in arm.calls
    assert arm.closed == 1


def test_contact_lost_in_a_carry_leaves_it_unknown_and_sends_nothing_more() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.on_lost("the connection is lost")
        with pytest.raises(NotAllowed, match="no contact"):
            shop.driver.command(MachineCommand.ABORT)
        shop.arm.show({GRIPPER: True})
        await shop.gone.wait()

    shop = play(scene)
    assert shop.facts[-1] == OperationEnded("op-1", OperationState.UNKNOWN, "the connection is lost")
    assert str(shop.ended) == "arm-1: the connection is lost. Check network and controller"
    assert shop.arm.calls[-1] == ("Start",)
    assert shop.arm.closed == 1


def test_a_driver_that_is_cancelled_stops_the_arm_it_moves_and_leaves() -> None:
    shop = play(lambda shop: shop.carrying())
    assert shop.arm.calls[-1] == ("Stop", 0)
    assert shop.facts[-1] == OperationEnded("op-1", OperationState.UNKNOWN, "cellctl has left it")
    assert shop.arm.closed == 1


def test_a_driver_that_is_cancelled_while_a_start_is_open_stops_the_arm_too() -> None:
    async def scene(shop: Shop) -> None:
        called = asyncio.Event()

        async def start() -> tuple[int]:
            called.set()
            await never()
            return (0,)

        shop.arm.replies[START] = start
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        await called.wait()

    shop = play(scene)
    assert shop.arm.calls[-2:] == [("Start",), ("Stop", 0)]
    assert shop.outcome.state is OperationState.UNKNOWN


def test_a_driver_that_is_cancelled_does_not_wait_for_a_silent_arm() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.replies[STOP] = never

    assert play(scene).arm.closed == 1


# ---- hold, abort, stops ------------------------------------------------------------------------------------------


def test_hold_stops_the_program_and_unhold_goes_on_with_it() -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show({GRIPPER: True})
        shop.driver.command(MachineCommand.HOLD)
        await shop.until(S.HELD)
        shop.facts.clear()
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.EXECUTE)
        shop.arm.run_program()
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.arm.calls == [("LoadByName", PROGRAM), ("Start",), ("Stop", 0), ("Start",)]
    assert shop.states == [S.UNHOLDING, S.EXECUTE, S.COMPLETING, S.COMPLETE]
    assert shop.outcome.state is OperationState.DONE


def test_a_program_that_ended_at_the_moment_of_the_hold_is_not_started_again() -> None:
    async def scene(shop: Shop) -> None:
        async def too_late(_mode: int) -> tuple[int]:
            shop.arm.run_program()
            return (1,)

        shop.arm.replies[STOP] = too_late
        await shop.carrying()
        shop.driver.command(MachineCommand.HOLD)
        await shop.until(S.HELD)
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.arm.starts() == 1
    assert shop.outcome.state is OperationState.DONE


async def held(shop: Shop) -> None:
    await shop.carrying()
    shop.driver.command(MachineCommand.HOLD)
    await shop.until(S.HELD)
    shop.arm.calls.clear()
    shop.facts.clear()


def test_a_resume_that_the_robot_refuses_leaves_it_held() -> None:
    async def scene(shop: Shop) -> None:
        await held(shop)
        shop.arm.replies[START] = answers(3)
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.HELD)

    shop = play(scene)
    assert shop.reason == "it refuses Start: status 3, an alarm is active"
    assert shop.arm.calls == [("Start",)]


def test_a_resume_that_is_taken_but_never_seen_is_stopped_and_unknown() -> None:
    async def scene(shop: Shop) -> None:
        await held(shop)
        shop.arm.replies[START] = answers(0)
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.ABORTED)

    shop = play(scene)
    assert shop.arm.calls == [("Start",), ("Stop", 0)]
    assert shop.outcome.state is OperationState.UNKNOWN


@pytest.mark.parametrize("change", [{MODE: 1}, {NAME: "wash"}, {GRIPPER: "torn"}])
def test_a_held_arm_that_was_touched_is_not_resumed(change: Mapping[NodePath, Any]) -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.driver.command(MachineCommand.HOLD)
        await shop.until(S.HELD)
        shop.arm.show(change)
        shop.facts.clear()
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.HELD)
        assert shop.states == [S.UNHOLDING, S.HOLDING, S.HELD]
        assert shop.reason

    assert play(scene).arm.starts() == 1


def test_a_hold_before_the_start_begins_anew_at_unhold() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        shop.driver.command(MachineCommand.HOLD)
        await shop.until(S.HELD)
        assert shop.arm.calls == []
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.EXECUTE)

    assert play(scene).arm.starts() == 1


def test_abort_stops_the_arm_once_its_open_call_is_answered() -> None:
    async def scene(shop: Shop) -> None:
        async def start() -> tuple[int]:
            shop.driver.command(MachineCommand.ABORT)
            shop.arm.show({STATE: EXECUTING})
            return (0,)

        shop.arm.replies[START] = start
        await shop.until(S.IDLE)
        shop.facts.clear()
        shop.driver.start(CARRY)
        await shop.until(S.ABORTED)
        shop.driver.command(MachineCommand.CLEAR)
        await shop.until(S.STOPPED)
        shop.driver.command(MachineCommand.RESET)
        await shop.until(S.IDLE)

    shop = play(scene)
    assert shop.arm.calls[-2:] == [("Start",), ("Stop", 0)]
    assert shop.outcome == OperationEnded("op-1", OperationState.UNKNOWN, "abort was commanded")
    assert shop.states == [S.STARTING, S.ABORTING, S.ABORTED, S.CLEARING, S.STOPPED, S.RESETTING, S.IDLE]


def test_an_abort_before_anything_was_called_says_that_nothing_began() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(CARRY)
        shop.driver.command(MachineCommand.ABORT)
        await shop.until(S.ABORTED)

    shop = play(scene)
    assert (shop.arm.calls, shop.outcome.state) == ([], OperationState.NOT_BEGUN)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [({STOP_CHAIN: True}, "its stop chain is open"), ({PROTECTIVE: True}, "its protective stop is active")],
)
def test_a_stop_of_the_robots_own_aborts_and_nothing_restarts_by_itself(
    stop: Mapping[NodePath, Any], reason: str
) -> None:
    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.arm.show(stop)
        await shop.until(S.ABORTED)
        shop.arm.show(dict.fromkeys(stop, False))

    shop = play(scene)
    assert shop.outcome == OperationEnded("op-1", OperationState.UNKNOWN, reason)
    assert shop.states[-2:] == [S.ABORTING, S.ABORTED]
    assert shop.arm.starts() == 1


def test_an_arm_that_does_not_come_to_rest_is_a_fault_for_a_person() -> None:
    arm = Arm()
    arm.replies[STOP] = answers(0)

    async def scene(shop: Shop) -> None:
        await shop.carrying()
        shop.driver.command(MachineCommand.HOLD)
        await shop.gone.wait()

    shop = play(scene, arm)
    assert isinstance(shop.ended, MachineFault)
    assert "does not come to rest" in str(shop.ended)
    assert shop.outcome.state is OperationState.UNKNOWN


def test_a_program_of_somebody_else_is_stopped_only_when_a_person_asks() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.arm.show({STATE: EXECUTING})
        await shop.until(S.STOPPING)
        assert shop.arm.calls == []
        shop.driver.command(MachineCommand.ABORT)
        await shop.until(S.ABORTED)
        assert shop.arm.calls == [("Stop", 0)]

    play(scene)


# ---- the cell file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{}, {"url": "http://x"}, {"url": "opc.tcp://h:1", "call_timeout_s": 0}, {"url": "opc.tcp://h:1", "ports": 1}],
)
def test_options_that_make_no_sense_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FAMILY.options(**wrong)
