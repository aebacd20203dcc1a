"""What goes wrong in a simulated cell at program level, as data: one integer makes a plan, and it can be shrunk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random  # noqa: TID251 - the type; the seed comes from outside
from typing import Final


class Mishap(StrEnum):
    """What can go wrong."""

    MACHINE_FAILS = "machine-fails"  # breaks off what it does; out of order for `lasts_s`
    SLOW = "slow"  # works at half its speed
    DROPS_PART = "drops-part"  # the next part in the gripper falls
    SENSES_NOTHING = "senses-nothing"  # the gripper's sensor says empty, whatever it holds
    SENSES_PART = "senses-part"  # the gripper's sensor says that it holds something, whatever is true
    BAD_PART = "bad-part"  # the next part is whole, and no good
    WRONG_MATERIAL = "wrong-material"  # the spool is another than the label says: what is printed so long is no good
    MISSING_PART = "missing-part"  # somebody takes a part out of a rack without a word
    LINK_CUT = "link-cut"  # nobody hears the machine
    ABSENT = "absent"  # nobody is there to answer
    KILLED = "killed"  # the daemon dies, and is started again after `lasts_s`
    KILLED_WRITING = "killed-writing"  # it dies between writing down the next operation and beginning it
    DISK_FULL = "disk-full"  # the journal takes nothing
    CLOCK_JUMP = "clock-jump"  # the wall clock steps by `lasts_s`, forth or back


OF_MACHINES: Final = frozenset(
    {
        Mishap.MACHINE_FAILS, Mishap.SLOW, Mishap.DROPS_PART, Mishap.SENSES_NOTHING, Mishap.SENSES_PART,
        Mishap.BAD_PART, Mishap.WRONG_MATERIAL, Mishap.LINK_CUT,
    }
)  # fmt: skip
OF_ARMS: Final = frozenset({Mishap.DROPS_PART, Mishap.SENSES_NOTHING, Mishap.SENSES_PART})


@dataclass(frozen=True, slots=True, order=True)
class Stroke:
    """One mishap: when, what, to whom (a machine, a rack, or nobody in particular), and for how long."""

    at_s: float
    kind: Mishap
    to: str = ""
    lasts_s: float = 0.0

    @property
    def until_s(self) -> float:
        """When it is over."""
        return self.at_s + max(0.0, self.lasts_s)


FaultPlan = tuple[Stroke, ...]

# How long each lasts, in seconds: from, to.
_LASTS_S: Final[Mapping[Mishap, tuple[float, float]]] = {
    Mishap.MACHINE_FAILS: (300.0, 5400.0),
    Mishap.SLOW: (1800.0, 14400.0),
    Mishap.DROPS_PART: (0.0, 0.0),
    Mishap.SENSES_NOTHING: (60.0, 1800.0),
    Mishap.SENSES_PART: (60.0, 1800.0),
    Mishap.BAD_PART: (0.0, 0.0),
    Mishap.WRONG_MATERIAL: (1800.0, 14400.0),
    Mishap.MISSING_PART: (0.0, 0.0),
    Mishap.LINK_CUT: (5.0, 3600.0),
    Mishap.ABSENT: (600.0, 14400.0),
    Mishap.KILLED: (1.0, 300.0),
    Mishap.KILLED_WRITING: (0.0, 0.0),
    Mishap.DISK_FULL: (10.0, 1800.0),
    Mishap.CLOCK_JUMP: (-7200.0, 7200.0),
}


def draw(
    rng: Random, kinds: Mapping[Mishap, int], targets: Mapping[Mishap, Sequence[str]], horizon_s: float
) -> FaultPlan:
    """So many of each kind within the horizon, spread evenly by chance over the time and over who may suffer it."""
    strokes = []
    for kind, count in kinds.items():
        names = targets.get(kind, ())
        if not names and kind in OF_MACHINES | {Mishap.MISSING_PART}:
            continue
        for _ in range(count):
            at_s, lasts_s = rng.uniform(0, horizon_s), rng.uniform(*_LASTS_S[kind])
            strokes.append(Stroke(round(at_s, 1), kind, rng.choice(names) if names else "", round(lasts_s, 1)))
    return tuple(sorted(strokes))
