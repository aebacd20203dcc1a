"""Job management as OPC 40001-3 over ISA-95 Job Control describes it: a list of orders, moved by methods.

Written from the published tables, for the machine that receives orders; every method answers with a bit map.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

NO_ERROR: Final = 1 << 0
UNKNOWN_ORDER: Final = 1 << 1
INVALID_STATUS: Final = 1 << 3
UNABLE_TO_ACCEPT: Final = 1 << 4
INVALID_REQUEST: Final = 1 << 32


class JobState(IntEnum):
    """StateNumber."""

    NOT_ALLOWED_TO_START = 1
    ALLOWED_TO_START = 2
    RUNNING = 3
    INTERRUPTED = 4
    ENDED = 5
    ABORTED = 6


class JobResult(IntEnum):
    """The result parameter of that name."""

    UNKNOWN = 0
    SUCCESSFUL = 1
    UNSUCCESSFUL = 2


S = JobState
TEXT: Final[Mapping[JobState, str]] = {
    S.NOT_ALLOWED_TO_START: "NotAllowedToStart",
    S.ALLOWED_TO_START: "AllowedToStart",
    S.RUNNING: "Running",
    S.INTERRUPTED: "Interrupted",
    S.ENDED: "Ended",
    S.ABORTED: "Aborted",
}
NEXT: Final[Mapping[tuple[JobState, str], JobState]] = {
    (S.NOT_ALLOWED_TO_START, "Start"): S.ALLOWED_TO_START,
    (S.NOT_ALLOWED_TO_START, "Update"): S.NOT_ALLOWED_TO_START,
    (S.NOT_ALLOWED_TO_START, "Abort"): S.ABORTED,
    (S.ALLOWED_TO_START, "RevokeStart"): S.NOT_ALLOWED_TO_START,
    (S.ALLOWED_TO_START, "Update"): S.ALLOWED_TO_START,
    (S.ALLOWED_TO_START, "Abort"): S.ABORTED,
    (S.RUNNING, "Pause"): S.INTERRUPTED,
    (S.RUNNING, "Stop"): S.ENDED,
    (S.RUNNING, "Abort"): S.ABORTED,
    (S.INTERRUPTED, "Resume"): S.RUNNING,
    (S.INTERRUPTED, "Stop"): S.ENDED,
    (S.INTERRUPTED, "Abort"): S.ABORTED,
}
# What takes an order off the list, and from which states.
VANISH: Final[Mapping[str, tuple[JobState, ...]]] = {
    "Cancel": (S.NOT_ALLOWED_TO_START, S.ALLOWED_TO_START),
    "Clear": (S.ENDED, S.ABORTED),
}


@dataclass(slots=True)
class Job:
    """One order in the list."""

    order: Mapping[str, Any]
    state: JobState
    result: JobResult = JobResult.UNKNOWN

    @property
    def id(self) -> str:
        """JobOrderID."""
        return str(self.order["JobOrderID"])

    @property
    def program(self) -> str:
        """The work master that it wants to run."""
        masters = self.order.get("WorkMasterID") or [{}]
        return str(masters[0].get("ID", ""))

    def states(self) -> list[dict[str, Any]]:
        """State, as the standard spells it: here without substates."""
        return [{"BrowsePath": None, "StateText": TEXT[self.state], "StateNumber": int(self.state)}]

    def response(self) -> dict[str, Any]:
        """What has come of it so far."""
        result = {"ID": "JobResult", "Value": int(self.result)}
        return {
            "JobResponseID": f"response-{self.id}",
            "JobOrderID": self.id,
            "JobState": self.states(),
            "JobResponseData": [result],
        }


@dataclass(slots=True)
class JobList:
    """The orders of one machine, which can run these programs. At most `most` that have not ended are taken."""

    programs: Sequence[str]
    most: int
    keeps_ended: int
    jobs: dict[str, Job] = field(default_factory=dict)

    def ask(self, method: str, order: Any) -> int:
        """A method is called with a JobOrder or a JobOrderID; returns ReturnStatus."""
        if method in ("Store", "StoreAndStart"):
            return self._store(order, S.ALLOWED_TO_START if method == "StoreAndStart" else S.NOT_ALLOWED_TO_START)
        job = self.jobs.get(str(order.get("JobOrderID")) if isinstance(order, Mapping) else order)
        if job is None:
            return UNKNOWN_ORDER
        if method in VANISH:
            return self._vanish(job, method)
        then = NEXT.get((job.state, method))
        if then is None:
            return INVALID_STATUS
        if method == "Update":
            job.order = order
        self._enter(job, then)
        return NO_ERROR

    def running(self) -> Job | None:
        """The one that has begun and not ended."""
        return next((job for job in self.jobs.values() if job.state in (S.RUNNING, S.INTERRUPTED)), None)

    def begin_next(self) -> Job | None:
        """Begin the first order that may start, if none is under way."""
        waiting = (job for job in self.jobs.values() if job.state is S.ALLOWED_TO_START)
        job = None if self.running() else next(waiting, None)
        if job:
            job.state = S.RUNNING
        return job

    def end(self, job: Job, result: JobResult) -> None:
        """It has come to its end by itself."""
        job.result = result
        self._enter(job, S.ENDED if result is JobResult.SUCCESSFUL else S.ABORTED)

    def listed(self) -> list[dict[str, Any]]:
        """JobOrderList."""
        return [{"JobOrder": dict(job.order), "State": job.states()} for job in self.jobs.values()]

    def responses(self) -> list[dict[str, Any]]:
        """JobOrderResponseList: one for each order that has begun."""
        return [job.response() for job in self.jobs.values() if job.state > S.ALLOWED_TO_START]

    def response_by_id(self, order: str) -> tuple[dict[str, Any], int]:
        """RequestJobResponseByJobOrderID."""
        job = self.jobs.get(order)
        empty = {"JobResponseID": "", "JobOrderID": order, "JobState": [], "JobResponseData": []}
        return (job.response(), NO_ERROR) if job and job.state > S.ALLOWED_TO_START else (empty, UNKNOWN_ORDER)

    def _store(self, order: Any, state: JobState) -> int:
        new = Job(order, state) if isinstance(order, Mapping) and order.get("JobOrderID") else None
        if new is None or new.id in self.jobs or new.program not in self.programs:
            return INVALID_REQUEST
        if sum(1 for _ in self._open()) >= self.most:
            return UNABLE_TO_ACCEPT
        self.jobs[new.id] = new
        return NO_ERROR

    def _vanish(self, job: Job, method: str) -> int:
        if job.state not in VANISH[method]:
            return INVALID_STATUS
        del self.jobs[job.id]
        return NO_ERROR

    def _enter(self, job: Job, state: JobState) -> None:
        if state in (S.ENDED, S.ABORTED) and job.result is JobResult.UNKNOWN:
            job.result = JobResult.UNSUCCESSFUL
        job.state = state
        ended = [each.id for each in self.jobs.values() if each.state in (S.ENDED, S.ABORTED)]
        for order in ended[: -self.keeps_ended]:
            del self.jobs[order]

    def _open(self) -> Iterator[Job]:
        return (job for job in self.jobs.values() if job.state < S.ENDED)
