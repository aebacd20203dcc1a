"""What people do with the stock: load and adjust lots, change tools, move fixtures; and what it begins with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from cellctl.core.cell import Cell
from cellctl.core.instructions import Turn
from cellctl.core.whereabouts import moving
from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.events import CarrierMoved, SetupChanged
from cellctl.domain.material import STORE, Fixture, MaterialLot, Tool, Unit, mm_per_gram
from cellctl.domain.stock_commands import (
    AdjustMaterial,
    ChangeTool,
    LoadMaterial,
    MoveFixture,
    StateSetup,
)
from cellctl.domain.stock_events import FixtureMoved, MaterialAdjusted, MaterialLoaded, ToolChanged
from cellctl.domain.work import Knowledge, OperationKind

CELL_FILE: Final = "cell file"

_Item = TypeVar("_Item")


def open_shop(turn: Turn) -> None:
    """What the cell file says was there comes into the log, each lot, tool, fixture and carrier once and for all.

    A carrier that was where the file knows no place for it any more is where the file has it now.
    """
    said, known = turn.cell.plan.stock, turn.cell.stock
    for lot in _new(said.lots, known.lots):
        turn.remember(MaterialLoaded(lot, CELL_FILE))
    for tool in _new(said.tools, known.tools):
        turn.remember(ToolChanged(tool, CELL_FILE))
    for fixture in _new(said.fixtures, known.fixtures):
        turn.remember(FixtureMoved(fixture, CELL_FILE))
    for name, carrier in turn.cell.plan.carriers.items():
        at = turn.cell.carriers[name]
        lost = at.place not in carrier.fits and moving(turn.cell, name) is None
        if at.knowledge is Knowledge.PRESUMED or lost:
            turn.remember(CarrierMoved(name, carrier.at, Knowledge.RECORDED, CELL_FILE))


def _new(said: Mapping[str, _Item], known: Mapping[str, _Item]) -> Iterable[_Item]:
    return [item for name, item in said.items() if name not in known]


def carry_out(turn: Turn, envelope: Envelope) -> Reply | None:
    """Do what a person has said, or refuse it: then it has no effect. None for what is not about the stock."""
    match envelope.command:
        case LoadMaterial() as command:
            return _load(turn, command, envelope.sender)
        case AdjustMaterial() as command:
            return _adjust(turn, command, envelope.sender)
        case ChangeTool() as command:
            return _change(turn, command, envelope.sender)
        case MoveFixture() as command:
            return _move(turn, command, envelope.sender)
        case StateSetup() as command:
            return _state(turn, command, envelope.sender)
    return None


def _load(turn: Turn, command: LoadMaterial, by: str) -> Reply:
    known = turn.cell.stock.lots.get(command.lot)
    others = [] if command.beside else list(_beside(turn.cell, command.place, command.lot))
    refused = (
        _nowhere(turn.cell, command.place)
        or _misfit(known, command)
        or _in_use(turn.cell, [command.lot, *(lot.id for lot in others)])
    )
    if refused:
        return refused
    for lot in others:
        turn.remember(MaterialLoaded(replace(lot, place=STORE), by))
    lot = replace(known, place=command.place) if known else _new_lot(command)
    turn.remember(MaterialLoaded(lot, by))
    _set_up(turn, lot.place, "material", lot.material, by)
    there = f"{lot.id}: {lot.remaining:.6g} {lot.unit.value} of {lot.material} at {lot.place}"
    moved = f"; {', '.join(other.id for other in others)} now in the store" if others else ""
    return Reply("accepted", there + moved, {"lot": lot.id, "remaining": lot.remaining})


def _beside(cell: Cell, place: str, lot_id: str) -> Iterator[MaterialLot]:
    """What a machine has to give up for another lot; racks and the store take any number."""
    if cell.plan.station(place).driver:
        yield from (lot for lot in cell.stock.lots.values() if lot.place == place and lot.id != lot_id)


def _misfit(known: MaterialLot | None, command: LoadMaterial) -> Reply | None:
    if known is None:
        if command.material and command.amount is not None and command.amount > 0:
            return None
        return rejected("invalid", f"{command.lot} is new here: say of what material it is, and how much (above 0)")
    if command.amount is not None or command.material not in ("", known.material):
        left = f"{known.remaining:.6g} {known.unit.value} of {known.material}"
        return rejected("id_reused", f"{command.lot} is known: {left}; correct it: cellctl material adjust {known.id}")
    return None


def _new_lot(command: LoadMaterial) -> MaterialLot:
    grams = command.unit is Unit.GRAMS
    per_unit = mm_per_gram(command.diameter_mm, command.density_g_per_cm3) if grams else 1.0
    return MaterialLot(command.lot, command.material, command.place, command.amount or 0.0, command.unit, per_unit)


def _adjust(turn: Turn, command: AdjustMaterial, by: str) -> Reply:
    lot = turn.cell.stock.lots.get(command.lot)
    if lot is None:
        known = ", ".join(turn.cell.stock.lots) or "none"
        return rejected("unknown_target", f"there is no lot {command.lot}; there are: {known}")
    if not 0 <= command.remaining < float("inf"):
        return rejected("invalid", f"what remains of {lot.id} must be 0 or more, got {command.remaining:g}")
    turn.remember(MaterialAdjusted(lot.id, command.remaining - lot.remaining, by, command.reason))
    said = f"{lot.id}: {command.remaining:.6g} {lot.unit.value} (the record said {lot.remaining:.6g})"
    return Reply("accepted", said, {"lot": lot.id, "remaining": command.remaining})


def _change(turn: Turn, command: ChangeTool, by: str) -> Reply:
    known = turn.cell.stock.tools.get(command.tool)
    kind = known.kind if known else command.kind
    refused = _nowhere(turn.cell, command.station) or _in_use(turn.cell, [command.tool])
    if refused is None and not kind:
        refused = rejected("invalid", f"{command.tool} is new here: say what kind of tool it is")
    if refused is None and known and command.kind not in ("", known.kind):
        refused = rejected("id_reused", f"{known.id} is known as {known.kind}; a tool of another kind has another name")
    at_machine = bool(turn.cell.plan.station(command.station).driver)
    others = [
        tool
        for tool in turn.cell.stock.tools.values()
        if at_machine and tool.station == command.station and tool.kind == kind and tool.id != command.tool
    ]
    refused = refused or _in_use(turn.cell, [tool.id for tool in others])
    if refused:
        return refused
    for other in others:
        turn.remember(ToolChanged(replace(other, station=STORE), by))
    tool = replace(known or Tool(command.tool, kind, STORE), station=command.station)
    if command.life_min is not None:
        tool = replace(tool, life_min=command.life_min)
    turn.remember(ToolChanged(tool, by))
    left = f"{tool.left_min:.3g} min left" if tool.life_min else "no limit to its life"
    return Reply("accepted", f"{tool.id} ({tool.kind}) is at {tool.station}: {left}", {"tool": tool.id})


def _move(turn: Turn, command: MoveFixture, by: str) -> Reply:
    known = turn.cell.stock.fixtures.get(command.fixture)
    kind = known.kind if known else command.kind
    refused = _nowhere(turn.cell, command.place)
    if refused is None and not kind:
        refused = rejected("invalid", f"{command.fixture} is new here: say what kind of fixture it is")
    if refused:
        return refused
    turn.remember(FixtureMoved(Fixture(command.fixture, kind, command.place), by))
    _set_up(turn, command.place, "fixture", kind, by)
    return Reply("accepted", f"{command.fixture} ({kind}) is at {command.place}", {"fixture": command.fixture})


def _state(turn: Turn, command: StateSetup, by: str) -> Reply:
    name, said = command.station, command.setup
    status = turn.cell.stations.get(name)
    if status is None:
        return rejected("unknown_target", f"there is no machine {name}; there are: {', '.join(turn.cell.stations)}")
    refused = _at_work(turn.cell, name) or _contradicted(turn.cell, name, said)
    if refused:
        return refused
    changed = {dimension: value for dimension, value in said.items() if status.setup.get(dimension) != value}
    if changed:
        turn.remember(SetupChanged(name, changed, by))
    setup = {**status.setup, **changed}
    is_now = ", ".join(f"{dimension} {value}" for dimension, value in sorted(setup.items()))
    return Reply("accepted", f"{name} is set up with {is_now}", {"setup": setup})


def _at_work(cell: Cell, station: str) -> Reply | None:
    """Whoever changes a machine over is asked when they have done; while it works nobody does."""
    open_there = (each for each in cell.operations.values() if each.station == station)
    operation = next((each for each in open_there if each.kind is not OperationKind.CARRY), None)
    if operation is None:
        return None
    busy = f"{station} is at {operation.id} ({operation.step}), which must end first: cellctl status"
    return rejected("precondition_failed", busy)


def _contradicted(cell: Cell, station: str, said: Mapping[str, str]) -> Reply | None:
    """What the stock knows better: the material of the lots that are loaded there, the fixture that is fitted."""
    lots = {lot.material for lot in cell.stock.lots.values() if lot.place == station}
    fixtures = {each.kind for each in cell.stock.fixtures.values() if each.place == station}
    for dimension, known, way in (
        ("material", lots, f"material load LOT {station}"),
        ("fixture", fixtures, f"fixture move FIXTURE {station}"),
    ):
        if known and said.get(dimension, "") not in ("", *known):
            has = f"{station} has the {dimension} {', '.join(sorted(known))}, by the stock; say what has changed"
            return rejected("precondition_failed", f"{has}: cellctl {way}")
    return None


def _set_up(turn: Turn, station: str, dimension: str, value: str, by: str) -> None:
    """What is loaded or fitted is how a station is set up, where that is kept account of."""
    status = turn.cell.stations.get(station)
    if status is not None and status.setup.get(dimension, value) != value:
        turn.remember(SetupChanged(station, {dimension: value}, by))


def _nowhere(cell: Cell, place: str) -> Reply | None:
    if place == STORE or place in cell.plan.stations:
        return None
    there_are = ", ".join([*cell.plan.stations, STORE])
    return rejected("unknown_target", f"there is no place {place}; there are: {there_are}")


def _in_use(cell: Cell, names: list[str]) -> Reply | None:
    """What an open operation has reserved stays where it is."""
    for operation in cell.operations.values():
        taken = [claim.id for claim in operation.claims if claim.id in names]
        if taken:
            what = f"{taken[0]} is reserved for {operation.id} at {operation.station}, which must end first"
            return rejected("precondition_failed", what)
    return None
