"""Where a held printer waits, and the way there and back.

Both ways are relative moves of the same lengths, so that nothing is lost to the two decimals of M114. Only where it
does not stand where it was parked (somebody jogged it, or an axis was at its end) does it go back by coordinates.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from cellctl.gcode.modal import ModalState, spelled
from cellctl_drivers.marlin.answers import Position
from cellctl_drivers.marlin.rules import Area

# M114 rounds to two decimals, both times.
_NEAR_MM: Final = 0.021
_SPARE_MM: Final = 0.1
# Below this Marlin pulls no filament (EXTRUDE_MINTEMP).
_SOFT_CELSIUS: Final = 170.0
_NEARLY_CELSIUS: Final = 5.0
_TRAVEL: Final = "F6000"
_LIFT: Final = "F600"
_RETRACT: Final = "F2100"


@dataclass(frozen=True, slots=True)
class Park:
    """What the integrator wants: X and Y as the machine counts them (None: it stays above its place).

    After `standby_after_s` (0: never) the nozzle cools to `standby_celsius`.
    """

    retract_mm: float = 2.0
    lift_mm: float = 5.0
    x_mm: float | None = None
    y_mm: float | None = None
    standby_celsius: float = 150.0
    standby_after_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Way:
    """How far it goes from where it was held."""

    x_mm: float = 0.0
    y_mm: float = 0.0
    lift_mm: float = 0.0
    retract_mm: float = 0.0

    def end(self, at: Position) -> Position:
        """Where that leads."""
        return at[0] + self.x_mm, at[1] + self.y_mm, at[2] + self.lift_mm, at[3] - self.retract_mm


@dataclass(slots=True)
class Pause:
    """One hold of ours. `at`: where it stood; `way`: None if it was not parked; `celsius`: the nozzle's target then."""

    readings: list[Position] = field(default_factory=list)
    at: Position | None = None
    way: Way | None = None
    celsius: float = 0.0

    def read(self) -> Position | None:
        """Where it stands; None if it does not say, or not twice the same: answers have no checksum."""
        readings, self.readings = self.readings, []
        return readings[-1] if len(readings) > 1 and readings[-1] == readings[-2] else None


def against(modal: ModalState, at: Position | None) -> str:
    """Why it is not parked; empty if it can be."""
    if at is None:
        return "it does not tell where that is"
    if modal.homed != frozenset("XYZ"):
        return "the program has not homed it"
    if modal.relative is None or math.isnan(modal.feed_mm_per_min):
        return "the program has not said G90 or G91, or no F"
    return "the program counts in inches" if modal.codes.get("units") == "G20" else ""


def way(park: Park, modal: ModalState, at: Position, area: Area | None, nozzle_celsius: float) -> Way:
    """How far to go, within what the machine says of its axes."""
    moved = modal.codes.get("G92", "")  # There the program's coordinates are not the machine's.
    x_mm = 0.0 if park.x_mm is None or "X" in moved else _within(park.x_mm, area, 0) - at[0]
    y_mm = 0.0 if park.y_mm is None or "Y" in moved else _within(park.y_mm, area, 1) - at[1]
    lift_mm = park.lift_mm if "Z" in moved else max(0.0, _within(at[2] + park.lift_mm, area, 2) - at[2])
    pulls = modal.e_relative is not None and nozzle_celsius >= _SOFT_CELSIUS
    return Way(round(x_mm, 2), round(y_mm, 2), round(lift_mm, 2), park.retract_mm if pulls else 0.0)


def lines_there(way: Way, modal: ModalState) -> tuple[str, ...]:
    """Retract, lift, go aside; and leave the modes as the program has them."""
    moves = (
        f"G1 E{spelled(-way.retract_mm)} {_RETRACT}" if way.retract_mm else "",
        f"G1 Z{spelled(way.lift_mm)} {_LIFT}" if way.lift_mm else "",
        f"G1 X{spelled(way.x_mm)} Y{spelled(way.y_mm)} {_TRAVEL}" if way.x_mm or way.y_mm else "",
    )
    return _relative(moves, way, modal)


def lines_back(pause: Pause, modal: ModalState, here: Position | None, nozzle: tuple[float, float]) -> tuple[str, ...]:
    """Heat, go back, and set up again what the program has set up."""
    hot: tuple[str, ...] = ()
    if pause.celsius > nozzle[1] or nozzle[0] < pause.celsius - _NEARLY_CELSIUS:
        hot = (f"M109 S{spelled(pause.celsius)}",)
    if pause.way is None or pause.at is None:
        return hot
    way, parked = pause.way, pause.way.end(pause.at)
    stands = here is not None and _near(here[:3], parked[:3])
    filament = here is not None and (_near(here[3:], parked[3:]) or math.isnan(parked[3]))
    moves: tuple[str, ...] = ()
    if stands:
        moves = (
            f"G1 X{spelled(-way.x_mm)} Y{spelled(-way.y_mm)} {_TRAVEL}" if way.x_mm or way.y_mm else "",
            f"G1 Z{spelled(-way.lift_mm)} {_LIFT}" if way.lift_mm else "",
        )
    if filament and way.retract_mm:
        moves = (*moves, f"G1 E{spelled(way.retract_mm)} {_RETRACT}")
    by_coordinates = () if stands else _approach(pause.at, way)
    count = () if filament else (f"G92 E{spelled(pause.at[3])}",)
    return (*hot, *by_coordinates, *_relative(moves, way, modal), *count, *_settings(modal))


def _approach(at: Position, way: Way) -> tuple[str, ...]:
    """From anywhere: above, over, down."""
    x, y, z, _ = at
    above = f"G1 Z{spelled(z + way.lift_mm)} {_LIFT}"
    return "G90", above, f"G1 X{spelled(x)} Y{spelled(y)} {_TRAVEL}", f"G1 Z{spelled(z)} {_LIFT}"


def _relative(moves: tuple[str, ...], way: Way, modal: ModalState) -> tuple[str, ...]:
    """Moves in relative coordinates. Where firmware differs about E, its mode is left as G91 makes it."""
    said = modal.e_relative
    before = ("G91", "M83") if way.retract_mm and said is not None else ("G91",)
    behind: tuple[str, ...] = ("G91" if modal.relative else "G90",)
    if said is not None:
        behind = (*behind, "M83" if said else "M82")
    return (*before, *(move for move in moves if move), *behind)


def _settings(modal: ModalState) -> tuple[str, ...]:
    """What somebody may have changed at the panel, and the feed."""
    fans = tuple(
        f"{key} S{spelled(letters['S'])}" if not key.endswith("P0") else f"M106 S{spelled(letters['S'])}"
        for key, letters in modal.settings.items()
        if key.startswith("M106")
    )
    return (*fans, f"G1 F{spelled(modal.feed_mm_per_min)}")


def _within(value: float, area: Area | None, axis: int) -> float:
    """Not quite to the ends: there Marlin would cut off what M114 has rounded away."""
    return value if area is None else min(max(value, area[0][axis] + _SPARE_MM), area[1][axis] - _SPARE_MM)


def _near(here: tuple[float, ...], there: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= _NEAR_MM for a, b in zip(here, there, strict=True))
