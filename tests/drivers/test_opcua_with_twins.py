"""Driver, link and twin over asyncua in virtual time: each fault has named ends (seeds: `make prove-opcua`)."""

import pytest

from tests.drivers.opcua_battery import ALLOWED, KINDS, YARDS, complaints, try_out


def test_every_kind_of_fault_has_its_named_ends() -> None:
    assert set(ALLOWED) == set(KINDS)


@pytest.mark.parametrize(("number", "kind"), list(enumerate(KINDS)))
def test_a_fault_ends_in_a_named_state_and_nothing_is_started_twice(number: int, kind: str) -> None:
    yard = tuple(YARDS)[number % len(YARDS)]
    assert complaints(yard, kind, try_out(yard, kind, seed=number + 1)) == []


@pytest.mark.parametrize("yard", YARDS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_does_so_with_every_machine_in_memory(yard: str, kind: str) -> None:
    assert complaints(yard, kind, try_out(yard, kind, seed=1, road="memory")) == []
