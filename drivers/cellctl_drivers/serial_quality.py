"""Counts what a serial session hears of its line. Memory and work do not grow with the number of lines."""

import math
from typing import Final

from cellctl.domain.link import LinkQuality

_STEPS_PER_OCTAVE: Final = 8
_SHORTEST_S: Final = 1e-5
_STEPS: Final = 28 * _STEPS_PER_OCTAVE  # up to three quarters of an hour
# Lines whose time of sending is known; no window is wider.
_RECENT: Final = 64
_PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\r"


class Latencies:
    """A histogram with logarithmic steps: percentiles are at most one step, 9 %, too high."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._counts = [0] * (_STEPS + 1)
        self._total = 0

    def add(self, latency_s: float) -> None:
        """One more."""
        if latency_s > _SHORTEST_S:
            step = min(_STEPS, 1 + int(math.log2(latency_s / _SHORTEST_S) * _STEPS_PER_OCTAVE))
            self.longest_s = max(self.longest_s, latency_s)
        else:
            step = 0
        self._counts[step] += 1
        self._total += 1

    def percentile(self, percent: float) -> float:
        """So many percent took no longer than this; 0 without any."""
        wanted, seen = self._total * percent / 100, 0
        for step, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self.longest_s, _SHORTEST_S * math.exp2(step / _STEPS_PER_OCTAVE))
        return 0.0


class Meter:
    """The counters of one connection. Lines are known by number; a session without numbers counts its own."""

    def __init__(self) -> None:
        self.lines = 0
        self.resends = 0
        self.lost_acknowledgements = 0
        self.garbage_bytes = 0
        self._latencies = Latencies()
        self._starvation: tuple[int, float] | None = None
        self._sent_s = [math.inf] * _RECENT

    def sent(self, number: int, now_s: float) -> None:
        """A line has gone out."""
        self.lines += 1
        self._sent_s[number % _RECENT] = now_s

    def sent_at_s(self, number: int) -> float:
        """When a line under way went out the last time."""
        return self._sent_s[number % _RECENT]

    def answered(self, number: int, now_s: float) -> None:
        """It was acknowledged."""
        self._latencies.add(now_s - self._sent_s[number % _RECENT])

    def heard(self, line: bytes) -> None:
        """A line that says nothing known: how much of it is no text?"""
        self.garbage_bytes += len(line.translate(None, _PRINTABLE))

    def starved(self, underruns: int, lasted_s: float) -> None:
        """The firmware says how often, and at least how long, it had nothing to do since it said so last."""
        before, before_s = self._starvation or (0, 0.0)
        self._starvation = (before + underruns, before_s + lasted_s)

    def quality(self, window: int = 1) -> LinkQuality:
        """The figures as they are now."""
        underruns, starved_s = self._starvation or (None, None)
        return LinkQuality(
            lines=self.lines,
            resends=self.resends,
            lost_acknowledgements=self.lost_acknowledgements,
            garbage_bytes=self.garbage_bytes,
            window=window,
            ack_p50_s=self._latencies.percentile(50),
            ack_p95_s=self._latencies.percentile(95),
            ack_p99_s=self._latencies.percentile(99),
            ack_max_s=self._latencies.longest_s,
            underruns=underruns,
            starved_s=starved_s,
        )
