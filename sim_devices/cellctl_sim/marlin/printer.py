"""The printer around the board: heaters, motors, and what the world sees of them."""

import math
import random  # noqa: TID251 - the generator comes in seeded
from collections.abc import Mapping

from cellctl_sim.config import Area, PrinterTwin
from cellctl_sim.heat import Heater
from cellctl_sim.motion import Block
from cellctl_sim.paths import Path
from cellctl_sim.world import World

_DEPOSIT_EVERY_S = 1.0
_UNEVEN = 0.03  # no two heaters are quite alike


class Bed:
    """The places of a printer, and which area of the bed each one is."""

    def __init__(self, machine: str, place: str, areas: Mapping[str, Area]) -> None:
        self._areas = {f"{machine}.{slot}": area for slot, area in areas.items()}
        self._whole = place
        self.places = tuple(self._areas) or (place,)

    def under(self, path: Path) -> str:
        """The place that a move ends over; "" if that is none of them."""
        if not self._areas:
            return self._whole
        x, y = path.end[:2]
        inside = (place for place, (x0, y0, x1, y1) in self._areas.items() if x0 <= x <= x1 and y0 <= y <= y1)
        return next(inside, "")


class Printer:
    """Nozzle, bed and axes of one machine. Blocks tagged True put plastic onto the bed."""

    def __init__(self, name: str, place: str, world: World, config: PrinterTwin, rng: random.Random) -> None:
        self.config = config
        self.nozzle = Heater(
            config.ambient_celsius,
            config.nozzle_heats_celsius_per_s * rng.uniform(1 - _UNEVEN, 1 + _UNEVEN),
            config.nozzle_cools_in_s,
        )
        self.bed = Heater(
            config.ambient_celsius,
            config.bed_heats_celsius_per_s * rng.uniform(1 - _UNEVEN, 1 + _UNEVEN),
            config.bed_cools_in_s,
        )
        self._at = (world, name)
        self._bed = Bed(name, place, config.beds)
        # By place, what is printed onto at present, and when plastic is seen there next.
        self._printing: dict[str, float] = {}
        self._moving = False
        self._turned_off = False

    def began(self, block: Block, now_s: float) -> None:
        """A move begins; plastic that it lays down is seen at most once a second."""
        place = self._bed.under(block.path) if block.tag else ""
        if place and now_s >= self._printing.get(place, -math.inf):
            self._printing[place] = now_s + _DEPOSIT_EVERY_S
            world, name = self._at
            world.deposit(name, place, now_s)

    def moving(self, moving: bool, now_s: float) -> None:
        """The axes begin to move, or have come to rest."""
        self._moving = moving
        world, name = self._at
        world.set_moving(name, moving, now_s)
        self._finish(now_s)

    def heat(self, heater: Heater, celsius: float, now_s: float) -> None:
        """Give a heater a new target. Both off, with motion over, is the end of a print."""
        heater.set_target(celsius, now_s)
        self.tell_bed(now_s)
        if not self.nozzle.target and not self.bed.target:
            self.turn_off(now_s)

    def turn_off(self, now_s: float) -> None:
        """Motors or heaters are off: what was printed is finished, once the queued moves are made."""
        self._turned_off = True
        self._finish(now_s)

    def drop(self, now_s: float) -> None:
        """The board lets go of every output: a reset, a kill, a power cut. A part in work stays unfinished."""
        self.nozzle.set_target(0.0, now_s)
        self.bed.set_target(0.0, now_s)
        self._printing.clear()
        self._turned_off = False
        self.tell_bed(now_s)

    def tell_bed(self, now_s: float) -> None:
        """Let the world know how warm the bed is."""
        for place in self._bed.places:
            self._at[0].set_surface_celsius(place, self.bed.celsius(now_s), now_s)

    def _finish(self, now_s: float) -> None:
        if self._printing and self._turned_off and not self._moving:
            world, name = self._at
            for place in self._printing:
                world.finish_print(name, place, now_s)
            self._printing.clear()
        if not self._moving:
            self._turned_off = False
