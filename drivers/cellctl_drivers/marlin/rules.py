"""What programs for a printer are held against: the limits in the cell file, and those that the printer reports."""

import math
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field, model_validator

from cellctl.domain.errors import NotAllowed
from cellctl.gcode.allowed import printer_rules
from cellctl.gcode.rules import UNBOUNDED, Envelope, Heat, MachineLimits, MachineRules, Pace, Point
from cellctl_drivers.limits import LimitsTable, NotNegative, Place, Positive

Area = tuple[Point, Point]
"""The lowest and the highest corner that the axes reach, as M115 reports them."""

# Marlin's own figure for the junction deviation that comes closest to a jerk (Conditionals_post.h).
_DEVIATION_OF_JERK: Final = 0.4


class PrinterLimits(LimitsTable):
    """`[machines.<name>.limits]` of a printer. Celsius 0: there is no such heater; rates are for the estimate only."""

    max_feed_mm_per_min: tuple[Positive, Positive, Positive, Positive]
    max_acceleration_mm_per_s2: tuple[Positive, Positive, Positive, Positive]
    acceleration_mm_per_s2: Annotated[Positive, Field(description="while it prints (M204 P)")]
    retract_acceleration_mm_per_s2: Annotated[Positive | None, Field(description="(M204 R); else as it prints")] = None
    travel_acceleration_mm_per_s2: Annotated[Positive | None, Field(description="(M204 T); else as it prints")] = None
    junction_deviation_mm: Positive | None = None
    jerk_mm_per_s: Positive | None = None
    planner_blocks: Annotated[int, Field(ge=2, le=1024)] = 16
    home_mm: Annotated[Place | None, Field(description="where homing ends; else the lowest corner")] = None
    homing_s: tuple[NotNegative, NotNegative, NotNegative] = (0.0, 0.0, 0.0)
    levelling_s: NotNegative = 0.0
    nozzle_max_celsius: Positive
    bed_max_celsius: NotNegative = 0.0
    chamber_max_celsius: NotNegative = 0.0
    extrude_from_celsius: Positive = 170.0
    longest_extrusion_mm: Positive = 200.0
    ambient_celsius: float = 20.0
    nozzle_celsius_per_s: Positive | None = None
    bed_celsius_per_s: Positive | None = None

    @model_validator(mode="after")
    def _corners(self) -> "PrinterLimits":
        if (self.junction_deviation_mm is None) == (self.jerk_mm_per_s is None):
            raise ValueError("give either junction_deviation_mm or jerk_mm_per_s, as the firmware has it")
        return self

    @property
    def envelope(self) -> Envelope:
        """Where the axes may go."""
        least, most = self.ends_mm(downwards=False)
        return Envelope(least, most, homes_itself=True, home_mm=self.home_mm or least)

    @property
    def pace(self) -> Pace:
        """How fast it moves."""
        along = self.acceleration_mm_per_s2
        deviation = self.junction_deviation_mm or _DEVIATION_OF_JERK * (self.jerk_mm_per_s or 0.0) ** 2 / along
        return Pace(
            self.max_feed_mm_per_min,
            self.max_acceleration_mm_per_s2,
            acceleration_mm_per_s2=along,
            retract_acceleration_mm_per_s2=self.retract_acceleration_mm_per_s2 or along,
            travel_acceleration_mm_per_s2=self.travel_acceleration_mm_per_s2 or along,
            junction_deviation_mm=deviation,
            planner_blocks=self.planner_blocks,
            feed_ceiling_mm_per_min=self.feed_ceiling_mm_per_min or math.inf,
        )

    @property
    def heat(self) -> Heat:
        """What may be heated."""
        names = [name for name in Heat.__slots__ if name != "settle_s"]
        return Heat(**{name: getattr(self, name) for name in names})


# For a printer of which the cell file says nothing: what nobody knows is not checked.
_UNKNOWN: Final = MachineLimits(
    replace(UNBOUNDED, homes_itself=True),
    Pace((1e7,) * 4, (1e6,) * 4),
    Heat(1000.0, 1000.0, 1000.0, longest_extrusion_mm=math.inf),
)


def rules(limits: PrinterLimits | None, area: Area | None = None) -> MachineRules:
    """The rules of a printer, within the area that it reports. Raises NotAllowed where the two contradict."""
    if limits is None:
        known = replace(printer_rules(_UNKNOWN, tools=range(16)), timed=False)
    else:
        known = printer_rules(
            MachineLimits(limits.envelope, limits.pace, limits.heat),
            role=limits.permits,
            tools=limits.tools,
            homing_s=limits.homing_s,
            levelling_s=limits.levelling_s,
        )
    if area is None:
        return known
    try:
        envelope = known.limits.envelope.within(*area)
    except ValueError as nothing:
        raise NotAllowed(f"the limits in the cell file contradict the area that M115 reports: {nothing}") from None
    return replace(known, limits=replace(known.limits, envelope=envelope))
