"""What a Marlin session keeps in mind: its limits, what the machine told of itself, the program, and the clocks."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cellctl.gcode.modal import ModalState, after_line
from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.answers import bed_celsius, fields, names_chamber, nozzle_celsius
from cellctl_drivers.marlin.dead_man import DeadMan
from cellctl_drivers.marlin.dialects import COMMON, Dialect, recognise
from cellctl_drivers.marlin.parking import Park, Pause
from cellctl_drivers.marlin.patience import Patience
from cellctl_drivers.marlin.questions import Questions
from cellctl_drivers.marlin.rules import Area
from cellctl_drivers.marlin.wire import Line

# More than any program has.
EVERY_LINE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Expected:
    """Which machine must be at the other end; what is empty is not compared."""

    uuid: str = ""
    machine_type: str = ""

    def describe(self) -> str:
        """For a person."""
        return f"{self.machine_type} {self.uuid}".strip()


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations in the clock's seconds (those of the wire are scaled already), and what the integrator says."""

    boot_s: float = 3.0
    quiet_s: float = facts.QUIET_S
    greeting_s: float = facts.GREETING_S
    acknowledge_s: float = 30.0
    keepalive_s: float = facts.KEEPALIVE_S
    trailing_ok_s: float = facts.TRAILING_OK_S
    storm_s: float = facts.STORM_S
    crossing_s: float = facts.CROSSING_S
    halt_again_s: float = facts.HALT_AGAIN_S
    answered_s: float = facts.ANSWERED_S
    cooling_s: float = facts.COOLING_LIMIT_S
    heating_s: float = facts.HEATING_LIMIT_S
    release_bed_celsius: float | None = None
    dead_man_s: float = 0.0
    park: Park | None = None  # None: whoever is held stands where it was.
    window: int = 1
    rx_bytes: int = 128
    dialect: Dialect | None = None
    expected: Expected = Expected()
    asks_last_line: bool = False  # Before its counter is set anew: somebody wants to know how far it came.

    def patience(self) -> Patience:
        """For a wire that has yet to hear its first answer."""
        return Patience(self.greeting_s, self.keepalive_s, self.trailing_ok_s, self.storm_s, self.crossing_s)


@dataclass(slots=True)
class Run:
    """A program under way."""

    lines: Iterator[str] = field(default_factory=lambda: iter(()))
    ahead: deque[Line] = field(default_factory=deque)  # Read, and not yet numbered.
    sent: int = 0
    pause_line: int = -1  # The number of a line that waits for a person.
    questions: Questions = field(default_factory=Questions)
    dead_man: DeadMan = field(default_factory=lambda: DeadMan(COMMON, 0.0))
    heat: tuple[int, float] = (-1, 0.0)  # The line that waits for heat, and since when.
    modal: ModalState = field(default_factory=ModalState)  # Without the plain moves: it knows no position.
    feed_line: str = ""  # The last plain move with an F.
    pause: Pause | None = None
    broken: bool = False  # The file cannot be read any further.
    until: int = EVERY_LINE  # How many lines may go out for now.

    def follow(self, line: str = "") -> ModalState:
        """What the program has set up, with one more line that is not a plain move."""
        self.modal = after_line(after_line(self.modal, self.feed_line), line)
        self.feed_line = ""
        return self.modal


@dataclass(slots=True)
class Portrait:
    """What the machine has told of itself since it was greeted."""

    identity: str = ""
    named: dict[str, str] = field(default_factory=dict)
    capabilities: set[str] = field(default_factory=set)
    bed_celsius: float | None = None
    nozzle_celsius: tuple[float, float] | None = None  # As it is, and its target.
    chamber: bool = False
    greetings: int = 0
    last_line: int | None = None  # The last number that it had taken before this greeting.
    asked_last_line: bool = False
    cooling: bool = False  # Its heat was turned off for the sake of a part that is finished.
    untouched: int = EVERY_LINE  # How many lines of the program that is loaded next leave the part as it is.
    area: Area | None = None

    def hear_firmware(self, said: str) -> Dialect:
        """Keep what M115 says; the dialect follows from it."""
        self.named = fields(said)
        firmware = self.named["FIRMWARE_NAME"]
        name = self.named.get("MACHINE_TYPE") or firmware
        self.identity = f"{name} {self.named.get('UUID', '')}".strip()
        return recognise(firmware)

    def hear_report(self, text: str) -> None:
        """Keep the temperatures that the report has."""
        bed = bed_celsius(text)
        if bed is not None:
            self.bed_celsius = bed
        self.nozzle_celsius = nozzle_celsius(text) or self.nozzle_celsius
        self.chamber = self.chamber or names_chamber(text)

    def bed_above(self, limit_celsius: float | None) -> bool:
        """Whether the bed is known to be warmer than a limit; never for a printer that reports no bed."""
        return limit_celsius is not None and self.bed_celsius is not None and self.bed_celsius > limit_celsius

    def is_other_than(self, expected: Expected) -> bool:
        """Whether it contradicts what is expected of it."""
        pairs = ((expected.uuid, "UUID"), (expected.machine_type, "MACHINE_TYPE"))
        return any(wanted and wanted.lower() != self.named.get(key, "").lower() for wanted, key in pairs)

    def resting(self, dialect: Dialect) -> tuple[str, ...]:
        """What turns off all heat that it has."""
        nozzles = self.named.get("EXTRUDER_COUNT", "1")
        each: list[str] = []
        if dialect.each_nozzle and nozzles.isdecimal() and int(nozzles) > 1:
            each = [dialect.each_nozzle.format(number=number) for number in range(min(int(nozzles), 8))]
        return (*each, *dialect.resting, *(("M141 S0",) if self.chamber else ()))


@dataclass(slots=True)
class Times:
    """When something was heard last, and when a boot was seen; until when things are waited for (infinite: not)."""

    heard_s: float = 0.0
    booted_s: float | None = None
    wait_s: float = math.inf
    boot_until_s: float = 0.0
    report_s: float = math.inf
    halt_s: float = math.inf
