"""One line that is lost or damaged, or one answer, in a short program: does anybody notice?"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from cellctl.domain.work import OperationState
from cellctl_sim.faults import Fault, Kind, Way
from tests.drivers.grbl_battery import GRBL, GRBLHAL, Case, broken_rules, try_out

QUICK: Final = {"homing_switches": False, "has_door": False}
# What the firmware offers against damage: the build, and the driver's options.
MEANS: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "none": ({}, {"line_numbers": False, "end_check": False}),
    "line numbers (Ln:)": ({"line_numbers": True}, {"line_numbers": True, "end_check": False}),
    "end position": ({}, {"line_numbers": False, "end_check": True}),
    "line numbers and end position": ({"line_numbers": True}, {"line_numbers": True, "end_check": True}),
    "echo build": ({"echo": True}, {"line_numbers": False, "end_check": False}),
}
# What the firmware, or the count of its answers, can tell: kind, way, and the lines that are hit.
TELLING: Final = (
    (Kind.LOSE, Way.TO_BOARD, ""),
    (Kind.MERGE, Way.TO_BOARD, ""),
    (Kind.LOSE, Way.TO_HOST, "ok"),
    (Kind.MERGE, Way.TO_HOST, "ok"),
    (Kind.FLIP, Way.TO_HOST, "ok"),
    (Kind.REPLACE, Way.TO_HOST, "ok"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`done`: nobody noticed. `true`: every move led where it should, as fast. `refused`: by the firmware."""

    done: bool
    true: bool
    refused: bool
    rules: tuple[str, ...]


def telling(seed: int) -> Verdict:
    """Something that the protocol can tell; the board and the driver's options come from the seed as well."""
    rng = Random(f"telling/{seed}")
    kind, way, line = TELLING[seed % len(TELLING)]
    build, options = MEANS[rng.choice(list(MEANS))]
    twin = (GRBLHAL if rng.random() < 0.3 else GRBL).model_copy(update={**QUICK, **build})
    lines, led = _program(rng)
    fault = Fault(kind, nth=rng.randint(1, len(lines)), way=way, line=line, text="o")
    case = Case(twin, {"dry_run": False, **options}, lines, [fault], seed, rng.choice((0.0, 0.004)), 10.0)
    return _judge(case, led)


def damaged(means: str, seed: int) -> Verdict:
    """One byte of one line is flipped (one bit) or dropped on its way to the board."""
    rng = Random(f"damaged/{seed}")  # The same damage for all means.
    build, options = MEANS[means]
    lines, led = _program(rng)
    fault = Fault(rng.choice((Kind.FLIP, Kind.DROP)), nth=rng.randint(1, len(lines)), line="G1")
    if options["line_numbers"]:
        fault = Fault(fault.kind, nth=fault.nth, line="N")
    twin = GRBL.model_copy(update={**QUICK, **build})
    return _judge(Case(twin, {"dry_run": False, **options}, lines, [fault], seed, 0.0, 10.0), led)


def _program(rng: Random) -> tuple[list[str], list[tuple[float, ...]]]:
    """Moves as a CAM program has them, and not one like another; and where each of them leads."""
    lines, led, feed, z_mm = [], [], 0, 0.0
    x_mm, y_mm = rng.uniform(-9, 9), rng.uniform(-9, 9)
    for number in range(10):
        x_mm, y_mm = x_mm + rng.uniform(0.5, 2.0), y_mm + rng.uniform(-1.0, 1.0)
        words = f"G1 X{x_mm:.3f} Y{y_mm:.3f}"
        if number == 0 or rng.random() < 0.2:
            z_mm = rng.uniform(-3, -1)
            words += f" Z{z_mm:.3f}"
        if number == 0 or rng.random() < 0.2:
            feed = 2000 + number
            words += f" F{feed}"
        lines.append(words)
        led.append((round(x_mm, 3), round(y_mm, 3), round(z_mm, 3), 1.0, float(feed)))
    return lines, led


def _judge(case: Case, led: list[tuple[float, ...]]) -> Verdict:
    """The last line that is begun is the dwell of ours, which leads nowhere else."""
    outcome = try_out(case)
    board = outcome.board
    true = board is not None and board.led[: len(led)] == led and len(board.led) == len(led) + 1
    refused = board is not None and board.refused > 0
    return Verdict(outcome.end is OperationState.DONE, true, refused, tuple(broken_rules(case, outcome, blind=True)))
