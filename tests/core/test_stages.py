"""Every command to an order at every stage: what becomes of its part (the table of docs/orders.md)."""

import pytest

from cellctl.core import dispatch
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import CancelOrder, CommandCell, CommandOrder, ExpediteOrder, SubmitOrder
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.stops import CellCommand
from cellctl.domain.work import Disposition, OperationState

from .shop import DIRECTIVE, Shop, one_step_directive
from .test_orders import prepared, react

ORDER = "order-1"
_C = JobCommand


def stored() -> Shop:
    shop = Shop()
    shop.wake()
    assert prepared(shop, SubmitOrder("plate", {}, release=False)).accepted
    return shop


def waiting() -> Shop:
    shop = Shop()
    shop.order(directive=one_step_directive())
    return shop


def on_a_machine() -> Shop:
    shop = Shop()
    shop.wake()
    shop.order(directive=one_step_directive())
    shop.feed(ev.OperationStarted("op-1"))
    shop.feed(ev.StationChanged("printer-1", MachineState.EXECUTE))
    return shop


def between() -> Shop:
    """Printed, and the arm that is to carry it on is not there."""
    shop = Shop()
    shop.wake()
    shop.order(directive=DIRECTIVE)
    shop.feed(ev.ContactLost("arm-1", "unplugged"))
    shop.work(shop.started.pop())
    assert not shop.cell.operations
    return shop


def unknown() -> Shop:
    shop = on_a_machine()
    shop.feed(ev.OperationEnded("op-1", OperationState.UNKNOWN, "a cable"))
    return shop


def done() -> Shop:
    shop = on_a_machine()
    shop.work(shop.cell.operations["op-1"])
    return shop


STAGES = {each.__name__: each for each in (stored, waiting, on_a_machine, between, unknown, done)}
COMMANDS = {
    "pause": CommandOrder(ORDER, _C.PAUSE),
    "cancel": CancelOrder(ORDER),
    "keep": CancelOrder(ORDER, keep=True),
    "stop": CommandOrder(ORDER, _C.STOP),
    "abort": CommandOrder(ORDER, _C.ABORT),
    "expedite": ExpediteOrder(ORDER, 5, "2030-01-31T12:00:00Z"),
}
REFUSED, OFF_LIST, ABORTED, UNTOUCHED, SCRAPPED, ASKED, HELD = (
    "refused", "off the list", "aborted", "untouched", "scrapped", "asked", "held",
)  # fmt: skip
TABLE = {
    "stored": (REFUSED, OFF_LIST, OFF_LIST, REFUSED, ABORTED, UNTOUCHED),
    "waiting": (REFUSED, OFF_LIST, OFF_LIST, REFUSED, ABORTED, UNTOUCHED),
    "on_a_machine": (HELD, UNTOUCHED, UNTOUCHED, ASKED, ASKED, UNTOUCHED),
    "between": (UNTOUCHED, SCRAPPED, UNTOUCHED, SCRAPPED, SCRAPPED, UNTOUCHED),
    "unknown": (REFUSED, ASKED, ASKED, ASKED, ASKED, ASKED),
    "done": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED),
}


def became(shop: Shop) -> str:
    """What is true of the one part of the order."""
    jobs = list(shop.cell.jobs.values())
    part = next(iter(shop.cell.parts.values()), None)
    if part is None:
        if not jobs:
            return ABORTED if render(shop.cell).orders[0].job_state == "ABORTED" else OFF_LIST
        return UNTOUCHED
    if any(operation.state is OperationState.UNKNOWN for operation in shop.cell.operations.values()):
        return ASKED
    if part.disposition is Disposition.SCRAPPED:
        return SCRAPPED
    return HELD if shop.cell.stations["printer-1"].state is MachineState.HELD else UNTOUCHED


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_result_at_every_stage(stage: str, name: str) -> None:
    shop = STAGES[stage]()
    reply = shop.command(COMMANDS[name])
    react(shop)
    expected = TABLE[stage][list(COMMANDS).index(name)]
    assert (REFUSED if not reply.accepted else became(shop)) == expected
    assert broken(shop.cell) == []


def test_a_part_that_is_kept_is_finished_and_accepted_and_its_order_makes_no_other() -> None:
    shop = on_a_machine()
    shop.command(CancelOrder(ORDER, keep=True))
    shop.work(shop.cell.operations["op-1"])
    assert [part.disposition for part in shop.cell.parts.values()] == [Disposition.ACCEPTED]
    assert "for stock" in render(shop.cell).prompts[0].text
    assert broken(shop.cell) == []


def test_who_thinks_again_cancels_without_keeping() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    assert shop.command(CancelOrder(ORDER, keep=True)).accepted
    assert not shop.command(CancelOrder(ORDER, keep=True)).accepted
    assert shop.command(CancelOrder(ORDER)).accepted
    shop.work(shop.cell.operations["op-1"])
    assert [part.disposition for part in shop.cell.parts.values()] == [Disposition.SCRAPPED]


def test_an_expedited_order_overtakes_what_waits_and_nothing_that_has_begun() -> None:
    shop = Shop()
    shop.wake()
    for _ in range(4):
        shop.order(directive=one_step_directive())
    begun = [operation.job_id for operation in shop.cell.operations.values()]
    shop.command(ExpediteOrder("order-4", priority=9))
    assert [operation.job_id for operation in shop.cell.operations.values()] == begun
    first = next(iter(dispatch.waiting(shop.cell)))
    assert first.order_id == "order-4"


def test_a_due_date_must_be_an_instant() -> None:
    shop = waiting()
    for wrong in ("tomorrow", "2030-01-31", "2030-01-31T12:00:00", "2030-13-31T12:00:00Z"):
        assert shop.command(ExpediteOrder(ORDER, due_at=wrong)).code == "rejected:invalid"
        assert prepared(shop, SubmitOrder("plate", {}, due_at=wrong)).code == "rejected:invalid"


def test_a_cell_that_drains_finishes_what_is_in_work_and_begins_nothing() -> None:
    shop = Shop()
    shop.wake()
    shop.order(quantity=3, directive=one_step_directive())
    assert shop.command(CommandCell(CellCommand.DRAIN)).result["in_work"] == 2
    shop.started.clear()
    for operation in list(shop.cell.operations.values()):
        shop.work(operation)
    assert shop.started == []
    assert render(shop.cell).jobs[2].reasons == ("cell_draining",)
    assert broken(shop.cell) == []
    assert not shop.command(CommandCell(CellCommand.DRAIN)).accepted
    assert shop.command(CommandCell(CellCommand.CONTINUE)).accepted


def test_a_paused_cell_holds_its_machines_and_lets_them_go_on_together() -> None:
    shop = on_a_machine()
    shop.command(CommandCell(CellCommand.PAUSE))
    assert [each.command for each in react(shop)] == [MachineCommand.HOLD]
    assert shop.command(CommandCell(CellCommand.CONTINUE)).accepted
    assert [each.command for each in react(shop)] == [MachineCommand.UNHOLD]
