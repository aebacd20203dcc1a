"""What a report says of what was used up, measured and decided."""

from cellctl.domain.events import Record
from cellctl.domain.quality import Disposition
from cellctl.domain.stock_commands import DisposePart
from cellctl.economics.report import order_report, render
from tests.core.test_quality import SERIAL, at_the_gate, measure
from tests.core.test_stock import SPOOL, print_of, shop


def test_the_report_says_what_was_measured_and_who_let_it_pass() -> None:
    it = at_the_gate()
    measure(it, 30.4)
    it.command(DisposePart(SERIAL, Disposition.CONCESSION, "agreed", "grace"))
    records = [Record(n, "2026-01-05T06:00:00.000Z", 0.0, "x", event) for n, event in enumerate(it.log, 1)]
    report = order_report(records, "order-1")
    assert report is not None
    part = report["parts"][0]
    assert part["disposition"] == "in-work", "a decision on the way is not what became of it"
    assert [each["decided"] for each in part["decisions"]] == ["concession"]
    text = render(report)
    assert "06:00:00  inspect did not pass, by ada: width 30.4\n" in text
    assert "06:00:00  inspect: concession, by grace\n" in text


def test_the_report_says_what_was_used_up() -> None:
    it = shop(SPOOL)
    it.order(directive=print_of(500))
    it.work(it.started[0])
    records = [Record(n, "2026-01-05T06:00:00.000Z", 0.0, "x", event) for n, event in enumerate(it.log, 1)]
    report = order_report(records, "order-1")
    assert report is not None
    assert report["parts"][0]["operations"][0]["used"] == [{"lot": "spool-1", "amount": 500, "basis": "program"}]
    assert "done  500 of spool-1 (program)" in render(report)
