"""The played cell sees: defects planted into the brain are found within a hundred random days each.

Two that take long to find, a silent loss and an order whose machines are not told, are in
`tests/prove/orders/planted.py`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from cellctl.core import decide, dispatch, handover, lifecycle, readiness, recovery
from cellctl.core.cell import Cell
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain import reach
from cellctl.domain.job import JobCommand
from cellctl.domain.work import GONE, Disposition, Job, Knowledge, Operation, OperationState, Place, Station

from .any_day import AnyDay
from .played_cell import Broken


def nothing(*_: Any) -> None:
    """What was to be done is not done."""


def reuse_a_serial_number(turn: Turn, order_id: str) -> Job:
    job = Job(f"job-{turn.cell.counts.serials + 1}", order_id, f"part-{len(turn.cell.parts)}")
    turn.remember(ev.JobStored(job))
    return job


def take_every_slot_for_free(cell: Cell, station: Station) -> Place | None:
    return next(iter(station.places), None)


def call_it_not_begun(turn: Turn, operation: Operation, why: str) -> None:
    if operation.state is not OperationState.UNKNOWN:
        recovery.withdraw_prompts(turn, operation)
        turn.remember(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, why))
        lifecycle.put_back(turn, operation)


def scrap_and_forget(turn: Turn, job: Job, why: str, by: str, *, in_hand: bool = False) -> None:
    lifecycle.change_job(turn, job, JobCommand.ABORT, why)
    turn.remember(ev.PartDisposed(job.serial, Disposition.SCRAPPED, by))
    lifecycle._take_away(turn, job.serial, by, why)


def believe_that_it_was_taken_away(turn: Turn, serial: str, holder: str, why: str) -> None:
    turn.remember(ev.PartMoved(serial, GONE, Knowledge.CONFIRMED, "cellctl"))


DEFECTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "every fact is believed": (decide, "is_news", lambda cell, fact: True),
    "machines are reset with the part in them": (dispatch, "finished_part", lambda cell, station: ""),
    "machines are never reset": (handover, "free", nothing),
    "stations do two things at once": (readiness, "involved", lambda cell, station: None),
    "a slot is taken for free": (dispatch, "_free_slot", take_every_slot_for_free),
    "no stock is taken after a crash": (recovery, "take_stock", nothing),
    "what was under way is done again": (recovery, "doubt", call_it_not_begun),
    "old questions stay": (recovery, "withdraw_prompts", nothing),
    "scrap is not made again": (lifecycle, "scrap", scrap_and_forget),
    "serial numbers are reused": (lifecycle, "store_job", reuse_a_serial_number),
    "cancelled parts go on": (lifecycle, "scrap_cancelled", nothing),
    "nobody is asked to take parts away": (lifecycle, "_take_away", nothing),
    "parts are believed to be taken away": (lifecycle, "_take_away", believe_that_it_was_taken_away),
    "parts are put where there is no way on": (
        reach,
        "ways",
        lambda plan, at, _, on: tuple(reach.legs(plan, at, on)),
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, defect = DEFECTS[name]
    monkeypatch.setattr(module, function, defect)
    a_hundred_days = settings(
        max_examples=400,  # it ends with the first that shows it
        stateful_step_count=40,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((Broken, AssertionError, ArithmeticError, LookupError)):
        run_state_machine_as_test(AnyDay, settings=a_hundred_days)
