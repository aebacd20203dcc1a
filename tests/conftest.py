"""Rules that hold for every test."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_task_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A task that outlives its asyncio.run fails the test (virtual time has a check of its own)."""
    leaked: list[str] = []
    cancel_all_tasks = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def look(loop: asyncio.AbstractEventLoop) -> None:
        leaked.extend(repr(task) for task in asyncio.all_tasks(loop))
        cancel_all_tasks(loop)

    monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", look)
    yield
    assert not leaked, f"tasks were left behind: {leaked}"
