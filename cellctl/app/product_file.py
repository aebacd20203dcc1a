"""product.toml, with everything that it points to: programs that are there, generators that take their settings."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from pydantic import ValidationError

from cellctl.app.toml_file import Mistakes, read_toml
from cellctl.domain.errors import OrderRefused
from cellctl.products.mistakes import mistakes_in
from cellctl.products.product import Product, parse_product
from cellctl.products.route import AnyProgram, FileProgram, GeneratedProgram
from cellctl.products.workshop import GENERATORS, fill


def load_product(path: Path) -> Product:
    """Read a product file and try its route. Raises ConfigError with every mistake in it."""
    product = parse_product(read_toml(path), path)
    mistakes = Mistakes()
    for where, program in _programs(product):
        if isinstance(program, FileProgram) and not (path.parent / program.file).is_file():
            mistakes.append(f"{path.name}: {where}.file must be a file beside it; found {str(program.file)!r}")
        elif isinstance(program, GeneratedProgram):
            mistakes += _try(product, program, path.name, where)
    mistakes.check()
    return product


def _programs(product: Product) -> Iterator[tuple[str, AnyProgram]]:
    """Every program of the route, with its key in the file."""
    for number, step in enumerate(product.route):
        for key, way in step.each_way():
            yield from ((f"route.{number}.{key}{run.key}", run.program) for run in way.runs())


def _try(product: Product, program: GeneratedProgram, file: str, where: str) -> Iterator[str]:
    """Make one program, as for an order: what fails here would fail for a customer."""
    if program.generator not in GENERATORS:
        known = ", ".join(GENERATORS)
        yield f"{file}: {where}.generator must be one of: {known}; found {program.generator!r}"
        return
    rng = Random(0)  # noqa: S311 - any values within the product's limits
    parameters = {name: spec.example(rng) for name, spec in product.parameters.items()}
    settings = {key: fill(value, parameters) for key, value in (program.model_extra or {}).items()}
    try:
        GENERATORS[program.generator](settings)
    except ValidationError as error:
        yield from mistakes_in(error, file, where)
    except OrderRefused as refused:
        # An example that does not fit says nothing about the product.
        if refused.code == "invalid":
            yield f"{file}: {where}: {refused}"
