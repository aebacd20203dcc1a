"""The body of a robot that carries: programs of eight legs between taught poses, in true time, seen by the world."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from itertools import permutations
from typing import Final

from cellctl_sim.world import World

AXES: Final = 6
_HOME: Final = (0.0, -90.0, 90.0, 0.0, 45.0, 0.0)
_REACH_DEGREES: Final = 150.0
_LIFT_DEGREES: Final = 25.0  # from a place up to above it, in axes 2 and 3


class Leg(Enum):
    """A carry program, in order. What a leg is named for is reached at its end, `move_s` after the one before."""

    INTO_SOURCE_ZONE = 0
    GRIP = 1
    OUT_OF_SOURCE_ZONE = 2
    TRAVEL = 3
    INTO_TARGET_ZONE = 4
    RELEASE = 5
    OUT_OF_TARGET_ZONE = 6
    HOME = 7


@dataclass(slots=True)
class _Run:
    """A program and how far it is."""

    name: str
    began: tuple[float, ...]
    leg: Leg = Leg.INTO_SOURCE_ZONE
    left_s: float = 0.0
    gripped_nothing: bool = False

    @property
    def source(self) -> str:
        return self.name.removeprefix("carry:").partition(">")[0]

    @property
    def target(self) -> str:
        return self.name.partition(">")[2]


@dataclass(frozen=True, slots=True)
class _Hand:
    """Which arm it is, and the world that it reaches into."""

    name: str
    world: World


class Carrier:
    """One arm that knows a program `carry:A>B` for each ordered pair of its places. It holds at most one part.

    Axis positions are in degrees.
    """

    def __init__(self, name: str, world: World, places: Sequence[str], move_s: float) -> None:
        self.taught: Final = tuple(f"carry:{a}>{b}" for a, b in permutations(places, 2))
        self.zone = ""
        self.moving = False
        self._hand = _Hand(name, world)
        self._move_s = move_s
        self._now_s = 0.0
        self._run: _Run | None = None
        self._axes: tuple[float, ...] = _HOME

    @property
    def holds_part(self) -> bool:
        """What the sensor in the gripper says."""
        return self._hand.world.part_at(f"{self._hand.name}.gripper") is not None

    @property
    def program(self) -> str:
        """The program that is loaded; empty if none is."""
        return self._run.name if self._run else ""

    @property
    def axes(self) -> Sequence[float]:
        """Where each axis stands now, in degrees."""
        if self._run is None:
            return self._axes
        if self._run.left_s == self._move_s:
            return self._run.began
        done = 1 - self._run.left_s / self._move_s
        # Axes speed up and slow down: the way covered is a smooth step of the time.
        share = done * done * (3 - 2 * done)
        return tuple(a + (b - a) * share for a, b in zip(self._run.began, self._aim(self._run), strict=True))

    @property
    def due_s(self) -> float:
        """When the present leg ends; inf while nothing moves."""
        return self._now_s + self._run.left_s if self._run and self.moving else math.inf

    def load(self, program: str) -> None:
        """From the beginning, wherever the arm stands. `program` is a taught one."""
        self._axes = tuple(self.axes)
        self._run = _Run(program, self._axes, left_s=self._move_s)

    def unload(self) -> None:
        """Forget the program. The arm stays where it is."""
        self._axes, self._run, self.moving = tuple(self.axes), None, False

    def live(self, now_s: float) -> str:
        """Let time pass up to now, at most to the end of the present leg; says "ended" or "failed" of the program."""
        run, self._now_s, passed_s = self._run, now_s, now_s - self._now_s
        if run is None or not self.moving:
            return ""
        run.left_s -= passed_s
        return self._end_leg(run) if run.left_s <= 1e-9 else ""

    def _end_leg(self, run: _Run) -> str:
        run.left_s = 0.0
        self._axes = self._aim(run)
        self._act(run)
        if run.leg is Leg.HOME:
            self.moving = False
            return "ended"
        if run.gripped_nothing and run.leg is Leg.OUT_OF_SOURCE_ZONE:
            self.moving = False
            return "failed"
        run.leg, run.left_s, run.began = Leg(run.leg.value + 1), self._move_s, self._axes
        return ""

    def _act(self, run: _Run) -> None:
        world, now_s = self._hand.world, self._now_s
        match run.leg:
            case Leg.INTO_SOURCE_ZONE:
                self._go_into(run.source)
            case Leg.INTO_TARGET_ZONE:
                self._go_into(run.target)
            case Leg.OUT_OF_SOURCE_ZONE | Leg.OUT_OF_TARGET_ZONE:
                self._leave_zone()
            case Leg.GRIP:
                run.gripped_nothing = not world.grip(self._hand.name, run.source, now_s)
            case Leg.RELEASE:
                world.release(self._hand.name, run.target, now_s)
            case Leg.TRAVEL | Leg.HOME:
                pass

    def _go_into(self, place: str) -> None:
        self._leave_zone()  # where an unloaded program may have left it
        self.zone = self._hand.world.station_of(place)
        self._hand.world.enter(self._hand.name, self.zone, self._now_s)

    def _leave_zone(self) -> None:
        if self.zone:
            self._hand.world.leave(self._hand.name, self.zone, self._now_s)
        self.zone = ""

    def _aim(self, run: _Run) -> tuple[float, ...]:
        """Where the axes are at the end of this leg."""
        if run.leg is Leg.HOME:
            return _HOME
        at_source = run.leg.value < Leg.TRAVEL.value
        down = run.leg in (Leg.GRIP, Leg.RELEASE)
        return _pose(run.source if at_source else run.target, down=down)


def _pose(place: str, *, down: bool) -> tuple[float, ...]:
    """Where the axes were taught to be, at a place or above it. Every place has a pose of its own."""
    digest = sha256(place.encode()).digest()
    taught = [(byte / 255 - 0.5) * 2 * _REACH_DEGREES for byte in digest[:AXES]]
    if not down:
        taught[1] -= _LIFT_DEGREES
        taught[2] += _LIFT_DEGREES
    return tuple(taught)


def numbered(programs: Mapping[int, str], taught: Iterable[str]) -> Mapping[int, str]:
    """The programs of a controller that knows them by number; without any said, all in order from 1."""
    return programs or dict(enumerate(taught, 1))
