"""A robot that is not asyncua: a node-opcua server with the published Robotics types, worked and killed in mid-program.

The cell is a whole one, with our driver over our link on loopback. Every life of the robot is another Node process on
the same port, in which the namespaces have other indexes.
"""

import asyncio
import json
import shutil
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import RealClock, SeededIds
from cellctl.app.config import load
from cellctl.core.cell import Cell
from cellctl.core.readiness import locked
from cellctl.domain.commands import AnswerPrompt, Command, Envelope, SubmitOrder, content_hash
from cellctl.domain.events import Event, OperationEnded, OperationFound
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Disposition, OperationState, Prompt
from cellctl.links.real import RealLinks
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore

ROBOT = Path(__file__).with_name("robot.cjs")
WITHIN_S = 60.0
HALFWAY = 2
UNKNOWN = OperationState.UNKNOWN
GOOD = Disposition.ACCEPTED
STANDARD = ("http://opcfoundation.org/UA/DI/", "http://opcfoundation.org/UA/Robotics/", "urn:maker:robot")
# What comes before the standard's namespaces in each life.
SHIFTS = (["urn:dummy:a"], ["urn:dummy:b", "urn:dummy:a", "urn:dummy:c"], ["urn:dummy:c", "urn:dummy:b"])
CELL = """
[cell]
name = "one-robot"
products = ["clock.toml", "parcel.toml"]

[machines.arm-1]
driver = "opcua"
profile = "robotics-1.02"
parameters = {{ namespace = "urn:maker:robot" }}
url = "opc.tcp://127.0.0.1:{port}/robot"
insecure = true
capabilities = ["assemble"]
reach = ["bench-1", "bench-2"]
slots = ["table", "gripper"]

[machines.bench-1]
driver = "manual"
capabilities = ["pack"]
slots = ["desk"]

[machines.bench-2]
driver = "manual"
capabilities = ["inspect"]
reach = ["arm-1", "bench-2"]
slots = ["desk"]
"""
# The robot makes a clock, which a person fetches; a person packs a parcel, which the robot carries.
FIRST_STEPS = {
    "clock": """
step = "assemble"
capability = "assemble"
program = { resident = "ASSEMBLE" }
""",
    "parcel": """
step = "pack"
capability = "pack"
question = { text = "Is it packed?", choices = ["packed", "spoiled"] }
""",
}
PRODUCT = """
[product]
name = "{name}"
revision = "A"

[[route]]
{first_step}

[[route]]
step = "inspect"
capability = "inspect"
question = {{ text = "Is it good?", choices = ["accept", "scrap"] }}
"""
ONE = ["LoadByName", "Start"]
ANOTHER = ["UnloadProgram", *ONE]


class Robot:
    """The Node processes, and what all of them have said."""

    def __init__(self, lives: Sequence[Process]) -> None:
        self.calls: list[str] = []
        self.memory: dict[str, Any] = {}
        self.reads = 0
        self.indexes: list[tuple[int, ...]] = []
        self._waiting = list(lives)
        self._news = asyncio.Condition()
        self._life = self._waiting.pop(0)

    async def hear(self, life: Process) -> None:
        """Take in every line of one life, to its end."""
        assert life.stdout
        async for line in life.stdout:
            if line.startswith(b"{"):
                async with self._news:
                    self._take(json.loads(line))
                    self._news.notify_all()

    def _take(self, said: dict[str, Any]) -> None:
        if "called" in said:
            self.calls.append(said["called"])
        if "namespaces" in said:
            self.indexes.append(tuple(said["namespaces"].index(uri) for uri in STANDARD))
        self.memory = said.get("memory", self.memory)
        self.reads += "read" in said

    async def until(self, so: Callable[[], bool]) -> None:
        async with self._news, asyncio.timeout(WITHIN_S):
            await self._news.wait_for(so)

    async def wake(self, memory: Mapping[str, Any], *, ran_on: bool = False) -> None:
        """It can be reached from now on."""
        lives = len(self.indexes) + 1
        self._tell(json.dumps({"memory": memory, "ranOn": ran_on}))
        await self.until(lambda: len(self.indexes) == lives)

    async def looked_at(self) -> None:
        """Read to find it, to hear it, and for the work that was open: by the next time that is decided."""
        await self.until(lambda: self.reads >= 4)

    def go(self) -> None:
        """Programs that wait in the middle go on."""
        self._tell("go")

    async def die(self) -> None:
        """Killed, without a good-bye."""
        self._life.kill()
        await self._life.wait()

    async def live_again(self, *, remembers: bool, ran_on: bool = False) -> None:
        """Another process on the same port. What it counts is kept even by a controller that forgets its program."""
        self._life = self._waiting.pop(0)
        self.reads = 0
        memory = self.memory if remembers else {"ended": self.memory["ended"]}
        await self.wake(memory, ran_on=ran_on)

    async def halfway(self, starts: int) -> None:
        """The program of this start waits in the middle."""
        await self.until(lambda: self.calls.count("Start") == starts and self.memory["beat"] == HALFWAY)

    def _tell(self, line: str) -> None:
        assert self._life.stdin
        self._life.stdin.write(line.encode() + b"\n")


