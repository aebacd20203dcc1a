"""What can go wrong with a Marlin board by itself: kinds that its plan may name, beside those of any machine.

All faults of OctoPrint's virtual printer, and how they are said here:

* resend, wrong or missing checksum, wrong or missing line number, once: `refuse` with the complaint as `text`;
  resend_ratio: the same with a `rate`; without an answer behind it (brokenResend): `resend_brings_ok = false` in the
  twin, or `lose` of that `ok`; rerequest_last, the storm that never ends: `refuse-all`.
* dont_answer: `lose` of an `ok`; prepare_ok: `replace` of one; go_awol: `freeze` (0 s); sleep, sleep_after: `freeze`.
* fatal errors, mintemp, maxtemp: `kill`, `mintemp`, `maxtemp`, `thermal-runaway`, `heating-failed`, `stop`.
* action_pause, action_resume and the others, `send`, toggle_klipper_connection: `insert` of that line to the host;
  drop_connection: `unplug`; reset: `reset`; unbusy: `unbusy`; a lost `start`: `lose` of it, with a `reset`;
  reset lines with 0x80 among them: `insert` or `garbage`.
* in the twin: `advanced_ok`, `wait_every_s`, `emergency_parser`, `rx_bytes`, `command_slots`, `resend_brings_ok`.

What makes no sense here: SD card faults and a broken M29 (our programs are never on a card), a printer that is locked
by a passcode (nobody could start it at night), prepared EEPROM texts (nothing is read from there), throttled replies
(`stall` holds them back), other dialects and several extruders (they have transcripts, no twin).
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cellctl_sim.faults import Fault
from cellctl_sim.marlin.lines import WRONG_SUM, Command

if TYPE_CHECKING:
    from cellctl_sim.marlin.device import Marlin

Happen = Callable[["Marlin", Fault, float], None]

HEATING_FAILED: Final = "Heating failed, system stopped! Heater_ID: 0"
_STOPPED: Final = "Printer stopped due to errors. Fix the error and use M999 to restart. (Temperature is reset.)"


def _dies(why: str) -> Happen:
    def happen(board: "Marlin", fault: Fault, now_s: float) -> None:
        board.die(fault.text or why, now_s)

    return happen


def _stop(board: "Marlin", fault: Fault, now_s: float) -> None:
    board.printer.drop(now_s)
    board.health.stopped = True
    board.say(f"Error:{_STOPPED}")


def _refuse(board: "Marlin", fault: Fault, now_s: float) -> None:
    board.health.refusals.append(fault.text or WRONG_SUM)


def _refuse_all(board: "Marlin", fault: Fault, now_s: float) -> None:
    board.health.refuses_all = fault.text or WRONG_SUM


def _freeze(board: "Marlin", fault: Fault, now_s: float) -> None:
    board.health.frozen_until_s = now_s + fault.amount if fault.amount else math.inf


def _unbusy(board: "Marlin", fault: Fault, now_s: float) -> None:
    board.talk.busy_every_s, board.talk.busy_due_s = 0.0, math.inf


def _dead_heater(board: "Marlin", fault: Fault, now_s: float) -> None:
    """The wire to the heater breaks. Thermal protection sees it after `amount` seconds; 0: there is none."""
    board.printer.nozzle.break_down(now_s)
    if fault.amount:
        board.health.dies_s = now_s + fault.amount


def _chill(board: "Marlin", fault: Fault, now_s: float) -> None:
    """Somebody turns the nozzle off at the panel, and it has cooled before the next move."""
    board.printer.nozzle.set_target(0.0, now_s)
    board.coldest_celsius = math.inf


def _out_of_filament(board: "Marlin", fault: Fault, now_s: float) -> None:
    """The sensor runs M600 between two commands; nobody is told `ok` for it."""
    board.say("//action:out_of_filament T0")
    board.intake.queue.insert(1 if board.is_busy else 0, Command("M600", unasked=True))


TROUBLES: Final[Mapping[str, Happen]] = {
    "thermal-runaway": _dies("Thermal Runaway, system stopped! Heater_ID: 0"),
    "heating-failed": _dies(HEATING_FAILED),
    "mintemp": _dies("MINTEMP triggered, system stopped! Heater_ID: 0"),
    "maxtemp": _dies("MAXTEMP triggered, system stopped! Heater_ID: 0"),
    "kill": _dies(""),
    "stop": _stop,
    "refuse": _refuse,
    "refuse-all": _refuse_all,
    "freeze": _freeze,
    "unbusy": _unbusy,
    "dead-heater": _dead_heater,
    "chill": _chill,
    "filament-out": _out_of_filament,
}
