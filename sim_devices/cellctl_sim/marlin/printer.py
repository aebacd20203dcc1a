"""The printer around the board: heaters, motors, and what the world sees of them."""

import math
import random  # noqa: TID251 - the generator comes in seeded

from cellctl_sim.config import PrinterTwin
from cellctl_sim.heat import Heater
from cellctl_sim.motion import Block
from cellctl_sim.world import World

_DEPOSIT_EVERY_S = 1.0
_UNEVEN = 0.03  # no two heaters are quite alike


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
        self._at = (world, name, place)
        self._next_deposit_s = -math.inf
        self._moving = False
        self._printing = False
        self._turned_off = False

    def began(self, block: Block, now_s: float) -> None:
        """A move begins; plastic that it lays down is seen at most once a second."""
        if block.tag and now_s >= self._next_deposit_s:
            self._next_deposit_s = now_s + _DEPOSIT_EVERY_S
            self._printing = True
            world, name, place = self._at
            world.deposit(name, place, now_s)

    def moving(self, moving: bool, now_s: float) -> None:
        """The axes begin to move, or have come to rest."""
        self._moving = moving
        world, name, _ = self._at
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
        self._printing = self._turned_off = False
        self.tell_bed(now_s)

    def tell_bed(self, now_s: float) -> None:
        """Let the world know how warm the bed is."""
        world, _, place = self._at
        world.set_surface_celsius(place, self.bed.celsius(now_s), now_s)

    def _finish(self, now_s: float) -> None:
        if self._printing and self._turned_off and not self._moving:
            self._printing = False
            self._next_deposit_s = -math.inf
            world, name, place = self._at
            world.finish_print(name, place, now_s)
        if not self._moving:
            self._turned_off = False
