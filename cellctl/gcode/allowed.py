"""The codes that programs may use, by firmware, machine and role; and rules put together from them.

Facts: Marlin's G-code index (MarlinFirmware/MarlinDocumentation:_gcode), Grbl 1.1 (grbl/gcode.c), grblHAL (gcode.c).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from cellctl.gcode.rules import AXES, Code, Dialect, Kind, MachineLimits, MachineRules, Point, Role, Span

# MAX_CMD_SIZE is 96, and what the driver puts around a line is "N10000000 " and "*255" at the longest.
_MARLIN_LINE: Final = 95 - len("N10000000 *255")
# 80 characters with the line end, and the driver may put "N9999999 " before them.
_GRBL_LINE: Final = 79 - len("N9999999 ")
_GRBLHAL_LINE: Final = 255 - len("N9999999 ")

_ANY: Final = Span()
_LONGEST_DWELL_S: Final = 3600


def printer_rules(
    limits: MachineLimits,
    *,
    role: Role = Role.OPERATOR,
    tools: Iterable[int] = (0,),
    homing_s: Point = (0.0, 0.0, 0.0),
    levelling_s: float = 0.0,
) -> MachineRules:
    """The rules of a printer with Marlin, Prusa's firmware, or one that takes itself for them.

    `homing_s`: how long X, Y and Z take to home, one after the other; `levelling_s`: how long G29 takes.
    """
    codes = _table(_MARLIN_CODES) | _slopes(limits)
    if role is Role.ENGINEER:
        codes |= _tuning(limits)
    fixed_s = {"G29": levelling_s, "G80": levelling_s}
    fixed_s |= {f"G28 {axis}": seconds for axis, seconds in zip(AXES, homing_s, strict=True)}
    return MachineRules(Dialect.MARLIN, Kind.PRINTER, limits, codes, _MARLIN_LINE, frozenset(tools), fixed_s)


def router_rules(
    limits: MachineLimits,
    dialect: Dialect = Dialect.GRBL,
    *,
    kind: Kind = Kind.MILL,
    role: Role = Role.OPERATOR,
    tools: Iterable[int] = (0, 1),
    tool_change_s: float = 0.0,
) -> MachineRules:
    """The rules of a mill, router or laser with Grbl 1.1 or grblHAL."""
    table = dict(_GRBL_CODES) | {f"G{number}": "X Y Z" for number in (28, 30) if number in limits.envelope.stored_mm}
    table |= {_system_name(number): "" for number in limits.envelope.work_offsets_mm}
    if dialect is Dialect.GRBLHAL:
        table |= _GRBLHAL_CODES
    if role is Role.ENGINEER:
        table |= _GRBL_ENGINEER_CODES
    longest = _GRBL_LINE if dialect is Dialect.GRBL else _GRBLHAL_LINE
    return MachineRules(dialect, kind, limits, _table(table), longest, frozenset(tools), {"M6": tool_change_s})


def _system_name(number: int) -> str:
    """ "G54" for 54, "G59.1" for 591."""
    return f"G{number}" if number < 100 else f"G{number // 10}.{number % 10}"


# Letters with their numbers ("S0:255"), with any number ("X"), perhaps without one ("X-"); "+": at least one letter
# marked so must be there; "text": the rest is for people.
_MARLIN_CODES: Final[Mapping[str, str]] = {
    "G0": "X Y Z E F",
    "G1": "X Y Z E F",
    "G2": "X Y Z E F I J R",
    "G3": "X Y Z E F I J R",
    "G4": f"P0:{1000 * _LONGEST_DWELL_S} S0:{_LONGEST_DWELL_S}",
    "G10": "S0:1",
    "G11": "",
    "G21": "",
    "G28": "X- Y- Z- O- W- R0:50",
    "G29": "",
    "G80": "",
    "G90": "",
    "G91": "",
    "G92": "X+ Y+ Z+ E+",
    "M0": "text",
    "M1": "text",
    "M17": "X- Y- Z- E-",
    "M18": "X- Y- Z- E- S0:86400",
    "M31": "",
    "M73": "P0:100 R0:99999 Q0:100 S0:99999 C0:99999 D0:99999",
    "M75": "",
    "M77": "",
    "M82": "",
    "M83": "",
    "M84": "X- Y- Z- E- S0:86400",
    "M104": "S+ T0:99",
    "M105": "T0:99",
    "M106": "S0:255 P0:9",
    "M107": "P0:9",
    "M109": "S+ R+ T0:99",
    "M114": "",
    "M115": "text",
    "M117": "text",
    "M140": "S+",
    "M141": "S+",
    "M150": "R0:255 U0:255 B0:255 W0:255 P0:255 I0:255 S0:9",
    "M190": "S+ R+",
    "M191": "S+ R+",
    "M200": "D0:0+",
    "M220": "S10:300+",
    "M221": "S50:200+ T0:99",
    "M300": "S0:20000 P0:10000",
    "M400": "",
    "M420": "S0:1 Z0:20",
    "M486": "text",
    "M600": "",
    "M862.1": "text",
    "M862.2": "text",
    "M862.3": "text",
    "M862.4": "text",
    "M862.5": "text",
    "M862.6": "text",
    "M900": "K0:200+ L0:200+ S0:1 T0:99",  # Marlin itself takes 10 and less, older Prusa firmware more
}

_GRBL_CODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("G0", "G1"), "X Y Z"),
    **dict.fromkeys(("G2", "G3"), "X+ Y+ Z+ I J K R"),
    "G4": f"P0:{_LONGEST_DWELL_S}+",
    **dict.fromkeys(("G17", "G18", "G19", "G20", "G21", "G40", "G49", "G53", "G61", "G80", "G90", "G91"), ""),
    "G92": "X+ Y+ Z+",
    **dict.fromkeys(("G91.1", "G92.1", "G93", "G94"), ""),
    **dict.fromkeys(("M0", "M1", "M2", "M3", "M4", "M5", "M8", "M9", "M30"), ""),
}
_GRBLHAL_CODES: Final[Mapping[str, str]] = {"M6": "", "M7": ""}
_GRBL_ENGINEER_CODES: Final[Mapping[str, str]] = {
    "G10": "X+ Y+ Z+ L P0:9",
    **dict.fromkeys(("G38.2", "G38.3", "G38.4", "G38.5"), "X+ Y+ Z+"),
}


def _slopes(limits: MachineLimits) -> dict[str, Code]:
    """Slicers set accelerations and corners as they go; never above what the machine can bear."""
    most = max(limits.pace.max_acceleration_mm_per_s2)
    slope = dict.fromkeys("PRST", Span(1, most))
    corner = dict.fromkeys("XYZE", Span(0, 50)) | {"J": Span(0, 0.3)}
    return {
        "M204": Code(slope, frozenset(slope)),
        "M205": Code(corner, frozenset(corner)),
    }


def _tuning(limits: MachineLimits) -> dict[str, Code]:
    """What lowers the axes' own limits; they stay lowered until the machine is reset."""
    pace = limits.pace
    accelerations = dict(zip("XYZE", (Span(1, most) for most in pace.max_acceleration_mm_per_s2), strict=False))
    feeds = dict(zip("XYZE", (Span(1, most / 60) for most in pace.max_feed_mm_per_min), strict=False))
    return {
        "M201": Code(accelerations, frozenset(accelerations)),
        "M203": Code(feeds, frozenset(feeds)),
    }


def _table(codes: Mapping[str, str]) -> dict[str, Code]:
    return {name: _code(letters) for name, letters in codes.items()}


def _code(letters: str) -> Code:
    if letters == "text":
        return Code(text=True)
    spans, needs, bare = {}, set(), set()
    for item in letters.split():
        letter, numbers = item[0], item[1:].rstrip("+-")
        if item.endswith("+"):
            needs.add(letter)
        if item.endswith("-"):
            bare.add(letter)
        least, _, most = numbers.partition(":")
        spans[letter] = Span(float(least), float(most)) if numbers else _ANY
    return Code(spans, frozenset(needs), frozenset(bare))
