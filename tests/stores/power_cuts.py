"""Power cuts while a journal is written: whatever was acknowledged must be there after each, and the file be sound."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Final

from cellctl.app.clock import RealClock
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import ControllerStarted, Record
from cellctl.stores import sqlite
from cellctl.stores.journal import Journal
from tests.stores.power import Disk, on

# One computer is cut off so many times in a row, so that its journal grows over checkpoints.
CUTS_A_DISK: Final = 20
MOST_STEPS: Final = 60
NAME: Final = Path("journal.sqlite")


@dataclass
class Outcome:
    """What a battery has found. `lost`: acknowledged records that were not there afterwards."""

    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    unsound: int = 0
    told: Counter[str] = field(default_factory=Counter)
    checkpoints: int = 0


def written(seq: int, rng: Random) -> Record:
    """A record whose size varies as those of the cell do."""
    text = f"{seq} " + "x" * rng.choice((20, 200, 200, 2000, 9000))
    return Record(seq, "2026-01-05T06:00:00.000Z", float(seq), "test", ControllerStarted(text))


async def fill(journal: Journal, disk: Disk, first_seq: int, acknowledged: dict[int, Record]) -> None:
    """Append until the power is gone, a few at a time and some at once, and keep snapshots."""
    seq, rng = first_seq, disk.rng
    for _ in range(rng.choice((3, 20))):
        batches = []
        for _ in range(rng.choice((1, 1, 1, 3))):
            batches.append([written(seq + number, rng) for number in range(rng.choice((1, 1, 2, 5)))])
            seq += len(batches[-1])
        ends = await asyncio.gather(*(journal.append(batch) for batch in batches), return_exceptions=True)
        for batch, end in zip(batches, ends, strict=True):
            if end is None:
                acknowledged.update((record.seq, record) for record in batch)
            elif not isinstance(end, StoreFailed):
                raise end
        if any(ends):
            return
        if rng.random() < 0.1:
            journal.keep(max(acknowledged), "schema", lambda: "snapshot " * 500)


async def check(journal: Journal, acknowledged: dict[int, Record], outcome: Outcome) -> int:
    """What the next start finds; the last record's number."""
    found = {record.seq: record for record in journal.read()}
    outcome.lost += sum(found.get(seq) != record for seq, record in acknowledged.items())
    verdict = await journal.verify()
    if not verdict.whole:
        outcome.unsound += 1
        outcome.told[verdict.why] += 1
    journal.kept("schema")
    # What is there though nobody was told so may stay: it was on its way.
    acknowledged |= found
    return max(found, default=0)


async def work(disk: Disk, acknowledged: dict[int, Record]) -> None:
    """A daemon from its start to the power cut, which may come while it starts, writes or closes its file."""
    journal = Journal(NAME, RealClock())
    disk.steps = disk.rng.randrange(MOST_STEPS)
    try:
        journal.start()
        await fill(journal, disk, 1 + max(acknowledged, default=0), acknowledged)
    except StoreFailed:
        # Cut off while it started.
        pass
    finally:
        journal.stop()
    disk.reboot()


async def look(disk: Disk, acknowledged: dict[int, Record], outcome: Outcome) -> dict[int, Record]:
    """What is there after it. In one of two cases the file is not closed either: the next cut comes at once."""
    journal = Journal(NAME, RealClock())
    try:
        journal.start()
        last_seq = await check(journal, acknowledged, outcome)
    except StoreFailed as error:
        outcome.unsound += 1
        outcome.told[str(error)] += 1
        last_seq = 0
    if disk.rng.random() < 0.5:
        disk.steps = disk.rng.randrange(8)
    journal.stop()
    if disk.steps is not None:
        outcome.cuts += 1
        disk.reboot()
    return {seq: record for seq, record in acknowledged.items() if seq <= last_seq}


async def one_disk(seed: int, cuts: int, outcome: Outcome) -> None:
    """One computer, cut off again and again."""
    disk, acknowledged = Disk(seed), dict[int, Record]()
    enough = outcome.cuts + cuts
    with on(disk):
        while outcome.cuts < enough:
            await work(disk, acknowledged)
            outcome.cuts += 1
            acknowledged = await look(disk, acknowledged, outcome)
            outcome.acknowledged += len(acknowledged)
    outcome.checkpoints += disk.files[str(NAME)].syncs if str(NAME) in disk.files else 0


def battery(cuts: int, synchronous: str = "FULL", first_seed: int = 1) -> Outcome:
    """So many power cuts; `synchronous` other than FULL is the control, which must lose something."""
    outcome = Outcome()
    pragmas = sqlite._PRAGMAS
    sqlite._PRAGMAS = tuple(each.replace("= FULL", f"= {synchronous}") for each in pragmas)
    try:
        while outcome.cuts < cuts:
            asyncio.run(one_disk(first_seed + outcome.cuts, min(CUTS_A_DISK, cuts - outcome.cuts), outcome))
    finally:
        sqlite._PRAGMAS = pragmas
    return outcome
