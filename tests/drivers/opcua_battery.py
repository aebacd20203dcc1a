"""One piece of work on each OPC UA twin, with one kind of trouble, any seed: asyncua at both ends, in virtual time.

    python -m tests.drivers.opcua_battery --seeds 1000 --kind drop-after

Every case must end in a named state: DONE only where the part is at its target, never a second start, never a command
while another one is open, and never one on values that are old or not good.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import structlog

from cellctl.app.clock import VirtualClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import Supervisor
from cellctl.app.virtual_net import VirtualNet
from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import NOWHERE, Operation, OperationKind, OperationState, Place, Program
from cellctl.links.memory import MemoryLinks
from cellctl.links.opcua import OpcUaLink
from cellctl.ports import Files, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink, NodePath, NodeRef, NodeValue, Quality
from cellctl_drivers.opcua.driver import FAMILY
from cellctl_drivers.opcua.options import OpcuaMachine
from cellctl_sim.opcua.trouble import NodeKind, node_plan
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World
from tests.sim.opcua_scene import PLACES, URL, handshake, machine_tool, robot, scene, world

NAME: Final = "m-1"
FRESH_S: Final = 15.0
OVER_AFTER_S: Final = 900.0
AFTERMATH_S: Final = 150.0
FORGIVEN_S: Final = 0.5
LATENCY_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class Yard:
    """A kind of machine: its twin, its keys in the cell file, what begins its work, and what is asked of it."""

    twin: Callable[[World], NodeTwin]
    keys: Mapping[str, Any]
    begins: tuple[str, Any]
    requests: Sequence[str]
    resident: str = ""
    lasts_s: float = 60.0


YARDS: Final[Mapping[str, Yard]] = {
    "robotics": Yard(
        robot,
        {"profile": "robotics-1.02", "parameters": {"namespace": "urn:cellctl:sim:robot"}},
        ("Start", None),
        ("call LoadByName", "call Start", "call Stop", "read", "subscribe"),
    ),
    "handshake": Yard(
        lambda around: handshake(around, style="bits"),
        {
            "profile": "handshake",
            "parameters": {"namespace": "urn:cellctl:sim:plc"},
            "carries": {f"{PLACES[0]}>{PLACES[1]}": 1},
        },
        ("Start", True),
        ("write ProgramNumber", "write Start", "write CellLife", "read", "subscribe"),
    ),
    "words": Yard(
        lambda around: handshake(around, style="array"),
        {
            "profile": "handshake-words",
            "parameters": {"namespace": "urn:cellctl:sim:plc"},
            "carries": {f"{PLACES[0]}>{PLACES[1]}": 1},
        },
        ("i=302[0]", True),
        ("write HoldingRegisters", "write Coils", "read", "subscribe"),
    ),
    "jobs": Yard(
        machine_tool,
        {"profile": "machinery-jobs", "parameters": {"namespace": "urn:cellctl:sim:cnc"}},
        ("StoreAndStart", None),
        ("call StoreAndStart", "read", "subscribe"),
        resident="nameplate",
        lasts_s=70.0,
    ),
}
KINDS: Final = tuple(kind for kind in NodeKind if kind is not NodeKind.CERTIFICATE)


@dataclass(slots=True)
class Outcome:
    """What came of it. `asked`: every write and call, as it left us."""

    facts: list[ev.Fact] = field(default_factory=list)
    asked: list[tuple[float, str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    end: OperationState | None = None
    state: MachineState | None = None
    arrived: bool = False
    found: bool = False


class Recorder:
    """A link that takes down what goes through it, and complains of what must never go through (a NodeLink)."""

    def __init__(self, link: NodeLink, outcome: Outcome, clock: VirtualClock, begins: tuple[str, Any]) -> None:
        self._link = link
        self._outcome = outcome
        self._clock = clock
        self._begins = begins
        self._heard: dict[NodeRef, tuple[float, NodeValue]] = {}
        self._open = 0
        self._refs: Sequence[NodeRef] = ()

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        def heard(value: NodeValue) -> None:
            self._heard[value.ref] = (self._clock.now_s(), value)
            on_change(value)

        await self._link.open(heard, on_lost)

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        self._refs = refs
        return await self._link.resolve(refs, methods)

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        await self._link.subscribe(refs)

    async def write(self, ref: NodeRef, value: Any) -> None:
        name = ref.path[-1].rpartition(";")[2].rpartition(".")[2]
        self._take_down(f"{name}[{ref.index}]" if ref.index else name, value)
        await self._only(self._link.write(ref, value))

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        name = path[-1].rpartition(";")[2]
        self._take_down(name, None if name == "StoreAndStart" or not arguments else arguments[0])
        answer: tuple[Any, ...] = await self._only(self._link.call(path, *arguments))
        return answer

    async def close(self) -> None:
        await self._link.close()

    def _take_down(self, name: str, value: Any) -> None:
        now_s = self._clock.now_s()
        self._outcome.asked.append((now_s, name, value))
        if self._open and "top" not in name:
            self._outcome.wrong.append(f"{name} was asked while another request was open")
        if (name, value) != self._begins:
            return
        for ref in self._refs:
            at_s, heard = self._heard.get(ref, (-1e9, None))
            if heard is None or heard.quality is not Quality.GOOD or now_s - at_s > FRESH_S + FORGIVEN_S:
                self._outcome.wrong.append(f"{name} was asked on a value of {ref.path[-1]} that is not known")

    async def _only(self, request: Any) -> Any:
        self._open += 1
        try:
            return await request
        finally:
            self._open -= 1


class _Links:
    def __init__(
        self, link: Callable[[str, NodeAccess], NodeLink], outcome: Outcome, clock: VirtualClock, yard: Yard
    ) -> None:
        self._link = link
        self._made = (outcome, clock, yard.begins)

    def nodes_of(self, machine: str, access: NodeAccess) -> Recorder:
        return Recorder(self._link(machine, access), *self._made)

    async def appeared(self, machine: str) -> None:
        await asyncio.get_running_loop().create_future()


# How the cell comes to its machine: opens the way, and answers what makes a link.
Road = Callable[[NodeTwin, VirtualClock], AbstractAsyncContextManager[Callable[[str, NodeAccess], NodeLink]]]


@asynccontextmanager
async def _over_asyncua(device: NodeTwin, net: VirtualNet) -> AsyncIterator[Callable[[str, NodeAccess], NodeLink]]:
    async with scene(device, net):
        yield OpcUaLink


@asynccontextmanager
async def _in_memory(device: NodeTwin, clock: VirtualClock) -> AsyncIterator[Callable[[str, NodeAccess], NodeLink]]:
    cell = SimpleNamespace(byte_devices={}, node_devices={NAME: device}, violations=())
    links = MemoryLinks(cell, clock, latency_s=LATENCY_S)
    links.start()
    try:
        yield links.nodes_of
    finally:
        links.close()


def described(yard: Yard) -> OpcuaMachine:
    options = FAMILY.options(url=URL, insecure=True, **yard.keys)
    made: OpcuaMachine = options.beside(NAME, Path(), f"cell.toml: machines.{NAME}")
    return made


def operation_for(yard: Yard) -> Operation:
    source, target = Place(PLACES[0]), Place(PLACES[1])
    if not yard.resident:
        return Operation("op-1", "job-1", "S1", "carry", OperationKind.CARRY, NAME, target, source)
    program = Program("", yard.resident, 0, resident=yard.resident)
    return Operation("op-1", "job-1", "S1", "mill", OperationKind.PROCESS, NAME, target, NOWHERE, program)


def _clamped() -> World:
    """A part lies where the machine works on it."""
    made = World((*PLACES, f"{NAME}.gripper"))
    made.deposit("printer-1", PLACES[1], 0.0)
    made.finish_print("printer-1", PLACES[1], 0.0)
    return made


class _Trial:
    """The cell around one machine: its keeper, and as much of the core as knows what is unknown."""

    def __init__(self, yard: Yard, kind: str, seed: int) -> None:
        self.yard = yard
        self.plan = node_plan(seed, kind, yard.requests, yard.lasts_s) if kind else None
        self.outcome = Outcome()
        self.clock = VirtualClock()
        self.around = _clamped() if yard.resident else world()
        self.operation = operation_for(yard)
        self.keeper: Supervisor | None = None

    async def main(self, road: Road) -> Outcome:
        device = self.yard.twin(self.around)
        async with road(device, self.clock) as link, asyncio.TaskGroup() as tasks:
            links = _Links(link, self.outcome, self.clock, self.yard)
            tools = Tools(self.clock, links, Files, self._report)  # type: ignore[arg-type]
            self.keeper = Supervisor(NAME, MachineConfig(FAMILY, described(self.yard)), tools)
            running = tasks.create_task(self.keeper.run())
            await self._until(lambda: self.outcome.state is MachineState.IDLE, 60.0)
            began_s = self.clock.now_s()
            for fault in self.plan.faults if self.plan else ():
                device.trouble.add(replace(fault, at_s=None if fault.at_s is None else fault.at_s + began_s))
            self.keeper.start(self.operation)
            await self._until(lambda: self.outcome.end is not None, OVER_AFTER_S)
            await self.clock.sleep(AFTERMATH_S)
            running.cancel()
        self.outcome.arrived = bool(self.yard.resident) or self.around.part_at(PLACES[1]) is not None
        self.outcome.wrong += self.around.violations
        return self.outcome

    async def _until(self, shown: Callable[[], bool], patience_s: float) -> None:
        until_s = self.clock.now_s() + patience_s
        while not shown() and self.clock.now_s() < until_s:
            await self.clock.sleep(0.5)

    def _report(self, fact: ev.Fact) -> None:
        """What the core would make of it, as far as one operation needs."""
        outcome = self.outcome
        outcome.facts.append(fact)
        match fact:
            case ev.StationChanged(state=state):
                outcome.state = state
            case ev.OperationStarted(mark=mark):
                self.operation = replace(self.operation, mark=mark)
            case ev.OperationFound():
                outcome.found, outcome.end = True, None
            case ev.OperationEnded(state=state) if outcome.end is None:
                outcome.end = state
            case ev.ContactLost() if outcome.end is None and outcome.state not in (MachineState.IDLE, None):
                outcome.end = OperationState.UNKNOWN
            case ev.ContactFound() if outcome.end is OperationState.UNKNOWN and self.keeper:
                asyncio.get_running_loop().call_soon(self.keeper.adopt, self.operation)


def try_out(yard: str, kind: str, seed: int, road: str = "asyncua") -> Outcome:
    """Play one case to its end; the same arguments give the same outcome."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    trial, net = _Trial(YARDS[yard], kind, seed), VirtualNet(LATENCY_S)
    main = trial.main(_in_memory if road == "memory" else lambda device, _clock: _over_asyncua(device, net))
    return run_virtual(main, net=net, seed=seed)


