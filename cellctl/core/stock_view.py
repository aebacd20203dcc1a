"""What the stock looks like from outside: lots, tools and fixtures with what of them is reserved."""

from dataclasses import dataclass

from cellctl.core import stock
from cellctl.core.cell import Cell
from cellctl.domain.material import Of


@dataclass(frozen=True, slots=True)
class LotView:
    """One lot; amounts in `unit`. `free` is what remains and is not reserved for work that has begun."""

    id: str
    material: str
    place: str
    unit: str
    remaining: float
    reserved: float
    free: float
    loaded: float
    consumed: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool. `life_min` is 0 and `left_min` None where nobody limits its life."""

    id: str
    kind: str
    station: str
    life_min: float
    used_min: float
    reserved_min: float
    left_min: float | None


@dataclass(frozen=True, slots=True)
class FixtureView:
    """One fixture, and where it is fitted or lies."""

    id: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class StockView:
    """All of it. `margin` is what must be there beside what work needs, as a share of that."""

    margin: float = 0.0
    lots: tuple[LotView, ...] = ()
    tools: tuple[ToolView, ...] = ()
    fixtures: tuple[FixtureView, ...] = ()


def show(cell: Cell) -> StockView:
    """The stock of a cell as it is now; amounts to a millionth."""
    there = cell.stock
    return StockView(
        margin=there.margin,
        lots=tuple(_lot(cell, name) for name in there.lots),
        tools=tuple(_tool(cell, name) for name in there.tools),
        fixtures=tuple(FixtureView(each.id, each.kind, each.place) for each in there.fixtures.values()),
    )


def _lot(cell: Cell, name: str) -> LotView:
    lot, reserved = cell.stock.lots[name], stock.held(cell, Of.LOT, name)
    amounts = (lot.remaining, reserved, lot.remaining - reserved, lot.loaded, lot.consumed, lot.adjusted)
    return LotView(lot.id, lot.material, lot.place, lot.unit.value, *(round(each, 6) for each in amounts))


def _tool(cell: Cell, name: str) -> ToolView:
    tool, reserved_min = cell.stock.tools[name], stock.held(cell, Of.TOOL, name)
    left_min = round(tool.left_min - reserved_min, 6) if tool.life_min else None
    minutes = (tool.life_min, round(tool.used_min, 6), round(reserved_min, 6))
    return ToolView(tool.id, tool.kind, tool.station, *minutes, left_min)
