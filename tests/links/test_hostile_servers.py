"""Whatever a server does, the link sends no command, waits no longer than ten seconds, and keeps its memory."""

import pytest

from tests.links.hostile_servers import LIMIT_BYTES, LIMIT_S, SERVICES, STRANGERS, WIRE, visit

NAMES = [*STRANGERS, *WIRE, *SERVICES]


def test_a_good_server_is_visited_without_trouble() -> None:
    visited = visit("good")
    assert visited.ends == ["open done", "resolve done", "subscribe done"]
    assert visited.values > 0
    assert visited.commands == []


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_server_gets_no_command_and_holds_nobody_up(name: str) -> None:
    visited = visit(name)
    assert visited.commands == []
    assert visited.took_s <= LIMIT_S
    assert visited.peak_bytes <= LIMIT_BYTES
    assert visited.ends
