"""The route of a product file: steps, and the ways in which each can be done."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cellctl.products.gate import GateKeys

# "{text}" in a product file stands for the parameter of that name.
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileProgram(_Strict):
    """A program that is the same for every order; the path is beside the product file."""

    file: Path


class ResidentProgram(_Strict):
    """A program that has been taught to the machine's controller, by its name or number there."""

    resident: str | int

    @model_validator(mode="after")
    def _named(self) -> "ResidentProgram":
        if isinstance(self.resident, bool) or not str(self.resident).strip():
            raise ValueError(f"resident must be a program's name or number; found {self.resident!r}")
        return self


class GeneratedProgram(BaseModel):
    """A program made from the parameters; settings depend on the generator. "{text}" stands for a parameter."""

    model_config = ConfigDict(extra="allow", frozen=True)

    generator: str


class StepQuestion(_Strict):
    """What a person is asked; the first choice lets the part pass."""

    text: str
    choices: tuple[str, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _told_apart(self) -> "StepQuestion":
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"every choice must be another one; found {', '.join(self.choices)}")
        return self


AnyProgram = FileProgram | ResidentProgram | GeneratedProgram


def _as_text(value: object) -> object:
    """A number as its text, a list (of tools) as one value: set-ups are compared by what is written."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


Dimension = Annotated[str, Field(pattern=_NAME)]
Value = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=64)]
# 0: as much as its program uses.
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


# How many parts one run makes.
Size = Annotated[int, Field(ge=2, le=100)]


class Run(NamedTuple):
    """One of the programs of a way. `key` is where it stands in the file; `machine_type` "": any."""

    key: str
    machine_type: str
    parts: int
    program: AnyProgram


class WayKeys(_Strict):
    """What may be said of a way. `programs`: one for each type of machine. `minutes`: how long one part takes.

    `build`: programs that make several parts in one run, by how many.
    """

    capability: str = ""
    program: AnyProgram | None = None
    programs: dict[Dimension, AnyProgram] = {}
    build: dict[Size, AnyProgram] = {}
    question: StepQuestion | None = None
    instruction: str = ""
    by_hand: bool = True
    setup: dict[Dimension, Value] = {}
    materials: dict[str, Amount] = {}
    tools: dict[str, Amount] = {}
    minutes: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def work(self) -> Mapping[str, AnyProgram]:
        """The program for a single part for each type of machine; "" stands for any."""
        return self.programs if self.program is None else {"": self.program}

    def runs(self) -> Iterator[Run]:
        """All of its programs: shared builds behind the program for a single part, smallest first."""
        for machine_type, program in self.work().items():
            yield Run(f"programs.{machine_type}" if machine_type else "program", machine_type, 1, program)
        for parts in sorted(self.build):
            yield Run(f"build.{parts}", "", parts, self.build[parts])

    def texts(self) -> Iterator[str]:
        """All that may speak of parameters."""
        yield from (self.instruction, *self.setup.values(), *self.materials, *self.tools)
        if self.question is not None:
            yield self.question.text
        for _, _, _, program in self.runs():
            if isinstance(program, GeneratedProgram):
                yield from (value for value in (program.model_extra or {}).values() if isinstance(value, str))


def _against(way: WayKeys) -> str:
    """What is wrong with a way as a whole; empty if nothing is."""
    if not way.capability:
        return "capability is missing"
    if (way.program is not None) + bool(way.programs) + (way.question is not None) > 1 or not (
        way.work() or way.question or way.instruction
    ):
        return "a step has either a program or a question (or programs by type of machine; or an instruction)"
    if way.build and way.program is None:
        return "build goes with program, which makes a single part"
    if way.question is not None and (way.instruction or not way.by_hand):
        return "a question says all that a person must know, and only people answer it"
    return "nobody may do it: there is no program, and by_hand is false" if not (way.work() or way.by_hand) else ""


class ProductWay(WayKeys):
    """One of several ways to do a step."""

    @model_validator(mode="after")
    def _whole(self) -> "ProductWay":
        if against := _against(self):
            raise ValueError(against)
        return self


class ProductStep(WayKeys):
    """One step of the route: the keys of its one way, or several `ways`, best first."""

    step: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    ways: tuple[ProductWay, ...] = ()
    gate: GateKeys | None = None

    @model_validator(mode="after")
    def _short_or_long(self) -> "ProductStep":
        given = sorted(self.model_fields_set & set(WayKeys.model_fields))
        if self.ways and given:
            raise ValueError(f"with [[route.ways]] everything is said there; found beside them: {', '.join(given)}")
        against = "" if self.ways else _against(self)
        if against:
            raise ValueError(against)
        return self

    def each_way(self) -> Iterator[tuple[str, WayKeys]]:
        """Every way, with its key in the step: "" for the only one."""
        if self.ways:
            yield from ((f"ways.{number}.", way) for number, way in enumerate(self.ways))
        else:
            yield "", self

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What its ways ask for, each once."""
        return tuple(dict.fromkeys(way.capability for _, way in self.each_way()))

    def placeholders(self) -> Iterator[str]:
        """The parameters that its settings and texts stand for."""
        for _, way in self.each_way():
            for text in way.texts():
                yield from PLACEHOLDER.findall(text)
