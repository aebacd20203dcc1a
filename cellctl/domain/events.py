"""Everything that can have happened. The log of these is the only memory of the cell.

Events are past tense. Those marked *fact* are reported by a driver; all others are decided by the core.
`NAME` is the name in the log; a record adds sequence, time and actor (`Record`).
All of them are found here; those of orders, contact, stock and stops are written down in files of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from cellctl.domain.contact_events import (
    ContactFound,
    ContactLost,
    DiskChanged,
    LineNotSent,
    LineSent,
    LinesHeard,
    LinkMeasured,
    ProbeEnded,
    SessionSeen,
)
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.order_events import (
    JobChanged,
    JobRemoved,
    JobStored,
    OrderAccepted,
    OrderCancelled,
    OrderChanged,
    OrderCommanded,
    OrderExpedited,
    OrderRetired,
)
from cellctl.domain.stock_events import InspectionRecorded, PartDisposed, PartHeld, StockEvent
from cellctl.domain.stop_events import Stopping, StopSeen
from cellctl.domain.transfer import Signals, Transfer
from cellctl.domain.work import Knowledge, Operation, OperationState, Part, Place, Progress, Prompt


@dataclass(frozen=True, slots=True)
class ControllerStarted:
    """The daemon has begun; what was open before is not known until it has been looked at."""

    version: str
    NAME: ClassVar = "controller.started"


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """A command was accepted or refused; the same id again gets the same reply."""

    command_id: str
    content_hash: str
    sender: str
    verb: str
    code: str
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    NAME: ClassVar = "command.answered"


@dataclass(frozen=True, slots=True)
class PartCreated:
    """Material has become, or is about to become, a part with a serial number."""

    part: Part
    NAME: ClassVar = "unit.created"


@dataclass(frozen=True, slots=True)
class PartMoved:
    """Fact: the part is at another place. `by` is the operation or the person that moved it."""

    serial: str
    place: Place
    knowledge: Knowledge
    by: str
    NAME: ClassVar = "unit.custody"


@dataclass(frozen=True, slots=True)
class OperationIntended:
    """Written before the first byte goes to the station."""

    operation: Operation
    NAME: ClassVar = "step.intent"


@dataclass(frozen=True, slots=True)
class OperationStarted:
    """Fact: the station has taken the work (its first byte is on the wire, or its call was accepted).

    `estimated_s`: how long its program takes from where the machine stands; 0 where nobody knows more than before.
    `mark`: what the machine shows now, by which its driver knows the work again after a loss of contact.
    """

    operation_id: str
    estimated_s: float = 0.0
    mark: str = ""
    NAME: ClassVar = "step.started"


@dataclass(frozen=True, slots=True)
class OperationSent:
    """Fact: next comes what touches the part: a line that cuts or extrudes, a call that moves. Durable before it does.

    Its driver waits until it is told to proceed. `mark` as in OperationStarted.
    """

    operation_id: str
    mark: str = ""
    NAME: ClassVar = "step.sent"


@dataclass(frozen=True, slots=True)
class OperationAcknowledged:
    """Fact: the station has taken all of the work; only the proof of its end is missing. `mark`: what it shows then."""

    operation_id: str
    mark: str = ""
    NAME: ClassVar = "step.acked"


@dataclass(frozen=True, slots=True)
class EvidenceGathered:
    """Fact: a machine was looked at for work whose outcome is unknown; nothing was sent that moves or heats."""

    operation_id: str
    found: Findings
    NAME: ClassVar = "step.evidence"


@dataclass(frozen=True, slots=True)
class OperationFound:
    """Fact: work whose outcome was unknown was found again: its machine proves that it runs on, or how it ended."""

    operation_id: str
    NAME: ClassVar = "step.found"


@dataclass(frozen=True, slots=True)
class OperationAdvanced:
    """Fact: a checkpoint of a running program. Journalled now and then, and before its machine's next event."""

    operation_id: str
    progress: Progress
    NAME: ClassVar = "step.advanced"


