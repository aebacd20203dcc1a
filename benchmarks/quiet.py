"""Fair conditions on a computer that is shared, and on one that is virtual."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from benchmarks import meters

_LOOK_S: Final = 0.5
# Less than this counts as nothing.
_QUIET_CORES: Final = 0.15
_NICEST: Final = 19


class Others:
    """What programs other than these and ourselves do from now on; not the kernel, much of whose work is for us."""

    def __init__(self, *pids: int) -> None:
        self._pids = (*pids, os.getpid())
        self._at_s = time.monotonic()
        self._busy_s = self._look()

    def cores(self) -> float:
        """How many cores they kept busy since then."""
        return max(0.0, (self._look() - self._busy_s) / (time.monotonic() - self._at_s))

    def _look(self) -> float:
        return meters.user_s() - sum(meters.user_s(pid) for pid in self._pids)


class Disturbed(Protocol):
    """A result that knows how many cores others kept busy meanwhile."""

    @property
    def foreign_cores(self) -> float:
        """In cores."""
        ...


Result = TypeVar("Result", bound=Disturbed)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for others before each run, and how often to try again for a run that they did not disturb."""

    wait_s: float = 30.0
    tries: int = 3

    def quietest(self, measure: Callable[[], Result]) -> Result:
        """The first undisturbed result, else the least disturbed one."""
        found: list[Result] = []
        while len(found) < self.tries:
            self._wait()
            found.append(measure())
            if found[-1].foreign_cores < _QUIET_CORES:
                break
        return min(found, key=lambda result: result.foreign_cores)

    def _wait(self) -> None:
        until_s = time.monotonic() + self.wait_s
        while time.monotonic() < until_s:
            others = Others()
            time.sleep(_LOOK_S)
            if others.cores() < _QUIET_CORES:
                return


@contextmanager
def one_core() -> Iterator[Sequence[int]]:
    """Whoever is started in here runs on one core, and the other cores are kept from falling asleep.

    A byte that is exchanged across two cores of a virtual machine costs a third of a millisecond where both fall
    asleep in between: ten times what both ends need to deal with it. Yields the processes that keep the others awake,
    at the lowest priority.
    """
    cores = sorted(os.sched_getaffinity(0))
    awake = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in cores[1:]]
    try:
        for core, process in zip(cores[1:], awake, strict=True):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICEST)
            os.sched_setaffinity(process.pid, {core})
        os.sched_setaffinity(0, {cores[0]})
        yield [process.pid for process in awake]
    finally:
        os.sched_setaffinity(0, cores)
        for process in awake:
            process.kill()
            process.wait()
