"""A router's program, line by line, in the order in which Grbl carries out a block (grbl/gcode.c)."""

import re
from typing import Final

from cellctl.gcode.block import Block, Blocks
from cellctl.gcode.reader import Reader, Word
from cellctl.gcode.router import DEFAULTS, Router
from cellctl.gcode.rules import AXES, Kind, MachineRules
from cellctl.gcode.verdict import Findings, Passed, Reason

_U: Final = r"(?:[0-9]{1,8}(?:\.[0-9]*)?|\.[0-9]+)"
_N: Final = rf"(-?{_U})"
# The letters in the order in which CAM programs write them; at least one of them.
_PLAIN_MOVE: Final = re.compile(
    rf" *(?=[GXYZ])(?:G0?([01])(?![0-9.]) *)?(?:X{_N} *)?(?:Y{_N} *)?(?:Z{_N} *)?(?:F({_U}) *)?(?:;[^\r\n]*)?\r?\n?"
)
_MM_PER_INCH: Final = 25.4
_MODAL: Final = ("plane", "distance", "feed mode")


class RouterProgram:
    """One program on its way through the check: `take` every line, then `end`."""

    __slots__ = ("_blocks", "_findings", "_longest", "_reader", "_router", "_settled")

    def __init__(self, rules: MachineRules, findings: Findings) -> None:
        self._findings = findings
        self._longest = rules.longest_line
        self._reader = Reader(rules, findings)
        self._blocks = Blocks(rules, findings)
        self._router = Router(rules, findings)
        self._settled = False

    def take(self, line: str) -> None:
        """The next line."""
        if self._settled and len(line) <= self._longest:
            plain = _PLAIN_MOVE.fullmatch(line)
            if plain is not None:
                self._findings.text = line
                self._findings.sent += 1
                self._router.plain_move(plain.groups())
                return
        words = self._reader.read(line)
        if words and not isinstance(words, tuple):
            self._words(words)
        self._settled = self._router.settled

    def end(self) -> Passed:
        """What the program came to, provided that nothing was refused."""
        router = self._router
        self._check_left()
        router.estimate.rest()
        return Passed(
            lines=self._findings.sent,
            box_mm=router.track.box,
            estimated_s=router.estimate.elapsed_s,
            heating_s=0.0,
            extruded_mm=0.0,
            tools=tuple(sorted(router.use.tools)),
            nozzle_celsius=0.0,
            bed_celsius=0.0,
            spindle_rpm=router.use.fastest_rpm,
            feed_mm_per_min=router.use.fastest_mm_per_min,
        )

    # ---- a block, in Grbl's order --------------------------------------------------------------------------------

    def _words(self, words: list[Word]) -> None:
        router = self._router
        if router.modes.ended:
            self._findings.refuse(
                Reason.AFTER_END,
                "a line behind M2 or M30",
                "that is the end of the program",
                "Delete what follows, or the M2 or M30 before it",
                words[0].column,
            )
            return
        block = self._blocks.read(words, router.modes.groups.get("motion", ""))
        if block is None:
            return
        self._units(block)
        self._feed(block)
        self._tool(block)
        self._spindle(block)
        if not block.codes.keys().isdisjoint({"coolant", "M7"}):
            router.estimate.rest()
        if block.once == "G4":
            router.estimate.rest(block.values["P"])
        self._modal(block)
        if "motion" in block.codes:
            router.modes.groups["motion"] = block.codes["motion"]
        self._once_or_motion(block)
        self._flow(block)

    def _units(self, block: Block) -> None:
        units = block.codes.get("units")
        if units is None:
            return
        modes = self._router.modes
        if modes.groups.get("units", units) != units:
            self._findings.refuse_word(
                Reason.UNITS_CHANGED,
                "G",
                f"{units} in a program that began in the other units",
                "one program has one kind of units",
                "Let the CAM program write all of it in mm (G21)",
            )
        modes.groups["units"] = units
        modes.stated.add("units")
        modes.scale = _MM_PER_INCH if units == "G20" else 1.0

    def _feed(self, block: Block) -> None:
        """In inverse time mode (G93) an F holds for its own line only."""
        router = self._router
        mode = block.codes.get("feed mode", router.modes.groups["feed mode"])
        if mode == "G93" or mode != router.modes.groups["feed mode"]:
            router.modes.feed_mm_per_min = 0.0
        if "F" not in block.values:
            return
        if mode == "G93":
            router.modes.feed_mm_per_min = block.values["F"]
        else:
            router.feed(block.values["F"])

    def _tool(self, block: Block) -> None:
        tool = block.values.get("T")
        router = self._router
        if tool is not None and tool not in router.rules.tools:
            tools = ", ".join(f"T{number}" for number in sorted(router.rules.tools))
            self._findings.refuse_word(
                Reason.NOT_FITTED, "T", f"tool T{tool:g}", f"this machine has {tools}", "Choose one of them"
            )
        elif tool is not None:
            router.use.tools.add(int(tool))
        if "M6" in block.codes:
            router.estimate.rest(router.rules.fixed_s.get("M6", 0.0))

    def _spindle(self, block: Block) -> None:
        router = self._router
        modes = router.modes
        before = modes.turning, modes.speed_rpm
        if "S" in block.values:
            modes.speed_rpm = block.values["S"]
            self._check_speed(block.values["S"])
        command = block.codes.get("spindle")
        on = modes.groups.get("spindle", "M5") != "M5" if command is None else command != "M5"
        if command is not None:
            modes.groups["spindle"] = command
        mill = router.rules.kind is Kind.MILL
        if on and mill and command is not None and not modes.speed_rpm:
            allowed = "M3 and M4 have a speed above 0"
            self._findings.refuse_word(Reason.SPINDLE_SPEED, "M", f"{command} without a speed", allowed, "Give an S")
        modes.turning = on and bool(modes.speed_rpm)
        if (modes.turning, modes.speed_rpm) != before and (mill or command is not None):
            router.estimate.rest()

    def _check_speed(self, speed: float) -> None:
        spindle, use = self._router.rules.limits.spindle, self._router.use
        use.fastest_rpm = max(use.fastest_rpm, speed)
        if spindle is None:
            allowed = "this machine has no spindle that can be told a speed"
        elif speed and not spindle.least_rpm <= speed <= spindle.most_rpm:
            allowed = f"allowed is 0, and {spindle.least_rpm:g} to {spindle.most_rpm:g}"
        else:
            return
        self._findings.refuse_word(Reason.SPINDLE_SPEED, "S", f"S{speed:g}", allowed, "Choose another speed")

    def _modal(self, block: Block) -> None:
        modes = self._router.modes
        for group in _MODAL:
            if group in block.codes:
                modes.groups[group] = block.codes[group]
                modes.stated.add(group)
        if "system" in block.codes:
            self._router.estimate.rest()
            modes.groups["system"] = block.codes["system"]
            self._router.offsets_changed()

    def _once_or_motion(self, block: Block) -> None:
        router = self._router
        if block.once in ("G28", "G30"):
            self._to_stored(block)
        elif block.once == "G92":
            self._renumber(block)
        elif block.once == "G92.1":
            router.modes.g92 = (0.0, 0.0, 0.0)
            router.offsets_changed()
        elif block.once == "G10":
            router.estimate.rest()
        else:
            router.move(block)

    def _to_stored(self, block: Block) -> None:
        """G28, G30: by way of the axis words to the stored place, on those axes alone if there are any."""
        router = self._router
        stored = router.rules.limits.envelope.stored_mm[int(block.once[1:])]
        if block.axes:
            target = router.target(block)
            if target is None:
                return
            router.rapid(target)
            x, y, z = (
                there if axis in block.values else here
                for axis, there, here in zip(AXES, stored, router.track.at, strict=True)
            )
            stored = (x, y, z)
        router.rapid(stored)

    def _renumber(self, block: Block) -> None:
        router = self._router
        router.stated()
        router.estimate.rest()
        base, g92 = router.system_offset, list(router.modes.g92)
        for axis, letter in enumerate(AXES):
            value = block.values.get(letter)
            if value is not None and router.known(letter):
                g92[axis] = router.track.at[axis] - base[axis] - value * router.modes.scale
        router.modes.g92 = (g92[0], g92[1], g92[2])
        router.offsets_changed()

    def _flow(self, block: Block) -> None:
        flow = block.codes.get("flow")
        if flow is None:
            return
        self._router.estimate.rest()
        modes = self._router.modes
        if flow in ("M2", "M30"):
            modes.ended = True
            modes.groups |= DEFAULTS | {"spindle": "M5"}
            modes.turning = False

    def _check_left(self) -> None:
        """What would still hold when the next program begins."""
        modes = self._router.modes
        left = [code for group, code in modes.groups.items() if DEFAULTS.get(group, code) != code]
        if modes.groups.get("spindle", "M5") != "M5":
            left.append(modes.groups["spindle"])
        if modes.g92 != (0.0, 0.0, 0.0):
            left.append("G92")
        if left:
            self._findings.refuse(
                Reason.MODE_LEFT,
                f"the program ends with {', '.join(left)} in force",
                "the next one begins without",
                "Let it end with M5, G92.1 and M2, or undo each of them",
            )
