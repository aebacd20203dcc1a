"""What goes wrong with a router by itself: a plan of mishaps as data, and what each of them does to the board.

What becomes of bytes on the wire is not here (`board.Faults`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cellctl_sim.grbl.device import Grbl


class Mishap(Enum):
    """What happens. Those of grblHAL alone are marked; a plain Grbl cannot have them."""

    RESET = "the board resets itself"
    BROWN_OUT = "power fails for a moment, and the position is lost"
    POWER_CUT = "power fails for good"
    STUCK = "the main loop hangs: nothing moves, nothing is answered"
    SETTINGS_LOST = "power fails for a moment, and the stored settings cannot be read after it"
    HARD_LIMIT = "a limit switch closes"
    TRAVEL = "the next move leaves the travel (soft limits)"
    HOLD_BUTTON = "somebody presses hold at the machine, and later cycle start"
    DOOR = "the door is opened, and later closed; nobody resumes"
    PROBE_CLOSED = "the probe is in contact before it begins"
    PROBE_OPEN = "the probe's wire is broken"
    HOMING = "homing does not find a switch"
    SMALL_BUFFER = "the receive buffer takes half of what the board says"
    SPINDLE = "the spindle does not come up to speed (grblHAL)"
    E_STOP = "the E-stop input is active for a while (grblHAL)"
    MOTOR = "a motor driver reports a fault (grblHAL)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One mishap: so long after the board has begun the n-th line of G-code that is not only checked.

    `line` 0: from the beginning. `lasts_s` counts for those that end by themselves.
    """

    mishap: Mishap
    line: int = 0
    delay_s: float = 0.0
    lasts_s: float = 1.0


class Mishaps:
    """A plan under way. `standing` are the defects that stay, by which parts of the board behave from then on."""

    def __init__(self, plan: Iterable[Entry] = ()) -> None:
        self.standing: set[Mishap] = set()
        self._plan = tuple(plan)
        self._lines = 0
        self._due: list[tuple[float, bool, Entry]] = [
            (entry.delay_s, True, entry) for entry in self._plan if not entry.line
        ]

    def line_begun(self, now_s: float) -> None:
        """The board has begun a line of G-code."""
        self._lines += 1
        for entry in self._plan:
            if entry.line == self._lines:
                self._due.append((now_s + entry.delay_s, True, entry))

    @property
    def due_s(self) -> float:
        """When something goes wrong next, or comes right again; inf for never."""
        return min((due_s for due_s, _, _ in self._due), default=math.inf)

    def happen(self, board: "Grbl", now_s: float) -> None:
        """Let happen what is due."""
        for item in [item for item in self._due if item[0] <= now_s]:
            self._due.remove(item)
            _, begins, entry = item
            if not begins:
                _ENDS[entry.mishap](board, now_s)
                continue
            if entry.mishap in _ENDS:
                self._due.append((now_s + entry.lasts_s, False, entry))
            if entry.mishap in _STANDING:
                self.standing.add(entry.mishap)
            _BEGINS.get(entry.mishap, _nothing)(board, now_s)


_STANDING: Final = frozenset(
    {Mishap.PROBE_CLOSED, Mishap.PROBE_OPEN, Mishap.HOMING, Mishap.SPINDLE, Mishap.E_STOP, Mishap.SETTINGS_LOST}
)


def _nothing(board: "Grbl", now_s: float) -> None:
    pass


def _lose_settings(board: "Grbl", now_s: float) -> None:
    board.memory.restore("*")
    board.power_off(now_s)


def _shrink_travel(board: "Grbl", now_s: float) -> None:
    board.memory.settings |= {20: 1.0, 130: 0.001, 131: 0.001, 132: 0.001}
    board.router.homed = True


def _set_door(board: "Grbl", is_open: bool, now_s: float) -> None:
    board.router.set_door(is_open, now_s)
    board.look_at_door(now_s)


def _release_e_stop(board: "Grbl", now_s: float) -> None:
    board.mishaps.standing.discard(Mishap.E_STOP)


Act = Callable[["Grbl", float], None]

_BEGINS: Final[dict[Mishap, Act]] = {
    Mishap.RESET: lambda board, now_s: board.reset(now_s),
    Mishap.BROWN_OUT: lambda board, now_s: board.power_off(now_s),
    Mishap.POWER_CUT: lambda board, now_s: board.power_off(now_s),
    Mishap.STUCK: lambda board, now_s: board.hang(now_s),
    Mishap.SETTINGS_LOST: _lose_settings,
    Mishap.HARD_LIMIT: lambda board, now_s: board.alarm(1, now_s),
    Mishap.TRAVEL: _shrink_travel,
    Mishap.HOLD_BUTTON: lambda board, now_s: board.press_hold(now_s),
    Mishap.DOOR: lambda board, now_s: _set_door(board, True, now_s),
    Mishap.SMALL_BUFFER: lambda board, now_s: board.uart.shrink(),
    Mishap.E_STOP: lambda board, now_s: board.alarm(10, now_s),
    Mishap.MOTOR: lambda board, now_s: board.alarm(17, now_s),
}
# What comes right again by itself.
_ENDS: Final[dict[Mishap, Act]] = {
    Mishap.BROWN_OUT: lambda board, now_s: board.power_on(now_s),
    Mishap.SETTINGS_LOST: lambda board, now_s: board.power_on(now_s),
    Mishap.HOLD_BUTTON: lambda board, now_s: board.press_start(now_s),
    Mishap.DOOR: lambda board, now_s: _set_door(board, False, now_s),
    Mishap.E_STOP: _release_e_stop,
}
