"""The whole daemon on a generated cell: journal on disk, checks on, and somebody who looks at its status."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.api import Api, Refused
from benchmarks.boards import Board

# What a machine of each kind says beside its port. Boards here need no time to boot. The dry run in check mode is the
# same stream once more before the first, so it would only double the time until there is something to measure.
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {"grbl": {"dry_run": "false"}, "marlin": {"boot_s": 0.5}}
_READY_WITHIN_S: Final = 120.0
_LOOK_EVERY_S: Final = 1.0


class Cell:
    """A running daemon. Its machines have the boards' names; its products are named by `running`."""

    def __init__(self, pid: int, api: Api) -> None:
        self.pid: Final = pid
        self.api: Final = api

    def order(self, product: str, quantity: int = 1) -> float:
        """Order so many programs of a product; returns how many seconds the answer took."""
        began_s = time.monotonic()
        self.api.post("/v1/orders", {"product": product, "quantity": quantity})
        return time.monotonic() - began_s

    def states(self) -> Mapping[str, str]:
        """The PackML state of every machine."""
        return {machine["name"]: machine["state"] for machine in self.api.get("/v1/machines")["machines"]}

    def wait(self, done: Callable[[Mapping[str, str]], bool]) -> None:
        """Until the machines' states are as wanted. Raises RuntimeError with what they are after two minutes."""
        until_s = time.monotonic() + _READY_WITHIN_S
        states = self.states()
        while not done(states):
            if time.monotonic() > until_s:
                raise RuntimeError(f"the machines are not ready: {self.api.get('/v1/status')}")
            time.sleep(0.1)
            states = self.states()

    def hold(self, machine: str) -> float:
        """Hold a machine; returns when it was asked for (CLOCK_MONOTONIC)."""
        asked_s = time.monotonic()
        self.api.post(f"/v1/machines/{machine}/hold")
        return asked_s

    def resume(self, machine: str) -> None:
        """Let a held machine go on; it may still be on its way to a stand."""
        for _ in range(100):
            with suppress(Refused):
                self.api.post(f"/v1/machines/{machine}/resume")
                return
            time.sleep(0.01)
        raise RuntimeError(f"{machine} does not resume: {self.states()}")


@contextmanager
def running(boards: Sequence[Board], devices: Path, programs: Mapping[str, Path], work: Path) -> Iterator[Cell]:
    """A daemon with all its machines idle.

    `programs`: by product, the file that it runs; a product named `grbl` or `grbl-...` goes to boards of that kind.
    """
    work.mkdir(parents=True, exist_ok=True)
    _write_files(boards, programs, work)
    socket = work / "cellctl.sock"
    command = [sys.executable, "-m", "cellctl.app.main", "run", str(work / "cell.toml")]
    command += ["--devices", str(devices), "--state", str(work / "state"), "--socket", str(socket)]
    with (work / "daemon.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        cell = Cell(process.pid, Api(socket))
        stop = threading.Event()
        onlooker = threading.Thread(target=_look_at_status, args=(cell, stop))
        try:
            _wait_for_daemon(cell, process, work / "daemon.log")
            cell.wait(lambda states: set(states.values()) == {"IDLE"})
            onlooker.start()
            yield cell
        finally:
            stop.set()
            process.terminate()
            if onlooker.ident:
                onlooker.join()


def _write_files(boards: Sequence[Board], programs: Mapping[str, Path], work: Path) -> None:
    files = [f"{product}.toml" for product in programs]
    cell = ["[cell]", 'name = "bench"', f"products = {files}"]
    for board in boards:
        cell += [f"[machines.{board.name}]", f'driver = "{board.kind}"', f'port = "{board.name}"']
        cell += [f'capabilities = ["{board.kind}"]', 'slots = ["bed"]']
        cell += [f"{key} = {value}" for key, value in OPTIONS[board.kind].items()]
    (work / "cell.toml").write_text("\n".join(cell) + "\n", encoding="utf-8")
    for product, program in programs.items():
        lines = ["[product]", f'name = "{product}"', 'revision = "A"', "[[route]]", 'step = "run"']
        lines += [f'capability = "{product.partition("-")[0]}"', f'program = {{ file = "{program}" }}']
        (work / f"{product}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _wait_for_daemon(cell: Cell, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < until_s and process.poll() is None:
        with suppress(OSError):
            cell.states()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the daemon did not come up:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _look_at_status(cell: Cell, stop: threading.Event) -> None:
    while not stop.wait(_LOOK_EVERY_S):
        with suppress(OSError):  # The daemon is leaving.
            cell.api.get("/v1/status")
