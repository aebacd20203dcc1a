"""A thread that owns one SQLite file: a commit takes up to tens of milliseconds, and machines cannot wait for that.

What has gathered while one commit ran goes into the next one together.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

from cellctl.domain.errors import DiskFull, StoreFailed
from cellctl.ports import Clock
from cellctl.stores.room import Room
from cellctl.stores.sqlite import failed, transaction

Answer = TypeVar("Answer")

HEARTBEAT_S: Final = 1.0
_ANSWER_S: Final = 30.0
_JOBS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class _Change:
    do: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Ask:
    question: Callable[[sqlite3.Connection], Any]
    answer: Future[Any]


class Writer:
    """Open between `start` and `stop`, which block. `room`: what is given up when the disk is full."""

    def __init__(
        self, path: Path, clock: Clock, opened: Callable[[Path], sqlite3.Connection], room: Room | None = None
    ) -> None:
        self.path = path
        self.last_progress_s = clock.now_s()
        self._clock = clock
        self._open = opened
        self._room = room
        self._jobs: SimpleQueue[_Change | _Ask | None] = SimpleQueue()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Open the file. Raises StoreFailed, also when another process has it open."""
        opened: Future[None] = Future()
        thread = Thread(target=self._work, args=(opened,), name=self.path.stem, daemon=True)
        thread.start()
        opened.result()
        self._thread = thread

    def stop(self) -> None:
        """Do what was handed over, and close. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    async def change(self, do: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Call `do` inside a transaction, perhaps twice; what it answers, once that is durable. Raises StoreFailed.

        Who is cancelled here cannot know whether it was done.
        """
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._hand_over(_Change(do, done))
        return await done

    async def asked(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """What a question is answered, between two commits. Raises StoreFailed."""
        return await asyncio.wrap_future(self._asking(question))

    async def copied(self, copy: Callable[..., None]) -> None:
        """Have the file copied; in between, `copy` calls what it is given, and what waits is committed."""
        await self.asked(lambda db: copy(db, breathe=partial(self.serve_waiting, db)))

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """The same for somebody who blocks."""
        try:
            return self._asking(question).result(_ANSWER_S)
        except TimeoutError:
            what = f"the disk has not answered for {_ANSWER_S:.0f} s. Look at the system's log"
            raise StoreFailed(f"{self.path}: {what}") from None

    def later(self, chore: Callable[[sqlite3.Connection], None]) -> None:
        """Have something done that nobody waits for, and that may fail."""
        with suppress(StoreFailed):
            self._asking(chore)

    def _asking(self, question: Callable[[sqlite3.Connection], Answer]) -> Future[Answer]:
        answer: Future[Answer] = Future()
        self._hand_over(_Ask(question, answer))
        return answer

    def _hand_over(self, job: _Change | _Ask) -> None:
        if self._thread is None:
            raise StoreFailed(f"{self.path}: it is not open. This is a defect of cellctl: report it")
        self._jobs.put(job)

    # ---- in the thread -------------------------------------------------------------------------------------------

    def serve_waiting(self, db: sqlite3.Connection) -> None:
        """Commit what waits by now: for a long chore, in the thread, to call now and then."""
        waiting: list[_Change | _Ask | None] = []
        while len(waiting) < _JOBS_AT_ONCE and not self._jobs.empty():
            waiting.append(self._jobs.get())
        self._commit(db, [job for job in waiting if isinstance(job, _Change)])
        for job in waiting:
            if not isinstance(job, _Change):
                self._jobs.put(job)
        self.last_progress_s = self._clock.now_s()

    def _work(self, opened: Future[None]) -> None:
        try:
            db = self._open(self.path)
        except StoreFailed as error:
            opened.set_exception(error)
            return
        self._look()
        opened.set_result(None)
        with closing(db):
            stopping = False
            while not stopping:
                jobs = self._next_jobs()
                self._commit(db, [job for job in jobs if isinstance(job, _Change)])
                self._answer(db, [job for job in jobs if isinstance(job, _Ask)])
                self._look()
                stopping = None in jobs

    def _look(self) -> None:
        if self._room is not None:
            self._room.look()
        self.last_progress_s = self._clock.now_s()

    def _next_jobs(self) -> list[_Change | _Ask | None]:
        try:
            jobs = [self._jobs.get(timeout=HEARTBEAT_S)]
        except Empty:
            return []
        while len(jobs) < _JOBS_AT_ONCE and not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs

    def _commit(self, db: sqlite3.Connection, changes: Sequence[_Change]) -> None:
        if not changes:
            return
        try:
            answers = self._changed(db, changes)
        except (sqlite3.Error, StoreFailed) as error:
            known = failed(self.path, error) if isinstance(error, sqlite3.Error) else error
            if isinstance(known, DiskFull) and self._room is not None and self._room.release():
                self._commit(db, changes)
                return
            if len(changes) == 1:
                _settle(changes[0], None, known)
                return
            # One of them may be at fault, or too large for what is left of the disk; the others need not suffer.
            for change in changes:
                self._commit(db, [change])
        else:
            for change, answer in zip(changes, answers, strict=True):
                _settle(change, answer, None)

    def _changed(self, db: sqlite3.Connection, changes: Sequence[_Change]) -> list[Any]:
        with transaction(db):
            return [change.do(db) for change in changes]

    def _answer(self, db: sqlite3.Connection, asks: Sequence[_Ask]) -> None:
        for ask in asks:
            try:
                ask.answer.set_result(ask.question(db))
            except sqlite3.Error as error:
                ask.answer.set_exception(failed(self.path, error))
            except StoreFailed as error:
                ask.answer.set_exception(error)


def _settle(change: _Change, answer: Any, error: StoreFailed | None) -> None:
    # A loop that was closed meanwhile has nobody left who waits.
    with suppress(RuntimeError):
        change.done.get_loop().call_soon_threadsafe(_tell, change.done, answer, error)


def _tell(done: asyncio.Future[Any], answer: Any, error: StoreFailed | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(answer)
    else:
        done.set_exception(error)
