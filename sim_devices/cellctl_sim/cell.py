"""A whole simulated cell from a cell file: one world, and a twin for every machine in it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random  # noqa: TID251 - seeded by the caller
from types import MappingProxyType
from typing import Any, Final

from cellctl.domain.errors import ConfigError
from cellctl.domain.mishaps import FaultPlan, Mishap, Stroke
from cellctl_sim.cell_file import CellFile, Machine, read
from cellctl_sim.config import (
    ArmTwin,
    HandshakeTwin,
    MachineToolTwin,
    PersonTwin,
    PrinterTwin,
    RouterTwin,
    SerialArmTwin,
)
from cellctl_sim.faults import Fault, Kind, Trouble
from cellctl_sim.grbl import Grbl
from cellctl_sim.marlin import Marlin
from cellctl_sim.opcua.handshake import Handshake
from cellctl_sim.opcua.machine_tool import MachineTool
from cellctl_sim.opcua.robot import Robot
from cellctl_sim.opcua.trouble import NodeKind
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.person import Person
from cellctl_sim.program.cell import machines
from cellctl_sim.program.machine import ProgramMachine
from cellctl_sim.program.person import Eyes
from cellctl_sim.serial_arm import FIRMWARES, SerialArm
from cellctl_sim.world import World

ByteTwin = Marlin | Grbl | SerialArm


class Cell:
    """All devices of a simulated cell and the world that they share."""

    mishaps: FaultPlan = ()
    """What goes wrong at program level; to be set before `program_devices` are asked for."""

    def __init__(self, file: CellFile, seed: int) -> None:
        self.file: Final = file
        self.world: Final = World(file.places, carriers={name: each.at for name, each in file.carriers.items()})
        self._bytes: dict[str, ByteTwin] = {}
        self._nodes: dict[str, NodeTwin] = {}
        self._persons: dict[str, Person] = {}
        self._troubles: dict[str, Trouble] = {}
        self._seed = seed
        self.struck: Callable[[str], None] = lambda machine: None
        """Called with the name of a machine to which something new may happen at once."""
        for name, machine in file.machines.items():
            # One source of chance for each machine: another machine's dice do not change its own.
            self._add(name, machine, Random(f"{seed}/{name}"))  # noqa: S311 - repeatable on purpose

    @property
    def byte_devices(self) -> Mapping[str, ByteTwin]:
        """By machine name, in the order of the cell file."""
        return MappingProxyType(self._bytes)

    @property
    def node_devices(self) -> Mapping[str, NodeTwin]:
        """By machine name, in the order of the cell file."""
        return MappingProxyType(self._nodes)

    @cached_property
    def program_devices(self) -> Mapping[str, ProgramMachine]:
        """The same machines at program level, in the same world."""
        return machines(self.file, self.world, self.mishaps)

    @cached_property
    def eyes(self) -> Eyes:
        """A person who looks before answering, among the machines at program level."""
        return Eyes(self.world, lambda name: name in self.program_devices and self.program_devices[name].at_work)

    def happen(self, stroke: Stroke, now_s: float) -> None:
        """Something happens that is no machine's: somebody takes what is at a rack, without a word."""
        if stroke.kind is Mishap.MISSING_PART:
            held = [place for place in self.file.places_of([stroke.to]) if self.world.part_at(place) is not None]
            if held and not self.world.arms_in(stroke.to):
                self.world.person_moves(held[0], "gone", now_s)

    @property
    def violations(self) -> Sequence[str]:
        """What happened that must never happen, in order."""
        return self.world.violations

    def person_answers(self, question: str, choices: Sequence[str], station: str) -> tuple[float, str]:
        """How long the simulated person takes, in seconds, and what they choose.

        A question about a station without a person of its own is answered by the first person of the cell.
        Raises LookupError in a cell without any.
        """
        person = self._persons.get(station) or next(iter(self._persons.values()), None)
        if person is None:
            raise LookupError("no machine of this cell has sim.model = person")
        return person.answers(question, choices, station)

    def person_moves(self, source: str, target: str, now_s: float) -> None:
        """The person takes the part at one place to another ("gone": out of the cell)."""
        self.world.person_moves(source, target, now_s)

    def strike(self, machine: str, fault: Fault) -> None:
        """Something more goes wrong with a machine. Raises ConfigError for what cannot happen to it."""
        device = self._bytes.get(machine)
        node = self._nodes.get(machine)
        if device is None and node is None:
            known = ", ".join((*self._bytes, *self._nodes))
            raise ConfigError([f"machines.{machine}: faults are for machines on a line or a network: {known}"])
        kinds = (*Kind, *device.troubles) if device else tuple(NodeKind)
        if fault.kind not in kinds:
            raise ConfigError(
                [f"machines.{machine}.sim.faults: kind must be one of {', '.join(kinds)}, got {fault.kind!r}"]
            )
        if node:
            node.trouble.add(fault)
        else:
            self.trouble(machine).add(fault)
        self.struck(machine)

    def trouble(self, machine: str) -> Trouble:
        """What goes wrong with a machine on a byte line; at first nothing."""
        if machine not in self._troubles:
            rng = Random(f"{self._seed}/{machine}/faults")  # noqa: S311 - repeatable on purpose
            self._troubles[machine] = self._bytes[machine].uart.faults = Trouble((), rng)
        return self._troubles[machine]

    def _add(self, name: str, machine: Machine, rng: Random) -> None:
        place = f"{name}.{machine.slots[0]}"
        match machine.sim:
            case PrinterTwin() as twin:
                self._bytes[name] = Marlin(name, place, self.world, twin, rng)
                self._strike_all(name, twin.faults)
            case RouterTwin() as twin:
                self._bytes[name] = Grbl(name, place, self.world, twin, rng)
                self._strike_all(name, twin.faults)
            case ArmTwin() | HandshakeTwin() | MachineToolTwin() as twin:
                self._nodes[name] = self._node_twin(name, machine, twin, rng)
                self._strike_all(name, twin.faults)
            case SerialArmTwin() as twin:
                self._bytes[name] = FIRMWARES[twin.firmware](name, self.world, twin, rng)
                self._strike_all(name, twin.faults)
            case PersonTwin() as twin:
                self._persons[name] = Person(twin.answer_s, rng)

    def _node_twin(
        self, name: str, machine: Machine, twin: ArmTwin | HandshakeTwin | MachineToolTwin, rng: Random
    ) -> NodeTwin:
        if isinstance(twin, MachineToolTwin):
            return MachineTool(name, f"{name}.{machine.slots[0]}", self.world, twin, rng)
        places = self.file.in_reach(name)
        if isinstance(twin, ArmTwin):
            return Robot(name, self.world, places, twin, rng)
        return Handshake(name, self.world, places, twin, rng)

    def _strike_all(self, machine: str, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self.strike(machine, fault)


def simulate(cell_file: Path, settings: Mapping[str, Any], seed: int) -> Cell:
    """Build the twin of a cell file; `settings` override it by dotted key. Raises ConfigError."""
    return Cell(read(cell_file, settings), seed)
