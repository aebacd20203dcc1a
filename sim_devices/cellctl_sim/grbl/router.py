"""The router around the board: spindle, switches, probe, and what the world sees of them."""

import math
from typing import Final, NamedTuple

from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl.memory import Memory, Point
from cellctl_sim.motion import Block
from cellctl_sim.world import World

_DEBOUNCE_S: Final = 0.25
_EDGE_MM: Final = 1e-6


class Tag(NamedTuple):
    """What a block is: a feed move or a rapid, and the number of its line (0: none)."""

    feeds: bool
    line: int = 0


class Router:
    """Spindle, axes and vise of one machine. The tag of a block is a Tag.

    `starts` counts how often the axes began to move out of a stand: more often than the program has stops where the
    planner starved.
    """

    def __init__(self, name: str, place: str, world: World, config: RouterTwin) -> None:
        self.config = config
        self.rpm = 0.0
        self.homed = False
        self.coasts_until_s = math.inf
        self._at = (world, name, place)
        self.starts = 0
        self._work: Point = (0.0, 0.0, 0.0)
        self._in_part = False

    # ---- axes ------------------------------------------------------------------------------------------------

    def began(self, block: Block, now_s: float) -> None:
        """A move begins. One that goes below the surface with a turning tool cuts; noted once for each plunge."""
        start, end = block.path.start, block.path.end
        surface_mm = self._surface_mm
        below = min(start[2], end[2]) < surface_mm - _EDGE_MM
        feeds = isinstance(block.tag, Tag) and block.tag.feeds
        if below and feeds and self.rpm and not self._in_part:
            world, name, place = self._at
            x, y = start[0] - self._work[0], start[1] - self._work[1]
            world.cut(name, place, f"cut from x{x:.1f} y{y:.1f}", now_s)
        self._in_part = below and end[2] < surface_mm - _EDGE_MM

    def moving(self, moving: bool, now_s: float) -> None:
        """The axes begin to move, or have come to rest."""
        world, name, _ = self._at
        self.starts += moving
        world.set_moving(name, moving, now_s)

    def set_work(self, offset: Point) -> None:
        """The work coordinates begin here; the part's surface is at their Z0 unless the vise says otherwise."""
        self._work = offset

    def contact_mm(self) -> float | None:
        """The Z where a probe touches the part; None without a part in the vise."""
        world, _, place = self._at
        return self._surface_mm if world.part_at(place) is not None else None

    def homing_s(self, at: Point, memory: Memory) -> float:
        """How long homing takes: Z first, then X and Y together; each seeks its switch, and touches it again slowly."""
        travel = memory.travel
        x, y, z = (-here for here in at) if self.homed else (reach / 2 for reach in travel)
        slow, seek = (max(1.0, memory.settings[number]) / 60 for number in (24, 25))
        off_mm = memory.settings[27]
        touch_s = 2 * off_mm / seek + off_mm / slow + 4 * _DEBOUNCE_S
        return z / seek + max(x, y) / seek + 2 * touch_s

    # ---- spindle and door ------------------------------------------------------------------------------------

    def spin(self, rpm: float, now_s: float) -> None:
        """Switch the spindle on (above 0 rpm) or off; it coasts to a stand."""
        if rpm and not self.rpm:
            self.coasts_until_s = math.inf
            self._turning(True, now_s)
        elif self.rpm and not rpm:
            self.coasts_until_s = now_s + self.config.spindle_spins_up_s
        self.rpm = rpm

    def come_to_stand(self, now_s: float) -> None:
        """The spindle has coasted out."""
        self.coasts_until_s = math.inf
        self._turning(False, now_s)

    @property
    def door_open(self) -> bool:
        """Whether its door switch says so."""
        world, name, _ = self._at
        return self.config.has_door and world.door_open(name)

    def set_door(self, is_open: bool, now_s: float) -> None:
        """Somebody opens or shuts the door."""
        world, name, _ = self._at
        world.set_door(name, is_open, now_s)

    @property
    def _surface_mm(self) -> float:
        vise_mm = self.config.vise_top_mm
        return self._work[2] if vise_mm is None else vise_mm

    def _turning(self, turning: bool, now_s: float) -> None:
        world, name, _ = self._at
        world.set_spindle(name, turning, now_s)
