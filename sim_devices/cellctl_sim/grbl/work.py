"""How a checked block is carried out, step after step (gcode.c, motion_control.c).

Every function here is a Task or a part of one: it yields where Grbl's main loop would wait.
"""

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from cellctl_sim.board import Task, Wait
from cellctl_sim.grbl import reports
from cellctl_sim.grbl.blocks import Axes
from cellctl_sim.grbl.cycle import State
from cellctl_sim.grbl.memory import G28, G30, Point
from cellctl_sim.grbl.mishaps import Mishap
from cellctl_sim.grbl.parser import Step, system_of
from cellctl_sim.grbl.router import Tag
from cellctl_sim.motion import Hold
from cellctl_sim.paths import Path, Vector, arc, straight

if TYPE_CHECKING:
    from cellctl_sim.grbl.device import Grbl

Stage = Generator[Wait | float, float, float]
"""A part of a Task; its value is the instant at which it was done."""

_ARC_SAMPLES: Final = 24
# How long grblHAL waits for a spindle that says when it is at its speed.
_SPIN_UP_S: Final = 4.0
_RESET_MODES: Final = {"motion": 1.0, "plane": 17.0, "distance": 90.0, "feed_mode": 94.0, "system": 0.0}
# These only change the parser; everything else makes a block more than a plain move.
_PLAIN: Final = frozenset({"motion", "plane", "units", "distance", "feed_mode", "arc_distance", "cutter", "path"})


def begin(board: "Grbl", step: Step, now_s: float) -> Task | None:
    """Carry out a block; what of it has to wait is returned. Nearly all blocks are plain moves."""
    values = step.block.values
    plain = step.motion in (0, 1) and step.block.commands.keys() <= _PLAIN and not ("S" in values or "T" in values)
    path = None
    if plain and step.axes is Axes.MOTION:
        path = straight((*board.modes.position, 0.0), (*step.target, 0.0))
        plain = board.cycle.state is State.IDLE and not (path is not None and leaves_travel(board, path))
    if not plain:
        return perform(board, step, now_s)
    set_modes(board, step)
    if path is None:
        return None
    board.modes.position = step.target
    feed_mm_per_s = speed(board, path, math.inf if step.motion == 0 else step.feed)
    if board.planner.free:
        board.planner.add(path, feed_mm_per_s, now_s, tag=Tag(step.motion != 0, step.block.number))
        return None
    return _add_later(board, path, feed_mm_per_s)


def _add_later(board: "Grbl", path: Path, feed_mm_per_s: float) -> Task:
    now_s = yield Wait.ROOM
    board.planner.add(path, feed_mm_per_s, now_s, tag=Tag(feed_mm_per_s != math.inf, board.modes.line))


def set_modes(board: "Grbl", step: Step) -> None:
    """What the parser remembers of a block."""
    groups = board.modes.groups
    for group, value in step.block.commands.items():
        if group in groups and group not in ("spindle", "coolant", "system"):
            groups[group] = value
    board.modes.feed = step.feed
    board.modes.line = step.block.number


def perform(board: "Grbl", step: Step, now_s: float) -> Task:
    """A whole block, in Grbl's order of execution."""
    set_modes(board, step)
    now_s = yield from _change_tool(board, step, now_s)
    now_s = yield from _spindle(board, step, now_s)
    commands, code = step.block.commands, step.block.non_modal
    if commands.get("coolant", board.modes.groups["coolant"]) != board.modes.groups["coolant"]:
        now_s = yield Wait.REST
        board.modes.groups["coolant"] = commands["coolant"]
    if code == 4 and board.cycle.state is not State.CHECK:
        now_s = yield Wait.REST
        now_s = yield now_s + step.block.values["P"]
    now_s = yield from _offsets(board, step, now_s)
    if code in (28, 30):
        if step.axes is Axes.NON_MODAL:
            now_s = yield from line(board, step.target, math.inf, now_s)
        now_s = yield from line(board, step.point, math.inf, now_s)
    if step.axes is Axes.MOTION:
        now_s = yield from _move(board, step, now_s)
    if "flow" in commands:
        yield from _flow(board, commands["flow"], now_s)


def line(board: "Grbl", target: Point, feed_mm_per_min: float, now_s: float) -> Stage:
    """A straight move, inf for a rapid; waits for a free planner block."""
    path = straight((*board.modes.position, 0.0), (*target, 0.0))
    now_s = yield from _plan(board, path, feed_mm_per_min, now_s)
    board.modes.position = target
    return now_s


