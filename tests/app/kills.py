"""The kill battery: a whole simulated cell in virtual time whose daemon dies at seeded moments and is started again.

`battle(seed, folder)` answers with every rule that was broken. The person answers by what they see in the world.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import CellConfig, load
from cellctl.app.simulate import simulated_cell
from cellctl.app.virtual_time import run_virtual
from cellctl.core import invariants
from cellctl.core.cell import apply, empty
from cellctl.core.lifecycle import in_work
from cellctl.core.view import PromptView
from cellctl.domain import events as ev
from cellctl.domain.commands import AnswerPrompt, CommandMachine, SubmitOrder
from cellctl.domain.errors import StoreFailed
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Disposition
from cellctl.links.memory import MemoryLinks
from cellctl.ports import ByteLink
from cellctl.ports.nodes import NodeAccess, NodeLink, NodePath
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore
from cellctl_sim.cell import Cell as Twin
from tests.app.shop_floor import envelope
from tests.app.tally import Tally

CELL: Final = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
# A print of a few minutes on a cold bed, so that a battery of many seeds is done soon.
PRINT: Final = ["M104 S200", "G28", "M109 S200", "G90", "M82", "G92 E0", "G1 Z0.3 F600"]
ORDERS: Final = ("ADA", "EVE")
KILLS: Final = 3
WAY_BACK: Final = {
    "HELD": MachineCommand.UNHOLD,
    "ABORTED": MachineCommand.CLEAR,
    "STOPPED": MachineCommand.RESET,
}
MAKESPAN_S: Final = 900.0
MOST_APPENDS: Final = 60
# A person takes so long to look; no arm is under way for longer.
LOOKS_S: Final = (60.0, 90.0)
GIVE_UP_S: Final = 2 * 3600.0
# What makes a serial machine move, heat or turn.
MOVES: Final = re.compile(rb"G\d|M(?:3|4)(?!\d)|M(?:104|109|140|190) S[1-9]|\$[HJ]|~")


def quick_product(folder: Path) -> Path:
    """The example's product, printed in a few minutes."""
    sides = [f"G1 X{60 + 40 * (n % 2)} Y{60 + n} E{n + 1} F2400" for n in range(60)]
    (folder / "quick.gcode").write_text("\n".join([*PRINT, *sides, "M104 S0", "M140 S0", "M84"]) + "\n")
    text = (CELL.parent / "product.toml").read_text().replace("base.gcode", "quick.gcode")
    product = folder / "quick.toml"
    product.write_text(text)
    return product


def quick_cell(folder: Path, cell: Path = CELL) -> CellConfig:
    """The example's cell, with that product."""
    return load(cell, {"cell.products": [str(quick_product(folder))]})


class Tapped:
    """ports.Links that call `moves` whenever a machine is told to move."""

    def __init__(self, links: MemoryLinks, moves: Callable[[str], None]) -> None:
        self.links = links
        self._moves = moves

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        line = self.links.bytes_to(machine, address, options)
        write = line.write

        def tapped(chunk: bytes) -> None:
            if MOVES.search(chunk):
                self._moves(machine)
            write(chunk)

        line.write = tapped  # type: ignore[method-assign]
        return line

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        session = self.links.nodes_of(machine, access)
        call = session.call

        async def tapped(path: NodePath, *arguments: Any) -> tuple[Any, ...]:
            if path[-1].endswith(";Start"):
                self._moves(machine)
            return await call(path, *arguments)

        session.call = tapped  # type: ignore[method-assign]
        return session

    async def appeared(self, machine: str) -> None:
        await self.links.appeared(machine)


class DyingStore(MemoryStore):
    """A journal during whose appends the daemon can be killed: just before they are durable, or just after."""

    killer: Callable[[], None] | None = None
    appends_left: int = 0
    durable: bool = False

    async def append(self, records: Sequence[ev.Record]) -> None:
        self.appends_left -= 1
        if self.killer is None or self.appends_left:
            await super().append(records)
            return
        if self.durable:
            await super().append(records)
        self.killer()
        raise StoreFailed("killed in mid append")


