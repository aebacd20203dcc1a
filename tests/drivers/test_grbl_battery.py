"""Every fault of the simulated router, a few seeds of each; `make prove-serial` plays a thousand."""

import pytest

from cellctl.domain.work import OperationState
from cellctl_sim.grbl.mishaps import TROUBLES, Mishap
from tests.drivers.grbl_battery import try_out
from tests.drivers.grbl_cases import ALLOWED, case, judge
from tests.drivers.grbl_noise import TELLING, damaged, telling

SEEDS = (1, 2, 3)


@pytest.mark.parametrize("kind", ALLOWED)
def test_every_fault_ends_in_its_named_state_and_nothing_is_done_twice(kind: str) -> None:
    for seed in SEEDS:
        tried = case(kind, seed)
        assert not judge(kind, tried, try_out(tried)), f"{kind}, seed {seed}: {tried}"


def test_every_mishap_of_the_router_is_in_the_battery() -> None:
    ends = {Mishap.DOOR_SHUT, Mishap.START_BUTTON, Mishap.E_STOP_RELEASED}
    # Homing fails outside of any work; it has a test of its own.
    assert set(TROUBLES) - ends - {Mishap.HOMING} <= ALLOWED.keys()


def test_what_the_protocol_can_tell_is_never_called_done() -> None:
    verdicts = [telling(seed) for seed in range(2 * len(TELLING))]
    assert not any(verdict.done or verdict.rules for verdict in verdicts)


def test_a_build_that_repeats_its_lines_lets_no_damage_through() -> None:
    verdicts = [damaged("echo build", seed) for seed in range(20)]
    assert all(verdict.true for verdict in verdicts if verdict.done)
    assert not all(verdict.done for verdict in verdicts)


def test_a_line_that_the_firmware_refused_is_never_called_done() -> None:
    verdicts = [damaged("none", seed) for seed in range(20)]
    refused = [verdict for verdict in verdicts if verdict.refused]
    assert refused
    assert not any(verdict.done for verdict in refused)


def test_the_same_case_ends_in_the_same_way_again() -> None:
    one, other = (try_out(case(Mishap.HARD_LIMIT, 7)) for _ in range(2))
    assert one.facts == other.facts
    assert one.end in (OperationState.FAILED, OperationState.NOT_BEGUN)
