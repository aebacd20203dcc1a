"""What happened to every part of an order, from the event log alone. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand
from cellctl.domain.quality import Disposition
from cellctl.domain.stock_events import InspectionRecorded, MaterialConsumed, ToolUsed
from cellctl.domain.work import Job, Operation, OperationState, Order

Report = dict[str, Any]

# What has become of a part beside its dispositions; and of an operation that has not ended.
TO_MAKE: Final = "to-make"
NOT_MADE: Final = "not-made"
OPEN: Final = "open"
# Decisions at a gate, or about a part of a broken run, that let it go on, or back.
_ON_THE_WAY: Final = (Disposition.REWORK, Disposition.CONCESSION, Disposition.IN_WORK)


def order_report(records: Iterable[ev.Record], order_id: str) -> Report | None:
    """The report of one order, or None if the log does not know it."""
    return next((report for report in order_reports(records) if report["order"] == order_id), None)


def order_reports(records: Iterable[ev.Record]) -> list[Report]:
    """The report of every order as JSON-like values. Instants are UTC text, durations seconds."""
    book = _Book()
    for record in records:
        book.enter(record)
    return list(book.orders.values())


class _Book:
    """Collects what the log says about orders, parts and operations."""

    def __init__(self) -> None:
        self.orders: dict[str, Report] = {}
        self._parts: dict[str, Report] = {}
        self._by_job: dict[str, Report] = {}
        self._carriers: dict[str, str] = {}
        # A shared build has a line with each of its parts.
        self._operations: dict[str, list[Report]] = {}

    def enter(self, record: ev.Record) -> None:
        event = record.event
        match event:
            case ev.OrderAccepted(order=order):
                self.orders[order.id] = _accepted(order, record.at)
            case ev.OrderChanged(order=order) if order.id in self.orders:
                self.orders[order.id] |= _content(order)
            case ev.OrderCommanded(command=JobCommand.STOP | JobCommand.ABORT) if event.order_id in self.orders:
                self.orders[event.order_id] |= {"cancelled_at": record.at, "cancelled_by": event.by}
            case ev.OrderCancelled() if event.order_id in self.orders:
                self.orders[event.order_id] |= {"cancelled_at": record.at, "cancelled_by": event.by}
            case ev.JobStored(job=job) if job.order_id in self.orders:
                self._by_job[job.id] = self._parts[job.serial] = _to_make(job)
                self.orders[job.order_id]["parts"].append(self._parts[job.serial])
            case ev.JobRemoved() if event.job_id in self._by_job:
                self._by_job[event.job_id]["disposition"] = NOT_MADE
            case ev.PartCreated(part=part) if part.serial in self._parts:
                self._parts[part.serial]["disposition"] = part.disposition.value
            case ev.PartMoved() if event.serial in self._parts:
                self._hold(self._parts[event.serial], event.place, event, record.at)
            case ev.CarrierMoved():
                self._carry(event, record.at)
            case ev.PartDisposed() if event.serial in self._parts and event.disposition in _ON_THE_WAY:
                decided = {"at": record.at, "step": event.step, "decided": event.disposition.value, "by": event.by}
                self._parts[event.serial].setdefault("decisions", []).append(decided)
            case ev.PartDisposed() if event.serial in self._parts:
                self._parts[event.serial] |= {"disposition": event.disposition.value, "disposed_by": event.by}
            case _:
                self._enter_work(event, record.at)

    def _hold(self, part: Report, place: str, event: ev.PartMoved | ev.CarrierMoved, at: str) -> None:
        """A part is held at a place, or, on a carrier, wherever that is."""
        entry = {"at": at, "place": place, "knowledge": event.knowledge.value, "by": event.by}
        carrier_at = self._carriers.get(place.partition(".")[0])
        part["custody"].append(entry | ({"carrier_at": carrier_at} if carrier_at else {}))

    def _carry(self, event: ev.CarrierMoved, at: str) -> None:
        """Whatever lies on a carrier goes with it, and does not change hands."""
        self._carriers[event.carrier] = event.place
        for part in self._parts.values():
            place = part["custody"][-1]["place"] if part["custody"] else ""
            if place.partition(".")[0] == event.carrier:
                self._hold(part, place, event, at)

    def _enter_work(self, event: ev.Event, at: str) -> None:
        match event:
            case ev.OperationIntended(operation=operation):
                for alone in operation.each():
                    self._open(alone, operation, at)
            case ev.OperationStarted(estimated_s=better) if better:
                for line in self._lines(event.operation_id):
                    line["estimated_s"] = better
            case ev.OperationEnded():
                for line in self._lines(event.operation_id):
                    _close(line, event, at)
            case ev.ControllerStarted():
                # Nobody saw the end of what was open.
                for line in chain.from_iterable(self._operations.values()):
                    if line["outcome"] == OPEN:
                        line["outcome"] = OperationState.UNKNOWN.value
            case _:
                self._enter_use(event, at)

    def _open(self, alone: Operation, operation: Operation, at: str) -> None:
        """The operation as one of its parts sees it."""
        if alone.serial not in self._parts:
            return
        line, part = _opened(alone, at), self._parts[alone.serial]
        if operation.mates:
            line["shared_with"] = [serial for serial in operation.serials if serial != alone.serial]
        self._operations.setdefault(operation.id, []).append(line)
        part["operations"].append(line)
        if alone.program is not None:
            part["programs"][alone.step] = alone.program.sha256

    def _lines(self, operation_id: str) -> list[Report]:
        return self._operations.get(operation_id, [])

    def _enter_use(self, event: ev.Event, at: str) -> None:
        """What was used up, and what was measured. A part that has none of it says nothing about it."""
        match event:
            case MaterialConsumed():
                for line in self._lines(event.operation_id):
                    share = round(event.amount / _parts_of(line), 3)
                    used = {"lot": event.lot_id, "amount": share, "basis": event.basis.value}
                    line.setdefault("used", []).append(used)
            case ToolUsed():
                for line in self._lines(event.operation_id):
                    share = round(event.minutes / _parts_of(line), 3)
                    worn = {"tool": event.tool_id, "minutes": share, "basis": event.basis.value}
                    line.setdefault("used", []).append(worn)
            case InspectionRecorded() if event.serial in self._parts:
                said = event.inspection
                measured = {"passed": said.passed, "values": dict(said.values)}
                result = {"at": at, "step": said.step, "by": said.by, **measured}
                self._parts[event.serial].setdefault("inspections", []).append(result)


def _parts_of(line: Report) -> int:
    """How many parts share what an operation used."""
    return len(line.get("shared_with", ())) + 1


def _accepted(order: Order, at: str) -> Report:
    return {"order": order.id, **_content(order), "accepted_at": at, "parts": []}


def _content(order: Order) -> Report:
    return {
        "product": order.product,
        "revision": order.revision,
        "parameters": dict(order.parameters),
        "quantity": order.quantity,
    }


def _to_make(job: Job) -> Report:
    part = {"serial": job.serial, "job": job.id, "disposition": TO_MAKE}
    return part | {"programs": {}, "operations": [], "custody": []}


def _opened(operation: Operation, at: str) -> Report:
    line: Report = {
        "operation": operation.id,
        "step": operation.step,
        "station": operation.station,
        "from": operation.source,
        "to": operation.target,
        "start": at,
        "end": "",
        "duration_s": None,
        "outcome": OPEN,
    }
    if operation.program is not None:
        program = operation.program
        line |= {"program": program.sha256, "lines": program.lines, "estimated_s": program.estimated_s}
    return line


def _close(line: Report, event: ev.OperationEnded, at: str) -> None:
    """The machine's end is the first one; what a person says later about an unknown outcome takes no machine's time."""
    if line["outcome"] == OPEN:
        line |= {"end": at, "duration_s": round(_utc_s(at) - _utc_s(line["start"]), 3)}
    line["outcome"] = event.state.value
    line |= {key: value for key, value in (("answer", event.answer), ("by", event.by)) if value}
    if event.reason:
        line.setdefault("reason", event.reason)


def _utc_s(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def render(report: Mapping[str, Any]) -> str:
    """The report as text for a person: one block a part, one line an operation, then who held it when."""
    wanted = ", ".join(f"{key}={value}" for key, value in report["parameters"].items())
    title = f"{report['order']}  {report['product']} rev {report['revision']}  ({wanted})"
    lines = [title, "=" * len(title), f"accepted {report['accepted_at']}, quantity {report['quantity']}"]
    if "cancelled_at" in report:
        lines.append(f"cancelled {report['cancelled_at']} by {report['cancelled_by']}")
    lines.append("")
    for part in report["parts"]:
        lines += _part_lines(part)
    return "\n".join(lines)


def summary(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a part: order, serial number, what became of it, begin, end, and machine time by step."""
    lines = [f"{'order':<11} {'part':<20} {'outcome':<9} {'begun':<16}  {'ended':<16}  machine time by step"]
    for report in reports:
        for part in report["parts"]:
            done = [line for line in part["operations"] if line["end"]]
            begun = f"{part['operations'][0]['start'][:16]}" if part["operations"] else "-"
            ended = f"{done[-1]['end'][:16]}" if done else "-"
            steps = "  ".join(f"{line['step']} {_duration(line['duration_s'])}" for line in done)
            head = f"{report['order']:<11} {part['serial']:<20} {part['disposition']:<9}"
            lines.append(f"{head} {begun:<16}  {ended:<16}  {steps}")
    return lines


