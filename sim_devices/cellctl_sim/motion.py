"""A planner with look-ahead, in true time: what a firmware does between taking a move and having made it.

Every block is a trapezoid: it enters at v0, ramps to its cruise speed, and brakes to v1, with one acceleration a
along the path. The formulae:

* cruise: the programmed feed times the override, but no axis above its own limit: min(limit_i / share_i), where
  share_i is the part of the path's speed that axis i takes. a likewise: min(base, a_i / share_i).
* corner between two blocks (junction deviation d, as in Grbl and Marlin): with t the angle between the two
  directions (180 degrees: straight on), s = sin(t/2), v^2 <= a d s / (1 - s), and never above either cruise.
* look-ahead: v1 of a block is the highest speed from which all queued blocks behind it can be passed within
  their corners and the last one ends at a stand: min over j of corner_j^2 + sum of 2 a L of the blocks between.
* arc: one block with the length of the arc; centripetal acceleration limits the cruise to sqrt(a r).

The running block's v1 rises as long as blocks come in behind it that it can be passed into. Simplifications, on
the slow or neutral side: no delay before the first block, no minimum segment time, no jerk.
"""

import math
from collections import deque
from enum import Enum
from itertools import islice
from typing import Final, NamedTuple, Protocol

from cellctl_sim.paths import ORIGIN, Path, Vector

_STRAIGHT: Final = 0.999999
# Neither firmware plans slower or softer than this, whatever it is told.
_SLOWEST_MM_PER_S: Final = 1 / 60
_SOFTEST_MM_PER_S2: Final = 1.0


class Limits(NamedTuple):
    """What the axes can do."""

    feed_mm_per_s: Vector
    acceleration_mm_per_s2: Vector
    junction_deviation_mm: float


class Block:
    """A planned move. `pace` is (programmed feed, inf for a rapid; axis limit); `tag` is its firmware's own."""

    __slots__ = ("acceleration", "begun", "corner2", "cruise", "done_mm", "pace", "path", "tag")

    def __init__(self, path: Path, pace: tuple[float, float], acceleration: float, tag: object) -> None:
        self.path = path
        self.pace = pace
        self.acceleration = acceleration
        self.tag = tag
        self.cruise = 0.0
        self.corner2 = 0.0  # the highest v^2 at its beginning
        self.done_mm = 0.0
        self.begun = False


class _Run:
    """The trapezoid that is being driven: ramp (up or down) to the cruise speed, cruise, brake until `end_s`.

    `open_end`: it leaves so slowly only because too little is queued behind it.
    """

    __slots__ = ("acceleration", "cruise", "cruise_s", "end_s", "entry", "open_end", "ramp_s", "start_s")

    def __init__(
        self, start_s: float, entry: float, cruise: float, leave: float, acceleration: float, over_mm: float
    ) -> None:
        self.start_s = start_s
        self.entry = entry
        self.cruise = cruise
        self.acceleration = acceleration
        self.ramp_s = abs(cruise - entry) / acceleration
        self.cruise_s = over_mm / cruise if over_mm else 0.0
        self.end_s = start_s + self.ramp_s + self.cruise_s + (cruise - leave) / acceleration
        self.open_end = False

    @property
    def leave(self) -> float:
        """Speed in mm/s at its end."""
        brake_s = self.end_s - self.start_s - self.ramp_s - self.cruise_s
        return max(0.0, self.cruise - self.acceleration * brake_s)

    def at(self, now_s: float) -> tuple[float, float]:
        """Distance in mm since its start, and speed in mm/s."""
        passed_s = min(now_s, self.end_s) - self.start_s
        rising = self.acceleration if self.cruise >= self.entry else -self.acceleration
        ramp_s = min(passed_s, self.ramp_s)
        cruise_s = min(max(0.0, passed_s - self.ramp_s), self.cruise_s)
        brake_s = max(0.0, passed_s - self.ramp_s - self.cruise_s)
        speed = self.entry + rising * ramp_s
        done_mm = (self.entry + speed) / 2 * ramp_s + self.cruise * cruise_s
        if brake_s > 0:
            speed = max(0.0, self.cruise - self.acceleration * brake_s)
            done_mm += (self.cruise + speed) / 2 * brake_s
        return done_mm, speed


class Hold(Enum):
    """Whether motion goes on, brakes, or stands with blocks still queued."""

    NONE = 0
    BRAKING = 1
    STANDING = 2


