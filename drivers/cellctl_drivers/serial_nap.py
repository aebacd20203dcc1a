"""How a serial driver sleeps between its deadlines."""

import asyncio
import math
from collections.abc import Callable

from cellctl.ports import Clock


class Nap:
    """A sleep until a time that can be moved from outside."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: asyncio.Future[None] | None = None
        self._until_s = -math.inf
        self._timer: asyncio.Handle | None = None

    async def until(self, due_s: float | None, put_off: Callable[[], float | None] | None = None) -> None:
        """Sleep until then, or until woken; None sleeps for ever. `put_off` is asked at the end of it: the sleep goes
        on if that has moved away."""
        self._woken = asyncio.get_running_loop().create_future()
        self._set_alarm(due_s, put_off)
        try:
            await self._woken
        finally:
            self._woken, self._until_s = None, -math.inf
            if self._timer is not None:
                self._timer.cancel()

    def _set_alarm(self, due_s: float | None, put_off: Callable[[], float | None] | None) -> None:
        self._timer, self._until_s = None, math.inf
        if due_s is not None:
            self._until_s = due_s
            pause_s = max(0.0, due_s - self._clock.now_s()) / self._clock.speed
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._ring, put_off)

    def _ring(self, put_off: Callable[[], float | None] | None) -> None:
        due_s = None if put_off is None else put_off()
        if put_off is None or (due_s is not None and due_s <= self._clock.now_s()):
            self.wake()
        else:
            # What comes in at this same instant may move it once more.
            self._timer = asyncio.get_running_loop().call_soon(self._sleep_on, put_off)

    def _sleep_on(self, put_off: Callable[[], float | None]) -> None:
        self._set_alarm(put_off(), put_off)

    def bring_forward(self, due_s: float | None) -> None:
        """Something is due then; wake up in time."""
        if due_s is not None and due_s < self._until_s:
            self.wake()

    def wake(self) -> None:
        """End the sleep, if there is one."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def sooner(one_s: float | None, other_s: float | None) -> float | None:
    """The earlier of two moments of which either may never come."""
    return one_s if other_s is None else other_s if one_s is None else min(one_s, other_s)