def _part_lines(part: Mapping[str, Any]) -> list[str]:
    lines = [f"part {part['serial']}  {part['disposition']}"]
    lines += [f"  program  {step:<10} sha256 {sha[:16]}…" for step, sha in part["programs"].items()]
    lines.append(f"  {'operation':<10} {'station':<11} {'start':<8}  {'end':<8}  {'duration':>9}  outcome")
    for line in part["operations"]:
        outcome = line["outcome"]
        if line["from"]:
            outcome += f"  {line['from']} → {line['to']}"
        if "answer" in line:
            outcome += f"  “{line['answer']}” by {line.get('by', '?')}"
        if line.get("estimated_s"):
            outcome += f"  (program: about {_duration(line['estimated_s'])})"
        outcome += "".join(f"  {_spelled(used)}" for used in line.get("used", ()))
        if "shared_with" in line:
            outcome += f"  in one run with {', '.join(line['shared_with'])}"
        lines.append(
            f"  {line['step']:<10} {line['station']:<11} {_hms(line['start'])}  {_hms(line['end']):<8}  "
            f"{_duration(line['duration_s']):>9}  {outcome}"
        )
    lines += _judged(part)
    lines.append("  held by")
    for entry in part["custody"]:
        place = "out of the cell" if entry["place"] == "gone" else entry["place"] or "nowhere yet"
        if "carrier_at" in entry:
            place += f" at {entry['carrier_at']}"
        lines.append(f"    {_hms(entry['at'])}  {place:<16} {entry['knowledge']:<10} {entry['by']}")
    return [*lines, ""]


def _judged(part: Mapping[str, Any]) -> list[str]:
    """What was measured of a part, and what was decided about it, in the order in which it happened."""
    said = [(result["at"], _result(result)) for result in part.get("inspections", ())]
    said += [(each["at"], f"{each['step']}: {each['decided']}, by {each['by']}") for each in part.get("decisions", ())]
    return ["  judged", *(f"    {_hms(at)}  {text}" for at, text in sorted(said, key=itemgetter(0)))] if said else []


def _result(result: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in result["values"].items())
    outcome = "passed" if result["passed"] else "did not pass"
    return f"{result['step']} {outcome}, by {result['by']}" + (f": {values}" if values else "")


def _spelled(used: Mapping[str, Any]) -> str:
    if "lot" in used:
        return f"{used['amount']:g} of {used['lot']} ({used['basis']})"
    return f"{used['minutes']:g} min of {used['tool']} ({used['basis']})"


def _hms(at: str) -> str:
    return at[11:19] or "-"


def _duration(duration_s: float | None) -> str:
    if duration_s is None:
        return "-"
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