class Watcher(Protocol):
    """Whoever must know what the axes do."""

    def began(self, block: Block, now_s: float) -> None:
        """A block is being driven from now on."""

    def moving(self, moving: bool, now_s: float) -> None:
        """From the first block in the queue until it is empty."""


class Planner:
    """A queue of blocks and the one that is being driven. Nothing ticks: call `advance` at `due_s`.

    `due_s` is inf while nothing is being driven.
    """

    def __init__(self, limits: Limits, blocks: int, watcher: Watcher) -> None:
        self.limits = limits
        self.due_s = math.inf
        self.holding = Hold.NONE
        self._watcher = watcher
        self._queue: deque[Block] = deque(maxlen=blocks)
        self._run: _Run | None = None
        self._rest: Vector = ORIGIN
        self._scales = (1.0, 1.0)

    # ---- what it tells ---------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many more blocks it can take; the one being driven counts as taken until its end."""
        return (self._queue.maxlen or 0) - len(self._queue)

    @property
    def busy(self) -> bool:
        """Whether blocks are queued, driven or held."""
        return bool(self._queue)

    @property
    def current(self) -> Block | None:
        """The block that is being driven or held."""
        return self._queue[0] if self._queue else None

    def position(self, now_s: float) -> Vector:
        """Where the axes really are."""
        if not self._queue:
            return self._rest
        block = self._queue[0]
        further_mm = self._run.at(now_s)[0] if self._run else 0.0
        return block.path.at(min(block.path.length_mm, block.done_mm + further_mm))

    def speed(self, now_s: float) -> float:
        """How fast it moves along the path, mm/s."""
        return self._run.at(now_s)[1] if self._run else 0.0

    # ---- what it is told -------------------------------------------------------------------------------------

    def add(
        self, path: Path, feed_mm_per_s: float, now_s: float, acceleration: float = math.inf, tag: object = None
    ) -> None:
        """Queue a move; inf as feed is a rapid. There must be a free block."""
        block = Block(path, *_pace(path, feed_mm_per_s, acceleration, self.limits), tag)
        previous = self._queue[-1] if self._queue else None
        self._fit(block, previous)
        self._queue.append(block)
        if previous is None:
            self._watcher.moving(True, now_s)
            if self.holding is Hold.NONE:
                self._begin(now_s, 0.0)
        elif self._run is not None and self._run.open_end:
            self._begin(now_s, self._cut(now_s))

    def advance(self, now_s: float) -> None:
        """What is due at `due_s`: a block ends and the next begins, or a hold has come to a stand."""
        run, block = self._run, self._queue[0]
        if run is None:
            return
        if self.holding is Hold.BRAKING and block.done_mm + run.at(now_s)[0] < block.path.length_mm - 1e-9:
            self._stand(block.done_mm + run.at(now_s)[0])
            return
        self._queue.popleft()
        if self._queue:
            self._begin(self.due_s, run.leave)
        else:
            self._empty(block.path.end, self.due_s)

    def hold(self, now_s: float) -> None:
        """Brake at the blocks' own acceleration (stopping distance v^2/2a, over corners if need be), then stand."""
        if self.holding is not Hold.NONE:
            return
        self.holding = Hold.BRAKING
        if self._run is None:
            self.holding = Hold.STANDING
        else:
            self._begin(now_s, self._cut(now_s))

    def resume(self, now_s: float) -> None:
        """Go on from a stand. Has no effect while it still brakes."""
        if self.holding is Hold.STANDING:
            self.holding = Hold.NONE
            if self._queue:
                self._begin(now_s, 0.0)

    def abort(self, now_s: float) -> None:
        """Forget every block; the axes are where they are, at once and without braking."""
        at = self.position(now_s)
        self.holding = Hold.NONE
        if self._queue:
            self._queue.clear()
            self._empty(at, now_s)

    def place(self, at: Vector) -> None:
        """The axes stand here (after homing, or a new zero of e). Only with an empty queue."""
        self._rest = at

    def override(self, feed: float, rapid: float, now_s: float) -> None:
        """Scale feeds and rapids (1.0: as programmed) from this moment on, the running block's too."""
        self._scales = (feed, rapid)
        previous = None
        for block in self._queue:
            self._fit(block, previous)
            previous = block
        if self._run is not None and self.holding is Hold.NONE:
            self._begin(now_s, self._cut(now_s))

    # ---- inside ----------------------------------------------------------------------------------------------

    def _fit(self, block: Block, previous: Block | None) -> None:
        feed, limit = block.pace
        cruise = limit * self._scales[1] if feed == math.inf else min(feed * self._scales[0], limit)
        block.cruise = max(cruise, _SLOWEST_MM_PER_S)
        if previous is not None:
            corner2 = _corner2(previous.path.leaving, block, self.limits.junction_deviation_mm)
            block.corner2 = min(corner2, block.cruise * block.cruise, previous.cruise * previous.cruise)

    def _begin(self, now_s: float, entry: float) -> None:
        block = self._queue[0]
        left_mm = max(0.0, block.path.length_mm - block.done_mm)
        if self.holding is Hold.BRAKING:
            run = _braking(now_s, entry, left_mm, block.acceleration)
        else:
            exit2, open_end = self._exit2()
            run = _trapezoid(now_s, entry, block.cruise, exit2, left_mm, block.acceleration)
            run.open_end = open_end
        self._run = run
        self.due_s = run.end_s
        if not block.begun:
            block.begun = True
            self._watcher.began(block, now_s)

    def _exit2(self) -> tuple[float, bool]:
        """The look-ahead: v^2 at the end of the first block, and whether more blocks could raise it."""
        best, gained = math.inf, 0.0
        for block in islice(self._queue, 1, None):
            best = min(best, block.corner2 + gained)
            gained += 2 * block.acceleration * block.path.length_mm
            if gained >= best:  # no corner further on can ask for less
                return best, False
        return gained, True

    def _cut(self, now_s: float) -> float:
        """Book what the running block has done so far; returns its speed."""
        if self._run is None:
            return 0.0
        done_mm, speed = self._run.at(now_s)
        self._queue[0].done_mm += done_mm
        return speed

    def _stand(self, done_mm: float) -> None:
        self._queue[0].done_mm = done_mm
        self._run, self.due_s, self.holding = None, math.inf, Hold.STANDING

    def _empty(self, at: Vector, now_s: float) -> None:
        self._rest, self._run, self.due_s = at, None, math.inf
        if self.holding is Hold.BRAKING:
            self.holding = Hold.STANDING
        self._watcher.moving(False, now_s)


