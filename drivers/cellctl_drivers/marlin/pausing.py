"""Hold and resume: let the planner run out, read where it stands, park; and back again, to the very next line.

Nothing of the program is sent twice for it: lines are numbered, and the way back goes out ahead of the next one.
Where the printer pauses by itself, it is left to itself.
"""

import math

from cellctl.gcode.modal import spelled
from cellctl_drivers.marlin import parking
from cellctl_drivers.marlin.answers import position_mm
from cellctl_drivers.marlin.ledger import Own
from cellctl_drivers.marlin.parking import Pause
from cellctl_drivers.marlin.printer import Printer
from cellctl_drivers.marlin.states import Signal, State
from cellctl_drivers.serial_session import Asked, Held, Resumed

_ASK: tuple[str, str] = ("M114", "M114")


def hold(printer: Printer, *, park: bool = True) -> None:
    """Send nothing more of the program, and let the planner run out. `park`: it is our pause, not the printer's."""
    was = printer.state
    printer.go(Signal.HOLD)
    printer.times.wait_s = math.inf
    if was is State.RETURNING:
        printer.wire.forget()
        printer.wire.prove_rest()
        return
    printer.wire.forget_but_return()
    printer.run.pause = Pause() if park and printer.limits.park else None
    _prove_rest(printer, ask=printer.run.pause is not None)


def hear_position(printer: Printer, said: str) -> None:
    """An answer to M114, if we have asked."""
    pause = printer.run.pause
    if pause is not None and printer.state in (State.HOLDING, State.RETURNING):
        at = position_mm(said)
        pause.readings += [at] if at else []


def stands(printer: Printer, now_s: float) -> None:
    """Motion is over behind a hold, or behind the way to where it is parked."""
    printer.sealed()
    pause = printer.run.pause
    if printer.state is State.HOLDING and pause is not None:
        # Without this Marlin lets go of its axes after a while (DEFAULT_STEPPER_DEACTIVE_TIME, 120 s), and forgets
        # where they are.
        printer.wire.say(*motors(printer.dialect.motors_stay))
        if _parks(printer, pause):
            return
    printer.go(Signal.SEALED)
    printer.run.dead_man.stand(now_s)
    park = printer.limits.park
    if pause is not None and park is not None and park.standby_after_s:
        printer.times.wait_s = now_s + park.standby_after_s
    questions = printer.run.questions
    waiting, questions.waiting = questions.waiting, None
    printer.events.append(Held(waiting.text if waiting else _where(printer)))
    if waiting is not None:
        questions.open = waiting
        printer.events.append(Asked(waiting.text, waiting.choices))


def stand_by(printer: Printer) -> None:
    """It has been held for long: no filament cooks in a nozzle that is waiting. The bed keeps the part."""
    pause, park = printer.run.pause, printer.limits.park
    one_nozzle = printer.portrait.named.get("EXTRUDER_COUNT", "1") == "1"
    if pause is not None and park is not None and one_nozzle and pause.celsius > park.standby_celsius:
        printer.wire.say(f"M104 S{spelled(park.standby_celsius)}")


def go_on(printer: Printer) -> None:
    """The program runs again, by whoever's will: at once, or from where it was parked."""
    pause = printer.run.pause
    if printer.state is State.RETURNING:
        return  # It is about to.
    printer.times.wait_s = math.inf
    if pause is None:
        _run(printer)
        return
    printer.go(Signal.RETURN)
    pause.readings.clear()
    _prove_rest(printer, ask=True)


def come_back(printer: Printer) -> None:
    """It has said where it stands and how hot it is; what leads back goes out ahead of the program."""
    pause, printer.run.pause = printer.run.pause, None
    if pause is not None:
        nozzle = printer.portrait.nozzle_celsius or (pause.celsius, pause.celsius)
        back = parking.lines_back(pause, printer.run.follow(), pause.read(), nozzle)
        printer.wire.say(*back, *motors(printer.dialect.motors_rest), own=Own.RETURN)
    _run(printer)


def motors(line: str) -> tuple[str, ...]:
    """What a dialect says about its motors' idle time, if anything."""
    return (line,) if line else ()


def _run(printer: Printer) -> None:
    printer.go(Signal.RESUME)
    printer.run.dead_man.go_on()
    printer.events.append(Resumed())


def _parks(printer: Printer, pause: Pause) -> bool:
    """Set out for where it waits. False: it stays."""
    park, portrait, modal = printer.limits.park, printer.portrait, printer.run.follow()
    here, target = portrait.nozzle_celsius or (0.0, 0.0)
    pause.at, pause.celsius = pause.read(), target
    if park is None or pause.at is None or parking.against(modal, pause.at):
        return False
    pause.way = parking.way(park, modal, pause.at, portrait.area, min(here, target))
    printer.go(Signal.PARK)
    printer.wire.say(*parking.lines_there(pause.way, modal))
    printer.wire.prove_rest()
    return True


def _prove_rest(printer: Printer, *, ask: bool) -> None:
    wire = printer.wire
    wire.say("M400", own=Own.STAND)
    if ask:
        wire.say(*_ASK)
    wire.seal()


def _where(printer: Printer) -> str:
    """For a person who looks at the status."""
    pause = printer.run.pause
    if pause is None:
        return ""
    if pause.way is None or pause.at is None:
        return f"stands where it was held: {parking.against(printer.run.follow(), pause.at)}"
    x, y, z, _ = pause.way.end(pause.at)
    return f"parked at X{spelled(x)} Y{spelled(y)} Z{spelled(z)}"
