"""A figure: what was measured, what it should be, and what peers reach. One line each, and the same as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: at least or at most so much."""

    limit: float
    at_least: bool

    def holds(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='}{self.limit:g}"


def at_least(limit: float) -> Goal:
    """So much or more."""
    return Goal(limit, at_least=True)


def at_most(limit: float) -> Goal:
    """So much or less."""
    return Goal(limit, at_least=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with the values of all its runs; `peers` has the same of others, by name."""

    name: str
    unit: str
    values: Sequence[float]
    goal: Goal | None = None
    peers: Mapping[str, Sequence[float]] | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    def line(self) -> str:
        """`name value unit goal peers verdict`, a minus where there is none."""
        peers = ",".join(f"{name}={_short(median(values))}" for name, values in (self.peers or {}).items())
        verdict = "-" if self.goal is None else "holds" if self.goal.holds(self.value) else "falls short"
        return f"{self.name} {_short(self.value)} {self.unit} {self.goal or '-'} {peers or '-'} {verdict}"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "holds": self.goal.holds(self.value) if self.goal else None,
            "values": list(self.values),
            "peers": {name: {"value": median(values), "values": list(values)} for name, values in self._peers()},
        }

    def _peers(self) -> Sequence[tuple[str, Sequence[float]]]:
        return list((self.peers or {}).items())


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 ** (_DIGITS - 1) else f"{value:.{_DIGITS}g}"
