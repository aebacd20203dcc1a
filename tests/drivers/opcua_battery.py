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
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from enum import Enum
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import structlog

from cellctl.app.clock import VirtualClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import Supervisor
from cellctl.app.virtual_net import VirtualNet
from cellctl.app.virtual_time import run_virtual
from cellctl.core.evidence import classify
from cellctl.domain import events as ev
from cellctl.domain.evidence import Verdict
from cellctl.domain.machine import MachineState
from cellctl.domain.work import NOWHERE, Operation, OperationKind, OperationState, Place, Program
from cellctl.links.memory import MemoryLinks
from cellctl.links.opcua import OpcUaLink
from cellctl.ports import Files, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink
from cellctl_drivers.opcua.driver import FAMILY
from cellctl_drivers.opcua.options import OpcuaMachine
from cellctl_sim.opcua.trouble import NodeKind, node_plan
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World
from tests.drivers.opcua_papers import USER, office
from tests.drivers.opcua_recorder import Outcome, Recorder
from tests.drivers.opcua_yards import YARDS, Yard
from tests.sim.opcua_scene import PLACES, URL, scene, world

NAME: Final = "m-1"
OVER_AFTER_S: Final = 900.0
# Then it is watched on, until nothing was told for so long of a machine at rest and in contact; at most so long.
QUIET_S: Final = 20.0
SEARCH_S: Final = 150.0
LATENCY_S: Final = 0.002


KINDS: Final = tuple(NodeKind)
ROADS: Final = ("asyncua", "memory")

# What a fault may lead to. Wherever the machine's own state cannot prove how it ended, a person is asked: unknown. It
# has failed where the machine says so, or where something was asked that led up to a start, and no start.
_BEFORE: Final = {OperationState.DONE, OperationState.NOT_BEGUN, OperationState.UNKNOWN}
_DURING: Final = {*_BEFORE, OperationState.FAILED}
_K: Final = NodeKind
ALLOWED: Final[Mapping[NodeKind, set[OperationState]]] = {
    **dict.fromkeys((_K.HANG, _K.HANG_AFTER, _K.SLOW, _K.LATE), _BEFORE),
    **dict.fromkeys((_K.DROP, _K.DROP_AFTER, _K.CUT, _K.RESTART, _K.FULL), _BEFORE),
    **dict.fromkeys((_K.REBOOT, _K.BAD, _K.UNCERTAIN, _K.HUGE, _K.WRONG_TYPE), _BEFORE),
    # A value that stands still speaks against nothing.
    _K.STALE: {OperationState.DONE, OperationState.UNKNOWN},
    _K.REFUSE: _DURING,
    # And then nothing more: see `_shut_out`.
    _K.CERTIFICATE: _BEFORE,
    **dict.fromkeys((_K.WRONG_MODE, _K.STOP_CHAIN, _K.PROTECTIVE_STOP, _K.ALARM), _DURING),
}
AT_REST: Final = (
    MachineState.IDLE, MachineState.COMPLETE, MachineState.STOPPED, MachineState.HELD, MachineState.ABORTED,
)  # fmt: skip


class _Links:
    def __init__(
        self, link: Callable[[str, NodeAccess], NodeLink], outcome: Outcome, clock: VirtualClock, yard: Yard
    ) -> None:
        self._link = link
        self._made = (outcome, clock, yard)

    def nodes_of(self, machine: str, access: NodeAccess) -> Recorder:
        return Recorder(self._link(machine, access), *self._made)

    async def appeared(self, machine: str) -> None:
        await asyncio.get_running_loop().create_future()


class Trust(Enum):
    """What the cell file says of certificates, and what a person has pinned."""

    NONE = "insecure"
    RIGHT = "right"
    WRONG = "wrong"

    @classmethod
    def of(cls, kind: str, seed: int) -> "Trust":
        """One time in four the certificate is another one from the start."""
        if kind != NodeKind.CERTIFICATE:
            return cls.NONE
        return cls.WRONG if seed % 4 == 0 else cls.RIGHT


# How the cell comes to its machine: opens the way, and answers what makes a link.
Maker = Callable[[str, NodeAccess], NodeLink]
Road = Callable[[NodeTwin, VirtualClock], AbstractAsyncContextManager[Maker]]


@asynccontextmanager
async def _over_asyncua(device: NodeTwin, net: VirtualNet, trust: Trust) -> AsyncIterator[Maker]:
    if trust is Trust.NONE:
        async with scene(device, net):
            yield OpcUaLink
        return
    keys = office().trusting(NAME, wrongly=trust is Trust.WRONG)
    async with scene(device, net, papers=office().papers):
        yield lambda machine, access: OpcUaLink(machine, access, keys)


