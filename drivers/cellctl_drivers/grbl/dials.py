"""Feed, rapids and spindle, in percent of what the program asks for, and the buttons of a machine's front panel."""

from enum import Enum
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.grbl.facts import Realtime


class Dial(Enum):
    """What can be overridden; the value is its place in `Ov:`."""

    FEED = 0
    RAPIDS = 1
    SPINDLE = 2


class Button(Enum):
    """What can be pressed. SPINDLE_STOP does something in a hold only, and starts the spindle again there."""

    DOOR = Realtime.DOOR
    SPINDLE_STOP = Realtime.SPINDLE_STOP
    FLOOD = Realtime.FLOOD
    MIST = Realtime.MIST


_LEAST, _MOST = 10, 200
_RAPIDS: Final = {100: Realtime.RAPID_100, 50: Realtime.RAPID_50, 25: Realtime.RAPID_25}
# Largest step first: (percent, up, down).
_STEPS: Final = {
    Dial.FEED: (
        (10, Realtime.FEED_PLUS_10, Realtime.FEED_MINUS_10),
        (1, Realtime.FEED_PLUS_1, Realtime.FEED_MINUS_1),
    ),
    Dial.SPINDLE: (
        (10, Realtime.SPINDLE_PLUS_10, Realtime.SPINDLE_MINUS_10),
        (1, Realtime.SPINDLE_PLUS_1, Realtime.SPINDLE_MINUS_1),
    ),
}


class SpindleStop:
    """0x9E toggles, and is seen in the next report only: within one hold it is pressed once."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted  # In every hold of a program.
        self.pressed = False

    def press(self) -> tuple[Realtime, ...]:
        """What to send: nothing if that was done before."""
        before, self.pressed = self.pressed, True
        return () if before else (Realtime.SPINDLE_STOP,)


class Dials:
    """Turns each dial step by step to where a person wants it.

    One step for each report that shows where the dial is: Grbl keeps one flag for each kind of step, so that two of a
    kind between two of its rounds are one. What is reported is what counts; a step that was lost is made again.
    """

    def __init__(self) -> None:
        self._wanted: dict[Dial, int] = {}

    def set(self, dial: Dial, percent: int) -> None:
        """Where it should go: rapids 25, 50 or 100, all others 10 to 200. Raises NotAllowed."""
        if dial is Dial.RAPIDS and percent not in _RAPIDS:
            raise NotAllowed(f"rapids go at 25, 50 or 100 percent, not at {percent}")
        if not _LEAST <= percent <= _MOST:
            raise NotAllowed(f"an override is {_LEAST} to {_MOST} percent, not {percent}")
        self._wanted[dial] = percent

    def heard(self, percent: tuple[int, ...] | None) -> list[Realtime]:
        """What a report shows (None: it does not say), and what follows."""
        if percent is None or len(percent) != len(Dial):
            return []
        self._wanted = {dial: wanted for dial, wanted in self._wanted.items() if percent[dial.value] != wanted}
        return [_step(dial, percent[dial.value], wanted) for dial, wanted in self._wanted.items()]

    def forget(self) -> None:
        """The controller has begun anew: everything is at 100 percent, and nobody has asked for anything else."""
        self._wanted.clear()


def _step(dial: Dial, percent: int, wanted: int) -> Realtime:
    if dial is Dial.RAPIDS:
        return _RAPIDS[wanted]
    apart = abs(wanted - percent)
    _, up, down = next(step for step in _STEPS[dial] if step[0] <= apart)
    return up if wanted > percent else down
