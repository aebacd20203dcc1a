"""Domain values as JSON-like values: the same by every face."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum
from functools import cache
from operator import attrgetter
from typing import Any, Final

# They are as they are; most of what is told is one of these.
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """The value for JSON: dataclasses as objects, PackML and ISA-95 states by name, other enums by value."""
    kind: Any = type(value)
    return value if kind in _PLAIN else _way(kind)(value)


@cache
def _way(kind: Any) -> Callable[[Any], Any]:
    """How values of a type become JSON-like. Asked once for each type: a telling repeats the same few all day."""
    if issubclass(kind, Enum):
        return attrgetter("name" if issubclass(kind, IntEnum) else "value")
    if is_dataclass(kind):
        names = tuple(each.name for each in fields(kind))
        return lambda value: {
            name: each if type(each := getattr(value, name)) in _PLAIN else plain(each) for name in names
        }
    if issubclass(kind, Mapping):
        return lambda value: {str(key): plain(each) for key, each in value.items()}
    if issubclass(kind, list | tuple):
        return lambda value: [plain(each) for each in value]
    return lambda value: value
