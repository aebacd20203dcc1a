"""Commands about zones, alarms, the whole cell, its stock and its parts."""

from cellctl.core import alarms, dispositions, orders, stopping, storeroom
from cellctl.core.instructions import Turn
from cellctl.domain.commands import (
    ClearAlarm,
    CommandCell,
    CommandZone,
    Envelope,
    RaiseAlarm,
    Reply,
    ReportStop,
)


def carry_out(turn: Turn, envelope: Envelope) -> Reply | None:
    """The answer to one of them; None for another command."""
    match envelope.command:
        case CommandZone() as command:
            return stopping.command_zone(turn, command, envelope.sender)
        case ReportStop() as command:
            return alarms.report_stop(turn, command, envelope.sender)
        case RaiseAlarm() as command:
            return alarms.raise_by(turn, command, envelope.sender)
        case ClearAlarm() as command:
            return alarms.clear_by(turn, command, envelope.sender)
        case CommandCell() as command:
            return orders.tell_cell(turn, command, envelope.sender)
    return storeroom.carry_out(turn, envelope) or dispositions.carry_out(turn, envelope)
