"""Codes that no program may contain, and why: they change the machine itself, not the part.

All other codes that are not allowed are refused as unknown; these are known, and refused with the reason.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from cellctl.gcode.rules import Dialect
from cellctl.gcode.verdict import Findings, Reason

_SETTINGS: Final = "it changes or reads the settings that the machine keeps"
_OFFSETS: Final = "it moves the coordinates of every later program, too"
_CARD: Final = "it works on the memory card, where nobody sees what runs"
_PINS: Final = "it switches pins, whatever is connected to them"
_CONTROL: Final = "it starts, stops or resets the controller, which is the daemon's business"
_TUNING: Final = "it changes how the machine moves, for every later program, too"
_HEATING: Final = "it changes how heaters are controlled, or what protects them"
_LIMITS: Final = "it switches limits of the machine off"
_TALK: Final = "it changes or imitates what the machine says to the daemon"
_PROBING: Final = "it moves until a switch says stop, to where nobody can check"
_STORED: Final = "where it leads is stored in the machine and not known here"

_REMEDY: Final = "Take it out of the program"


def _all(reason: str, codes: Iterable[str]) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(codes, (reason, _REMEDY))


MARLIN: Final[Mapping[str, tuple[str, str]]] = {
    **_all(_SETTINGS, ("M92", "M500", "M501", "M502", "M503", "M504", "M505", "M906", "M907", "M908", "M910")),
    **_all(_OFFSETS, ("M206", "M218", "M290", "M428", "M421", "M665", "M666", "M851")),
    **_all(_CARD, ("M20", "M21", "M22", "M23", "M24", "M25", "M26", "M27", "M28", "M29", "M30", "M32", "M33", "M34")),
    **_all(_CARD, ("M524", "M808", "M928")),
    **_all(_PINS, ("M42", "M43", "M226", "M256", "M260", "M261", "M280", "M281", "M282", "M355", "M380", "M381")),
    **_all(_CONTROL, ("M80", "M81", "M85", "M108", "M110", "M112", "M410", "M413", "M876", "M993", "M994", "M995")),
    **_all(_CONTROL, ("M997", "M999", "M810", "M811", "M812", "M819", "M1000")),
    **_all(_TUNING, ("M201", "M202", "M203", "M207", "M208", "M209", "M350", "M351", "M569", "M593", "M913")),
    **_all(_TUNING, ("M404", "M425", "M592", "M605", "M914", "M919")),
    **_all(_HEATING, ("M301", "M303", "M304", "M305", "M306", "M309", "M143", "M302")),
    **_all(_LIMITS, ("M120", "M121", "M211", "M412", "M540", "M16")),
    **_all(_TALK, ("M111", "M113", "M118", "M154", "M155", "M550", "M552", "M553", "M554", "M575", "M576")),
    **_all(_PROBING, ("G30", "G31", "G32", "G33", "G34", "G35", "G76", "M48", "M401", "M402", "M423")),
    **_all(_PROBING, ("G38.2", "G38.3", "G38.4", "G38.5", "G425")),
    "G20": ("many printers do not know inches, and would take them for millimetres", "Let the slicer write mm"),
}

GRBL: Final[Mapping[str, tuple[str, str]]] = {
    **_all(_OFFSETS, ("G10", "G28.1", "G30.1", "G43", "G43.1", "G43.2", "G50", "G51", "G92.2", "G92.3")),
    **_all(_PROBING, ("G38.2", "G38.3", "G38.4", "G38.5")),
    **_all(_PINS, ("M62", "M63", "M64", "M65", "M66", "M67", "M68", "M56")),
    **_all(_CONTROL, ("M48", "M49", "M50", "M51", "M53", "M70", "M71", "M72", "M73", "M98", "M99", "G65")),
    **_all(_SETTINGS, ("M61", "M500", "M501", "M502")),
    **_all(_STORED, ("G28", "G30")),
    "M6": ("this controller does not change tools", "Make one program for each tool"),
    "G90.1": ("this controller takes I, J and K from the start of an arc only", "Let the CAM program write G91.1"),
}


def refuse_code(name: str, column: int, dialect: Dialect, findings: Findings) -> None:
    """Refuse a code that is not on the allow list, with what is known about it."""
    known = (MARLIN if dialect is Dialect.MARLIN else GRBL).get(name)
    if known:
        reason, remedy = known
        findings.refuse(Reason.DANGEROUS_CODE, name, f"not allowed in a program: {reason}", remedy, column)
    else:
        allowed = "programs for this machine may use the codes on its allow list"
        findings.refuse(Reason.UNKNOWN_CODE, name, allowed, "Take it out, or choose another post processor", column)
