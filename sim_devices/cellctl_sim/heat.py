"""A heated body in closed form: dT/dt = p P - (T - ambient)/tau, with p between 0 and 1 as the firmware sets it.

P is the heating rate at ambient, tau the time constant of cooling. At full power the body strives for
ambient + P tau, switched off for ambient, and once at its target it stays there exactly. Nothing ticks: every
temperature, and the instant at which one is reached, follows from the last change of target.
"""

import math


class Heater:
    """A nozzle or a bed. A target of 0 is off. Temperatures are in degrees Celsius."""

    def __init__(self, ambient: float, heats_celsius_per_s: float, cools_in_s: float) -> None:
        self.target = 0.0
        self._ambient = ambient
        self._heats_celsius_per_s = heats_celsius_per_s
        self._cools_in_s = cools_in_s
        self._celsius = ambient  # at _since_s
        self._since_s = 0.0
        self._ends, self._settles_s = ambient, 0.0  # where its course ends, and when

    def celsius(self, now_s: float) -> float:
        """How hot it is."""
        if now_s >= self._settles_s:
            return self._ends
        strives = self._course()[0]
        return strives + (self._celsius - strives) * math.exp((self._since_s - now_s) / self._cools_in_s)

    def set_target(self, celsius: float, now_s: float) -> None:
        """Heat or cool towards this from now on."""
        self._celsius, self._since_s = self.celsius(now_s), now_s
        self.target = celsius
        self._ends = self._course()[1]
        self._settles_s = self.reaches_s(self._ends)

    def break_down(self, now_s: float) -> None:
        """It never heats again."""
        target, self._heats_celsius_per_s = self.target, 0.0
        self.set_target(target, now_s)

    def reaches_s(self, celsius: float) -> float:
        """The instant at which its present course passes this temperature; inf if it never does."""
        strives, ends = self._course()
        if (celsius - self._celsius) * (celsius - ends) > 0:
            return math.inf
        if celsius == self._celsius:
            return self._since_s
        if celsius == strives:
            return math.inf
        share = (self._celsius - strives) / (celsius - strives)
        return self._since_s + self._cools_in_s * math.log(share)

    def power(self, now_s: float) -> float:
        """The duty, 0 to 1: full while it heats up, what makes up for the losses at its target."""
        celsius = self.celsius(now_s)
        if not self._heats_celsius_per_s:
            return 1.0 if self.target else 0.0
        if celsius < self.target - 0.01:
            return 1.0
        if celsius > self.target + 0.01:
            return 0.0
        return min(1.0, max(0.0, (celsius - self._ambient) / (self._heats_celsius_per_s * self._cools_in_s)))

    def _course(self) -> tuple[float, float]:
        """(what it strives for, where its course ends)."""
        if not self._heats_celsius_per_s:
            return self._ambient, self._ambient
        if self.target > self._celsius:
            full = self._ambient + self._heats_celsius_per_s * self._cools_in_s
            return full, min(self.target, full)
        return self._ambient, max(self.target, self._ambient)
