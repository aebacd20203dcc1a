"""Virtual time: the daemon's own code, run by an event loop that waits by moving its clock to the next deadline.

A run is sealed (see `seals`), and it ends with an error when nothing can happen any more (`Deadlock`), when a task
outlives `main` (`LeakedTasks`), and when a callback leaves an error unhandled. These are defects of ours, and a broad
`except` in the code under test does not save the run from them.

One run at a time in a process.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf, nextafter
from types import CoroutineType
from typing import Any, Final, TypeVar, TypeVarTuple

from cellctl.app.seals import sealed
from cellctl.app.virtual_net import VirtualNet

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

_PURGE_ABOVE: Final = 1000


class Deadlock(Exception):
    """Nothing is ready and no deadline is set: the tasks named here would wait for ever."""


class LeakedTasks(Exception):
    """These tasks were still alive when `main` had ended."""


class _Task(asyncio.Task[Any]):
    """A task that hashes by its number, because a TaskGroup cancels its children in the order of a set."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self.number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number

    def __str__(self) -> str:
        where: list[str] = []
        awaited: Any = self.get_coro()
        while isinstance(awaited, CoroutineType):
            where.append(awaited.__qualname__)
            awaited = awaited.cr_await
        return f"{self.get_name()} (in {' > '.join(where)})"


class _Handle(asyncio.TimerHandle):
    """A callback that waits its turn, without what asyncio notes for its debug mode: every line takes a few."""

    def __init__(self, when: float, callback: Callable[..., object], args: Any, loop: Any, context: Any) -> None:
        self._when, self._callback, self._args, self._loop = when, callback, args, loop
        self._context = context or copy_context()
        self._scheduled = self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        """Never run."""
        if self._cancelled:
            return
        self._cancelled = True
        if self._scheduled:
            self._loop._timer_handle_cancelled(self)
        self._callback, self._args = _nothing, ()


def _nothing() -> None:
    pass


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop in which only deadlines make time pass. What is due at one instant runs first in, first out."""

    # asyncio's own, of which its published types say nothing
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _closed: bool

    def __init__(self, start_s: float = 0.0) -> None:
        super().__init__()
        self._now_s = start_s
        # Tuples compare in C, and the number keeps equal deadlines in order.
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._cancelled_timers = 0
        self._numbers = count()
        self.failure: BaseException | None = None
        self.set_exception_handler(_fail)

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        """Call next turn."""
        if self._closed:
            self._check_closed()  # type: ignore[attr-defined]
        handle = _Handle(self._now_s, callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call at this instant exactly, or next turn if it has passed."""
        if self._closed:
            self._check_closed()  # type: ignore[attr-defined]
        timer = _Handle(when, callback, args, self, context)
        timer._scheduled = True
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call when this has passed. Whoever waits for what is left of a span waits on if rounding leaves a rest."""
        when = self._now_s + delay
        if delay > 0 and when <= self._now_s:
            when = nextafter(self._now_s, inf)
        return self.call_at(when, callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Start a task; its number is its rank among all tasks of this loop."""
        self._check_closed()  # type: ignore[attr-defined]
        return _Task(next(self._numbers), coro, loop=self, **options)

    def fail(self, error: BaseException) -> None:
        """End the run with this error; the first one counts."""
        if self.failure is None:
            self.failure = error
            if self.is_running():
                self.stop()

    def finish(self, future: asyncio.Future[Any]) -> None:
        """Run until it is done, or the run has failed."""
        future.add_done_callback(self._stop)
        try:
            self.run_forever()
        except Deadlock as stuck:
            self.fail(stuck)
        finally:
            future.remove_done_callback(self._stop)

    def cancel_rest(self) -> list[str]:
        """Cancel every task that is left, wait for them, and tell who they were."""
        rest = self._tasks()
        names = [str(task) for task in rest]
        for task in rest:
            task.cancel()
        if rest:
            self.finish(asyncio.gather(*rest, return_exceptions=True))
        self.finish(self.create_task(self.shutdown_asyncgens()))
        return names

    def _stop(self, _done: asyncio.Future[Any]) -> None:
        self.stop()

    def _tasks(self) -> list[_Task]:
        tasks = (task for task in asyncio.all_tasks(self) if isinstance(task, _Task))
        return sorted(tasks, key=hash)

    def _run_once(self) -> None:
        # asyncio calls this for every turn of the loop, and it makes them all: most turns are for one callback only.
        ready, timers = self._ready, self._timers
        while True:
            if not (ready or self._stopping):
                self._now_s = max(self._now_s, self._next_deadline_s())
            now_s = self._now_s
            while timers and timers[0][0] <= now_s:
                self._ring(heappop(timers)[2])
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()
            if self._stopping:
                return

    def _ring(self, timer: asyncio.TimerHandle) -> None:
        timer._scheduled = False  # type: ignore[attr-defined]
        if timer._cancelled:
            self._cancelled_timers -= 1
        else:
            self._ready.append(timer)

    def _next_deadline_s(self) -> float:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
            self._cancelled_timers -= 1
        if not timers or timers[0][0] == inf:
            raise Deadlock(f"nothing can happen after {self._now_s} s; waiting: {', '.join(map(str, self._tasks()))}")
        return timers[0][0]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if not handle._scheduled:  # type: ignore[attr-defined]
            return
        self._cancelled_timers += 1
        if self._cancelled_timers > max(_PURGE_ABOVE, len(self._timers) // 2):
            self._timers[:] = [entry for entry in self._timers if not entry[2]._cancelled]
            heapify(self._timers)
            self._cancelled_timers = 0

    def _asyncgen_finalizer_hook(self, generator: Any) -> None:
        # asyncio's own goes through call_soon_threadsafe, which is sealed here.
        self._asyncgens.discard(generator)  # type: ignore[attr-defined]
        if not self.is_closed():
            self.call_soon(self.create_task, generator.aclose())


def _fail(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception") or RuntimeError(context["message"])
    if isinstance(loop, VirtualLoop) and not loop.is_closed():
        loop.fail(error)
    else:
        loop.default_exception_handler(context)


def run_virtual(
    main: Coroutine[Any, Any, Result], *, start_s: float = 0.0, net: VirtualNet | None = None, seed: int | None = None
) -> Result:
    """Run `main` in virtual time, beginning at `start_s`, and answer what it returns.

    With a `net`, what foreign code calls the network is that; with a `seed`, what it calls chance comes from there.
    Raises what `main` raises, or RealWorld, Deadlock, LeakedTasks, or an error that a callback left unhandled.
    """
    loop = VirtualLoop(start_s)
    with sealed(loop, loop.fail, seed):
        if net:
            net.join(loop)
        task: asyncio.Task[Result] = loop.create_task(main, name="main")
        try:
            loop.finish(task)
        finally:
            leaked = loop.cancel_rest()
            loop.close()
    # Asked in any case: asyncio logs an error that nobody looked at, whenever the task is collected.
    failed = task.cancelled() or task.exception() is not None
    if loop.failure is not None:
        raise loop.failure
    if leaked and not failed:
        raise LeakedTasks(f"main has ended, but not: {', '.join(leaked)}")
    return task.result()
