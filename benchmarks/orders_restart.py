"""From the start of the daemon's process to READY=1, with ten thousand orders in its journal.

Measured is the real program (`cellctl run`) with the real journal: from just before its process is made until systemd
would hear READY=1. The cell is a bench, whose driver is met at once: how long real machines take to be found is theirs
and not counted. The journal is what a simulated cell really wrote for one order, ten thousand times under other names,
with the retirements that a long life brings; the order book has all of it. So many records come after the snapshot as
ever do. The first start folds everything, as one after an upgrade does.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import structlog

from benchmarks.figures import Figure, at_most
from cellctl.app.clock import RealClock
from cellctl.app.config import load
from cellctl.app.log import EVERY
from cellctl.app.simulate import simulate, simulated_cell, wishes_for
from cellctl.core.retirement import KEPT_CLOSED
from cellctl.domain.events import OrderRetired, Record
from cellctl.ports.book import ACCEPTED
from cellctl.stores import sqlite
from cellctl.stores.book import SqliteBook
from cellctl.stores.codec import Row, encode

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "nameplate" / "cell.toml"
BENCH: Final = """
[cell]
name = "restart"

[machines.bench-1]
driver = "manual"
capabilities = ["inspect"]
slots = ["desk"]
"""
GOAL_S: Final = 2.0
ORDERS: Final = 10_000
STARTS: Final = 50
# Less than the records after which the next snapshot is kept, by what fifty starts add themselves.
MOST_TO_FOLD: Final = EVERY - 500
_ROWS_AT_ONCE: Final = 20_000
_PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Start:
    """One start: until READY=1 by the clock, and what its process had used of a processor by then."""

    took_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Restarts:
    """How long each start took; `first` is the one that folds the whole journal, as after an upgrade."""

    orders: int
    records: int
    size_bytes: int
    first: Start
    starts: tuple[Start, ...]

    @property
    def p99_s(self) -> float:
        """Of the starts after the first, the one that only one in a hundred takes longer than."""
        return sorted(each.took_s for each in self.starts)[max(0, -(-99 * len(self.starts) // 100) - 1)]

    @property
    def cpu_s(self) -> float:
        """Processor time of a start, in the middle."""
        return median(each.cpu_s for each in self.starts)


def measure(orders: int, starts: int) -> Restarts:
    """Write a journal with so many orders, and start a daemon with it so often."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cell.toml").write_text(BENCH)
        state = folder / "state"
        state.mkdir()
        journal, model = state / "journal.sqlite", one_order()
        folded = max(0, orders - MOST_TO_FOLD // (len(model) + 1))
        write_orders(journal, model, range(1, folded + 1))
        first = one_start(folder / "cell.toml", state)
        records = write_orders(journal, model, range(folded + 1, orders + 1))
        write_book(state / "orders.sqlite", range(1, orders + 1), records)
        size_bytes = journal.stat().st_size
        found = [one_start(folder / "cell.toml", state) for _ in range(starts)]
    return Restarts(orders, records, size_bytes, first, tuple(found))


def figures(found: Restarts) -> Iterator[Figure]:
    """The claim, and what belongs to it."""
    yield Figure("restart_ready_p99", "s", [found.p99_s], at_most(GOAL_S))
    yield Figure("restart_ready_median", "s", [each.took_s for each in found.starts])
    yield Figure("restart_processor_time", "s", [each.cpu_s for each in found.starts])
    yield Figure("restart_after_an_upgrade", "s", [found.first.took_s])
    yield Figure("restart_records", "records", [found.records])
    yield Figure("restart_journal", "MiB", [found.size_bytes / 2**20])


# ---- the journal ---------------------------------------------------------------------------------------------------


def write_orders(path: Path, model: Sequence[Row], numbers: Sequence[int]) -> int:
    """The same life of one order, under these numbers, behind what is there; the number of the last record."""
    with closing(sqlite.open_journal(path)) as db:
        seq = sqlite.place(db, "head").seq
        waiting: list[Row] = []
        for number in numbers:
            for row in (*(_renamed(row, number) for row in model), *_retired(number)):
                seq += 1
                waiting.append((seq, *row[1:]))
            if len(waiting) >= _ROWS_AT_ONCE or number == numbers[-1]:
                with sqlite.transaction(db):
                    sqlite.insert(db, waiting)
                waiting = []
    return seq


def write_book(path: Path, numbers: Sequence[int], last_seq: int) -> None:
    """The order book of a cell that has accepted all of these."""
    with SqliteBook(path, RealClock()):
        pass
    with closing(sqlite.connect(path)) as db, sqlite.transaction(db):
        db.execute("DELETE FROM entries")
        keys = [(f"{kind}/order-{number}", '{"cell":"restart"}') for number in numbers for kind in ("order", "claim")]
        db.executemany("INSERT INTO entries VALUES (?, ?)", keys)
        first_seq = last_seq - len(numbers)
        events = [("restart", first_seq + number, f"order-{number}", ACCEPTED) for number in numbers]
        db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", events)


def one_order() -> list[Row]:
    """What the example's cell writes for one order, as rows, from its acceptance on."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    config, twin = load(EXAMPLE, {}), simulated_cell(EXAMPLE, {}, 1)
    rows = [encode(record) for record in simulate(config, twin, wishes_for(config, 1, 1), 1).records]
    return rows[1:]


def _renamed(row: Row, number: int) -> Row:
    seq, at, mono_s, actor, name, payload = row
    for old, new in (("order-1", f"order-{number}"), ("job-1", f"job-{number}"), ("-00001", f"-{number:05d}"),
                     ("op-", f"op-{number}-"), ("prompt-", f"prompt-{number}-"),
                     ('"command_id":"', f'"command_id":"{number:08d}-')):  # fmt: skip
        payload = payload.replace(old, new)
    return seq, at, mono_s, actor, name, payload


def _retired(number: int) -> list[Row]:
    if number <= KEPT_CLOSED:
        return []
    return [
        encode(Record(1, "2026-01-05T06:00:00.000Z", 0.0, "cellctl", OrderRetired(f"order-{number - KEPT_CLOSED}")))
    ]


# ---- one start -----------------------------------------------------------------------------------------------------


def one_start(cell: Path, state: Path) -> Start:
    """From before the process is made to READY=1. It is ended in good order afterwards."""
    with _notified(state / "notify") as heard:
        began_s = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "cellctl.app.main", "run", str(cell), "--state", str(state)],
            env={**os.environ, "NOTIFY_SOCKET": str(state / "notify")},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while b"READY=1" not in heard.recv(4096):
                pass
            return Start(time.monotonic() - began_s, _cpu_s(daemon.pid))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE_S)


def _cpu_s(pid: int) -> float:
    """What a process has used so far, in itself and in the system."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _notified(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        path.unlink(missing_ok=True)
        heard.bind(str(path))
        heard.settimeout(_PATIENCE_S)
        yield heard
