"""A router in the middle of a program: where it stands, what its modes are, and what a move does to them."""

import math
from dataclasses import dataclass, field
from typing import Final

from cellctl.gcode.arcs import PLANES, BadArc, arc, centre_by_radius
from cellctl.gcode.block import Block
from cellctl.gcode.estimate import Estimate
from cellctl.gcode.rules import AXES, Kind, MachineRules, Point
from cellctl.gcode.track import Track
from cellctl.gcode.verdict import Findings, Reason

_NOWHERE: Final[Point] = (0.0, 0.0, 0.0)
_SURFACE_MM: Final = 1e-3
_NO_FEED: Final = 0.0
# What Grbl begins with after a reset, and what M2 and M30 restore (grbl/gcode.c). Units are not among it.
DEFAULTS: Final = {"distance": "G90", "plane": "G17", "feed mode": "G94", "system": "G54"}


@dataclass(slots=True)
class RouterModes:
    """What blocks leave behind for the next ones. `groups`: codes by modal group; units and motion only once stated.

    `stated`: modes that this program has set itself. `feed_mm_per_min`: 0 while none is given; after G93 moves/min.
    """

    groups: dict[str, str] = field(default_factory=lambda: dict(DEFAULTS))
    stated: set[str] = field(default_factory=set)
    scale: float = 1.0
    g92: Point = _NOWHERE
    feed_mm_per_min: float = _NO_FEED
    speed_rpm: float | None = None
    turning: bool = False
    ended: bool = False


@dataclass(slots=True)
class RouterUse:
    """What a program has asked for so far."""

    fastest_mm_per_min: float = 0.0
    fastest_rpm: float = 0.0
    tools: set[int] = field(default_factory=set)


