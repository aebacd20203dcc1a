"""What a Marlin board suffers from at the moment, and what it counts of its own hunger."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Health:
    """All that is cured by a reset.

    `stopped` is the firmware's own stop(): heat off, no motion, everything else goes on, until M999.
    """

    killed: bool = False
    stopped: bool = False
    frozen_until_s: float = -math.inf  # the main loop stands; interrupts go on
    dies_s: float = math.inf  # when thermal protection finds out
    refusals: deque[str] = field(default_factory=deque)  # what is said to the next good lines
    refuses_all: str = ""
    idle_limit_s: float = math.inf  # M85
    active_s: float = 0.0  # the last time that something moved, or heat was waited for


class Gaps:
    """How often, and at most how long, a buffer was empty (Marlin's BUFFER_MONITORING)."""

    def __init__(self) -> None:
        self.count = 0
        self._longest_s = 0.0
        self._since_s: float | None = 0.0  # it begins empty, which does not count

    def note(self, *, empty: bool, now_s: float) -> None:
        """It is empty now, or is not."""
        if empty and self._since_s is None:
            self._since_s = now_s
            self.count += 1
        elif not empty and self._since_s is not None:
            if self.count:
                self._longest_s = max(self._longest_s, now_s - self._since_s)
            self._since_s = None

    def report(self, free: int) -> str:
        """Free places, how often it was empty, and at most how long; counted anew from here."""
        said = f"{free} {-self.count} ({self._longest_s * 1000:.0f})"
        self.count, self._longest_s = 0, 0.0
        return said
