"""A few cases of the battery over asyncua; `make prove-opcua` plays many."""

import pytest

from cellctl.domain import events as ev
from cellctl.domain.work import OperationState
from tests.drivers.opcua_battery import ROADS, YARDS, complaints, try_out


@pytest.mark.parametrize("yard", YARDS)
def test_without_trouble_the_work_is_done(yard: str) -> None:
    outcome = try_out(yard, "", 1)
    assert (outcome.end, complaints(yard, "", outcome)) == (OperationState.DONE, [])


@pytest.mark.parametrize("yard", YARDS)
@pytest.mark.parametrize("kind", ["drop-after", "hang-after", "restart"])
def test_with_trouble_it_ends_in_a_named_state_and_was_started_once(yard: str, kind: str) -> None:
    assert complaints(yard, kind, try_out(yard, kind, 2)) == []


@pytest.mark.parametrize(("kind", "seed"), [("wrong-type", 138), ("stop-chain", 241)])
def test_what_is_heard_while_a_start_waits_to_go_out_still_counts(kind: str, seed: int) -> None:
    assert complaints("handshake", kind, try_out("handshake", kind, seed, "memory")) == []


@pytest.mark.parametrize("road", ROADS)
def test_how_far_the_session_is_and_how_old_its_values_are_is_told_all_the_time(road: str) -> None:
    outcome = try_out("robotics", "cut", 1, road)
    seen = [fact.session for fact in outcome.facts if isinstance(fact, ev.SessionSeen)]
    stages = [each.stage for at, each in enumerate(seen) if not at or seen[at - 1].stage != each.stage]
    way_in = ["connecting", "resolving", "subscribed", "ready"]
    # Cut, tried in vain, found again, and left in the end.
    assert stages[:5] == stages[-5:] == [*way_in, "lost"]
    assert set(stages) == {*way_in, "lost"}
    ages = [each.oldest_value_at for each in seen if each.stage == "ready"]
    assert all(ages) and ages == sorted(ages)
    assert not any(each.oldest_value_at for each in seen if each.stage in way_in[:2])
