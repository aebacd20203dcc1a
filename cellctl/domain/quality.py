"""Inspection: what is measured, within which limits, what came out, and what may become of a part that is not good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Disposition(Enum):
    """What was decided about a part. REWORK and CONCESSION are decisions on the way: the part is in work again."""

    IN_WORK = "in-work"
    ACCEPTED = "accepted"
    REWORK = "rework"
    SCRAPPED = "scrapped"
    CONCESSION = "concession"


# In the words of whoever decides.
DECISIONS: Final[Mapping[str, Disposition]] = {
    "accept": Disposition.ACCEPTED,
    "rework": Disposition.REWORK,
    "scrap": Disposition.SCRAPPED,
    "concession": Disposition.CONCESSION,
}


@dataclass(frozen=True, slots=True)
class Characteristic:
    """Something that is measured. Both limits are good values themselves; None: there is none on that side."""

    name: str
    unit: str = ""
    lower: float | None = None
    upper: float | None = None

    def __str__(self) -> str:
        """What to measure, for a person to read."""
        unit = f" {self.unit}" if self.unit else ""
        if self.lower is not None and self.upper is not None:
            return f"{self.name} {self.lower:g} to {self.upper:g}{unit}"
        limits = [f"{self.lower:g}{unit} or more"] if self.lower is not None else []
        limits += [f"{self.upper:g}{unit} or less"] if self.upper is not None else []
        return " ".join([self.name, *limits])

    def against(self, value: float) -> str:
        """Why a value is not good; empty if it is."""
        if self.lower is not None and value < self.lower:
            return f"{self.name} {value:g} {self.unit} is below {self.lower:g}".replace("  ", " ")
        if self.upper is not None and value > self.upper:
            return f"{self.name} {value:g} {self.unit} is above {self.upper:g}".replace("  ", " ")
        return ""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a part must pass before it goes on.

    Without `characteristics` the result is a person's or a machine's yes or no. `dispositions`: what may become of a
    part that does not pass (REWORK, SCRAPPED, CONCESSION). `rework_to`: the step that it goes back to,
    `rework_at_most`: so many times. `values_required`: a person's yes is not enough, what was measured is wanted.
    """

    characteristics: tuple[Characteristic, ...] = ()
    dispositions: tuple[Disposition, ...] = (Disposition.SCRAPPED,)
    rework_to: str = ""
    rework_at_most: int = 1
    values_required: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """A result: what was measured, by what operation and whom. `conceded_by`: who let it pass all the same."""

    step: str
    operation_id: str
    passed: bool
    by: str
    values: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    conceded_by: str = ""

    @property
    def good(self) -> bool:
        """Whether the part may go on."""
        return self.passed or bool(self.conceded_by)
