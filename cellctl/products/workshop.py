"""From an order's wishes to a frozen work directive: parameters bound, programs made, files kept."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cellctl.domain.commands import SubmitOrder
from cellctl.domain.errors import OrderRefused
from cellctl.domain.work import Directive, Parameter, Program, Question, Step
from cellctl.gcode.gate import sendable_lines
from cellctl.products import engrave
from cellctl.products.product import PLACEHOLDER, FileProgram, GeneratedProgram, Product, ProductStep

GENERATORS: Final[Mapping[str, Callable[[dict[str, Any]], list[str]]]] = {"engrave_text": engrave.program}

_MAX_QUANTITY: Final = 500

# Stores a program's content under a name, durably, and answers its SHA-256 in hex.
Keep = Callable[[str, bytes], str]


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


def prepare(products: Sequence[Product], command: SubmitOrder, keep: Keep) -> Directive:
    """Check an order and make its programs. Raises OrderRefused; then nothing has moved and nothing is owed."""
    if not 1 <= command.quantity <= _MAX_QUANTITY:
        raise OrderRefused("invalid", f"quantity must be 1 to {_MAX_QUANTITY}, got {command.quantity}")
    product = choose(products, command)
    parameters = product.bind(command.parameters)
    steps = tuple(_step(product, step, parameters, keep) for step in product.route)
    return Directive(product.name, product.revision, parameters, steps)


def _step(product: Product, step: ProductStep, parameters: Mapping[str, Parameter], keep: Keep) -> Step:
    if step.question is not None:
        text = str(fill(step.question.text, parameters))
        return Step(step.step, step.capability, question=Question(text, step.question.choices))
    name = f"{product.name}-{product.revision}-{step.step}.gcode"
    content = _content(product, step.program, parameters)
    # Split as whoever reads the stored file does: to str.splitlines a byte 0x85 in a comment ends a line.
    lines = sum(1 for _ in sendable_lines(io.TextIOWrapper(io.BytesIO(content), encoding="latin-1")))
    return Step(step.step, step.capability, Program(keep(name, content), name, lines))


def _content(
    product: Product, program: FileProgram | GeneratedProgram | None, parameters: Mapping[str, Parameter]
) -> bytes:
    if isinstance(program, FileProgram):
        return (product.folder / program.file).read_bytes()
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
