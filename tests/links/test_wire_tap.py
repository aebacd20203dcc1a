"""What a tap writes down is a transcript: recorded from a run, it replays as a test."""

import asyncio
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cellctl.app.clock import RealClock, VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.events import Fact, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation, OperationKind, Place, Program
from cellctl.links.memory import MemoryLinks
from cellctl.links.wire_tap import MOST_WAITING_BYTES, Tape, TappedLinks, spelled
from cellctl.ports import Driver, Links, Tools
from cellctl.ports.nodes import NodeAccess
from cellctl.stores.files import MemoryFiles
from cellctl_drivers.grbl.driver import FAMILY as GRBL
from cellctl_drivers.marlin.driver import FAMILY as MARLIN
from cellctl_drivers.serial_session import Greeted, ProgramDrained, Rested, SessionEvent
from cellctl_sim.cell import simulate
from tests.drivers.transcript import Recorded

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
FAMILIES: dict[str, Any] = {"printer-1": MARLIN, "router-1": GRBL}
# A transcript's `? load` brings a program that can be read once, and a dry run needs it twice.
OPTIONS: dict[str, Any] = {"printer-1": {}, "router-1": {"dry_run": False}}
PROGRAMS = {
    "printer-1": ["G28", "M104 S60", "G1 X10 Y10 F3000", "G1 X20", "G4 P333", "G1 X31.7", "M104 S0"],
    "router-1": ["G21", "G90", "M3 S1000", "G1 X10 F600", "G1 Y10", "G4 P0.333", "G1 X0.7 Y0.3", "M5"],
}


class Room:
    """One machine of the example cell with its driver, behind a tap; `facts` is what it reported."""

    def __init__(self, machine: str, folder: Path) -> None:
        self.machine = machine
        self.file = folder / f"{machine}.transcript"
        self.facts: list[Fact] = []
        self.clock, self.files = VirtualClock(), MemoryFiles()
        self.memory = MemoryLinks(simulate(CELL, {}, seed=1), self.clock)
        self.links = TappedLinks(self.memory, {machine: self.file}, self.clock)
        self._news = asyncio.Event()
        fits: Links = self.links
        assert fits is self.links

    def driver(self) -> Driver:
        family = FAMILIES[self.machine]
        tools = Tools(self.clock, self.links, self.files, self._hear)
        options = family.options(port=f"cell/{self.machine}", **OPTIONS[self.machine])
        driver: Driver = family.driver(self.machine, options, tools)
        return driver

    def operation(self) -> Operation:
        lines = PROGRAMS[self.machine]
        sha256 = self.files.keep("program", "\n".join(lines).encode())
        program = Program(sha256, "program", len(lines))
        place = Place(f"{self.machine}.bed")
        return Operation("op-1", "job-1", "1", "step", OperationKind.PROCESS, self.machine, place, program=program)

    async def until(self, state: MachineState) -> None:
        async with asyncio.timeout(3600):
            while not any(isinstance(fact, StationChanged) and fact.state is state for fact in self.facts):
                self._news.clear()
                await self._news.wait()
        self.facts.clear()

    def _hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._news.set()


async def one_program(room: Room, hold_after_s: float | None) -> None:
    """Contact, a program from beginning to end, and perhaps a hold in the middle of it."""
    room.memory.start()
    driver = room.driver()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(driver.serve())
        await room.until(MachineState.IDLE)
        await asyncio.sleep(0.0123)
        room.links.remark(room.machine, f"? load {' | '.join(PROGRAMS[room.machine])}")
        driver.start(room.operation())
        if hold_after_s is not None:
            await asyncio.sleep(hold_after_s)
            room.links.remark(room.machine, "? hold")
            driver.command(MachineCommand.HOLD)
            await room.until(MachineState.HELD)
            await asyncio.sleep(1.2345)
            room.links.remark(room.machine, "? resume")
            driver.command(MachineCommand.UNHOLD)
        await room.until(MachineState.COMPLETE)
        # How it takes its leave belongs to the driver, not to the session.
        room.links.flush()
        serving.cancel()
    room.memory.close()


@pytest.mark.parametrize(("machine", "hold_after_s"), [("printer-1", None), ("router-1", None), ("router-1", 0.5)])
def test_a_recorded_run_replays_byte_for_byte(machine: str, hold_after_s: float | None, tmp_path: Path) -> None:
    made: list[Room] = []

    async def record() -> None:
        made.append(Room(machine, tmp_path))
        await one_program(made[0], hold_after_s)

    run_virtual(record())
    transcript = made[0].file.read_text()
    assert re.match(rf"# 20..-\S+Z {machine} at cell/{machine}: opened\n\? greet\n", transcript)

    async def replay() -> Recorded:
        fresh: Any = made[0].driver()
        return Recorded(fresh._session).run(transcript)

    told = run_virtual(replay()).told
    assert isinstance(told[0], Greeted)
    assert [event for event in told if isinstance(event, Rested)]
    assert isinstance(told[-1], Rested | ProgramDrained)
    assert [event for event in told if isinstance(event, ProgramDrained)]


