"""Looking after what is kept: verify the journal, back the state folder up, archive what is old."""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from cellctl.app.cell import RunningCell
from cellctl.core.cell import Cell
from cellctl.core.lifecycle import in_work
from cellctl.domain.errors import StoreFailed
from cellctl.ports import Clock
from cellctl.stores import backup, snapshots
from cellctl.stores.book import SqliteBook
from cellctl.stores.chain import Verdict
from cellctl.stores.inspection import inspect
from cellctl.stores.journal import Journal

log = structlog.get_logger()

DAY_S: Final = 24 * 3600.0
# Between two thousands of records that are looked at behind a start: a tenth of a processor, and of the disk.
REST_S: Final = 0.1
SEALED: Final = "whole: every record is as it was written"


class Keeper:
    """Does that for a running daemon, while it works."""

    def __init__(self, state: Path, journal: Journal, book: SqliteBook, clock: Clock) -> None:
        self._state = state
        self._journal = journal
        self._book = book
        self._clock = clock
        # Who walks along the chain must not have records moved into the archive meanwhile.
        self._walking = asyncio.Lock()
        self._found = ""

    async def verify(self) -> dict[str, Any]:
        """Look at every record. Raises StoreFailed."""
        async with self._walking:
            return told(await self._journal.verify())

    async def look_through(self) -> None:
        """Look at every record of a journal that was too large for that at its start; what is bad stays a notice."""
        if not self._journal.unseen:
            return
        try:
            async with self._walking:
                verdict = await self._journal.look_through(REST_S)
        except StoreFailed as failed:
            self._found = f"the journal cannot be read to its end: {failed}"
        else:
            log.info("journal.looked_through", records=verdict.records, whole=verdict.whole)
            self._found = "" if verdict.whole else f"record {verdict.bad_seq} of the journal is bad: {verdict.why}"
        if self._found:
            log.critical("journal.damaged", why=self._found)

    def notices(self) -> list[str]:
        """What a person must see to soon."""
        return [f"{self._found}. Keep the file for study, and restore a backup"] if self._found else []

    async def backup(self, folder: Path) -> dict[str, Any]:
        """Copy everything into a new folder, which is then a state folder. Raises StoreFailed."""
        backup.prepare(folder)
        for kept, name in ((self._book, backup.BOOK), (self._journal, backup.JOURNAL)):
            await kept.writer.copied(partial(backup.copy, target=folder / name))
        await asyncio.get_running_loop().run_in_executor(None, backup.copy_files, self._state, folder)
        log.info("journal.backed_up", folder=str(folder))
        return {"folder": str(folder)}

    def archiving(self, cell: RunningCell, days: float) -> Callable[[], Coroutine[Any, Any, None]]:
        """What, run beside the cell, archives once a day what is older, but nothing of an order that is open."""

        async def archive() -> None:
            while True:
                try:
                    await self._archive(cell, days)
                except StoreFailed as failed:
                    log.error("journal.not_archived", why=str(failed))
                await self._clock.sleep(DAY_S)

        return archive

    async def _archive(self, cell: RunningCell, days: float) -> None:
        before = datetime.fromisoformat(self._clock.utc()) - timedelta(days=days)
        before_at = before.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        schema = snapshots.schema(cell.config.plan)
        # So that a start never needs the archive, unless the code has changed.
        kept = await asyncio.get_running_loop().run_in_executor(None, self._journal.kept, schema)
        if kept is None:
            return
        async with self._walking:
            sealed = await self._journal.archive(min(before_at, oldest_open_at(cell.engine.cell)), kept.seq)
        if sealed is not None:
            log.info("journal.archived", file=sealed.path.name, records=sealed.head.seq - sealed.anchor.seq)


def oldest_open_at(cell: Cell) -> str:
    """When the oldest order of which something is open was accepted; later than any time if there is none."""
    open_jobs = (job for job in cell.jobs.values() if in_work(job))
    return min((cell.orders[job.order_id].order.accepted_at for job in open_jobs), default="9999")


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict for people and programs."""
    return {
        "whole": verdict.whole,
        "records": verdict.records,
        "last_seq": verdict.last.seq,
        "head": verdict.last.sha256.hex(),
        "bad_seq": verdict.bad_seq,
        "why": verdict.why,
    }


def main_keep(args: Namespace) -> int:
    """`cellctl backup` and `cellctl journal verify` on a state folder that no daemon uses; 1 for a bad journal."""
    try:
        if args.verb == "backup":
            backup.offline(args.state, args.folder)
            print(f"{args.folder}: a state folder; try it: cellctl journal verify --state {args.folder}")  # noqa: T201
            return 0
        verdict = inspect(args.state / backup.JOURNAL)
    except StoreFailed as failed:
        print(f"cellctl: {failed}")  # noqa: T201 - the command's output
        return 1
    print("\n".join(verdict_lines(told(verdict))))  # noqa: T201
    return 0 if verdict.whole else 1


def verdict_lines(said: dict[str, Any]) -> list[str]:
    """A verdict in two lines."""
    what = SEALED if said["whole"] else f"record {said['bad_seq']} is bad: {said['why']}"
    return [f"{said['records']} records up to {said['last_seq']}, {what}", f"head {said['head']}"]
