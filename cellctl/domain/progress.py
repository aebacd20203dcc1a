"""How far a running program is."""

from dataclasses import dataclass
from enum import Enum

from cellctl.domain.material import Used


class Evidence(Enum):
    """By what it is known that lines are executed."""

    NONE = ""
    MOTION_ENDED = "motion ended"
    PLANNER_EMPTY = "planner empty"
    LINE_NUMBER = "line number in work"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running program is, in lines: written to the link, acknowledged, and proved executed, by `evidence`.

    `estimated` is what is likely to be executed where that is more than what is proved; nothing is decided by it.
    `used`: material and cutting of the acknowledged lines; None where nobody counts.
    """

    sent: int = 0
    acknowledged: int = 0
    executed: int = 0
    total: int = 0
    estimated: int = 0
    evidence: Evidence = Evidence.NONE
    used: Used | None = None
