"""A program that appends to a journal for ever and prints each sequence number once it is durable."""

import asyncio
import sys
from pathlib import Path

from cellctl.app.clock import RealClock
from cellctl.domain.events import ControllerStarted, Record
from cellctl.stores.journal import Journal

WRITERS = 5


def record(seq: int) -> Record:
    return Record(seq, "", 0.0, "", ControllerStarted("x" * 200))


async def main(path: Path) -> None:
    with Journal(path, RealClock()) as journal:
        seq = max((record.seq for record in journal.read()), default=0)

        async def write() -> None:
            nonlocal seq
            while True:
                first = seq = seq + 1
                second = seq = seq + 1
                await journal.append([record(first), record(second)])
                print(first, second, flush=True)  # noqa: T201 - what the test reads

        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(write())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
