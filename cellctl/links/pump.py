"""What a simulated machine needs to live: somebody who wakes it when it is due, and a socket for its one cable."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar, TypeVarTuple

from cellctl.domain.errors import LinkLost
from cellctl.ports import Clock

Args = TypeVarTuple("Args")

# A machine that is woken so often at one instant does not let time go on.
_MOST_WAKES: Final = 10_000


class Living(Protocol):
    """What all simulated devices have in common."""

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        ...


class Cable(Protocol):
    """The far end of a link."""

    def lose(self, reason: str) -> None:
        """Nothing more will come."""
        ...


AnyCable = TypeVar("AnyCable", bound=Cable)


class Pump:
    """Calls `live(now_s)` whenever the device is due, with one timer, whether or not anybody listens to it."""

    def __init__(self, name: str, device: Living, clock: Clock, live: Callable[[float], None]) -> None:
        self._name = name
        self._device = device
        self._clock = clock
        self._live = live
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._awake = False
        self._last_wake = (0.0, 0)

    def start(self) -> None:
        """Begin, with the present moment."""
        self._loop = asyncio.get_running_loop()
        self._wake()

    def tend(self, device: Living, now_s: float) -> None:
        """Another device from now on."""
        self._device = device
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self.look(now_s)

    def stop(self) -> None:
        """Let the device stand still."""
        self._loop = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def look(self, now_s: float) -> None:
        """See when the device is due. A timer that comes sooner stays: it looks again."""
        # What the host answers while the device is awake moves its due time once more; it is looked at in the end.
        due_s = None if self._awake else self._device.wakeup_s
        if due_s is None or self._loop is None:
            return
        loop_s = self._loop.time()
        # In virtual time both clocks are one, and then the instant must not be rounded.
        when = due_s if loop_s == now_s else loop_s + (due_s - now_s) / self._clock.speed
        if self._timer:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now_s, (last_s, times) = self._clock.now_s(), self._last_wake
        self._last_wake = (now_s, times + 1 if now_s == last_s else 0)
        if times > _MOST_WAKES:
            raise RuntimeError(f"the twin of {self._name} wants to be woken at {now_s} s for ever")
        self._awake = True
        try:
            self._live(now_s)
        finally:
            self._awake = False
        self.look(now_s)


class Socket(Generic[AnyCable]):
    """Where a device's only cable is plugged in. It can be cut, and things take `latency_s` to pass it."""

    def __init__(self, machine: str, clock: Clock, latency_s: float) -> None:
        self.machine: Final = machine
        self.latency_s: Final = latency_s / clock.speed  # in the loop's seconds
        self.cable: AnyCable | None = None
        self._fault = ""

    def plug(self, cable: AnyCable) -> None:
        """Connect. Raises LinkLost if the way is cut or another link is open."""
        self.check_reachable()
        if self.cable:
            raise LinkLost(self.machine, "another link to it is open", do_next="It is tried again by itself")
        self.cable = cable

    def check_reachable(self) -> None:
        """Raises LinkLost while the way is cut."""
        if self._fault:
            raise LinkLost(self.machine, self._fault, do_next="It is tried again by itself")

    def unplug(self, cable: AnyCable) -> None:
        """Let go; does nothing for a cable that is not plugged in."""
        if self.cable is cable:
            self.cable = None

    def cut(self, reason: str) -> None:
        """Hang up, and stay unreachable until `mend`."""
        self._fault = reason
        cable, self.cable = self.cable, None
        if cable:
            cable.lose(reason)

    def mend(self) -> None:
        """Be reachable again."""
        self._fault = ""

    def later(self, call: Callable[[*Args], object], *arguments: *Args) -> None:
        """Call when the way has been gone; at the soonest in the next turn of the loop."""
        loop = asyncio.get_running_loop()
        if self.latency_s:
            loop.call_later(self.latency_s, call, *arguments)
        else:
            loop.call_soon(call, *arguments)
