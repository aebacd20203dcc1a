"""Ways from point to point: straight moves and arcs."""

import math
from typing import Final, NamedTuple

Vector = tuple[float, float, float, float]
"""x, y, z, e in mm; machines without an extruder leave e at 0."""

ORIGIN: Final[Vector] = (0.0, 0.0, 0.0, 0.0)


class Bend(NamedTuple):
    """Where an arc lies: its plane's two axes (indices), centre, start angle and signed sweep in radians."""

    plane: tuple[int, int]
    centre: tuple[float, float]
    radius_mm: float
    begins: float
    sweep: float


class Path(NamedTuple):
    """A way from point to point. `shares`: the greatest part of the speed along it that each axis takes."""

    start: Vector
    end: Vector
    length_mm: float
    heading: Vector
    leaving: Vector
    shares: Vector
    bend: Bend | None = None

    def at(self, done_mm: float) -> Vector:
        """The point this far along."""
        part = done_mm / self.length_mm
        x, y, z, e = (a + (b - a) * part for a, b in zip(self.start, self.end, strict=True))
        if self.bend is None:
            return x, y, z, e
        point = [x, y, z, e]
        angle = self.bend.begins + self.bend.sweep * part
        point[self.bend.plane[0]] = self.bend.centre[0] + self.bend.radius_mm * math.cos(angle)
        point[self.bend.plane[1]] = self.bend.centre[1] + self.bend.radius_mm * math.sin(angle)
        return point[0], point[1], point[2], point[3]


def straight(start: Vector, end: Vector) -> Path | None:
    """A straight move; None if it goes nowhere. Its length is that in x, y, z, or of e where only e moves."""
    dx, dy, dz, de = end[0] - start[0], end[1] - start[1], end[2] - start[2], end[3] - start[3]
    length_mm = math.sqrt(dx * dx + dy * dy + dz * dz) or abs(de)
    if not length_mm:
        return None
    heading = dx / length_mm, dy / length_mm, dz / length_mm, de / length_mm
    return Path(start, end, length_mm, heading, heading, heading)


def arc(
    start: Vector, end: Vector, centre: tuple[float, float], clockwise: bool, plane: tuple[int, int] = (0, 1)
) -> Path:
    """An arc, or a helix, around `centre` in the plane of two axes. A start equal to the end is a full circle."""
    first, second = plane
    ax, ay = start[first] - centre[0], start[second] - centre[1]
    bx, by = end[first] - centre[0], end[second] - centre[1]
    radius_mm = math.hypot(ax, ay)
    begins = math.atan2(ay, ax)
    sweep = math.atan2(ax * by - ay * bx, ax * bx + ay * by)
    if clockwise and sweep >= -1e-9:
        sweep -= math.tau
    elif not clockwise and sweep <= 1e-9:
        sweep += math.tau
    around_mm = radius_mm * abs(sweep)
    others = {axis: end[axis] - start[axis] for axis in range(4) if axis not in plane}
    length_mm = math.hypot(around_mm, *(away for axis, away in others.items() if axis < 3))
    ends, turn, flat = begins + sweep, math.copysign(1.0, sweep), around_mm / length_mm
    heading = [others.get(axis, 0.0) / length_mm for axis in range(4)]
    leaving, shares = heading.copy(), heading.copy()
    heading[first], heading[second] = -turn * math.sin(begins) * flat, turn * math.cos(begins) * flat
    leaving[first], leaving[second] = -turn * math.sin(ends) * flat, turn * math.cos(ends) * flat
    shares[first] = shares[second] = flat
    bend = Bend(plane, centre, radius_mm, begins, sweep)
    return Path(start, end, length_mm, _vector(heading), _vector(leaving), _vector(shares), bend)


def _vector(values: list[float]) -> Vector:
    return values[0], values[1], values[2], values[3]
