"""What a session has learned of the machine, from the machine itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cellctl.gcode.rules import Envelope, MachineLimits, Pace, Point, Spindle
from cellctl_drivers.grbl import facts
from cellctl_drivers.grbl.states import Heard, heard_in
from cellctl_drivers.grbl.status import Report
from cellctl_drivers.grbl.texts import Texts
from cellctl_drivers.serial_session import FaultRaised

_VERSION: Final = re.compile(r"\[VER:([^:\]]*):?([^\]]*)\]")
_OPTIONS: Final = re.compile(r"\[OPT:([^,\]]*),([0-9]+),([0-9]+)")
_AXES: Final = re.compile(r"\[AXS:[0-9]+:([A-Z]+)\]")
_SETTING: Final = re.compile(r"\$([0-9]+)=(.*)")
_OFFSET: Final = re.compile(r"\[(G5[4-9](?:\.[123])?|G28|G30):([-+.,0-9]+)\]")
_PROBE: Final = re.compile(r"\[PRB:([-+.,0-9]+):([01])\]")
_LIMITS: Final = (110, 120, 130)


@dataclass(frozen=True, slots=True)
class Firmware:
    """What `$I` says. `options` are the letters of what was compiled in; `name` is what its owner called it ($I=)."""

    grblhal: bool = False
    version: str = ""
    name: str = ""
    options: str = ""
    rx_bytes: int = facts.DEFAULT_RX_BYTES
    planner_blocks: int | None = None
    axes: str = "XYZ"

    @property
    def identity(self) -> str:
        """Firmware, version and name."""
        parts = ("grblHAL" if self.grblhal else "Grbl", self.version, self.name)
        return " ".join(part for part in parts if part)

    @property
    def longest_bytes(self) -> int:
        """The longest line it takes, newline included."""
        line = facts.GRBLHAL_LINE_BYTES if self.grblhal else facts.GRBL_LINE_BYTES
        return min(line, self.rx_bytes - 1)

    @property
    def reports_line_numbers(self) -> bool:
        """Whether it names the line in work (Ln:)."""
        return "N" in self.options

    def hear(self, message: str) -> "Firmware":
        """With what this line of the answer to `$I` says."""
        if version := _VERSION.match(message):
            return replace(self, version=version[1], name=version[2])
        if options := _OPTIONS.match(message):
            return replace(self, options=options[1], planner_blocks=int(options[2]), rx_bytes=int(options[3]))
        if axes := _AXES.match(message):
            return replace(self, axes=axes[1])
        return replace(self, grblhal=True) if message.startswith("[FIRMWARE:grblHAL") else self


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of the last probing move, in machine coordinates and the units of reports."""

    position: tuple[float, ...]
    touched: bool


