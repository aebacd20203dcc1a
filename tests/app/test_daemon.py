"""The composition root: what systemd is told, and how mistakes end the program."""

import asyncio
from pathlib import Path

import pytest

from cellctl.app.daemon import FOLDING_S, Service
from cellctl.app.systemd import Notifier
from cellctl.app.virtual_time import run_virtual
from tests.app.shop_floor import ShopFloor
from tests.app.test_cell import HungStore
from tests.e2e.programs import ask

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
WATCHDOG_S = 10


class Heard(Notifier):
    """What systemd hears, without a socket."""

    def __init__(self) -> None:
        super().__init__({"WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)})
        self.at_s: list[float] = []

    def alive(self) -> None:
        self.at_s.append(asyncio.get_running_loop().time())


class Extended(Notifier):
    """Whoever asks for time, and with which words."""

    def __init__(self) -> None:
        super().__init__({})
        self.heard: list[tuple[float, str]] = []

    def extend(self, limit_s: float, status: str) -> None:
        self.heard.append((limit_s, status))


def test_the_watchdog_is_fed_three_times_as_often_as_it_must_and_only_while_all_is_well(tmp_path: Path) -> None:
    async def play() -> list[float]:
        floor = ShopFloor()
        floor.store = store = HungStore(floor.clock)
        heard = Heard()
        async with floor.daemon(tmp_path) as cell, asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(cell.beat()), tasks.create_task(Service(cell, heard).watch())]
            await asyncio.sleep(100)
            store.hung_s = floor.clock.now_s()
            await asyncio.sleep(100)
            store.hung_s = None
            await asyncio.sleep(20)
            for job in jobs:
                job.cancel()
        return heard.at_s

    at_s = run_virtual(play())
    well = [each for each in at_s if each <= 100]
    assert len(well) == 31
    assert not [each for each in at_s if 100 + WATCHDOG_S < each < 200], "a cell whose journal hangs looks healthy"
    assert [each for each in at_s if each >= 200]


def test_a_long_fold_asks_systemd_for_time_as_it_goes_on_and_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellctl.app.log.TOLD_EVERY", 2)

    async def play() -> tuple[list[tuple[float, str]], int]:
        floor, notifier = ShopFloor(), Extended()
        async with floor.daemon(tmp_path):
            pass
        again = floor.cell(tmp_path)
        Service(again, notifier)
        again.engine.replay()
        return notifier.heard, floor.store.last_seq

    heard, last = run_virtual(play())
    assert last >= 4
    assert heard == [(FOLDING_S, f"reads its journal: record {seq} of {last}") for seq in range(2, last + 1, 2)]


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        (["run", "absent.toml"], "absent.toml: cannot be read (No such file or directory)"),
        (["check", "absent.toml"], "absent.toml: cannot be read (No such file or directory)"),
        (["run", str(CELL), "--state", "/dev/null/state"], "--state /dev/null/state: the folder cannot be made"),
        (["run", str(CELL), "--set", "mqtt.port=0"], "cell.toml: mqtt.port: "),
    ],
    ids=lambda each: each[-1] if isinstance(each, list) else "",
)
def test_a_mistake_in_a_file_or_on_the_line_ends_with_78(words: list[str], mistake: str) -> None:
    # A process of its own: `run` sets up logging, once and for all.
    done = ask("cellctl", *words)
    assert done.returncode == 78
    assert mistake in done.stderr


def test_a_tap_that_cannot_be_is_told_before_any_machine_is_spoken_to(tmp_path: Path) -> None:
    taps = ["--tap", "arm-1=arm.tap", "--tap", "router-1=nowhere/router.tap"]
    done = ask("cellctl", "run", CELL, "--state", tmp_path / "state", "--devices", tmp_path, *taps)
    assert done.returncode == 78
    assert "--tap arm-1: no machine with a line; these have one: printer-1, printer-2, router-1" in done.stderr
    assert "--tap router-1=nowhere/router.tap: there is no folder nowhere" in done.stderr