# ---- how it is spelled -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        (b"ok\n", "< ok"),
        (b"ok\r\n", r"< ok\r"),
        (b"\n", "<"),
        (b" T:20 \n", r"<  T:20\x20"),
        (b"?", "<< ?"),
        (b"\x18\x84\xff", r"<< \x18\x84\xff"),
        (b"ok\nok\n", r"<< ok\nok\n"),
        (b"a\\b\tc\n", r"< a\\b\tc"),
    ],
)
def test_every_byte_can_be_read_back(chunk: bytes, text: str) -> None:
    assert spelled("<", chunk) == text

    class Heard:
        deadline_s = None

        def receive(self, heard: bytes, now_s: float) -> list[SessionEvent]:
            assert heard == chunk
            return []

        def transmit(self, now_s: float) -> bytes:
            return b""

    Recorded(Heard()).run(text)  # type: ignore[arg-type]


# ---- files -------------------------------------------------------------------------------------------------------


def filled(path: Path, lines: int, most_file_bytes: int = 10_000) -> Tape:
    tape = Tape(path, most_file_bytes)
    for number in range(lines):
        tape.add(float(number), "<", b"ok %d\n" % number)
        tape.store(tape.take())
    return tape


def test_files_are_bounded_and_nobody_elses_business(tmp_path: Path) -> None:
    filled(tmp_path / "tap", 2000)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"tap", "tap.1"}
    assert all(0 < size <= 10_000 for size in sizes.values())
    assert (tmp_path / "tap").read_text().endswith("+ 1.000001s\n< ok 1999\n")
    assert stat.S_IMODE((tmp_path / "tap").stat().st_mode) == 0o600


def test_what_nobody_writes_down_takes_no_memory_and_is_missed_by_count(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tap")
    for number in range(100_000):
        tape.add(float(number), "<", b"ok\n")
    waiting = tape.take()
    assert len(waiting) < MOST_WAITING_BYTES / 100
    assert re.fullmatch(rb"# \d+ pieces are missing here: .*", waiting[-1].chunk)
    assert tape.take() == []


class Line:
    """A line that says what it is told to say."""

    unsent = 7

    def __init__(self) -> None:
        self.calls: list[Any] = []

    async def open(self, listener: Any) -> None:
        self.say: Callable[[bytes], None] = listener.received
        self.lose: Callable[[str], None] = listener.lost

    def write(self, chunk: bytes) -> None:
        self.calls.append(chunk)

    def close(self) -> None:
        self.calls.append("close")


class OneLine:
    """Links with one line."""

    def __init__(self) -> None:
        self.line = Line()

    def bytes_to(self, machine: str, address: str, options: Any) -> Any:
        return self.line

    def nodes_of(self, machine: str, access: Any) -> Any:
        return "a session"

    async def appeared(self, machine: str) -> None:
        self.line.calls.append(f"{machine} appeared")


class Parrot:
    """Answers at once."""

    def __init__(self, link: Any) -> None:
        self._link = link
        self.reasons: list[str] = []

    def received(self, chunk: bytes) -> None:
        self._link.write(chunk.upper())

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)


def test_the_daemon_writes_beside_its_work_and_once_more_at_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        file, links = tmp_path / "tap", OneLine()
        tapped = TappedLinks(links, {"m-1": file}, RealClock(100.0))
        link = tapped.bytes_to("m-1", "port", {})
        parrot = Parrot(link)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(tapped.run())
            await link.open(parrot)
            links.line.say(b"hello\n")
            async with asyncio.timeout(10):
                while not file.exists():
                    await asyncio.sleep(0)
            links.line.lose("pulled\nout")
            link.close()
            writing.cancel()
        lines = [line for line in file.read_text().splitlines() if not line.startswith("+")]
        assert lines[1:] == ["? greet", "< hello", "> HELLO", "# lost: pulled out"]
        assert (links.line.calls, parrot.reasons, link.unsent) == ([b"HELLO\n", "close"], ["pulled\nout"], 7)

    asyncio.run(main())


def test_what_is_said_in_answer_is_of_the_same_instant(tmp_path: Path) -> None:
    async def main() -> None:
        links = OneLine()
        tapped = TappedLinks(links, {"m-1": tmp_path / "tap"}, RealClock())
        link = tapped.bytes_to("m-1", "port", {})
        await link.open(Parrot(link))
        links.line.say(b"hello\n")
        tapped.flush()
        assert "< hello\n> HELLO\n" in (tmp_path / "tap").read_text()

    asyncio.run(main())


def test_machines_without_a_tap_and_robots_are_passed_through() -> None:
    async def main() -> None:
        links = OneLine()
        tapped = TappedLinks(links, {"m-1": Path("nowhere")}, RealClock())
        assert tapped.bytes_to("m-2", "port", {}) is links.line
        assert tapped.nodes_of("m-1", NodeAccess("opc.tcp://here")) == "a session"
        tapped.remark("m-2", "? hold")
        await tapped.appeared("m-2")
        assert links.line.calls == ["m-2 appeared"]

    asyncio.run(main())


def test_a_transcript_that_cannot_be_written_is_not_worth_a_machine(tmp_path: Path) -> None:
    async def main() -> None:
        tapped = TappedLinks(OneLine(), {"m-1": tmp_path / "no" / "such" / "folder"}, RealClock())
        tapped.remark("m-1", "# hello")
        tapped.flush()

    with capture_logs() as logs:
        asyncio.run(main())
    assert [entry["event"] for entry in logs] == ["tap.not_written"]
