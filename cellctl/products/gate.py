"""The gate of a step in a product file: what is measured, within which limits, and what may become of the rest."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellctl.domain.quality import DECISIONS, Characteristic, Gate

_NAME = r"^[a-z0-9_-]{1,32}$"
Limit = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MeasuredKeys(_Strict):
    """One characteristic; a limit is a good value itself."""

    name: str = Field(pattern=_NAME)
    unit: str = Field(default="", max_length=16)
    lower: Limit | None = None
    upper: Limit | None = None

    @model_validator(mode="after")
    def _limited(self) -> "MeasuredKeys":
        if self.lower is None and self.upper is None:
            raise ValueError(f"{self.name} has no limit: give lower, upper, or both")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"lower {self.lower:g} is above upper {self.upper:g}")
        return self


class GateKeys(_Strict):
    """[route.gate]"""

    measure: tuple[MeasuredKeys, ...] = ()
    values: Literal["optional", "required"] = "optional"
    dispositions: tuple[Literal["rework", "scrap", "concession"], ...] = ("scrap",)
    rework_to: str = ""
    rework_at_most: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _consistent(self) -> "GateKeys":
        names = [each.name for each in self.measure]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"measure: every characteristic needs a name of its own; twice there: {', '.join(twice)}")
        if self.values == "required" and not names:
            raise ValueError('values = "required" needs something to measure')
        if ("rework" in self.dispositions) is not bool(self.rework_to):
            raise ValueError('"rework" among the dispositions and rework_to, the step it goes back to, go together')
        return self

    def gate(self) -> Gate:
        """As the core knows it."""
        return Gate(
            tuple(Characteristic(each.name, each.unit, each.lower, each.upper) for each in self.measure),
            tuple(DECISIONS[word] for word in self.dispositions),
            self.rework_to,
            self.rework_at_most,
            self.values == "required",
        )
