"""What each code of a printer's program does, apart from its letters being allowed. One table."""

from collections.abc import Callable, Mapping
from typing import Final

from cellctl.gcode.letters import Arguments
from cellctl.gcode.printer import Printer
from cellctl.gcode.rules import AXES
from cellctl.gcode.verdict import Reason

Act = Callable[[Printer, str, Arguments], None]


def _move(printer: Printer, name: str, given: Arguments) -> None:
    printer.move(given)


def _bow(printer: Printer, name: str, given: Arguments) -> None:
    printer.bow(given, clockwise=name == "G2")


def _dwell(printer: Printer, name: str, given: Arguments) -> None:
    seconds = given.get("S")
    printer.estimate.rest((given.get("P") or 0.0) / 1000 if seconds is None else seconds)


def _firmware_retraction(printer: Printer, name: str, given: Arguments) -> None:
    if not printer.heaters.may_extrude(printer.extruder.tool, back=name == "G10"):
        printer.extruder.refuse_cold()


def _home(printer: Printer, name: str, given: Arguments) -> None:
    axes = "".join(axis for axis in AXES if axis in given) or AXES
    printer.estimate.rest(sum(printer.rules.fixed_s.get(f"G28 {axis}", 0.0) for axis in axes))
    printer.track.home(axes)
    shift = printer.modes.shift
    x, y, z = (0.0 if axis in axes else old for axis, old in zip(AXES, shift, strict=True))
    printer.modes.shift = (x, y, z)


def _level(printer: Printer, name: str, given: Arguments) -> None:
    """It ends wherever the last probing was."""
    if all(printer.homed(axis) for axis in AXES):
        printer.estimate.rest(printer.rules.fixed_s.get(name, 0.0))
        printer.track.forget()


def _absolute(printer: Printer, name: str, given: Arguments) -> None:
    printer.modes.relative = name == "G91"
    printer.extruder.axes_relative(name == "G91")


def _extruder_mode(printer: Printer, name: str, given: Arguments) -> None:
    printer.extruder.count_relative(name == "M83")


def _renumber(printer: Printer, name: str, given: Arguments) -> None:
    e = given.get("E")
    if e is not None:
        printer.extruder.at = e
    shift = list(printer.modes.shift)
    for index, axis in enumerate(AXES):
        value = given.get(axis)
        if value is not None and printer.homed(axis) and printer.known(axis):
            shift[index] = printer.track.at[index] - value
    printer.modes.shift = (shift[0], shift[1], shift[2])


def _motors_off(printer: Printer, name: str, given: Arguments) -> None:
    if "S" not in given:  # which is only a new idle time-out
        printer.estimate.rest()
        printer.track.lose()


def _rest(printer: Printer, name: str, given: Arguments) -> None:
    printer.estimate.rest()


def _nozzle(printer: Printer, name: str, given: Arguments) -> None:
    wait = name == "M109"
    if wait:
        printer.estimate.rest()
    if "R" in given and printer.heaters.waits_for_ever(_celsius(given)):
        return
    tool = given.get("T")
    number = printer.extruder.tool if tool is None else tool
    if fitted(printer, number):
        now_s = printer.estimate.elapsed_s
        printer.heaters.nozzle(int(number), _celsius(given), wait=wait, now_s=now_s)


def _bed(printer: Printer, name: str, given: Arguments) -> None:
    wait = name == "M190"
    if wait:
        printer.estimate.rest()
    if "R" in given and printer.heaters.waits_for_ever(_celsius(given)):
        return
    printer.heaters.bed(_celsius(given), wait=wait, now_s=printer.estimate.elapsed_s)


def _chamber(printer: Printer, name: str, given: Arguments) -> None:
    printer.heaters.chamber(_celsius(given))


def _celsius(given: Arguments) -> float:
    """S, or the R that M109 and M190 know beside it."""
    celsius = given.get("S")
    return (given.get("R") or 0.0) if celsius is None else celsius


def _feed_percent(printer: Printer, name: str, given: Arguments) -> None:
    printer.modes.feed_scale = (given.get("S") or 100.0) / 100


def _slopes(printer: Printer, name: str, given: Arguments) -> None:
    printing, retract, travel = printer.modes.slopes
    both = given.get("S")  # the old letter for printing and travel together
    printer.modes.slopes = (
        given.get("P") or both or printing,
        given.get("R") or retract,
        given.get("T") or both or travel,
    )


def _corners(printer: Printer, name: str, given: Arguments) -> None:
    """Only the junction deviation counts here; X and Y are for firmware with the older jerk."""
    if given.get("J"):
        printer.estimate.deviation_mm = given["J"] or 0.0


def _axis_slopes(printer: Printer, name: str, given: Arguments) -> None:
    x, y, z, e = (given.get(axis) or old for axis, old in zip("XYZE", printer.estimate.accelerations, strict=True))
    printer.estimate.accelerations = (x, y, z, e)


def _axis_feeds(printer: Printer, name: str, given: Arguments) -> None:
    old = printer.estimate.feed_limits_mm_per_s
    x, y, z, e = (given.get(axis) or before for axis, before in zip("XYZE", old, strict=True))
    printer.estimate.feed_limits_mm_per_s = (x, y, z, e)


def fitted(printer: Printer, tool: float, letter: str = "T") -> bool:
    """Whether there is such a tool. A program that wants another is refused."""
    if tool in printer.rules.tools:
        return True
    tools = ", ".join(f"T{number}" for number in sorted(printer.rules.tools))
    printer.findings.refuse_word(
        Reason.NOT_FITTED, letter, f"tool T{tool:g}", f"this machine has {tools}", "Use a profile of this machine"
    )
    return False


ACTS: Final[Mapping[str, Act]] = {
    "G0": _move,
    "G1": _move,
    "G2": _bow,
    "G3": _bow,
    "G4": _dwell,
    "G10": _firmware_retraction,
    "G11": _firmware_retraction,
    "G28": _home,
    "G29": _level,
    "G80": _level,  # Prusa's; nothing to others
    "G90": _absolute,
    "G91": _absolute,
    "G92": _renumber,
    "M0": _rest,
    "M1": _rest,
    "M18": _motors_off,
    "M82": _extruder_mode,
    "M83": _extruder_mode,
    "M84": _motors_off,
    "M104": _nozzle,
    "M109": _nozzle,
    "M140": _bed,
    "M141": _chamber,
    "M190": _bed,
    "M191": _chamber,
    "M201": _axis_slopes,
    "M203": _axis_feeds,
    "M204": _slopes,
    "M205": _corners,
    "M220": _feed_percent,
    "M400": _rest,
    "M600": _rest,
}
