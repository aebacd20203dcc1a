"""The machines that the programs of the corpus were made for, as their makers describe them."""

from dataclasses import replace
from typing import Final

from cellctl.gcode.allowed import printer_rules, router_rules
from cellctl.gcode.rules import Dialect, Envelope, Heat, Kind, MachineLimits, MachineRules, Pace, Point, Role, Spindle

_PACE: Final = Pace(
    max_feed_mm_per_min=(30000, 30000, 1200, 7200),
    max_acceleration_mm_per_s2=(5000, 5000, 500, 10000),
    acceleration_mm_per_s2=1000,
    retract_acceleration_mm_per_s2=1000,
    travel_acceleration_mm_per_s2=1500,
    feed_ceiling_mm_per_min=30000,
)
_HEAT: Final = Heat(nozzle_max_celsius=260, bed_max_celsius=110, nozzle_celsius_per_s=3.0, bed_celsius_per_s=0.3)


def _printer(least: Point, most: Point, tools: tuple[int, ...] = (0,), home: Point | None = None) -> MachineRules:
    envelope = Envelope(least, most, homes_itself=True, home_mm=home or least)
    return printer_rules(
        MachineLimits(envelope, _PACE, _HEAT), tools=tools, homing_s=(5.0, 5.0, 10.0), levelling_s=60.0
    )


def _router(least: Point, most: Point, origin: Point, dialect: Dialect) -> MachineRules:
    offsets = {54: origin, 55: origin}
    envelope = Envelope(least, most, offsets, starts_at_mm=(0, 0, 0), stored_mm={28: (-1, -1, -1), 30: (-1, -1, -1)})
    pace = Pace((3000, 3000, 1000), (200, 200, 100), junction_deviation_mm=0.01, feed_ceiling_mm_per_min=5000)
    return router_rules(MachineLimits(envelope, pace, spindle=Spindle(24000)), dialect, tools=(0, 1, 2))


_ROUTER: Final = _router((-300, -180, -45), (0, 0, 0), (-250, -150, -30), Dialect.GRBL)
_LASER: Final = router_rules(
    replace(_ROUTER.limits, spindle=Spindle(1000), pace=replace(_ROUTER.limits.pace, feed_ceiling_mm_per_min=6000)),
    kind=Kind.LASER,
)

_LARGE: Final = _printer((-5, -5, 0), (400, 400, 400))
MACHINES: Final[dict[str, MachineRules]] = {
    "i3": _printer((0, 0, 0), (220, 220, 240)),
    "ender-3": _printer((0, 0, 0), (235, 235, 250)),
    "large": _LARGE,
    # Programs that an engineer has let in may lower the limits of the axes.
    "released": printer_rules(_LARGE.limits, role=Role.ENGINEER, homing_s=(5.0, 5.0, 10.0)),
    "mk3": _printer((0, -4, 0), (250, 212, 210)),
    "delta": _printer((-110, -110, 0), (110, 110, 320), home=(0, 0, 320)),
    "two-nozzles": _printer((0, 0, 0), (220, 220, 240), tools=(0, 1)),
    "router": _ROUTER,
    "router-hal": _router((-300, -180, -45), (0, 0, 0), (-250, -150, -30), Dialect.GRBLHAL),
    "laser": _LASER,
}
