"""A snapshot's text: the cell and its history at one record of the log, for the next start.

It is only a cache. It fits the code that wrote it and no other: the schema is a hash of everything that folds the log,
so that a corrected fold folds the whole log again. What does not come back the same is never written.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from cellctl import core, domain
from cellctl.core.cell import Cell
from cellctl.core.history import Remembered
from cellctl.domain.work import Plan

# Made from the cell file at every start. What is not compared is thought out from the rest.
_PLAN: Final = "plan"
_KINDS: Final[Mapping[str, type[Any]]] = {"cell": Cell, "history": Remembered}


def schema(plan: Plan) -> str:
    """What a snapshot must have been written for: the same code, for the same cell file."""
    return sha256(f"{_code()}{plan!r}".encode()).hexdigest()


def write(cell: Cell, known: Remembered) -> str:
    """The text; "" if it would not be read as what it was. It takes long: to be called in a thread."""
    try:
        content = {"cell": _written("cell", cell), "history": _written("history", known)}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return text if read(text, cell.plan) == (cell, known) else ""
    except (ValueError, TypeError):
        return ""


def read(text: str, plan: Plan) -> tuple[Cell, Remembered]:
    """The cell and its history. Raises ValueError for a text that was written for another schema."""
    content = json.loads(text)
    return Cell(plan=plan, **_read("cell", content)), Remembered(**_read("history", content))


def _written(name: str, whole: Any) -> dict[str, Any]:
    return {each: write_one(getattr(whole, each)) for each, (write_one, _) in _ways(name).items()}


def _read(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {each: read_one(content[name][each]) for each, (_, read_one) in _ways(name).items()}


_Way = tuple[Callable[[Any], Any], Callable[[Any], Any]]


@cache
def _ways(name: str) -> Mapping[str, _Way]:
    """How each field of a dataclass is written and read."""
    kind = _KINDS[name]
    hints = get_type_hints(kind)
    return {each.name: _way(hints[each.name]) for each in fields(kind) if each.name != _PLAN and each.compare}


def _way(hint: Any) -> _Way:
    if get_origin(hint) is not Mapping:
        whole: TypeAdapter[Any] = TypeAdapter(hint)
        return partial(_plain, whole), whole.validate_python
    # Pair by pair: keys need not be text, and other threads get their turn in between.
    keys, values = (TypeAdapter(each) for each in get_args(hint))

    def write_pairs(pairs: Mapping[Any, Any]) -> list[Any]:
        return [[_plain(keys, key), _plain(values, value)] for key, value in pairs.items()]

    def read_pairs(pairs: list[Any]) -> dict[Any, Any]:
        return {keys.validate_python(key): values.validate_python(value) for key, value in pairs}

    return write_pairs, read_pairs


def _plain(adapter: TypeAdapter[Any], value: Any) -> Any:
    return adapter.dump_python(value, mode="json", warnings="error")


@cache
def _code() -> str:
    digest = sha256()
    for room in (core, domain):
        for file in sorted(Path(next(iter(room.__path__))).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
