"""Every invariant has been seen to fail: each violation is planted into a cell that is in order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cellctl.core.cell import Cell
from cellctl.core.instructions import Answer, Instruction, Remember, Start, Tell
from cellctl.core.invariants import broken, broken_by
from cellctl.domain import events as ev
from cellctl.domain.commands import Reply, rejected
from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Disposition, Job, Operation, OperationState, Place, Prompt, Question

from .shop import Shop

FIRST, SECOND = "nameplate-A-00001", "nameplate-A-00002"


def at_work() -> Cell:
    """Part 1 is carried to the router, part 2 is printed, part 3 waits."""
    shop = Shop()
    shop.wake()
    shop.order(quantity=3)
    shop.work(shop.started.pop(0))
    assert broken(shop.cell) == []
    return shop.cell


def unknown() -> Cell:
    """As above, and after a restart."""
    shop = Shop()
    shop.cell = at_work()
    shop.feed(ev.ControllerStarted("test"))
    shop.wake()
    assert broken(shop.cell) == []
    return shop.cell


def part(cell: Cell, serial: str, **changes: Any) -> Cell:
    return replace(cell, parts={**cell.parts, serial: replace(cell.parts[serial], **changes)})


def job(cell: Cell, name: str, **changes: Any) -> Cell:
    return replace(cell, jobs={**cell.jobs, name: replace(cell.jobs[name], **changes)})


def operation(cell: Cell, name: str, **changes: Any) -> Cell:
    return replace(cell, operations={**cell.operations, name: replace(cell.operations[name], **changes)})


def carry_of(cell: Cell) -> str:
    return next(name for name, each in cell.operations.items() if each.step == "carry")


def sought() -> Cell:
    return replace(operation(unknown(), carry_of(unknown()), sought=True), prompts={})


def twice(cell: Cell, name: str) -> Cell:
    return replace(cell, operations={**cell.operations, "op-99": replace(cell.operations[name], id="op-99")})


def asking(cell: Cell, **about: str) -> Cell:
    prompt = Prompt("prompt-99", "arm-1", Question("?", ("yes", "yes")), **about)
    return replace(cell, prompts={**cell.prompts, prompt.id: prompt})


CELLS: list[tuple[Callable[[], Cell], str]] = [
    (lambda: part(at_work(), FIRST, place=Place("printer-2.bed")), "2 parts are at printer-2.bed"),
    (lambda: part(at_work(), FIRST, place=Place("lathe-9.chuck")), "which is no place of this cell"),
    (lambda: part(at_work(), FIRST, place=Place("outfeed.1")), "works on nameplate-A-00001, which is outfeed.1"),
    (lambda: part(at_work(), SECOND, place=Place("router-1.vise")), "needs router-1.vise, where nameplate-A-00002 is"),
    (lambda: part(at_work(), FIRST, disposition=Disposition.SCRAPPED), "0 prompts ask to take it away"),
    (lambda: replace(at_work(), parts={}), "RUNNING without a part"),
    (lambda: job(at_work(), "job-1", state=JobState.INTERRUPTED), "the outcome of its operation is known"),
    (lambda: job(unknown(), "job-1", state=JobState.RUNNING), "the outcome of its operation is unknown"),
    (lambda: job(at_work(), "job-1", state=JobState.ENDED), "job-1 is ENDED with op-"),
    (lambda: job(at_work(), "job-3", serial=FIRST), "2 jobs make nameplate-A-00001"),
    (lambda: job(at_work(), "job-3", state=JobState.ABORTED), "0 made and 2 to make of 3"),
    (lambda: twice(at_work(), carry_of(at_work())), "2 operations touch arm-1 at once"),
    (lambda: twice(at_work(), carry_of(at_work())), "job-1 has 2 open operations"),
    (lambda: replace(at_work(), operations={}, transfers={}), "and nothing keeps carry from beginning at arm-1"),
    (lambda: replace(unknown(), prompts={}), "0 prompts ask about op-"),
    (lambda: operation(unknown(), carry_of(unknown()), sought=True), "1 prompts ask about op-"),
    (lambda: station(sought(), "arm-1", contact="lost"), "which is not heard, and nobody is asked"),
    (lambda: asking(unknown(), operation_id=carry_of(unknown())), "2 prompts ask about op-"),
    (lambda: asking(at_work(), operation_id="op-98"), "prompt-99 asks about nothing that is open"),
    (lambda: asking(at_work(), serial=FIRST), "choices that cannot be told apart"),
    (lambda: cancelled(at_work()), "job-3 of order-1, which is cancelled, still waits"),
]


def told(cell: Cell, **changes: bool) -> Cell:
    return replace(cell, orders={name: replace(entry, **changes) for name, entry in cell.orders.items()})


def cancelled(cell: Cell) -> Cell:
    return told(cell, cancelled=True)


@pytest.mark.parametrize(("plant", "says"), CELLS, ids=[says for _, says in CELLS])
def test_what_must_not_be_in_a_cell_is_named(plant: Callable[[], Cell], says: str) -> None:
    assert [sentence for sentence in broken(plant()) if says in sentence]


def station(cell: Cell, name: str, **changes: Any) -> Cell:
    return replace(cell, stations={**cell.stations, name: replace(cell.stations[name], **changes)})


def started(cell: Cell, **changes: Any) -> Operation:
    return replace(cell.operations[carry_of(cell)], **changes)


def idle() -> Cell:
    """As at work, and everything stands still."""
    cell = at_work()
    for name in cell.stations:
        cell = station(cell, name, state=MachineState.IDLE)
    return cell


TURNS: list[tuple[Cell, list[Instruction], str]] = [
    (idle(), [Start(started(idle(), id="op-99"))], "op-99 is started without an intent"),
    *(
        (told(idle(), **change), [Start(started(idle()))], "and order-1 is not to go on")
        for change in ({"paused": True}, {"cancelled": True}, {"released": False})
    ),
    (station(idle(), "arm-1", state=None), [Start(started(idle()))], "is started at arm-1, which is not idle"),
    (station(idle(), "arm-1", contact="lost"), [Start(started(idle()))], "is started at arm-1, which is not idle"),
    (
        station(idle(), "router-1", state=MachineState.EXECUTE),
        [Start(started(idle()))],
        "router-1, which is not known to",
    ),
    (
        operation(idle(), "op-2", state=OperationState.UNKNOWN),
        [Start(started(idle(), source=Place("printer-2.bed")))],
        "is started where the outcome of op-2 is unknown",
    ),
    (idle(), [Tell("arm-1", MachineCommand.RESET)], "arm-1 is told to reset in the middle of an operation"),
    (idle(), [Tell("printer-1", MachineCommand.RESET)], "is told to reset while it holds nameplate-A-00001"),
    (idle(), [Remember(ev.JobStored(Job("job-9", "order-1", FIRST)))], "job-9 reuses a number"),
    (idle(), [Answer(Reply("accepted")), Answer(Reply("accepted"))], "2 answers to one command"),
    (
        idle(),
        [Remember(ev.OrderCancelled("order-1", "ada")), Answer(rejected("invalid", ""))],
        "had effects: order.canc",
    ),
    (idle(), [Remember(ev.OrderCancelled("order-1", "ada"))], "does not give the cell"),
]


@pytest.mark.parametrize(("cell", "todo", "says"), TURNS, ids=[says for *_, says in TURNS])
def test_what_must_not_happen_in_a_turn_is_named(cell: Cell, todo: list[Instruction], says: str) -> None:
    assert [sentence for sentence in broken_by(cell, todo, cell) if says in sentence]
