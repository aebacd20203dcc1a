"""Backups while work goes on and without a daemon, the archive of what is old, and verifying all of it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.app.clock import RealClock
from cellctl.app.keeping import Keeper, oldest_open_at
from cellctl.app.main import main
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import CommandAnswered, ControllerStarted, Record
from cellctl.ports.book import Put
from cellctl.stores.book import SqliteBook
from cellctl.stores.codec import decode_answer
from cellctl.stores.files import ProgramFiles
from cellctl.stores.inspection import inspect
from cellctl.stores.journal import Journal
from tests.core.shop import Shop
from tests.core.test_orders import ORDER, store
from tests.stores.test_chain import tampered
from tests.stores.test_journal import append

BEFORE = "2026-02-01T00:00:00.000Z"


def record(seq: int) -> Record:
    """A hundred a month."""
    return Record(seq, f"2026-{1 + seq // 100:02d}-05T06:00:00.000Z", float(seq), "test", ControllerStarted(f"v {seq}"))


def filled(state: Path) -> Journal:
    """Two and a half months of a cell, open."""
    state.mkdir(exist_ok=True)
    journal = Journal(state / "journal.sqlite", RealClock())
    journal.start()
    append(journal, *(record(seq) for seq in range(1, 251)))
    return journal


def test_a_backup_of_a_daemon_at_work_is_a_state_folder_and_loses_nothing_that_came_before(tmp_path: Path) -> None:
    state, copy = tmp_path / "state", tmp_path / "copy"
    journal = filled(state)
    sha256 = ProgramFiles(state / "programs").keep("plate.gcode", b"G28\n")
    clock = RealClock()

    async def work(book: SqliteBook) -> None:
        assert await book.put_if_absent("order/a", "1") is Put.WON
        keeper = Keeper(state, journal, book, clock)
        async with asyncio.TaskGroup() as tasks:
            copied = tasks.create_task(keeper.backup(copy))
            for seq in range(251, 300):
                await journal.append([record(seq)])
            assert await copied == {"folder": str(copy)}
        assert (await keeper.verify())["whole"]
        with pytest.raises(StoreFailed, match="is not empty"):
            await keeper.backup(copy)

    with SqliteBook(state / "orders.sqlite", clock) as book:
        asyncio.run(work(book))
    journal.stop()
    with Journal(copy / "journal.sqlite", clock) as restored, SqliteBook(copy / "orders.sqlite", clock) as book:
        found = list(restored.read())
        assert found == [record(seq) for seq in range(1, len(found) + 1)]
        assert 250 <= len(found) <= 299
        append(restored, record(len(found) + 1))
        assert asyncio.run(book.get("order/a")) == "1"
    assert inspect(copy / "journal.sqlite").whole
    assert list(ProgramFiles(copy / "programs").lines(sha256)) == ["G28"]


def test_the_command_line_backs_up_and_verifies_a_folder_without_a_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = filled(tmp_path / "state")
    words = ["--state", str(tmp_path / "state")]
    assert main(["backup", *words, str(tmp_path / "copy")]) == 1
    assert "another process has it open" in capsys.readouterr().out
    journal.stop()
    assert main(["backup", *words, str(tmp_path / "copy2")]) == 0
    assert main(["journal", "verify", "--state", str(tmp_path / "copy2")]) == 0
    assert "250 records up to 250, whole" in capsys.readouterr().out
    tampered(tmp_path / "copy2" / "journal.sqlite", "UPDATE records SET actor = 'mallory' WHERE seq = 77")
    assert main(["journal", "verify", "--state", str(tmp_path / "copy2")]) == 1
    assert "record 77 is bad" in capsys.readouterr().out
    assert main(["journal", "verify", "--state", str(tmp_path / "nowhere")]) == 1


def test_what_is_old_moves_into_a_sealed_file_and_everything_is_still_read(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    sealed = asyncio.run(journal.archive(BEFORE, 1000))
    assert sealed is not None
    assert (sealed.path.name, sealed.head.seq) == ("journal-000000000001-000000000099.sqlite", 99)
    assert asyncio.run(journal.archive(BEFORE, 1000)) is None
    append(journal, record(251))
    assert list(journal.read()) == [record(seq) for seq in range(1, 252)]
    assert next(journal.read(after_seq=50)).seq == 51
    assert len(list(journal.read(0, "controller.started"))) == 251
    assert asyncio.run(journal.verify()).records == 251
    second = asyncio.run(journal.archive("2026-03-01T00:00:00.000Z", 150))
    assert second is not None and (second.anchor.seq, second.head.seq) == (99, 150)
    assert asyncio.run(journal.verify()).records == 251
    journal.stop()
    assert inspect(tmp_path / "journal.sqlite").records == 251
    sealed.path.chmod(0o600)
    tampered(sealed.path, "UPDATE records SET actor = 'mallory' WHERE seq = 42")
    assert inspect(tmp_path / "journal.sqlite").bad_seq == 42


def test_a_crash_between_sealing_and_letting_go_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path)

    def dies(*_: object) -> None:
        raise StoreFailed("killed")

    with monkeypatch.context() as patched:
        patched.setattr("cellctl.stores.journal.let_go", dies)
        with pytest.raises(StoreFailed, match="killed"):
            asyncio.run(journal.archive(BEFORE, 1000))
    assert [each.seq for each in journal.read()] == list(range(1, 251))
    assert asyncio.run(journal.verify()).records == 250
    assert asyncio.run(journal.archive(BEFORE, 1000)) is None
    assert [each.seq for each in journal.read()] == list(range(1, 251))
    assert asyncio.run(journal.verify()).records == 250
    journal.stop()


def test_a_file_of_the_archive_that_is_missing_is_named(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    sealed = asyncio.run(journal.archive(BEFORE, 1000))
    assert sealed is not None
    sealed.path.unlink()
    with pytest.raises(StoreFailed, match=r"records 1 to 99 were archived.*Bring them back"):
        list(journal.read())
    assert len(list(journal.read(after_seq=99))) == 151
    assert len(list(journal.read(0, "controller.started"))) == 151
    journal.stop()


def test_what_is_archived_is_no_part_of_an_open_order() -> None:
    shop = store(release=False)
    assert oldest_open_at(shop.cell) == shop.cell.orders[ORDER].order.accepted_at
    assert oldest_open_at(Shop().cell) == "9999"


def test_the_last_answers_come_from_the_journal_and_from_as_far_back_in_the_archive_as_needed(tmp_path: Path) -> None:
    def answered(seq: int) -> Record:
        return replace(record(seq), event=CommandAnswered(f"c-{seq}", "", "x", "submit", "accepted", f"no {seq}"))

    with Journal(tmp_path / "journal.sqlite", RealClock()) as journal:
        append(journal, *(answered(seq) if seq % 10 == 0 else record(seq) for seq in range(1, 101)))
        sealed = asyncio.run(journal.archive(BEFORE, 35))
        assert sealed is not None and sealed.head.seq == 35
        for most, first in ((1, 100), (7, 40), (9, 20), (1000, 10)):
            found = journal.answers(most)
            assert [command_id for command_id, _ in found] == [f"c-{seq}" for seq in range(first, 101, 10)]
        assert decode_answer(found[0][1]) == answered(10).event


def test_a_journal_too_large_for_a_look_at_its_start_is_looked_through_behind_it_and_what_is_bad_is_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellctl.stores.inspection._ROWS_AT_ONCE", 20)
    monkeypatch.setattr("cellctl.app.keeping.REST_S", 0.001)
    journal = filled(tmp_path)

    def notices() -> list[str]:
        """A start, and what is found behind it."""
        with SqliteBook(tmp_path / "orders.sqlite", RealClock()) as book:
            keeper = Keeper(tmp_path, journal, book, RealClock())
            asyncio.run(keeper.look_through())
        return keeper.notices()

    assert (journal.unseen, notices()) == (False, [])
    journal.stop()
    tampered(journal.writer.path, "UPDATE records SET actor = 'mallory' WHERE seq = 42")
    journal.start()
    assert (journal.unseen, notices()) == (False, [])
    journal.stop()
    monkeypatch.setattr("cellctl.stores.sqlite.LARGE_BYTES", 4096)
    journal.start()
    (notice,) = notices()
    assert notice.startswith("record 42 of the journal is bad: it is not what was written after record 41.")
    journal.stop()
    tampered(journal.writer.path, "UPDATE records SET actor = 'test' WHERE seq = 42")
    journal.start()
    assert (journal.unseen, notices()) == (True, [])
    journal.stop()
