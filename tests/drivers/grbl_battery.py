"""One program on the simulated router with the real driver, while something goes wrong; what came of it, as a value.

The driver, its shell and its keeper are the daemon's own; the board is the simulated firmware behind memory links, in
virtual time. A seed decides the dialect, the options, the program, and when the fault strikes.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

import structlog

from cellctl.app.clock import VirtualClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import Supervisor
from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.errors import NotAllowed
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Program
from cellctl.links.memory import MemoryLinks
from cellctl.ports import Tools
from cellctl_drivers.grbl.driver import FAMILY, GrblOptions
from cellctl_sim.board import Task
from cellctl_sim.config import RouterTwin
from cellctl_sim.faults import Fault, Trouble
from cellctl_sim.grbl import Grbl
from cellctl_sim.grbl.cycle import State
from cellctl_sim.grbl.memory import Refused
from cellctl_sim.world import World

NAME, VISE = "router-1", "router-1.vise"
GRBL = RouterTwin(model="grbl", has_door=True)
GRBLHAL = RouterTwin(
    model="grbl",
    dialect="grblhal",
    firmware="1.1f",
    build_date="20250101",
    rx_bytes=1024,
    planner_blocks=100,
    line_numbers=True,
    has_door=True,
)
ORIGIN: Final = (-40.0, -40.0, -10.0)
# A person looks after so long; and after so long nothing more can happen.
LOOKS_AFTER_S: Final = 20.0
OVER_AFTER_S: Final = 1200.0
# What a person does to get a machine going.
WAY_TO_IDLE: Final = {MachineState.ABORTED: MachineCommand.CLEAR, MachineState.STOPPED: MachineCommand.RESET}


class Witness(Grbl):
    """A board that remembers which lines came to it and which it began, apart from those that it only checked.

    `led`: where each of them led in work coordinates, its G0 or G1, and its feed.
    """

    def __init__(self, twin: RouterTwin, world: World) -> None:
        super().__init__(NAME, VISE, world, twin, Random(1))
        self.memory.coordinates[0] = ORIGIN  # Not far to go, so that a case is short.
        self.came: list[str] = []
        self.begun: list[str] = []
        self.refused = 0
        self.led: list[tuple[float, ...]] = []

    def receive(self, chunk: bytes, now_s: float) -> None:
        if self.cycle.state is not State.CHECK:
            self.came += [bare(line) for line in chunk.decode("latin-1").split("\n")[:-1]]
        super().receive(chunk, now_s)

    def _begin(self, line: str, now_s: float) -> Task | None:
        checks = self.cycle.state is State.CHECK
        try:
            task = super()._begin(line, now_s)
        except Refused:
            self.refused += 1
            raise
        if line and line[0] != "$" and not checks:
            self.begun.append(bare(line))
            here, zero = self.modes.position, self.modes.offset(self.memory)
            at = tuple(round(axis - start, 3) for axis, start in zip(here, zero, strict=True))
            self.led.append((*at, self.modes.groups["motion"], self.modes.feed))
        return task


@dataclass(frozen=True, slots=True)
class Case:
    """What is tried: a board, its driver's options, a program, and what goes wrong once the program is given."""

    twin: RouterTwin
    options: Mapping[str, Any]
    program: Sequence[str]
    faults: Sequence[Fault] = ()
    seed: int = 0
    latency_s: float = 0.0
    aftermath_s: float = 20.0
    """How long it is watched after the end of the work: nothing of it may be sent any more."""


@dataclass(slots=True)
class Outcome:
    """What came of it. `came` and `begun` are lines of G-code outside the check mode, without numbers and blanks."""

    ends: list[ev.OperationEnded] = field(default_factory=list)
    facts: list[ev.Fact] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    took_s: float = 0.0
    state: MachineState | None = None
    board: Witness | None = None

    @property
    def end(self) -> OperationState | None:
        """How the work ended; None: it did not."""
        return self.ends[0].state if self.ends else None


def bare(line: str) -> str:
    """A line without blanks, number and realtime bytes."""
    text = "".join(letter for letter in line.upper() if letter > " " and letter not in "?!~" and letter < "\x7f")
    if text[:1] == "N":
        text = text[1:].lstrip("0123456789.")
    return text


