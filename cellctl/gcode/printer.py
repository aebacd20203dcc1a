"""A printer in the middle of a program: where it stands, what its modes are, and what a move does to them."""

import math
from dataclasses import dataclass, field
from typing import Final

from cellctl.gcode.arcs import PLANES, BadArc, arc, centre_by_radius
from cellctl.gcode.estimate import Estimate
from cellctl.gcode.extruder import Extruder
from cellctl.gcode.heaters import Heaters
from cellctl.gcode.letters import Arguments
from cellctl.gcode.rules import AXES, MachineRules, Point
from cellctl.gcode.track import Track
from cellctl.gcode.verdict import Findings, Reason

_FIRST_FEED_MM_PER_S: Final = 25.0  # what Marlin takes before the first F


@dataclass(slots=True)
class PrinterModes:
    """What codes leave behind for the next ones. `shift`: machine coordinates less those of the program (G92).

    `slopes`: accelerations along the path for printing, retracting and travelling.
    """

    slopes: tuple[float, float, float]
    relative: bool = False
    shift: Point = (0.0, 0.0, 0.0)
    feed_mm_per_s: float = _FIRST_FEED_MM_PER_S
    feed_scale: float = 1.0
    fastest_mm_per_min: float = 0.0
    tools: set[int] = field(default_factory=set)


class Printer:
    """One machine with Marlin, as far as a program can tell."""

    __slots__ = ("estimate", "extruder", "findings", "heaters", "modes", "rules", "track")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        limits, pace = rules.limits, rules.limits.pace
        self.rules = rules
        self.findings = findings
        self.track = Track(limits.envelope, findings)
        self.estimate = Estimate(pace)
        self.heaters = Heaters(limits.heat, findings)
        self.extruder = Extruder(limits.heat, self.heaters, findings, min(rules.tools, default=0))
        self.modes = PrinterModes(
            (pace.acceleration_mm_per_s2, pace.retract_acceleration_mm_per_s2, pace.travel_acceleration_mm_per_s2)
        )

    @property
    def settled(self) -> bool:
        """Homed, standing at a known place, counting from zero: a plain move can only go wrong in where it leads."""
        return not self.modes.relative and self.track.known and len(self.track.homed) == len(AXES)

    def plain_move(self, words: tuple[str | None, ...]) -> None:
        """A move while settled: the numbers of F, X, Y, Z, E and F again, as they stand in the line."""
        first_f, x, y, z, e, f = words
        if f or first_f:
            self.feed(float(f or first_f or 0))
        here, shift = self.track.at, self.modes.shift
        self._go(
            here[0] if x is None else float(x) + shift[0],
            here[1] if y is None else float(y) + shift[1],
            here[2] if z is None else float(z) + shift[2],
            0.0 if e is None else self.extruder.pull(float(e)),
        )

    def move(self, given: Arguments) -> None:
        """G0, G1."""
        target = self._target(given)
        if target is not None:
            e = given.get("E")
            self._go(*target, 0.0 if e is None else self.extruder.pull(e))

    def bow(self, given: Arguments, clockwise: bool) -> None:
        """G2, G3, in the plane of X and Y."""
        start = self.track.at
        end = self._target(given)
        if end is None:
            return
        e = given.get("E")
        pulled = 0.0 if e is None else self.extruder.pull(e)
        try:
            bow = arc(start, end, PLANES["G17"], _centre(start, end, given, clockwise), clockwise)
        except BadArc as mistake:
            self._refuse_arc(str(mistake))
            self.track.at = end
            return
        self.track.bend(bow)
        slopes, modes = self.modes.slopes, self.modes
        self.estimate.arc(bow, pulled, modes.feed_mm_per_s * modes.feed_scale, slopes[0] if pulled else slopes[2])

    def feed(self, feed_mm_per_min: float) -> None:
        """An F word."""
        most = self.rules.limits.pace.feed_ceiling_mm_per_min
        modes = self.modes
        if feed_mm_per_min <= 0:
            found = f"F{feed_mm_per_min:g}"
            self.findings.refuse_word(Reason.OUT_OF_RANGE, "F", found, "a feed is above 0", "Give a feed")
        elif feed_mm_per_min > most:
            allowed = f"this machine may go as fast as {most:g} mm/min"
            found = f"a feed of {feed_mm_per_min:g} mm/min"
            self.findings.refuse_word(Reason.FEED_TOO_HIGH, "F", found, allowed, "Lower the speeds in the profile")
        else:
            modes.feed_mm_per_s = feed_mm_per_min / 60
            modes.fastest_mm_per_min = max(modes.fastest_mm_per_min, feed_mm_per_min)

    def homed(self, letter: str) -> bool:
        """Whether this axis knows where it is. A program that needs it and has not seen to it is refused."""
        if letter in self.track.homed:
            return True
        self.findings.refuse_word(
            Reason.NOT_HOMED, letter, f"{letter} is used before homing", "a program homes first", "Put G28 before it"
        )
        return False

    def known(self, letter: str) -> bool:
        """Whether it is known where this axis stands. A program that needs it is refused."""
        if not math.isnan(self.track.at[AXES.index(letter)]):
            return True
        self.findings.refuse_word(
            Reason.POSITION_UNKNOWN,
            letter,
            f"{letter} counts from where nobody knows",
            "relative moves, arcs and G92 need a known position",
            "Put an absolute move (G90) before it",
        )
        return False

    # ---- inside --------------------------------------------------------------------------------------------------

    def _target(self, given: Arguments) -> Point | None:
        """Where the words lead; None if nobody can know."""
        if (feed := given.get("F")) is not None:
            self.feed(feed)
        relative, shift = self.modes.relative, self.modes.shift
        at = list(self.track.at)
        for axis, letter in enumerate(AXES):
            value = given.get(letter)
            if value is None:
                continue
            if not self.homed(letter) or (relative and not self.known(letter)):
                return None
            at[axis] = at[axis] + value if relative else value + shift[axis]
        return at[0], at[1], at[2]

    def _go(self, x: float, y: float, z: float, pulled: float) -> None:
        here, modes = self.track.at, self.modes
        self.track.go(x, y, z)
        dx, dy, dz = x - here[0], y - here[1], z - here[2]
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        if math.isnan(length):  # from where nobody knows: how long it takes is not known either
            dx = dy = dz = length = 0.0
        printing, retract, travel = modes.slopes
        slope = travel if not pulled else printing if length else retract
        self.estimate.line((dx, dy, dz, pulled), length, modes.feed_mm_per_s * modes.feed_scale, slope)

    def _refuse_arc(self, mistake: str) -> None:
        self.findings.refuse(
            Reason.BAD_ARC,
            f"this is no arc: {mistake}",
            "an arc has R, or I and J that fit",
            "Let the slicer write it anew, or as straight moves",
        )


def _centre(start: Point, end: Point, given: Arguments, clockwise: bool) -> tuple[float, float]:
    """The centre, from the start. Raises BadArc."""
    if math.isnan(sum((*start, *end))):
        raise BadArc("nobody knows where it begins")
    i, j, radius = given.get("I"), given.get("J"), given.get("R")
    if (radius is None) == (i is None and j is None):
        raise BadArc("it needs either R, or I and J")
    if radius is not None:
        return centre_by_radius((end[0] - start[0], end[1] - start[1]), radius, clockwise)
    return i or 0.0, j or 0.0
