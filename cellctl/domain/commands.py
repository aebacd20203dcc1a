"""What may be asked of the cell, by whom, and what is answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from hashlib import sha256
from typing import Any, ClassVar, Final

from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand
from cellctl.domain.rights import Right as Right  # noqa: PLC0414 - told on: every command has one
from cellctl.domain.stock_commands import QualityCommand, StockCommand
from cellctl.domain.stops import CellCommand, ZoneCommand
from cellctl.domain.work import Parameter

# A field that came later: at its default it is no part of the hash, so that an id from before the upgrade stays known.
_LATER: Final = "later"


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """Make this (ISA-95 StoreAndStart; without `release` Store: it waits to be allowed to start).

    `order_id` is the sender's own name for it; without one it gets a number.
    """

    product: str
    parameters: Mapping[str, Parameter]
    revision: str = ""
    quantity: int = 1
    priority: int = 0
    due_at: str = ""
    customer_reference: str = ""
    release: bool = field(default=True, metadata={_LATER: True})
    order_id: str = field(default="", metadata={_LATER: True})
    VERB: ClassVar = "submit"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class UpdateOrder:
    """Change an order of which nothing has begun (ISA-95 Update). None and "" leave a thing as it is.

    `parameters` replace all that were given before.
    """

    order_id: str
    product: str = ""
    revision: str = ""
    parameters: Mapping[str, Parameter] | None = None
    quantity: int | None = None
    priority: int | None = None
    due_at: str | None = None
    customer_reference: str | None = None
    VERB: ClassVar = "order-update"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class CommandOrder:
    """A method of the ISA-95 job state table, for one order; judged by that table and nothing else."""

    order_id: str
    command: JobCommand
    VERB: ClassVar = "order"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Begin nothing more of this order; scrap what is in work. Allowed at any stage, unlike the table's Cancel.

    `keep`: finish what is in work, for stock.
    """

    order_id: str
    keep: bool = field(default=False, metadata={_LATER: True})
    VERB: ClassVar = "cancel"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class ExpediteOrder:
    """Another priority or due date, at any stage. What has begun goes on as it is. None leaves a thing as it is."""

    order_id: str
    priority: int | None = None
    due_at: str | None = None
    VERB: ClassVar = "expedite"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class CommandCell:
    """Drain or pause the whole cell, or let it go on. Only the latter starts anything."""

    command: CellCommand
    VERB: ClassVar = "cell"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class CommandZone:
    """Stop a zone (with the right to stop), or bring it back with the right to move: Clear, then Reset."""

    zone: str
    command: ZoneCommand
    VERB: ClassVar = "zone"

    @property
    def right(self) -> Right:
        """Which class of rights this command needs."""
        return Right.STOP if self.command is ZoneCommand.STOP else Right.MOTION


@dataclass(frozen=True, slots=True)
class ReportStop:
    """A stop from outside in a zone was pressed, or let go. A mirror: it never acts by itself on what is wired."""

    zone: str
    pressed: bool
    VERB: ClassVar = "stop-report"
    right: ClassVar = Right.STOP


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Something is wrong: a kind of alarm of the cell file, about a station ("": the cell), in one sentence."""

    kind: str
    station: str = ""
    text: str = ""
    VERB: ClassVar = "alarm-raise"
    right: ClassVar = Right.STOP


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    """A person has seen to it. What was held, stopped or aborted stays so until it is told otherwise."""

    alarm_id: str
    VERB: ClassVar = "alarm-clear"
    right: ClassVar = Right.MOTION


@dataclass(frozen=True, slots=True)
class AnswerPrompt:
    """A person's answer to a closed question."""

    prompt_id: str
    choice: str
    VERB: ClassVar = "answer"
    right: ClassVar = Right.JOB


@dataclass(frozen=True, slots=True)
class CommandMachine:
    """A PackML command to one machine. Hold and abort need the right to stop, all others the right to move."""

    machine: str
    command: MachineCommand
    VERB: ClassVar = "machine"

    @property
    def right(self) -> Right:
        """Which class of rights this command needs."""
        stops = self.command in (MachineCommand.HOLD, MachineCommand.ABORT)
        return Right.STOP if stops else Right.MOTION


@dataclass(frozen=True, slots=True)
class ResumeOperation:
    """Go on with a machine's program whose outcome is unknown, from this line on (counted from 1, as it is sent)."""

    machine: str
    at_line: int
    VERB: ClassVar = "resume-at"
    right: ClassVar = Right.MOTION


@dataclass(frozen=True, slots=True)
class SendLine:
    """Send one line to a machine by hand (the console). From then on it must be cleared before it works again."""

    machine: str
    line: str
    VERB: ClassVar = "console"
    right: ClassVar = Right.CONFIG


Command = (
    SubmitOrder
    | UpdateOrder
    | CommandOrder
    | CancelOrder
    | ExpediteOrder
    | CommandCell
    | CommandZone
    | ReportStop
    | RaiseAlarm
    | ClearAlarm
    | AnswerPrompt
    | CommandMachine
    | ResumeOperation
    | SendLine
    | StockCommand
    | QualityCommand
)


def content_hash(command: Command) -> str:
    """SHA-256 in hex over verb and content: the same by whichever face the command came in."""
    values = [(each, getattr(command, each.name)) for each in fields(command)]
    content = {each.name: value for each, value in values if _LATER not in each.metadata or value != each.default}
    canonical = json.dumps([command.VERB, content], sort_keys=True, default=_plain)
    return sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else dict(value)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command with its sender. `id` names it for ever; `content_hash` shows whether a repeat is the same.

    `deadline_at`: a UTC instant after which it must not take effect any more ("": none). Stops have none.
    """

    id: str
    sender: str
    command: Command
    content_hash: str = ""
    deadline_at: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: `accepted`, or `rejected:<code>` with one sentence. A refusal has no effect."""

    code: str
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    duplicate: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the command took effect."""
        return self.code == "accepted"


def rejected(code: str, message: str) -> Reply:
    """A refusal, with one of the codes that the faces document."""
    return Reply(f"rejected:{code}", message)
