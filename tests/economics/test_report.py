"""The report of an order: what the log says about its parts, and nothing that it does not say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CancelOrder
from cellctl.domain.work import Knowledge, OperationState, Place
from cellctl.economics.report import order_report, order_reports, render, summary
from tests.core.shop import Shop

MORNING = datetime(2026, 1, 5, 6, tzinfo=UTC)
SERIAL = "nameplate-A-00001"


class Diary:
    """A shop whose log is written down with the time of day."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.records: list[ev.Record] = []
        self._now_s = 0
        self.shop.wake()

    def later(self, seconds: int) -> None:
        """What has happened was at the time before."""
        at = (MORNING + timedelta(seconds=self._now_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for event in self.shop.log[len(self.records) :]:
            self.records.append(ev.Record(len(self.records) + 1, at, float(self._now_s), "test", event))
        self._now_s += seconds

    def work(self, seconds: int) -> None:
        """The work that was started first takes so long."""
        self.later(seconds)
        self.shop.work(self.shop.started.pop(0))

    def report(self, order_id: str = "order-1") -> dict[str, Any]:
        self.later(0)
        report = order_report(self.records, order_id)
        assert report is not None
        return report


@pytest.fixture
def diary() -> Diary:
    diary = Diary()
    diary.shop.order()
    return diary


def test_a_part_is_followed_through_every_operation_with_its_duration(diary: Diary) -> None:
    for seconds in (1200, 48, 60, 50, 40, 30):
        diary.work(seconds)
    (part,) = diary.report()["parts"]
    assert [(line["step"], line["station"], line["duration_s"], line["outcome"]) for line in part["operations"]] == [
        ("print", "printer-1", 1200, "done"),
        ("carry", "arm-1", 48, "done"),
        ("engrave", "router-1", 60, "done"),
        ("carry", "arm-1", 50, "done"),
        ("carry", "bench-1", 40, "done"),
        ("inspect", "bench-1", 30, "done"),
    ]
    assert part["operations"][0]["start"] == "2026-01-05T06:00:00.000Z"
    assert part["operations"][0]["end"] == "2026-01-05T06:20:00.000Z"
    assert (part["operations"][-1]["answer"], part["operations"][-1]["by"]) == ("accept", "eve")
    assert (part["disposition"], part["disposed_by"]) == ("accepted", "eve")


def test_programs_are_named_by_their_content_and_custody_by_place_time_and_grade(diary: Diary) -> None:
    for _ in range(6):
        diary.work(100)
    (part,) = diary.report()["parts"]
    assert part["programs"] == {"print": "aa", "engrave": "bb"}
    assert [(entry["at"][11:19], entry["place"], entry["knowledge"]) for entry in part["custody"]] == [
        ("06:00:00", "printer-1.bed", "recorded"),
        ("06:03:20", "arm-1.gripper", "observed"),
        ("06:03:20", "router-1.vise", "observed"),
        ("06:06:40", "arm-1.gripper", "observed"),
        ("06:06:40", "outfeed.1", "observed"),
        ("06:08:20", "bench-1.desk", "observed"),
        ("06:10:00", "gone", "confirmed"),
    ]


def test_scrap_and_the_part_that_is_made_in_its_place_stand_side_by_side(diary: Diary) -> None:
    for _ in range(5):
        diary.work(10)
    inspection = diary.shop.started.pop(0)
    diary.shop.feed(ev.OperationEnded(inspection.id, OperationState.DONE, answer="scrap", by="eve"))
    report = diary.report()
    assert report["quantity"] == 1
    assert [(part["serial"], part["disposition"]) for part in report["parts"]] == [
        (SERIAL, "scrapped"),
        ("nameplate-A-00002", "in-work"),
    ]
    assert [line["outcome"] for line in report["parts"][1]["operations"]] == ["open"]


def test_work_that_is_open_has_a_beginning_and_no_end(diary: Diary) -> None:
    diary.later(700)
    (line,) = diary.report()["parts"][0]["operations"]
    assert (line["start"], line["end"], line["duration_s"], line["outcome"]) == (
        "2026-01-05T06:00:00.000Z", "", None, "open",
    )  # fmt: skip
    assert (line["program"], line["lines"]) == ("aa", 100)


def test_a_failure_lasts_until_it_failed_and_not_until_somebody_came_to_look(diary: Diary) -> None:
    printing = diary.shop.started.pop(0)
    diary.later(600)
    diary.shop.feed(ev.OperationEnded(printing.id, OperationState.FAILED, "Thermal Runaway"))
    assert diary.report()["parts"][0]["operations"][0]["outcome"] == "unknown"
    diary.later(8 * 3600)
    diary.shop.command(AnswerPrompt(next(iter(diary.shop.cell.prompts)), "scrap"))
    line = diary.report()["parts"][0]["operations"][0]
    assert (line["duration_s"], line["outcome"], line["answer"], line["by"]) == (600, "failed", "scrap", "ada")
    assert line["reason"] == "failed: Thermal Runaway"


def test_nobody_knows_how_long_work_took_whose_end_nobody_saw(diary: Diary) -> None:
    diary.shop.started.clear()
    diary.later(600)
    diary.shop.feed(ev.ControllerStarted("test"))
    diary.later(60)
    diary.shop.command(AnswerPrompt(next(iter(diary.shop.cell.prompts)), "made"))
    line = diary.report()["parts"][0]["operations"][0]
    assert (line["end"], line["duration_s"], line["outcome"], line["answer"]) == ("", None, "done", "made")


def test_of_a_cancelled_order_the_report_says_who_cancelled_it_and_what_was_never_made() -> None:
    diary = Diary()
    diary.shop.order(quantity=3)
    diary.later(60)
    assert [part["disposition"] for part in diary.report()["parts"]] == ["in-work", "in-work", "to-make"]
    diary.shop.command(CancelOrder("order-1"))
    report = diary.report()
    assert (report["cancelled_at"], report["cancelled_by"]) == ("2026-01-05T06:01:00.000Z", "ada")
    assert [part["disposition"] for part in report["parts"]] == ["in-work", "in-work", "not-made"]
    assert "cancelled 2026-01-05T06:01:00.000Z by ada" in render(report)


def test_orders_are_told_apart_and_an_unknown_one_has_no_report() -> None:
    diary = Diary()
    diary.shop.order()
    diary.shop.order(quantity=2)
    diary.later(0)
    assert [len(report["parts"]) for report in order_reports(diary.records)] == [1, 2]
    assert order_report(diary.records, "order-9") is None


def test_what_the_log_says_about_strangers_is_passed_over() -> None:
    strange: list[ev.Event] = [
        ev.PartMoved("part-9", Place("outfeed.1"), Knowledge.OBSERVED, "op-9"),
        ev.OperationEnded("op-9", OperationState.DONE),
        ev.OrderCancelled("order-9", "ada"),
        ev.JobRemoved("job-9"),
    ]
    records = [ev.Record(seq, "2026-01-05T06:00:00.000Z", 0.0, "test", event) for seq, event in enumerate(strange, 1)]
    assert order_reports(records) == []


def test_the_text_names_operation_way_answer_and_holder(diary: Diary) -> None:
    for seconds in (1200, 48, 60, 50, 40):
        diary.work(seconds)
    text = render(diary.report())
    assert "order-1  nameplate rev A  (text=ADA)" in text
    assert "print      printer-1   06:00:00  06:20:00    0:20:00  done" in text
    assert "printer-1.bed → router-1.vise" in text
    assert "06:00:00  printer-1.bed    recorded   op-1" in text
    assert "inspect    bench-1     06:23:18  -                 -  open" in text


def test_the_summary_has_one_line_a_part() -> None:
    diary = Diary()
    diary.shop.order(quantity=3)
    diary.work(1200)
    diary.later(0)
    head, first, second, third = summary(order_reports(diary.records))
    assert head.split()[:3] == ["order", "part", "outcome"]
    assert "print 0:20:00" in first
    assert second.split()[1:4] == ["nameplate-A-00002", "in-work", "2026-01-05T06:00"]
    assert third.split()[1:5] == ["nameplate-A-00003", "to-make", "-", "-"]
