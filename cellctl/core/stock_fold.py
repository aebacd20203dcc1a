"""Folding events into the stock: lots, tools, fixtures. Total: about something that is not there it changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from cellctl.domain import stock_events as ev
from cellctl.domain.material import Fixture, MaterialLot, Stock, Tool

_Item = TypeVar("_Item", MaterialLot, Tool, Fixture)


def after(stock: Stock, event: ev.StockEvent) -> Stock:
    """The stock after an event of the log."""
    match event:
        case ev.ToolChanged(tool=tool):
            return replace(stock, tools=_with(stock.tools, tool))
        case ev.ToolUsed(tool_id=tool_id, minutes=minutes):
            used = stock.tools.get(tool_id)
            worn = replace(used, used_min=used.used_min + minutes) if used else None
            return replace(stock, tools=_with(stock.tools, worn))
        case ev.FixtureMoved(fixture=fixture):
            return replace(stock, fixtures=_with(stock.fixtures, fixture))
    return replace(stock, lots=_with(stock.lots, _lot(stock, event)))


def _lot(stock: Stock, event: ev.MaterialLoaded | ev.MaterialConsumed | ev.MaterialAdjusted) -> MaterialLot | None:
    if isinstance(event, ev.MaterialLoaded):
        return event.lot
    lot = stock.lots.get(event.lot_id)
    if lot is None:
        return None
    if isinstance(event, ev.MaterialConsumed):
        return replace(lot, consumed=lot.consumed + event.amount)
    return replace(lot, adjusted=lot.adjusted + event.amount)


def _with(items: Mapping[str, _Item], item: _Item | None) -> Mapping[str, _Item]:
    return {**items, item.id: item} if item else items
