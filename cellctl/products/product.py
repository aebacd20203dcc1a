"""A product: what may be chosen about it, and the route on which it is made. Parsed from product.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - handed in, seeded
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cellctl.domain.errors import ConfigError, OrderRefused
from cellctl.domain.work import Parameter
from cellctl.products.mistakes import mistakes_in, shown
from cellctl.products.route import ProductStep


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextParameter(_Strict):
    """Printable ASCII text; lengths in characters."""

    type: Literal["text"]
    min_length: int = Field(default=1, ge=0)
    max_length: int = Field(ge=1, le=256)
    default: str | None = None
    description: str = ""

    @model_validator(mode="after")
    def _possible(self) -> "TextParameter":
        if self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length} is above max_length {self.max_length}")
        return _with_a_default_that_binds(self)

    def bind(self, name: str, value: Any) -> str:
        """Check a value. Raises OrderRefused."""
        if not isinstance(value, str):
            raise OrderRefused("invalid", f"{name} must be text, got {shown(value)}")
        if not self.min_length <= len(value) <= self.max_length:
            raise OrderRefused(
                "invalid", f"{name} must have {self.min_length} to {self.max_length} characters, got {len(value)}"
            )
        strange = sorted({char for char in value if not " " <= char <= "~"})
        if strange:
            raise OrderRefused("invalid", f"{name} may hold printable ASCII only, got {', '.join(map(repr, strange))}")
        return value

    def example(self, rng: Random) -> str:
        """A value that is allowed, for simulated customers: a few capital letters."""
        length = rng.randint(self.min_length, max(self.min_length, min(self.max_length, 8)))
        return "".join(rng.choice("ABCDEFGHIKLMNOPRSTUVWZ") for _ in range(length))


class NumberParameter(_Strict):
    """A number between two bounds, both allowed."""

    type: Literal["number"]
    minimum: float = Field(allow_inf_nan=False)
    maximum: float = Field(allow_inf_nan=False)
    default: float | None = None
    description: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> "NumberParameter":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return _with_a_default_that_binds(self)

    def bind(self, name: str, value: Any) -> float:
        """Check a value. Raises OrderRefused."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OrderRefused("invalid", f"{name} must be a number, got {shown(value)}")
        if not self.minimum <= value <= self.maximum:
            raise OrderRefused("invalid", f"{name} must be {self.minimum:g} to {self.maximum:g}, got {shown(value)}")
        return float(value)

    def example(self, rng: Random) -> float:
        """A value that is allowed, for simulated customers: the default if there is one."""
        return self.default if self.default is not None else round(rng.uniform(self.minimum, self.maximum), 1)


_Parameter = TypeVar("_Parameter", TextParameter, NumberParameter)


def _with_a_default_that_binds(parameter: _Parameter) -> _Parameter:
    try:
        if parameter.default is not None:
            parameter.bind("default", parameter.default)
    except OrderRefused as refused:
        raise ValueError(str(refused)) from None
    return parameter


class _Head(_Strict):
    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    revision: str = Field(pattern=r"^[A-Za-z0-9]{1,8}$")


class _ProductFile(_Strict):
    product: _Head
    parameters: dict[str, Annotated[TextParameter | NumberParameter, Field(discriminator="type")]] = {}
    route: tuple[ProductStep, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "_ProductFile":
        steps = [step.step for step in self.route]
        twice = sorted({name for name in steps if steps.count(name) > 1})
        if twice:
            raise ValueError(f"route: every step needs a name of its own; twice there: {', '.join(twice)}")
        for step in self.route:
            strange = sorted(set(step.placeholders()) - set(self.parameters))
            if strange:
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"route: {step.step} uses {', '.join(strange)}; the parameters are: {known}")
        for number, step in enumerate(self.route):
            if against := _against_build(self.route, number):
                raise ValueError(f"route: {step.step}.build {against}")
            back_to = step.gate.rework_to if step.gate else ""
            if back_to and back_to not in steps[1:number]:
                # The first step makes the part; what it did wrong is scrap.
                between = ", ".join(steps[1:number]) or "none"
                raise ValueError(
                    f"route: {step.step}.gate.rework_to must be a step between the first and it: {between}"
                )
        return self


def _against_build(route: tuple[ProductStep, ...], number: int) -> str:
    """Why a step cannot be shared; empty if it can, or is not."""
    step, then = route[number], route[number + 1 : number + 2]
    if not any(way.build for _, way in step.each_way()):
        return ""
    if number:
        return f"is for the first step, which makes the parts: {route[0].step}"
    if step.gate is not None:
        return "goes with no gate: parts are inspected in a step of their own"
    same = sorted({each for following in then for each in following.capabilities} & {*step.capabilities})
    # What shares a machine leaves it before anything else is done there.
    return f"goes with no next step that wants {', '.join(same)}, too" if same else ""


@dataclass(frozen=True, slots=True)
class Product:
    """A revision of a product, ready to be ordered. `folder` is where its files are."""

    name: str
    revision: str
    parameters: Mapping[str, TextParameter | NumberParameter]
    route: tuple[ProductStep, ...]
    folder: Path

    def bind(self, given: Mapping[str, Any]) -> dict[str, Parameter]:
        """Check an order's parameters and fill in defaults. Raises OrderRefused with the first mistake."""
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            raise OrderRefused(
                "invalid", f"{self.name} has no parameter {', '.join(unknown)}; it has: {', '.join(self.parameters)}"
            )
        bound: dict[str, Parameter] = {}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None:
                raise OrderRefused("invalid", f"{name} is missing: {parameter.description or parameter.type}")
            bound[name] = parameter.bind(name, value)
        return bound

    def describe(self) -> dict[str, Any]:
        """What can be ordered, as JSON-like values."""
        parameters = {name: spec.model_dump(exclude_none=True) for name, spec in self.parameters.items()}
        route = [{"step": step.step, "capability": " | ".join(step.capabilities)} for step in self.route]
        return {"name": self.name, "revision": self.revision, "parameters": parameters, "route": route}


def parse_product(table: Mapping[str, Any], path: Path) -> Product:
    """A product from the tables of its file. Raises ConfigError with all mistakes."""
    try:
        file = _ProductFile.model_validate(table)
    except ValidationError as error:
        raise ConfigError(mistakes_in(error, path.name)) from None
    return Product(file.product.name, file.product.revision, file.parameters, file.route, path.parent)
