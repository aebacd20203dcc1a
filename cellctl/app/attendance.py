"""When somebody is there: hours of the day, and absences besides. Pure; times in seconds of the simulation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400.0
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Attendance:
    """`hours`: spans of every day, in seconds after midnight; none: always. `midnight_s`: a midnight in this time.

    `absences`: spans of this time in which nobody is there, whatever the hour.
    """

    hours: tuple[Span, ...] = ()
    absences: tuple[Span, ...] = ()
    midnight_s: float = 0.0

    def back_in_s(self, now_s: float) -> float:
        """How long until somebody is there; 0 if somebody is."""
        at_s = now_s
        while (later_s := self._after_hours(self._after_absence(at_s))) > at_s:
            at_s = later_s
        return at_s - now_s

    def _after_absence(self, at_s: float) -> float:
        return max([at_s, *(end for start, end in self.absences if start <= at_s < end)])

    def _after_hours(self, at_s: float) -> float:
        if not self.hours:
            return at_s
        today_s = (at_s - self.midnight_s) % DAY_S
        if any(start <= today_s < end for start, end in self.hours):
            return at_s
        return at_s + min((start - today_s) % DAY_S for start, _ in self.hours)


def unmanned(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The hours of a day in which somebody is there, from those in which nobody is; a span may go over midnight."""
    gone = sorted(piece for start, end in spans for piece in _within_a_day(start, end))
    hours, at_s = [], 0.0
    for start, end in gone:
        if start > at_s:
            hours.append((at_s, start))
        at_s = max(at_s, end)
    if at_s < DAY_S:
        hours.append((at_s, DAY_S))
    return tuple(hours)


def _within_a_day(start: float, end: float) -> list[Span]:
    return [(start, end)] if start < end else [(start, DAY_S), (0.0, end)]
