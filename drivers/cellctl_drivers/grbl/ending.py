"""Whether a machine that has come to the end of its program stands where the program leads."""

from collections.abc import Mapping
from typing import Final

from cellctl_drivers.grbl.course import Course
from cellctl_drivers.grbl.portrait import Portrait

# As close as steps, rounding and the float numbers of the firmware let it be.
_APART_MM: Final = 0.02


def apart_mm(course: Course | None, portrait: Portrait) -> Mapping[str, tuple[float, float]]:
    """The axes that do not: where each is by its last report, and where it should be, in machine coordinates."""
    at = portrait.position_mm
    end = course.end_mm if course is not None else {}
    return {
        axis: (at[axis], end[axis])
        for axis in end
        if axis in at and abs(at[axis] - end[axis]) > _tolerance_mm(axis, portrait)
    }


def _tolerance_mm(axis: str, portrait: Portrait) -> float:
    steps_per_mm = portrait.number(100 + portrait.firmware.axes.index(axis))
    return _APART_MM + (1 / steps_per_mm if steps_per_mm else 0.0)
