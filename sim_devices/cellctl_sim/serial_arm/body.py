"""The arm itself: where it really is, in whose zone, and what its gripper does."""

import math
from collections.abc import Iterator
from typing import Final

from cellctl_sim.config import Point, SerialArmTwin
from cellctl_sim.motion import Block
from cellctl_sim.paths import Path
from cellctl_sim.world import World

_NO_PLACE: Final = "no place"
_LOOK_EVERY_MM: Final = 5.0


class Body:
    """The mechanics, which the firmware knows only as far as it was homed.

    `astray_mm` is how far it really is from where its firmware believes it to be. `misses`: the next grip takes
    nothing. `stuck`: its axes move no more, and nobody tells the firmware.
    """

    def __init__(self, name: str, world: World, config: SerialArmTwin) -> None:
        self.config = config
        self.astray_mm: Point = (0.0, 0.0, 0.0)
        self.misses = False
        self.stuck = False
        self.gripper_due_s = math.inf
        self._closes = False
        self._zones: set[str] = set()
        self._at = (world, name)

    # ---- axes ------------------------------------------------------------------------------------------------

    def began(self, block: Block, now_s: float) -> None:
        """A move begins: the zones on its way are entered, and the ones that it leaves behind are left."""
        self._be_in({zone for point in _points(block.path) for zone in self._zones_at(self.real_mm(point))}, now_s)

    def moving(self, moving: bool, now_s: float) -> None:
        """The axes begin to move, or have come to rest. Nobody but this arm needs to know."""

    def rest(self, believed: Point, now_s: float) -> None:
        """It stands here, as its firmware believes."""
        self._be_in(self._zones_at(self.real_mm(believed)), now_s)

    def real_mm(self, believed: Point) -> Point:
        """Where it really is."""
        (x, y, z), (dx, dy, dz) = believed, self.astray_mm
        return x + dx, y + dy, z + dz

    # ---- gripper ---------------------------------------------------------------------------------------------

    @property
    def holds(self) -> bool:
        """Whether a part is in the gripper."""
        world, name = self._at
        return world.part_at(f"{name}.gripper") is not None

    @property
    def closed(self) -> bool:
        """What the gripper was told last."""
        return self._closes

    def work_gripper(self, close: bool, now_s: float) -> None:
        """Begin to close or to open it; told twice, it does nothing more."""
        if close != self._closes:
            self._closes, self.gripper_due_s = close, now_s + self.config.grip_s

    def end_gripper(self, believed: Point, now_s: float) -> None:
        """At `gripper_due_s`: it is closed, or open."""
        self.gripper_due_s = math.inf
        world, name = self._at
        place = self._place_at(self.real_mm(believed))
        if not self._closes:
            world.release(name, place, now_s)
        elif self.misses:
            self.misses = False
        else:
            world.grip(name, place, now_s)

    def lose_power(self, believed: Point, now_s: float) -> None:
        """A vacuum lets go at once; jaws stay as they are."""
        if self.config.gripper == "vacuum" and self._closes:
            self._closes = False
            self.end_gripper(believed, now_s)
        self.gripper_due_s = math.inf

    def miss(self) -> None:
        """The next grip takes nothing."""
        self.misses = True

    def stick(self) -> None:
        """The axes move no more, and the firmware does not notice."""
        self.stuck = True

    def slip(self, believed: Point, now_s: float) -> None:
        """The part slips out of the gripper, wherever it is."""
        world, name = self._at
        world.lose(name, self._place_at(self.real_mm(believed)), now_s)

    # ---- inside ----------------------------------------------------------------------------------------------

    def _be_in(self, zones: set[str], now_s: float) -> None:
        world, name = self._at
        for zone in sorted(self._zones - zones):
            world.leave(name, zone, now_s)
        for zone in sorted(zones - self._zones):
            world.enter(name, zone, now_s)
        self._zones = zones

    def _zones_at(self, real: Point) -> set[str]:
        config, (world, _) = self.config, self._at
        return {
            world.station_of(place)
            for place, (x, y, z) in config.places.items()
            if math.hypot(real[0] - x, real[1] - y) <= config.zone_radius_mm and real[2] <= z + config.zone_height_mm
        }

    def _place_at(self, real: Point) -> str:
        nearest = min(self.config.places, key=lambda place: math.dist(real, self.config.places[place]))
        return nearest if math.dist(real, self.config.places[nearest]) <= self.config.grip_within_mm else _NO_PLACE


def _points(path: Path) -> Iterator[Point]:
    steps = max(1, math.ceil(path.length_mm / _LOOK_EVERY_MM))
    for step in range(steps + 1):
        yield path.at(path.length_mm * step / steps)[:3]
