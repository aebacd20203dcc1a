"""The firmware's own time-out for heat (M85 and its like): if we fall silent, it turns the heaters off.

Marlin counts the time since the last move or wait for heat, and kills itself when that is too long. So the limit is
armed when a program begins, fed while nothing moves although all is well, and taken off when the heat is off.
"""

import math
from typing import Final

from cellctl_drivers.marlin.dialects import Dialect
from cellctl_drivers.marlin.facts import FEEDINGS

_MARGIN_S: Final = 60.0


class DeadMan:
    """For one program. Every method answers with the lines to say."""

    def __init__(self, dialect: Dialect, limit_s: float) -> None:
        self.due_s = math.inf
        self.wanted = False  # To be armed behind the next command that winds it up.
        self._dialect = dialect
        self._limit_s = limit_s if dialect.dead_man else 0.0
        self._armed = False
        self._wound_s = 0.0

    def begin(self, booted_s: float | None, now_s: float) -> tuple[str, ...]:
        """A program begins. Nobody knows how long a printer has rested already that was not seen to boot."""
        if not self._limit_s:
            return ()
        if self._dialect.dead_man_anew:
            return self._arm(self._limit_s)
        if booted_s is None:
            self.wanted = True
            return ()
        return self._arm(self._limit_s + now_s - booted_s)

    def wound(self) -> tuple[str, ...]:
        """To be said behind a command that moves or waits for heat."""
        return self._arm(self._limit_s) if self.wanted else ()

    def stand(self, now_s: float) -> None:
        """Nothing moves any more, and that is meant so."""
        if self._armed:
            self._wound_s = now_s
            self.due_s = now_s + self._limit_s / FEEDINGS

    def feed(self, now_s: float) -> tuple[str, ...]:
        """We are still there."""
        self.due_s = now_s + self._limit_s / FEEDINGS
        since_s = 0.0 if self._dialect.dead_man_anew else now_s - self._wound_s + _MARGIN_S
        return self._arm(self._limit_s + since_s)

    def go_on(self) -> None:
        """It moves again."""
        self.due_s = math.inf

    def around(self, blocks_s: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What to say before and behind a command that stands for so long; infinite: until a person answers."""
        if not self._armed or blocks_s < self._limit_s / 2:
            return (), ()
        if blocks_s == math.inf:
            before = self.off()
            self.wanted = bool(before) and not self._dialect.dead_man_anew
        else:
            before = self._arm(self._limit_s + blocks_s)
        return before, self._arm(self._limit_s) if self._dialect.dead_man_anew else ()

    def off(self) -> tuple[str, ...]:
        """The heat is off."""
        armed, self._armed, self.wanted, self.due_s = self._armed, False, False, math.inf
        return (self._dialect.dead_man_off,) if armed and self._dialect.dead_man_off else ()

    def _arm(self, seconds: float) -> tuple[str, ...]:
        self._armed, self.wanted = True, False
        return (self._dialect.dead_man.format(seconds=math.ceil(seconds)),)
