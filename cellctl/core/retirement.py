"""Which orders leave the live cell: what is decided must not slow down because of what was made last month.

The journal keeps what has left; reports and genealogy are read from there. That a name is never used twice is the
order book's to know.
"""

from typing import Final

from cellctl.core import lifecycle
from cellctl.core.cell import Cell
from cellctl.core.instructions import Remember, Turn
from cellctl.domain import events as ev
from cellctl.domain.job import JobState
from cellctl.domain.work import GONE, NOWHERE

# So many closed orders stay in view, the newest; one that was cleared stays for nobody.
KEPT_CLOSED: Final = 200


def retire(turn: Turn) -> None:
    """Let those orders go that were cleared, and the oldest closed ones where there are more than `KEPT_CLOSED`.

    An order with a part in the cell, an open job or an open question stays, cleared or not.
    """
    if not any(isinstance(step, Remember) and _may_close(step.event) for step in turn.todo):
        return
    busy = _busy(turn.cell)
    closed = [entry for name, entry in turn.cell.orders.items() if name not in busy]
    surplus = max(0, len(closed) - KEPT_CLOSED)
    for index, entry in enumerate(closed):
        if entry.cleared or index < surplus:
            turn.remember(ev.OrderRetired(entry.order.id))


def _may_close(event: ev.Event) -> bool:
    """Nothing else closes an order, or takes the last of its parts out of the cell."""
    match event:
        case ev.JobChanged(state=state):
            return state in (JobState.ENDED, JobState.ABORTED)
        case ev.PartMoved(place=place):
            return place in (NOWHERE, GONE)
    return isinstance(event, ev.JobRemoved | ev.OrderCommanded | ev.OrderCancelled | ev.PromptAnswered)


def _busy(cell: Cell) -> set[str]:
    """The orders of which something is open: a job, a part that is somewhere, a question."""
    asked = {prompt.serial for prompt in cell.prompts.values()}
    worked_for = {job_id for operation in cell.operations.values() for job_id in operation.job_ids}
    return {
        job.order_id
        for job in cell.jobs.values()
        if lifecycle.in_work(job) or job.id in worked_for or job.serial in asked or _is_here(cell, job.serial)
    }


def _is_here(cell: Cell, serial: str) -> bool:
    part = cell.parts.get(serial)
    return part is not None and part.place not in (NOWHERE, GONE)
