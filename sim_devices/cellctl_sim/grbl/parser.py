"""What a block means in the present state: the checks of gcode.c in their order, then a Step to be done.

Nothing changes while a block is checked; a refused line leaves the state as it was.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from cellctl_sim.grbl.blocks import Axes, Block, read
from cellctl_sim.grbl.memory import AXES, G28, G30, NOWHERE, Memory, Point, Refused

MM_PER_INCH: Final = 25.4
_PLANES: Final = {17.0: (0, 1), 18.0: (2, 0), 19.0: (1, 2)}
_JOG_GROUPS: Final = frozenset({"distance", "units", "non_modal"})
_SYSTEMS: Final = 6
_MOTION_ONLY: Final = frozenset({"motion"})
_MOVE_WORDS: Final = frozenset("XYZF")


@dataclass(slots=True)
class Modes:
    """The parser's state. `position` is where the queued moves end, in machine coordinates.

    `line` is the number of the line in work. `refused`: grblHAL refuses every further line with this error.
    """

    groups: dict[str, float] = field(
        default_factory=lambda: {
            "motion": 0.0,
            "system": 0.0,
            "plane": 17.0,
            "units": 21.0,
            "distance": 90.0,
            "feed_mode": 94.0,
            "spindle": 5.0,
            "coolant": 9.0,
        }
    )
    feed: float = 0.0
    speed: float = 0.0
    tool: int = 0
    position: Point = NOWHERE
    g92: Point = NOWHERE
    tool_length: float = 0.0
    probed: tuple[Point, bool] = (NOWHERE, False)
    line: int = 0
    refused: int = 0

    def offset(self, memory: Memory, system: int | None = None) -> Point:
        """WCO, what machine coordinates are ahead of work coordinates; in the system in force, or in this one."""
        x, y, z = memory.coordinates[int(self.groups["system"]) if system is None else system]
        return x + self.g92[0], y + self.g92[1], z + self.g92[2] + self.tool_length


@dataclass(slots=True)
class Step:
    """A checked block. `target` is where its axis words lead, `point` what G10, G28, G30 or G92 need.

    `axes` is NONE where a motion command came without axis words. `centre` and `plane` are an arc's.
    """

    block: Block
    axes: Axes
    motion: float
    feed: float
    target: Point
    point: Point = NOWHERE
    centre: tuple[float, float] = (0.0, 0.0)
    plane: tuple[int, int] = (0, 1)


class _Check:
    """One block against one state. `used` are the letters that found a use."""

    def __init__(self, block: Block, modes: Modes, memory: Memory, jog: bool) -> None:
        self.block = block
        self.modes = modes
        self.memory = memory
        self.jog = jog
        self.used = set("NF" if jog else "NFST")
        self.scale = MM_PER_INCH if self.group("units") == 20 else 1.0
        words = block.axis_words
        axes = Axes.MOTION if words and block.axes is Axes.NONE else block.axes
        motion = 1.0 if jog else self.group("motion")
        self.step = Step(block, axes, motion, 0.0, modes.position)

    def group(self, name: str) -> float:
        """A modal group's value once this block is in force."""
        return self.block.commands.get(name, self.modes.groups[name])

    def value(self, letter: str) -> float:
        """A word in millimetres."""
        return self.block.values.get(letter, 0.0) * self.scale


def understand(text: str, modes: Modes, memory: Memory, jog: bool = False) -> Step:
    """Read and check a line. Raises Refused."""
    block = read(text)
    if "tool_change" in block.commands and not memory.grblhal:
        raise Refused(20)
    if not jog and block.commands.keys() <= _MOTION_ONLY and block.values.keys() <= _MOVE_WORDS:
        step = _plain_move(block, modes, memory)
        if step is not None:
            return step
    check = _Check(block, modes, memory, jog)
    check.step.feed = _feed(check)
    _dwell(check)
    _tool_length(check)
    _non_modal(check)
    _motion(check)
    _unused(check)
    if jog:
        _jog(check)
    return check.step


