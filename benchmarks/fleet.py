"""Many machines at once, each at 400 lines/s: gaps, starvation, and how long a hold takes to its wire."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import boards as board_room
from benchmarks import cell, hosts, programs, runs
from benchmarks.boards import PACED_US, Board, Boards
from benchmarks.cell import Cell
from benchmarks.quiet import Others, Patience
from benchmarks.runs import Run

_LINES_PER_S: Final = 400
# From the first line of the first machine to the end of the window.
_LONGEST_S: Final = 40
_HOLDS: Final = 128
_BETWEEN_HOLDS_S: Final = 0.03
_HELD_AT_ONCE: Final = 8
# Tried after so many machines, when they did well and when they did not.
_LADDER: Final = {64: (96, 32), 96: (128, 80), 32: (48, 16), 16: (24, 8)}


def paced(count: int) -> Sequence[Board]:
    """So many boards, Grbl and Marlin by turns, whose moves last 2.5 ms."""
    return [Board(f"m{number}", ("grbl", "marlin")[number % 2], block_us=PACED_US) for number in range(count)]


def gaps(count: int, window_s: float) -> Run:
    """So many machines at 400 lines/s each."""
    return runs.measure(hosts.cellctl, paced(count), _LINES_PER_S * _LONGEST_S, window_s)


def most_without_starvation(window_s: float, patience: Patience) -> tuple[int, dict[int, Run]]:
    """The most machines of a few counts that all had their next line in time; 0 if not even the fewest had."""
    tried: dict[int, Run] = {}
    count = 64
    while count and count not in tried:
        tried[count] = patience.quietest(partial(gaps, count, window_s))
        count = _LADDER.get(count, (0, 0))[tried[count].starved > 0]
    return max((count for count, run in tried.items() if not run.starved), default=0), tried


@dataclass(frozen=True, slots=True)
class Holds:
    """How long each hold took from asking to its byte on the wire."""

    took_ms: Sequence[float]
    foreign_cores: float


def holds(count: int) -> Holds:
    """Hold Grbl machines in turn, from the API, while all of `count` machines stream at 400 lines/s."""
    boards = paced(count)
    with _streaming(boards) as (running, daemon):
        time.sleep(1.0)
        others = Others(running.pid, daemon.pid)
        asked = list(_hold_in_turn(daemon, [board.name for board in boards if board.kind == "grbl"]))
        machines, foreign_cores = running.report().machines, others.cores()
    arrived = [min(at_s for at_s in machines[name].holds_s if at_s >= asked_s) for name, asked_s in asked]
    return Holds([(at_s - asked_s) * 1000 for at_s, (_, asked_s) in zip(arrived, asked, strict=True)], foreign_cores)


def _hold_in_turn(daemon: Cell, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Hold one machine after the other, and let each go on a few holds later."""
    held: list[str] = []
    for number in range(_HOLDS):
        name = names[number % len(names)]
        yield name, daemon.hold(name)
        held.append(name)
        if len(held) == min(_HELD_AT_ONCE, len(names)):
            daemon.resume(held.pop(0))
        time.sleep(_BETWEEN_HOLDS_S)


@contextmanager
def _streaming(boards: Sequence[Board]) -> Iterator[tuple[Boards, Cell]]:
    with tempfile.TemporaryDirectory(prefix="cellctl-bench-") as folder:
        devices, work = Path(folder, "dev"), Path(folder, "host")
        work.mkdir()
        kinds = sorted({board.kind for board in boards})
        moves = _LINES_PER_S * _LONGEST_S
        files = {kind: programs.write(work / f"{kind}.gcode", kind, moves) for kind in kinds}
        with board_room.running(boards, devices) as running, cell.running(boards, devices, files, work) as daemon:
            for kind in kinds:
                daemon.order(kind, sum(board.kind == kind for board in boards))
            runs.wait_for_lines(running)
            yield running, daemon