@dataclass(frozen=True, slots=True)
class OperationEnded:
    """Fact: the work is over: DONE (proved by the machine), FAILED (it said so), NOT_BEGUN or UNKNOWN.

    `answer` is what a person chose, where the operation was a question. `unfit`: not begun because the program does
    not fit this machine; another one may take it. `sought`: UNKNOWN for now; its machine is asked, not yet a person.
    """

    operation_id: str
    state: OperationState
    reason: str = ""
    answer: str = ""
    by: str = ""
    unfit: bool = False
    sought: bool = False
    NAME: ClassVar = "step.ended"


@dataclass(frozen=True, slots=True)
class StationChanged:
    """Fact: a station has entered another PackML state."""

    station: str
    state: MachineState
    reason: str = ""
    NAME: ClassVar = "station.state"


@dataclass(frozen=True, slots=True)
class SignalsShown:
    """Fact: the level signals of a station for hand-overs have changed; all of them, as they are now."""

    station: str
    signals: Signals
    NAME: ClassVar = "station.signals"


@dataclass(frozen=True, slots=True)
class TransferPhase:
    """A hand-over is in another phase. Written before anything that the phase allows is done."""

    transfer: Transfer
    NAME: ClassVar = "transfer.phase"


@dataclass(frozen=True, slots=True)
class CarrierMoved:
    """A plate or pallet is at another place, and all parts that lie on it with it."""

    carrier: str
    place: Place
    knowledge: Knowledge
    by: str
    NAME: ClassVar = "carrier.custody"


@dataclass(frozen=True, slots=True)
class SetupChanged:
    """A station is set up in another way: `setup` names the dimensions that have changed, and their new values.

    `took_s`: how long a change-over that was asked for took, by the clock; 0 where nobody knows.
    """

    station: str
    setup: Mapping[str, str]
    by: str
    took_s: float = 0.0
    NAME: ClassVar = "setup.changed"


@dataclass(frozen=True, slots=True)
class StationCommanded:
    """A machine was told something. Cleared by the next state that it reports."""

    station: str
    command: MachineCommand
    by: str
    NAME: ClassVar = "station.commanded"


@dataclass(frozen=True, slots=True)
class PromptRaised:
    """A person is asked (a fact where a manual station asks, decided where recovery does)."""

    prompt: Prompt
    NAME: ClassVar = "prompt.raised"


@dataclass(frozen=True, slots=True)
class PromptAnswered:
    """A person has answered."""

    prompt_id: str
    choice: str
    by: str
    NAME: ClassVar = "prompt.answered"


@dataclass(frozen=True, slots=True)
class PromptWithdrawn:
    """The question is no longer of interest (a fact where it was answered at the machine)."""

    prompt_id: str
    NAME: ClassVar = "prompt.withdrawn"


@dataclass(frozen=True, slots=True)
class PromptOverdue:
    """Nobody has answered in time, for the `level`-th time. `due_s` is when it will be looked at again (Unix epoch)."""

    prompt_id: str
    level: int
    due_s: float
    NAME: ClassVar = "prompt.overdue"


Fact = (
    OperationStarted
    | OperationSent
    | OperationAcknowledged
    | EvidenceGathered
    | OperationFound
    | OperationAdvanced
    | OperationEnded
    | PartMoved
    | InspectionRecorded
    | StationChanged
    | SignalsShown
    | ContactFound
    | ContactLost
    | ProbeEnded
    | LineNotSent
    | LinesHeard
    | LinkMeasured
    | DiskChanged
    | SessionSeen
    | PromptRaised
    | PromptWithdrawn
    | StopSeen
)
Event = (
    Fact
    | ControllerStarted
    | CommandAnswered
    | OrderAccepted
    | OrderChanged
    | OrderCommanded
    | OrderExpedited
    | OrderCancelled
    | OrderRetired
    | Stopping
    | JobStored
    | JobChanged
    | JobRemoved
    | PartCreated
    | PartDisposed
    | PartHeld
    | StockEvent
    | OperationIntended
    | TransferPhase
    | CarrierMoved
    | SetupChanged
    | StationCommanded
    | LineSent
    | PromptAnswered
    | PromptOverdue
)

BY_NAME: dict[str, type[Any]] = {kind.NAME: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log. `at` is UTC (ISO 8601, milliseconds), `mono_s` the controller's monotonic seconds."""

    seq: int
    at: str
    mono_s: float
    actor: str
    event: Event