@asynccontextmanager
async def robot(port: int, lives: int, room: Path, node_modules: Path) -> AsyncIterator[Robot]:
    """All lives are loaded at once, which takes Node some seconds; only the first is awake."""
    processes = [await _life(port, before, room, node_modules) for before in SHIFTS[:lives]]
    alive = Robot(processes)
    try:
        async with asyncio.TaskGroup() as tasks:
            hearing = [tasks.create_task(alive.hear(each)) for each in processes]
            await alive.wake({})
            yield alive
            for task in hearing:
                task.cancel()
    finally:
        for each in processes:
            if each.returncode is None:
                each.kill()
            await each.communicate()


async def _life(port: int, before: list[str], room: Path, node_modules: Path) -> Process:
    # node-opcua makes keys below HOME: two processes must not do so in the same place.
    home = room / "-".join(before).replace(":", "-")
    home.mkdir()
    given = {"port": port, "before": before, "pki": str(home / "pki")}
    environment = {"NODE_PATH": str(node_modules), "HOME": str(home)}
    node = shutil.which("node") or "node"
    with (room / "stderr").open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            node, str(ROBOT), json.dumps(given), stdin=PIPE, stdout=PIPE, stderr=errors, env=environment
        )


class Shop:
    """The cell, and the people around it."""

    def __init__(self, folder: Path, port: int) -> None:
        (folder / "cell.toml").write_text(CELL.format(port=port))
        for name, first_step in FIRST_STEPS.items():
            (folder / f"{name}.toml").write_text(PRODUCT.format(name=name, first_step=first_step))
        clock = RealClock()
        self.ids = SeededIds(7)
        self.store = MemoryStore(clock)
        outside = Outside(clock, SeededIds(1), RealLinks(folder), self.store, MemoryFiles())
        self.cell = RunningCell(load(folder / "cell.toml", {}), outside)

    async def until(self, so: Callable[[Cell], object], limit_s: float | None = WITHIN_S) -> None:
        engine = self.cell.engine
        async with asyncio.timeout(limit_s):
            while not so(engine.cell):
                await engine.changed(engine.cell.counts.rev)

    async def say(self, command: Command) -> None:
        reply = await self.cell.desk.submit(Envelope(self.ids.new(), "ada", command, content_hash(command)))
        assert reply.accepted, reply

    async def order(self, product: str) -> None:
        """The robot takes it as soon as it is at rest."""
        await self.until(lambda cell: cell.stations["arm-1"].state is MachineState.IDLE)
        await self.say(SubmitOrder(product, {}))

    async def met(self, contact: str) -> None:
        await self.until(lambda cell: cell.stations["arm-1"].contact == contact)

    async def people(self) -> None:
        """At the benches all is well at once. What is asked about the robot is the test's to answer."""
        while True:
            await self.until(self._asked_at_benches, None)
            for prompt in self._asked_at_benches(self.cell.engine.cell):
                await self.say(AnswerPrompt(prompt.id, prompt.question.choices[0]))

    @staticmethod
    def _asked_at_benches(cell: Cell) -> list[Prompt]:
        return [prompt for prompt in cell.prompts.values() if prompt.station.startswith("bench")]

    async def finished(self, orders: int) -> None:
        """So many parts have been made, and found good."""
        await self.until(lambda cell: [part.disposition for part in cell.parts.values()] == [GOOD] * orders)

    def log(self) -> list[Event]:
        return [record.event for record in self.store.read()]

    def found(self) -> int:
        """How often work was found again."""
        return sum(isinstance(event, OperationFound) for event in self.log())

    def ends(self) -> list[OperationState]:
        """How each operation of the robot and of the person has ended, in order."""
        return [event.state for event in self.log() if isinstance(event, OperationEnded)]


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Shop]:
    shop = Shop(folder, port)
    async with asyncio.TaskGroup() as tasks:
        cell = tasks.create_task(shop.cell.run([], shop.people))
        yield shop
        cell.cancel()


