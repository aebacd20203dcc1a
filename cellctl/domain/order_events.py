"""What happens to orders and their jobs. The same list as `events`, where all others are."""

from dataclasses import dataclass
from typing import ClassVar

from cellctl.domain.job import JobCommand, JobState, JobSubstate
from cellctl.domain.work import Directive, Job, Order


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The order will be made; its work directive is frozen. Unless `released` it waits to be allowed to start."""

    order: Order
    directive: Directive
    released: bool = True
    NAME: ClassVar = "order.accepted"


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Another content for an order of which nothing has begun."""

    order: Order
    directive: Directive
    by: str
    NAME: ClassVar = "order.changed"


@dataclass(frozen=True, slots=True)
class OrderCommanded:
    """The order was told one of START, REVOKE_START, PAUSE, RESUME, STOP, ABORT, CLEAR."""

    order_id: str
    command: JobCommand
    by: str
    NAME: ClassVar = "order.commanded"


@dataclass(frozen=True, slots=True)
class OrderExpedited:
    """Another priority and due date for an order that is not over. What has begun goes on as it is."""

    order_id: str
    priority: int
    due_at: str
    by: str
    NAME: ClassVar = "order.expedited"


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """No job of the order will be begun any more; parts in work are scrapped where they are.

    `keep`: they are finished instead, for stock.
    """

    order_id: str
    by: str
    keep: bool = False
    NAME: ClassVar = "order.cancelled"


@dataclass(frozen=True, slots=True)
class OrderRetired:
    """A closed order has left the live cell with its jobs and parts; its name is never used again."""

    order_id: str
    NAME: ClassVar = "order.retired"


@dataclass(frozen=True, slots=True)
class JobStored:
    """A job for one part has come into the list."""

    job: Job
    NAME: ClassVar = "job.stored"


@dataclass(frozen=True, slots=True)
class JobChanged:
    """A job has another state, or stands before another step."""

    job_id: str
    state: JobState
    substate: JobSubstate
    step: int
    reason: str = ""
    NAME: ClassVar = "job.state"


@dataclass(frozen=True, slots=True)
class JobRemoved:
    """A job that was not begun has left the list (Cancel), or an ended one was cleared."""

    job_id: str
    NAME: ClassVar = "job.removed"
