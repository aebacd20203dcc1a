"""What a program has set up by a certain line: a value, and the fold of one more line into it.

For Marlin (one code a line) and for Grbl (blocks of codes). It is what a pause has to bring back and what a program
that goes on in its middle has to begin with. What is not known is absent, or nan; nothing is guessed. Whether a line
is allowed at all is the business of the pre-flight check.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final

from cellctl.gcode.block import GROUPS
from cellctl.gcode.reader import name_of
from cellctl.gcode.words import BadLine, Words, words

MM_PER_INCH: Final = 25.4
AXES: Final = "XYZE"
UNKNOWN: Final = math.nan

Position = tuple[float, float, float, float]
Values = Mapping[str, float]

# Behind these follows text, whatever it looks like.
_TEXT: Final = ("M117", "M118", "M115", "M486", "M862", "M0 ", "M1 ")
# And behind these, letters may stand without a number.
_BARE_TAKERS: Final = ("G28", "M17", "M18", "M84")
_BARE: Final = re.compile(r"[A-Z](?! *[-+.0-9])")
_ENDS: Final = {
    "plane": "G17",
    "distance": "G90",
    "feed mode": "G94",
    "system": "G54",
    "spindle": "M5",
    "coolant": "M9",
    "M7": "M9",
}
# The last word of each of these holds until the next one; the letter tells several of a kind apart.
_STICKY: Final = {
    "M106": "P",
    "M201": "",
    "M203": "",
    "M204": "",
    "M205": "",
    "M220": "",
    "M221": "T",
    "M420": "",
    "M900": "T",
}
_HEATERS: Final = {
    "M104": "nozzle",
    "M109": "nozzle",
    "M140": "bed",
    "M190": "bed",
    "M141": "chamber",
    "M191": "chamber",
}


@dataclass(frozen=True, slots=True)
class ModalState:
    """Lengths in mm, feed in mm/min, temperatures in degrees Celsius.

    `codes`: the code in force by modal group, as far as the program has said ("distance": "G90"); below "G92" the
    axes whose origin has been moved. `at_mm`: X, Y, Z
    and E as the program counts them; `shift_mm`: machine coordinates less those (G92). `heat`: targets by heater
    ("nozzle 0", "bed", "chamber"). `settings`: letters of what holds until it is said again ("M106 P0", "M204").
    `homed`: axes that were (Marlin's G28).
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    at_mm: Position = (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    feed_mm_per_min: float = UNKNOWN
    speed_rpm: float = UNKNOWN
    heat: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Values] = field(default_factory=dict)
    homed: frozenset[str] = frozenset()

    @property
    def relative(self) -> bool | None:
        """Whether X, Y and Z count from where they stand; None if the program has not said."""
        return _is("G91", self.codes.get("distance"))

    @property
    def e_relative(self) -> bool | None:
        """Whether E does; None if nothing was said, or firmware differs about it.

        Behind M83, G90 makes E absolute in Marlin 2 and in no other. Under G91, E is relative in all but RepRapFirmware
        and, where M82 came behind it, Marlin 2.
        """
        said = _is("M83", self.codes.get("extruder"))
        differs = self.codes.get("said behind M83") == "G90" if said else bool(self.relative)
        return None if differs else said

    @property
    def tool(self) -> int:
        """The tool in use; 0 until the program has said."""
        return int(self.codes.get("tool", "T0")[1:])


def after_line(state: ModalState, line: str) -> ModalState:
    """With one more line of a program. Behind a line that is no G-code (a macro) nothing is known any more."""
    if line.startswith(_TEXT):
        return state
    if line.startswith(_BARE_TAKERS):
        line = _BARE.sub(r"\g<0>0", line)
    try:
        return after(state, words(line))
    except BadLine:
        return ModalState()


def after_lines(state: ModalState, lines: Iterable[str]) -> ModalState:
    """With some more lines."""
    return reduce(after_line, lines, state)


def after(state: ModalState, line: Words) -> ModalState:
    """With the words of one more line."""
    if not line:
        return state
    letter, number = line[0]
    name = name_of(letter, number)
    command = _COMMANDS.get(name)
    if command is not None:
        return command(state, name, dict(line[1:]))
    if letter == "M" and name not in GROUPS and name not in ("M6", "M7"):
        return state  # Marlin's, and of no consequence for what follows.
    return _block(state, line)


def spelled(value: float) -> str:
    """A number as it is written in a line: at most five decimals, and never an exponent."""
    return f"{value:.5f}".rstrip("0").rstrip(".") if round(value, 5) else "0"


def _is(code: str, said: str | None) -> bool | None:
    return None if said is None else said == code


# ---- blocks ------------------------------------------------------------------------------------------------------


def _block(state: ModalState, line: Words) -> ModalState:
    values: dict[str, float] = {}
    codes = dict(state.codes)
    once = ""
    for letter, number in line:
        if letter not in "GM":
            values[letter] = number
            continue
        name = name_of(letter, number)
        if name in _COMMANDS:  # Behind another code of the same block.
            state = _COMMANDS[name](replace(state, codes=codes), name, dict(line[1:]))
            codes, once = dict(state.codes), name
            continue
        group = GROUPS.get(name, name)
        if group == "once":
            once = name
        elif name in ("M2", "M30"):
            codes = {**codes, **_ENDS}
        else:
            _set(codes, group, name)
    if "T" in values:
        codes["tool"] = f"T{values['T']:.0f}"
    scale = MM_PER_INCH if codes.get("units") == "G20" else 1.0
    if codes.get("system") != state.codes.get("system"):
        state = replace(state, at_mm=(UNKNOWN, UNKNOWN, UNKNOWN, state.at_mm[3]))
    state = replace(
        state,
        codes=codes,
        feed_mm_per_min=_feed(codes, values, state, scale),
        speed_rpm=values.get("S", state.speed_rpm),
    )
    if once == "G53":  # Machine coordinates: where that is for the program, nobody knows.
        return _go(state, dict.fromkeys(values, UNKNOWN), scale)
    return state if once else _go(state, values, scale)


def _set(codes: dict[str, str], group: str, name: str) -> None:
    if name == "M9":
        codes.pop("M7", None)
    codes[group] = name
    if group == "distance":
        codes["said behind M83"] = name


def _feed(codes: Mapping[str, str], values: Values, state: ModalState, scale: float) -> float:
    if codes.get("feed mode") == "G93":
        return UNKNOWN  # There it holds for one line only.
    changed = codes.get("feed mode", "G94") != state.codes.get("feed mode", "G94")
    return values["F"] * scale if "F" in values else UNKNOWN if changed else state.feed_mm_per_min


def _go(state: ModalState, values: Values, scale: float) -> ModalState:
    if values.keys().isdisjoint(AXES):
        return state
    at = [
        _target(state, axis, values[axis] * scale, here) if axis in values else here
        for axis, here in zip(AXES, state.at_mm, strict=True)
    ]
    return replace(state, at_mm=(at[0], at[1], at[2], at[3]))


def _target(state: ModalState, axis: str, value: float, here: float) -> float:
    if axis == "E":
        relative = state.e_relative
        return UNKNOWN if relative is None else here + value if relative else value
    return here + value if state.relative else value


# ---- commands ----------------------------------------------------------------------------------------------------


def _home(state: ModalState, name: str, given: Values) -> ModalState:
    """Marlin's homing, where the switches are; Grbl goes to a stored place. Where that is only the machine knows."""
    axes = {axis for axis in "XYZ" if axis in given} or set("XYZ")
    at = [UNKNOWN if axis in axes else here for axis, here in zip(AXES, state.at_mm, strict=True)]
    shift = [0.0 if axis in axes else old for axis, old in zip("XYZ", state.shift_mm, strict=True)]
    return replace(
        state,
        at_mm=(at[0], at[1], at[2], at[3]),
        shift_mm=(shift[0], shift[1], shift[2]),
        homed=state.homed | axes,
    )


def _lose(state: ModalState, name: str, given: Values) -> ModalState:
    """It has gone somewhere by itself."""
    return replace(state, at_mm=(UNKNOWN, UNKNOWN, UNKNOWN, state.at_mm[3]), codes={**state.codes, name: name})


def _motors_off(state: ModalState, name: str, given: Values) -> ModalState:
    return state if "S" in given else replace(_lose(state, name, given), homed=frozenset())


def _renumber(state: ModalState, name: str, given: Values) -> ModalState:
    scale = MM_PER_INCH if state.codes.get("units") == "G20" else 1.0
    wanted = {axis: value * scale for axis, value in given.items() if axis in AXES} or dict.fromkeys(AXES, 0.0)
    at, shift = list(state.at_mm), list(state.shift_mm)
    for axis, value in wanted.items():
        index = AXES.index(axis)
        if axis != "E":
            shift[index] += at[index] - value
        at[index] = value
    moved = "".join(sorted({*state.codes.get("G92", ""), *wanted} - {"E"}))
    codes = {**state.codes, "G92": moved} if moved else state.codes
    return replace(state, codes=codes, at_mm=(at[0], at[1], at[2], at[3]), shift_mm=(shift[0], shift[1], shift[2]))


def _renumber_no_more(state: ModalState, name: str, given: Values) -> ModalState:
    x, y, z = (here + shift for here, shift in zip(state.at_mm, state.shift_mm, strict=False))
    codes = {group: code for group, code in state.codes.items() if group != "G92"}
    return replace(state, codes=codes, at_mm=(x, y, z, state.at_mm[3]), shift_mm=(0.0, 0.0, 0.0))


def _extruder(state: ModalState, name: str, given: Values) -> ModalState:
    codes = {**state.codes, "extruder": name}
    codes.pop("said behind M83", None)
    return replace(state, codes=codes)


def _heat(state: ModalState, name: str, given: Values) -> ModalState:
    celsius = given.get("S", given.get("R"))
    heater = _HEATERS[name]
    if heater == "nozzle":
        heater = f"nozzle {given.get('T', state.tool):.0f}"
    return state if celsius is None else replace(state, heat={**state.heat, heater: celsius})


def _sticky(state: ModalState, name: str, given: Values) -> ModalState:
    letter = _STICKY[name]
    key = f"{name} {letter}{given.get(letter, 0):.0f}" if letter else name
    said = {other: value for other, value in given.items() if other != letter}
    if name == "M106":
        said = {"S": given.get("S", 255.0)}
    if name == "M204" and "S" in said:  # The old letter for printing and travel together.
        both = said.pop("S")
        said = {"P": both, "T": both, **said}
    return replace(state, settings={**state.settings, key: {**state.settings.get(key, {}), **said}})


def _fan_off(state: ModalState, name: str, given: Values) -> ModalState:
    return _sticky(state, "M106", {"P": given.get("P", 0.0), "S": 0.0})


def _retract(state: ModalState, name: str, given: Values) -> ModalState:
    """With an L it is Grbl's, and moves the origin."""
    if "L" in given:
        return _lose(state, name, given)
    return replace(state, codes={**state.codes, "retraction": name})


def _nothing(state: ModalState, name: str, given: Values) -> ModalState:
    return state


_COMMANDS: Final[Mapping[str, Callable[[ModalState, str, Values], ModalState]]] = {
    "G4": _nothing,
    "G10": _retract,
    "G11": _retract,
    "G28": _home,
    "G29": _lose,
    "G30": _home,
    **dict.fromkeys(("G38.2", "G38.3", "G38.4", "G38.5"), _lose),
    "G92": _renumber,
    "G92.1": _renumber_no_more,
    "M0": _nothing,
    "M1": _nothing,
    "M18": _motors_off,
    "M84": _motors_off,
    "M82": _extruder,
    "M83": _extruder,
    "M107": _fan_off,
    **dict.fromkeys(_HEATERS, _heat),
    **dict.fromkeys(_STICKY, _sticky),
}
