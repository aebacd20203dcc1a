"""What Grbl prints: status reports, listings, and the overrides that go with them (report.c)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl.cycle import State
from cellctl_sim.grbl.memory import Memory, Point
from cellctl_sim.grbl.parser import Modes

SETTINGS_LOST: Final = "error:7"
UNLOCK: Final = "[MSG:'$H'|'$X' to unlock]"
HELP: Final = "[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]"
_MM_PER_INCH: Final = 25.4

# The periodic fields come every so many reports.
_WCO_EVERY: Final = {True: 30, False: 10}
_OV_EVERY: Final = {True: 20, False: 10}

# Byte -> (which override, change in percent; None: back to 100). Rapids are set, not changed.
_CHANGES: Final = {
    0x90: ("feed", None), 0x91: ("feed", 10), 0x92: ("feed", -10), 0x93: ("feed", 1), 0x94: ("feed", -1),
    0x99: ("spindle", None), 0x9A: ("spindle", 10), 0x9B: ("spindle", -10), 0x9C: ("spindle", 1),
    0x9D: ("spindle", -1),
}  # fmt: skip
_RAPIDS: Final = {0x95: 100, 0x96: 50, 0x97: 25}
_LEAST, _MOST = 10, 200


@dataclass(slots=True)
class Overrides:
    """Percentages; whether a report was asked for, and how many it is until WCO and Ov are shown again."""

    feed: int = 100
    rapid: int = 100
    spindle: int = 100
    asked: bool = False
    wco_in: int = 0
    ov_in: int = 0

    def change(self, byte: int) -> bool:
        """Apply a realtime override byte. True: something is different now."""
        before = (self.feed, self.rapid, self.spindle)
        if byte in _RAPIDS:
            self.rapid = _RAPIDS[byte]
        elif byte in _CHANGES:
            which, by = _CHANGES[byte]
            value = 100 if by is None else min(max(getattr(self, which) + by, _LEAST), _MOST)
            setattr(self, which, value)
        if before == (self.feed, self.rapid, self.spindle):
            return False
        self.ov_in = 0
        return True

    def periodic(self, busy: bool, offset: Callable[[], str], accessories: str) -> str:
        """The fields that only some reports have; WCO comes first and puts Ov off by one report."""
        if self.wco_in > 0:
            self.wco_in -= 1
        else:
            self.wco_in = _WCO_EVERY[busy] - 1
            self.ov_in = max(1, self.ov_in)
            return f"|WCO:{offset()}" + self._overrides(busy, accessories)
        return self._overrides(busy, accessories)

    def _overrides(self, busy: bool, accessories: str) -> str:
        if self.ov_in > 0:
            self.ov_in -= 1
            return ""
        self.ov_in = _OV_EVERY[busy] - 1
        shown = f"|Ov:{self.feed},{self.rapid},{self.spindle}"
        return f"{shown}|A:{accessories}" if accessories else shown


class Snapshot(NamedTuple):
    """What a status report tells of the moment. `buffers` are free blocks and free bytes, `line` the one in work."""

    state: str
    at: Point
    feed_mm_per_s: float
    rpm: float
    buffers: tuple[int, int]
    pins: str = ""
    line: int = 0


_BUSY: Final = ("Run", "Hold", "Jog", "Door", State.HOME.value)


def status(moment: Snapshot, modes: Modes, memory: Memory, overrides: Overrides) -> str:
    """`<Idle|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000>`."""
    mask = int(memory.settings[10])
    at, name = moment.at, "MPos"
    if not mask & 1:
        offset = modes.offset(memory)
        at, name = (at[0] - offset[0], at[1] - offset[1], at[2] - offset[2]), "WPos"
    fields = f"<{moment.state}|{name}:{_point(at, memory)}"
    if mask & 2 or memory.grblhal:
        fields += f"|Bf:{moment.buffers[0]},{moment.buffers[1]}"
    if moment.line:
        fields += f"|Ln:{moment.line}"
    fields += f"|FS:{_rate(moment.feed_mm_per_s * 60, memory)},{moment.rpm:.0f}"
    if moment.pins:
        fields += f"|Pn:{moment.pins}"
    accessories = ("S" if modes.groups["spindle"] == 3 else "C") if moment.rpm else ""
    accessories += "F" if modes.groups["coolant"] == 8 else ""
    busy = moment.state.partition(":")[0] in _BUSY
    return f"{fields}{overrides.periodic(busy, lambda: _point(modes.offset(memory), memory), accessories)}>"


def banner(config: RouterTwin) -> str:
    """The first line after every reset."""
    if config.dialect == "grblhal":
        return f"GrblHAL {config.firmware} ['$' or '$HELP' for help]"
    return f"Grbl {config.firmware} ['$' for help]"


def build(config: RouterTwin, name: str) -> list[str]:
    """$I."""
    letters = "VN" if config.line_numbers else "V"
    sizes = f"{config.planner_blocks},{config.rx_bytes}"
    version = f"[VER:{config.firmware}.{config.build_date}:{name}]"
    if config.dialect == "grbl":
        return [version, f"[OPT:{letters},{sizes}]"]
    options = [f"[OPT:{letters}M,{sizes},3,0]", "[NEWOPT:RT+]", "[AXS:3:XYZ]"]
    return [version, *options, "[FIRMWARE:grblHAL]", "[SIGNALS:DHSE]"]


def parser_state(modes: Modes, memory: Memory) -> str:
    """$G."""
    groups = modes.groups
    motion = f"G{groups['motion']:g}"
    system = f"G{groups['system'] + 54:.0f}"
    rest = " ".join(f"G{groups[name]:.0f}" for name in ("plane", "units", "distance", "feed_mode"))
    devices = f"M{groups['spindle']:.0f} M{groups['coolant']:.0f}"
    feed = _rate(modes.feed, memory)
    return f"[GC:{motion} {system} {rest} {devices} T{modes.tool} F{feed} S{modes.speed:.0f}]"


def parameters(modes: Modes, memory: Memory) -> list[str]:
    """$#."""
    names = ["G54", "G55", "G56", "G57", "G58", "G59", "G28", "G30"]
    lines = [f"[{name}:{_point(at, memory)}]" for name, at in zip(names, memory.coordinates, strict=True)]
    length = modes.tool_length / _MM_PER_INCH if memory.settings[13] else modes.tool_length
    lines += [f"[G92:{_point(modes.g92, memory)}]", f"[TLO:{length:.{_digits(memory)}f}]"]
    return [*lines, probe(modes, memory)]


def probe(modes: Modes, memory: Memory) -> str:
    """`[PRB:x,y,z:1]`, in machine coordinates."""
    at, found = modes.probed
    return f"[PRB:{_point(at, memory)}:{found:d}]"


def _digits(memory: Memory) -> int:
    return 4 if memory.settings[13] else 3


def _point(at: Point, memory: Memory) -> str:
    """$13=1 reports in inches."""
    if memory.settings[13]:
        return ",".join(f"{axis / _MM_PER_INCH + 0.0:.4f}" for axis in at)
    return f"{at[0] + 0.0:.3f},{at[1] + 0.0:.3f},{at[2] + 0.0:.3f}"


def _rate(mm_per_min: float, memory: Memory) -> str:
    return f"{mm_per_min / _MM_PER_INCH:.1f}" if memory.settings[13] else f"{mm_per_min:.0f}"
