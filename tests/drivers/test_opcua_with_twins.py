"""Driver, link and twin over asyncua in virtual time: each fault has named ends (seeds: `make prove-opcua`)."""

from typing import Final

import pytest

from cellctl.domain.work import OperationState as Ended
from cellctl_sim.opcua.trouble import NodeKind
from tests.drivers.opcua_battery import KINDS, YARDS, complaints, try_out

# What a fault may lead to. Wherever the machine's own state cannot prove how it ended, a person is asked: unknown.
_BEFORE: Final = {Ended.DONE, Ended.NOT_BEGUN, Ended.UNKNOWN}
_DURING: Final = {Ended.DONE, Ended.NOT_BEGUN, Ended.UNKNOWN, Ended.FAILED}
ALLOWED: Final = {
    **dict.fromkeys((NodeKind.HANG, NodeKind.HANG_AFTER, NodeKind.SLOW, NodeKind.LATE), _BEFORE),
    **dict.fromkeys((NodeKind.DROP, NodeKind.DROP_AFTER, NodeKind.CUT, NodeKind.RESTART, NodeKind.FULL), _BEFORE),
    **dict.fromkeys((NodeKind.BAD, NodeKind.UNCERTAIN, NodeKind.STALE), _BEFORE),
    **dict.fromkeys((NodeKind.REFUSE, NodeKind.REBOOT, NodeKind.HUGE, NodeKind.WRONG_TYPE), _DURING),
    **dict.fromkeys((NodeKind.WRONG_MODE, NodeKind.STOP_CHAIN, NodeKind.PROTECTIVE_STOP, NodeKind.ALARM), _DURING),
}


def test_every_kind_of_fault_has_its_named_ends() -> None:
    assert set(ALLOWED) == set(KINDS)


@pytest.mark.parametrize(("number", "kind"), list(enumerate(KINDS)))
def test_a_fault_ends_in_a_named_state_and_nothing_is_started_twice(number: int, kind: str) -> None:
    yard = tuple(YARDS)[number % len(YARDS)]
    outcome = try_out(yard, kind, seed=number + 1)
    assert complaints(yard, outcome) == []
    assert outcome.end in ALLOWED[NodeKind(kind)]