def complaints(yard: str, outcome: Outcome) -> list[str]:
    """Everything about an outcome that must never be."""
    begun = [name for _, name, value in outcome.asked if (name, value) == YARDS[yard].begins]
    found = list(outcome.wrong)
    if len(begun) > 1:
        found.append(f"it was started {len(begun)} times")
    if outcome.end is None:
        found.append("its work did not end")
    if outcome.end is OperationState.DONE and not outcome.arrived:
        found.append("it is said to be done, and the part is not there")
    if outcome.end is OperationState.NOT_BEGUN and begun:
        found.append("it is said not to have begun, and it was started")
    if any("defect" in fact.reason for fact in outcome.facts if isinstance(fact, ev.ContactLost)):
        found.append("the driver has a defect")
    return found


def battery(
    seeds: int, kinds: Iterable[str] = KINDS, yards: Iterable[str] = tuple(YARDS), first: int = 1
) -> tuple[Counter[str], list[str]]:
    """Every kind of trouble on every machine, `seeds` times each: how often each end came, and every complaint."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    for yard in yards:
        for kind in kinds:
            for seed in range(first, first + seeds):
                outcome = try_out(yard, kind, seed)
                end = outcome.end.value if outcome.end else "none"
                ends[f"{yard} {kind}: {end}{' (found again)' if outcome.found else ''}"] += 1
                wrong += [f"{yard} {kind} seed {seed}: {each}" for each in complaints(yard, outcome)]
    return ends, wrong


def main() -> int:
    """The battery by hand, or by `make prove-opcua`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=[*KINDS])
    parser.add_argument("--yard", action="append", choices=[*YARDS])
    args = parser.parse_args()
    ends, wrong = battery(args.seeds, args.kind or KINDS, args.yard or tuple(YARDS), args.first)
    for end, count in sorted(ends.items()):
        sys.stdout.write(f"{count:6}  {end}\n")
    sys.stdout.write("\n".join(wrong[:40]) or f"{sum(ends.values())} cases, no complaint")
    sys.stdout.write("\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
