"""Every fault that the simulated router can have, drawn from a seed, and in which states the work may end for it."""

from collections.abc import Mapping
from itertools import takewhile
from random import Random  # noqa: TID251 - seeded
from typing import Final

from cellctl.domain.work import OperationState
from cellctl_sim.faults import BYTES, LINES, Fault, Kind, Way
from cellctl_sim.grbl.mishaps import Mishap
from tests.drivers.grbl_battery import GRBL, GRBLHAL, Case, Outcome, broken_rules, program

DONE, FAILED = OperationState.DONE, OperationState.FAILED
UNKNOWN, NOT_BEGUN = OperationState.UNKNOWN, OperationState.NOT_BEGUN
LOST_OK, BAD_LINE, TOOL = "lost-ok", "bad-line", "tool"

_RESTARTED: Final = {UNKNOWN, NOT_BEGUN}
_STOPPED: Final = {FAILED, NOT_BEGUN}
_WENT_ON: Final = {DONE}
_ANY: Final = {DONE, FAILED, UNKNOWN, NOT_BEGUN}

# FAILED and UNKNOWN are what the cell holds and asks a person about; NOT_BEGUN moved nothing. A fault that comes
# late enough finds the work done.
ALLOWED: Final[Mapping[str, set[OperationState]]] = {
    # In check mode its banner may come just when ours is due, and the run that follows begins anew anyhow.
    Kind.RESET: _RESTARTED | {DONE},
    Kind.POWER_CUT: _RESTARTED,
    Kind.UNPLUG: _RESTARTED,
    Mishap.SETTINGS_LOST: {FAILED, UNKNOWN, NOT_BEGUN},
    Mishap.STUCK: _RESTARTED,
    Mishap.HARD_LIMIT: _STOPPED,
    Mishap.TRAVEL: {DONE, FAILED, NOT_BEGUN},
    Mishap.HOLD_BUTTON: _WENT_ON,
    Mishap.DOOR: _WENT_ON,
    Mishap.PROBE_CLOSED: {FAILED},
    Mishap.PROBE_OPEN: {FAILED},
    Mishap.SMALL_BUFFER: {DONE, FAILED, NOT_BEGUN},
    Mishap.SPINDLE: {FAILED},
    Mishap.E_STOP: _STOPPED,
    Mishap.MOTOR: _STOPPED,
    TOOL: _WENT_ON,
    BAD_LINE: _STOPPED,
    LOST_OK: _STOPPED,
    # A line may begin with the question that goes unanswered then.
    Kind.LOSE: _STOPPED | {UNKNOWN},
    Kind.MERGE: _STOPPED,
    Kind.SPLIT: {DONE, UNKNOWN, NOT_BEGUN},
    Kind.STALL: {DONE, UNKNOWN, NOT_BEGUN},
    Kind.REPLACE: _ANY,
    Kind.INSERT: _ANY,
    Kind.FLIP: _ANY,
    Kind.DROP: _ANY,
    Kind.DOUBLE: _ANY,
    Kind.GARBAGE: _ANY,
}
GRBLHAL_ONLY: Final = {Mishap.SPINDLE, Mishap.E_STOP, Mishap.MOTOR, TOOL}
# Damage that may make another valid line; nothing of the protocol shows that.
BLIND: Final = BYTES | {Kind.REPLACE}
EXTRA: Final = {
    Mishap.PROBE_CLOSED: "G38.2 Z-5 F300",
    Mishap.PROBE_OPEN: "G38.2 Z-5 F300",
    TOOL: "T2 M6",
    BAD_LINE: "G7",
}


def case(kind: str, seed: int) -> Case:
    """A case of this kind: everything about it comes from the seed."""
    rng = Random(f"{kind}/{seed}")
    twin = GRBLHAL if kind in GRBLHAL_ONLY or rng.random() < 0.3 else GRBL
    build = {"echo": rng.random() < 0.1, "line_numbers": rng.random() < 0.5, "homing_switches": rng.random() < 0.5}
    twin = twin.model_copy(update=build)
    dry_run = rng.random() < 0.5
    lines = program(rng, extra=EXTRA.get(kind, ""))
    checked = len(list(takewhile(lambda line: not line.startswith("G10"), lines))) if dry_run else 0
    latency_s = rng.choice((0.0, 0.004))
    return Case(twin, {"dry_run": dry_run}, lines, _faults(kind, rng, len(lines), checked), seed, latency_s)


def judge(kind: str, case: Case, outcome: Outcome) -> list[str]:
    """Every rule that this outcome breaks."""
    # A line too many can make the receive buffer run over, and a newline lost there makes up for the `ok` too many.
    made_up = kind == Kind.INSERT and outcome.board is not None and outcome.board.uart.lost > 0
    found = broken_rules(case, outcome, blind=kind in BLIND or made_up)
    if outcome.end not in ALLOWED[kind]:
        found.append(f"ended {outcome.end.name if outcome.end else 'never'}")
    return found


def _faults(kind: str, rng: Random, lines: int, checked: int) -> list[Fault]:
    """When it strikes. Lines are counted as the board takes them: ours before the program, and those only checked."""
    if kind in (TOOL, BAD_LINE):
        return []
    if kind in EXTRA or kind == Mishap.SPINDLE:
        return [Fault(kind, at_s=0.0)]
    if kind == LOST_OK:
        return [Fault(Kind.LOSE, nth=rng.randint(1, checked + lines), way=Way.TO_HOST, line="ok")]
    nth = rng.randint(1, checked + lines)
    if kind in LINES:
        return [Fault(kind, nth=nth, amount=rng.choice((0.01, 0.5, 3.0, 30.0)), text="G1 X1")]
    if kind in BYTES:
        return [Fault(kind, nth=nth, way=rng.choice(list(Way)), amount=rng.randint(1, 5))]
    return [Fault(kind, nth=nth, amount=rng.choice((0.1, 0.5, 2.0, 10.0)))]
