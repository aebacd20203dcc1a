"""Job orders of OPC 40001-3 as our commands, and our orders as job orders. Pure: plain values on both sides.

JobOrderID is the order's id, WorkMasterID[0].ID its product ("nameplate" or "nameplate/A"), JobOrderParameters are the
product's parameters by name, beside those that 40001-3 defines in its chapter 7.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cellctl.core.history import Span
from cellctl.core.view import JobView, OrderView
from cellctl.domain.commands import Reply, SubmitOrder, UpdateOrder
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.work import Parameter
from cellctl.faces.opcua.jobs_port import JobEntry, JobOrder, JobParameter, JobResponse, WorkMaster

# ReturnStatus is a bit map; the numbers of the standard are those of its bits.
NO_ERROR: Final = 1 << 0
UNKNOWN_ORDER: Final = 1 << 1
INVALID_STATUS: Final = 1 << 3
UNABLE: Final = 1 << 4
INVALID_REQUEST: Final = 1 << 32

_LONGEST_ID: Final = 64
_LONGEST_REFERENCE: Final = 200
_MOST_PRIORITY: Final = 1000
_PRODUCTION_MODE: Final = 2
# Where a customer's reference is looked for, the best first.
_REFERENCES: Final = ("CustomerOrderNumbers", "OrderNumbers", "Customers", "JobName")
_PREDEFINED: Final = frozenset({*_REFERENCES, "RunsPlanned", "JobExecutionMode", "ReasonForStateChange"})
_PAST_ALLOWED: Final = frozenset({JobState.RUNNING, JobState.INTERRUPTED, JobState.ENDED, JobState.ABORTED})

# JobResult of 40001-3.
_UNKNOWN, _SUCCESSFUL, _UNSUCCESSFUL = 0, 1, 2

Product = Mapping[str, Any]


class NotTaken(Exception):
    """A job order that cannot become one of ours; `status` is what its sender is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


# ---- from a client ---------------------------------------------------------------------------------------------


def submit(order: JobOrder, products: Sequence[Product], *, release: bool) -> SubmitOrder:
    """The order that a client means by Store or StoreAndStart. Raises NotTaken."""
    product, revision, parameters = _what(order, products)
    if not order.id or len(order.id) > _LONGEST_ID or not order.id.isprintable():
        raise NotTaken(INVALID_REQUEST, f"JobOrderID must be 1 to {_LONGEST_ID} printable characters")
    known = {each.id: each for each in order.parameters}
    return SubmitOrder(
        product,
        parameters,
        revision,
        _runs(known.get("RunsPlanned")),
        _priority(order),
        _due(order.end_at),
        _reference(known),
        release,
        order.id,
    )


def update(order: JobOrder, products: Sequence[Product]) -> UpdateOrder:
    """The change that a client means: by the standard the whole order is replaced. Raises NotTaken."""
    new = submit(order, products, release=False)
    revision = new.revision or next(each["revision"] for each in reversed(products) if each["name"] == new.product)
    return UpdateOrder(
        order.id,
        new.product,
        revision,
        new.parameters,
        new.quantity,
        new.priority,
        new.due_at,
        new.customer_reference,
    )


def status_of(reply: Reply) -> int:
    """The ReturnStatus that says what a reply to a command about an order says."""
    match reply.code.partition(":")[2]:
        case "":
            return NO_ERROR
        case "unknown_target":
            return UNKNOWN_ORDER
        case "precondition_failed" if "allowed" in reply.result:
            return INVALID_STATUS
        case "invalid" | "does_not_fit":
            return INVALID_REQUEST
    return UNABLE


def _what(order: JobOrder, products: Sequence[Product]) -> tuple[str, str, Mapping[str, Parameter]]:
    """Product, revision and parameters."""
    if order.other:
        raise NotTaken(UNABLE, f"this cell does not choose by {', '.join(order.other)}")
    if len(order.work_masters) != 1:
        raise NotTaken(INVALID_REQUEST, "WorkMasterID must name one product")
    name, _, revision = order.work_masters[0].id.partition("/")
    offered = [each for each in products if each["name"] == name and revision in ("", each["revision"])]
    if not offered:
        raise NotTaken(UNABLE, f"this cell does not make {order.work_masters[0].id[:_LONGEST_ID]!r}")
    if len({each.id for each in order.parameters}) < len(order.parameters):
        raise NotTaken(INVALID_REQUEST, "a parameter is there twice")
    own = offered[-1]["parameters"]
    chosen = [each for each in order.parameters if each.id in own or each.id not in _PREDEFINED]
    mode = next((each.value for each in order.parameters if each.id == "JobExecutionMode"), _PRODUCTION_MODE)
    if mode != _PRODUCTION_MODE and "JobExecutionMode" not in own:
        raise NotTaken(UNABLE, "this cell makes parts: JobExecutionMode must be ProductionMode (2)")
    return name, revision, {each.id: _plain(each) for each in chosen}


