"""Looking for work only where something that matters has changed, and making values anew."""

from dataclasses import FrozenInstanceError, replace

import pytest

from cellctl.core import looked
from cellctl.core.cell import Cell, Counts, StationStatus
from cellctl.core.changing import changed
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.stops import CellMode
from cellctl.domain.work import Plan, Progress, Station

CELL = Cell(
    Plan("cell", {"printer-1": Station("printer-1", "marlin")}),
    stations={"printer-1": StationStatus(MachineState.EXECUTE, "found")},
)


def same_as_before(cell: Cell) -> bool:
    return looked.again(changed(cell, seen=looked.seen(CELL)), looked.seen(cell))


def test_what_was_hindered_more_is_looked_at_once_that_is_over() -> None:
    idle = told(state=MachineState.IDLE)
    held = changed(told(state=MachineState.HOLDING), seen=looked.seen(idle))
    assert looked.again(held, looked.seen(held))
    back = changed(idle, seen=looked.seen(held))
    assert not looked.again(back, looked.seen(back))


def told(**changes: object) -> Cell:
    return changed(CELL, stations={"printer-1": changed(CELL.stations["printer-1"], **changes)})


def test_a_changed_value_is_what_replace_makes_of_it_and_stays_frozen() -> None:
    counts = changed(Counts(1, 2), rev=7)
    assert counts == replace(Counts(1, 2), rev=7)
    with pytest.raises(FrozenInstanceError):
        counts.rev = 8  # type: ignore[misc]


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Counts has no revision"):
        changed(Counts(), revision=1)


def test_a_cell_that_never_looked_looks() -> None:
    assert not looked.again(CELL, looked.seen(CELL))


@pytest.mark.parametrize(
    "cell",
    [
        CELL,
        changed(CELL, counts=Counts(9)),
        told(progress=Progress(total=3)),
        told(state=MachineState.COMPLETING),
        told(state=MachineState.ABORTING),
        told(state=None),
        told(told=MachineCommand.HOLD),
    ],
)
def test_what_lets_nothing_begin_is_no_reason_to_look_again(cell: Cell) -> None:
    assert same_as_before(cell)


@pytest.mark.parametrize(
    "cell",
    [
        told(state=MachineState.IDLE),
        told(state=MachineState.COMPLETE),
        told(contact="lost"),
        told(setup={"material": "PLA"}),
        changed(CELL, jobs={}),
        changed(CELL, stops=replace(CELL.stops, mode=CellMode.PAUSED)),
        changed(CELL, disk_full=True),
    ],
)
def test_what_may_let_something_begin_is_looked_at(cell: Cell) -> None:
    assert not same_as_before(cell)
