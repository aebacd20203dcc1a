"""Orders, parts, recovery, the store: each module of this package that has `claims` has those of one subject."""

import importlib
import pkgutil
from collections.abc import Iterator

from tests.prove.claims import Claim


def claims() -> Iterator[Claim]:
    """All of them, subject after subject."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        subject = importlib.import_module(module.name)
        if hasattr(subject, "claims"):
            yield from subject.claims()
