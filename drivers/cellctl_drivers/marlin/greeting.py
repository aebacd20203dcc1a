"""Making contact: wait for the board to boot or to be quiet, agree on a line number, learn who it is."""

from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.dialects import COMMON
from cellctl_drivers.marlin.memory import Portrait, Times
from cellctl_drivers.marlin.printer import CHECK_LINE, Printer
from cellctl_drivers.marlin.states import Signal
from cellctl_drivers.marlin.window import Window
from cellctl_drivers.marlin.wire import Wire
from cellctl_drivers.serial_session import Greeted


def wake(printer: Printer, now_s: float) -> None:
    """Listen until the board has booted, or was quiet for long enough."""
    printer.portrait = Portrait()
    until_s = now_s + printer.limits.boot_s
    printer.times = Times(now_s, printer.times.booted_s, wait_s=until_s, boot_until_s=until_s)


def hear_boot(printer: Printer, now_s: float) -> None:
    """It has just begun, or says more about it."""
    printer.stopped_itself = False
    printer.times.booted_s = now_s
    printer.times.boot_until_s = now_s + printer.limits.boot_s
    printer.times.wait_s = now_s + printer.limits.quiet_s


def begin(printer: Printer, now_s: float) -> None:
    """Set the line counter, ask who is there, and seal it."""
    portrait, limits = printer.portrait, printer.limits
    if portrait.greetings == facts.GREETINGS:
        printer.fault("restarts, or loses the first line, again and again", CHECK_LINE)
        return
    portrait.greetings += 1
    revive = printer.dialect.revive if printer.stopped_itself else ""
    window = Window(limits.window, limits.rx_bytes)
    printer.wire = Wire(limits.dialect or COMMON, limits.patience(), window, printer.wire.meter)
    printer.wire.speak(printer.wire.dialect)
    printer.wire.outbox.urgent = b"\n"  # Ends what an earlier connection may have left half said.
    if revive:
        printer.wire.outbox.urgent += revive.encode("ascii") + b"\n"
        printer.stopped_itself = False
    printer.wire.say("M110 N0", "M115")
    printer.wire.seal()


def meet(printer: Printer, now_s: float) -> None:
    """It has answered: is it ours?"""
    portrait, expected = printer.portrait, printer.limits.expected
    if not portrait.identity:
        printer.fault("does not answer M115 as Marlin does", "Check port and firmware, then clear")
        return
    if portrait.is_other_than(expected):
        if portrait.greetings < facts.GREETINGS:
            begin(printer, now_s)  # A damaged answer looks like another machine; the same twice in a row is one.
            return
        what = f"is {portrait.identity}, and the cell file expects {expected.describe()}"
        printer.fault(what, "Put its cable where it belongs, or correct uuid and machine_type in the cell file")
        return
    _settle(printer, now_s)


def _settle(printer: Printer, now_s: float) -> None:
    wire = printer.wire
    printer.go(Signal.SEALED)
    wire.patience.full_s = printer.limits.acknowledge_s
    printer.events.append(Greeted(printer.portrait.identity))
    printer.expect_report(now_s)
    if printer.reports_by_itself:
        wire.say(f"M155 S{facts.REPORT_S}")
    if wire.dialect.telemetry:
        wire.say(wire.dialect.telemetry)
    wire.prove_rest()
