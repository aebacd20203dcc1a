"""The clip of the second example: real slicer output for one, two and three in one run, at both levels."""

from collections import Counter
from functools import cache

import pytest

from cellctl.app.config import load
from cellctl.app.main import main
from cellctl.app.simulate import Outcome, simulate, simulated_cell
from cellctl.domain import events as ev
from cellctl.domain.order_book import Wish
from cellctl.domain.work import Operation, OperationKind
from tests.app.workshop import CELL
from tests.prove.orders import builds


@cache
def played(level: str) -> Outcome:
    """Two orders for two clips each, at the same moment."""
    wishes = [Wish(0.0, "submit", {"product": "clip", "quantity": 2, "order_id": name}, None) for name in ("a", "b")]
    return simulate(load(CELL), simulated_cell(CELL, {}, 1), wishes, 1, level=level)


def runs(outcome: Outcome) -> list[Operation]:
    events = (record.event for record in outcome.records)
    intended = [event.operation for event in events if isinstance(event, ev.OperationIntended)]
    return [each for each in intended if each.kind is OperationKind.PROCESS and each.program]


@pytest.mark.parametrize("level", ["line", "program"])
def test_what_waits_is_made_in_one_run_and_the_world_sees_nothing_wrong(level: str) -> None:
    outcome = played(level)
    assert (outcome.violations, outcome.open_jobs) == ([], [])
    assert [len(each.serials) for each in runs(outcome)] == [3, 1]
    disposed = [record.event for record in outcome.records if isinstance(record.event, ev.PartDisposed)]
    assert Counter(each.disposition.value for each in disposed) == {"accepted": 4}


def test_both_levels_take_the_same_time_for_a_shared_run() -> None:
    def took_s(level: str) -> float:
        outcome = played(level)
        run = runs(outcome)[0]
        at = {
            type(record.event): record.mono_s
            for record in outcome.records
            if isinstance(record.event, ev.OperationIntended | ev.OperationEnded)
            and run.id in (getattr(record.event, "operation_id", ""), getattr(record.event, "operation", run).id)
        }
        return at[ev.OperationEnded] - at[ev.OperationIntended]

    assert took_s("program") == pytest.approx(took_s("line"), rel=0.01)


def test_plastic_comes_onto_the_places_that_the_program_prints_on() -> None:
    twin = simulated_cell(CELL, {}, 1)
    places = [f"printer-1.{bed}" for bed in twin.file.machines["printer-1"].sim.beds]  # type: ignore[attr-defined]
    assert places == ["printer-1.bed", "printer-1.bed-2", "printer-1.bed-3"]
    begun = {str(alone.target) for each in runs(played("line")) for alone in each.each()}
    assert begun == set(places)


def test_every_program_of_a_build_is_checked_before_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CELL)]) == 0
    told = capsys.readouterr().out
    for parts in (2, 3):
        assert f"clip-x{parts}.gcode" in told
        assert f"makes {parts} parts in one run on printer-1" in told


def test_a_daemon_that_dies_in_the_middle_of_shared_runs_loses_and_doubles_no_part() -> None:
    found, tally, made = builds.battle(0)
    assert found == []
    assert tally.crashes
    assert made[2] + made[3] > 0
