"""Lines that a person sends to a machine by hand: allowed where the cell file says so and nothing is at work."""

from typing import Final

from cellctl.core import readiness, zones
from cellctl.core.cell import Cell
from cellctl.core.instructions import SayByHand, Turn
from cellctl.domain import events as ev
from cellctl.domain.commands import Reply, SendLine, rejected
from cellctl.domain.errors import OrderRefused
from cellctl.domain.machine import MachineState
from cellctl.gcode.gate import sendable_lines

# In these a machine does nothing, and holds nothing that it has just made.
AT_HAND: Final = frozenset({MachineState.IDLE, MachineState.STOPPED, MachineState.ABORTED})


def send(turn: Turn, command: SendLine, sender: str) -> Reply:
    """Journal who sends what, and then let it go out."""
    name = command.machine
    if name not in turn.cell.stations:
        return rejected("unknown_target", f"there is no machine {name}; there are: {', '.join(turn.cell.stations)}")
    if not turn.cell.plan.station(name).console:
        where = f"[machines.{name}] or [cell]"
        off = f"the console of {name} is off; its owner allows it with `console = true` under {where}"
        return rejected("not_permitted", off)
    against = _against(turn.cell, name, sender)
    if against:
        return rejected("precondition_failed", f"{name} {against}")
    try:
        lines = list(sendable_lines([command.line]))
    except OrderRefused as refused:
        return rejected("invalid", str(refused))
    if not lines:
        return rejected("invalid", "there is nothing to send: comments and blanks stay here")
    turn.remember(ev.LineSent(name, lines[0], sender))
    turn.do(SayByHand(name, lines[0], sender))
    return Reply("accepted", f"{name}: {lines[0]}", {"line": lines[0]})


def _against(cell: Cell, name: str, sender: str) -> str:
    """Why nobody, or not this person, may send it lines now; empty if they may."""
    status = cell.stations[name]
    if status.state is None:
        return "is not heard; check its power and cable"
    operation = readiness.involved(cell, name)
    if operation is not None:
        return f"takes part in {operation.id} ({operation.step}), which must end first: cellctl status"
    if stopped := zones.against(cell, name):
        return f"must wait: {stopped.sentence}"
    if status.state not in AT_HAND:
        allowed = ", ".join(state.name for state in sorted(AT_HAND))
        return f"is {status.state.name}, and lines are sent by hand only while it is one of {allowed}: cellctl status"
    if status.by_hand not in ("", sender):
        return f"is in the hands of {status.by_hand}; it must be cleared first: cellctl machine clear {name}"
    return ""
