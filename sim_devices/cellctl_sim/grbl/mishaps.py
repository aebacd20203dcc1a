"""What can go wrong with a router by itself, beside what can with every board (`faults.Kind`).

What comes right again by itself does so after the fault's `amount` of seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cellctl_sim.faults import Fault, Kind

if TYPE_CHECKING:
    from cellctl_sim.grbl.device import Grbl


class Mishap(StrEnum):
    """The kinds of its own that a fault may have."""

    STUCK = "stuck"  # the main loop hangs: nothing moves on, nothing is answered
    SETTINGS_LOST = "settings-lost"  # power fails, and then the stored settings cannot be read
    HARD_LIMIT = "hard-limit"
    TRAVEL = "travel"  # the next move leaves the travel: a soft limit
    HOLD_BUTTON = "hold-button"  # hold at the machine, then cycle start
    DOOR = "door"  # it is opened, then closed; nobody resumes
    PROBE_CLOSED = "probe-closed"  # in contact before it begins
    PROBE_OPEN = "probe-open"  # its wire is broken
    HOMING = "homing"  # it does not find a switch
    SMALL_BUFFER = "small-buffer"  # it takes half of what `$I` says
    # grblHAL alone
    SPINDLE = "spindle"  # it does not come up to speed
    E_STOP = "e-stop"  # its input is active
    MOTOR = "motor"  # a motor driver reports a fault
    # how some of them end
    DOOR_SHUT = "door-shut"
    START_BUTTON = "start-button"
    E_STOP_RELEASED = "e-stop-released"


_GRBLHAL_ALARMS: Final = {Mishap.E_STOP: 10, Mishap.MOTOR: 17}
_ENDS_IN: Final = {
    Mishap.DOOR: Mishap.DOOR_SHUT,
    Mishap.HOLD_BUTTON: Mishap.START_BUTTON,
    Mishap.E_STOP: Mishap.E_STOP_RELEASED,
}


def _stays(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.defects.add(Mishap(fault.kind))


def _stays_in_grblhal(board: "Grbl", fault: Fault, now_s: float) -> None:
    if board.memory.grblhal:
        _stays(board, fault, now_s)


def _hang(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.hang(now_s)


def _lose_settings(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.memory.restore("*")
    board.defects.add(Mishap.SETTINGS_LOST)
    board.suffer(replace(fault, kind=Kind.POWER_CUT), now_s)


def _hit_limit(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.alarm(1, now_s)


def _shrink_travel(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.memory.settings |= {20: 1.0, 130: 0.001, 131: 0.001, 132: 0.001}
    board.router.homed = True


def _raise_alarm(board: "Grbl", fault: Fault, now_s: float) -> None:
    if board.memory.grblhal:
        _later(board, fault, now_s)
        _stays(board, fault, now_s)
        board.alarm(_GRBLHAL_ALARMS[Mishap(fault.kind)], now_s)


def _open_door(board: "Grbl", fault: Fault, now_s: float) -> None:
    _later(board, fault, now_s)
    board.set_door(True, now_s)


def _press_hold(board: "Grbl", fault: Fault, now_s: float) -> None:
    _later(board, fault, now_s)
    board.press_hold(now_s)


def _shrink_buffer(board: "Grbl", fault: Fault, now_s: float) -> None:
    board.uart.shrink()


def _later(board: "Grbl", fault: Fault, now_s: float) -> None:
    """It ends by itself, if somebody keeps the plan."""
    end, faults = _ENDS_IN.get(Mishap(fault.kind)), board.uart.faults
    if end is not None and faults is not None:
        faults.add(Fault(end, at_s=now_s + fault.amount))


TROUBLES: Final[Mapping[str, Callable[["Grbl", Fault, float], None]]] = {
    Mishap.STUCK: _hang,
    Mishap.SETTINGS_LOST: _lose_settings,
    Mishap.HARD_LIMIT: _hit_limit,
    Mishap.TRAVEL: _shrink_travel,
    Mishap.HOLD_BUTTON: _press_hold,
    Mishap.START_BUTTON: lambda board, fault, now_s: board.press_start(now_s),
    Mishap.DOOR: _open_door,
    Mishap.DOOR_SHUT: lambda board, fault, now_s: board.set_door(False, now_s),
    Mishap.PROBE_CLOSED: _stays,
    Mishap.PROBE_OPEN: _stays,
    Mishap.HOMING: _stays,
    Mishap.SMALL_BUFFER: _shrink_buffer,
    Mishap.SPINDLE: _stays_in_grblhal,
    Mishap.E_STOP: _raise_alarm,
    Mishap.E_STOP_RELEASED: lambda board, fault, now_s: board.defects.discard(Mishap.E_STOP),
    Mishap.MOTOR: _raise_alarm,
}
