"""Counts what a serial session hears of its line. Memory and work do not grow with the number of lines."""

import math
from bisect import bisect_left
from itertools import accumulate
from typing import Final

from cellctl.domain.link import LinkQuality

_STEPS_PER_OCTAVE: Final = 8
_SHORTEST_S: Final = 1e-5
_STEPS: Final = 28 * _STEPS_PER_OCTAVE  # up to three quarters of an hour


class Latencies:
    """How long acknowledgements take. One line at a time is watched, from its way out to its answer.

    A histogram with logarithmic steps: percentiles are at most one step, 9 %, too high.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.watched = 0  # The number of a line; what is acknowledged through it or a later one is its answer.
        self._since_s = math.inf
        self._counts = [0] * (_STEPS + 1)
        self._total = 0

    def watch(self, number: int, now_s: float) -> None:
        """A line has gone out."""
        if self._since_s == math.inf:
            self.watched, self._since_s = number, now_s

    def answered(self, now_s: float) -> None:
        """The line that is watched, or a later one, was acknowledged."""
        latency_s, self._since_s = now_s - self._since_s, math.inf
        if latency_s == -math.inf:
            return
        self._total += 1
        self.longest_s = max(self.longest_s, latency_s)
        step = 1 + int(math.log2(latency_s / _SHORTEST_S) * _STEPS_PER_OCTAVE) if latency_s > _SHORTEST_S else 0
        self._counts[min(_STEPS, step)] += 1

    def percentiles(self, *percents: float) -> list[float]:
        """For each of these, in rising order: so many percent took no longer than this; 0 without any."""
        seen = list(accumulate(self._counts))
        steps = (bisect_left(seen, self._total * percent / 100) for percent in percents)
        return [min(self.longest_s, _SHORTEST_S * math.exp2(step / _STEPS_PER_OCTAVE)) for step in steps]


class Meter:
    """The counters of one connection."""

    def __init__(self) -> None:
        self.lines = 0
        self.resends = 0
        self.lost_acknowledgements = 0
        self.garbage_bytes = 0
        self.last_sent_s = -math.inf
        self.latencies = Latencies()
        self._starvation: tuple[int, float] | None = None

    def sent(self, first: int, end: int, now_s: float) -> None:
        """Lines from one number up to another, which is not among them, have gone out."""
        self.lines += end - first
        self.last_sent_s = now_s
        self.latencies.watch(first, now_s)

    def heard(self, text: str) -> None:
        """A line that says nothing known: how much of it is no text?"""
        self.garbage_bytes += sum(not (character.isascii() and character.isprintable()) for character in text)

    def starved(self, underruns: int, lasted_s: float) -> None:
        """The firmware says how often, and at least how long, it had nothing to do since it said so last."""
        before, before_s = self._starvation or (0, 0.0)
        self._starvation = (before + underruns, before_s + lasted_s)

    def quality(self, window: int = 1, thrown_away_bytes: int = 0) -> LinkQuality:
        """The figures as they are now; `thrown_away_bytes` were not even lines."""
        underruns, starved_s = self._starvation or (None, None)
        p50_s, p95_s, p99_s = self.latencies.percentiles(50, 95, 99)
        return LinkQuality(
            lines=self.lines,
            resends=self.resends,
            lost_acknowledgements=self.lost_acknowledgements,
            garbage_bytes=self.garbage_bytes + thrown_away_bytes,
            window=window,
            ack_p50_s=p50_s,
            ack_p95_s=p95_s,
            ack_p99_s=p99_s,
            ack_max_s=self.latencies.longest_s,
            underruns=underruns,
            starved_s=starved_s,
        )
