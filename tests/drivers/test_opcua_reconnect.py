"""What a new driver makes of work that was open when the contact was lost."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cellctl.core.evidence import classify
from cellctl.domain.events import EvidenceGathered, OperationEnded, PartMoved, SignalsShown, StationChanged
from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.machine import MachineState as S
from cellctl.domain.stop_events import StopSeen
from cellctl.domain.work import OperationState
from cellctl_drivers.opcua.connection import NEXT, Connection, Contact, Limits, Turn
from cellctl_drivers.opcua.library import profile_for
from tests.drivers.scripted_arm import (
    CARRY,
    COUNTER,
    EXECUTING,
    GRIPPER,
    LOADED,
    NAME,
    PROGRAM,
    READY,
    STATE,
    SUBSTATE,
    Arm,
    Shop,
    play,
)  # fmt: skip

OPEN = replace(CARRY, state=OperationState.UNKNOWN, mark="7")
RUNNING = {STATE: EXECUTING, NAME: PROGRAM, LOADED: True, GRIPPER: True}
ENDED = {STATE: READY, SUBSTATE: 1, NAME: PROGRAM, LOADED: True, COUNTER: 8}


def found(shown: dict[Any, Any], operation: Any = OPEN, **keys: Any) -> Shop:
    """A new contact with an arm that shows this, and is asked for the work."""
    arm = Arm()
    arm.show(shown)

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        shop.facts.clear()
        shop.driver.adopt(operation)
        await shop.server.subscribe([])  # lets the driver have its turn
        for _ in range(20):
            await asyncio.sleep(0.1)

    return play(scene, arm, **keys)


def test_a_program_that_still_runs_is_run_on_and_ends_like_any_other() -> None:
    arm = Arm()
    arm.show(RUNNING)

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        assert shop.reason == "a program is running"
        shop.driver.adopt(OPEN)
        await shop.until(S.EXECUTE)
        shop.arm.run_program()
        await shop.until(S.COMPLETE)

    shop = play(scene, arm)
    kinds = [type(fact) for fact in shop.facts]
    assert kinds.index(EvidenceGathered) < kinds.index(PartMoved) < kinds.index(OperationEnded)
    assert shop.outcome.state is OperationState.DONE
    assert arm.starts() == 0


def test_a_program_that_ended_meanwhile_is_done_where_the_machine_proves_it() -> None:
    shop = found(ENDED)
    (gathered,) = shop.facts
    assert gathered == EvidenceGathered("op-1", Findings(stands=True, shows_ours=False, ended=True, part=True))
    assert classify(OPEN, gathered.found)[0] is Verdict.DONE
    assert shop.arm.calls == []


@pytest.mark.parametrize(
    ("shown", "operation"),
    [
        ({**RUNNING, NAME: "wash"}, OPEN),
        ({**RUNNING, COUNTER: 8}, OPEN),
        (RUNNING, replace(OPEN, mark="")),
        ({**ENDED, COUNTER: 7}, OPEN),
        ({**ENDED, COUNTER: 9}, OPEN),
        ({**ENDED, NAME: "wash"}, OPEN),
        ({**ENDED, SUBSTATE: 2}, OPEN),
        ({**ENDED, GRIPPER: True}, OPEN),
        (ENDED, replace(OPEN, mark="")),
    ],
    ids=[
        "another",
        "ended-since",
        "no-mark",
        "not-ended",
        "twice",
        "another-ended",
        "suspended",
        "holds",
        "no-mark-ended",
    ],
)
def test_what_the_machine_does_not_prove_stays_unknown(shown: dict[Any, Any], operation: Any) -> None:
    shop = found(shown, operation)
    assert not shop.found
    assert not [fact for fact in shop.facts if isinstance(fact, OperationEnded)]
    assert shop.arm.starts() == 0


def test_an_arm_without_a_counter_is_adopted_by_name_but_never_said_to_have_ended_meanwhile() -> None:
    assert found(RUNNING, without=["programs_ended"]).found
    assert not found(ENDED, without=["programs_ended"]).found


def test_a_contact_that_is_lost_again_while_it_is_looked_for_says_nothing_of_the_work() -> None:
    arm = Arm()
    arm.show(RUNNING)

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        shop.driver.adopt(OPEN)
        shop.arm.on_lost("cut")
        await shop.gone.wait()

    shop = play(scene, arm)
    shown = StationChanged | SignalsShown | StopSeen
    assert not [fact for fact in shop.facts if not isinstance(fact, shown)][1:]


# ---- the connection ------------------------------------------------------------------------------------------------


def test_every_state_of_a_connection_can_be_reached_and_only_loss_is_final() -> None:
    reached, before = {Contact.DISCONNECTED}, set[Contact]()
    while reached != before:
        before = set(reached)
        reached |= {after for (state, _), after in NEXT.items() if state in before}
    assert reached == set(Contact)
    assert {state for state in Contact if not any(each is state for each, _ in NEXT)} == {Contact.LOST}
    order = [Contact.DISCONNECTED, Contact.CONNECTING, Contact.RESOLVING, Contact.SUBSCRIBED, Contact.READY]
    for at, (one, other) in enumerate(pairwise(order)):
        assert NEXT[one, Turn.ANSWERED if at else Turn.BEGUN] is other


def test_what_is_lost_is_never_asked_anything() -> None:
    profile = profile_for("m-1", "robotics-1.02", {"namespace": "urn:x"}, (), Path(), "x")
    connection = Connection("m-1", profile, Limits())
    assert len(connection.begin(0.0)) == 1
    assert connection.begin(0.0) == []
    connection.lose()
    assert connection.begin(1.0) == []
    assert connection.deadline_s is None