def go_home(board: "Grbl", now_s: float) -> Task:
    """$H: not a word until it is done; then what was asked meanwhile is answered."""
    board.begin_homing(now_s)
    board.router.moving(True, now_s)
    now_s = yield now_s + board.router.homing_s(_point(board.planner.position(now_s)), board.memory)
    if Mishap.HOMING in board.defects:
        board.fail_homing(9, now_s)
        yield math.inf
    off_mm = -board.memory.settings[27]
    board.modes.position = (off_mm, off_mm, off_mm)
    board.planner.place((off_mm, off_mm, off_mm, 0.0))
    board.router.homed = True
    board.router.moving(False, now_s)
    board.cycle.state = State.IDLE
    board.report_if_asked(now_s)


# ---- inside ------------------------------------------------------------------------------------------------------


def _spindle(board: "Grbl", step: Step, now_s: float) -> Stage:
    """Every change of a spindle's state, and of the speed of a turning one, waits for the motion before it."""
    modes, values = board.modes, step.block.values
    speed, modes.tool = values.get("S", modes.speed), int(values.get("T", modes.tool))
    turns = step.block.commands.get("spindle", modes.groups["spindle"])
    if turns != modes.groups["spindle"] or (speed != modes.speed and turns != 5):
        if board.cycle.state is not State.CHECK:
            now_s = yield Wait.REST
        modes.groups["spindle"], modes.speed = turns, speed
        board.turn_spindle(now_s)
        if Mishap.SPINDLE in board.defects and turns != 5 and board.cycle.state is not State.CHECK:
            now_s = yield now_s + _SPIN_UP_S
            board.alarm(14, now_s)
    modes.speed = speed
    return now_s


def _change_tool(board: "Grbl", step: Step, now_s: float) -> Stage:
    """M6 of grblHAL: everything stands, and what comes in waits until a person presses cycle start."""
    if "tool_change" not in step.block.commands or board.cycle.state is State.CHECK:
        return now_s
    now_s = yield Wait.REST
    board.modes.groups["spindle"] = 5.0
    board.turn_spindle(now_s)
    board.cycle.state = State.TOOL
    return (yield Wait.PERSON)


def _offsets(board: "Grbl", step: Step, now_s: float) -> Stage:
    """Tool length, coordinate system, G10, G28.1, G30.1, G92: all that moves the work coordinates."""
    modes, commands, code = board.modes, step.block.commands, step.block.non_modal
    if not ({"tool_length", "system"} & commands.keys() or code in (10, 28.1, 30.1, 92, 92.1)):
        return now_s
    now_s = yield Wait.REST
    if "tool_length" in commands:
        modes.tool_length = step.block.values.get("Z", 0.0) if commands["tool_length"] == 43.1 else 0.0
    modes.groups["system"] = commands.get("system", modes.groups["system"])
    if code in (92, 92.1):
        modes.g92 = step.point
    elif code in (10, 28.1, 30.1):
        index = system_of(step, modes) if code == 10 else (G28 if code == 28.1 else G30)
        board.memory.coordinates[index] = step.point if code == 10 else modes.position
        now_s = yield board.intake.write_eeprom(now_s)
    board.work_changed()
    return now_s


def _move(board: "Grbl", step: Step, now_s: float) -> Stage:
    if step.motion >= 38:
        return (yield from _probe(board, step, now_s))
    if step.motion in (0, 1):
        return (yield from line(board, step.target, math.inf if step.motion == 0 else step.feed, now_s))
    start, end = board.modes.position, step.target
    bend = arc((*start, 0.0), (*end, 0.0), step.centre, step.motion == 2, step.plane)
    now_s = yield from _plan(board, bend, step.feed, now_s)
    board.modes.position = end
    return now_s


def _plan(board: "Grbl", path: Path | None, feed_mm_per_min: float, now_s: float) -> Stage:
    if path is None:
        return now_s
    jogs = board.cycle.state is State.JOG
    if not jogs and leaves_travel(board, path):
        yield from _soft_limit(board, now_s)
    if board.cycle.state is State.CHECK:
        return now_s
    while not board.planner.free:
        now_s = yield Wait.ROOM
        if jogs and path is not None:  # a jog cancel may have made the room, and moved the start
            path = straight((*board.modes.position, 0.0), path.end)
    if path is None:
        return now_s
    tag = Tag(feed_mm_per_min != math.inf, board.modes.line)
    board.planner.add(path, speed(board, path, feed_mm_per_min, jogs), now_s, tag=tag)
    return now_s


