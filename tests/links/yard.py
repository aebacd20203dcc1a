"""Simulated machines on real pseudo-terminals, in a thread of their own, whose cables can be pulled in mid-job.

A daemon's cell runs against them in the caller's event loop. `ordeal` is one machine's story: it works, its cable is
pulled, perhaps another machine is plugged into its socket, and it comes back under another name.
"""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import RealClock, RealIds
from cellctl.app.config import load
from cellctl.core.view import MachineView
from cellctl.domain.commands import Envelope, SubmitOrder, content_hash
from cellctl.domain.work import OperationState
from cellctl.links.real import RealLinks
from cellctl.links.wire_tap import TappedLinks
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore
from cellctl_sim.cell import simulate
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.serial_ports import SerialPort
from tests.links.sysfs import Computer

LINES = 500
# Ten milliseconds each, and none like another.
PROGRAM = ["G21", "G90", *(f"G1 X{1 + number / 10:.1f} F600" for number in range(LINES))]
WORKS_S = 3.0
PATIENCE_S = 20.0
FAMILIES = ("grbl", "marlin")
_KEYS = {
    "grbl": ('identity = "{name}"', "dry_run = false"),
    # A pseudo-terminal is there at once; a board would want its usual three seconds.
    "marlin": ('uuid = "00000000-0000-4000-8000-{number:012}"', "boot_s = 0.5"),
}
_TWIN = {
    "grbl": ('model = "grbl"', "homing_switches = false"),
    "marlin": ('model = "marlin"', 'uuid = "00000000-0000-4000-8000-{number:012}"'),
}
_REALTIME = re.compile(rb"[?!~\x18\x80-\xff]")
_FRAME = re.compile(r"^N\d+ |\*\d+$")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one machine. Times in seconds of the world; `mistakes` are sentences."""

    machine: str
    held: bool
    held_s: float
    back_s: float
    refused: str
    mistakes: tuple[str, ...]


class Heard:
    """A twin that keeps what it was sent."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.bytes = b""

    def receive(self, chunk: bytes, now_s: float) -> None:
        self.bytes += chunk
        self.device.receive(chunk, now_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    def lines(self) -> list[str]:
        """Whole lines without numbers, checksums and realtime bytes."""
        text = _REALTIME.sub(b"", self.bytes).decode("ascii", "replace")
        return [_FRAME.sub("", _FRAME.sub("", line)) for line in text.split("\n")[:-1]]


class Yard:
    """The machines, their adapters and the computer that they are plugged into."""

    def __init__(self, cell_file: Path, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.computer = Computer(folder)
        self.twins = {name: Heard(twin) for name, twin in simulate(cell_file, {}, seed=1).byte_devices.items()}
        self._folder = folder
        self._loop = loop
        self._time: MachineTime | None = None
        self._ports: dict[str, SerialPort] = {}
        self._ttys: dict[str, str] = {}
        self._plugged = 0

    async def live(self) -> None:
        """Machines that are not plugged in live on, and what they say is heard by nobody."""
        self._time = MachineTime(1.0)
        while True:
            now_s = self._time.now_s()
            for name in self.twins.keys() - self._ports.keys():
                self.twins[name].advance(now_s)
                self.twins[name].transmit(now_s)
            await asyncio.sleep(0.01)

    async def plug(self, machine: str, socket: str, serial: str = "") -> str:
        """Into a socket of the computer; the kernel gives it the next name. Returns that name."""
        return await self._there(self._plug(machine, socket, serial))

    async def unplug(self, machine: str) -> None:
        """Its node is gone, and whoever has it open is hung up on."""
        await self._there(self._unplug(machine))

    async def _there(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _plug(self, machine: str, socket: str, serial: str) -> str:
        assert self._time is not None
        self._plugged += 1
        tty, pty = f"ttyUSB{self._plugged}", self._folder / f"pty-{self._plugged}"
        self._ports[machine] = SerialPort(self.twins[machine], pty, self._time)
        self._ports[machine].open()
        self._ttys[machine] = tty
        self.computer.plug(tty, socket, pty.readlink(), idVendor="1a86", idProduct="7523", serial=serial or machine)
        return tty

    async def _unplug(self, machine: str) -> None:
        self.computer.unplug(self._ttys.pop(machine))
        self._ports.pop(machine).close()

    async def close(self) -> None:
        for machine in list(self._ports):
            await self._unplug(machine)


@contextmanager
def yard_of(cell_file: Path, folder: Path) -> Iterator[Yard]:
    """The machines of a cell file, alive in a thread."""
    loop = asyncio.new_event_loop()
    yard = Yard(cell_file, folder, loop)
    living: list[asyncio.Task[None]] = []
    loop.call_soon(lambda: living.append(loop.create_task(yard.live())))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield yard
    finally:
        asyncio.run_coroutine_threadsafe(yard.close(), loop).result()
        living[0].add_done_callback(lambda _: loop.stop())
        loop.call_soon_threadsafe(living[0].cancel)
        thread.join()
        loop.close()


def cell_file(folder: Path, machines: Mapping[str, str]) -> Path:
    """A cell of these machines by family, a stranger of each family, and one thing to make on each family."""
    lines = ["[cell]", 'name = "yard"', 'products = ["grbl.toml", "marlin.toml"]']
    everything = {**machines, **{f"stranger-{family}": family for family in FAMILIES}}
    for number, (name, family) in enumerate(everything.items()):
        keys = [
            f'driver = "{family}"',
            f'port = "{address(name, number)}"',
            f'capabilities = ["{family}"]',
            'slots = ["bed"]',
        ]
        keys += ["preflight = false", *(key.format(name=name, number=number) for key in _KEYS[family])]
        sim = [key.format(name=name, number=number) for key in _TWIN[family]]
        lines += [f"[machines.{name}]", *keys, f"[machines.{name}.sim]", *sim]
    for family in FAMILIES:
        product = f'[product]\nname = "{family}"\nrevision = "A"\n[[route]]\nstep = "work"\ncapability = "{family}"\n'
        (folder / f"{family}.toml").write_text(f'{product}program = {{ file = "program.gcode" }}\n')
    (folder / "program.gcode").write_text("".join(f"{line}\n" for line in PROGRAM))
    path = folder / "cell.toml"
    path.write_text("\n".join(lines))
    return path


def address(name: str, number: int) -> str:
    """Every other machine is known by its adapter's serial number, the others by the socket they are in."""
    return f"usb:serial={name}" if number % 2 else f"usb:path={socket_of(number)}"


def socket_of(number: int) -> str:
    return f"1-1.{number + 1}"


@asynccontextmanager
async def daemon(path: Path, yard: Yard, taps: Mapping[str, Path] | None = None) -> AsyncIterator[RunningCell]:
    """A daemon's cell against the yard, as long as the block lasts."""
    clock, config = RealClock(), load(path)
    links = TappedLinks(RealLinks(yard.computer.dev, sysfs=yard.computer.sys), taps or {}, clock)
    cell = RunningCell(config, Outside(clock, RealIds(), links, MemoryStore(clock), MemoryFiles(), links.calling))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(cell.run([]))
        yield cell
        links.flush()
        running.cancel()


async def ordeal(cell: RunningCell, yard: Yard, machine: str, number: int, *, stranger: bool, rng: Random) -> Outcome:
    """Work, lose the cable in the middle of it, and come back. The machine is idle and has its operation."""
    twin, mistakes, refused = yard.twins[machine], [], ""
    loop = asyncio.get_running_loop()
    await until(cell, machine, lambda view: view.state == "EXECUTE")
    await asyncio.sleep(rng.uniform(0.0, WORKS_S))
    (operation,) = [each for each in cell.engine.cell.operations.values() if each.station == machine]
    pulled_s = loop.time()
    await yard.unplug(machine)
    await until(cell, machine, lambda view: view.contact == "lost" and bool(view.locked))
    held_s = loop.time() - pulled_s
    open_now = cell.engine.cell.operations.get(operation.id)
    asked = any(prompt.operation_id == operation.id for prompt in cell.engine.cell.prompts.values())
    held = asked and open_now is not None and open_now.state is OperationState.UNKNOWN
    before = twin.lines()
    if stranger:
        refused = await _plug_a_stranger(cell, yard, machine, number)
    await asyncio.sleep(rng.uniform(0.0, 1.5))
    at = len(twin.bytes)
    plugged_s = loop.time()
    await yard.plug(machine, socket_of(number + 50 * (number % 2)), machine)
    await until(cell, machine, lambda view: view.contact == "found")
    back_s = loop.time() - plugged_s
    await asyncio.sleep(0.5)
    sent = [line for line in before if line.startswith("G1 ")]
    if sent != PROGRAM[2 : 2 + len(sent)]:
        mistakes.append(f"{machine} was not sent its program line by line, each once")
    if again := [line for line in _lines_of(twin.bytes[at:]) if line.startswith("G")]:
        mistakes.append(f"{machine} was sent {again} after it had come back")
    return Outcome(machine, held, held_s, back_s, refused, tuple(mistakes))


def _lines_of(chunk: bytes) -> list[str]:
    heard = Heard(None)
    heard.bytes = chunk + b"\n"
    return heard.lines()


async def _plug_a_stranger(cell: RunningCell, yard: Yard, machine: str, number: int) -> str:
    """A machine of the same family, but not this one, in its place; returns why it is refused."""
    family = cell.config.plan.stations[machine].driver
    stranger = f"stranger-{family}"
    await yard.plug(stranger, socket_of(number), machine)
    await until(cell, machine, lambda view: "cell file" in view.reason)
    reason = _view(cell, machine).reason
    await yard.unplug(stranger)
    return reason


def _view(cell: RunningCell, machine: str) -> MachineView:
    return next(each for each in cell.desk.view().machines if each.name == machine)


async def until(cell: RunningCell, machine: str, wanted: Any) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(_view(cell, machine)):
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"in vain for {PATIENCE_S:g} s: {_view(cell, machine)}") from None


async def submit(cell: RunningCell, family: str, quantity: int = 1) -> None:
    """Order so many; each goes to a machine of its own."""
    command = SubmitOrder(family, {}, quantity=quantity)
    await cell.desk.submit(Envelope(f"order-{family}", "ada", command, content_hash(command)))


async def round_of(folder: Path, seed: int, machines: int, strangers: int) -> list[Outcome]:
    """So many machines at once, each with its own moment; the first few meet a stranger."""
    rng = Random(seed)
    # Even ones are known by their socket; families alternate every two, so that each meets each kind of address.
    names = {f"m-{number}": FAMILIES[number // 2 % 2] for number in range(machines)}
    path = cell_file(folder, names)
    with yard_of(path, folder) as yard:
        for name, family in names.items():
            if family == "grbl":
                yard.twins[name].memory.build_info = name
        for number, name in enumerate(names):
            await yard.plug(name, socket_of(number))
        async with daemon(path, yard) as cell:
            for name in names:
                await until(cell, name, lambda view: view.state == "IDLE")
            for family in FAMILIES:
                await submit(cell, family, sum(each == family for each in names.values()))
            async with asyncio.TaskGroup() as tasks:
                stories = [
                    tasks.create_task(
                        ordeal(
                            cell, yard, name, number, stranger=number in STRANGERS[:strangers], rng=Random(rng.random())
                        )
                    )
                    for number, name in enumerate(names)
                ]
        return [story.result() for story in stories]


# Known by their sockets: one of each family. A stranger is one machine, so it can be in one place at a time.
STRANGERS = (0, 2)
