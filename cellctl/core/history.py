"""When orders and the work at each station began and ended, folded from the log. Events carry no time, records do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cellctl.domain import events as ev
from cellctl.domain.job import JobCommand, JobState
from cellctl.domain.work import Operation, OperationState

_OVER = (JobState.ENDED, JobState.ABORTED)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, UTC as text; empty where it has not happened yet."""

    start_at: str = ""
    end_at: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What a station works at, or did last."""

    operation: Operation
    span: Span
    state: OperationState = OperationState.INTENDED


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that a History knows, as a value: by order, by station, and by open job its order."""

    orders: Mapping[str, Span] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    order_of: Mapping[str, str] = field(default_factory=dict)


class History:
    """Learns every record once, in order. An order's end is that of its last job so far."""

    def __init__(self, known: Remembered | None = None) -> None:
        known = known or Remembered()
        self._orders = dict(known.orders)
        self._runs = dict(known.runs)
        self._order_of = dict(known.order_of)

    def known(self) -> Remembered:
        """What it knows by now; from this another one goes on."""
        return Remembered(dict(self._orders), dict(self._runs), dict(self._order_of))

    def order(self, order_id: str) -> Span:
        """When an order's first operation began, and when something of it ended last."""
        return self._orders.get(order_id, Span())

    def run(self, station: str) -> Run | None:
        """The last operation that was given to a station; None if there was none."""
        return self._runs.get(station)

    def learn(self, record: ev.Record) -> None:
        """Take a durable record."""
        match record.event:
            case ev.JobStored(job=job):
                self._order_of[job.id] = job.order_id
            case ev.OperationIntended(operation=operation):
                self._runs[operation.station] = Run(operation, Span(record.at))
                for order_id in (self._order_of.get(job_id, "") for job_id in operation.job_ids):
                    if order_id and not self.order(order_id).start_at:
                        self._orders[order_id] = Span(record.at)
            case ev.OperationEnded() as ended:
                self._end_run(ended, record.at)
            case ev.JobChanged(state=state, job_id=job_id) if state in _OVER:
                self._end(self._order_of.pop(job_id, ""), record.at)
            case ev.OrderRetired(order_id=order_id):
                self._orders.pop(order_id, None)
            case ev.JobRemoved(job_id=job_id):
                self._order_of.pop(job_id, None)
            case (
                ev.OrderCancelled(order_id=order_id)
                | ev.OrderCommanded(order_id=order_id, command=JobCommand.STOP | JobCommand.ABORT)
            ):
                self._end(order_id, record.at)

    def _end(self, order_id: str, at: str) -> None:
        self._orders[order_id] = replace(self.order(order_id), end_at=at)

    def _end_run(self, ended: ev.OperationEnded, at: str) -> None:
        for station, run in self._runs.items():
            if run.operation.id == ended.operation_id:
                self._runs[station] = replace(run, state=ended.state, span=replace(run.span, end_at=at))
                return
