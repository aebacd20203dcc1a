"""`cellctl machine show`: one machine, where its program is, and how good its line is."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cellctl.cli.screen import Screen, printable

Json = Mapping[str, Any]


def show_lines(machine: Json, screen: Screen) -> list[str]:
    """The whole page."""
    state = machine["state"] or "-"
    head = f"{machine['name']}: {state}, contact {machine['contact']}  ({machine['driver']})"
    rows = [(name, text) for name, text in _facts(machine) if text]
    widest = max(len(name) for name, _ in rows)
    lines = [screen.paint(printable(head), "bold")]
    for name, text in rows:
        first, *others = screen.wrapped(printable(text), widest + 4)
        lines.append(f"  {screen.paint(name.ljust(widest), 'dim')}  {first}")
        lines += [" " * (widest + 4) + other for other in others]
    return lines


def _facts(machine: Json) -> Iterator[tuple[str, str]]:
    yield "identity", machine["identity"] or "not known"
    yield "reason", machine["reason"]
    yield "locked", machine["locked"]
    yield "by hand", machine["by_hand"]
    yield "set up with", ", ".join(f"{name} {value}" for name, value in machine["setup"].items())
    if machine["operation_id"]:
        yield "work", f"{machine['step']} ({machine['operation_id']} of {machine['job_id']})"
    if machine["progress"]["total"]:
        yield from _positions(machine["progress"])
    if machine["session"]:
        yield from _session(machine["session"], machine["at"])
    if machine["link"]:
        yield from _line(machine["link"])
        yield "warning", machine["link_warning"]


def _positions(progress: Json) -> Iterator[tuple[str, str]]:
    total = progress["total"]
    yield "sent", f"{progress['sent']} of {total} lines"
    yield "acknowledged", f"{progress['acknowledged']}"
    proved = f"proved: {progress['evidence']}" if progress["evidence"] else "nothing is proved yet"
    likely = f"; likely {progress['estimated']}" if progress["estimated"] > progress["executed"] else ""
    yield "executed", f"{progress['executed']} ({proved}){likely}"


def _session(session: Json, at: str) -> Iterator[tuple[str, str]]:
    yield "session", session["stage"]
    oldest_at = session["oldest_value_at"]
    if oldest_at:
        age = datetime.fromisoformat(at) - datetime.fromisoformat(oldest_at)
        yield "oldest value", f"heard {max(0.0, age.total_seconds()):.1f} s ago"
    else:
        yield "oldest value", "not every value was heard yet"


def _line(link: Json) -> Iterator[tuple[str, str]]:
    counted = f"{link['lines']} lines out, {link['resends']} said again, "
    counted += f"{link['lost_acknowledgements']} acknowledgements lost, {link['garbage_bytes']} bytes were no text"
    yield "line", counted
    yield "window", f"{link['window']}"
    yield "answers", ", ".join(f"{name} {_span(link[f'ack_{name}_s'])}" for name in ("p50", "p95", "p99", "max"))
    starved = "not counted by the firmware"
    if link["underruns"] is not None:
        starved = f"{link['underruns']} time{'s' * (link['underruns'] != 1)}, {link['starved_s']:.1f} s at the least"
    yield "starved", starved


def _span(duration_s: float) -> str:
    """A printer that heats up answers in minutes, a controller in less than a thousandth of a second."""
    return f"{1000 * duration_s:.1f} ms" if duration_s < 1 else f"{duration_s:.1f} s"
