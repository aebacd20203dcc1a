"""From an order's wishes to a frozen work directive: parameters bound, programs made, kept and checked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import OrderRefused
from cellctl.domain.material import ANY, Used
from cellctl.domain.quality import Gate
from cellctl.domain.work import Directive, Parameter, Program, Question, Step, Way
from cellctl.products import engrave
from cellctl.products.product import Product
from cellctl.products.route import (
    PLACEHOLDER,
    AnyProgram,
    FileProgram,
    GeneratedProgram,
    ProductStep,
    ResidentProgram,
    WayKeys,
)

GENERATORS: Final[Mapping[str, Callable[[dict[str, Any]], list[str]]]] = {"engrave_text": engrave.program}

_MAX_QUANTITY: Final = 500


@dataclass(frozen=True, slots=True)
class Fit:
    """What the pre-flight check says of a program. `lines` counts what is sent; `unfit`: which stations must not run
    it, and why; `estimates_s`: how long those take that may, where it is known; `used`: what it uses up."""

    lines: int
    unfit: Mapping[str, str] = field(default_factory=dict)
    estimates_s: Mapping[str, float] = field(default_factory=dict)
    used: Used = field(default_factory=Used)


class Workbench(Protocol):
    """Where programs are kept and checked. Others go on meanwhile, however large a program is."""

    def keep(self, name: str, content: bytes) -> str:
        """Store a small program durably; returns its SHA-256 in hex."""
        ...

    def adopt(self, path: Path) -> Awaitable[str]:
        """Store the program in a file durably; returns its SHA-256 in hex."""
        ...

    def fit(self, sha256: str, name: str, way: Way) -> Awaitable[Fit]:
        """Check a stored program for every station that could go this way; `name` is for messages.

        Raises OrderRefused if there are such stations, and none of them may run it.
        """
        ...


def choose(products: Sequence[Product], command: SubmitOrder) -> Product:
    """The product that an order means; without a revision the last one in the cell file. Raises OrderRefused."""
    named = [product for product in products if product.name == command.product]
    if not named:
        known = ", ".join(sorted({product.name for product in products})) or "none"
        raise OrderRefused("unknown_target", f"this cell does not make {command.product!r}; it makes: {known}")
    if not command.revision:
        return named[-1]
    for product in named:
        if product.revision == command.revision:
            return product
    known = ", ".join(product.revision for product in named)
    raise OrderRefused("unknown_target", f"{command.product} has no revision {command.revision!r}; it has: {known}")


async def prepare(products: Sequence[Product], command: SubmitOrder, bench: Workbench) -> Directive:
    """Check an order and make its programs. Raises OrderRefused; then nothing has moved and nothing is owed."""
    if not 1 <= command.quantity <= _MAX_QUANTITY:
        raise OrderRefused("invalid", f"quantity must be 1 to {_MAX_QUANTITY}, got {command.quantity}")
    product = choose(products, command)
    parameters = product.bind(command.parameters)
    steps = [await make_step(product, step, parameters, bench) for step in product.route]
    return Directive(product.name, product.revision, parameters, tuple(steps))


async def make_step(product: Product, step: ProductStep, parameters: Mapping[str, Parameter], bench: Workbench) -> Step:
    """One step of a route, its programs made, kept and checked. Raises OrderRefused if no way is left for it."""
    ways: list[Way] = []
    refused: list[OrderRefused] = []
    for _, way in step.each_way():
        plain = _without_program(way, parameters)
        if not way.work():
            ways.append(plain)
        single = False
        for run in way.runs():
            if run.parts > 1 and not single:
                continue  # A build is taken in the stead of its single part, which no machine may make.
            wanted = replace(_for_so_many(plain, run.parts), machine_type=run.machine_type)
            try:
                ways.append(await _with_program(product, step, wanted, run.program, parameters, bench))
                single = True
            except OrderRefused as why:
                refused.append(why)
    if not ways:
        raise refused[0]
    gate = step.gate.gate() if step.gate else None
    return Step(step.step, tuple(_told(way, gate) for way in ways), gate)


def _for_so_many(way: Way, parts: int) -> Way:
    """The way in which several parts are made in one run: what the product states, it states of one."""
    materials, tools = ({name: each * parts for name, each in of.items()} for of in (way.materials, way.tools))
    return replace(way, parts=parts, takes_s=way.takes_s * parts, materials=materials, tools=tools)


def _told(way: Way, gate: Gate | None) -> Way:
    """A question at a gate says what is measured."""
    if gate is None or way.question is None or not gate.characteristics:
        return way
    text = f"{way.question.text} Measure: {'; '.join(map(str, gate.characteristics))}."
    return replace(way, question=replace(way.question, text=text))


def _without_program(way: WayKeys, parameters: Mapping[str, Parameter]) -> Way:
    asked = way.question
    question = Question(str(fill(asked.text, parameters)), asked.choices) if asked else None
    return Way(
        way.capability,
        question=question,
        setup={dimension: str(fill(value, parameters)) for dimension, value in way.setup.items()},
        materials={str(fill(name, parameters)): amount for name, amount in way.materials.items()},
        tools={str(fill(name, parameters)): minutes for name, minutes in way.tools.items()},
        by_hand=way.by_hand,
        instruction=str(fill(way.instruction, parameters)),
        takes_s=way.minutes * 60,
    )


async def _with_program(
    product: Product,
    step: ProductStep,
    way: Way,
    program: AnyProgram,
    parameters: Mapping[str, Parameter],
    bench: Workbench,
) -> Way:
    """A way whose program is made, kept and checked. Raises OrderRefused."""
    if isinstance(program, ResidentProgram):
        name = str(program.resident)
        return replace(way, program=Program("", name, 0, way.takes_s, resident=name))
    several = f"-x{way.parts}" if way.parts > 1 else ""
    name = f"{product.name}-{product.revision}-{step.step}{several}.gcode"
    if isinstance(program, FileProgram):
        sha256 = await bench.adopt(product.folder / program.file)
        shown = program.file.name
    else:
        sha256 = bench.keep(name, _content(product, program, parameters))
        shown = name
    fit = await bench.fit(sha256, shown, way)
    made = Program(sha256, name, fit.lines, next(iter(fit.estimates_s.values()), way.takes_s))
    needs = replace(
        way,
        materials=_needed(way.materials, fit.used.extruded_mm),
        tools=_needed(way.tools, fit.used.cutting_min),
    )
    return replace(needs, program=made, unfit=fit.unfit, estimates_s=fit.estimates_s)


def _needed(stated: Mapping[str, float], by_program: float) -> Mapping[str, float]:
    """What the product states; what it names without an amount, or does not name at all, is what the program uses."""
    if not stated:
        return {ANY: round(by_program, 3)} if by_program else {}
    return {name: amount or round(by_program, 3) for name, amount in stated.items()}


def _content(product: Product, program: GeneratedProgram, parameters: Mapping[str, Parameter]) -> bytes:
    if program.generator not in GENERATORS:
        raise OrderRefused("internal", f"{product.name}: a step has no program that this cell can make")
    settings = {key: fill(value, parameters) for key, value in (program.model_extra or {}).items()}
    return ("\n".join(GENERATORS[program.generator](settings)) + "\n").encode("ascii")


def fill(value: Any, parameters: Mapping[str, Parameter]) -> Any:
    """Put parameters where a product file says "{name}"; one that stands alone keeps its type."""
    if not isinstance(value, str):
        return value
    alone = PLACEHOLDER.fullmatch(value)
    if alone:
        return parameters.get(alone[1], value)
    return PLACEHOLDER.sub(lambda match: str(parameters.get(match[1], match[0])), value)
