"""Every command that is not a move, in one table. A command that takes time is a Task; all others are done at once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cellctl_sim.board import Task, Wait
from cellctl_sim.heat import Heater
from cellctl_sim.marlin import moves, reports
from cellctl_sim.paths import Vector

if TYPE_CHECKING:
    from cellctl_sim.marlin.device import Marlin

_WINDOW_CELSIUS: Final = 1.0
_RESIDENCY_S: Final = 10.0
_HEATER_MARGIN: Final = {"nozzle": 15.0, "bed": 10.0}
_REPORT_EVERY_S: Final = 1.0
# A quick stop at a stand was seen to take over a second.
_QUICK_STOP_S: Final = 1.1


@dataclass(frozen=True, slots=True)
class Given:
    """A command's letters, and its text behind the code for those that want it as it is."""

    letters: Mapping[str, float]
    text: str

    def __contains__(self, letter: str) -> bool:
        return letter in self.letters

    def get(self, letter: str, otherwise: float = 0.0) -> float:
        """A letter's number, or what to take without it."""
        return self.letters.get(letter, otherwise)


Run = Callable[["Marlin", Given, float], Task | None]


def _nothing(board: "Marlin", given: Given, now_s: float) -> None:
    """Understood, and of no consequence here."""


# ---- motion and modes ----------------------------------------------------------------------------------------


def _finish_moves(board: "Marlin", given: Given, now_s: float) -> Task:
    yield Wait.REST


def _dwell(board: "Marlin", given: Given, now_s: float) -> Task:
    now_s = yield Wait.REST
    yield now_s + (given.get("S") or given.get("P") / 1000)


def _home(board: "Marlin", given: Given, now_s: float) -> Task:
    return moves.home(board, given.letters)


def _renumber(board: "Marlin", given: Given, now_s: float) -> None:
    moves.renumber(board, given.letters)


