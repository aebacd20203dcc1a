"""What a Grbl status report says: `<State:sub|MPos:x,y,z|Bf:15,128|...>`, fields after the second in any order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cellctl_drivers.grbl.facts import MODES, Mode


@dataclass(frozen=True, slots=True)
class Report:
    """One status report. None: the report did not say. Positions are in the units that setting $13 chose.

    `blocks_free` and `bytes_free` are what was free a moment ago: never to be steered by.
    """

    mode: Mode
    word: str
    substate: int | None = None
    machine_position: tuple[float, ...] | None = None
    work_position: tuple[float, ...] | None = None
    work_offset: tuple[float, ...] | None = None
    blocks_free: int | None = None
    bytes_free: int | None = None
    executing_line: int | None = None
    pins: str = ""


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


def _two_counts(text: str) -> tuple[int, int]:
    first, second = text.split(",")
    return int(first), int(second)


# How the fields that we use are read, and into which attributes.
_FIELDS: Final[dict[str, tuple[tuple[str, ...], Callable[[str], Any]]]] = {
    "MPos": (("machine_position",), _numbers),
    "WPos": (("work_position",), _numbers),
    "WCO": (("work_offset",), _numbers),
    "Bf": (("blocks_free", "bytes_free"), _two_counts),
    "Ln": (("executing_line",), int),
    "Pn": (("pins",), str),
}


def parse_report(line: str) -> Report | None:
    """The report in a line that begins with `<`, or None if the line is damaged."""
    if not (line.startswith("<") and line.endswith(">")):
        return None
    state, *fields = line[1:-1].split("|")
    word, _, substate = state.partition(":")
    if not word.isalpha() or (substate and not substate.isdigit()):
        return None
    found: dict[str, Any] = {"substate": int(substate)} if substate else {}
    try:
        for field in fields:
            found.update(_read(field))
    except ValueError:
        return None
    return Report(MODES.get(word, Mode.OTHER), word, **found)


def _read(field: str) -> dict[str, Any]:
    name, _, text = field.partition(":")
    if name not in _FIELDS:
        return {}
    attributes, read = _FIELDS[name]
    value = read(text)
    return dict(zip(attributes, value if len(attributes) > 1 else (value,), strict=True))
