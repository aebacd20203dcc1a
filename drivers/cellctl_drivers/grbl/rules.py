"""What programs for a router are held against: the limits in the cell file, and the settings of the controller."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from pydantic import Field

from cellctl.domain.errors import NotAllowed
from cellctl.gcode.allowed import router_rules
from cellctl.gcode.rules import UNBOUNDED, Dialect, Envelope, Kind, MachineLimits, MachineRules, Pace, Spindle
from cellctl_drivers.limits import LimitsTable, NotNegative, Place, Positive

System = Annotated[str, Field(pattern=r"^G5([4-8]|9(\.[123])?)$")]
_SYSTEMS: Final = (54, 55, 56, 57, 58, 59)


class RouterLimits(LimitsTable):
    """`[machines.<name>.limits]` of a router or laser.

    Without `work_offsets_mm` nobody knows where a program's zero is before the controller has told: then its travel is
    checked when it is about to run. `most_rpm` 0: there is no spindle that can be told a speed.
    """

    firmware: Literal["grbl", "grblhal"] = "grbl"
    kind: Literal["mill", "laser"] = "mill"
    max_feed_mm_per_min: tuple[Positive, Positive, Positive]
    max_acceleration_mm_per_s2: tuple[Positive, Positive, Positive]
    junction_deviation_mm: Positive = 0.01
    planner_blocks: Annotated[int, Field(ge=2, le=1024)] = 15
    most_rpm: NotNegative
    least_rpm: NotNegative = 0.0
    tools: Annotated[tuple[Annotated[int, Field(ge=0, le=99)], ...], Field(min_length=1)] = (0, 1)
    tool_change_s: NotNegative = 0.0
    work_offsets_mm: dict[System, Place] = Field(default_factory=dict)
    stored_mm: dict[Literal["G28", "G30"], Place] = Field(default_factory=dict)
    starts_at_mm: Annotated[Place | None, Field(description="where a program begins; else nobody knows")] = None
    surface_mm: Annotated[float, Field(allow_inf_nan=False, description="work Z of the part's upper face")] = 0.0

    @property
    def limits(self) -> MachineLimits:
        """What the machine can bear, as far as it is known before it is met."""
        pace = Pace(
            self.max_feed_mm_per_min,
            self.max_acceleration_mm_per_s2,
            junction_deviation_mm=self.junction_deviation_mm,
            planner_blocks=self.planner_blocks,
            feed_ceiling_mm_per_min=self.feed_ceiling_mm_per_min or math.inf,
        )
        return MachineLimits(self._envelope, pace, spindle=self.spindle)

    @property
    def spindle(self) -> Spindle | None:
        """Speeds that may be asked for."""
        return Spindle(self.most_rpm, self.least_rpm) if self.most_rpm else None

    @property
    def _envelope(self) -> Envelope:
        known = _OPEN
        if self.work_offsets_mm:
            offsets = {int(name[1:].replace(".", "")): place for name, place in self.work_offsets_mm.items()}
            known = Envelope(*self.ends_mm(downwards=True), offsets)
        stored = {int(name[1:]): place for name, place in self.stored_mm.items()}
        return replace(known, stored_mm=stored, starts_at_mm=self.starts_at_mm, surface_mm=self.surface_mm)


# Where nobody has told the offsets, those of all systems may be used.
_OPEN: Final = replace(UNBOUNDED, work_offsets_mm=dict.fromkeys(_SYSTEMS, (0.0, 0.0, 0.0)))
# For a machine of which the cell file says nothing: what nobody knows is not checked.
_UNKNOWN: Final = MachineLimits(
    replace(_OPEN, stored_mm=dict.fromkeys((28, 30), (0.0, 0.0, 0.0))),
    Pace((1e7,) * 3, (1e6,) * 3),
    spindle=Spindle(1e6),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a controller has told of itself. `homes`: it finds the end of its travel; without, nobody knows where that
    begins, except from a cell file that has its ends in the controller's own coordinates."""

    limits: MachineLimits
    homes: bool
    grblhal: bool


def rules(limits: RouterLimits | None, told: Told | None = None) -> MachineRules:
    """The rules of a router, within what its controller tells. Raises NotAllowed where the two contradict."""
    known = limits.limits if limits else _UNKNOWN
    if told is not None:
        known = _within(limits, known, told)
    if limits is not None:
        return router_rules(
            known,
            Dialect(limits.firmware),
            kind=Kind(limits.kind),
            role=limits.permits,
            tools=limits.tools,
            tool_change_s=limits.tool_change_s,
        )
    # A spindle that must turn is what makes a mill, and nobody has said that there is one.
    dialect = Dialect.GRBL if told and not told.grblhal else Dialect.GRBLHAL
    return replace(router_rules(known, dialect, kind=Kind.LASER, tools=range(100)), timed=told is not None)


def _within(limits: RouterLimits | None, known: MachineLimits, told: Told) -> MachineLimits:
    """The controller knows its offsets and where it stands; of two travels, and of two speeds, the smaller holds."""
    ends = limits.ends_mm(downwards=True) if limits else (UNBOUNDED.least_mm, UNBOUNDED.most_mm)
    starts_at_mm = told.limits.envelope.starts_at_mm or known.envelope.starts_at_mm
    envelope = replace(told.limits.envelope, starts_at_mm=starts_at_mm, surface_mm=known.envelope.surface_mm)
    if not told.homes and max(ends[1]) > 0:
        envelope = replace(envelope, least_mm=UNBOUNDED.least_mm, most_mm=UNBOUNDED.most_mm)
    try:
        envelope = envelope.within(*ends)
    except ValueError as nothing:
        raise NotAllowed(f"the limits in the cell file contradict $130 to $132: {nothing}") from None
    spindle, fastest = known.spindle, told.limits.spindle
    if spindle and fastest:
        spindle = replace(spindle, most_rpm=min(spindle.most_rpm, fastest.most_rpm))
    return MachineLimits(envelope, known.pace if limits else told.limits.pace, spindle=spindle)