def free_port() -> int:
    with socket.socket() as anybody:
        anybody.bind(("127.0.0.1", 0))
        return int(anybody.getsockname()[1])


Story = Callable[[Robot, Shop], Any]


def play(story: Story, lives: int, room: Path, node_modules: Path) -> None:
    async def main() -> None:
        port = free_port()
        async with robot(port, lives, room, node_modules) as arm, running(room, port) as shop:
            await story(arm, shop)
            assert len(set(arm.indexes)) == lives

    try:
        asyncio.run(main())
    except BaseExceptionGroup as broken:
        broken.add_note((room / "stderr").read_text())
        raise


def test_a_program_is_loaded_started_and_ends_and_one_that_outlives_its_server_is_run_to_its_end(
    tmp_path: Path, node_modules: Path
) -> None:
    async def story(arm: Robot, shop: Shop) -> None:
        await shop.order("clock")
        arm.go()
        await shop.finished(1)
        assert arm.calls == ONE
        assert UNKNOWN not in shop.ends()

        await shop.order("parcel")
        await arm.halfway(2)
        await arm.die()
        await shop.met("lost")
        await arm.live_again(remembers=True)
        await shop.met("found")
        await shop.until(lambda _: shop.found())
        arm.go()
        await shop.finished(2)
        assert arm.calls == ONE + ANOTHER
        assert shop.ends().count(UNKNOWN) == 1

    play(story, 2, tmp_path, node_modules)


def test_what_ended_unheard_is_done_only_where_the_robot_proves_it_else_a_person_is_asked(
    tmp_path: Path, node_modules: Path
) -> None:
    async def story(arm: Robot, shop: Shop) -> None:
        await shop.order("clock")
        await arm.halfway(1)
        await arm.die()
        await shop.met("lost")
        await arm.live_again(remembers=True, ran_on=True)
        await shop.met("found")
        await shop.finished(1)
        assert shop.found() == 1
        assert arm.calls == ONE

        await shop.order("parcel")
        await arm.halfway(2)
        await arm.die()
        await shop.met("lost")
        await arm.live_again(remembers=False)
        await shop.met("found")
        await shop.until(lambda cell: cell.stations["arm-1"].state is MachineState.IDLE)
        await arm.looked_at()
        (prompt,) = shop.cell.engine.cell.prompts.values()
        assert prompt.station == "arm-1"
        assert "bench-2.desk" in prompt.question.choices
        assert "is unknown" in locked(shop.cell.engine.cell, "arm-1")
        await shop.say(AnswerPrompt(prompt.id, "bench-2.desk"))
        await shop.finished(2)
        assert shop.found() == 1
        assert arm.calls == ONE + ANOTHER

    play(story, 3, tmp_path, node_modules)
