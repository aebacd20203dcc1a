"""How a serial driver sleeps between its deadlines."""

import asyncio
import math

from cellctl.ports import Clock


class Nap:
    """A sleep until a time that can be moved closer from outside."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: asyncio.Future[None] | None = None
        self._until_s = -math.inf

    async def until(self, due_s: float | None) -> None:
        """Sleep until then, or until woken; None sleeps for ever."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        timer = None
        if due_s is not None:
            pause_s = max(0.0, due_s - self._clock.now_s()) / self._clock.speed
            timer = loop.call_later(pause_s, self.wake)
        self._until_s = math.inf if due_s is None else due_s
        try:
            await self._woken
        finally:
            self._woken, self._until_s = None, -math.inf
            if timer is not None:
                timer.cancel()

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
