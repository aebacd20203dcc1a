"""How long it takes to set a station up in another way: by the rules of the cell file, and by what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil
from typing import Final

from cellctl.domain.events import SetupChanged
from cellctl.domain.work import Changeovers, ChangeRule

Setup = Mapping[str, str]
# By `key`: the last measured times of a change of one dimension, in seconds.
Measured = Mapping[str, tuple[float, ...]]

_KEPT: Final = 20
# Whoever answers the next morning has not changed a nozzle all night.
_AT_MOST_TIMES: Final = 4.0


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed at a station, dimension by dimension (name, before, after), and how long that takes.

    `takes_s` is the mean, `late_s` what 85 of 100 stay below. `program`: the machine does all of it by itself.
    """

    dimensions: tuple[tuple[str, str, str], ...]
    takes_s: float
    late_s: float
    program: str = ""

    @property
    def text(self) -> str:
        """For a person: material from pla-black to petg-white, ..."""
        return ", ".join(f"{name} from {before or '(not known)'} to {after}" for name, before, after in self.dimensions)


class Matrix:
    """The set-up matrix of a cell as it is known now. Lives as long as one question is thought about."""

    def __init__(self, changeovers: Changeovers, measured: Measured) -> None:
        self.parallel = changeovers.parallel
        self._changeovers = changeovers
        self._measured = measured
        self._rules: dict[tuple[str, str, str, str], ChangeRule] = {}

    def alike(self, station: str) -> object:
        """Equal for stations at which every change takes equally long: the same rules, and nothing measured yet."""
        if any(name.startswith(f"{station} ") for name in self._measured):
            return station
        return tuple(fnmatchcase(station, rule.station) for rule in self._changeovers.rules)

    def rule(self, station: str, dimension: str, before: str, after: str) -> ChangeRule:
        """The first rule that speaks of this change, or what counts where none does."""
        wanted = (station, dimension, before, after)
        if wanted not in self._rules:
            default = ChangeRule(self._changeovers.default_s)
            self._rules[wanted] = next((rule for rule in self._changeovers.rules if _matches(rule, wanted)), default)
        return self._rules[wanted]

    def one_s(self, station: str, dimension: str, before: str, after: str) -> float | None:
        """How long a change of one dimension takes on average; None: it is not done."""
        expected_s = self.rule(station, dimension, before, after).takes_s
        samples = self._measured.get(key(station, dimension, before, after), ())
        if expected_s is None or not samples:
            return expected_s
        # What the cell file says counts as much as one measurement.
        return (expected_s + sum(samples)) / (1 + len(samples))

    def late_s(self, station: str, dimension: str, before: str, after: str) -> float:
        """What 85 of 100 changes of one dimension stay below."""
        samples = sorted(self._measured.get(key(station, dimension, before, after), ()))
        if not samples:
            return self.rule(station, dimension, before, after).takes_s or 0.0
        return samples[ceil(0.85 * len(samples)) - 1]

    def change(self, station: str, have: Setup, need: Setup) -> Change | None:
        """What must be changed, if anything: without dimensions where nothing must. None: it is not done."""
        dimensions = differing(have, need)
        times_s = [self.one_s(station, *each) for each in dimensions]
        known_s = [each_s for each_s in times_s if each_s is not None]
        if len(known_s) < len(times_s):
            return None
        programs = {self.rule(station, *each).program for each in dimensions}
        late_s = [self.late_s(station, *each) for each in dimensions]
        program = programs.pop() if len(programs) == 1 else ""
        return Change(dimensions, self.together_s(known_s), self.together_s(late_s), program)

    def together_s(self, times_s: list[float]) -> float:
        """How long several dimensions take."""
        return max(times_s, default=0.0) if self.parallel else sum(times_s)


def differing(have: Setup, need: Setup) -> tuple[tuple[str, str, str], ...]:
    """The dimensions that are not as they must be: name, value now ("" if nobody knows), value wanted."""
    return tuple(
        (name, have.get(name, ""), value) for name, value in sorted(need.items()) if have.get(name, "") != value
    )


def learned(changeovers: Changeovers, measured: Measured, event: SetupChanged, before: Setup) -> Measured:
    """The measured times with one more, where it was measured.

    The time of several dimensions is shared out as it was expected; where they are changed in parallel, it is the time
    of the one that was expected to take longest.
    """
    if event.took_s <= 0:
        return measured
    matrix, station = Matrix(changeovers, measured), event.station
    expected_s = {each: matrix.one_s(station, *each) or 0.0 for each in differing(before, event.setup)}
    total_s = sum(expected_s.values())
    if changeovers.parallel and expected_s:
        longest = max(expected_s, key=lambda each: expected_s[each])
        expected_s, total_s = {longest: expected_s[longest]}, expected_s[longest]
    made = dict(measured)
    for each, share_s in expected_s.items():
        sample_s = event.took_s * share_s / total_s if total_s else event.took_s / len(expected_s)
        name = key(station, *each)
        kept = min(sample_s, _AT_MOST_TIMES * share_s) if share_s else sample_s
        made[name] = (*made.get(name, ()), round(kept, 1))[-_KEPT:]
    return made


def key(station: str, dimension: str, before: str, after: str) -> str:
    """The name of a change in the measured times."""
    return f"{station} {dimension}: {before} > {after}"


def _matches(rule: ChangeRule, wanted: tuple[str, str, str, str]) -> bool:
    patterns = (rule.station, rule.dimension, rule.source, rule.target)
    return all(fnmatchcase(value, pattern) for value, pattern in zip(wanted, patterns, strict=True))