def _pace(path: Path, feed_mm_per_s: float, acceleration: float, limits: Limits) -> tuple[tuple[float, float], float]:
    """(feed, speed limit of the axes) and the acceleration along the path."""
    limit = math.inf
    for axis, share in enumerate(path.shares):
        if share:
            part = abs(share)
            if limits.feed_mm_per_s[axis] < limit * part:
                limit = limits.feed_mm_per_s[axis] / part
            if limits.acceleration_mm_per_s2[axis] < acceleration * part:
                acceleration = limits.acceleration_mm_per_s2[axis] / part
    if path.bend is not None:
        limit = min(limit, math.sqrt(acceleration * path.bend.radius_mm))
    return (feed_mm_per_s, limit), max(acceleration, _SOFTEST_MM_PER_S2)


def _corner2(leaving: Vector, block: Block, deviation_mm: float) -> float:
    """v^2 in the corner between two directions."""
    heading = block.path.heading
    straight_on = leaving[0] * heading[0] + leaving[1] * heading[1] + leaving[2] * heading[2]
    if straight_on > _STRAIGHT:
        return math.inf
    if straight_on < -_STRAIGHT:
        return 0.0
    sine = math.sqrt((1 + straight_on) / 2)
    return block.acceleration * deviation_mm * sine / (1 - sine)


def _trapezoid(now_s: float, entry: float, cruise: float, exit2: float, left_mm: float, acceleration: float) -> _Run:
    entry2, gain2 = entry * entry, 2 * acceleration * left_mm
    # No further than it can get, and no less than it must keep; the latter only after an override has come down.
    leave2 = max(min(exit2, entry2 + gain2, cruise * cruise), entry2 - gain2)
    leave = math.sqrt(leave2)
    cruise = max(cruise, leave)
    over_mm = left_mm - (abs(cruise * cruise - entry2) + cruise * cruise - leave2) / (2 * acceleration)
    if over_mm < 0:
        over_mm = 0.0
        if cruise > entry:
            cruise = max(leave, math.sqrt((gain2 + entry2 + leave2) / 2))
    return _Run(now_s, entry, cruise, leave, acceleration, over_mm)


def _braking(now_s: float, entry: float, left_mm: float, acceleration: float) -> _Run:
    exit2 = max(0.0, entry * entry - 2 * acceleration * left_mm)
    return _Run(now_s, entry, entry, math.sqrt(exit2), acceleration, 0.0)
