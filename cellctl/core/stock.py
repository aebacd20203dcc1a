"""Material, tools and fixtures: what keeps work from a station, and what it reserves.

An operation reserves by its `claims`, for as long as it is open. What it has used up is `usage`'s business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cellctl.core.cell import Cell
from cellctl.core.reasons import Reason
from cellctl.domain.material import ANY, STORE, Claim, MaterialLot, Of, Tool
from cellctl.domain.work import Station

# Sums of thousands of lengths are not exact.
_SLACK: Final = 1e-6


class Needing(Protocol):
    """What work needs: mm of filament or pieces by material, minutes of use by kind of tool, and a set-up."""

    @property
    def materials(self) -> Mapping[str, float]:
        """By material; ANY: whatever is loaded."""
        ...

    @property
    def tools(self) -> Mapping[str, float]:
        """By kind; ANY: whatever is fitted."""
        ...

    @property
    def setup(self) -> Mapping[str, str]:
        """The dimension "fixture" names a kind of fixture."""
        ...


def against(cell: Cell, way: Needing, station: Station) -> tuple[Reason, ...]:
    """What is not there that work at a station needs with its margin; nothing if all of it is.

    A cell that has no lots keeps no account of material, and asks for none; the same holds for tools and fixtures.
    """
    if not (way.materials or way.tools or way.setup):
        return ()
    chosen = [*_lots(cell, way, station), *_tools(cell, way, station)]
    return (*(each for each in chosen if isinstance(each, Reason)), *_fixture(cell, way, station))


def claims(cell: Cell, way: Needing, station: Station) -> tuple[Claim, ...]:
    """What an operation reserves that is to begin now; nothing speaks against it."""
    chosen = [*_lots(cell, way, station), *_tools(cell, way, station)]
    return tuple(each for each in chosen if isinstance(each, Claim))


def held(cell: Cell, of: Of, name: str) -> float:
    """How much of a lot or a tool is reserved by open operations."""
    open_claims = (claim for operation in cell.operations.values() for claim in operation.claims)
    return sum(claim.held for claim in open_claims if (claim.of, claim.id) == (of, name))


def _lots(cell: Cell, way: Needing, station: Station) -> Iterator[Claim | Reason]:
    here = [lot for lot in cell.stock.lots.values() if lot.place == station.name] if way.materials else []
    for material, need in way.materials.items() if cell.stock.lots else ():
        if not here and (material == ANY or station.attended):
            continue  # No stock is kept there; a person brings along what is needed.
        fitting = [lot for lot in here if material in (ANY, lot.material)]
        offers = [_offer(cell, lot, need) for lot in fitting]
        enough = [offer for offer in offers if offer.left >= offer.claim.held - _SLACK]
        if enough:
            # Remnants first.
            yield min(enough, key=lambda offer: offer.left).claim
        elif offers:
            yield Reason(
                "material_short",
                "; ".join(_short(station, lot, each) for lot, each in zip(fitting, offers, strict=True)),
            )
        else:
            known = ", ".join(sorted({lot.material for lot in here})) or "none"
            what = f"{station.name} has no {material} (loaded: {known})"
            yield Reason("material_missing", f"{what}: cellctl material load LOT {station.name}")


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a lot or a tool has left that nobody has reserved, and what would be taken of it."""

    left: float
    claim: Claim


def _offer(cell: Cell, lot: MaterialLot, need: float) -> _Offer:
    need /= lot.mm_per_unit
    claim = Claim(Of.LOT, lot.id, need, need * (1 + cell.stock.margin))
    return _Offer(lot.remaining - held(cell, Of.LOT, lot.id), claim)


def _short(station: Station, lot: MaterialLot, offer: _Offer) -> str:
    unit = lot.unit.value
    there = f"{station.name} has {max(0.0, offer.left):.6g} {unit} of {lot.material} ({lot.id}) that is not reserved"
    return f"{there}, and {offer.claim.held:.6g} {unit} are needed with the margin"


def _tools(cell: Cell, way: Needing, station: Station) -> Iterator[Claim | Reason]:
    here = [tool for tool in cell.stock.tools.values() if tool.station == station.name] if way.tools else []
    for kind, need_min in way.tools.items() if cell.stock.tools else ():
        if not here and (kind == ANY or station.attended):
            continue
        fitting = [tool for tool in here if kind in (ANY, tool.kind)]
        claim_min = need_min * (1 + cell.stock.margin)
        enough = [tool for tool in fitting if _left_min(cell, tool) >= claim_min - _SLACK]
        if enough:
            worn_most = min(enough, key=lambda tool: _left_min(cell, tool))
            yield Claim(Of.TOOL, worn_most.id, need_min, claim_min)
        elif fitting:
            left_min = max(0.0, *(_left_min(cell, tool) for tool in fitting))
            names = ", ".join(tool.id for tool in fitting)
            what = f"{names} at {station.name} has {left_min:.3g} min of its life left, and {claim_min:.3g} are needed"
            yield Reason("tool_worn", f"{what}: cellctl tool change {station.name} TOOL")
        else:
            what = f"{station.name} has no tool {kind}"
            yield Reason("tool_missing", f"{what}: cellctl tool change {station.name} TOOL --kind {kind}")


def _left_min(cell: Cell, tool: Tool) -> float:
    return tool.left_min - held(cell, Of.TOOL, tool.id)


def _fixture(cell: Cell, way: Needing, station: Station) -> Iterator[Reason]:
    """A fixture is there if it is fitted to the station, or can be: it lies where no machine works."""
    kind = way.setup.get("fixture", "")
    kinds = {each.kind for each in cell.stock.fixtures.values()}
    if not kind or not kinds or station.attended:
        return
    places = {each.place for each in cell.stock.fixtures.values() if each.kind == kind}
    if station.name in places or any(place == STORE or not cell.plan.station(place).driver for place in places):
        return
    where = f"it is at {', '.join(sorted(places))}" if places else "the cell has none"
    yield Reason("fixture_missing", f"{station.name} needs the fixture {kind}, and {where}")
