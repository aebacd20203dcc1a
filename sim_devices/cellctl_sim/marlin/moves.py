"""G0 to G3, G28, G92: what moves the axes or the firmware's idea of where they are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cellctl.gcode.words import Words
from cellctl_sim.board import Task, Wait
from cellctl_sim.marlin import reports
from cellctl_sim.paths import ORIGIN, Path, Vector, arc, straight

if TYPE_CHECKING:
    from cellctl_sim.marlin.device import Marlin

HOMING_S: Final = {"X": 4.0, "Y": 4.0, "Z": 8.0}
_LONGEST_EXTRUSION_MM: Final = 200.0


@dataclass(slots=True)
class Modes:
    """What commands leave behind for the next ones. `at` is where the queued moves will end, without `shift`.

    `dials`: feed and flow in percent, the fan's duty, by the code that sets them.
    """

    accelerations: tuple[float, float, float]
    relative: bool = False
    e_relative: bool = False
    feed_mm_per_s: float = 25.0
    dials: dict[str, float] = field(default_factory=lambda: {"M220": 100.0, "M221": 100.0, "M106": 0.0})
    at: Vector = ORIGIN
    shift: Vector = ORIGIN
    homed: frozenset[str] = frozenset()

    @property
    def shown(self) -> Vector:
        """The position in the coordinates that G92 has set."""
        return _sum(self.at, self.shift)


def line(board: "Marlin", given: Words, now_s: float) -> None:
    """G0, G1. A free planner block is there."""
    before = board.modes.at
    target = _target(board, given)
    path = straight(before, _extrude(board, before, target, now_s))
    board.modes.at = target
    if path is not None:
        _queue(board, path, now_s)


def bow(board: "Marlin", given: Words, now_s: float, clockwise: bool) -> None:
    """G2, G3: by I and J, or by R."""
    before = board.modes.at
    target = _target(board, given)
    centre = _centre(before, target, dict(given), clockwise)
    if centre is None:
        board.say("Error:G2/G3 bad parameters")
        return
    board.modes.at = target
    _queue(board, arc(before, _extrude(board, before, target, now_s), centre, clockwise), now_s)


def home(board: "Marlin", letters: Mapping[str, float]) -> Task:
    """G28: seconds of nothing but busy, then a position report."""
    modes = board.modes
    axes = [axis for axis in "XYZ" if axis in letters] or list("XYZ")
    now_s = yield Wait.REST
    board.printer.moving(True, now_s)
    now_s = yield now_s + sum(HOMING_S[axis] for axis in axes)
    x, y, z = (0.0 if axis in axes else where for axis, where in zip("XYZ", modes.at, strict=False))
    modes.at = (x, y, z, modes.at[3])
    modes.shift = ORIGIN
    modes.homed |= set(axes)
    board.planner.place(modes.at)
    board.printer.moving(False, now_s)
    board.say(reports.position(modes.shown, modes.at))


def renumber(board: "Marlin", letters: Mapping[str, float]) -> None:
    """G92: this point has these coordinates. No letter: all zero."""
    modes = board.modes
    wanted = letters if any(axis in letters for axis in "XYZE") else dict.fromkeys("XYZE", 0.0)
    x, y, z, e = (wanted.get(axis, shown) for axis, shown in zip("XYZE", modes.shown, strict=True))
    modes.at = (*modes.at[:3], e)  # the extruder has no home: its own counter is set
    modes.shift = (x - modes.at[0], y - modes.at[1], z - modes.at[2], 0.0)


def _target(board: "Marlin", given: Words) -> Vector:
    """Where the words lead; F is remembered."""
    modes = board.modes
    x, y, z, e = modes.at
    relative, shift = modes.relative, modes.shift
    for letter, value in given:
        if letter == "X":
            x = x + value if relative else value - shift[0]
        elif letter == "Y":
            y = y + value if relative else value - shift[1]
        elif letter == "E":
            e = e + value if modes.e_relative else value
        elif letter == "F":
            if value > 0:
                modes.feed_mm_per_s = value / 60
        elif letter == "Z":
            z = z + value if relative else value - shift[2]
    return _within(board, (x, y, z, e)) if modes.homed else (x, y, z, e)


def _within(board: "Marlin", target: Vector) -> Vector:
    """Software endstops: they bind homed axes only, and silently."""
    homed, size = board.modes.homed, board.printer.config.size_mm
    x, y, z, e = target
    if "X" in homed and not 0 <= x <= size[0]:
        x = min(max(x, 0.0), size[0])
    if "Y" in homed and not 0 <= y <= size[1]:
        y = min(max(y, 0.0), size[1])
    if "Z" in homed and not 0 <= z <= size[2]:
        z = min(max(z, 0.0), size[2])
    return x, y, z, e


def _extrude(board: "Marlin", before: Vector, target: Vector, now_s: float) -> Vector:
    """The target, without its E if the nozzle is cold or the piece too long: E counts on, but does not move."""
    if target[3] == before[3]:
        return target
    if board.printer.nozzle.celsius(now_s) < board.coldest_celsius:
        board.say("echo: cold extrusion prevented")
    elif abs(target[3] - before[3]) > _LONGEST_EXTRUSION_MM:
        board.say("echo: too long extrusion prevented")
    else:
        return target
    return (*target[:3], before[3])


def _queue(board: "Marlin", path: Path, now_s: float) -> None:
    modes = board.modes
    printing, retract, travel = modes.accelerations
    extruded = path.end[3] - path.start[3]
    in_plane = path.heading[0] != 0 or path.heading[1] != 0
    acceleration = travel
    if extruded:
        acceleration = printing if in_plane or path.heading[2] else retract
    feed_mm_per_s = modes.feed_mm_per_s * modes.dials["M220"] / 100
    board.planner.add(path, feed_mm_per_s, now_s, acceleration, tag=extruded > 0 and in_plane)


def _centre(start: Vector, end: Vector, letters: dict[str, float], clockwise: bool) -> tuple[float, float] | None:
    """The centre of an arc; None if the words do not give one."""
    if "R" not in letters:
        i, j = letters.get("I", 0.0), letters.get("J", 0.0)
        return (start[0] + i, start[1] + j) if i or j else None
    radius, dx, dy = letters["R"], end[0] - start[0], end[1] - start[1]
    chord = math.hypot(dx, dy)
    if not chord or abs(radius) < chord / 2:
        return None
    away = math.sqrt(radius * radius - chord * chord / 4) * (-1 if clockwise == (radius > 0) else 1)
    return start[0] + dx / 2 - away * dy / chord, start[1] + dy / 2 + away * dx / chord


def _sum(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]
