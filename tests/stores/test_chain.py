"""The hash chain: whatever is done to a record is found, and where; old files are brought up to it."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl.app.clock import RealClock
from cellctl.domain.errors import StoreFailed
from cellctl.stores.chain import Verdict
from cellctl.stores.codec import decode
from cellctl.stores.formats import APPLICATION_ID, FORMAT, STEPS
from cellctl.stores.inspection import inspect
from cellctl.stores.journal import Journal
from tests.stores.test_journal import append, record

COUNT = 50
OLD = Path(__file__).parent / "fixtures" / "journal-format-1.sqlite"


def written(folder: Path) -> Path:
    """A journal of fifty records, closed."""
    path = folder / "journal.sqlite"
    with Journal(path, RealClock()) as journal:
        append(journal, *(record(seq, f"version {seq}") for seq in range(1, COUNT + 1)))
    return path


def tampered(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()


def verified(path: Path) -> Verdict:
    with Journal(path, RealClock()) as journal:
        return asyncio.run(journal.verify())


def test_an_untouched_journal_verifies_record_by_record(tmp_path: Path) -> None:
    verdict = verified(written(tmp_path))
    assert (verdict.whole, verdict.records, verdict.last.seq) == (True, COUNT, COUNT)


def swapped(seq: int) -> tuple[str, ...]:
    """Two neighbours change places, with their hashes."""
    return (
        f"UPDATE records SET seq = -1 WHERE seq = {seq}",
        f"UPDATE records SET seq = {seq} WHERE seq = {seq + 1}",
        f"UPDATE records SET seq = {seq + 1} WHERE seq = -1",
    )


DAMAGE: dict[str, Callable[[int], tuple[str, ...]]] = {
    "payload": lambda seq: (f"UPDATE records SET payload = replace(payload, 'n {seq}', 'x') WHERE seq = {seq}",),
    "at": lambda seq: (f"UPDATE records SET at = '2026-01-05T06:00:00.001Z' WHERE seq = {seq}",),
    "mono_s": lambda seq: (f"UPDATE records SET mono_s = mono_s + 0.001 WHERE seq = {seq}",),
    "actor": lambda seq: (f"UPDATE records SET actor = 'mallory' WHERE seq = {seq}",),
    "name": lambda seq: (f"UPDATE records SET name = 'order.retired' WHERE seq = {seq}",),
    "hash": lambda seq: (f"UPDATE records SET sha256 = zeroblob(32) WHERE seq = {seq}",),
    "removed": lambda seq: (f"DELETE FROM records WHERE seq = {seq}",),
    "swapped": swapped,
    "inserted": lambda seq: (
        "UPDATE records SET seq = -seq",
        f"UPDATE records SET seq = -seq + (-seq >= {seq})",
        f"INSERT INTO records SELECT {seq}, at, mono_s, actor, name, payload, sha256 FROM records WHERE seq = 1",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_touched_record_is_found_by_its_number(kind: str, tmp_path: Path) -> None:
    clean = written(tmp_path)
    rng = Random(kind)
    for seq in [2, *rng.sample(range(3, COUNT - 2), k=4)]:
        path = tmp_path / "touched.sqlite"
        shutil.copy(clean, path)
        tampered(path, *DAMAGE[kind](seq))
        assert inspect(path).bad_seq == seq


def test_a_journal_whose_end_was_cut_off_or_lengthened_does_not_start(tmp_path: Path) -> None:
    path = written(tmp_path)
    tampered(path, f"DELETE FROM records WHERE seq > {COUNT - 3}")
    with pytest.raises(StoreFailed, match=r"it ends at record 47, and not as it was left.*journal verify"):
        verified(path)
    verdict = inspect(path)
    assert (verdict.bad_seq, verdict.records) == (COUNT - 2, COUNT - 3)
    path.unlink()
    path = written(tmp_path)
    tampered(path, f"INSERT INTO records SELECT {COUNT + 1}, at, mono_s, actor, name, payload, sha256 FROM records "
                   f"WHERE seq = {COUNT}")  # fmt: skip
    with pytest.raises(StoreFailed, match="it ends at record 51"):
        verified(path)
    assert inspect(path).bad_seq == COUNT + 1


def test_a_journal_of_format_1_is_brought_up_with_every_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(OLD, path)
    db = sqlite3.connect(path)
    rows = db.execute("SELECT * FROM records ORDER BY seq").fetchall()
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()
    with Journal(path, RealClock()) as journal:
        assert list(journal.read()) == [decode(row) for row in rows]
        assert asyncio.run(journal.verify()).records == len(rows) == 262
        append(journal, record(263))
    db = sqlite3.connect(path)
    marks = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    assert marks == [FORMAT, APPLICATION_ID]
    assert tables == {"records", "chain", "snapshots"}
    assert verified(path).records == 263


def test_a_format_1_journal_that_cannot_be_brought_up_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(OLD, path)
    asked: list[int] = []

    def fails(previous: bytes, row: tuple[object, ...]) -> bytes:
        asked.append(len(previous))
        if len(asked) == 100:
            raise sqlite3.OperationalError("the power has gone")
        return previous

    monkeypatch.setattr("cellctl.stores.formats.after", fails)
    with pytest.raises(StoreFailed, match="the power has gone"):
        verified(path)
    monkeypatch.undo()
    assert verified(path).records == 262


def test_there_is_a_step_from_every_earlier_format_to_the_next() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))


def test_a_journal_of_format_2_is_verified_as_it_is_and_brought_up_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path, RealClock()) as journal:
        append(journal, *(record(seq) for seq in range(1, 11)))
    db = sqlite3.connect(path)
    db.execute("DROP INDEX answers")
    db.execute("CREATE INDEX answers ON records (seq) WHERE name = 'command.answered'")
    db.execute("PRAGMA user_version = 2")
    db.close()
    assert inspect(path).whole
    with Journal(path, RealClock()) as journal:
        assert journal.last_seq == 10
        assert journal.answers(5) == []
    db = sqlite3.connect(path)
    plan = "EXPLAIN QUERY PLAN SELECT payload FROM records INDEXED BY answers WHERE name = 'command.answered'"
    (*_, how) = db.execute(plan).fetchone()
    db.close()
    assert "COVERING INDEX answers" in how
