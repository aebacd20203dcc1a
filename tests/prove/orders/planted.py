"""Bugs planted into one real function each: the days find every one of them within a hundred seeds."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cellctl.app.log import Log
from cellctl.app.supervisor import Supervisor
from cellctl.core import dispatch, evidence, handover, lifecycle, orders, readiness, recovery
from cellctl.core.cell import Cell
from cellctl.core.instructions import Turn
from cellctl.domain import events as ev
from cellctl.domain import reach
from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.job import JobCommand
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Disposition,
    Job,
    Knowledge,
    Operation,
    Place,
    Prompt,
    Station,
)
from tests.prove.claims import Claim
from tests.prove.orders import days

WITHIN = 100


def nothing(*_: Any, **__: Any) -> None:
    """What was to be done is not done."""


async def append_later(log: Log, records: Sequence[ev.Record]) -> None:
    """The answer comes before the disk has it."""
    asyncio.get_running_loop().create_task(log._store.append(records))


_start = Supervisor.start
_settle = recovery.settle


def start_twice(supervisor: Supervisor, operation: Operation) -> None:
    _start(supervisor, operation)
    _start(supervisor, operation)


def believe_it_arrived(turn: Turn, prompt: Prompt, choice: str, by: str) -> None:
    """Where a carried part is, a person was asked and not listened to."""
    operation = turn.cell.operations.get(prompt.operation_id)
    carried = operation is not None and choice == str(operation.source) != ""
    _settle(turn, prompt, str(operation.target) if carried and operation else choice, by)


def take_every_slot_for_free(cell: Cell, station: Station) -> Place | None:
    return next(iter(station.places), None)


def reuse_a_serial_number(turn: Turn, order_id: str) -> Job:
    job = Job(f"job-{turn.cell.counts.serials + 1}", order_id, f"part-{len(turn.cell.parts) // 2}")
    turn.remember(ev.JobStored(job))
    return job


def scrap_and_forget(turn: Turn, job: Job, why: str, by: str, *, in_hand: bool = False) -> None:
    lifecycle.change_job(turn, job, JobCommand.ABORT, why)
    turn.remember(ev.PartDisposed(job.serial, Disposition.SCRAPPED, by))
    lifecycle._take_away(turn, job.serial, by if in_hand else "", why)


def believe_that_it_was_taken_away(turn: Turn, serial: str, holder: str, why: str) -> None:
    turn.remember(ev.PartMoved(serial, GONE, Knowledge.CONFIRMED, "cellctl"))


def free_the_slot_of_what_is_put_back(turn: Turn, operation: Operation) -> None:
    turn.remember(ev.PartMoved(operation.serial, NOWHERE, Knowledge.RECORDED, operation.id))


def call_it_not_begun(turn: Turn, operation: Operation, why: str, *, sought: bool = False) -> None:
    recovery.not_begun(turn, operation, why)


def call_it_done(operation: Operation, found: Findings) -> tuple[Verdict, str]:
    return Verdict.DONE, "nobody looked"


def call_what_stands_not_begun(operation: Operation, found: Findings) -> tuple[Verdict, str]:
    return (Verdict.NOT_BEGUN if found.stands else Verdict.UNKNOWN), "it stands"


_finished_part = dispatch.finished_part


def look_at_the_first_place(cell: Cell, station: str) -> str:
    first = cell.part_at(cell.plan.station(station).places[0])
    return _finished_part(cell, station) if first else ""


Planted = tuple[Any, str, Callable[..., Any]]
PLANTED: Mapping[str, Planted] = {
    "a part is placed where another one is": (dispatch, "_free_slot", take_every_slot_for_free),
    "work is started before that is durable": (Log, "append", append_later),
    "work is started twice": (Supervisor, "start", start_twice),
    "a machine is reset with a part on its bed": (dispatch, "finished_part", lambda cell, station: ""),
    "a build frees its machine when its first part has left": (dispatch, "finished_part", look_at_the_first_place),
    "machines are never reset": (handover, "free", nothing),
    "stations do two things at once": (readiness, "involved", lambda cell, station: None),
    "custody moves against what a person says": (recovery, "settle", believe_it_arrived),
    "the question about a part to be taken away is dropped": (lifecycle, "_take_away", nothing),
    "parts are believed to be taken away": (lifecycle, "_take_away", believe_that_it_was_taken_away),
    "cancelled orders go on": (lifecycle, "scrap_cancelled", nothing),
    "a paused order is not held": (orders, "steer", nothing),
    "the wrong slot is freed": (lifecycle, "put_back", free_the_slot_of_what_is_put_back),
    "scrap is not made again": (lifecycle, "scrap", scrap_and_forget),
    "serial numbers are used again": (lifecycle, "store_job", reuse_a_serial_number),
    "no stock is taken after a crash": (recovery, "take_stock", nothing),
    "a silent loss is not noticed": (recovery, "lose_sight", nothing),
    "what was under way is done again": (recovery, "doubt", call_it_not_begun),
    "a machine's evidence is not looked at": (recovery, "classify", call_it_done),
    "a machine that stands has not begun": (recovery, "classify", call_what_stands_not_begun),
    "parts are put where there is no way on": (
        reach,
        "ways",
        lambda plan, at, _, on: tuple(reach.legs(plan, at, on)),
    ),
}
assert evidence.classify is recovery.classify  # what is planted there is what is used


@contextmanager
def planted(name: str) -> Iterator[None]:
    """With one bug in the brain."""
    owner, attribute, defect = PLANTED[name]
    real = owner.__dict__[attribute]
    setattr(owner, attribute, defect)
    try:
        yield
    finally:
        setattr(owner, attribute, real)


def found_by(name: str, seeds: Sequence[int] = range(WITHIN)) -> int | None:
    """The first of these seeds whose day shows the bug; None if none does."""
    with planted(name):
        return next((seed for seed in seeds if days.broken(seed)), None)


def claims() -> Iterator[Claim]:
    """One for each bug."""
    for name in PLANTED:
        seed = found_by(name)
        figure = "not found" if seed is None else f"by seed {seed}"
        yield Claim(f"planted: {name}", figure, f"within {WITHIN} seeds", seed is not None)
