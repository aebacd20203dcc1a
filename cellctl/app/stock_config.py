"""[stock], [lots], [tools] and [fixtures] of a cell file: what was there when the cell was first started."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cellctl.domain.material import STORE, Fixture, MaterialLot, Stock, Tool, Unit, mm_per_gram
from cellctl.domain.work import Plan

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Amount = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StockTable(_Strict):
    """[stock]: `margin` is what must be there beside what work needs, as a share of that."""

    margin: float = Field(default=0.05, ge=0, le=10, allow_inf_nan=False)


class LotTable(_Strict):
    """[lots.NAME]: a spool, a box of blanks. Grams of filament become lengths by diameter and density."""

    material: str = Field(min_length=1, max_length=64)
    at: str = STORE
    amount: _Amount
    unit: Unit = Unit.MM
    diameter_mm: float = Field(default=1.75, gt=0, le=10)
    density_g_per_cm3: float = Field(default=1.24, gt=0, le=25)

    def lot(self, name: str) -> MaterialLot:
        """As the core knows it."""
        grams = self.unit is Unit.GRAMS
        per_unit = mm_per_gram(self.diameter_mm, self.density_g_per_cm3) if grams else 1.0
        return MaterialLot(name, self.material, self.at, self.amount, self.unit, per_unit)


class ToolTable(_Strict):
    """[tools.NAME]"""

    kind: str = Field(min_length=1, max_length=64)
    at: str = STORE
    life_min: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    used_min: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def tool(self, name: str) -> Tool:
        """As the core knows it."""
        return Tool(name, self.kind, self.at, self.life_min, self.used_min)


class FixtureTable(_Strict):
    """[fixtures.NAME]"""

    kind: str = Field(min_length=1, max_length=64)
    at: str = STORE


class StockTables(BaseModel):
    """What a cell file may say of its stock."""

    stock: StockTable = StockTable()
    lots: dict[_Name, LotTable] = {}
    tools: dict[_Name, ToolTable] = {}
    fixtures: dict[_Name, FixtureTable] = {}

    def misplaced(self, file: str, stations: Mapping[str, object]) -> Iterator[str]:
        """What lies at places that are not in the cell."""
        tables: Mapping[str, Mapping[str, LotTable | ToolTable | FixtureTable]]
        tables = {"lots": self.lots, "tools": self.tools, "fixtures": self.fixtures}
        for section, items in tables.items():
            for name, item in items.items():
                if item.at != STORE and item.at not in stations:
                    known = ", ".join([*stations, STORE])
                    yield f"{file}: {section}.{name}.at: there is no place {item.at!r}; there are: {known}"

    def stocked(self, plan: Plan) -> Plan:
        """The plan with this stock."""
        lots = {name: table.lot(name) for name, table in self.lots.items()}
        tools = {name: table.tool(name) for name, table in self.tools.items()}
        fixtures = {name: Fixture(name, table.kind, table.at) for name, table in self.fixtures.items()}
        return replace(plan, stock=Stock(lots, tools, fixtures, self.stock.margin))
