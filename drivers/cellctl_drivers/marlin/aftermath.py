"""What a printer shows of a program whose end nobody saw: by its line counter, which lives as long as its power."""

from typing import Final

from cellctl.domain.evidence import Findings
from cellctl.domain.work import Operation, Rung
from cellctl_drivers.marlin.ledger import frame
from cellctl_drivers.marlin.printer import Printer

# No session counts as far as this, so it is never the line that is due: the answer names the last one that was.
_NEVER_DUE: Final = 2_000_000_000
# A greeting is a few lines of its own; a counter below this may have been set by one that came to nothing.
_FEW_LINES: Final = 64


def asks(printer: Printer) -> bool:
    """Ask for the number of the last line, once and before the counter is set anew. The line is refused, not run."""
    if not printer.limits.asks_last_line or printer.portrait.asked_last_line:
        return False
    printer.portrait.asked_last_line = True
    # The newline ends what the controller that died may have left half said.
    printer.wire.outbox.urgent = b"\n" + frame(_NEVER_DUE, b"M105")
    return True


def hear(printer: Printer, number: int) -> None:
    """It has answered."""
    if printer.portrait.asked_last_line and printer.portrait.last_line is None and number >= 0:
        printer.portrait.last_line = number


def findings(printer: Printer, operation: Operation) -> Findings | None:
    """None while its bed is too warm for whoever takes the part."""
    last, mark = printer.portrait.last_line, operation.mark
    if last is None or not mark.isdecimal() or operation.rung is not Rung.ACKNOWLEDGED:
        return Findings(stands=True)
    if not _FEW_LINES <= int(mark) <= last:
        says = f"its line counter is at {last}, and was at {mark} when it had taken all: it began anew"
        return Findings(stands=True, took_all=False, began_anew=True, says=says)
    if printer.portrait.bed_above(printer.limits.release_bed_celsius):
        if not printer.portrait.cooling:
            printer.portrait.cooling = True
            printer.wire.say(*printer.rest_lines())
        return None
    return Findings(stands=True, took_all=True, began_anew=False)