def _plain(parameter: JobParameter) -> Parameter:
    if isinstance(parameter.value, bool | tuple):
        raise NotTaken(INVALID_REQUEST, f"{parameter.id} must be one text or one number")
    return parameter.value


def _runs(runs: JobParameter | None) -> int:
    value = 1 if runs is None else runs.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotTaken(INVALID_REQUEST, "RunsPlanned must be a whole number")
    if value == 0:
        raise NotTaken(UNABLE, "this cell makes a number of parts, not an unknown number")
    return value


def _priority(order: JobOrder) -> int:
    priority = order.priority or 0
    if abs(priority) > _MOST_PRIORITY:
        raise NotTaken(INVALID_REQUEST, f"Priority must be -{_MOST_PRIORITY} to {_MOST_PRIORITY}")
    return priority


def _due(end_at: str) -> str:
    if not end_at:
        return ""
    return datetime.fromisoformat(end_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reference(known: Mapping[str, JobParameter]) -> str:
    for name in _REFERENCES:
        value = known[name].value if name in known else ""
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        if len(text) > _LONGEST_REFERENCE or not text.isprintable():
            raise NotTaken(INVALID_REQUEST, f"{name} must be up to {_LONGEST_REFERENCE} printable characters")
        if text:
            return text
    return ""


# ---- to a client -----------------------------------------------------------------------------------------------


def work_master(product: Product) -> WorkMaster:
    """A product that can be ordered, with its parameters: their defaults, and what is allowed."""
    parameters = tuple(_offered(name, spec) for name, spec in product["parameters"].items())
    steps = ", ".join(step["step"] for step in product["route"])
    return WorkMaster(f"{product['name']}/{product['revision']}", steps, parameters)


def _offered(name: str, spec: Mapping[str, Any]) -> JobParameter:
    number = spec["type"] == "number"
    between = (spec["minimum"], spec["maximum"]) if number else (spec["min_length"], spec["max_length"])
    allowed = f"{between[0]:g} to {between[1]:g}" + ("" if number else " characters")
    described = f"{spec['description']} ({allowed})" if spec["description"] else allowed
    return JobParameter(name, spec.get("default", between[0] if number else ""), described)


def state_of(order: OrderView) -> tuple[JobState, JobSubstate] | None:
    """Top state and substate; None if the order is not on the list any more."""
    return (JobState[order.job_state], JobSubstate(order.substate)) if order.job_state else None


def entry(order: OrderView) -> JobEntry | None:
    """An order as a line of JobOrderList."""
    state = state_of(order)
    if state is None:
        return None
    reference = [JobParameter("CustomerOrderNumbers", (order.customer_reference,))] * bool(order.customer_reference)
    parameters = (
        *(JobParameter(name, value) for name, value in order.parameters.items()),
        JobParameter("RunsPlanned", order.quantity),
        *reference,
    )
    shown = JobOrder(
        order.id,
        work_masters=(WorkMaster(f"{order.product}/{order.revision}"),),
        end_at=order.due_at,
        priority=order.priority,
        parameters=parameters,
    )
    return JobEntry(shown, *state)


def response(order: OrderView, jobs: Iterable[JobView], span: Span) -> JobResponse | None:
    """What has become of an order; None while it has not begun."""
    state = state_of(order)
    if state is None or state[0] not in _PAST_ALLOWED:
        return None
    over = state[0] in (JobState.ENDED, JobState.ABORTED)
    good = state[0] is JobState.ENDED and order.done == order.quantity
    mine = list(jobs)
    scrapped = sum(job.state == "ABORTED" for job in mine)
    data = (
        JobParameter("JobResult", (_SUCCESSFUL if good else _UNSUCCESSFUL) if over else _UNKNOWN),
        JobParameter("ProducedQuantity", order.done + scrapped),
        JobParameter("GoodQuantity", order.done),
        JobParameter("SerialNumbers", tuple(job.serial for job in mine)),
    )
    return JobResponse(order.id, order.id, *state, span.start_at, span.end_at if over else "", data)
