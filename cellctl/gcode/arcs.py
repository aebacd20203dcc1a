"""G2 and G3: where an arc really goes, in any plane, by centre or by radius, flat or as a helix."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cellctl.gcode.rules import Point

# The two axes of a plane in the order in which an arc turns from the first to the second (RS274/NGC 3.5.3).
PLANES: Final[Mapping[str, tuple[int, int]]] = {"G17": (0, 1), "G18": (2, 0), "G19": (1, 2)}

# How far end and start may differ in their distance from the centre: what Grbl allows (gcode.c, error 33).
_ALWAYS_FINE_MM: Final = 0.005
_NEVER_FINE_MM: Final = 0.5
_FINE_PART: Final = 0.001
_FULL_TURN: Final = 5e-7  # radians; Grbl takes a smaller angle for a whole circle


class BadArc(ValueError):
    """Words that give no arc; the text says why."""


@dataclass(frozen=True, slots=True)
class Arc:
    """An arc from start to end. `shares`: the greatest part of the speed along it that each axis takes."""

    end: Point
    least: Point
    most: Point
    length_mm: float
    radius_mm: float
    heading: Point
    leaving: Point
    shares: Point


def centre_by_radius(away: tuple[float, float], radius: float, clockwise: bool) -> tuple[float, float]:
    """The centre, from the start, of an arc to a point `away`; a negative radius takes the long way. Raises BadArc."""
    chord = math.hypot(*away)
    if not chord:
        raise BadArc("a full circle cannot be given by R")
    if chord > 2 * abs(radius):
        raise BadArc(f"its end is {chord:.3f} mm away, farther than twice R{radius:g}")
    height = math.sqrt(max(0.0, radius * radius - chord * chord / 4))
    side = -1 if clockwise == (radius > 0) else 1
    across = side * height / chord
    return away[0] / 2 - across * away[1], away[1] / 2 + across * away[0]


def arc(start: Point, end: Point, plane: tuple[int, int], offset: tuple[float, float], clockwise: bool) -> Arc:
    """The arc about the point that is `offset` from the start. Raises BadArc."""
    first, second = plane
    radius = math.hypot(*offset)
    centre = start[first] + offset[0], start[second] + offset[1]
    out = end[first] - centre[0], end[second] - centre[1]
    _check_radii(radius, math.hypot(*out))
    begins = math.atan2(-offset[1], -offset[0])
    sweep = _sweep(begins, math.atan2(out[1], out[0]), clockwise)
    third = 3 - first - second
    rise = end[third] - start[third]
    around = radius * abs(sweep)
    length = math.hypot(around, rise)
    flat, steep = around / length, rise / length
    least, most = _extents(start, end, plane, centre, (begins, sweep, radius))
    turn = math.copysign(flat, sweep)
    ends = begins + sweep
    return Arc(
        end,
        least,
        most,
        length,
        radius,
        _placed(plane, -turn * math.sin(begins), turn * math.cos(begins), steep),
        _placed(plane, -turn * math.sin(ends), turn * math.cos(ends), steep),
        _placed(plane, flat, flat, abs(steep)),
    )


def _check_radii(begins_mm: float, ends_mm: float) -> None:
    if begins_mm < _ALWAYS_FINE_MM:
        raise BadArc("its centre is where it begins")
    apart = abs(begins_mm - ends_mm)
    if apart > _NEVER_FINE_MM or (apart > _ALWAYS_FINE_MM and apart > _FINE_PART * begins_mm):
        raise BadArc(f"it begins {begins_mm:.3f} mm from its centre and ends {ends_mm:.3f} mm from it")


def _sweep(begins: float, ends: float, clockwise: bool) -> float:
    """The signed angle; an end at the start is a whole turn."""
    sweep = (ends - begins) % math.tau
    if clockwise:
        sweep -= math.tau
        return sweep if sweep < -_FULL_TURN else sweep - math.tau
    return sweep if sweep > _FULL_TURN else sweep + math.tau


def _extents(
    start: Point, end: Point, plane: tuple[int, int], centre: tuple[float, float], turn: tuple[float, float, float]
) -> tuple[Point, Point]:
    """The corners of the box around the arc: its two ends, and where it crosses the axes through its centre."""
    least = [min(pair) for pair in zip(start, end, strict=True)]
    most = [max(pair) for pair in zip(start, end, strict=True)]
    begins, sweep, radius = turn
    for quarter, (axis, side) in enumerate(((0, 1), (1, 1), (0, -1), (1, -1))):
        angle = quarter * math.pi / 2
        way = (angle - begins) % math.tau if sweep > 0 else (begins - angle) % math.tau
        if way <= abs(sweep):
            reach = centre[axis] + side * radius
            least[plane[axis]] = min(least[plane[axis]], reach)
            most[plane[axis]] = max(most[plane[axis]], reach)
    return (least[0], least[1], least[2]), (most[0], most[1], most[2])


def _placed(plane: tuple[int, int], first: float, second: float, third: float) -> Point:
    """Three numbers for the axes of a plane and the one across it, in the order X, Y, Z."""
    values = {plane[0]: first, plane[1]: second}
    x, y, z = (values.get(axis, third) for axis in range(3))
    return x, y, z
