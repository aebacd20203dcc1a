"""The journal: durable when append returns, one writer, errors that say what to do."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.clock import RealClock
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import ControllerStarted, Record, StationChanged
from cellctl.domain.machine import MachineState
from cellctl.ports import Store
from cellctl.stores.formats import APPLICATION_ID, FORMAT
from cellctl.stores.journal import Journal

ROOT = Path(__file__).parents[2]
KILLS = 8


def record(seq: int, version: str = "1") -> Record:
    return Record(seq, "2026-01-05T06:00:00.000Z", seq / 10, "test", ControllerStarted(version))


def journal(folder: Path) -> Journal:
    return Journal(folder / "journal.sqlite", RealClock())


def append(store: Store, *records: Record) -> None:
    asyncio.run(_append(store, *records))


async def _append(store: Store, *records: Record) -> None:
    await store.append(records)


def test_what_was_appended_is_there_after_the_next_start_in_order_and_unchanged(tmp_path: Path) -> None:
    held = Record(3, "2026-01-05T06:00:00.000Z", 0.25, "cnc-1", StationChanged("cnc-1", MachineState.HELD, "Tür"))
    with journal(tmp_path) as store:
        append(store, record(1), record(2))
        append(store, held)
        append(store)
        assert list(store.read()) == [record(1), record(2), held]
    with journal(tmp_path) as store:
        assert list(store.read()) == [record(1), record(2), held]
        assert list(store.read(after_seq=2)) == [held]
        assert list(store.read(after_seq=3)) == []


def test_a_long_journal_is_read_in_pieces_to_its_end(tmp_path: Path) -> None:
    with journal(tmp_path) as store:
        append(store, *(record(seq) for seq in range(1, 3001)))
        reader = store.read()
        assert next(reader) == record(1)
        append(store, record(3001))
        assert [each.seq for each in reader] == list(range(2, 3002))


def test_records_that_come_together_share_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        await asyncio.gather(*(store.append([record(seq)]) for seq in range(1, 501)))

    with journal(tmp_path) as store:
        asyncio.run(main())
        frames = (tmp_path / "journal.sqlite-wal").stat().st_size // 4096
        assert [each.seq for each in store.read()] == list(range(1, 501))
    assert frames < 250, "each commit writes a frame at least"


def test_a_batch_is_written_whole_or_not_at_all_and_spares_the_others(tmp_path: Path) -> None:
    async def main() -> list[BaseException | None]:
        batches = ([record(1)], [record(2), record(1, "again")], [record(3)])
        return await asyncio.gather(*(store.append(batch) for batch in batches), return_exceptions=True)

    with journal(tmp_path) as store:
        first, second, third = asyncio.run(main())
        assert (first, third) == (None, None)
        assert isinstance(second, StoreFailed)
        assert "journal.sqlite" in str(second)
        assert list(store.read()) == [record(1), record(3)]


def pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()


def test_the_file_is_set_up_for_power_cuts(tmp_path: Path) -> None:
    with journal(tmp_path) as store:
        append(store, record(1))
        pragmas = ("journal_mode", "synchronous", "locking_mode", "foreign_keys", "trusted_schema", "user_version")
        pragmas += ("application_id",)
        found = [store.writer.ask(partial(pragma, name=name))[0] for name in pragmas]
    assert found == ["wal", 2, "exclusive", 1, 0, FORMAT, APPLICATION_ID]


def test_a_second_controller_is_refused(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from cellctl.app.clock import RealClock
from cellctl.domain.errors import StoreFailed
from cellctl.stores.formats import APPLICATION_ID, FORMAT
from cellctl.stores.journal import Journal
try:
    Journal(Path({str(tmp_path / "journal.sqlite")!r}), RealClock()).start()
except StoreFailed as error:
    print(error)
"""
    with journal(tmp_path) as store:
        append(store, record(1))
        with pytest.raises(StoreFailed, match=r"another process has it open\. Stop that one"):
            journal(tmp_path).start()
        told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
        assert "journal.sqlite: another process has it open. Stop that one" in told.stdout
        append(store, record(2))
        assert list(store.read()) == [record(1), record(2)]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    with journal(tmp_path) as store:
        append(store, *(record(seq, "x" * 500) for seq in range(1, 200)))
    path = tmp_path / "journal.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:12_288] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(StoreFailed, match=r"journal\.sqlite: it is damaged.*restore a backup"):
        journal(tmp_path).start()
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreFailed, match=r"journal\.sqlite: it is damaged.*restore a backup"):
        journal(tmp_path).start()


def test_a_file_of_another_version_or_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(StoreFailed, match=f"its format is 0, this cellctl reads 1 to {FORMAT}"):
        journal(tmp_path).start()
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    db.close()
    with pytest.raises(StoreFailed, match=f"its format is {FORMAT + 1}, this cellctl reads 1 to {FORMAT}"):
        journal(tmp_path).start()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"nowhere/journal\.sqlite: it cannot be opened\. Its folder must exist"):
        journal(tmp_path / "nowhere").start()


def test_a_disk_without_room_refuses_and_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    with journal(tmp_path) as store:
        append(store, record(1))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
        try:
            with pytest.raises(StoreFailed, match=r"journal\.sqlite: the disk"):
                append(store, record(2, "x" * 100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list(store.read()) == [record(1)]
        append(store, record(2))
        assert list(store.read()) == [record(1), record(2)]


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    store = journal(tmp_path)
    with pytest.raises(StoreFailed, match="is not open"):
        append(store, record(1))
    store.start()
    store.stop()
    store.stop()
    with pytest.raises(StoreFailed, match="is not open"):
        list(store.read())


def test_stopping_writes_what_was_handed_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for seq in range(1, 101):
                tasks.create_task(store.append([record(seq)]))
            await asyncio.sleep(0)
            store.stop()

    store = journal(tmp_path)
    store.start()
    asyncio.run(main())
    with journal(tmp_path) as store:
        assert len(list(store.read())) == 100


class CountingClock(RealClock):
    """Lets a test wait until the writer has looked at the clock again."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = threading.Event()

    def now_s(self) -> float:
        self.looked.set()
        return super().now_s()


def test_an_idle_writer_proves_that_it_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellctl.stores.writer.HEARTBEAT_S", 0.01)
    clock = CountingClock()
    with Journal(tmp_path / "journal.sqlite", clock) as store:
        seen: set[float] = set()
        while len(seen) < 5:
            clock.looked.clear()
            assert clock.looked.wait(10)
            seen.add(store.last_progress_s)
    assert sorted(seen)[0] <= store.last_progress_s <= clock.now_s()


def test_after_kill_9_every_acknowledged_record_is_there_and_no_batch_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    acknowledged: set[int] = set()
    for kill in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.writer_process", str(path)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert writer.stdout is not None
        with writer, writer.stdout:
            lines = [writer.stdout.readline() for _ in range(1 + 37 * kill)]
            writer.kill()
            lines += writer.stdout.readlines()
        # The last line may have been torn by the kill.
        acknowledged.update(int(word) for line in lines if line.endswith("\n") for word in line.split())
        with Journal(path, RealClock()) as store:
            written = {each.seq for each in store.read()}
        assert acknowledged <= written
        assert all((seq + 1 in written) == (seq in written) for seq in range(1, max(written) + 1, 2))
    assert len(acknowledged) > 37 * KILLS
