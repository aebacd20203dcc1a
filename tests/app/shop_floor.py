"""A cell for tests of the engine and what is around it: machines played by the test, a journal that can crash."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import CellConfig, MachineConfig, MqttTable
from cellctl.domain.commands import Command, Envelope, SubmitOrder, content_hash
from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import ContactFound, Event, OperationEnded, OperationStarted, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState, after
from cellctl.domain.work import Operation, OperationState, Plan, Station
from cellctl.ports import Clock, Driver, Links, Tools
from cellctl.products.product import Product, parse_product
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore

PLATE = SubmitOrder("plate", {})
# One step on one sort of machine.
PRODUCT: dict[str, Any] = {
    "product": {"name": "plate", "revision": "A"},
    "route": [{"step": "print", "capability": "fdm", "program": {"file": "plate.gcode"}}],
}


@dataclass
class Played:
    """What the test has planned for one machine, and what the machine was told."""

    told: list[Operation | MachineCommand] = field(default_factory=list)
    connections_at_s: list[float] = field(default_factory=list)
    # Called with every Operation and every command, before the machine obeys.
    hears: Callable[[Operation | MachineCommand], None] = lambda order: None
    # Awaited in every connection, once contact is made (or instead of it, where it raises).
    serves: Callable[[], Any] = lambda: asyncio.Event().wait()
    silent: bool = False
    driver: "PlayedDriver | None" = None


class PlayedDriver:
    """ports.Driver that keeps to the PackML table and does what it is told at once; work ends when the test says so."""

    def __init__(self, machine: str, played: Played, tools: Tools) -> None:
        self.machine = machine
        self.tools = tools
        self.state = MachineState.STOPPED
        self._played = played
        played.driver = self

    async def serve(self) -> None:
        self._played.connections_at_s.append(self.tools.clock.now_s())
        if not self._played.silent:
            self.tools.report(ContactFound(self.machine, "played"))
            self.enter(MachineState.STOPPED)
            self.walk(MachineCommand.RESET, MachineCommand.STATE_COMPLETE)
        await self._played.serves()

    def start(self, operation: Operation) -> None:
        after(self.state, MachineCommand.START)
        self._hear(operation)
        self.walk(MachineCommand.START, MachineCommand.STATE_COMPLETE)
        self.tools.report(OperationStarted(operation.id))

    def command(self, command: MachineCommand) -> None:
        after(self.state, command)
        self._hear(command)
        self.walk(command, MachineCommand.STATE_COMPLETE)

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        raise NotAllowed(f"{self.machine} has asked nothing")

    def finish(self) -> None:
        """The work is done and well done."""
        operation = next(told for told in reversed(self._played.told) if isinstance(told, Operation))
        self.walk(MachineCommand.STATE_COMPLETE)
        self.tools.report(OperationEnded(operation.id, OperationState.DONE))
        self.walk(MachineCommand.STATE_COMPLETE)

    def walk(self, *commands: MachineCommand) -> None:
        for command in commands:
            self.enter(after(self.state, command))

    def enter(self, state: MachineState) -> None:
        self.state = state
        self.tools.report(StationChanged(self.machine, state))

    def _hear(self, told: Operation | MachineCommand) -> None:
        self._played.told.append(told)
        self._played.hears(told)


class PlayedFamily:
    """ports.DriverFamily whose options say what is played."""

    options = Played

    def rules(self, options: Played) -> None:
        """What it plays is no G-code."""

    def driver(self, machine: str, options: Played, tools: Tools) -> Driver:
        return PlayedDriver(machine, options, tools)


class NoLinks:
    """ports.Links of a cell whose machines need none."""

    bytes_to = nodes_of = None

    async def appeared(self, machine: str) -> None:
        await asyncio.Event().wait()


class ShopFloor:
    """A cell with some printers of which each is played. `store` outlives its daemons."""

    def __init__(self, *machines: str, clock: Clock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.store = MemoryStore(self.clock)
        self.machines = {name: Played() for name in machines or ("printer-1",)}
        self.files = MemoryFiles()
        self.product = PRODUCT

    def cell(self, folder: Path) -> RunningCell:
        """A daemon's cell, which does nothing yet."""
        (folder / "plate.gcode").write_text("G28\nG1 X1 F600\n")
        stations = {name: Station(name, "played", ("fdm",), ("bed",)) for name in self.machines}
        machines = {name: MachineConfig(PlayedFamily(), played) for name, played in self.machines.items()}
        products: list[Product] = [parse_product(self.product, folder / "plate.toml")]
        config = CellConfig(folder / "cell.toml", Plan("test", stations), machines, products, MqttTable())
        outside = Outside(self.clock, SeededIds(1), cast(Links, NoLinks()), self.store, self.files)
        return RunningCell(config, outside)

    @asynccontextmanager
    async def daemon(self, folder: Path) -> AsyncIterator[RunningCell]:
        """A daemon that runs until the block ends; every machine has been looked for when it begins."""
        cell = self.cell(folder)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(cell.run([]), name="cell")
            if not any(played.silent for played in self.machines.values()):
                await cell.met()
                await cell.engine.pulse()
            yield cell
            running.cancel()

    def log(self) -> list[Event]:
        """What is durable."""
        return [record.event for record in self.store.read()]


def envelope(command: Command, command_id: str = "c-1") -> Envelope:
    """A command with its sender."""
    return Envelope(command_id, "ada", command, content_hash(command))
