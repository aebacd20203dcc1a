"""Rules that hold for every test."""

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A busy computer is no defect: examples are not timed. What gates a change tries the same examples every time;
# `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("gate", settings.get_profile("search"), derandomize=True)
settings.load_profile("gate")

# Started behind a script's `&`, SIGINT is ignored, here and in every program that tests start and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Files whose few tests take long: they begin first, so that no worker ends alone with one of them.
LONG_FIRST = (
    "e2e/test_real_cell.py",
    "interop/test_mes.py",
    "core/test_resuming_days.py",
    "interop/test_node_robot.py",
    "app/test_kills.py",
    "core/test_any_day.py",
    "core/test_ordering_days.py",
    "core/test_handover_model.py",
    "app/test_simulate.py",
    "interop/test_type_table.py",
    "corpus/test_good.py",
    "app/test_systemd_unit.py",
    "app/test_daemon.py",
    "app/test_kills_program_level.py",
    "app/test_workshop_cell.py",
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Of several workers each compiles its share of the test modules first; the rest it finds compiled."""
    gc.disable()
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    root, number = Path(__file__).parents[1], int(worker["workerid"].removeprefix("gw"))
    modules = sorted(path for each in session.config.args for path in Path(each).resolve().rglob("test_*.py"))
    for path in modules[number :: worker["workercount"]]:
        # What cannot be imported is told when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(path.relative_to(root).with_suffix("").parts))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first; the rest stays as it is."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return LONG_FIRST.index(name) if name in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the garbage collector need not walk through it again and again."""
    if "asyncua.server" in sys.modules:
        import_module("tests.standard_nodes").build_once()
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logging_is_as_it_was() -> Iterator[None]:
    """What one test silences is heard by the next."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def no_task_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A task that outlives its asyncio.run fails the test (virtual time has a check of its own)."""
    leaked: list[str] = []
    cancel_all_tasks = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def look(loop: asyncio.AbstractEventLoop) -> None:
        leaked.extend(repr(task) for task in asyncio.all_tasks(loop) if _is_ours(task))
        cancel_all_tasks(loop)

    monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", look)
    yield
    assert not leaked, f"tasks were left behind: {leaked}"


def _is_ours(task: asyncio.Task[Any]) -> bool:
    """Libraries keep tasks of their own, which end with the loop; ours have a parent that ends them."""
    code = getattr(task.get_coro(), "cr_code", None)
    here = Path(__file__).parents[1]
    path = Path(code.co_filename) if code else Path()
    return path.is_relative_to(here) and "site-packages" not in path.parts
