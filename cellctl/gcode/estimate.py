"""How long motion takes on a machine that ramps up, slows down for corners and looks ahead.

Every move is a trapezoid: it enters with a speed, ramps to its cruise speed, and brakes to what the next corner
bears. The formulae, as in Grbl (planner.c) and in Marlin with junction deviation:

* cruise: the programmed feed, but no axis above its own limit; in an arc of radius r at most sqrt(a r);
* a: the path's own acceleration, but no axis above its own;
* corner (junction deviation d), t the angle between the directions (180 degrees: straight on), s = sin(t/2):
  v^2 <= a d s / (1 - s), and not above the cruise speed on either side;
* look-ahead: a corner is passed no faster than allows to stop at the end of the last move the planner holds.

v^2 is what adds up (it changes by 2 a L along a move), so speeds are kept squared until a time is wanted. Moves are
worked off in batches; memory is that of one batch, whatever the length of the program.
"""

import math
from itertools import accumulate
from typing import Final

from cellctl.gcode.arcs import Arc
from cellctl.gcode.rules import Pace

_STRAIGHT_ON: Final = 0.999999
# Neither firmware plans slower or softer than this, whatever it is told.
_SLOWEST_MM_PER_S: Final = 1 / 60
_SOFTEST_MM_PER_S2: Final = 1.0
_BATCH: Final = 512
# Comparisons instead of min() and max() below: this is done for every move of every program.

Direction = tuple[float, float, float, float]
Move = tuple[float, float, float, float]
"""Length, cruise speed, acceleration, and v^2 that its first corner bears."""
_STANDING: Final[Direction] = (0.0, 0.0, 0.0, 0.0)


