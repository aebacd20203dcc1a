"""Lines by hand: where the cell file allows it, while nothing is at work, journalled before they go out."""

from dataclasses import replace

import pytest

from cellctl.core.instructions import Answer, Remember, SayByHand
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import CommandMachine, Envelope, SendLine
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Plan
from tests.core.shop import PLAN, Shop

OPEN = Plan("test", {name: replace(station, console=name != "arm-1") for name, station in PLAN.stations.items()})


def shop() -> Shop:
    """Every machine is idle, and all but the arm have a console."""
    made = Shop(OPEN)
    made.wake()
    return made


def taken_in_hand(room: Shop) -> None:
    """As a driver reports it."""
    for state in (MachineState.ABORTING, MachineState.ABORTED):
        room.feed(ev.StationChanged("printer-1", state, "ada works on it by hand"))


def test_a_line_is_journalled_with_who_sent_it_before_it_goes_out() -> None:
    todo = shop().feed(Envelope("id-1", "ada", SendLine("printer-1", "G28 X ; home")))
    assert [type(each) for each in todo] == [Remember, SayByHand, Remember, Answer]
    assert todo[0] == Remember(ev.LineSent("printer-1", "G28 X", "ada"))
    assert todo[1] == SayByHand("printer-1", "G28 X", "ada")


@pytest.mark.parametrize(
    ("machine", "line", "code", "why"),
    [
        ("printer-9", "G28", "unknown_target", "there is no machine printer-9; there are: printer-1, "),
        ("arm-1", "G28", "not_permitted", "the console of arm-1 is off; its owner allows it with `console = true`"),
        ("printer-1", "G1 X1 ! Y1", "invalid", "line 1, column 7: the byte '!' must not go to a machine"),
        ("printer-1", "G28\nG1 X1", "invalid", "the byte '\\n' must not go to a machine"),
        ("printer-1", "\x18", "invalid", "the byte '\\x18' must not go to a machine"),
        ("printer-1", " ; nothing", "invalid", "there is nothing to send"),
    ],
)
def test_a_line_that_must_not_go_out_is_refused_with_the_reason(machine: str, line: str, code: str, why: str) -> None:
    room = shop()
    reply = room.command(SendLine(machine, line))
    assert reply.code == f"rejected:{code}"
    assert why in reply.message
    assert not [event for event in room.log if isinstance(event, ev.LineSent)]


def test_a_machine_at_work_or_not_heard_takes_no_lines_by_hand() -> None:
    room = shop()
    room.order()
    assert "takes part in op-1 (print), which must end first" in room.command(SendLine("printer-1", "G28")).message
    room.feed(ev.StationChanged("router-1", MachineState.HELD, "door"))
    assert "is HELD, and lines are sent by hand only while" in room.command(SendLine("router-1", "G28")).message
    room.feed(ev.ContactLost("router-1", "unplugged"))
    assert "is not heard" in room.command(SendLine("router-1", "G28")).message


def test_a_machine_in_somebodys_hands_gets_no_work_and_no_lines_of_another_until_it_is_cleared() -> None:
    room = shop()
    room.command(SendLine("printer-1", "G28"))
    room.order(quantity=2)
    assert [each.station for each in room.started] == ["printer-2"], "not even before its driver has reacted"
    taken_in_hand(room)
    room.feed(Envelope("id-77", "eve", SendLine("printer-1", "G28")))
    assert room.reply is not None
    assert "is in the hands of ada; it must be cleared first: cellctl machine clear" in room.reply.message
    assert room.command(SendLine("printer-1", "M105")).accepted
    assert render(room.cell).machines[0].by_hand == "ada"
    assert room.command(CommandMachine("printer-1", MachineCommand.CLEAR)).accepted
    for state in (MachineState.CLEARING, MachineState.STOPPED, MachineState.RESETTING, MachineState.IDLE):
        room.feed(ev.StationChanged("printer-1", state))
    assert render(room.cell).machines[0].by_hand == ""
    assert [each.station for each in room.started] == ["printer-2", "printer-1"]


def test_a_line_that_could_not_be_sent_leaves_the_machine_in_our_hands() -> None:
    room = shop()
    room.command(SendLine("printer-1", "G28"))
    room.feed(ev.LineNotSent("printer-1", "the pendant has it"))
    room.order()
    assert [each.station for each in room.started] == ["printer-1"]


def test_what_a_machine_says_is_journalled_only_while_somebody_works_on_it() -> None:
    room = shop()
    said = ev.LinesHeard("printer-1", ("ok",))
    assert room.feed(said) == []
    room.command(SendLine("printer-1", "G28"))
    taken_in_hand(room)
    assert room.feed(said) == [Remember(said)]
    room.feed(ev.ContactLost("printer-1", "unplugged"))
    assert room.feed(said) == []
