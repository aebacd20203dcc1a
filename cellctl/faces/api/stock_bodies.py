"""Request bodies about lots, tools, fixtures and parts; the path names which one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

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
from cellctl.faces.api.bodies import A_NAME, EXACT, REFERENCE, Body, Name, Reference, printable

Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Dimension = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Value = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=64)]
Label = Annotated[str, AfterValidator(printable), Field(max_length=64)]

AMOUNT = "a number from 0 to 1e9"
LABEL = "up to 64 printable characters"
SETUP = f"1 to 16 dimensions such as material or nozzle (a-z, 0-9, _ and -), each with its value, {LABEL}"


class SaidBody(Body):
    """What somebody says of the thing in the path."""

    def command(self, name: str) -> Command:
        """The command about it."""
        raise NotImplementedError


class LoadBody(SaidBody):
    """POST /v1/lots/{lot}/load."""

    place: Name = Field(description=f"a station, a rack, or store: {A_NAME}")
    material: Label = Field(default="", description=LABEL)
    amount: Amount | None = Field(default=None, description=AMOUNT)
    unit: Literal["mm", "g", "pieces"] = Field(default="mm", description="mm, g or pieces")
    diameter_mm: float = Field(default=1.75, gt=0, le=10, description="above 0, up to 10")
    density_g_per_cm3: float = Field(default=1.24, gt=0, le=25, description="above 0, up to 25")
    beside: bool = Field(default=False, description="true: what is loaded there stays")

    def command(self, name: str) -> Command:
        """What was loaded."""
        own = {key: value for key, value in self if key not in Body.model_fields}
        return LoadMaterial(name, **own | {"unit": Unit(self.unit)})


class AdjustBody(SaidBody):
    """POST /v1/lots/{lot}/adjust."""

    remaining: Amount = Field(description=AMOUNT)
    reason: Reference = Field(default="", description=REFERENCE)

    def command(self, name: str) -> Command:
        """The correction."""
        return AdjustMaterial(name, self.remaining, self.reason)


class ChangeBody(SaidBody):
    """POST /v1/tools/{tool}/change."""

    station: Name = Field(description=f"a station, or store: {A_NAME}")
    kind: Label = Field(default="", description=LABEL)
    life_min: Amount | None = Field(default=None, description=f"minutes, {AMOUNT}; 0: nobody limits it")

    def command(self, name: str) -> Command:
        """The change."""
        return ChangeTool(self.station, name, self.kind, self.life_min)


class MoveBody(SaidBody):
    """POST /v1/fixtures/{fixture}/move."""

    place: Name = Field(description=f"a station, a rack, or store: {A_NAME}")
    kind: Label = Field(default="", description=LABEL)

    def command(self, name: str) -> Command:
        """The move."""
        return MoveFixture(name, self.place, self.kind)


class SetupBody(SaidBody):
    """POST /v1/machines/{machine}/setup."""

    setup: dict[Dimension, Value] = Field(min_length=1, max_length=16, description=SETUP)

    def command(self, name: str) -> Command:
        """How it is set up."""
        return StateSetup(name, self.setup)


class InspectBody(SaidBody):
    """POST /v1/parts/{serial}/inspection."""

    values: dict[Name, Annotated[float, Field(ge=-EXACT, le=EXACT, allow_inf_nan=False)]] = Field(
        min_length=1, max_length=64, description="finite numbers, by the names of what was measured"
    )

    def command(self, name: str) -> Command:
        """The values."""
        return RecordInspection(name, self.values)


class DisposeBody(SaidBody):
    """POST /v1/parts/{serial}/disposition."""

    disposition: Literal["accept", "rework", "scrap", "concession"] = Field(description=", ".join(DECISIONS))
    reason: Reference = Field(default="", description=REFERENCE)
    allowed_by: Label = Field(default="", description=LABEL)

    def command(self, name: str) -> Command:
        """The decision."""
        return DisposePart(name, DECISIONS[self.disposition], self.reason, self.allowed_by)


SAID: Final[Mapping[str, type[SaidBody]]] = MappingProxyType(
    {
        "/v1/lots/{name}/load": LoadBody,
        "/v1/lots/{name}/adjust": AdjustBody,
        "/v1/tools/{name}/change": ChangeBody,
        "/v1/fixtures/{name}/move": MoveBody,
        "/v1/machines/{name}/setup": SetupBody,
        "/v1/parts/{name}/inspection": InspectBody,
        "/v1/parts/{name}/disposition": DisposeBody,
    }
)
