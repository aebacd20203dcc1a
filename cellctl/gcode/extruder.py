"""The filament of a printer: how much of it a program moves, and whether it may."""

import math
from typing import Final

from cellctl.gcode.heaters import Heaters
from cellctl.gcode.rules import Heat
from cellctl.gcode.verdict import Findings, Reason

_SLACK_MM: Final = 1e-4


class Extruder:
    """Counts E. `at`: as the program does, nan until G92 says; `used_mm`: the most that was out at one time."""

    __slots__ = ("_findings", "_heaters", "_longest_mm", "_out_mm", "_stated", "at", "relative", "tool", "used_mm")

    def __init__(self, heat: Heat | None, heaters: Heaters, findings: Findings, tool: int) -> None:
        self.at = math.nan
        self.relative: bool | None = None  # None: the program has not said
        self._stated: bool | None = None
        self.tool = tool
        self.used_mm = 0.0
        self._out_mm = 0.0
        self._longest_mm = heat.longest_extrusion_mm + _SLACK_MM if heat else 0.0
        self._heaters = heaters
        self._findings = findings

    def count_relative(self, relative: bool) -> None:
        """M83 and M82."""
        self.relative = self._stated = relative

    def axes_relative(self, relative: bool) -> None:
        """G91 holds for E, too. Behind G90 Marlin 2 counts from zero, and Marlin 1 as the last M82 or M83 said."""
        self.relative = True if relative else False if self._stated is False else None

    def pull(self, e: float) -> float:
        """Filament that an E word moves out of the nozzle, in mm; negative: back into it."""
        if self.relative is None and self.at:  # from E0 it comes to the same, whichever holds
            self._refuse_unstated()
            return 0.0
        moved = e if self.relative else e - self.at
        if math.isnan(moved):
            self._refuse_unknown()
            moved = 0.0
        self.at = self.at + e if self.relative else e
        self._out_mm += moved
        if self._out_mm > self.used_mm:  # noqa: PLR1730 - done for every line
            self.used_mm = self._out_mm
        if not -self._longest_mm <= moved <= self._longest_mm:
            self._refuse_long(moved)
        if self.tool not in self._heaters.hot and not self._heaters.may_extrude(self.tool, back=moved < 0):
            self.refuse_cold()
        return moved

    def refuse_cold(self) -> None:
        """The nozzle is not known to be hot."""
        self._findings.refuse_word(
            Reason.TOO_COLD,
            "E",
            "filament is moved by a cold nozzle",
            "the nozzle is heated and waited for before",
            "Put M109 with the temperature before it",
        )

    def _refuse_unknown(self) -> None:
        self._findings.refuse_word(
            Reason.POSITION_UNKNOWN,
            "E",
            "E counts from where the last program left it",
            "absolute E (M82) needs a beginning",
            "Put G92 E0 before it",
        )

    def _refuse_unstated(self) -> None:
        self._findings.refuse_word(
            Reason.MODE_NOT_STATED,
            "E",
            "E before the program has said how it counts it",
            "M82 (absolute) or M83 (relative) comes first",
            "Put M82 or M83 at its beginning",
        )

    def _refuse_long(self, moved: float) -> None:
        self._findings.refuse_word(
            Reason.EXTRUSION_TOO_LONG,
            "E",
            f"{moved:.1f} mm of filament in one move",
            f"this machine takes {self._longest_mm:g} mm",
            "Check M82, M83 and G92 E0, or divide the move",
        )
