"""How long it takes to set a station up anew, as the cell file says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """How long it takes to bring a dimension of a set-up from one value to another, where the four patterns match.

    Patterns are names with * and ?. `takes_s` None: it is not done. `program`: the machine does it by itself, with
    this program of its own; "": a person is asked to.
    """

    takes_s: float | None
    dimension: str = "*"
    station: str = "*"
    source: str = "*"
    target: str = "*"
    program: str = ""


@dataclass(frozen=True, slots=True)
class Changeovers:
    """The set-up matrix of the cell file: the first rule that matches counts; where none does, `default_s`.

    `default_s` None: what no rule allows is not done. `parallel`: dimensions are changed at the same time, so that the
    longest counts, not the sum.
    """

    rules: tuple[ChangeRule, ...] = ()
    default_s: float | None = 300.0
    parallel: bool = False
