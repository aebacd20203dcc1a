"""Simulated machines at program level: one operation is one timed run, and what a driver would report is told at once.

Behind the same Driver port as the real drivers, so that supervisor, engine, core and desk do not know the difference.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cellctl.domain.events import Fact
from cellctl.domain.machine import MachineCommand
from cellctl.domain.mishaps import FaultPlan, Stroke
from cellctl.domain.work import Operation, Prompt
from cellctl.gcode.rules import Pace, Point
from cellctl.gcode.verdict import Passed


@dataclass(frozen=True, slots=True)
class Script:
    """A program as it is run: what the pre-flight check says of it on this very machine, and its lines."""

    sha256: str
    takes: Passed
    lines: Callable[[], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Nature:
    """How a machine really moves: its pace, how long X, Y and Z take to home, and where its axes stand now.

    `work_zero_mm` is where G54 begins; None where programs are in machine coordinates.
    """

    pace: Pace
    homing_s: Point = (0.0, 0.0, 0.0)
    stands_at_mm: Point | None = None
    work_zero_mm: Point | None = None


class ProgramDevice(Protocol):
    """One machine that lives on while nobody is connected. A callback object without I/O, as `ByteDevice` is.

    Whoever is connected calls `advance` when `wakeup_s` is due. What a call answers is reported, in order.
    """

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        ...

    @property
    def unheard(self) -> str:
        """Why nobody can hear it now; empty if it is heard."""
        ...

    def meet(self, now_s: float) -> Sequence[Fact]:
        """Somebody has connected."""
        ...

    def part(self, now_s: float) -> None:
        """The contact is over: a cable was pulled, or the controller has died."""
        ...

    @property
    def nature(self) -> Nature | None:
        """By what its programs take their time; None where what the cell file says is all that is known."""
        ...

    def start(self, operation: Operation, script: Script | None, now_s: float) -> Sequence[Fact]:
        """Begin this work. Raises NotAllowed unless IDLE."""
        ...

    def command(self, command: MachineCommand, now_s: float) -> Sequence[Fact]:
        """Raises NotAllowed by the PackML table."""
        ...

    def proceed(self, operation_id: str, now_s: float) -> Sequence[Fact]:
        """What touches the part may begin: that it does is durable. Raises NotAllowed if nothing waits for that."""
        ...

    def adopt(self, operation: Operation, now_s: float) -> Sequence[Fact]:
        """What it shows of work whose outcome is unknown; work that it is still at is followed from then on."""
        ...

    def advance(self, now_s: float) -> Sequence[Fact]:
        """Let time pass up to now."""
        ...


class Witness(Protocol):
    """A simulated person who looks before answering, and does by hand what is asked."""

    def says(self, prompt: Prompt, operation: Operation | None, place: str, now_s: float) -> str | None:
        """What is true; None: not now, because something moves there. `place`: where the part is believed to be."""
        ...

    def clear_away(self, place: str, now_s: float) -> None:
        """What was just judged at a place leaves the cell."""
        ...


class ProgramCell(Protocol):
    """A simulated cell at program level. `mishaps` is to be set before anything else is asked for."""

    mishaps: FaultPlan

    @property
    def program_devices(self) -> Mapping[str, ProgramDevice]:
        """By machine name; whoever uses these leaves those on wires alone."""
        ...

    @property
    def eyes(self) -> Witness:
        """The person."""
        ...

    def happen(self, stroke: Stroke, now_s: float) -> None:
        """Something that is no machine's own."""
        ...