@asynccontextmanager
async def _in_memory(device: NodeTwin, clock: VirtualClock, trust: Trust) -> AsyncIterator[Maker]:
    cell = SimpleNamespace(byte_devices={}, node_devices={NAME: device}, violations=())
    pinned = {NAME: "another's"} if trust is Trust.WRONG else {}
    links = MemoryLinks(cell, clock, latency_s=LATENCY_S, pinned=pinned)
    links.start()
    try:
        yield links.nodes_of
    finally:
        links.close()


@cache
def described(yard: str, trust: Trust = Trust.NONE) -> OpcuaMachine:
    access: dict[str, Any] = {"insecure": True}
    if trust is not Trust.NONE:
        access = {"user": USER, "password_file": "password"}
    options = FAMILY.options(url=URL, **access, **YARDS[yard].keys)
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

    def __init__(self, name: str, kind: str, seed: int) -> None:
        self.name = name
        self.yard = yard = YARDS[name]
        self.trust = Trust.of(kind, seed)
        self.plan = node_plan(seed, kind, yard.asks, yard.lasts_s, yard.values) if kind else None
        self.outcome = Outcome(mistaken=self.trust is Trust.WRONG)
        self.clock = VirtualClock()
        self.around = _clamped() if yard.resident else world()
        self.device = yard.twin(self.around)
        self.operation = operation_for(yard)
        self.keeper: Supervisor | None = None
        # When it told something last; None while it is out of contact.
        self.told_s: float | None = None

    async def main(self, road: Road) -> Outcome:
        device = self.device
        async with road(device, self.clock) as link, asyncio.TaskGroup() as tasks:
            links = _Links(link, self.outcome, self.clock, self.yard)
            tools = Tools(self.clock, links, Files, self._report)  # type: ignore[arg-type]
            self.keeper = Supervisor(NAME, MachineConfig(FAMILY, described(self.name, self.trust)), tools)
            running = tasks.create_task(self.keeper.run())
            await self._until(lambda: self.outcome.state is MachineState.IDLE, 60.0)
            began_s = self.clock.now_s()
            for fault in self.plan.faults if self.plan else ():
                device.trouble.add(replace(fault, at_s=None if fault.at_s is None else fault.at_s + began_s))
            self.keeper.start(self.operation)
            await self._until(lambda: self.outcome.end is not None, OVER_AFTER_S)
            await self._until(self._is_quiet, SEARCH_S)
            running.cancel()
            self.outcome.struck = device.trouble.happened > 0 or self.outcome.mistaken
        self.outcome.wrong += self.around.violations
        return self.outcome

    async def _until(self, shown: Callable[[], bool], patience_s: float) -> None:
        until_s = self.clock.now_s() + patience_s
        while not shown() and self.clock.now_s() < until_s:
            await self.clock.sleep(0.5)

    def _is_quiet(self) -> bool:
        over = self.outcome.end is not None and self.outcome.state in AT_REST
        return over and self.told_s is not None and self.clock.now_s() - self.told_s >= QUIET_S

    def _report(self, fact: ev.Fact) -> None:
        """What the core would make of it, as far as one operation needs."""
        outcome = self.outcome
        outcome.facts.append(fact)
        if isinstance(fact, ev.SessionSeen):
            return
        if isinstance(fact, ev.ContactLost) and outcome.lost_s is None:
            outcome.lost_s = self.clock.now_s()
        in_contact = self.told_s is not None or isinstance(fact, ev.ContactFound)
        self.told_s = self.clock.now_s() if in_contact and not isinstance(fact, ev.ContactLost) else None
        match fact:
            case ev.StationChanged(state=state):
                outcome.state = state
            case ev.OperationStarted(mark=mark):
                self.operation = replace(self.operation, mark=mark)
            case ev.EvidenceGathered(found=findings):
                self._weigh(classify(self.operation, findings)[0])
            case ev.OperationEnded(state=state) if outcome.end is None:
                outcome.end = state
                outcome.true = self.yard.is_done(self.device, self.around)
            case ev.ContactLost() if outcome.end is None and outcome.state not in (MachineState.IDLE, None):
                outcome.end = OperationState.UNKNOWN
            case ev.ContactFound() if outcome.end is OperationState.UNKNOWN and self.keeper:
                asyncio.get_running_loop().call_soon(self.keeper.adopt, self.operation)

    def _weigh(self, verdict: Verdict) -> None:
        outcome = self.outcome
        if verdict is Verdict.UNKNOWN:
            return
        outcome.found, outcome.end = True, None
        if verdict is not Verdict.RUNNING:
            outcome.end = OperationState.DONE if verdict is Verdict.DONE else OperationState.NOT_BEGUN
            outcome.true = self.yard.is_done(self.device, self.around)


