"""What the brain decides about: commands in their envelopes, orders made ready, facts, and that it is time."""

from dataclasses import dataclass

from cellctl.domain import events as ev
from cellctl.domain.commands import Envelope, Reply
from cellctl.domain.stop_events import ClockAdjusted, ControllerStalled
from cellctl.domain.work import Directive, Program


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    """A SubmitOrder or an UpdateOrder whose parameters were checked and whose programs are on disk.

    `order_id`: the name that was claimed for a new order in the order book.
    """

    envelope: Envelope
    directive: Directive
    at: str
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class PreparedResumption:
    """A ResumeOperation whose program (what rebuilds its state, and the rest of it) is on disk."""

    envelope: Envelope
    operation_id: str
    at_line: int
    program: Program


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """A command that cannot be prepared; it is remembered, so that its repeat gets the same answer."""

    envelope: Envelope
    reply: Reply


@dataclass(frozen=True, slots=True)
class MachineTold:
    """A hold or an abort that the machine has heard already; `refused` says why it did not obey, or is empty."""

    envelope: Envelope
    refused: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is time for what `prompts.next_due_s` spoke of. Not journalled: only what follows from it is."""


Stimulus = (
    Envelope
    | PreparedOrder
    | PreparedResumption
    | RefusedOrder
    | MachineTold
    | TimePassed
    | ClockAdjusted
    | ControllerStalled
    | ev.Fact
    | ev.ControllerStarted
)
