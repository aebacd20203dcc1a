"""A scripted OPC UA server behind a NodeLink, and the shop that its machine stands in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError
from cellctl.domain.events import EvidenceGathered, Fact, OperationEnded, SessionSeen, StationChanged
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, Place, Program
from cellctl.ports import Files, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink, NodePath, NodeRef, NodeValue, Quality
from cellctl_drivers.opcua.driver import FAMILY
from cellctl_drivers.opcua.options import OpcuaMachine

Reply = Callable[..., Awaitable[tuple[Any, ...]]]

CARRY: Final = Operation(
    "op-1", "job-1", "S1", "carry", OperationKind.CARRY, "arm-1",
    target=Place("router-1.vise"), source=Place("printer-1.bed"),
)  # fmt: skip


def runs(resident: str, machine: str = "arm-1") -> Operation:
    """Work that is a program in the controller."""
    program = Program("", resident, 0, resident=resident)
    return Operation(
        "op-1", "job-1", "S1", "mill", OperationKind.PROCESS, machine, Place(f"{machine}.vise"), program=program
    )


class Server:
    """What a machine shows, what it was asked, and how it answers (a NodeLink). It takes one request at a time."""

    def __init__(self, shown: Mapping[NodePath, Any], types: Mapping[NodePath, str]) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.closed = 0
        self.replies: dict[NodePath, Reply] = {}
        self.types = dict(types)
        self.shown: dict[NodePath, NodeValue] = {}
        self.on_change: Callable[[NodeValue], None] = lambda _value: None
        self.on_lost: Callable[[str], None] = lambda _reason: None
        self._busy = 0
        self.show(shown)

    def show(self, values: Mapping[NodePath, Any], *, good: bool = True) -> None:
        for path, value in values.items():
            self.shown[path] = NodeValue(
                NodeRef(path), value, Quality.GOOD if good else Quality.BAD, "Good" if good else "BadNoData"
            )
            self.on_change(self.shown[path])

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        """Methods by their names, and writes as (name, value)."""
        return self.asked

    # ---- NodeLink --------------------------------------------------------------------------------------------

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        self.on_change, self.on_lost = on_change, on_lost

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        return [self.types[ref.path] for ref in refs]

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        for ref in refs:
            self.on_change(self.shown[ref.path])

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        return await self._one(path, arguments, self.act)

    async def write(self, ref: NodeRef, value: Any) -> None:
        await self._one(ref.path, (value,), self.act)

    async def close(self) -> None:
        self.closed += 1

    async def act(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """What follows from a call or a write, where no reply was scripted."""
        raise NotImplementedError

    async def _one(
        self,
        path: NodePath,
        arguments: Sequence[Any],
        act: Callable[[NodePath, Sequence[Any]], Awaitable[tuple[Any, ...]]],
    ) -> tuple[Any, ...]:
        self.asked.append((path[-1].rpartition(";")[2], *arguments))
        assert not self._busy or "stop" in str(self.asked[-1][0]).lower(), f"two requests at once: {self.asked[-2:]}"
        self._busy += 1
        try:
            if path in self.replies:
                return await self.replies[path](*arguments)
            return await act(path, arguments)
        finally:
            self._busy -= 1


def answers(*outputs: Any) -> Reply:
    async def reply(*_arguments: Any) -> tuple[Any, ...]:
        return outputs

    return reply


def fails(error: CellError) -> Reply:
    async def reply(*_arguments: Any) -> tuple[Any, ...]:
        raise error

    return reply


async def never(*_arguments: Any) -> tuple[Any, ...]:
    await asyncio.sleep(1e6)
    return (0,)


class Links:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked: list[tuple[str, NodeAccess]] = []

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        self.asked.append((machine, access))
        return self.server

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> Any:
        raise NotImplementedError


def machine(name: str = "arm-1", folder: Path = Path(), **keys: Any) -> OpcuaMachine:
    """A machine by its keys in the cell file."""
    options = FAMILY.options(**{"url": "opc.tcp://127.0.0.1:1/arm-1", "insecure": True, **keys})
    made: OpcuaMachine = options.beside(name, folder, f"cell.toml: machines.{name}")
    return made


class Shop:
    """A machine, its driver, and the facts that it has reported."""

    def __init__(self, server: Server, described: OpcuaMachine, name: str = "arm-1") -> None:
        self.server = server
        self.links = Links(server)
        self.facts: list[Fact] = []
        self.ended: CellError | None = None
        self.gone = asyncio.Event()
        self._news = asyncio.Event()
        self.fenced = ""
        fence = lambda: self.fenced  # noqa: E731 - it changes while it is asked
        tools = Tools(VirtualClock(), self.links, Files, self._report, fence=fence)  # type: ignore[arg-type]
        self.driver: Any = FAMILY.driver(name, described, tools)

    def _report(self, fact: Fact) -> None:
        # How far the session is has tests of its own.
        if not isinstance(fact, SessionSeen):
            self.facts.append(fact)
        self._news.set()

    async def until(self, wanted: MachineState | type[Fact]) -> None:
        """Wait for a fact that has not been looked at yet."""
        while not any(self._is(fact, wanted) for fact in self.facts):
            self._news.clear()
            await self._news.wait()

    async def working(self, operation: Operation = CARRY) -> None:
        """Idle, then started, then seen executing."""
        await self.until(MachineState.IDLE)
        self.facts.clear()
        self.driver.start(operation)
        await self.until(MachineState.EXECUTE)

    @property
    def states(self) -> list[MachineState]:
        return [fact.state for fact in self.facts if isinstance(fact, StationChanged)]

    @property
    def outcome(self) -> OperationEnded:
        (ended,) = [fact for fact in self.facts if isinstance(fact, OperationEnded)]
        return ended

    @property
    def found(self) -> bool:
        gathered = [fact.found for fact in self.facts if isinstance(fact, EvidenceGathered)]
        return any(found.shows_ours or found.ended for found in gathered)

    @property
    def reason(self) -> str:
        return [fact.reason for fact in self.facts if isinstance(fact, StationChanged)][-1]

    @staticmethod
    def _is(fact: Fact, wanted: MachineState | type[Fact]) -> bool:
        if isinstance(wanted, MachineState):
            return isinstance(fact, StationChanged) and fact.state is wanted
        return isinstance(fact, wanted)


def play(make: Callable[[], Shop], scene: Callable[[Any], Awaitable[None]]) -> Any:
    """Serve while the scene is played; how the driver ended is left in the shop."""

    async def serve(shop: Shop) -> None:
        try:
            await shop.driver.serve()
        except CellError as error:
            shop.ended = error
        shop.gone.set()

    async def main() -> Shop:
        shop = make()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve(shop))
            async with asyncio.timeout(100_000):
                await scene(shop)
            serving.cancel()
        return shop

    return run_virtual(main())
