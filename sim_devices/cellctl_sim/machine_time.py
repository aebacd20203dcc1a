"""The time that simulated machines live in."""

import asyncio


class MachineTime:
    """Begins at 0 and runs `speed` times as fast as the running event loop's clock."""

    def __init__(self, speed: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._speed = speed
        self._began_s = self._loop.time()

    def now_s(self) -> float:
        """Seconds of machine time."""
        return (self._loop.time() - self._began_s) * self._speed

    def wait_s(self, until_s: float) -> float:
        """How many seconds of the loop's clock are left until then; never below 0."""
        return max(0.0, (until_s - self.now_s()) / self._speed)