def _plain_move(block: Block, modes: Modes, memory: Memory) -> Step | None:
    """What nearly all lines are: G0 or G1 to X, Y, Z in millimetres, absolute. The same result, sooner."""
    groups, values = modes.groups, block.values
    motion = block.commands.get("motion", groups["motion"])
    feed = values.get("F", modes.feed)
    usual = groups["units"] == 21 and groups["distance"] == 90 and groups["feed_mode"] == 94
    if not usual or motion > 1 or not block.axis_words or not (motion == 0 or feed):
        return None
    x, y, z = modes.position
    offset = modes.offset(memory)
    if "X" in values:
        x = values["X"] + offset[0]
    if "Y" in values:
        y = values["Y"] + offset[1]
    if "Z" in values:
        z = values["Z"] + offset[2]
    return Step(block, Axes.MOTION, motion, feed, (x, y, z))


def _feed(check: _Check) -> float:
    """The feed that will be in force; in inverse time mode (G93) it is 1/min and of this block alone."""
    values = check.block.values
    if check.jog:
        if "F" not in values:
            raise Refused(22)
        return check.value("F")
    if check.group("feed_mode") == 93:
        moves = check.step.axes is Axes.MOTION and check.step.motion not in (0, 80)
        if moves and "F" not in values:
            raise Refused(22)
        return values.get("F", 0.0)
    if "F" in values:
        return check.value("F")
    return check.modes.feed if check.modes.groups["feed_mode"] == 94 else 0.0


def _dwell(check: _Check) -> None:
    if check.block.non_modal == 4:
        if "P" not in check.block.values:
            raise Refused(28)
        check.used.add("P")


def _tool_length(check: _Check) -> None:
    if check.block.commands.get("tool_length") == 43.1 and check.block.axis_words != {"Z"}:
        raise Refused(37)


def _non_modal(check: _Check) -> None:
    code = check.block.non_modal
    if code == 10:
        _set_coordinates(check)
    elif code == 92:
        _set_g92(check)
    elif check.block.axis_words and check.step.axes is not Axes.TOOL_LENGTH:
        check.step.target = _target(check)
    if code in (28, 30):
        _predefined(check, G28 if code == 28 else G30)
    elif code == 53 and check.step.motion not in (0, 1):
        raise Refused(30)


def _target(check: _Check) -> Point:
    """Where the axis words lead, in machine coordinates."""
    here, values = check.modes.position, check.block.values
    absolute, machine = check.group("distance") == 90, check.block.non_modal == 53
    offset = NOWHERE
    if absolute and not machine:
        offset = check.modes.offset(check.memory, int(check.group("system")))
    at = list(here)
    for axis, letter in enumerate(AXES):
        if letter in values:
            start = here[axis] if not absolute and not machine else offset[axis]
            at[axis] = start + values[letter] * check.scale
    return at[0], at[1], at[2]


def _set_coordinates(check: _Check) -> None:
    """G10 L2 and L20: the new offset of one coordinate system."""
    values, modes = check.block.values, check.modes
    if not check.block.axis_words:
        raise Refused(26)
    if "P" not in values and "L" not in values:
        raise Refused(28)
    if int(values.get("P", 0)) > _SYSTEMS:
        raise Refused(29)
    if values.get("L") not in (2, 20) or (values.get("L") == 2 and "R" in values):
        raise Refused(20)
    check.used |= {"L", "P"}
    shift = (modes.g92[0], modes.g92[1], modes.g92[2] + modes.tool_length)
    new = list(check.memory.coordinates[system_of(check.step, modes)])
    for axis, letter in enumerate(AXES):
        if letter in values:
            here = modes.position[axis] - shift[axis] if values["L"] == 20 else 0.0
            new[axis] = here - check.value(letter) if values["L"] == 20 else check.value(letter)
    check.step.point = new[0], new[1], new[2]


def system_of(step: Step, modes: Modes) -> int:
    """The coordinate system that a G10 sets: P, or the one in force for P0 and no P."""
    chosen = int(step.block.values.get("P", 0))
    return chosen - 1 if chosen else int(step.block.commands.get("system", modes.groups["system"]))


