"""One program on a simulated printer with one plan of faults, by the real driver, in virtual time; and what is wrong
with how it went."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError, NotAllowed
from cellctl.domain.events import Fact, OperationAdvanced, OperationEnded, PromptRaised, PromptWithdrawn, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Program, Progress
from cellctl.links.memory import MemoryLinks
from cellctl.ports import ByteDevice, Driver, Tools
from cellctl.ports.nodes import NodeDevice
from cellctl.stores.files import MemoryFiles
from cellctl_drivers.marlin.driver import FAMILY
from cellctl_sim.config import PrinterTwin
from cellctl_sim.faults import BYTES, Fault, FaultPlan, Kind
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World

NAME, OTHER = "printer-1", "printer-2"
OURS, THEIRS = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
BEGINNING: Final = ("G28", "M83", "M109 S185")
# A person comes after a minute; who waits longer than this waits for ever.
PERSON_S: Final = 60.0
MOST_S: Final = 4 * 3600.0
AFTERWARDS_S: Final = 120.0

BOOT: Final = ("(boot)", None)
Executed = tuple[str, int | None]


class Witness(Marlin):
    """A printer that remembers what it has executed, with the line numbers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.executed: list[Executed] = []
        super().__init__(*arguments, **options)

    def _boot(self, now_s: float, cold: bool) -> None:
        self.executed.append(BOOT)
        super()._boot(now_s, cold)

    def _acknowledge(self) -> None:
        command = self.intake.queue[0]
        if not command.unasked:
            self.executed.append((command.text, command.number))
        super()._acknowledge()


@dataclass(slots=True)
class Room:
    """ports.SimulatedCell of two printers."""

    byte_devices: Mapping[str, ByteDevice]
    node_devices: Mapping[str, NodeDevice] = field(default_factory=dict)
    violations: Sequence[str] = ()

    def person_answers(self, question: str, choices: Sequence[str], station: str) -> tuple[float, str]:
        return PERSON_S, choices[0]

    def person_moves(self, source: str, target: str, now_s: float) -> None:
        """Nothing is carried here."""


@dataclass
class Outcome:
    """How it went. `end`: done, held (waits for a person at the machine), fault, lost, unmet, or never."""

    end: str
    reason: str
    program: Sequence[str]
    executed: Sequence[Executed]
    theirs: Sequence[Executed]
    progress: Progress
    took_s: float

    @property
    def ours(self) -> list[str]:
        """What was executed of the program, in order."""
        return [text for text, _ in self.executed if text in self.program]

    @property
    def strange(self) -> list[Executed]:
        """What was executed and never sent, as far as a damaged line can be told: it was taken with a number."""
        known = {*self.program, BOOT[0]}
        return [
            (text, n) for text, n in self.executed if n is not None and text not in known and text[:4] not in _OF_DRIVER
        ]

    def wrongs(self, allowed: Sequence[str]) -> list[str]:
        """What must not be."""
        ours, program = self.ours, list(self.program)
        wrongs = []
        if self.end not in allowed:
            wrongs.append(f"ended {self.end} ({self.reason}), allowed: {', '.join(allowed)}")
        twice = [line for line in program if ours.count(line) > 1]
        if twice:
            wrongs.append(f"executed twice: {twice[:3]}")
        elif not self.strange and ours != program[: len(ours)]:
            wrongs.append(f"left out or out of order: {ours[:40]}")
        if self.end == "done" and not self.strange and len(ours) != len(program):
            wrongs.append(f"done with {len(ours)} of {len(program)} lines")
        if not self.strange and not self.progress.executed <= len(ours) <= self.progress.sent and self.end != "unmet":
            wrongs.append(f"{len(ours)} lines executed, and it says {self.progress}")
        if any(text in program for text, _ in self.theirs):
            wrongs.append("lines of the program at another machine")
        return wrongs


_OF_DRIVER: Final = frozenset(
    {"M105", "M110", "M115", "M155", "M400", "M104", "M140", "M141", "M85 ", "M576", "M108", "M112", "M876"}
)


def program_of(lines: int) -> list[str]:
    """A short program in which every line is another."""
    moves = [f"G1 X{10 + n} Y{20 + n % 7} E0.02 F6000" for n in range(lines - len(BEGINNING))]
    return [*BEGINNING, *moves]


