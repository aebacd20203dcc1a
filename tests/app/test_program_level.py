"""A whole program as one timed operation says the same as all its lines over the wire."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from cellctl.app.config import load
from cellctl.app.simulate import PROGRAM, Outcome, simulate, simulated_cell
from cellctl.domain import events as ev

NAMEPLATE = Path(__file__).parents[2] / "examples" / "nameplate"
# Two printers that end in the same instant have no order; this one heats more slowly.
APART = {"machines.printer-2.sim.bed_heats_celsius_per_s": 0.2}
TEXTS = ("ADA", "EVE")
WISHES = [{"product": "nameplate", "parameters": {"text": text}} for text in TEXTS]
# Which line went out and was taken when is of interest to nobody who has no line.
TELEMETRY = (
    ev.OperationSent,
    ev.OperationAcknowledged,
    ev.OperationAdvanced,
    ev.LinkMeasured,
    ev.CommandAnswered,
    # A machine at program level has no sensors: the phases of its hand-overs come together.
    ev.SignalsShown,
    ev.TransferPhase,
)
# Closer than this, which of two machines comes first is chance.
APART_S = 0.5
Key = tuple[str, str, str]


@pytest.fixture(scope="module", params=["cell.toml", "cell-serial-arm.toml"])
def both(request: pytest.FixtureRequest) -> tuple[Outcome, Outcome]:
    cell = NAMEPLATE / request.param
    config = load(cell, APART)
    return (
        simulate(config, simulated_cell(cell, APART, 1), WISHES, 1),
        simulate(config, simulated_cell(cell, APART, 1), WISHES, 1, level=PROGRAM),
    )


def durations_s(outcome: Outcome) -> dict[Key, list[float]]:
    """How long each operation took, by part, step and station."""
    keys: dict[str, Key] = {}
    began_s: dict[str, float] = {}
    took: defaultdict[Key, list[float]] = defaultdict(list)
    for record in outcome.records:
        match record.event:
            case ev.OperationIntended(operation=operation):
                keys[operation.id] = operation.serial, operation.step, operation.station
            case ev.OperationStarted(operation_id=name):
                began_s[name] = record.mono_s
            case ev.OperationEnded(operation_id=name):
                took[keys[name]].append(record.mono_s - began_s[name])
    return took


def course(outcome: Outcome) -> Sequence[Sequence[str]]:
    """What happened, in order; what happened at one instant, in the order of the names."""
    course: list[list[str]] = []
    last_s = -APART_S
    for record in outcome.records:
        if isinstance(record.event, TELEMETRY):
            continue
        if record.mono_s - last_s >= APART_S:
            course.append([])
        last_s = record.mono_s
        course[-1].append(f"{record.event.NAME} {record.actor} {getattr(record.event, 'state', '')}")
    return [sorted(instant) for instant in course]


def test_every_operation_takes_as_long_within_one_percent(both: tuple[Outcome, Outcome]) -> None:
    lines, programs = map(durations_s, both)
    assert lines.keys() == programs.keys()
    for key, took_s in lines.items():
        assert programs[key] == pytest.approx(took_s, rel=0.01, abs=0.1), key


def test_the_whole_takes_as_long_within_one_percent(both: tuple[Outcome, Outcome]) -> None:
    lines, programs = both
    assert programs.virtual_s == pytest.approx(lines.virtual_s, rel=0.01)


def test_the_same_things_happen_in_the_same_order(both: tuple[Outcome, Outcome]) -> None:
    lines, programs = both
    assert course(programs) == course(lines)


def test_no_rule_of_the_world_is_broken_and_all_is_made(both: tuple[Outcome, Outcome]) -> None:
    for outcome in both:
        assert outcome.violations == []
        assert outcome.open_jobs == []