class Portrait:
    """The controller by its own words."""

    def __init__(self) -> None:
        self.firmware = Firmware()
        self.texts = Texts()
        self.settings: dict[int, str] = {}
        self.offsets: dict[str, tuple[float, ...]] = {}
        self.alarm: int | None = None
        self.report: Report | None = None
        self.work_offset: tuple[float, ...] | None = None
        self.probe: Probe | None = None

    # ---- what it says --------------------------------------------------------------------------------------------

    def hear(self, message: str) -> None:
        """A line in brackets, or a setting."""
        if setting := _SETTING.fullmatch(message):
            self.settings[int(setting[1])] = setting[2].partition(" ")[0]
        elif (offset := _OFFSET.fullmatch(message)) and (place := _numbers(offset[2])):
            self.offsets[offset[1]] = place
        elif (probe := _PROBE.fullmatch(message)) and (place := _numbers(probe[1])):
            self.probe = Probe(place, probe[2] == "1")
        else:
            self.firmware = self.firmware.hear(message)
            self.texts.grblhal = self.firmware.grblhal

    def look(self, report: Report) -> None:
        """A status report."""
        self.report = report
        self.work_offset = report.work_offset or self.work_offset

    # ---- what that means -----------------------------------------------------------------------------------------

    @property
    def mode(self) -> facts.Mode:
        """What its last report said."""
        return self.report.mode if self.report else facts.Mode.OTHER

    @property
    def word(self) -> str:
        """The same as the controller spelled it."""
        return self.report.word if self.report else ""

    @property
    def at_contact(self) -> Heard:
        """What its last report amounts to while nothing else is known of it. A spindle that turns, or bytes that
        wait behind a dwell, are work, though the word is Idle."""
        report = self.report
        if report is None:
            return Heard.CHANGING
        heard = heard_in(report)
        waiting = report.bytes_free is not None and report.bytes_free < facts.DEFAULT_RX_BYTES - 1
        return Heard.MOVING if heard is Heard.IDLE and (report.spindle_turns or waiting) else heard

    @property
    def nothing_planned(self) -> bool:
        """Whether its last report proves that all it has acknowledged is done. Idle alone may be a dwell, or a
        moment before motion begins."""
        report, blocks = self.report, self.firmware.planner_blocks
        return (
            report is not None
            and report.mode is facts.Mode.IDLE
            and None not in (report.blocks_free, blocks)
            and report.blocks_free == blocks
        )

    @property
    def probed_at_mm(self) -> Mapping[str, float]:
        """Where its last probing move ended."""
        return self._by_axis(self.probe.position if self.probe else ())

    @property
    def mm_per_unit(self) -> float:
        """In which units it reports ($13)."""
        return facts.MM_PER_INCH if self.settings.get(13) == "1" else 1.0

    @property
    def position_mm(self) -> Mapping[str, float]:
        """Where its last report saw every axis, in machine coordinates; empty where it does not say."""
        report = self.report
        if report is None:
            return {}
        at = report.machine_position
        if at is None and report.work_position and self.work_offset:
            at = tuple(work + offset for work, offset in zip(report.work_position, self.work_offset, strict=False))
        return self._by_axis(at or ())

    def _by_axis(self, position: tuple[float, ...]) -> Mapping[str, float]:
        return {axis: each * self.mm_per_unit for axis, each in zip(self.firmware.axes, position, strict=False)}

    def number(self, setting: int) -> float | None:
        """A setting as a number; None if it has not told it, or it is none."""
        try:
            return float(self.settings[setting])
        except (KeyError, ValueError):
            return None

    @property
    def limits(self) -> MachineLimits | None:
        """What the machine can bear, by its settings; None if it has not told them."""
        feed, acceleration, travel = (tuple(self.number(first + axis) or 0.0 for axis in range(3)) for first in _LIMITS)
        if not (all(feed) and all(acceleration) and all(travel)):
            return None
        pace = Pace(feed, acceleration, junction_deviation_mm=self.number(11) or 0.01)
        if self.firmware.planner_blocks:
            pace = replace(pace, planner_blocks=self.firmware.planner_blocks)
        speed = self.number(30)
        spindle = Spindle(speed, self.number(31) or 0.0) if speed else None
        return MachineLimits(self._envelope(travel), pace, spindle=spindle)

    @property
    def homes(self) -> bool:
        """Whether it finds the end of its travel by itself ($22)."""
        return bool(int(self.number(22) or 0) & 1)

    def _envelope(self, travel: tuple[float, ...]) -> Envelope:
        """Travel goes from the homing corner, which is 0, into the negative; in a build that sets the origin where it
        homes (Z in the options), upwards for axes that home downwards (grbl/system.c, system_check_travel_limits)."""
        upwards = int(self.number(23) or 0) if "Z" in self.firmware.options else 0
        spans = [(0.0, length) if upwards & 1 << axis else (-length, 0.0) for axis, length in enumerate(travel)]
        (x0, x1), (y0, y1), (z0, z1) = spans
        places = {name: self._point(offset) for name, offset in self.offsets.items()}
        stored = {code: places[f"G{code}"] for code in (28, 30) if f"G{code}" in places}
        work = {int(name[1:].replace(".", "")): at for name, at in places.items() if name[:2] == "G5"}
        at = self.position_mm
        starts = (at["X"], at["Y"], at["Z"]) if {"X", "Y", "Z"} <= at.keys() else None
        return Envelope((x0, y0, z0), (x1, y1, z1), work, starts_at_mm=starts, stored_mm=stored)

    def _point(self, offset: tuple[float, ...]) -> Point:
        x, y, z = (each * self.mm_per_unit for each in (*offset, 0.0, 0.0, 0.0)[:3])
        return x, y, z

    # ---- in words ------------------------------------------------------------------------------------------------

    @property
    def why_held(self) -> str:
        """What holds it, apart from a hold that it was asked for."""
        if self.report is not None and self.mode is facts.Mode.DOOR:
            return facts.DOOR_REASONS.get(self.report.substate or 0, "")
        return "waiting for a tool change" if self.mode is facts.Mode.TOOL else ""

    @property
    def remark(self) -> str:
        """What its owner should set otherwise; empty if nothing."""
        if self.settings.get(1, "255") == "255":
            return ""
        return f"its motors let go at a stand ($1={self.settings[1]}), and a reset can move it: store $1=255"

    def explain_lock(self, homing: bool) -> FaultRaised:
        """Why it is locked, and what to do about it."""
        clearing = "clearing homes the machine" if homing else "clearing unlocks it where it stands"
        make_room = f"Make room for the axes; {clearing}"
        if self.mode is facts.Mode.SLEEP:
            return FaultRaised("is asleep, its motors are off", make_room)
        code = self.alarm
        if self.report and self.mode is facts.Mode.ALARM and self.report.substate:
            code = self.report.substate
        if code is None:
            return FaultRaised("is locked: its position is not known", make_room)
        alarm = self.texts.alarm(code)
        return FaultRaised(f"raised alarm {code}: {alarm.what}", f"{alarm.do_next}; {clearing}")


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas; none at all where one of them is damaged."""
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return ()