class Estimate:
    """The clock of a program. `elapsed_s` is exact after `rest`; before, up to a batch of moves is still open.

    `feed_limits_mm_per_s` and `accelerations` (both of X, Y, Z and E) and `deviation_mm` may be changed by a program.
    """

    __slots__ = (
        "_ahead",
        "_entry",
        "_full",
        "_heading",
        "_moves",
        "accelerations",
        "deviation_mm",
        "elapsed_s",
        "feed_limits_mm_per_s",
    )

    def __init__(self, pace: Pace) -> None:
        self.elapsed_s = 0.0
        self.feed_limits_mm_per_s = _four([feed / 60 for feed in pace.max_feed_mm_per_min])
        self.accelerations = _four(list(pace.max_acceleration_mm_per_s2))
        self.deviation_mm = pace.junction_deviation_mm
        self._ahead = max(1, pace.planner_blocks - 1)
        self._full = _BATCH + self._ahead
        self._moves: list[Move] = []
        self._heading: Direction = _STANDING
        self._entry = 0.0

    def line(self, way: Direction, length_mm: float, feed_mm_per_s: float, acceleration: float = math.inf) -> None:
        """A straight move along `way` (of X, Y, Z, E; its length is that of X, Y, Z). inf as feed is a rapid."""
        x, y, z, e = way
        if length_mm:
            shares = x / length_mm, y / length_mm, z / length_mm, e / length_mm
            heading = shares if not e else (*shares[:3], 0.0)
        elif e:
            length_mm = abs(e)
            heading = shares = (0.0, 0.0, 0.0, e / length_mm)
        else:
            return
        cruise, acceleration = self._within(shares, feed_mm_per_s, acceleration)
        self._add(length_mm, cruise, acceleration, heading)
        self._heading = heading

    def arc(self, arc: Arc, extruded_mm: float, feed_mm_per_s: float, acceleration: float = math.inf) -> None:
        """A move along an arc."""
        shares = (*arc.shares, extruded_mm / arc.length_mm)
        cruise, acceleration = self._within(shares, feed_mm_per_s, acceleration)
        bend = math.sqrt(acceleration * arc.radius_mm)
        self._add(arc.length_mm, min(cruise, max(bend, _SLOWEST_MM_PER_S)), acceleration, (*arc.heading, 0.0))
        self._heading = (*arc.leaving, 0.0)

    def rest(self, pause_s: float = 0.0) -> None:
        """All motion ends, and then something else takes so long."""
        self._drive(len(self._moves))
        self._heading = _STANDING
        self._entry = 0.0
        self.elapsed_s += pause_s

    # ---- inside --------------------------------------------------------------------------------------------------

    def _within(self, shares: Direction, feed: float, acceleration: float) -> tuple[float, float]:
        """Cruise speed and acceleration along a path of which each axis takes its share."""
        # One axis after the other, because this is done for every line.
        x, y, z, e = shares
        feeds, slopes = self.feed_limits_mm_per_s, self.accelerations
        x = abs(x)
        if x * feed > feeds[0]:
            feed = feeds[0] / x
        if x * acceleration > slopes[0]:
            acceleration = slopes[0] / x
        y = abs(y)
        if y * feed > feeds[1]:
            feed = feeds[1] / y
        if y * acceleration > slopes[1]:
            acceleration = slopes[1] / y
        if z:
            feed, acceleration = min(feed, feeds[2] / abs(z)), min(acceleration, slopes[2] / abs(z))
        if e:
            feed, acceleration = min(feed, feeds[3] / abs(e)), min(acceleration, slopes[3] / abs(e))
        return (
            feed if feed > _SLOWEST_MM_PER_S else _SLOWEST_MM_PER_S,
            acceleration if acceleration > _SOFTEST_MM_PER_S2 else _SOFTEST_MM_PER_S2,
        )

    def _add(self, length_mm: float, cruise: float, acceleration: float, heading: Direction) -> None:
        a, b, moves = self._heading, heading, self._moves
        ahead = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
        if a is _STANDING or ahead < -_STRAIGHT_ON:
            corner2 = 0.0
        else:
            corner2 = cruise * cruise
            if ahead < _STRAIGHT_ON:
                sine = math.sqrt((1 + ahead) / 2)
                bears2 = acceleration * self.deviation_mm * sine / (1 - sine)
                if bears2 < corner2:  # noqa: PLR1730
                    corner2 = bears2
            before = moves[-1][1]
            if before * before < corner2:  # noqa: PLR1730
                corner2 = before * before
        moves.append((length_mm, cruise, acceleration, corner2))
        if len(moves) == self._full:
            self._drive(_BATCH)

    def _drive(self, count: int) -> None:
        """Work off the first moves; those behind them are only looked at."""
        moves = self._moves
        if not count:
            return
        gains = [2 * acceleration * length for length, _, acceleration, _ in moves]
        exits = self._look_back(gains)
        speed, elapsed_s = self._entry, 0.0
        for (length, cruise, acceleration, _), gain, exit2 in zip(moves[:count], gains, exits[1:], strict=False):
            entry2 = speed * speed
            leave2 = min(exit2, entry2 + gain)
            leave = math.sqrt(leave2)
            cruise2 = cruise * cruise
            peak2 = (entry2 + leave2 + gain) / 2
            if peak2 > cruise2:
                elapsed_s += (2 * cruise - speed - leave) / acceleration
                elapsed_s += (length - (2 * cruise2 - entry2 - leave2) / (2 * acceleration)) / cruise
            else:
                elapsed_s += (2 * math.sqrt(peak2) - speed - leave) / acceleration
            speed = leave
        self._entry = speed
        self.elapsed_s += elapsed_s
        del moves[:count]

    def _look_back(self, gains: list[float]) -> list[float]:
        """v^2 with which each move may begin, and a 0 behind the last one."""
        moves, ahead = self._moves, self._ahead
        reached = [0.0, *accumulate(gains)]
        last = len(moves)
        entries = [0.0] * (last + 1)
        allowed = 0.0
        for index in range(last - 1, -1, -1):
            allowed += gains[index]
            corner2 = moves[index][3]
            if corner2 < allowed:  # noqa: PLR1730
                allowed = corner2
            stop2 = reached[min(index + ahead, last)] - reached[index]
            if stop2 < allowed:  # noqa: PLR1730
                allowed = stop2
            entries[index] = allowed
        return entries


def _four(values: list[float]) -> Direction:
    """Limits of X, Y, Z and E; without an extruder nothing limits it."""
    x, y, z, e = (*values, math.inf)[:4]
    return x, y, z, e