def speed(board: "Grbl", path: Path, feed_mm_per_min: float, jogs: bool = False) -> float:
    """mm/s of a feed; in inverse time mode the F word counts moves a minute."""
    if board.modes.groups["feed_mode"] == 93 and not jogs:
        return feed_mm_per_min * path.length_mm / 60
    return feed_mm_per_min / 60


def leaves_travel(board: "Grbl", path: Path) -> bool:
    """Whether soft limits forbid this path; an arc is looked at all along its way.

    grblHAL binds only axes that were homed.
    """
    if not board.memory.settings[20] or (board.memory.grblhal and not board.router.homed):
        return False
    if path.bend is None:
        return board.memory.outside(_point(path.end))
    part_mm = path.length_mm / _ARC_SAMPLES
    return any(board.memory.outside(_point(path.at(part_mm * part))) for part in range(1, _ARC_SAMPLES + 1))


def _soft_limit(board: "Grbl", now_s: float) -> Stage:
    """Brake, then alarm 2; the line gets its ok only when a reset comes."""
    board.planner.hold(now_s)
    while board.planner.holding is Hold.BRAKING:
        now_s = yield board.planner.due_s
        if board.planner.due_s <= now_s:  # it had only just begun
            board.planner.advance(now_s)
    board.alarm(2, now_s)
    while True:
        yield math.inf


def _probe(board: "Grbl", step: Step, now_s: float) -> Stage:
    """G38.x toward the part. Contact ends the move after its braking distance; the report is of the contact."""
    if board.cycle.state is State.CHECK:
        return now_s
    now_s = yield Wait.REST
    start, surface_mm = board.modes.position, board.router.contact_mm()
    wire = board.defects
    if Mishap.PROBE_CLOSED in wire or (surface_mm is not None and start[2] <= surface_mm):
        board.alarm(4, now_s)
        return now_s
    path = straight((*start, 0.0), (*step.target, 0.0))
    part = _contact(step, start, None if Mishap.PROBE_OPEN in wire else surface_mm)
    if path is not None and part <= 1:
        now_s = yield from line(board, _past(board, path, part, step.feed), step.feed, now_s)
        now_s = yield Wait.REST
        board.modes.probed = (_point(path.at(path.length_mm * part)), True)
    else:
        now_s = yield from line(board, step.target, step.feed, now_s)
        now_s = yield Wait.REST
        board.modes.probed = (board.modes.position if step.motion in (38.3, 38.5) else board.modes.probed[0], False)
        if step.motion in (38.2, 38.4):
            board.alarm(5, now_s)
    board.say(reports.probe(board.modes, board.memory))
    return now_s


def _contact(step: Step, start: Point, surface_mm: float | None) -> float:
    """At which part of its way a probe touches the surface; above 1: never. Only downward is anything found."""
    if surface_mm is None or step.target[2] >= start[2] or step.motion > 38.35:
        return 2.0
    return (start[2] - surface_mm) / (start[2] - step.target[2])


def _past(board: "Grbl", path: Path, part: float, feed_mm_per_min: float) -> Point:
    """Where a move stands that begins to brake at this part of its way."""
    limits = board.planner.limits
    braking_mm = (feed_mm_per_min / 60) ** 2 / (2 * max(1.0, min(limits.acceleration_mm_per_s2[:3])))
    return _point(path.at(min(path.length_mm, path.length_mm * part + braking_mm)))


def _flow(board: "Grbl", code: float, now_s: float) -> Task:
    """M0 pauses until `~`; M2 and M30 end the program and restore most modes."""
    now_s = yield Wait.REST
    if code == 0 and board.cycle.state is not State.CHECK:
        board.cycle.hold(now_s)
        yield Wait.PERSON
    elif code in (2, 30):
        board.modes.groups |= _RESET_MODES | {"spindle": 5.0, "coolant": 9.0}
        if board.cycle.state is not State.CHECK:
            board.work_changed()
        board.turn_spindle(now_s)
        board.say("[MSG:Pgm End]")


def _point(at: Vector) -> Point:
    return at[0], at[1], at[2]
