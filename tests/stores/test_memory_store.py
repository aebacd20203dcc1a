"""The journal of virtual time: as strict as the real one, and it can crash."""

import asyncio

import pytest

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import CommandAnswered, ControllerStarted, Record
from cellctl.ports import Store
from cellctl.stores.memory import MemoryStore


def record(seq: int) -> Record:
    return Record(seq, "", float(seq), "test", ControllerStarted(str(seq)))


def test_what_was_appended_is_read_back_through_the_codec() -> None:
    async def main() -> None:
        memory = MemoryStore(VirtualClock())
        store: Store = memory
        await store.append([record(1), record(2)])
        await store.append([])
        await store.append([record(3)])
        assert list(store.read()) == [record(1), record(2), record(3)]
        assert list(store.read(after_seq=2)) == [record(3)]
        assert next(store.read()) is not record(1)
        await asyncio.sleep(60)
        assert store.last_progress_s == 60.0

    run_virtual(main())


def test_what_the_real_journal_would_refuse_is_refused() -> None:
    async def main() -> None:
        store = MemoryStore(VirtualClock())
        await store.append([record(5)])
        with pytest.raises(StoreFailed, match="record 5 was written before"):
            await store.append([record(5)])
        unwritable = CommandAnswered("c-1", "", "x", "submit", "accepted", result={"value": object()})
        with pytest.raises(StoreFailed, match="cannot be written"):
            await store.append([Record(6, "", 0.0, "x", unwritable)])
        assert [each.seq for each in store.read()] == [5]

    run_virtual(main())


def test_the_sink_hears_of_every_durable_record_once_and_in_order() -> None:
    async def main() -> None:
        heard: list[Record] = []
        store = MemoryStore(VirtualClock(), heard.append)
        await asyncio.gather(store.append([record(1), record(2)]), store.append([record(3)]))
        assert heard == [record(1), record(2), record(3)]

    run_virtual(main())


def test_a_crash_loses_what_is_not_durable_yet_and_nothing_else() -> None:
    async def main() -> None:
        heard: list[Record] = []
        store = MemoryStore(VirtualClock(), heard.append)
        await store.append([record(1)])
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(_outcome(store, record(2)))
            await asyncio.sleep(0)
            store.crash()
            later = tasks.create_task(_outcome(store, record(3)))
        assert "has crashed" in late.result()
        assert "has crashed" in later.result()
        store.start()
        assert list(store.read()) == heard == [record(1)]
        await store.append([record(2)])
        assert list(store.read()) == heard == [record(1), record(2)]

    run_virtual(main())


def test_a_store_that_serves_again_at_once_has_still_lost_what_was_on_its_way() -> None:
    async def main() -> None:
        store = MemoryStore(VirtualClock())
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(_outcome(store, record(1)))
            await asyncio.sleep(0)
            store.crash()
            store.start()
        assert "has crashed" in late.result()
        assert list(store.read()) == []

    run_virtual(main())


async def _outcome(store: MemoryStore, wanted: Record) -> str:
    try:
        await store.append([wanted])
    except StoreFailed as failed:
        return str(failed)
    return ""
