"""What `[machines.<name>.limits]` may say for every machine that runs G-code; each family adds its own keys."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellctl.gcode.rules import AXES, Point, Role

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Place = tuple[Number, Number, Number]
"""X, Y, Z in mm."""


class LimitsTable(BaseModel):
    """Machine coordinates, mm; lists are in the order X, Y, Z (E). Travel is one length an axis, or two ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    travel_mm: tuple[Positive, Positive, Positive] | None = None
    min_mm: Place | None = None
    max_mm: Place | None = None
    feed_ceiling_mm_per_min: Annotated[
        Positive | None, Field(description="a program that asks for more is refused; by default none is")
    ] = None
    tools: Annotated[tuple[Annotated[int, Field(ge=0, le=99)], ...], Field(min_length=1)] = (0,)
    role: Annotated[
        Literal["operator", "engineer"], Field(description="engineer: programs may also set the machine up")
    ] = "operator"

    @model_validator(mode="after")
    def _travels(self) -> "LimitsTable":
        ends = self.min_mm, self.max_mm
        if (None in ends) == (self.travel_mm is None):
            raise ValueError("give either travel_mm, or min_mm and max_mm")
        if self.travel_mm is not None and ends != (None, None):
            raise ValueError("travel_mm and min_mm, max_mm say the same; give one of them")
        if self.min_mm is not None and self.max_mm is not None:
            for axis, least, most in zip(AXES, self.min_mm, self.max_mm, strict=True):
                if least >= most:
                    raise ValueError(
                        f"min_mm must be below max_mm on every axis; {axis} goes from {least:g} to {most:g}"
                    )
        return self

    def ends_mm(self, *, downwards: bool) -> tuple[Point, Point]:
        """The lowest and the highest corner; a `travel_mm` goes from 0 up, or (`downwards`) from 0 down."""
        if self.travel_mm is not None:
            x, y, z = self.travel_mm
            return ((-x, -y, -z), (0.0, 0.0, 0.0)) if downwards else ((0.0, 0.0, 0.0), (x, y, z))
        return self.min_mm or (0.0, 0.0, 0.0), self.max_mm or (0.0, 0.0, 0.0)

    @property
    def permits(self) -> Role:
        """Whose programs run here."""
        return Role(self.role)
