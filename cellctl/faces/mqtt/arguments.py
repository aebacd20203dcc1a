"""What the arguments of requests are made of: names, amounts, instants, each within its limits."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cellctl.domain.commands import Command


def _uuid(text: str) -> str:
    return str(UUID(text))


def _utc(text: str) -> str:
    if text and (not text.endswith("Z") or datetime.fromisoformat(text).tzinfo is None):
        raise ValueError("must be a UTC instant such as 2030-01-31T12:00:00Z")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters")
    return text


CommandId = Annotated[str, Field(min_length=36, max_length=36), AfterValidator(_uuid)]
Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Dimension = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Line = Annotated[str, Field(max_length=1000), AfterValidator(_printable)]
Quantity = Annotated[int, Field(ge=1, le=1000)]
Priority = Annotated[int, Field(ge=-1000, le=1000, description="higher goes first")]
Reference = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Instant = Annotated[str, Field(max_length=40), AfterValidator(_utc)]


class Arguments(BaseModel):
    """The `args` of a request. Those that make a command of their own say which."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def command(self) -> Command | None:
        """The command, or None for a query and for a verb that needs a machine."""
        return None
