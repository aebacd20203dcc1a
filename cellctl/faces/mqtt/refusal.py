"""Why a request is refused; the code is part of the interface."""

from collections.abc import Mapping
from typing import Any, Final

NOTHING: Final[Mapping[str, Any]] = {}


class Refused(Exception):
    """A request that is answered `rejected:<code>` and has no effect."""

    def __init__(self, code: str, message: str, result: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(message)
        self.code = f"rejected:{code}"
        self.result = result