class Battle:
    """One program against one plan. `patient`: a person answers and resumes; otherwise what waits is left waiting."""

    def __init__(self, plan: FaultPlan, lines: int = 40, *, patient: bool, **twin: Any) -> None:
        self.clock = VirtualClock()
        self.program = program_of(lines)
        self.patient = patient
        self.facts: list[Fact] = []
        self.trouble = plan.play()
        base = {"model": "marlin", "nozzle_heats_celsius_per_s": 20.0, **twin}
        ours = PrinterTwin.model_validate({**base, "uuid": OURS})
        theirs = PrinterTwin.model_validate({**base, "uuid": THEIRS})
        world = World([f"{NAME}.bed", f"{OTHER}.bed"])
        self.device = Witness(NAME, f"{NAME}.bed", world, ours, Random(plan.seed), faults=self.trouble)
        self.other = Witness(OTHER, f"{OTHER}.bed", world, theirs, Random(plan.seed))
        self.links = MemoryLinks(Room({NAME: self.device, OTHER: self.other}), self.clock)
        self.files = MemoryFiles()
        self._driver: Driver | None = None
        self._operation: Operation | None = None
        self._ended = asyncio.Event()
        self._state: MachineState | None = None
        self._asked = ""

    async def fight(self) -> Outcome:
        """Until the program has ended, and two minutes longer."""
        self.trouble.plug = self._plug
        self.links.start()
        text = "\n".join(self.program).encode()
        sha256 = self.files.keep("program", text)
        program = Program(sha256, "program", len(self.program))
        self._operation = Operation(
            "op-1", "job-1", "n-1", "print", OperationKind.PROCESS, NAME, Place(f"{NAME}.bed"), program=program
        )
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self._serve())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOST_S):
                    await self._ended.wait()
            took_s = self.clock.now_s()
            end, reason = self._end()
            await asyncio.sleep(AFTERWARDS_S)
            serving.cancel()
        self.links.close()
        advanced = [fact.progress for fact in self.facts if isinstance(fact, OperationAdvanced)]
        progress = advanced[-1] if advanced else Progress(0, 0, 0, len(self.program), 0)
        if end == "held":
            progress = Progress(len(self.program), progress.acknowledged, progress.executed, progress.total, 0)
        return Outcome(end, reason, self.program, self.device.executed, self.other.executed, progress, took_s)

    # ---- what a supervisor and a person do -----------------------------------------------------------------------

    async def _serve(self) -> None:
        """As the supervisor does: a lost connection is made anew, and nothing is started again."""
        tools = Tools(self.clock, self.links, self.files, self._hear)
        for _ in range(30):
            self._state = None
            self._driver = FAMILY.driver(NAME, FAMILY.options(port="x", uuid=OURS), tools)
            try:
                await self._driver.serve()
            except CellError as error:
                self.facts.append(StationChanged(NAME, MachineState.STOPPED, str(error)))
            await asyncio.sleep(2.0)
        self._ended.set()

    def _hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        loop = asyncio.get_running_loop()
        match fact:
            case OperationEnded():
                self._ended.set()
            case PromptRaised(prompt):
                self._asked = prompt.question.text
                loop.call_later(PERSON_S, self._answer, prompt.question.choices[0])
            case PromptWithdrawn():
                self._asked = ""
            case StationChanged(_, state):
                self._state = state
                if state is MachineState.IDLE and self._operation is not None:
                    loop.call_soon(self._begin)
                elif state is MachineState.HELD:
                    loop.call_later(PERSON_S, self._look)

    def _begin(self) -> None:
        if self._operation is not None and self._driver is not None and self._state is MachineState.IDLE:
            with contextlib.suppress(NotAllowed):  # It was lost in the same moment.
                self._driver.start(self._operation)
                self._operation = None

    def _answer(self, choice: str) -> None:
        if self._driver is None or not self._asked or self._ended.is_set():
            return
        if not self.patient:
            self._ended.set()
            return
        self._asked = ""
        with contextlib.suppress(NotAllowed):  # It has ended.
            self._driver.answer("op-1", choice, "ada")

    def _look(self) -> None:
        if self._state is not MachineState.HELD or self._ended.is_set() or self._driver is None:
            return
        if not self.patient:
            self._ended.set()
            return
        with contextlib.suppress(NotAllowed):  # It asks something, and that is answered.
            self._driver.command(MachineCommand.UNHOLD)

    def _end(self) -> tuple[str, str]:
        ended = next((fact for fact in self.facts if isinstance(fact, OperationEnded)), None)
        if ended is not None:
            return _ENDS[ended.state], ended.reason
        if self._asked:
            return "held", self._asked
        if self._state is MachineState.HELD:
            held = [f.reason for f in self.facts if isinstance(f, StationChanged) and f.state is MachineState.HELD]
            return "held", held[-1]
        if self._operation is not None:
            reasons = [fact.reason for fact in self.facts if isinstance(fact, StationChanged) and fact.reason]
            return "unmet", reasons[-1] if reasons else ""
        return "never", f"still {self._state}"

    def _plug(self, fault: Fault, now_s: float) -> None:
        self.links.cut(NAME)
        if fault.kind == Kind.SWAP:
            self.links.cut(OTHER)
            self.links.swap(NAME, OTHER)
        asyncio.get_running_loop().call_later(fault.amount, self.links.mend, NAME)


_ENDS: Final = {
    OperationState.DONE: "done",
    OperationState.FAILED: "fault",
    OperationState.UNKNOWN: "lost",
    OperationState.NOT_BEGUN: "unmet",
}


def fight(plan: FaultPlan, lines: int = 40, **options: Any) -> Outcome:
    """One battle. `patient` and the keys of the twin as Battle has them."""

    async def main() -> Outcome:
        return await Battle(plan, lines, **options).fight()

    return run_virtual(main())


def damages(plan: FaultPlan) -> bool:
    """Whether lines may arrive as other lines."""
    return any(fault.kind in BYTES or fault.kind == Kind.MERGE for fault in plan.faults)
