"""What the face needs from who knows jobs: the lists that a client reads, and what the job methods do.

Plain values of ours: structures of OPC 10031-4 become these in the face, before anybody else sees them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cellctl.domain.job import JobState, JobSubstate

# The name of the cell itself, where a machine is asked for.
THE_CELL: Final = ""

# A parameter's value; more than one for those that the standard defines as arrays (OrderNumbers).
Value = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobParameter:
    """ISA95ParameterDataType: one value by name. `text`: it is shown as LocalizedText, not as String."""

    id: str
    value: Value
    description: str = ""
    text: bool = False


@dataclass(frozen=True, slots=True)
class WorkMaster:
    """ISA95WorkMasterDataType: what can be made, or a program that can be run."""

    id: str
    description: str = ""
    parameters: tuple[JobParameter, ...] = ()


@dataclass(frozen=True, slots=True)
class JobOrder:
    """ISA95JobOrderDataType. `start_at`, `end_at`: UTC as text, or empty. `other`: fields that we do not take."""

    id: str
    description: str = ""
    work_masters: tuple[WorkMaster, ...] = ()
    start_at: str = ""
    end_at: str = ""
    priority: int | None = None
    parameters: tuple[JobParameter, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEntry:
    """ISA95JobOrderAndStateDataType: an order of the list, and how far it is."""

    order: JobOrder
    state: JobState
    substate: JobSubstate = JobSubstate.NONE


@dataclass(frozen=True, slots=True)
class JobResponse:
    """ISA95JobResponseDataType: what has become of an order."""

    id: str
    order_id: str
    state: JobState
    substate: JobSubstate = JobSubstate.NONE
    start_at: str = ""
    end_at: str = ""
    data: tuple[JobParameter, ...] = ()


@dataclass(frozen=True, slots=True)
class JobsView:
    """The lists of one machine, or of the cell. An unchanged list is the same object as before, where that is easy."""

    orders: tuple[JobEntry, ...] = ()
    responses: tuple[JobResponse, ...] = ()
    work_masters: tuple[WorkMaster, ...] = ()
    most_orders: int = 0


class Jobs(Protocol):
    """Job management of the cell (THE_CELL) and of each machine."""

    async def call(self, machine: str, method: str, arguments: Sequence[Any], user: str) -> tuple[Any, ...]:
        """Carry out a method of JobOrderControl or JobOrderResults by its browse name, on behalf of `user`.

        Arguments are checked already, their number and types too, and plain: a JobOrder, a job order's id, JobStates,
        a comment as a tuple of texts. Answered as soon as it is decided, never waiting for a machine. Outputs in
        order: a JobResponse (or None) or a tuple of them where the method has one, and ReturnStatus (an int) last.
        """
        ...

    def view(self, machine: str) -> JobsView:
        """The lists as they are now. Asked whenever the cell has changed, so it must be cheap."""
        ...