def _absolute(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.relative = board.modes.e_relative = False


def _relative(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.relative = board.modes.e_relative = True


def _absolute_e(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.e_relative = False


def _relative_e(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.e_relative = True


def _motors_off(board: "Marlin", given: Given, now_s: float) -> Task | None:
    if "S" in given:
        return None  # only a new idle timeout
    return _motors_off_now(board)


def _motors_off_now(board: "Marlin") -> Task:
    now_s = yield Wait.REST
    board.modes.homed = frozenset()
    board.printer.turn_off(now_s)


def _feed_percent(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.dials["M220"] = given.get("S", board.modes.dials["M220"])


def _flow_percent(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.dials["M221"] = given.get("S", board.modes.dials["M221"])


def _fan(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.dials["M106"] = min(max(given.get("S", 255.0), 0.0), 255.0)


def _fan_off(board: "Marlin", given: Given, now_s: float) -> None:
    board.modes.dials["M106"] = 0.0


def _quick_stop(board: "Marlin", given: Given, now_s: float) -> Task:
    board.quick_stop(now_s)
    yield now_s + _QUICK_STOP_S


def _max_acceleration(board: "Marlin", given: Given, now_s: float) -> None:
    limits = board.planner.limits
    board.planner.limits = limits._replace(acceleration_mm_per_s2=_axes(given, limits.acceleration_mm_per_s2))


def _max_feed(board: "Marlin", given: Given, now_s: float) -> None:
    limits = board.planner.limits
    board.planner.limits = limits._replace(feed_mm_per_s=_axes(given, limits.feed_mm_per_s))


def _accelerations(board: "Marlin", given: Given, now_s: float) -> None:
    printing, retract, travel = board.modes.accelerations
    both = given.get("S", 0.0)  # the old letter for printing and travel together
    board.modes.accelerations = (
        given.get("P", both or printing),
        given.get("R", retract),
        given.get("T", both or travel),
    )


def _junction_deviation(board: "Marlin", given: Given, now_s: float) -> None:
    if 0.01 <= given.get("J") < 0.3:
        board.planner.limits = board.planner.limits._replace(junction_deviation_mm=given.get("J"))


def _axes(given: Given, present: Vector) -> Vector:
    x, y, z, e = (max(0.0, given.get(axis, value)) for axis, value in zip("XYZE", present, strict=True))
    return x, y, z, e


# ---- heat ----------------------------------------------------------------------------------------------------


def _nozzle(board: "Marlin", given: Given, now_s: float) -> None:
    if "S" in given:
        _set(board, board.printer.nozzle, given.get("S"), now_s)


def _bed(board: "Marlin", given: Given, now_s: float) -> None:
    if "S" in given:
        _set(board, board.printer.bed, given.get("S"), now_s)


def _wait_nozzle(board: "Marlin", given: Given, now_s: float) -> Task | None:
    return _wait(board, board.printer.nozzle, given, now_s)


def _wait_bed(board: "Marlin", given: Given, now_s: float) -> Task | None:
    return _wait(board, board.printer.bed, given, now_s)


def _set(board: "Marlin", heater: Heater, celsius: float, now_s: float) -> None:
    config = board.printer.config
    is_nozzle = heater is board.printer.nozzle
    most = config.nozzle_max_celsius if is_nozzle else config.bed_max_celsius
    most -= _HEATER_MARGIN["nozzle" if is_nozzle else "bed"]
    board.printer.heat(heater, min(max(0.0, celsius), most), now_s)


def _wait(board: "Marlin", heater: Heater, given: Given, now_s: float) -> Task | None:
    """S waits for heating only, R for cooling too."""
    if "S" not in given and "R" not in given:
        return None
    _set(board, heater, given.get("S", given.get("R")), now_s)
    if "R" not in given and heater.celsius(now_s) >= heater.target:
        return None
    return _settle(board, heater, now_s)


def _settle(board: "Marlin", heater: Heater, now_s: float) -> Task:
    """Until it has been within the window for the residency time; a report every second."""
    target, inside_s = heater.target, math.inf
    while True:
        here = heater.celsius(now_s)
        if abs(here - target) >= _WINDOW_CELSIUS:
            inside_s = heater.reaches_s(target + math.copysign(_WINDOW_CELSIUS, here - target))
        else:
            inside_s = min(inside_s, now_s)
        until_s = inside_s + _RESIDENCY_S
        if now_s >= until_s:
            return
        now_s = yield min(now_s + _REPORT_EVERY_S, until_s)
        left = f"{max(0, round(until_s - now_s))}" if now_s >= inside_s else "?"
        board.say(f"{reports.temperatures(board.printer, now_s)} W:{left}")


# ---- talk ----------------------------------------------------------------------------------------------------


def _temperatures(board: "Marlin", given: Given, now_s: float) -> None:
    board.say(f"ok{reports.temperatures(board.printer, now_s)}")  # the one command with its own ok


def _position(board: "Marlin", given: Given, now_s: float) -> None:
    real = board.planner.position(now_s)
    board.say(reports.position(real if "R" in given else board.modes.shown, real))


def _identity(board: "Marlin", given: Given, now_s: float) -> None:
    board.say(*reports.identity(board.printer.config))


def _settings(board: "Marlin", given: Given, now_s: float) -> None:
    board.say(*reports.settings(board.planner.limits, board.modes.accelerations))


def _store(board: "Marlin", given: Given, now_s: float) -> None:
    board.say("echo:Settings Stored (658 bytes; crc 47155)")


def _load(board: "Marlin", given: Given, now_s: float) -> None:
    board.say("echo:V86 stored settings retrieved (658 bytes; crc 47155)")


def _defaults(board: "Marlin", given: Given, now_s: float) -> None:
    board.restore_defaults()
    board.say("echo:Hardcoded Default Settings Loaded")


def _keepalive(board: "Marlin", given: Given, now_s: float) -> None:
    if "S" in given:
        board.talk.busy_every_s = min(60.0, given.get("S"))
    else:
        board.say(f"echo:M113 S{board.talk.busy_every_s:.0f}")


def _auto_report(board: "Marlin", given: Given, now_s: float) -> None:
    if "S" in given:
        board.talk.report_every(min(60.0, given.get("S")), now_s)


def _line_number(board: "Marlin", given: Given, now_s: float) -> None:
    if "N" in given:
        board.intake.last_number = int(given.get("N"))


def _echo(board: "Marlin", given: Given, now_s: float) -> None:
    board.say(given.text.strip())


def _cold_extrusion(board: "Marlin", given: Given, now_s: float) -> None:
    if "S" in given or "P" in given:
        coldest = given.get("S", board.printer.config.cold_extrusion_celsius)
        board.coldest_celsius = 0.0 if given.get("P") else coldest
    else:
        board.say(f"echo:Cold extrudes are {'en' if not board.coldest_celsius else 'dis'}abled")


def _ask_person(board: "Marlin", given: Given, now_s: float) -> Task:
    board.talk.busy_text = "echo:busy: paused for user"
    try:
        yield Wait.REST
        yield Wait.PERSON
    finally:
        board.talk.busy_text = "echo:busy: processing"


def _kill(board: "Marlin", given: Given, now_s: float) -> None:
    board.kill(now_s)


def _idle_limit(board: "Marlin", given: Given, now_s: float) -> None:
    board.health.idle_limit_s = given.get("S") or math.inf
    board.health.active_s = now_s


def _hunger(board: "Marlin", given: Given, now_s: float) -> None:
    """M576: how often planner and command queue were empty."""
    if "S" in given:
        board.talk.hunger_every_s = given.get("S")
        board.talk.hunger_due_s = now_s + given.get("S") if given.get("S") else math.inf
    else:
        board.say(board.hunger())


def _revive(board: "Marlin", given: Given, now_s: float) -> None:
    """M999: motion is allowed again. Without S what was sent meanwhile is asked for again."""
    board.health.stopped = False
    if not given.get("S"):
        board.ask_again()


COMMANDS: Final[Mapping[str, Run]] = {
    "G4": _dwell,
    "G21": _nothing,
    "G28": _home,
    "G90": _absolute,
    "G91": _relative,
    "G92": _renumber,
    "M0": _ask_person,
    "M1": _ask_person,
    "M17": _nothing,
    "M18": _motors_off,
    "M73": _nothing,
    "M82": _absolute_e,
    "M83": _relative_e,
    "M84": _motors_off,
    "M85": _idle_limit,
    "M104": _nozzle,
    "M105": _temperatures,
    "M106": _fan,
    "M107": _fan_off,
    "M108": _nothing,
    "M109": _wait_nozzle,
    "M110": _line_number,
    "M112": _kill,
    "M113": _keepalive,
    "M114": _position,
    "M115": _identity,
    "M117": _nothing,
    "M118": _echo,
    "M140": _bed,
    "M155": _auto_report,
    "M190": _wait_bed,
    "M201": _max_acceleration,
    "M203": _max_feed,
    "M204": _accelerations,
    "M205": _junction_deviation,
    "M220": _feed_percent,
    "M221": _flow_percent,
    "M302": _cold_extrusion,
    "M400": _finish_moves,
    "M410": _quick_stop,
    "M500": _store,
    "M501": _load,
    "M502": _defaults,
    "M503": _settings,
    "M576": _hunger,
    "M600": _ask_person,
    "M862": _nothing,
    "M900": _nothing,
    "M999": _revive,
    "T0": _nothing,
}

# A person, or M108, can end these before their time.
INTERRUPTIBLE: Final = frozenset({"M0", "M1", "M109", "M190", "M600"})
# Without effect once the firmware has stopped itself.
MOTION: Final = frozenset({"G0", "G1", "G2", "G3", "G28"})
