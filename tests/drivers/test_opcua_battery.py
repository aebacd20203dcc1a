"""A few cases of the battery over asyncua; `make prove-opcua` plays many."""

import pytest

from cellctl.domain.work import OperationState
from tests.drivers.opcua_battery import YARDS, complaints, try_out


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
