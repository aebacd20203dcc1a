"""What should be done: the answer of `decide`, in the order in which it is to be carried out.

The engine makes every Remember durable first; only then does it act on the others.
"""

from dataclasses import dataclass

from cellctl.core.cell import Cell, apply
from cellctl.domain.commands import Reply
from cellctl.domain.events import Event
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation


@dataclass(frozen=True, slots=True)
class Remember:
    """Write this to the journal."""

    event: Event


@dataclass(frozen=True, slots=True)
class Start:
    """Give the work to its station."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Permit:
    """Tell a carrier the fence token under which it may enter zones from now on."""

    station: str
    token: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """Let a station look for work whose outcome is unknown; answered by EvidenceGathered. It starts nothing."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Proceed:
    """Let a station go on to what touches the part: that it does is durable now."""

    station: str
    operation_id: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Give a machine a PackML command."""

    station: str
    command: MachineCommand


@dataclass(frozen=True, slots=True)
class PassOn:
    """Give a person's answer to the station that asked."""

    station: str
    operation_id: str
    choice: str
    by: str


@dataclass(frozen=True, slots=True)
class SayByHand:
    """Send a machine a line that a person has typed."""

    station: str
    line: str
    by: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the command that this turn was about."""

    reply: Reply


Instruction = Remember | Start | Permit | Adopt | Proceed | Tell | PassOn | SayByHand | Answer


class Turn:
    """One turn of deciding: the cell as it becomes, and what is to be done. Lives inside one call of `decide`.

    `now_s`: the wall clock, in seconds since the Unix epoch. What follows from it is remembered; replaying asks
    no clock.
    """

    def __init__(self, cell: Cell, now_s: float) -> None:
        self.cell = cell
        self.now_s = now_s
        self.todo: list[Instruction] = []

    def remember(self, event: Event) -> None:
        """Note an event, and see the cell after it from now on."""
        self.cell = apply(self.cell, event)
        self.todo.append(Remember(event))

    def do(self, instruction: Instruction) -> None:
        """Note something to be done once all events of this turn are durable."""
        self.todo.append(instruction)
