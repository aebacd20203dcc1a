"""Who speaks Marlin, and how it differs: one row a firmware, chosen by what M115 says.

Sources: each firmware's own queue or dispatcher (Marlin: gcode/queue.cpp, Klipper: klippy/gcode.py, RepRapFirmware:
GCodeBuffer/StringParser.cpp, Smoothie: GcodeDispatch.cpp, Repetier: gcode.cpp).
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


class Repeats(Enum):
    """What becomes of a line that is said a second time."""

    REFUSED = "it had that number already, and says so"
    TAKEN = "it is executed a second time, for numbers are not compared"
    NEEDLESS = "the channel loses nothing"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One firmware family. What is not said is as Marlin does it."""

    name: str
    known_by: tuple[str, ...]
    numbered: bool = True
    repeats: Repeats = Repeats.REFUSED
    # Temperatures come on a line of their own behind the `ok`, which is said when a line is read, not when it is done.
    ok_first: bool = False
    # An `ok` for each command on a line, or for the line, as it is configured: each command gets its own line.
    one_command_a_line: bool = False
    # Lines that may be under way at once because the channel itself holds back what is too much.
    unhurried_lines: int = 1
    # The rest of a line that noise has cut is a line without a number, and executed.
    executes_rests: bool = True
    longest_line_bytes: int = 95
    # Room for what is under way, where that is no matter of the board.
    rx_bytes: int = 0
    auto_reports: bool = True
    # How long a command may block without any sign of life.
    blocking_s: float = 0.0
    halt_byte: bytes = b""
    # Said unnumbered before a person's `clear` is tried, after the firmware has stopped itself.
    revive: str = ""
    resting: tuple[str, ...] = ("M104 S0", "M140 S0")
    each_nozzle: str = "M104 T{number} S0"
    # The firmware's own time-out for heat, in seconds; `dead_man_anew`: to say it again winds it up again.
    dead_man: str = ""
    dead_man_off: str = ""
    dead_man_anew: bool = True
    # Axes stay powered however long it stands; and what they do usually.
    motors_stay: str = ""
    motors_rest: str = ""
    # Reports of the firmware about its own starvation.
    telemetry: str = ""

    @property
    def takes_moves_as_they_are(self) -> bool:
        """Whether a line that is a move need not be looked at."""
        return self.repeats is Repeats.REFUSED and not self.one_command_a_line


_MARLIN_1: Final = Dialect(
    name="marlin1",
    known_by=("marlin 1", "marlin v1", "bugfix-1", "marlin_1"),
    revive="M999 S1",
    dead_man="M85 S{seconds}",
    dead_man_off="M85 S0",
    # MarlinFirmware/Marlin#12804: M85 behind a long rest kills at once, the time since the last move counts.
    dead_man_anew=False,
    motors_stay="M84 S0",
    motors_rest="M84 S120",
)
_MARLIN_2: Final = replace(
    _MARLIN_1, name="marlin2", known_by=("marlin 2", "bugfix-2"), dead_man_anew=True, telemetry="M576 S10"
)
DIALECTS: Final = (
    Dialect(
        name="klipper",
        known_by=("klipper",),
        numbered=False,
        repeats=Repeats.NEEDLESS,
        # At 20 waiting commands it stops reading, and then an M112 is not picked out any more.
        unhurried_lines=8,
        rx_bytes=4000,
        longest_line_bytes=255,
        auto_reports=False,
        blocking_s=3600.0,
        revive="FIRMWARE_RESTART",
        resting=("TURN_OFF_HEATERS",),
        each_nozzle="",
        dead_man="SET_IDLE_TIMEOUT TIMEOUT={seconds}",
    ),
    Dialect(
        name="reprapfirmware",
        known_by=("reprapfirmware", "rrf"),
        # A line with a bad checksum is dropped without a word.
        repeats=Repeats.TAKEN,
        longest_line_bytes=200,
        auto_reports=False,
        blocking_s=300.0,
        revive="M999",
    ),
    Dialect(
        name="smoothie",
        known_by=("smoothie",),
        one_command_a_line=True,
        executes_rests=False,
        longest_line_bytes=127,
        auto_reports=False,
        blocking_s=300.0,
        halt_byte=b"\x18",
        revive="M999",
    ),
    Dialect(
        name="repetier",
        known_by=("repetier",),
        ok_first=True,
        executes_rests=False,
        auto_reports=False,
        revive="M999",
        dead_man="M85 S{seconds}",
        dead_man_off="M85 S0",
        dead_man_anew=False,
    ),
    replace(_MARLIN_1, name="prusa", known_by=("prusa-firmware",)),
    _MARLIN_1,
    _MARLIN_2,
)
BY_NAME: Final = {dialect.name: dialect for dialect in DIALECTS}
# Before M115 is answered, and for whoever names nobody that is known: what all of them take.
# M84 itself lets go of the axes at once where S is not known.
COMMON: Final = replace(_MARLIN_1, name="common", known_by=(), motors_stay="", motors_rest="")


def recognise(firmware: str) -> Dialect:
    """The dialect of a FIRMWARE_NAME."""
    name = firmware.lower()
    return next((dialect for dialect in DIALECTS if any(word in name for word in dialect.known_by)), COMMON)
