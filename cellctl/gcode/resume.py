"""Going on in the middle of a program behind a fault: what has to be said first, or why it must not be done.

Pure. The plan is shown to a person before anything moves. It is refused wherever a place, a mode or the part would
have to be guessed; all reasons are named at once.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol, runtime_checkable

from cellctl.domain.work import Knowledge, Program, Progress
from cellctl.gcode.modal import ModalState, after_lines, spelled
from cellctl.gcode.rules import Dialect

_TRAVEL: Final = "F6000"
_LIFT: Final = "F600"
_PLUNGE_MM_PER_MIN: Final = 100.0
_SPIN_UP_S: Final = 5
_TRUSTED: Final = (Knowledge.OBSERVED, Knowledge.CONFIRMED, Knowledge.RECORDED)


@dataclass(frozen=True, slots=True)
class Resumable:
    """What matters of a machine. `homes`: axes that find their zero again with a part in place.

    `top_mm`: Z in machine coordinates at which a tool clears everything (a router's). `lift_mm`: how far above its
    place a nozzle comes in.
    """

    dialect: Dialect = Dialect.MARLIN
    homes: frozenset[str] = frozenset()
    top_mm: float = -2.0
    lift_mm: float = 5.0


@runtime_checkable
class ResumingFamily(Protocol):
    """A family whose machines may go on in the middle of a program."""

    def resumable(self, options: Any) -> Resumable:
        """What matters of such a machine."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the operation that ended badly. `at_its_place`: the part is where the operation left it.

    `position_kept`: the board has not restarted and its axes were not let go since.
    """

    progress: Progress = field(default_factory=Progress)
    part: Knowledge = Knowledge.UNKNOWN
    at_its_place: bool = False
    position_kept: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the preamble, and what it is for."""

    line: str
    why: str


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """Say these, then the program from `at_line` on (counted from 1 among the lines that are sent).

    `confirm`: what a person must have seen to.
    """

    at_line: int
    steps: tuple[Step, ...]
    confirm: tuple[str, ...]

    @property
    def preamble(self) -> tuple[str, ...]:
        """The lines alone."""
        return tuple(step.line for step in self.steps)


@dataclass(frozen=True, slots=True)
class Resumption:
    """An operation whose outcome is unknown, and how it could go on: first the plan's lines, then `next_line`."""

    machine: str
    operation_id: str
    serial: str
    program: Program
    plan: ResumePlan
    next_line: str


@dataclass(frozen=True, slots=True)
class NotResumable:
    """Why it cannot go on there; at least one reason."""

    at_line: int
    reasons: tuple[str, ...]


def plan(lines: Iterable[str], at_line: int, machine: Resumable, evidence: Evidence) -> ResumePlan | NotResumable:
    """How to go on at a line of a program. `lines` are those that are sent: without comments, none of them empty."""
    program = iter(lines)
    state = after_lines(ModalState(), islice(program, max(0, at_line - 1)))
    return plan_from(state, at_line, next(program, ""), machine, evidence)


def plan_from(
    state: ModalState, at_line: int, next_line: str, machine: Resumable, evidence: Evidence
) -> ResumePlan | NotResumable:
    """The same, by what the program has set up before that line (for whoever folds a long file in pieces)."""
    printer = machine.dialect is Dialect.MARLIN
    reasons = [
        *_against_evidence(at_line, next_line, evidence),
        *_against_place(state, machine, evidence),
        *(_against_print(state) if printer else _against_cut(state, next_line)),
    ]
    if reasons:
        return NotResumable(at_line, tuple(reasons))
    steps = _print_steps(state, machine, evidence) if printer else _cut_steps(state, machine)
    return ResumePlan(at_line, tuple(steps), tuple(_to_confirm(state, evidence, printer=printer)))


# ---- reasons -----------------------------------------------------------------------------------------------------


def _against_evidence(at_line: int, next_line: str, evidence: Evidence) -> Iterable[str]:
    progress = evidence.progress
    first, last = progress.executed + 1, progress.sent + 1
    if not progress.sent:
        yield "it is not known that any line was sent; if nothing was done, answer 'not begun'"
    elif not first <= at_line <= last:
        yield f"line {at_line} is not where it ended: that was between line {first} and line {last}"
    elif not next_line:
        yield f"there is no line {at_line} in the program"
    if evidence.part not in _TRUSTED or not evidence.at_its_place:
        yield "the part is not known to be where it was made"


def _against_place(state: ModalState, machine: Resumable, evidence: Evidence) -> Iterable[str]:
    lost = "".join(axis for axis in "XYZ" if axis not in machine.homes)
    if lost and not evidence.position_kept:
        yield f"{lost} cannot be homed with the part in place, and where it stands cannot be trusted"
    if any(math.isnan(where) for where in (*state.at_mm[:3], *state.shift_mm)):
        yield "the program does not say where the axes were there (behind homing, levelling or a relative move)"
    if math.isnan(state.feed_mm_per_min):
        yield "no feed (F) was in force there"


def _against_print(state: ModalState) -> Iterable[str]:
    if state.homed != frozenset("XYZ"):
        yield "the program had not homed all axes; print it from its beginning"
    if state.relative is None:
        yield "the program has not said G90 or G91"
    if state.codes.get("units") == "G20":
        yield "the program counts in inches"
    if state.e_relative is None:
        yield "whether E counts from zero there depends on the firmware; M82 or M83 must stand behind G90 and G91"
    elif not state.e_relative and math.isnan(state.at_mm[3]):
        yield "the program does not say what E was"
    if "G29" in state.codes:
        yield "the bed was measured (G29), which cannot be done again around a part"
    if state.codes.get("retraction") == "G10":
        yield "the filament was pulled back (G10) there; choose a line behind the next G11"


def _against_cut(state: ModalState, next_line: str) -> Iterable[str]:
    if "G92" in state.codes:
        yield "the origin was moved by G92, which a controller forgets"
    if state.codes.get("feed mode") == "G93":
        yield "feeds are in inverse time (G93) there"
    if state.codes.get("distance") is None or state.codes.get("units") is None:
        yield "the program has not said G90 or G91, or not G20 or G21"
    if next_line and next_line.lstrip()[:1].upper() != "G":
        yield "the line does not name its code; choose the next one that begins with G"


def _to_confirm(state: ModalState, evidence: Evidence, *, printer: bool) -> Iterable[str]:
    yield "the part has not moved, and sticks or is clamped as it was"
    if evidence.position_kept:
        yield "nobody has moved an axis, and the machine was not switched off"
    if printer:
        yield "the nozzle is clean; filament is loaded"
    else:
        yield f"tool {state.codes.get('tool', 'as the program has it')} is in the spindle, as long as it was"
        yield f"the origin of {state.codes.get('system', 'G54')} is where it was"


# ---- what is said first ------------------------------------------------------------------------------------------


def _print_steps(state: ModalState, machine: Resumable, evidence: Evidence) -> Iterable[Step]:
    yield from _heat(state)
    kept = evidence.position_kept
    if kept:
        for line in ("G91", f"G1 Z{spelled(machine.lift_mm)} {_LIFT}"):
            yield Step(line, "up, away from the part")
    else:
        yield Step("G28 Z", "find Z, upwards")
        yield Step("G28 X Y", "find X and Y")
    # Homing has put the program's origin back where the machine's is.
    shift = (0.0, 0.0, 0.0) if kept else state.shift_mm
    x, y, z = (where + by for where, by in zip(state.at_mm, shift, strict=False))
    yield Step("G90", "by coordinates")
    yield Step(f"G0 Z{spelled(z + machine.lift_mm)} {_LIFT}", "above the place")
    yield Step(f"G0 X{spelled(x)} Y{spelled(y)} {_TRAVEL}", "over the place")
    yield Step(f"G0 Z{spelled(z)} {_LIFT}", "down to the place")
    moved = state.codes.get("G92", "")
    if moved and not kept:
        words = " ".join(f"{axis}{spelled(state.at_mm['XYZ'.index(axis)])}" for axis in moved)
        yield Step(f"G92 {words}", "the program's origin")
    e = state.at_mm[3]
    yield Step(f"G92 E{spelled(0.0 if math.isnan(e) else e)}", "what E was")
    for line in _settings(state):
        yield Step(line, "as it was set")
    yield Step("G91" if state.relative else "G90", "how it counts")
    yield Step("M83" if state.e_relative else "M82", "how it counts E")
    yield Step(f"G1 F{spelled(state.feed_mm_per_min)}", "the feed")


def _heat(state: ModalState) -> Iterable[Step]:
    """All heat before the first move: a cold nozzle may stick to the part."""
    codes = {"bed": ("M140", "M190"), "chamber": ("M141", "M141")}
    tool = state.codes.get("tool")
    if tool is not None:
        yield Step(tool, "the tool")
    heat = {name: celsius for name, celsius in state.heat.items() if celsius}
    for begin in (True, False):
        for name, celsius in sorted(heat.items()):
            which, _, number = name.partition(" ")
            start, wait = codes.get(which, ("M104", "M109"))
            behind = f" T{number}" if number not in ("", str(state.tool)) else ""
            yield Step(f"{start if begin else wait} S{spelled(celsius)}{behind}", f"heat the {name}")


def _settings(state: ModalState) -> Sequence[str]:
    """ "M106 P1 S128" for the second fan; the first tool or fan needs no number."""
    lines = []
    for key, letters in state.settings.items():
        name, _, which = key.partition(" ")
        number = f" {which}" if which and which[1:] != "0" else ""
        lines.append(f"{name}{number} " + " ".join(f"{letter}{spelled(value)}" for letter, value in letters.items()))
    return lines


def _cut_steps(state: ModalState, machine: Resumable) -> Iterable[Step]:
    codes = state.codes
    x, y, z, _ = state.at_mm
    feed = min(state.feed_mm_per_min, _PLUNGE_MM_PER_MIN)
    yield Step(f"G21 G90 G94 G17 {codes.get('system', 'G54')}", "mm, by coordinates, the program's origin")
    yield Step(f"G53 G0 Z{spelled(machine.top_mm)}", "up, clear of everything")
    yield Step(f"G0 X{spelled(x)} Y{spelled(y)}", "over the place")
    spindle = codes.get("spindle", "M5")
    if spindle != "M5" and not math.isnan(state.speed_rpm):
        yield Step(f"{spindle} S{spelled(state.speed_rpm)}", "the spindle")
        yield Step(f"G4 P{_SPIN_UP_S}", "until it has its speed")
    for group in ("coolant", "M7"):
        if codes.get(group, "M9") != "M9":
            yield Step(codes[group], "coolant")
    yield Step(f"G1 Z{spelled(z)} F{spelled(feed)}", "down to the place, slowly")
    yield Step(f"G1 F{spelled(state.feed_mm_per_min)}", "the feed")
    yield Step(f"{codes['units']} {codes.get('plane', 'G17')} {codes['distance']}", "how it counts")