class Router:
    """One machine with Grbl, as far as a program can tell."""

    __slots__ = ("_offset", "estimate", "findings", "modes", "rules", "track", "use")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        self.rules = rules
        self.findings = findings
        self.track = Track(rules.limits.envelope, findings)
        self.estimate = Estimate(rules.limits.pace)
        self.modes = RouterModes()
        self.use = RouterUse()
        self._offset: Point = self.system_offset

    @property
    def settled(self) -> bool:
        """All modes stated, absolute, standing at a known place: a plain move can only go wrong in where it leads."""
        modes = self.modes
        return (
            modes.groups["distance"] == "G90"
            and modes.groups["feed mode"] == "G94"
            and modes.groups.get("motion") in ("G0", "G1")
            and modes.stated >= {"units", "distance"}
            and not modes.ended
            and self.track.known
        )

    @property
    def system_offset(self) -> Point:
        """Where the work coordinate system in force begins, without G92."""
        name = self.modes.groups["system"][1:].replace(".", "")
        return self.rules.limits.envelope.work_offsets_mm.get(int(name), _NOWHERE)

    @property
    def surface_mm(self) -> float:
        """Machine Z of the upper face of the part."""
        return self.system_offset[2] + self.rules.limits.envelope.surface_mm

    def offsets_changed(self) -> None:
        """The work coordinates begin somewhere else from now on."""
        base, more = self.system_offset, self.modes.g92
        self._offset = base[0] + more[0], base[1] + more[1], base[2] + more[2]

    def plain_move(self, words: tuple[str | None, ...]) -> None:
        """A move while settled: the numbers of G (0, 1 or none), X, Y, Z and F as they stand in the line."""
        code, x, y, z, f = words
        modes = self.modes
        if code is not None:
            modes.groups["motion"] = f"G{code}"
        if f is not None:
            self.feed(float(f))
        if x is None and y is None and z is None:
            self.needs_feed(f"G{code}")
            return
        here, offset, scale = self.track.at, self._offset, modes.scale
        self._straight(
            modes.groups["motion"],
            (
                here[0] if x is None else float(x) * scale + offset[0],
                here[1] if y is None else float(y) * scale + offset[1],
                here[2] if z is None else float(z) * scale + offset[2],
            ),
        )

    def move(self, block: Block) -> None:
        """The motion of a block, if it has one."""
        if not block.axes:
            self.needs_feed(block.codes.get("motion", ""))
            return
        target = self.target(block)
        if target is None:
            return
        if block.motion in ("G0", "G1"):
            self._straight(block.motion, target)
        elif block.motion in ("G2", "G3"):
            self._bow(block, target)
        elif block.motion:
            self._straight("G1", target)
            self.estimate.rest()
            self.track.forget()  # a probe stops where it touches

    def rapid(self, target: Point) -> None:
        """As fast as the axes can."""
        self._straight("G0", target)

    def target(self, block: Block) -> Point | None:
        """Where the axis words of a block lead, in machine coordinates. None if nobody can know."""
        machine = block.once == "G53"
        relative = self.modes.groups["distance"] == "G91" and not machine
        if block.axes:
            self.stated()
        at = list(self.track.at)
        for axis, letter in enumerate(AXES):
            value = block.values.get(letter)
            if value is None:
                continue
            if relative and not self.known(letter):
                return None
            start = at[axis] if relative else 0.0 if machine else self._offset[axis]
            at[axis] = start + value * self.modes.scale
        return at[0], at[1], at[2]

    def needs_feed(self, motion: str) -> None:
        """A cutting motion is named; without a feed Grbl refuses it, though it may go nowhere yet."""
        if motion in ("G1", "G2", "G3"):
            self._feed_mm_per_s(0.0)

    def feed(self, feed: float) -> None:
        """An F word in the units in force."""
        feed *= self.modes.scale
        most = self.rules.limits.pace.feed_ceiling_mm_per_min
        if feed > most:
            found = f"a feed of {feed:g} mm/min"
            allowed = f"this machine may go as fast as {most:g} mm/min"
            self.findings.refuse_word(Reason.FEED_TOO_HIGH, "F", found, allowed, "Lower the feed in the CAM program")
        self.modes.feed_mm_per_min = feed
        self.use.fastest_mm_per_min = max(self.use.fastest_mm_per_min, feed)

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

    def stated(self) -> None:
        """Axis words mean something only once the program has said how they count."""
        self._state("distance", "G90 (absolute) or G91 (relative)")
        self._state("units", "G21 (mm) or G20 (inches)")

    # ---- inside --------------------------------------------------------------------------------------------------

    def _straight(self, motion: str, target: Point) -> None:
        here = self.track.at
        x, y, z = target
        self.track.go(x, y, z)
        dx, dy, dz = x - here[0], y - here[1], z - here[2]
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        if math.isnan(length):  # from where nobody knows: how long it takes is not known either
            length = 0.0
        self._check_cut(min(here[2], z), lifts=dz > 0 and not dx and not dy)
        feed = math.inf if motion == "G0" else self._feed_mm_per_s(length)
        if length:
            self.estimate.line((dx, dy, dz, 0.0), length, feed)

    def _bow(self, block: Block, target: Point) -> None:
        clockwise = block.motion == "G2"
        plane = PLANES[self.modes.groups["plane"]]
        try:
            bow = arc(self.track.at, target, plane, self._centre(block, target, plane, clockwise), clockwise)
        except BadArc as mistake:
            self.findings.refuse(
                Reason.BAD_ARC,
                f"this is no arc: {mistake}",
                "an arc has R, or those of I, J and K that belong to its plane",
                "Let the CAM program write it anew, or as straight moves",
            )
            self.track.at = target
            return
        self.track.bend(bow)
        self._check_cut(bow.least[2], lifts=False)
        self.estimate.arc(bow, 0.0, self._feed_mm_per_s(bow.length_mm))

    def _centre(self, block: Block, target: Point, plane: tuple[int, int], clockwise: bool) -> tuple[float, float]:
        """The centre of an arc from its start. Raises BadArc."""
        start, values, scale = self.track.at, block.values, self.modes.scale
        if math.isnan(sum((*start, *target))):
            raise BadArc("nobody knows where it begins")
        first, second = ("IJK"[axis] for axis in plane)
        if any(values.get(letter) for letter in "IJK" if letter not in (first, second)):
            raise BadArc(f"in the plane {self.modes.groups['plane']} its centre is given by {first} and {second}")
        by_centre = first in values or second in values
        if by_centre == ("R" in values) or not any(AXES[axis] in values for axis in plane):
            raise BadArc(f"it needs an end in its plane, and either R, or {first} and {second}")
        if by_centre:
            return values.get(first, 0.0) * scale, values.get(second, 0.0) * scale
        away = target[plane[0]] - start[plane[0]], target[plane[1]] - start[plane[1]]
        return centre_by_radius(away, values["R"] * scale, clockwise)

    def _feed_mm_per_s(self, length_mm: float) -> float:
        """The feed that holds for a cut; one that was never given is refused."""
        modes = self.modes
        if modes.feed_mm_per_min <= 0:
            self.findings.refuse(
                Reason.MISSING_FEED, "a cut without a feed", "the first G1, G2 or G3 has an F", "Put an F on the line"
            )
            return 1.0
        if modes.groups["feed mode"] == "G93":  # F counts how many such moves there are in a minute
            return length_mm * modes.feed_mm_per_min / 60
        return modes.feed_mm_per_min / 60

    def _check_cut(self, lowest_mm: float, *, lifts: bool) -> None:
        """Below the surface of the part a tool turns, except when it is lifted out."""
        modes = self.modes
        if modes.turning or lifts or self.rules.kind is not Kind.MILL:
            return
        if lowest_mm < self.surface_mm - _SURFACE_MM:
            self.findings.refuse_word(
                Reason.SPINDLE_OFF,
                "Z",
                "a move below the surface of the part with the spindle at a stand",
                "below the work Z0 the spindle turns",
                "Put M3 with S before it, or raise the move",
            )

    def _state(self, group: str, codes: str) -> None:
        if group in self.modes.stated:
            return
        self.modes.stated.add(group)  # once is enough
        reason = Reason.UNITS_NOT_STATED if group == "units" else Reason.MODE_NOT_STATED
        self.findings.refuse(
            reason, f"a move before its {group} is stated", f"{codes} comes first", "State it at the beginning"
        )