def try_out(yard: str, kind: str, seed: int, road: str = "asyncua") -> Outcome:
    """Play one case to its end; the same arguments give the same outcome."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    trial, net = _Trial(yard, kind, seed), VirtualNet(LATENCY_S)
    if road == "memory":
        main = trial.main(lambda device, clock: _in_memory(device, clock, trial.trust))
    else:
        main = trial.main(lambda device, _: _over_asyncua(device, net, trial.trust))
    office()  # what is real of it, before time is not
    return run_virtual(main, net=net, seed=seed)


def complaints(yard: str, kind: str, outcome: Outcome) -> list[str]:
    """Everything about an outcome that must never be."""
    begun = [name for _, name, value in outcome.asked if (name, value) == YARDS[yard].begins]
    found = list(outcome.wrong)
    if len(begun) > 1:
        found.append(f"it was started {len(begun)} times")
    if outcome.end is None:
        found.append("its work did not end")
    elif outcome.end not in _allowed(kind, outcome, begun=bool(begun)):
        found.append(f"it must not end in {outcome.end.value}")
    if outcome.end is OperationState.DONE and not outcome.true:
        found.append("it is said to be done, and it is not")
    if outcome.end is OperationState.NOT_BEGUN and (begun or outcome.true):
        found.append("it is said not to have begun, and it was started")
    if kind == NodeKind.CERTIFICATE and outcome.struck:
        found += _shut_out(outcome)
    elif outcome.state not in AT_REST:
        found.append(f"its machine is left in {outcome.state}")
    if any("defect" in fact.reason for fact in outcome.facts if isinstance(fact, ev.ContactLost)):
        found.append("the driver has a defect")
    return found


def _shut_out(outcome: Outcome) -> Iterator[str]:
    """What must not be where a server shows another certificate: its machine is lost for good, and the reason helps."""
    contacts = [fact for fact in outcome.facts if isinstance(fact, ev.ContactFound | ev.ContactLost)]
    last = contacts[-1] if contacts else None
    lost = [at for at, fact in enumerate(contacts) if isinstance(fact, ev.ContactLost)]
    if outcome.mistaken and len(lost) < len(contacts):
        yield "it was let in, and its certificate was never the pinned one"
    if lost and any(isinstance(fact, ev.ContactFound) for fact in contacts[lost[0] :]):
        yield "it was let in again"
    if not isinstance(last, ev.ContactLost) or not last.reason.startswith(f"{NAME}: "):
        yield "it is not said to be lost"
    elif "another certificate than the pinned" not in last.reason or f"cellctl opcua trust {NAME}" not in last.reason:
        yield f"nobody is told what to do: {last.reason}"
    after = [name for at_s, name, _ in outcome.asked if outcome.lost_s is not None and at_s >= outcome.lost_s]
    if after:
        yield f"it was told {after} after its certificate had changed"


def _allowed(kind: str, outcome: Outcome, *, begun: bool) -> set[OperationState]:
    if not outcome.struck:
        return {OperationState.DONE}
    led_up = {OperationState.FAILED} if outcome.asked and not begun else set()
    return ALLOWED[NodeKind(kind)] | led_up


def battery(
    seeds: int,
    kinds: Iterable[str] = KINDS,
    yards: Iterable[str] = tuple(YARDS),
    first: int = 1,
    road: str = "asyncua",
) -> tuple[Counter[str], list[str]]:
    """Every kind of trouble on every machine, `seeds` times each: how often each end came, and every complaint."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    for yard in yards:
        for kind in kinds:
            for seed in range(first, first + seeds):
                outcome = try_out(yard, kind, seed, road)
                ends[f"{yard} {kind}: {named(outcome)}"] += 1
                wrong += [f"{yard} {kind} seed {seed}: {each}" for each in complaints(yard, kind, outcome)]
    return ends, wrong


def named(outcome: Outcome) -> str:
    """How it ended, in words."""
    end = outcome.end.value if outcome.end else "none"
    return f"{end}{' (found again)' if outcome.found else ''}" if outcome.struck else "not struck"


def main() -> int:
    """The battery by hand, or by `make prove-opcua`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=[*KINDS])
    parser.add_argument("--yard", action="append", choices=[*YARDS])
    parser.add_argument("--road", choices=ROADS, default="asyncua")
    args = parser.parse_args()
    ends, wrong = battery(args.seeds, args.kind or KINDS, args.yard or tuple(YARDS), args.first, args.road)
    for end, count in sorted(ends.items()):
        sys.stdout.write(f"{count:6}  {end}\n")
    sys.stdout.write("\n".join(wrong[:40]) or f"{sum(ends.values())} cases, no complaint")
    sys.stdout.write("\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