def try_out(case: Case) -> Outcome:
    """Play a case to its end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return run_virtual(_Trial(case).main())


class _Trial:
    """The cell around one router: its keeper, its file, and a person who looks now and then."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.outcome = Outcome()
        self.clock = VirtualClock()
        self.world = World([VISE])
        self.world.deposit("printer-1", VISE, 0.0)
        self.board = Witness(case.twin, self.world)
        self.outcome.board = self.board
        self.links = MemoryLinks(OneTwin(self.board), self.clock, latency_s=case.latency_s)

    async def main(self) -> Outcome:
        options = GrblOptions(port="cell/router-1", homing=True, **self.case.options)
        tools = Tools(self.clock, self.links, Shelf(self.case.program), self._report)
        keeper = Supervisor(NAME, MachineConfig(FAMILY, options), tools)
        self.links.start()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(keeper.run())
            async with asyncio.timeout(OVER_AFTER_S):
                await self._prepare(keeper)
            self.board.refused = 0
            trouble = self._trouble()
            began_s = self.clock.now_s()
            for fault in self.case.faults:
                at_s = None if fault.at_s is None else fault.at_s + began_s
                trouble.add(
                    Fault(fault.kind, at_s, fault.nth, fault.rate, fault.way, fault.line, fault.amount, fault.text)
                )
            keeper.start(self._operation())
            await self._attend(keeper, began_s + OVER_AFTER_S)
            self.outcome.took_s = self.clock.now_s() - began_s
            await self.clock.sleep(self.case.aftermath_s)
            running.cancel()
        self.links.close()
        self.outcome.came, self.outcome.begun = self.board.came, self.board.begun
        return self.outcome

    async def _prepare(self, keeper: Supervisor) -> None:
        while self.outcome.state is not MachineState.IDLE:
            await self.clock.sleep(1.0)
            command = WAY_TO_IDLE.get(self.outcome.state) if self.outcome.state else None
            if command:
                keeper.command(command)
        self.board.came.clear()
        self.board.begun.clear()
        self.board.led.clear()

    async def _attend(self, keeper: Supervisor, until_s: float) -> None:
        """Until the work has ended, a person resumes what stands, and answers what is asked."""
        held_s = 0.0
        while not self.outcome.ends and self.clock.now_s() < until_s:
            await self.clock.sleep(1.0)
            held_s = held_s + 1.0 if self.outcome.state is MachineState.HELD else 0.0
            if held_s >= LOOKS_AFTER_S:
                held_s = 0.0
                self._go_on(keeper)

    def _go_on(self, keeper: Supervisor) -> None:
        asked = any(isinstance(fact, ev.PromptRaised) for fact in self.outcome.facts)
        try:
            if asked:
                keeper.answer("op-1", "continue", "a person")
            else:
                keeper.command(MachineCommand.UNHOLD)
        except NotAllowed:
            return  # It will be looked at again.

    def _trouble(self) -> Trouble:
        trouble = Trouble((), Random(f"{self.case.seed}/faults"))
        trouble.plug = self._plug
        self.board.uart.faults = trouble
        return trouble

    def _plug(self, fault: Fault, now_s: float) -> None:
        self.links.cut(NAME)
        asyncio.get_running_loop().call_later(fault.amount, self.links.mend, NAME)

    def _operation(self) -> Operation:
        program = Program("aa", "program", len(self.case.program))
        return Operation("op-1", "j", "s", "cut", OperationKind.PROCESS, NAME, Place(VISE), program=program)

    def _report(self, fact: ev.Fact) -> None:
        outcome = self.outcome
        if isinstance(fact, ev.StationChanged):
            outcome.state = fact.state
        elif isinstance(fact, ev.ContactLost):
            outcome.state = None
        elif isinstance(fact, ev.OperationEnded):
            outcome.ends.append(fact)
        if not isinstance(fact, ev.OperationAdvanced):
            outcome.facts.append(fact)


class OneTwin:
    """A SimulatedCell of one router."""

    def __init__(self, board: Witness) -> None:
        self.byte_devices = {NAME: board}
        self.node_devices: Mapping[str, Any] = {}


class Shelf:
    """Files: one program."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def keep(self, name: str, content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    def lines(self, sha256: str) -> Iterator[str]:
        return iter(self._lines)


# ---- what must be true, whatever happens ------------------------------------------------------------------------


def program(rng: Random, moves: int = 12, extra: str = "") -> list[str]:
    """A short program in which no two lines are alike; `extra` is a line in its middle."""
    feed = 300 if rng.random() < 0.1 else 2400
    lines = ["G21", "G90", f"M3 S{rng.randrange(5000, 9000)}", "G0 Z2"]
    for number in range(moves):
        lines.append(f"G1 X{number + 1}.{rng.randrange(1, 9)} Y{rng.randrange(1, 6)}.{number:02} F{feed + number}")
        if rng.random() < 0.15:
            lines.append(f"G4 P0.{number + 10}")
        if rng.random() < 0.1:
            lines.append(f"G10 L2 P2 X-{number + 1} Y-1 Z-1")
    if extra:
        lines.insert(len(lines) // 2, extra)
    return [*lines, "G0 Z3", "M5", "M2"]


def broken_rules(case: Case, outcome: Outcome, *, blind: bool = False) -> list[str]:
    """Rules that hold for every fault. `blind`: damage may have made other valid lines, which nobody can see."""
    wanted = [bare(line) for line in case.program]
    known = set(wanted)
    place = {line: index for index, line in enumerate(wanted)}
    found = []
    if len(outcome.ends) != 1:
        found.append(f"the work ended {len(outcome.ends)} times")
    twice = [line for line, times in Counter(outcome.begun).items() if line in known and times > 1]
    again = [line for line, times in Counter(outcome.came).items() if line in known and times > 1]
    if again:
        found.append(f"sent again: {again}")
    if twice and not blind:
        found.append(f"executed twice: {twice}")
    # A line that damage has made into the text of another one was begun in its own turn.
    once = {line for line, times in Counter(outcome.begun).items() if times == 1}
    order = [place[line] for line in outcome.begun if line in (known & once if blind else known)]
    if order != sorted(order):
        found.append("executed out of order")
    ran = [line for line in outcome.begun if line != "G4P0.01"]
    if outcome.end is OperationState.DONE and ran != wanted and not blind:
        found.append(f"done, but {sorted(set(wanted) ^ set(ran))} differ")
    if outcome.end is OperationState.NOT_BEGUN and ran:
        found.append(f"not begun, but {len(ran)} lines were executed")
    if outcome.end is OperationState.FAILED and outcome.state not in (MachineState.ABORTED, None):
        found.append(f"failed, and the machine is {outcome.state}")
    return found
