"""A full disk: the ballast lets work that runs be written down, no new order is accepted, and it all comes back."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellctl.app.clock import RealClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import DiskFull
from cellctl.domain.events import DiskChanged
from cellctl.stores.journal import Journal
from cellctl.stores.memory import MemoryStore
from cellctl.stores.room import BALLAST_BYTES, Room
from tests.app.shop_floor import ShopFloor, envelope
from tests.stores.test_journal import append, record

DISK_BYTES = 32 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 32 MiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    try:
        made = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def fill(folder: Path) -> Path:
    """Somebody else's file takes all that is left."""
    hog = folder / "somebody-elses"
    with hog.open("wb") as file:
        try:
            while True:
                file.write(b"x" * 65_536)
                file.flush()
        except OSError:
            pass
    return hog


def test_on_a_full_disk_the_ballast_is_given_up_and_made_again_when_there_is_room(small_disk: Path) -> None:
    room = Room(small_disk)
    with Journal(small_disk / "journal.sqlite", RealClock(), room) as journal:
        append(journal, record(1))
        assert ((small_disk / "ballast").stat().st_size, journal.full) == (BALLAST_BYTES, False)
        hog = fill(small_disk)
        seqs = iter(range(2, 1000))
        written = [1]
        while (small_disk / "ballast").exists():
            written.append(next(seqs))
            append(journal, record(written[-1], "x" * 20_000))
        assert journal.full
        # Held and done: there is room for what runs.
        for seq in (next(seqs) for _ in range(100)):
            append(journal, record(seq, "x" * 2000))
            written.append(seq)
        with pytest.raises(DiskFull, match="the disk is full"):
            append(journal, record(next(seqs), "x" * 2 * BALLAST_BYTES))
        hog.unlink()
        journal.writer.ask(lambda _: None)
        append(journal, record(1000))
        assert ((small_disk / "ballast").exists(), journal.full) == (True, False)
        assert [each.seq for each in journal.read()] == [*written, 1000]
        assert asyncio.run(journal.verify()).whole


class FillingStore(MemoryStore):
    """A journal whose disk is full now and then."""

    is_full = False

    @property
    def full(self) -> bool:
        return self.is_full


def test_while_the_disk_is_full_no_order_is_accepted_and_work_goes_on(tmp_path: Path) -> None:
    floor = ShopFloor()
    floor.store = disk = FillingStore(floor.clock)

    async def play() -> None:
        async with floor.daemon(tmp_path) as cell:
            assert (await cell.desk.submit(envelope(SubmitOrder("plate", {}), "id-1"))).accepted
            disk.is_full = True
            refused = await cell.desk.submit(envelope(SubmitOrder("plate", {}), "id-2"))
            assert refused.code == "rejected:disk_full"
            assert "Free some space" in refused.message
            await cell.engine.pulse()
            await cell.engine.pulse()
            assert any("disk is full" in alarm for alarm in cell.desk.view().alarms)
            await asyncio.sleep(3600)
            disk.is_full = False
            await cell.engine.pulse()
            await cell.engine.pulse()
            assert not any("disk is full" in alarm for alarm in cell.desk.view().alarms)
            assert (await cell.desk.submit(envelope(SubmitOrder("plate", {}), "id-2"))).accepted

    run_virtual(play())
    assert [event.full for event in floor.log() if isinstance(event, DiskChanged)] == [True, False]


def test_without_room_for_it_the_ballast_is_not_made(tmp_path: Path) -> None:
    room = Room(tmp_path, ballast_bytes=2**60)
    room.look()
    assert (room.full, (tmp_path / "ballast").exists(), room.release()) == (True, False, False)
    assert Room(tmp_path / "nowhere").full is False
