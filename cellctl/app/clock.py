"""Where time and fresh names come from: the only place that asks the operating system for either."""

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Final

from cellctl.app.seals import EPOCH

_REAL: Final = 1.0


class RealClock:
    """ports.Clock on the computer's clocks; may be asked from any thread.

    With a speed other than 1, for simulated machines only, `now_s` and `utc` run that much faster than the
    computer's clocks, `utc` starting from the present.
    """

    def __init__(self, speed: float = _REAL) -> None:
        if speed <= 0:
            raise ValueError(f"a clock's speed must be above 0, got {speed}")
        self._speed = speed
        self._started_s = time.monotonic()
        self._started_at = datetime.now(UTC)

    @property
    def speed(self) -> float:
        """Seconds of this clock in one second of the world outside."""
        return self._speed

    def now_s(self) -> float:
        """Monotonic seconds: the event loop's time, times the speed."""
        return time.monotonic() * self._speed

    def utc(self) -> str:
        """The wall clock. At speed 1 it follows every step that the computer's clock makes."""
        return _iso(self._wall())

    def wall_s(self) -> float:
        """The same, in seconds since the Unix epoch."""
        return self._wall().timestamp()

    def slept_s(self) -> float:
        """What the clock that goes on in sleep (CLOCK_BOOTTIME) is ahead of the one that does not."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()

    def _wall(self) -> datetime:
        if self._speed == _REAL:
            return datetime.now(UTC)
        passed_s = (time.monotonic() - self._started_s) * self._speed
        return self._started_at + timedelta(seconds=passed_s)

    async def sleep(self, duration_s: float) -> None:
        """Wait for so many of this clock's seconds."""
        await asyncio.sleep(duration_s / self._speed)

    def wire_s(self, duration_s: float) -> float:
        """A limit for real wires: a slowed clock does not shorten it."""
        return duration_s * max(_REAL, self._speed)


class VirtualClock:
    """ports.Clock inside `run_virtual`; `epoch` is the wall clock at virtual second 0."""

    def __init__(self, epoch: str = EPOCH) -> None:
        moment = datetime.fromisoformat(epoch).astimezone(UTC)
        # Without its zone: one that has none is added to and written in half the time, and it is asked for all day.
        self._epoch, self._epoch_s = moment.replace(tzinfo=None), moment.timestamp()

    @property
    def speed(self) -> float:
        """1: the machines live in the same virtual time."""
        return _REAL

    def now_s(self) -> float:
        """The virtual loop's time."""
        return asyncio.get_running_loop().time()

    def utc(self) -> str:
        """The epoch and what has passed since."""
        return self.at(self.now_s())

    def at(self, virtual_s: float) -> str:
        """What the wall clock shows at a virtual second."""
        return f"{(self._epoch + timedelta(seconds=virtual_s)).isoformat(timespec='milliseconds')}Z"

    def wall_s(self) -> float:
        """The same, in seconds since the Unix epoch."""
        return self._epoch_s + self.now_s()

    def slept_s(self) -> float:
        """0: virtual time does not sleep."""
        return 0.0

    async def sleep(self, duration_s: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(duration_s)

    def wire_s(self, duration_s: float) -> float:
        """The same: there are no real wires."""
        return duration_s


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RealIds:
    """ports.Ids from the operating system's random numbers."""

    def new(self) -> str:
        """A fresh UUID."""
        return str(uuid.uuid4())


class SeededIds:
    """ports.Ids for simulations: the same seed gives the same names in the same order."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = count()

    def new(self) -> str:
        """The next UUID of this seed."""
        digest = sha256(f"{self._seed}/{next(self._numbers)}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))