def _set_g92(check: _Check) -> None:
    if not check.block.axis_words:
        raise Refused(26)
    modes = check.modes
    x, y, z = check.memory.coordinates[int(check.group("system"))]
    base = (x, y, z + modes.tool_length)
    new = list(modes.g92)
    for axis, letter in enumerate(AXES):
        if letter in check.block.values:
            new[axis] = modes.position[axis] - base[axis] - check.value(letter)
    check.step.point = new[0], new[1], new[2]


def _predefined(check: _Check, index: int) -> None:
    """G28 and G30: by way of the axis words to the stored place, on those axes alone if there are any."""
    words, stored, here = check.block.axis_words, check.memory.coordinates[index], check.modes.position
    if not words:
        check.step.axes = Axes.NONE
        check.step.point = stored
        return
    x, y, z = (there if letter in words else at for letter, there, at in zip(AXES, stored, here, strict=True))
    check.step.point = x, y, z


def _motion(check: _Check) -> None:
    step, words = check.step, check.block.axis_words
    if step.motion == 80:
        if words:
            raise Refused(31)
        return
    if step.axes is not Axes.MOTION:
        return
    if step.motion != 0 and step.feed == 0:
        raise Refused(22)
    if step.motion in (0, 1):
        if not words:
            step.axes = Axes.NONE
    elif step.motion in (2, 3):
        _arc(check)
    else:
        _probe(check)


def _probe(check: _Check) -> None:
    if not check.block.axis_words:
        raise Refused(26)
    if check.step.target == check.modes.position:
        raise Refused(33)


def _arc(check: _Check) -> None:
    step, values, words = check.step, check.block.values, check.block.axis_words
    step.plane = first, second = _PLANES[check.group("plane")]
    if not words:
        raise Refused(26)
    if not words & {AXES[first], AXES[second]}:
        raise Refused(32)
    here, there = check.modes.position, step.target
    dx, dy = there[first] - here[first], there[second] - here[second]
    if "R" in values:
        check.used.add("R")
        i, j = _centre_by_radius(dx, dy, check.value("R"), step.motion == 2, here == there)
    else:
        i, j = _centre_by_offsets(check, dx, dy)
    step.centre = here[first] + i, here[second] + j


def _centre_by_radius(dx: float, dy: float, radius: float, clockwise: bool, nowhere: bool) -> tuple[float, float]:
    chord = math.hypot(dx, dy)
    if nowhere or not chord:
        raise Refused(33)
    if abs(radius) < chord / 2:
        raise Refused(34)
    # A negative radius asks for the long way round.
    away = math.sqrt(radius * radius - chord * chord / 4) * (-1 if clockwise == (radius > 0) else 1)
    return dx / 2 - away * dy / chord, dy / 2 + away * dx / chord


def _centre_by_offsets(check: _Check, dx: float, dy: float) -> tuple[float, float]:
    letters = ["IJK"[axis] for axis in check.step.plane]
    if not any(letter in check.block.values for letter in letters):
        raise Refused(35)
    check.used |= {"I", "J", "K"}
    i, j = (check.value(letter) for letter in letters)
    radius = math.hypot(i, j)
    apart = abs(math.hypot(dx - i, dy - j) - radius)
    if apart > 0.5 or (apart > 0.005 and apart > 0.001 * radius):
        raise Refused(33)
    return i, j


def _unused(check: _Check) -> None:
    used = check.used | {"X", "Y", "Z"} if check.step.axes is not Axes.NONE else check.used
    if check.block.values.keys() - used:
        raise Refused(36)


def _jog(check: _Check) -> None:
    """Only distance mode, units and G53 go with $J=."""
    if check.block.commands.keys() - _JOG_GROUPS or check.block.non_modal not in (0, 53):
        raise Refused(16)
    settings = check.memory.settings
    if settings[20] and check.memory.outside(check.step.target):
        raise Refused(15)
