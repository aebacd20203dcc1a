"""The arguments of what people say of material, tools, fixtures, set-ups and parts: `verbs` has all the others."""

from typing import Annotated, Literal

from pydantic import Field

from cellctl.domain.commands import Command
from cellctl.domain.material import Unit
from cellctl.domain.quality import DECISIONS
from cellctl.domain.stock_commands import (
    AdjustMaterial,
    ChangeTool,
    DisposePart,
    LoadMaterial,
    MoveFixture,
    RecordInspection,
    StateSetup,
)
from cellctl.faces.mqtt.arguments import Amount, Arguments, Dimension, Line, Name, Reference


class Load(Arguments):
    """A lot is at a place; a new one says of what it is, and how much."""

    lot: Name
    place: Name
    material: Annotated[Line, Field(max_length=64)] = ""
    amount: Amount | None = None
    unit: Literal["mm", "g", "pieces"] = "mm"
    diameter_mm: Annotated[float, Field(gt=0, le=10)] = 1.75
    density_g_per_cm3: Annotated[float, Field(gt=0, le=25)] = 1.24
    beside: bool = False

    def command(self) -> Command:
        """What was loaded."""
        return LoadMaterial(**dict(self) | {"unit": Unit(self.unit)})


class Adjust(Arguments):
    """So much is really there."""

    lot: Name
    remaining: Amount
    reason: Reference = ""

    def command(self) -> Command:
        """The correction."""
        return AdjustMaterial(**dict(self))


class Change(Arguments):
    """A tool is in a station."""

    station: Name
    tool: Name
    kind: Annotated[Line, Field(max_length=64)] = ""
    life_min: Amount | None = None

    def command(self) -> Command:
        """The change."""
        return ChangeTool(**dict(self))


class Move(Arguments):
    """A fixture is at a place."""

    fixture: Name
    place: Name
    kind: Annotated[Line, Field(max_length=64)] = ""

    def command(self) -> Command:
        """The move."""
        return MoveFixture(**dict(self))


class SetUp(Arguments):
    """How a machine is set up: dimensions such as material or nozzle, and what they are."""

    station: Name
    setup: Annotated[dict[Dimension, Name], Field(min_length=1, max_length=16)]

    def command(self) -> Command:
        """How it is set up."""
        return StateSetup(**dict(self))


class Inspect(Arguments):
    """What was measured of a part, by the names of its characteristics."""

    serial: Name
    values: Annotated[dict[Name, float], Field(min_length=1, max_length=64)]

    def command(self) -> Command:
        """The values."""
        return RecordInspection(self.serial, self.values)


class Dispose(Arguments):
    """What becomes of a part that did not pass."""

    serial: Name
    disposition: Literal["accept", "rework", "scrap", "concession"]
    reason: Reference = ""
    allowed_by: Annotated[Line, Field(max_length=64)] = ""

    def command(self) -> Command:
        """The decision."""
        return DisposePart(self.serial, DECISIONS[self.disposition], self.reason, self.allowed_by)
