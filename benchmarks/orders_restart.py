"""From the start of the daemon's process to READY=1, with ten thousand orders in its journal.

Measured is the real program (`cellctl run`) with the real journal: from just before its process is made until systemd
would hear READY=1. The cell is a bench, whose driver is met at once: how long real machines take to be found is theirs
and not counted. The journal is what a simulated cell really wrote for one order, ten thousand times under other names,
with the retirements that a long life brings.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from benchmarks.figures import Figure, at_most
from cellctl.app.config import load
from cellctl.app.simulate import simulate, simulated_cell, wishes_for
from cellctl.core.retirement import KEPT_CLOSED
from cellctl.domain.events import OrderRetired, Record
from cellctl.stores import sqlite
from cellctl.stores.codec import Row, encode
from cellctl.stores.formats import create

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
_ROWS_AT_ONCE: Final = 20_000
_PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Restarts:
    """How long each start took; `first_s` is the first, which folds the whole journal, as after an upgrade."""

    orders: int
    records: int
    size_bytes: int
    first_s: float
    starts_s: tuple[float, ...]

    @property
    def p99_s(self) -> float:
        """Of the starts after the first, the one that only one in a hundred takes longer than."""
        return sorted(self.starts_s)[max(0, -(-99 * len(self.starts_s) // 100) - 1)]


def measure(orders: int, starts: int) -> Restarts:
    """Write a journal with so many orders, and start a daemon with it so often."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cell.toml").write_text(BENCH)
        state = folder / "state"
        state.mkdir()
        records = write_journal(state / "journal.sqlite", orders)
        size_bytes = (state / "journal.sqlite").stat().st_size
        first_s, *starts_s = (one_start(folder / "cell.toml", state) for _ in range(starts + 1))
    return Restarts(orders, records, size_bytes, first_s, tuple(starts_s))


def figures(found: Restarts) -> Iterator[Figure]:
    """The claim, and what belongs to it."""
    yield Figure("restart_ready_p99", "s", [found.p99_s], at_most(GOAL_S))
    yield Figure("restart_ready_median", "s", list(found.starts_s))
    yield Figure("restart_after_an_upgrade", "s", [found.first_s])
    yield Figure("restart_records", "records", [found.records])
    yield Figure("restart_journal", "MiB", [found.size_bytes / 2**20])


# ---- the journal ---------------------------------------------------------------------------------------------------


def write_journal(path: Path, orders: int) -> int:
    """Ten thousand times the same life of one order; how many records that is."""
    model = one_order()
    db = sqlite.connect(path)
    with sqlite.transaction(db):
        create(db)
    waiting: list[Row] = []
    seq = 0
    for number in range(1, orders + 1):
        rows = [*(_renamed(row, number) for row in model), *_retired(number)]
        for row in rows:
            seq += 1
            waiting.append((seq, *row[1:]))
        if len(waiting) >= _ROWS_AT_ONCE or number == orders:
            with sqlite.transaction(db):
                sqlite.insert(db, waiting)
            waiting = []
    db.close()
    return seq


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


def one_start(cell: Path, state: Path) -> float:
    """Seconds from before the process is made to READY=1. It is ended in good order afterwards."""
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
            return time.monotonic() - began_s
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE_S)


@contextmanager
def _notified(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        path.unlink(missing_ok=True)
        heard.bind(str(path))
        heard.settimeout(_PATIENCE_S)
        yield heard
