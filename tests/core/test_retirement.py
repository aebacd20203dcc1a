"""Closed orders leave the live cell once nothing of them is open; the journal keeps them."""

import pytest

from cellctl.core import retirement
from cellctl.core.history import History, Span
from cellctl.core.invariants import broken
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import CancelOrder, CommandOrder, SubmitOrder
from cellctl.domain.job import JobCommand
from tests.core.test_orders import ORDER, ended, prepared, say, store


def test_a_cleared_order_goes_with_its_job_and_part_as_soon_as_the_part_has_left() -> None:
    shop = ended()
    assert shop.command(CommandOrder(ORDER, JobCommand.CLEAR)).accepted
    assert ORDER in shop.cell.orders
    say(shop, "taken away")
    assert (shop.cell.orders, shop.cell.jobs, shop.cell.parts) == ({}, {}, {})
    assert broken(shop.cell) == []


def test_an_order_that_is_closed_and_not_cleared_stays_in_view() -> None:
    shop = ended()
    say(shop, "taken away")
    assert [order.id for order in render(shop.cell).orders] == [ORDER]


def test_of_many_closed_orders_the_oldest_go_and_no_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "KEPT_CLOSED", 3)
    shop = store(release=False)
    for number in range(6):
        assert prepared(shop, SubmitOrder("plate", {}, order_id=f"C-{number}", release=False)).accepted
        assert shop.command(CancelOrder(f"C-{number}")).accepted
    assert list(shop.cell.orders) == [ORDER, "C-3", "C-4", "C-5"]
    assert broken(shop.cell) == []


def test_what_is_known_of_when_an_order_ran_goes_with_it() -> None:
    history = History()
    history.learn(ev.Record(1, "2026-01-05T06:00:00.000Z", 0.0, "test", ev.OrderCancelled("order-1", "ada")))
    assert history.order("order-1").end_at
    history.learn(ev.Record(2, "2026-01-05T06:00:01.000Z", 1.0, "test", ev.OrderRetired("order-1")))
    assert history.order("order-1") == Span()
