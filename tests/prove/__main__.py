"""Run the batteries of one area, or of all: one line a claim; the exit status is 1 if any falls short."""

import importlib
import pkgutil
import sys

from tests import prove
from tests.prove.claims import Claim

NO_AREAS = {"__main__", "claims"}


def main(wanted: list[str]) -> int:
    """Areas are the modules of this package that have `claims()`, which yields each claim as it is measured."""
    areas = sorted(module.name for module in pkgutil.iter_modules(prove.__path__) if module.name not in NO_AREAS)
    unknown = [name for name in wanted if name not in areas]
    if unknown:
        print(f"there is no area {', '.join(unknown)}; there are: {', '.join(areas)}")
        return 64
    held = True
    for area in wanted or areas:
        for claim in importlib.import_module(f"tests.prove.{area}").claims():
            checked: Claim = claim
            print(f"{area:<7} {checked.line()}", flush=True)
            held = held and checked.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
