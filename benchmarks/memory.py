"""What a large program costs in memory: the most above idle, while it is ordered and while it is streamed."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import boards as board_room
from benchmarks import cell, meters, programs, runs
from benchmarks.boards import Board

_SMALL: Final = 2000


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB above idle at the highest point of ordering, and of streaming; and how long the order's answer took."""

    ordering_mib: float
    streaming_mib: float
    order_answered_s: float


def measure(moves: int, window_s: float) -> Memory:
    """A daemon that has run a small program before is idle; then it gets one with so many moves."""
    boards = [Board("m1", "grbl"), Board("m2", "grbl")]
    with tempfile.TemporaryDirectory(prefix="cellctl-bench-") as folder:
        devices, work = Path(folder, "dev"), Path(folder, "host")
        work.mkdir()
        files = {
            "grbl-small": programs.write(work / "small.gcode", "grbl", _SMALL),
            "grbl-large": programs.write(work / "large.gcode", "grbl", moves),
        }
        with board_room.running(boards, devices) as running, cell.running(boards, devices, files, work) as daemon:
            daemon.order("grbl-small")
            daemon.wait(lambda states: "COMPLETE" in states.values())
            time.sleep(1.0)
            idle_mib = meters.resident_mib(daemon.pid)
            meters.forget_peak(daemon.pid)
            answered_s = daemon.order("grbl-large")
            ordering_mib = meters.peak_mib(daemon.pid)
            runs.wait_for_lines(running)
            meters.forget_peak(daemon.pid)
            time.sleep(window_s)
            return Memory(ordering_mib - idle_mib, meters.peak_mib(daemon.pid) - idle_mib, answered_s)
