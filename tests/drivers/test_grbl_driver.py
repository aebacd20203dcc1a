"""The Grbl driver in its shell and with its keeper, on the simulated firmware in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from cellctl.app.clock import VirtualClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import Supervisor
from cellctl.app.virtual_time import run_virtual
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import OperationState
from cellctl.links.memory import MemoryLinks
from cellctl.ports import Tools
from cellctl_drivers.grbl.driver import FAMILY, GrblOptions
from cellctl_drivers.grbl.play import Script
from cellctl_drivers.grbl.session import GrblSession
from cellctl_sim.faults import Fault
from cellctl_sim.grbl.mishaps import Mishap
from cellctl_sim.world import World
from tests.drivers.grbl_battery import GRBL, NAME, VISE, Case, OneTwin, Shelf, Witness, try_out
from tests.drivers.grbl_dialogue import BANNER, IDLE, plain, ready
from tests.drivers.test_grbl_vet import CHECK

UNLOCKED = GRBL.model_copy(update={"homing_switches": False})


class Room:
    """A router, its keeper, and what was reported."""

    def __init__(self, board: Witness) -> None:
        self.board = board
        self.clock = VirtualClock()
        self.facts: list[ev.Fact] = []
        self.links = MemoryLinks(OneTwin(board), self.clock)
        tools = Tools(self.clock, self.links, Shelf([]), self.facts.append)
        self.keeper = Supervisor(NAME, MachineConfig(FAMILY, GrblOptions(port="cell/router-1", homing=True)), tools)

    @property
    def states(self) -> list[tuple[MachineState, str]]:
        return [(fact.state, fact.reason) for fact in self.facts if isinstance(fact, ev.StationChanged)]

    async def tell(self, command: MachineCommand) -> tuple[MachineState, str]:
        self.keeper.command(command)
        await self.clock.sleep(60.0)
        return self.states[-1]


def visit(board: Witness, scene: Callable[[Room], Awaitable[None]]) -> None:
    async def main() -> None:
        room = Room(board)
        room.links.start()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(room.keeper.run())
            await room.clock.sleep(2.0)
            await scene(room)
            running.cancel()
        room.links.close()

    run_virtual(main())


def test_a_router_found_running_is_left_alone_and_says_how_a_person_gets_it_back() -> None:
    async def scene(room: Room) -> None:
        state, reason = room.states[-1]
        assert state is MachineState.EXECUTE
        assert "says Run: it is at work that this controller did not begin, and is left alone" in reason
        assert "wait for its end or halt it; after that, clear and reset it" in reason
        assert room.board.planner.busy
        assert (await room.tell(MachineCommand.ABORT))[0] is MachineState.ABORTED
        assert (await room.tell(MachineCommand.CLEAR))[0] is MachineState.STOPPED
        assert (await room.tell(MachineCommand.RESET))[0] is MachineState.IDLE

    board = Witness(UNLOCKED, World([VISE]))
    board.receive(b"G1 X-200 F100\n", 0.0)
    visit(board, scene)


def test_homing_that_finds_no_switch_leaves_the_machine_locked_and_says_why() -> None:
    async def scene(room: Room) -> None:
        assert room.states[-1][0] is MachineState.ABORTED
        room.board.suffer(Fault(Mishap.HOMING, at_s=0.0), room.clock.now_s())
        state, reason = await room.tell(MachineCommand.CLEAR)
        assert state is MachineState.ABORTED
        assert "raised alarm 9: homing did not find a limit switch" in reason
        assert not room.board.router.homed

    visit(Witness(GRBL, World([VISE])), scene)


def test_moves_that_begin_out_of_a_stand_because_lines_came_late_are_counted() -> None:
    # 0.3 s each way for every line of a program of short moves: the planner runs empty in between.
    lines = [f"G1 X{number / 10:.1f} F3000" for number in range(1, 200)]
    swift, slow = (try_out(Case(UNLOCKED, {"dry_run": False}, lines, latency_s=latency_s)) for latency_s in (0.0, 0.3))
    assert (swift.end, slow.end) == (OperationState.DONE, OperationState.DONE)
    assert swift.board is not None
    assert slow.board is not None
    assert swift.board.router.starts <= 2
    assert slow.board.router.starts > 4


def test_a_program_is_read_twice_and_never_held() -> None:
    read: list[int] = []

    def lines() -> Iterator[str]:
        read.append(0)
        for number in range(10_000):
            read[-1] += 1
            yield f"G1 X{number % 100} F600"

    replay = ready(plain())
    session = replay.session
    assert isinstance(session, GrblSession)
    session.announce(Script("a long one", lines))
    session.load(lines(), 10_000, replay.now_s)
    for said in (BANNER, IDLE, f"ok\r\n{CHECK}", "ok"):
        session.transmit(replay.now_s)
        session.receive(f"{said}\r\n".encode(), replay.now_s)
    assert session.transmit(replay.now_s).startswith(b"G1 X0 F600\nG1 X1 F600\n")
    # The rehearsal has read what the window takes and one line ahead; the run has read nothing yet.
    assert len(read) == 1
    assert read[0] < 20
