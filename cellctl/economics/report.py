"""What happened to every part of an order, from the event log alone. Pure functions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cellctl.domain import events as ev
from cellctl.domain.work import Operation

Report = dict[str, Any]


def order_report(records: Iterable[ev.Record], order_id: str) -> Report | None:
    """The report of an order as JSON-like values, or None if the log does not know it. Durations in seconds."""
    report: Report | None = None
    parts: dict[str, Report] = {}
    operations: dict[str, Report] = {}
    for record in records:
        event = record.event
        match event:
            case ev.OrderAccepted(order=order) if order.id == order_id:
                report = {
                    "order": order.id,
                    "product": order.product,
                    "revision": order.revision,
                    "parameters": dict(order.parameters),
                    "quantity": order.quantity,
                    "accepted_at": record.at,
                }
            case ev.JobStored(job=job) if job.order_id == order_id:
                parts[job.serial] = {
                    "serial": job.serial,
                    "job": job.id,
                    "disposition": "in-work",
                    "programs": {},
                    "operations": [],
                    "custody": [],
                }
            case ev.OperationIntended(operation=operation) if operation.serial in parts:
                operations[operation.id] = _open(operation, record, parts[operation.serial])
            case ev.OperationEnded() if event.operation_id in operations:
                _close(operations[event.operation_id], event, record)
            case ev.PartMoved(serial=serial) if serial in parts:
                entry = {"at": record.at, "place": event.place, "knowledge": event.knowledge.value, "by": event.by}
                parts[serial]["custody"].append(entry)
            case ev.PartDisposed(serial=serial) if serial in parts:
                parts[serial] |= {"disposition": event.disposition.value, "disposed_by": event.by}
    if report is not None:
        report["parts"] = list(parts.values())
    return report


def _open(operation: Operation, record: ev.Record, part: Report) -> Report:
    line: Report = {
        "operation": operation.id,
        "step": operation.step,
        "station": operation.station,
        "from": operation.source,
        "to": operation.target,
        "start": record.at,
        "end": "",
        "duration_s": None,
        "outcome": "open",
    }
    if operation.program is not None:
        line |= {"program": operation.program.sha256, "lines": operation.program.lines}
        part["programs"][operation.step] = operation.program.sha256
    part["operations"].append(line)
    return line


def _close(line: Report, event: ev.OperationEnded, record: ev.Record) -> None:
    line["end"] = record.at
    line["duration_s"] = round(_utc_s(record.at) - _utc_s(line["start"]), 3)
    line["outcome"] = event.state.value
    line |= {key: value for key, value in (("answer", event.answer), ("by", event.by)) if value}
    if event.reason:
        line["reason"] = event.reason


def _utc_s(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def render(report: Mapping[str, Any]) -> str:
    """The report as text for a person: one block a part, one line an operation, then who held it when."""
    wanted = ", ".join(f"{key}={value}" for key, value in report["parameters"].items())
    title = (
        f"{report['order']}  {report['product']} rev {report['revision']}  ({wanted})  quantity {report['quantity']}"
    )
    lines = [title, "=" * len(title), f"accepted {report['accepted_at']}", ""]
    for part in report["parts"]:
        lines += _part_lines(part)
    return "\n".join(lines)


def _part_lines(part: Mapping[str, Any]) -> list[str]:
    lines = [f"part {part['serial']}  {part['disposition']}"]
    lines += [f"  program  {step:<10} sha256 {sha[:16]}…" for step, sha in part["programs"].items()]
    lines.append(f"  {'operation':<10} {'station':<11} {'start':<8}  {'end':<8}  {'duration':>9}  outcome")
    for line in part["operations"]:
        way = f"  {line['from']} → {line['to']}" if line["from"] else ""
        outcome = f"{line['outcome']}{way}"
        if "answer" in line:
            outcome += f"  “{line['answer']}” by {line.get('by', '?')}"
        lines.append(
            f"  {line['step']:<10} {line['station']:<11} {_hms(line['start'])}  {_hms(line['end'])}  "
            f"{_duration(line['duration_s']):>9}  {outcome}"
        )
    lines.append("  held by")
    for entry in part["custody"]:
        place = "out of the cell" if entry["place"] == "gone" else entry["place"] or "nowhere yet"
        lines.append(f"    {_hms(entry['at'])}  {place:<16} {entry['knowledge']:<10} {entry['by']}")
    return [*lines, ""]


def _hms(at: str) -> str:
    return at[11:19] or "-"


def _duration(duration_s: float | None) -> str:
    if duration_s is None:
        return "-"
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
