"""The EEPROM: settings, work offsets, start-up lines. It outlives resets and power cuts."""

from typing import Final

from cellctl_sim.config import RouterTwin
from cellctl_sim.motion import Limits

Point = tuple[float, float, float]
NOWHERE: Final[Point] = (0.0, 0.0, 0.0)

G28: Final = 6  # index behind the six work coordinate systems G54 to G59
G30: Final = 7
AXES: Final = ("X", "Y", "Z")

# An operator has set the work origin of G54 once: this part of each travel away from the homing corner.
_ORIGIN_AT: Final = 5 / 6
_WHOLE_NUMBERS: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 10, 13, 20, 21, 22, 23, 26, 30, 31, 32})
_SHORTEST_PULSE_US: Final = 3


class Refused(Exception):
    """The firmware answers error:n (doc/csv/error_codes_en_US.csv)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error:{code}")
        self.code = code


class Memory:
    """What is stored. `coordinates` are G54 to G59, G28 and G30, in machine coordinates."""

    def __init__(self, config: RouterTwin) -> None:
        self._config = config
        self.grblhal: Final = config.dialect == "grblhal"
        self.build_info = ""
        self.restore("*")
        x, y, z = (-_ORIGIN_AT * size for size in config.size_mm)
        self.coordinates[0] = (round(x, 3), round(y, 3), round(z, 3))

    def restore(self, what: str) -> None:
        """$RST=$, # or *: the values that the firmware was compiled with."""
        if what in "$*":
            self.settings = _defaults(self._config)
        if what in "#*":
            self.coordinates: list[Point] = [NOWHERE] * 8
        if what == "*":
            self.startup = ["", ""]
            self.build_info = ""

    def store(self, number: int, value: float) -> None:
        """$number=value. Raises Refused."""
        if value < 0:
            raise Refused(4)
        if number not in self.settings:
            raise Refused(53 if self.grblhal else 3)
        if number == 0 and value < _SHORTEST_PULSE_US:
            raise Refused(6)
        if number == 20 and value and not self.settings[22]:
            raise Refused(10)
        self.settings[number] = float(int(value)) if number in _WHOLE_NUMBERS else value
        if number == 22 and not value:
            self.settings[20] = 0.0

    @property
    def homing(self) -> bool:
        """$22: whether there are switches to home to."""
        return bool(self.settings[22])

    @property
    def travel(self) -> Point:
        """$130 to $132: how far each axis reaches, from 0 into the negative."""
        return self.settings[130], self.settings[131], self.settings[132]

    @property
    def limits(self) -> Limits:
        """What the planner must keep to."""
        of = self.settings
        return Limits((of[110] / 60, of[111] / 60, of[112] / 60, 1.0), (of[120], of[121], of[122], 1.0), of[11])

    def listing(self) -> list[str]:
        """$$."""
        return [
            f"${number}={value:.0f}" if number in _WHOLE_NUMBERS else f"${number}={value:.3f}"
            for number, value in self.settings.items()
        ]

    def outside(self, point: Point) -> bool:
        """Whether a point in machine coordinates is beyond the travel."""
        x, y, z = point
        of = self.settings
        return x > 0 or y > 0 or z > 0 or x < -of[130] or y < -of[131] or z < -of[132]


def _defaults(config: RouterTwin) -> dict[int, float]:
    """Homing and soft limits on where there are switches; $1=255 so that the motors hold."""
    switches = float(config.homing_switches)
    values: dict[int, float] = {0: 10, 1: 255, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 10: 1}
    values |= {11: config.junction_deviation_mm, 12: 0.002, 13: 0, 20: switches, 21: 0, 22: switches, 23: 0, 24: 25}
    values |= {25: config.homing_seek_mm_per_min, 26: 250, 27: config.homing_pull_off_mm}
    values |= {30: config.max_spindle_rpm, 31: 0, 32: 0, 100: 250, 101: 250, 102: 250}
    for first, per_axis in (
        (110, config.max_feed_mm_per_min),
        (120, config.acceleration_mm_per_s2),
        (130, config.size_mm),
    ):
        values |= {first + axis: value for axis, value in enumerate(per_axis)}
    return {number: float(value) for number, value in values.items()}