class Battle:
    """One seed: the machines and the journal live on, daemons come and go."""

    def __init__(self, seed: int, folder: Path, store: type[DyingStore] = DyingStore, cell: Path = CELL) -> None:
        self.broken: list[str] = []
        self._rng = Random(seed)
        self._config = quick_cell(folder, cell)
        twin = simulated_cell(cell, {}, seed)
        if not isinstance(twin, Twin):
            raise TypeError("the battery looks into the world of cellctl_sim")
        self._twin = twin
        self._clock = VirtualClock()
        self._store = store(self._clock, self._note)
        self._files = MemoryFiles()
        self._links = Tapped(MemoryLinks(twin, self._clock), self._moves)
        # By operation, the station where it is known to be under way: durably begun, and not ended nor unknown.
        self._under_way: dict[str, str] = {}
        # Machines that a person has cleared may find their way home.
        self._clearing: set[str] = set()
        # What the person took away; where an answer is lost with the daemon, they are asked about it again.
        self._taken_away: set[str] = set()
        self.lives = 0

    async def fight(self) -> list[str]:
        """Until every order is made; returns what was broken."""
        self._links.links.start()
        for _ in range(KILLS):
            # By the clock, which is in the middle of a machine's work, or in the middle of an append.
            by_append = self._rng.random() < 0.5
            self._store.killer = self._kill if by_append else None
            self._store.appends_left = self._rng.randint(2, MOST_APPENDS)
            self._store.durable = self._rng.random() < 0.5
            await self._live(self._rng.uniform(1, MAKESPAN_S))
        self._store.killer = None
        if not await self._live(GIVE_UP_S):
            self.broken.append("the orders were not done in the end")
        self._links.links.close()
        return [*self.broken, *self._twin.violations, *self._judge()]

    def tally(self) -> Tally:
        """What its crashes asked."""
        return Tally(self._config.plan).read(record.event for record in self._store.read())

    def _note(self, record: ev.Record) -> None:
        match record.event:
            case ev.OperationIntended(operation=operation):
                self._under_way[operation.id] = operation.station
            case ev.OperationEnded(operation_id=operation_id):
                self._under_way.pop(operation_id, None)
            case ev.StationCommanded(station=machine, command=MachineCommand.CLEAR):
                self._clearing.add(machine)
            case ev.StationChanged(station=machine, state=MachineState.STOPPED | MachineState.ABORTED):
                self._clearing.discard(machine)
            case ev.ContactLost(station=machine):
                self._clearing.discard(machine)

    def _moves(self, machine: str) -> None:
        if machine not in (*self._under_way.values(), *self._clearing):
            at = f"t={self._clock.now_s():.1f}s"
            self.broken.append(f"{at} {machine} is told to move, and the journal knows of no work for it")

    # ---- one daemon ----------------------------------------------------------------------------------------------

    async def _live(self, at_most_s: float) -> bool:
        """Run a daemon until all is done, or kill it after so long. True if all is done."""
        self.lives += 1
        self._store.start()
        links = self._links.links
        for machine in (*self._twin.byte_devices, *self._twin.node_devices):
            links.mend(machine)
        outside = Outside(self._clock, SeededIds(self.lives), self._links, self._store, self._files)
        cell = RunningCell(self._config, outside)
        done = False
        try:
            async with asyncio.TaskGroup() as tasks:
                daemon = tasks.create_task(cell.run([], *self._people(cell)), name="daemon")
                try:
                    async with asyncio.timeout(at_most_s):
                        await self._until_made(cell)
                        done = True
                except TimeoutError:
                    self._kill()
                daemon.cancel()
        except* Exception as failed:
            self._note_failure(failed)
        return done

    def _kill(self) -> None:
        """What is on its way to the disk is lost, and no last word reaches a machine."""
        self._store.crash()
        for machine in (*self._twin.byte_devices, *self._twin.node_devices):
            self._links.links.cut(machine, "the daemon was killed")

    def _note_failure(self, failed: BaseExceptionGroup) -> None:
        _, others = failed.split(StoreFailed)
        if others:
            self.broken.append(f"a daemon failed: {others.exceptions!r}")

    def _people(self, cell: RunningCell) -> Sequence[Any]:
        async def customer() -> None:
            # The same command again until it is answered: the id makes that harmless.
            for text in ORDERS:
                order = SubmitOrder("nameplate", {"text": text})
                await cell.desk.submit(envelope(order, f"order-{text}"))

        async def person() -> None:
            while True:
                stands = self._stands(cell)
                if cell.engine.cell.prompts:
                    await self._answer(cell, cell.desk.view().prompts[0])
                elif stands:
                    await self._bring_back(cell, *stands)
                else:
                    await cell.engine.changed(cell.engine.cell.counts.rev)

        return customer, person

    async def _until_made(self, cell: RunningCell) -> None:
        while True:
            jobs = cell.engine.cell.jobs.values()
            orders = cell.engine.cell.orders
            if len(orders) == len(ORDERS) and not any(in_work(job) for job in jobs) and not cell.engine.cell.prompts:
                return
            await cell.engine.changed(cell.engine.cell.counts.rev)

    # ---- the person ----------------------------------------------------------------------------------------------

    async def _answer(self, cell: RunningCell, prompt: PromptView) -> None:
        """Look, wait for everything to stand, do by hand what is asked, and say what is true."""
        await self._clock.sleep(self._rng.uniform(*LOOKS_S))
        if prompt.id not in cell.engine.cell.prompts:
            return
        seen = len(self._twin.world.violations)
        choice = self._truth(prompt)
        if any(machine.name == prompt.station and machine.state == "ABORTED" for machine in cell.desk.view().machines):
            # Out of the hand of an arm that stands, and waits for just that.
            del self._twin.world.violations[seen:]
        await cell.desk.submit(envelope(AnswerPrompt(prompt.id, choice), f"{self.lives}-{prompt.id}"))

    def _stands(self, cell: RunningCell) -> tuple[str, MachineCommand] | None:
        """A machine that waits for a person, and what they have to say to it first."""
        for machine in cell.desk.view().machines:
            if machine.state == "EXECUTE" and machine.reason and not machine.operation_id:
                # It goes on with what a dead daemon began, and is left alone until somebody breaks that off.
                return machine.name, MachineCommand.ABORT
            if machine.state in WAY_BACK and not machine.locked:
                return machine.name, WAY_BACK[machine.state]
        return None

    async def _bring_back(self, cell: RunningCell, machine: str, command: MachineCommand) -> None:
        await self._clock.sleep(self._rng.uniform(*LOOKS_S))
        if self._stands(cell) == (machine, command):
            asked = f"{self.lives}-{cell.engine.cell.counts.rev}"
            await cell.desk.submit(envelope(CommandMachine(machine, command), asked))

    def _truth(self, prompt: PromptView) -> str:
        world, now_s = self._twin.world, self._clock.now_s()
        if prompt.choices[0] == "made":
            part = world.part_at(prompt.target)
            if part is None:
                return "scrap" if prompt.serial in self._taken_away else "not begun"
            cut = any("cut" in line for line in part.history)
            if prompt.target == "router-1.vise" and not cut:
                return "not begun"
            if part.finished and not cut:
                return "made"
            world.person_moves(prompt.target, "gone", now_s)
            self._taken_away.add(prompt.serial)
            return "scrap"
        if "not in the cell" in prompt.choices:
            return self._where(prompt, now_s)
        target = "gone" if prompt.target == prompt.source else prompt.target
        world.person_moves(prompt.source, target, now_s)
        return prompt.choices[0]

    def _where(self, prompt: PromptView, now_s: float) -> str:
        """Where a carried part is; out of the gripper it is put where it was to go."""
        world = self._twin.world
        for place in (prompt.source, prompt.target):
            if world.part_at(place) is not None:
                return place
        gripper = f"{prompt.station}.gripper"
        if world.part_at(gripper) is None:
            return "not in the cell"
        world.person_moves(gripper, prompt.target, now_s)
        return prompt.target

    # ---- the judge -----------------------------------------------------------------------------------------------

    def _judge(self) -> Iterator[str]:
        records = list(self._store.read())
        cell = empty(self._config.plan)
        started: Counter[str] = Counter()
        for record in records:
            cell = apply(cell, record.event)
            if isinstance(record.event, ev.OperationStarted):
                started[record.event.operation_id] += 1
        yield from invariants.broken(cell)
        yield from (f"{name} was started {count} times" for name, count in started.items() if count > 1)
        accepted = [part for part in cell.parts.values() if part.disposition is Disposition.ACCEPTED]
        if len(accepted) != len(ORDERS) or len(cell.orders) != len(ORDERS):
            yield f"{len(cell.orders)} orders and {len(accepted)} accepted parts, {len(ORDERS)} wanted"
        whole = [part for part in self._twin.world.parts if any("cut" in line for line in part.history)]
        gone = [part for part in self._twin.world.parts if part.place == "gone"]
        if len(gone) != len(self._twin.world.parts) or len(whole) < len(accepted):
            yield f"the world has {[(part.id, part.place) for part in self._twin.world.parts]}"
        made = sum(part.place == "gone" for part in cell.parts.values())
        if made != len(gone):
            yield f"the log knows of {made} parts that have left the cell, the world of {len(gone)}"


def battle(seed: int, folder: Path, store: type[DyingStore] = DyingStore, cell: Path = CELL) -> list[str]:
    """What was broken with this seed; nothing, if all is well."""

    async def main() -> list[str]:
        return await Battle(seed, folder, store, cell).fight()

    return run_virtual(main())
