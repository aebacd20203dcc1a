"""The hosts that are measured, each as a context in which it streams a program to its boards."""

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import cell, peers, programs
from benchmarks.boards import Board
from benchmarks.compiler import compiled

_SCRIPTS: Final = Path(__file__).with_name("scripts")
_KEY: Final = "0123456789ABCDEF0123456789ABCDEF"
_UP_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Task:
    """What a host is to do: run a program of so many moves on every board; `work` is a folder for its files."""

    boards: Sequence[Board]
    devices: Path
    moves: int
    work: Path

    def program(self, kind: str) -> Path:
        """The program for boards of a kind, written now."""
        return programs.write(self.work / f"{kind}.gcode", kind, self.moves)


# Yields the process that is measured, once it has been told to stream.
Host = Callable[[Task], AbstractContextManager[int]]


@contextmanager
def cellctl(task: Task) -> Iterator[int]:
    """The whole daemon, one order for each kind of board."""
    kinds = sorted({board.kind for board in task.boards})
    files = {kind: task.program(kind) for kind in kinds}
    with cell.running(task.boards, task.devices, files, task.work) as daemon:
        for kind in kinds:
            daemon.order(kind, sum(board.kind == kind for board in task.boards))
        yield daemon.pid


@contextmanager
def bare_pyserial(task: Task) -> Iterator[int]:
    """A blocking loop over pyserial."""
    with _script(task, Path(sys.executable), "bare_loops.py", "pyserial") as pid:
        yield pid


@contextmanager
def bare_asyncio(task: Task) -> Iterator[int]:
    """An asyncio loop that reads, counts `ok` and writes."""
    with _script(task, Path(sys.executable), "bare_loops.py", "asyncio") as pid:
        yield pid


@contextmanager
def bare_c(task: Task) -> Iterator[int]:
    """One line out, one answer in, in C: what the pseudo-terminals of this computer allow with a window of 1."""
    [board] = task.boards
    command = [compiled(_SCRIPTS / "bare_c.c"), task.devices / board.name, task.program(board.kind)]
    with _process(command, task.work) as process:
        yield process.pid


@contextmanager
def printrun(task: Task) -> Iterator[int]:
    """Printrun's printcore in a process of its own."""
    [board] = task.boards
    command = [peers.python(), _SCRIPTS / "printcore_loop.py", task.devices / board.name, task.program(board.kind)]
    with _process(command, task.work) as process:
        yield process.pid


@contextmanager
def octoprint(task: Task) -> Iterator[int]:
    """OctoPrint's server with its network plugins off, driven over its REST API."""
    [board] = task.boards
    base = task.work / "octoprint"
    (base / "uploads").mkdir(parents=True)
    task.program(board.kind).rename(base / "uploads" / "bench.gcode")
    port = str(task.devices / board.name)
    (base / "config.yaml").write_text(_octoprint_config(port), encoding="utf-8")
    address = f"127.0.0.1:{_free_port()}"
    host, number = address.split(":")
    program = peers.python().with_name("octoprint")
    options = ["--host", host, "--port", number, "--iknowwhatimdoing"]
    with _process([program, "serve", "--basedir", base, *options], task.work) as process:
        _octoprint_until(address, "version", lambda said: "server" in said)
        _octoprint_ask(address, "connection", {"command": "connect", "port": port, "baudrate": 115200})
        _octoprint_until(address, "connection", lambda said: said["current"]["state"] == "Operational")
        _octoprint_ask(address, "files/local/bench.gcode", {"command": "select", "print": True})
        yield process.pid


@contextmanager
def _script(task: Task, python: Path, name: str, *words: str) -> Iterator[int]:
    [board] = task.boards
    paths = [task.devices / board.name, task.program(board.kind)]
    with _process([python, _SCRIPTS / name, *words, board.kind, *paths, str(board.rx_bytes)], task.work) as process:
        yield process.pid


@contextmanager
def _process(command: Sequence[Path | str], work: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (work / "host.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def _octoprint_config(port: str) -> str:
    """JSON is YAML, too."""
    plugins = ["announcements", "softwareupdate", "discovery", "tracking", "pluginmanager", "backup", "errortracking"]
    plugins += ["virtual_printer", "gcodeviewer", "firmware_check", "file_check", "pi_support", "health_check"]
    return json.dumps(
        {
            "api": {"key": _KEY},
            "server": {"firstRun": False, "onlineCheck": {"enabled": False}, "pluginBlacklist": {"enabled": False}},
            "plugins": {"_disabled": [*plugins, "achievements"]},
            "gcodeAnalysis": {"runAt": "never"},
            "webcam": {"timelapse": {"type": "off"}},
            "serial": {"additionalPorts": [port]},
        }
    )


def _octoprint_ask(address: str, target: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Api-Key": _KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}/api/{target}", data, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        said = response.read()
    return json.loads(said) if said else None


def _octoprint_until(address: str, target: str, done: Callable[[Any], bool]) -> None:
    until_s = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < until_s:
        with suppress(OSError, http.client.HTTPException):  # It is still starting.
            if done(_octoprint_ask(address, target)):
                return
        time.sleep(0.2)
    raise RuntimeError(f"OctoPrint is not ready: {target} never said what was waited for")


def _free_port() -> int:
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        return int(finder.getsockname()[1])
