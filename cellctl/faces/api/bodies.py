"""Request bodies, parsed strictly: a mistake is answered with field, what was found and what is allowed."""

import json
from datetime import datetime
from typing import Annotated, Any, NoReturn, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cellctl.domain.commands import SubmitOrder, UpdateOrder
from cellctl.faces.api.answers import BadRequest

MOST_MISTAKES = 10
MOST_FOUND = 60
MOST_MESSAGE = 200
MOST_LINE = 95
# Beyond this, JSON's numbers are no longer exact in every language.
EXACT = 2**53


def _uuid(text: str) -> str:
    return str(UUID(text))


def _utc(text: str) -> str:
    if not text.endswith("Z"):
        raise ValueError("not UTC")
    datetime.fromisoformat(text)
    return text


def printable(text: str) -> str:
    """A text without control characters. Raises ValueError."""
    """Without control characters. Raises ValueError."""
    if not text.isprintable():
        raise ValueError("control characters")
    return text


CommandId = Annotated[str, AfterValidator(_uuid), Field(description="a UUID")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
Text = Annotated[str, Field(max_length=1000)]
Whole = Annotated[int, Field(ge=-EXACT, le=EXACT)]
Real = Annotated[float, Field(ge=-EXACT, le=EXACT, allow_inf_nan=False)]


Quantity = Annotated[int, Field(ge=1, le=1000)]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
OrderName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
Reference = Annotated[str, Field(max_length=200), AfterValidator(printable)]
Instant = Annotated[str, AfterValidator(_utc)]

A_NAME = "letters, digits, . _ -"
PARAMETERS = "texts up to 1000 characters and finite numbers, by name"
QUANTITY = "a whole number from 1 to 1000"
PRIORITY = "a whole number from -1000 to 1000, higher goes first"
INSTANT = "a UTC instant such as 2030-01-31T12:00:00Z"
REFERENCE = "up to 200 printable characters"


class Body(BaseModel):
    """What every command may carry: its idempotency key, and until when it may take effect."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: CommandId | None = Field(default=None, description="a UUID")
    deadline_at: Instant | None = Field(default=None, description=f"{INSTANT}, not more than a day away")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """From the bytes of a request; none at all mean {}. Raises BadRequest."""
        try:
            return cls.model_validate(_object(raw or b"{}"))
        except ValidationError as wrong:
            mistakes = dict.fromkeys(_mistake(cls, error) for error in wrong.errors(include_url=False))
            raise BadRequest("; ".join(list(mistakes)[:MOST_MISTAKES])) from wrong


class OrderBody(Body):
    """POST /v1/orders. Limits of parameters are the product's, not checked here."""

    product: Name = Field(description=f"the name of a product: {A_NAME}")
    revision: Name | None = Field(default=None, description=f"a revision: {A_NAME}")
    parameters: dict[Name, Text | Whole | Real] = Field(default_factory=dict, max_length=64, description=PARAMETERS)
    quantity: Quantity = Field(default=1, description=QUANTITY)
    priority: Priority = Field(default=0, description=PRIORITY)
    due_at: Instant | None = Field(None, description=INSTANT)
    customer_reference: Reference = Field(default="", description=REFERENCE)
    release: bool = Field(default=True, description="true, or false: it waits to be started")
    order_id: OrderName | None = Field(default=None, description="your own name for it, 1 to 64 printable characters")

    def command(self) -> SubmitOrder:
        """The order as the core knows it."""
        return SubmitOrder(
            self.product,
            self.parameters,
            self.revision or "",
            self.quantity,
            self.priority,
            self.due_at or "",
            self.customer_reference,
            self.release,
            self.order_id or "",
        )


class UpdateBody(Body):
    """POST /v1/orders/{id}/update: what is absent stays as it is; parameters are replaced all together."""

    product: Name | None = Field(default=None, description=f"the name of a product: {A_NAME}")
    revision: Name | None = Field(default=None, description=f"a revision: {A_NAME}")
    parameters: dict[Name, Text | Whole | Real] | None = Field(None, max_length=64, description=PARAMETERS)
    quantity: Quantity | None = Field(default=None, description=QUANTITY)
    priority: Priority | None = Field(default=None, description=PRIORITY)
    due_at: Instant | None = Field(default=None, description=INSTANT)
    customer_reference: Reference | None = Field(default=None, description=REFERENCE)

    def command(self, order_id: str) -> UpdateOrder:
        """The change as the core knows it."""
        return UpdateOrder(
            order_id,
            self.product or "",
            self.revision or "",
            self.parameters,
            self.quantity,
            self.priority,
            self.due_at,
            self.customer_reference,
        )


class AnswerBody(Body):
    """POST /v1/prompts/{id}/answer."""

    choice: Annotated[str, AfterValidator(printable)] = Field(
        min_length=1, max_length=200, description="one of the question's choices, as text"
    )


class ResumeBody(Body):
    """POST /v1/machines/{machine}/resume-at."""

    line: int = Field(ge=1, le=EXACT, description="a whole number above 0")


class LineBody(Body):
    """POST /v1/machines/{machine}/console."""

    line: Annotated[str, AfterValidator(printable)] = Field(
        min_length=1, max_length=MOST_LINE, description=f"one line of up to {MOST_LINE} printable characters"
    )


def _object(raw: bytes) -> Any:
    """JSON that every reader reads alike: UTF-8, each key once, no NaN."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        raise BadRequest(f"the body must be one JSON object: {wrong}"[:MOST_MESSAGE]) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _mistake(kind: type[BaseModel], error: Any) -> str:
    if not error["loc"]:
        return "the body must be one JSON object"
    top = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{_shown(top)}: unknown, allowed: {', '.join(kind.model_fields)}"
    found = "nothing" if error["type"] == "missing" else _shown(error["input"])
    # Deeper parts name members of a union, which mean nothing to the sender.
    place = ".".join(str(part)[:MOST_FOUND] for part in error["loc"][:2]) if top == "parameters" else top
    return f"{place}: found {found}, allowed: {kind.model_fields[top].description}"


def _shown(found: Any) -> str:
    text = json.dumps(found, default=str)
    return text if len(text) <= MOST_FOUND else f"{text[:MOST_FOUND]}…"
