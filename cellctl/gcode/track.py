"""Where a program takes the axes, in machine coordinates, held against the machine's envelope."""

import math
from typing import Final

from cellctl.gcode.arcs import Arc
from cellctl.gcode.rules import AXES, Envelope, Point
from cellctl.gcode.verdict import Box, Findings, Reason

# Sums of relative moves and inches are not exact.
_TOLERANCE_MM: Final = 1e-4
_ADVICE: Final = {
    "X": "Move the part in X, or the work offset",
    "Y": "Move the part in Y, or the work offset",
    "Z": "Lower the part or its clearance height, or set the work offset anew",
}


class Track:
    """The position, and how far it has reached. An axis is nan while nobody knows where it stands."""

    __slots__ = ("_envelope", "_findings", "at", "homed", "least", "most")

    def __init__(self, envelope: Envelope, findings: Findings) -> None:
        self.at: Point = envelope.starts_at_mm or (math.nan, math.nan, math.nan)
        self.homed: set[str] = set() if envelope.homes_itself else set(AXES)
        self.least = [math.inf] * 3
        self.most = [-math.inf] * 3
        self._envelope = envelope
        self._findings = findings

    @property
    def known(self) -> bool:
        """Whether the position is known on all axes."""
        return not math.isnan(sum(self.at))

    @property
    def box(self) -> Box | None:
        """Around everything so far; an axis that never moved takes no room."""
        if self.least == [math.inf] * 3:
            return None
        pairs = [(a, b) if a <= b else (0.0, 0.0) for a, b in zip(self.least, self.most, strict=True)]
        (x0, x1), (y0, y1), (z0, z1) = pairs
        return Box((x0, y0, z0), (x1, y1, z1))

    def go(self, x: float, y: float, z: float) -> None:
        """Straight to there."""
        least, most = self.least, self.most
        if not (least[0] <= x <= most[0] and least[1] <= y <= most[1] and least[2] <= z <= most[2]):
            self.reach((x, y, z))
        self.at = x, y, z

    def bend(self, arc: Arc) -> None:
        """Along an arc."""
        self.reach(arc.least)
        self.reach(arc.most)
        self.at = arc.end

    def reach(self, point: Point) -> None:
        """The axes come by this point. One outside the envelope is refused, and leaves the box as it was."""
        limits = self._envelope
        for axis, where in enumerate(point):
            low, high = limits.least_mm[axis], limits.most_mm[axis]
            if low - _TOLERANCE_MM <= where <= high + _TOLERANCE_MM:
                self.least[axis] = min(self.least[axis], where)
                self.most[axis] = max(self.most[axis], where)
            elif not math.isnan(where):
                self._refuse(AXES[axis], where, low, high)

    def home(self, axes: str) -> None:
        """These axes have found their switches."""
        self.homed.update(axes)
        x, y, z = (
            home if axis in axes else here
            for axis, home, here in zip(AXES, self._envelope.home_mm, self.at, strict=True)
        )
        self.at = x, y, z

    def forget(self) -> None:
        """The machine has gone somewhere by itself; it knows where, and nobody else does."""
        self.at = (math.nan, math.nan, math.nan)

    def lose(self) -> None:
        """The motors are off: nobody knows where the axes stand until they have homed."""
        self.forget()
        if self._envelope.homes_itself:
            self.homed.clear()

    def _refuse(self, axis: str, where: float, low: float, high: float) -> None:
        self._findings.refuse_word(
            Reason.OUT_OF_TRAVEL,
            axis,
            f"{axis} would come to {where:.3f} mm (machine coordinates)",
            f"this machine reaches from {low:g} to {high:g}",
            _ADVICE[axis],
        )
