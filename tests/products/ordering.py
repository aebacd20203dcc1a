"""Orders made ready at the workbench of the example's cell."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from cellctl.app.config import CellConfig, load
from cellctl.app.workbench import Workbench
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.work import Directive
from cellctl.products.product import Product
from cellctl.products.workshop import prepare
from cellctl.stores.files import MemoryFiles

FOLDER = Path(__file__).parents[2] / "examples" / "nameplate"
CELL = load(FOLDER / "cell.toml")


class Shop:
    """A workbench with what is kept there."""

    def __init__(self, cell: CellConfig = CELL) -> None:
        self.files = MemoryFiles()
        self.bench = Workbench(cell, self.files)

    def order(self, product: Product, command: SubmitOrder) -> Directive:
        """Prepare an order."""
        return asyncio.run(prepare([product], command, self.bench))

    def lines(self, directive: Directive, step: int) -> Iterator[str]:
        """The program of a step, as it is kept."""
        program = directive.steps[step].ways[0].program
        assert program is not None
        return self.files.lines(program.sha256)
