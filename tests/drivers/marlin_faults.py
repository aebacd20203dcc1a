"""Every kind of fault, how it may end, and many battles of one kind."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from cellctl_sim.faults import FaultPlan, Kind, plan
from tests.drivers.marlin_battle import fight

LINES: Final = 40
# With those that make contact.
ALL_LINES: Final = LINES + 10

# done: every line, each once. fault: the machine stands, with a reason, the rest of the program is forgotten.
# lost: what was done is unknown, and a person is asked. held: it waits for a person. unmet: the program did not begin.
NOISE: Final = ("done", "held", "fault", "lost", "unmet")
GONE: Final = ("done", "lost", "unmet")
BROKEN: Final = ("done", "fault", "unmet")

# A fault may also come too late, or too early: behind the last line (done), or before the first (unmet).
ENDS: Final[dict[str, Sequence[str]]] = {
    **dict.fromkeys((Kind.FLIP, Kind.SPOIL, Kind.DROP, Kind.DOUBLE, Kind.GARBAGE), NOISE),
    **dict.fromkeys((Kind.LOSE, Kind.MERGE, Kind.REPLACE), ("done", "fault", "lost", "unmet")),
    Kind.INSERT: ("done",),
    Kind.SPLIT: ("done",),
    Kind.STALL: ("done", "fault", "lost", "unmet"),
    **dict.fromkeys((Kind.UNPLUG, Kind.SWAP, Kind.RESET, Kind.POWER_CUT), GONE),
    **dict.fromkeys(("thermal-runaway", "heating-failed", "mintemp", "maxtemp", "kill", "stop"), BROKEN),
    "refuse": ("done",),
    "refuse-all": BROKEN,
    "freeze": ("done", "fault", "lost", "unmet"),
    "unbusy": ("done",),
    "dead-heater": BROKEN,
    "chill": BROKEN,
    "filament-out": ("done", "held", "fault", "unmet"),
}
_AMOUNTS: Final = {"freeze": (0.0, 1.0, 10.0, 100.0), "dead-heater": (0.0, 20.0, 60.0)}


def drawn(seed: int, kind: str) -> tuple[FaultPlan, dict[str, Any]]:
    """The plan of a seed, and the printer and the person it meets."""
    rng = Random(f"{seed}/printer")
    options = {
        "patient": rng.random() < 0.5,
        "advanced_ok": rng.random() < 0.5,
        "emergency_parser": rng.random() < 0.5,
        "resend_brings_ok": rng.random() < 0.8,
        "wait_every_s": rng.choice((0.0, 1.0)),
    }
    return plan(seed, kind, ALL_LINES, _AMOUNTS.get(kind, ())), options


def campaign(kind: str, seeds: Iterable[int]) -> tuple[Counter[str], list[tuple[int, list[str]]]]:
    """How these seeds ended, and which of them were wrong."""
    ends, wrongs = Counter[str](), []
    for seed in seeds:
        faults, options = drawn(seed, kind)
        outcome = fight(faults, LINES, **options)
        ends[outcome.end] += 1
        if wrong := outcome.wrongs(ENDS[kind]):
            wrongs.append((seed, wrong))
    return ends, wrongs
