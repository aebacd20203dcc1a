"""The filament of a printer: how much of it a program moves, and whether it may."""

from typing import Final

from cellctl.gcode.heaters import Heaters
from cellctl.gcode.rules import Heat
from cellctl.gcode.verdict import Findings, Reason

_SLACK_MM: Final = 1e-4


class Extruder:
    """Counts E. `at`: as the program does; `used_mm`: the most that was out of the nozzles at one time."""

    __slots__ = ("_findings", "_heaters", "_longest_mm", "_out_mm", "at", "relative", "tool", "used_mm")

    def __init__(self, heat: Heat | None, heaters: Heaters, findings: Findings, tool: int) -> None:
        self.at = 0.0
        self.relative: bool | None = None  # None: the program has not said
        self.tool = tool
        self.used_mm = 0.0
        self._out_mm = 0.0
        self._longest_mm = heat.longest_extrusion_mm if heat else 0.0
        self._heaters = heaters
        self._findings = findings

    def pull(self, e: float) -> float:
        """Filament that an E word moves out of the nozzle, in mm; negative: back into it."""
        if self.relative is None:
            self.relative = False
            self._refuse_unstated()
        moved = e if self.relative else e - self.at
        self.at += moved
        self._out_mm += moved
        if moved > 0:
            self.used_mm = max(self.used_mm, self._out_mm)
            if moved > self._longest_mm + _SLACK_MM:
                self._refuse_long(moved)
        if moved and not self._heaters.may_extrude(self.tool, back=moved < 0):
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
