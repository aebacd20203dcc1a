"""One run: a host streams to boards, and after a while so much is counted for so long."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import boards as board_room
from benchmarks import meters
from benchmarks.boards import Board, Boards, Report
from benchmarks.hosts import Host, Task
from benchmarks.quiet import Others, one_core

_STREAMING_WITHIN_S: Final = 120.0
_WARM_UP_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one window showed. `foreign_cores`: how many cores other programs kept busy in it.

    `resends` and `overruns` count what a host must never cause here: nothing is ever damaged.
    """

    lines_per_s: float
    cpu_ms_per_1000_lines: float
    responder_ms_per_1000_lines: float
    gap_p50_ms: float
    gap_p99_ms: float
    gap_max_ms: float
    starved: int
    resends: int
    overruns: int
    foreign_cores: float
    load: float


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the meters showed when a window began."""

    report: Report
    others: Others
    host_s: float
    responder_s: float


def measure(host: Host, boards: Sequence[Board], moves: int, window_s: float, awake: Sequence[int] = ()) -> Run:
    """Let a host stream `moves` moves to each board, and count for `window_s` once all boards have had some."""
    with tempfile.TemporaryDirectory(prefix="cellctl-bench-") as folder:
        devices, work = Path(folder, "dev"), Path(folder, "host")
        work.mkdir()
        task = Task(boards, devices, moves, work)
        with board_room.running(boards, devices) as running, host(task) as pid:
            wait_for_lines(running)
            time.sleep(_WARM_UP_S)
            beginning = begin(running, pid, awake)
            time.sleep(window_s)
            return end(beginning, running, pid)


def measure_on_one_core(host: Host, boards: Sequence[Board], moves: int, window_s: float) -> Run:
    """The same, with host and boards on one core; see `quiet.one_core` for why."""
    with one_core() as awake:
        return measure(host, boards, moves, window_s, awake)


def begin(boards: Boards, pid: int, awake: Sequence[int] = ()) -> Beginning:
    """Read all meters, and let the boards begin a new interval."""
    return Beginning(boards.report(), Others(pid, boards.pid, *awake), meters.cpu_s(pid), meters.cpu_s(boards.pid))


def end(beginning: Beginning, boards: Boards, pid: int) -> Run:
    """Read all meters again. Raises RuntimeError if the program came to its end in between."""
    report = boards.report()
    host_s = meters.cpu_s(pid) - beginning.host_s
    responder_s = meters.cpu_s(boards.pid) - beginning.responder_s
    lines = report.lines - beginning.report.lines
    if lines <= 0:
        raise RuntimeError("nothing was streamed in the window")
    counts = report.machines.values()
    return Run(
        lines_per_s=lines / (report.now_s - beginning.report.now_s),
        cpu_ms_per_1000_lines=host_s * 1e6 / lines,
        responder_ms_per_1000_lines=responder_s * 1e6 / lines,
        gap_p50_ms=report.gap_p50_ms,
        gap_p99_ms=report.gap_p99_ms,
        gap_max_ms=report.gap_max_ms,
        starved=sum(board.starved for board in counts),
        resends=sum(board.resends for board in counts),
        overruns=sum(board.overruns for board in counts),
        foreign_cores=beginning.others.cores(),
        load=os.getloadavg()[0],
    )


def wait_for_lines(boards: Boards) -> None:
    """Until every board has had a move. Raises RuntimeError after two minutes."""
    wait_until(
        lambda: all(board.lines for board in boards.report().machines.values()), "not every board is streamed to"
    )


def wait_until(done: Callable[[], bool], trouble: str) -> None:
    """Look every now and then. Raises RuntimeError after two minutes."""
    until_s = time.monotonic() + _STREAMING_WITHIN_S
    while not done():
        if time.monotonic() > until_s:
            raise RuntimeError(trouble)
        time.sleep(0.02)
