"""From an order's wishes to a frozen work directive: parameters bound, programs made, kept and checked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import OrderRefused
from cellctl.domain.work import Directive, Parameter, Program, Question, Step
from cellctl.products import engrave
from cellctl.products.product import PLACEHOLDER, FileProgram, GeneratedProgram, Product, ProductStep, ResidentProgram

GENERATORS: Final[Mapping[str, Callable[[dict[str, Any]], list[str]]]] = {"engrave_text": engrave.program}

_MAX_QUANTITY: Final = 500


@dataclass(frozen=True, slots=True)
class Fit:
    """What the pre-flight check says of a program. `lines` counts what is sent; `unfit`: which stations must not run
    it, and why; `estimates_s`: how long those take that may, where it is known."""

    lines: int
    unfit: Mapping[str, str] = field(default_factory=dict)
    estimates_s: Mapping[str, float] = field(default_factory=dict)


class Workbench(Protocol):
    """Where programs are kept and checked. Others go on meanwhile, however large a program is."""

    def keep(self, name: str, content: bytes) -> str:
        """Store a small program durably; returns its SHA-256 in hex."""
        ...

    def adopt(self, path: Path) -> Awaitable[str]:
        """Store the program in a file durably; returns its SHA-256 in hex."""
        ...

    def fit(self, sha256: str, name: str, capability: str) -> Awaitable[Fit]:
        """Check a stored program for every station with this capability; `name` is for messages.

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
    """One step of a route, its program made, kept and checked. Raises OrderRefused."""
    if step.question is not None:
        text = str(fill(step.question.text, parameters))
        return Step(step.step, step.capability, question=Question(text, step.question.choices))
    if isinstance(step.program, ResidentProgram):
        name = str(step.program.resident)
        return Step(step.step, step.capability, Program("", name, 0, resident=name))
    name = f"{product.name}-{product.revision}-{step.step}.gcode"
    if isinstance(step.program, FileProgram):
        sha256 = await bench.adopt(product.folder / step.program.file)
        shown = step.program.file.name
    else:
        sha256 = bench.keep(name, _content(product, step.program, parameters))
        shown = name
    fit = await bench.fit(sha256, shown, step.capability)
    program = Program(sha256, name, fit.lines, next(iter(fit.estimates_s.values()), 0.0))
    return Step(step.step, step.capability, program, unfit=fit.unfit, estimates_s=fit.estimates_s)


def _content(product: Product, program: GeneratedProgram | None, parameters: Mapping[str, Parameter]) -> bytes:
    if program is None or program.generator not in GENERATORS:
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
