"""What simulated runs of an order book say: when is each order done, and what stops the cell, and when. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Disposition

# A question that is answered sooner than this has stopped nobody.
A_STOP_S: Final = 900.0
_STANDS: Final = frozenset({MachineState.ABORTED, MachineState.STOPPED, MachineState.HELD, MachineState.SUSPENDED})
_HALF, _MOST = 0.5, 0.85


@dataclass(frozen=True, slots=True)
class Stop:
    """Something came to a stop: when, where, why, and for how long (inf: to the end)."""

    at_s: float
    station: str
    reason: str
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """One simulated run: when each order was done (absent: not at all), and what stopped."""

    done_s: Mapping[str, float]
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class OrderForecast:
    """Of one order, in seconds from the beginning; inf where it was not done in so many runs.

    `on_time` is the share of runs in which it was done when it was due; None for an order without a due date.
    """

    id: str
    half_s: float
    most_s: float
    due_s: float | None
    on_time: float | None


@dataclass(frozen=True, slots=True)
class StopForecast:
    """One reason to stop: in which share of runs, and when it is half of the time there first."""

    station: str
    reason: str
    share: float
    first_s: float
    lasts_s: float


def run_of(records: Iterable[ev.Record]) -> Run:
    """What the log of a run says."""
    orders: dict[str, str] = {}
    quantity: dict[str, int] = {}
    done_s: dict[str, float] = {}
    accepted: defaultdict[str, int] = defaultdict(int)
    stops = _Stops()
    for record in records:
        match record.event:
            case ev.OrderAccepted(order=order):
                quantity[order.id] = order.quantity
            case ev.JobStored(job=job):
                orders[job.serial] = job.order_id
            case ev.PartDisposed(serial=serial, disposition=disposition) if disposition in _GOOD:
                order_id = orders.get(serial, "")
                accepted[order_id] += 1
                if accepted[order_id] == quantity.get(order_id):
                    done_s[order_id] = record.mono_s
        stops.learn(record)
    return Run(done_s, stops.all())


_GOOD: Final = frozenset(each for each in Disposition if each.name in ("ACCEPTED", "CONCESSION"))


class _Stops:
    """Collects them from a log."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], tuple[float, str, str]] = {}
        self._found: list[Stop] = []

    def learn(self, record: ev.Record) -> None:
        """One more record of the log."""
        now_s = record.mono_s
        match record.event:
            case ev.PromptRaised(prompt=prompt):
                why = f"waits for a person: {prompt.question.text.partition('?')[0].partition('. ')[0]}"
                self._open["prompt", prompt.id] = now_s, prompt.station, _without_names(why)
            case ev.PromptAnswered(prompt_id=name) | ev.PromptWithdrawn(prompt_id=name):
                self._close("prompt", name, now_s)
            case ev.StationChanged(station=name, state=state, reason=reason):
                self._close("state", name, now_s)
                if state in _STANDS and reason:
                    self._open["state", name] = now_s, name, reason
            case ev.ContactLost(station=name, reason=reason):
                self._open["contact", name] = now_s, name, f"not heard: {reason}"
            case ev.ContactFound(station=name):
                self._close("contact", name, now_s)

    def all(self) -> tuple[Stop, ...]:
        """Those that lasted, in the order in which they began."""
        left = [Stop(at_s, station, why, math.inf) for at_s, station, why in self._open.values()]
        return tuple(sorted((*self._found, *left), key=lambda stop: stop.at_s))

    def _close(self, kind: str, name: str, now_s: float) -> None:
        at_s, station, why = self._open.pop((kind, name), (now_s, "", ""))
        if now_s - at_s >= A_STOP_S:
            self._found.append(Stop(at_s, station, why, now_s - at_s))


def _without_names(text: str) -> str:
    """The same question about another part is the same reason."""
    return " ".join("..." if any(char.isdigit() for char in word) and "-" in word else word for word in text.split())


def orders_of(runs: Sequence[Run], due_s: Mapping[str, float | None]) -> list[OrderForecast]:
    """Every order, in the order of the book."""
    found = []
    for order_id, due in due_s.items():
        times = sorted(run.done_s.get(order_id, math.inf) for run in runs)
        on_time = None if due is None else sum(time <= due for time in times) / len(times)
        found.append(OrderForecast(order_id, share_of(times, _HALF), share_of(times, _MOST), due, on_time))
    return found


def stops_of(runs: Sequence[Run]) -> list[StopForecast]:
    """Every reason to stop: soonest first."""
    found: defaultdict[tuple[str, str], list[Stop]] = defaultdict(list)
    for run in runs:
        firsts = {(stop.station, stop.reason): stop for stop in reversed(run.stops)}
        for key, stop in firsts.items():
            found[key].append(stop)
    return sorted((_forecast(stops, len(runs)) for stops in found.values()), key=lambda each: each.first_s)


def _forecast(stops: Sequence[Stop], runs: int) -> StopForecast:
    first_s = share_of(sorted(stop.at_s for stop in stops), _HALF)
    lasts_s = share_of(sorted(stop.lasts_s for stop in stops), _HALF)
    return StopForecast(stops[0].station, stops[0].reason, len(stops) / runs, first_s, lasts_s)


def share_of(ordered: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf
