"""Boards on pseudo-terminals that answer every line and note how late the host was; see responder.c."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.compiler import compiled

_SOURCE: Final = Path(__file__).with_name("responder.c")
# What 400 lines/s make of one block in the planner.
PACED_US: Final = 2500


@dataclass(frozen=True, slots=True)
class Board:
    """One simulated board. `kind` is grbl or marlin; `block_us` is how long a move lasts, 0: no time at all."""

    name: str
    kind: str
    rx_bytes: int = 128
    block_us: int = 0


@dataclass(frozen=True, slots=True)
class BoardReport:
    """One board's counts: `lines` (moves taken) and `resends` since the start, the others since the last report.

    `starved`: moves that came after the planner had run dry. `overruns`: reads that found more than its buffer holds.
    """

    lines: int
    resends: int
    starved: int
    dry_s: float
    overruns: int
    holds_s: Sequence[float]


@dataclass(frozen=True, slots=True)
class Report:
    """What all boards saw. A gap is from an acknowledgement to the first byte of the next line."""

    now_s: float
    gaps: int
    gap_p50_ms: float
    gap_p99_ms: float
    gap_max_ms: float
    machines: Mapping[str, BoardReport]

    @property
    def lines(self) -> int:
        """Moves taken by all boards since the start."""
        return sum(board.lines for board in self.machines.values())


class Boards:
    """A running responder. `folder` holds one link for each board, named like it."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.pid: Final = process.pid
        self.folder: Final = folder
        self._say, self._hear = _pipes(process)

    def report(self) -> Report:
        """Counts up to now; begins a new interval."""
        self._say.write("report\n")
        self._say.flush()
        heard: dict[str, Any] = json.loads(self._hear.readline())
        boards = {name: BoardReport(**counts) for name, counts in heard.pop("machines").items()}
        return Report(machines=boards, **heard)


@contextmanager
def running(boards: Sequence[Board], folder: Path) -> Iterator[Boards]:
    """Boards on links in `folder`, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    specs = [f"{board.name}:{board.kind}:{board.rx_bytes}:{board.block_us}" for board in boards]
    command = [str(compiled(_SOURCE)), str(folder), *specs]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        say, hear = _pipes(process)
        try:
            if hear.readline() != "ready\n":
                raise RuntimeError("the responder did not start; its message is above")
            yield Boards(process, folder)
        finally:
            say.close()
            process.wait()


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the responder was started without pipes")
    return process.stdin, process.stdout
