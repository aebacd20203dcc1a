"""What a Grbl status report says: `<State:sub|MPos:x,y,z|Bf:15,128|...>`, fields after the second in any order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cellctl_drivers.grbl.facts import MODES, Mode


@dataclass(frozen=True, slots=True)
class Report:
    """One status report. None: the report did not say. Positions are in the units that setting $13 chose.

    `blocks_free` and `bytes_free` are what was free a moment ago: never to be steered by. `overrides_percent` are
    feed, rapids and spindle. `accessories`: S and C for the spindle, F and M for coolant; told only with Ov.
    `pendant`: a hand wheel has taken over (grblHAL's MPG).
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
    spindle_rpm: float | None = None
    overrides_percent: tuple[int, ...] | None = None
    accessories: str = ""
    pendant: bool = False
    pins: str = ""

    @property
    def spindle_turns(self) -> bool:
        """Whether it says that the spindle is on."""
        return bool(self.spindle_rpm) or "S" in self.accessories or "C" in self.accessories


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _buffers(text: str) -> dict[str, Any]:
    blocks, free = text.split(",")
    return {"blocks_free": int(blocks), "bytes_free": int(free)}


def _feed_and_speed(text: str) -> dict[str, Any]:
    # grblHAL may add a third number, the measured speed. The feed is stale in a hold there, and proves nothing.
    return {"spindle_rpm": _numbers(text)[1]}


# How the fields that we use are read.
_FIELDS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "MPos": lambda text: {"machine_position": _numbers(text)},
    "WPos": lambda text: {"work_position": _numbers(text)},
    "WCO": lambda text: {"work_offset": _numbers(text)},
    "Bf": _buffers,
    "Ln": lambda text: {"executing_line": int(text)},
    "FS": _feed_and_speed,
    "Ov": lambda text: {"overrides_percent": _counts(text)},
    "A": lambda text: {"accessories": text},
    "MPG": lambda text: {"pendant": text == "1"},
    "Pn": lambda text: {"pins": text},
}


@lru_cache(maxsize=256)
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
            name, _, text = field.partition(":")
            if name in _FIELDS:
                found |= _FIELDS[name](text)
    except (ValueError, IndexError):
        return None
    return Report(MODES.get(word, Mode.OTHER), word, **found)
