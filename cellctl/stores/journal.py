"""The journal: every event of the cell in one SQLite file, durable before anybody acts on it.

A thread of its own owns the file, because a commit takes up to tens of milliseconds, which machines cannot wait for.
What has gathered while one commit ran goes into the next one together.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Self

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import Record
from cellctl.ports import Clock
from cellctl.stores.codec import Row, decode, encode
from cellctl.stores.sqlite import failed, insert, open_journal, select

_HEARTBEAT_S: Final = 1.0
_ANSWER_S: Final = 30.0
_JOBS_AT_ONCE: Final = 1000
_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class _Append:
    rows: Sequence[Row]
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Ask:
    question: Callable[[sqlite3.Connection], Any]
    answer: Future[Any]


class Journal:
    """ports.Store in a file. It is open between `start` and `stop`, or inside a `with`; both block."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._jobs: SimpleQueue[_Append | _Ask | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._progress_s = clock.now_s()

    def start(self) -> None:
        """Open and check the file. Raises StoreFailed, also when another process has it open."""
        opened: Future[None] = Future()
        thread = Thread(target=self._work, args=(opened,), name="journal", daemon=True)
        thread.start()
        opened.result()
        self._thread = thread

    def stop(self) -> None:
        """Write what was handed over, and close. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def append(self, records: Sequence[Record]) -> None:
        """Write all of these or none; durable on return. Raises StoreFailed.

        Who is cancelled here cannot know whether they were written.
        """
        rows = [encode(record) for record in records]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_over(_Append(rows, done))
        await done

    def read(self, after_seq: int = 0) -> Iterator[Record]:
        """Every durable record after a sequence number, in order. Blocks, a thousand records at a time."""
        while rows := self._ask(partial(select, after_seq=after_seq, limit=_ROWS_AT_ONCE)):
            yield from map(decode, rows)
            after_seq = rows[-1][0]

    @property
    def last_progress_s(self) -> float:
        """When the writer last finished something, or found nothing to do (it looks once a real second)."""
        return self._progress_s

    def _hand_over(self, job: _Append | _Ask) -> None:
        if self._thread is None:
            raise StoreFailed(f"{self._path}: the journal is not open. This is a defect of cellctl: report it")
        self._jobs.put(job)

    def _ask(self, question: Callable[[sqlite3.Connection], list[Row]]) -> list[Row]:
        answer: Future[list[Row]] = Future()
        self._hand_over(_Ask(question, answer))
        try:
            return answer.result(_ANSWER_S)
        except TimeoutError:
            what = f"the disk has not answered for {_ANSWER_S:.0f} s. Look at the system's log"
            raise StoreFailed(f"{self._path}: {what}") from None

    # ---- in the writer's thread ----------------------------------------------------------------------------------

    def _work(self, opened: Future[None]) -> None:
        try:
            db = open_journal(self._path)
        except StoreFailed as error:
            opened.set_exception(error)
            return
        self._progress_s = self._clock.now_s()
        opened.set_result(None)
        with closing(db):
            stopping = False
            while not stopping:
                jobs = self._next_jobs()
                self._commit(db, [job for job in jobs if isinstance(job, _Append)])
                self._answer(db, [job for job in jobs if isinstance(job, _Ask)])
                self._progress_s = self._clock.now_s()
                stopping = None in jobs

    def _next_jobs(self) -> list[_Append | _Ask | None]:
        try:
            jobs = [self._jobs.get(timeout=_HEARTBEAT_S)]
        except Empty:
            return []
        while len(jobs) < _JOBS_AT_ONCE and not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs

    def _commit(self, db: sqlite3.Connection, appends: Sequence[_Append]) -> None:
        if not appends:
            return
        try:
            insert(db, [row for append in appends for row in append.rows])
        except sqlite3.Error as error:
            if len(appends) == 1:
                _settle(appends[0], failed(self._path, error))
                return
            # One of them may be at fault, or too large for what is left of the disk; the others need not suffer.
            for append in appends:
                self._commit(db, [append])
        else:
            for append in appends:
                _settle(append, None)

    def _answer(self, db: sqlite3.Connection, asks: Sequence[_Ask]) -> None:
        for ask in asks:
            try:
                ask.answer.set_result(ask.question(db))
            except sqlite3.Error as error:
                ask.answer.set_exception(failed(self._path, error))


def _settle(append: _Append, error: StoreFailed | None) -> None:
    # A loop that was closed meanwhile has nobody left who waits.
    with suppress(RuntimeError):
        append.done.get_loop().call_soon_threadsafe(_tell, append.done, error)


def _tell(done: asyncio.Future[None], error: StoreFailed | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
