"""The milling programs of this folder: `python make_programs.py` writes them anew.

A 3 mm end mill; the blank's lower left corner is the work origin, its upper face Z 0. Every cut goes in by a ramp or in
pecks, in passes of no more than the tool bears.
"""

import math
from collections.abc import Iterator
from pathlib import Path

TOOL_MM = 3.0
PASS_MM = 0.8
FEED, PLUNGE, RPM = 700, 150, 10000
CLEAR_MM = 3.0

Point = tuple[float, float]


def depths(total_mm: float) -> Iterator[float]:
    """Z of each pass, the last one at the full depth."""
    passes = math.ceil(total_mm / PASS_MM)
    yield from (-total_mm * number / passes for number in range(1, passes + 1))


def program(*parts: Iterator[str]) -> str:
    """A whole program around these cuts."""
    head = ["G21 G17 G90 G94", f"G0 Z{CLEAR_MM:.3f}", f"M3 S{RPM}", "G4 P2"]
    return "\n".join([*head, *(line for part in parts for line in part), "M5", "G0 X0 Y0", "M2", ""])


def over(x: float, y: float) -> list[str]:
    return [f"G0 Z{CLEAR_MM:.3f}", f"G0 X{x:.3f} Y{y:.3f}", "G0 Z0.500"]


def outline(points: list[Point], depth_mm: float) -> Iterator[str]:
    """Along a closed line; each pass goes in along its first side."""
    first, second = points[0], points[1]
    yield from over(*first)
    yield f"G1 Z0 F{PLUNGE}"
    for z in depths(depth_mm):
        yield f"G1 X{second[0]:.3f} Y{second[1]:.3f} Z{z:.3f} F{PLUNGE * 2}"
        yield f"G1 X{points[2][0]:.3f} Y{points[2][1]:.3f} F{FEED}"
        yield from (f"G1 X{x:.3f} Y{y:.3f}" for x, y in [*points[3:], first, second, first])
    yield f"G0 Z{CLEAR_MM:.3f}"


def circle(x: float, y: float, radius_mm: float, depth_mm: float) -> Iterator[str]:
    """A full circle of the tool's centre, down along a helix, and once round at the bottom."""
    yield from over(x + radius_mm, y)
    yield f"G1 Z0 F{PLUNGE}"
    for z in depths(depth_mm):
        yield f"G2 X{x - radius_mm:.3f} Y{y:.3f} Z{z:.3f} I{-radius_mm:.3f} J0 F{FEED}"
        yield f"G2 X{x + radius_mm:.3f} Y{y:.3f} I{radius_mm:.3f} J0"
    yield f"G2 X{x - radius_mm:.3f} Y{y:.3f} I{-radius_mm:.3f} J0"
    yield f"G0 Z{CLEAR_MM:.3f}"


def drill(x: float, y: float, depth_mm: float) -> Iterator[str]:
    """In pecks, out of the hole between them."""
    yield from over(x, y)
    for z in depths(depth_mm):
        yield f"G1 Z{z:.3f} F{PLUNGE}"
        yield "G0 Z0.500"
    yield f"G0 Z{CLEAR_MM:.3f}"


def slot(start: Point, end: Point, depth_mm: float) -> Iterator[str]:
    """To and fro, deeper each time."""
    yield from over(*start)
    yield f"G1 Z0 F{PLUNGE}"
    for z in depths(depth_mm):
        yield f"G1 X{end[0]:.3f} Y{end[1]:.3f} Z{z:.3f} F{PLUNGE * 2}"
        yield f"G1 X{start[0]:.3f} Y{start[1]:.3f} F{FEED}"
    yield f"G0 Z{CLEAR_MM:.3f}"


def rectangle(inset_mm: float) -> list[Point]:
    low, right, top = inset_mm, 90 - inset_mm, 30 - inset_mm
    return [(low, low), (right, low), (right, top), (low, top)]


PROGRAMS = {
    "rim.gcode": program(outline(rectangle(2.5), 0.5), outline(rectangle(3.5), 0.5)),
    "spacer.gcode": program(circle(18, 15, 5 - TOOL_MM / 2, 4.0), circle(18, 15, 12 + TOOL_MM / 2, 3.6)),
    "bracket.gcode": program(
        circle(12, 15, 2.75 - TOOL_MM / 2, 3.0), circle(78, 15, 2.75 - TOOL_MM / 2, 3.0), drill(45, 24, 3.0),
        slot((38, 12), (52, 12), 3.0),
    ),
}  # fmt: skip


if __name__ == "__main__":
    for name, text in PROGRAMS.items():
        (Path(__file__).parent / name).write_text(text, encoding="ascii")
