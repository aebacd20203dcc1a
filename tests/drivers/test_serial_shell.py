"""The shell of serial machines, around a session of a few words: PackML states, facts, time, and ways out."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from cellctl.app.clock import VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError, LinkLost, MachineFault, NotAllowed, StoreFailed
from cellctl.domain.events import (
    ContactFound,
    Fact,
    LinkMeasured,
    OperationAdvanced,
    OperationEnded,
    OperationStarted,
    StationChanged,
)
from cellctl.domain.link import LinkQuality
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.material import Used
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Program, Progress
from cellctl.ports import ByteLink, Driver, Listener, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink
from cellctl_drivers.marlin.driver import FAMILY, MarlinOptions
from cellctl_drivers.serial_session import (
    Acknowledged,
    FaultRaised,
    FellSilent,
    Greeted,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    Resumed,
    SessionEvent,
    Stopped,
)
from cellctl_drivers.serial_shell import SerialDriver

C = MachineCommand
S = MachineState
PROGRAM = ["; a plate", "G28 ; home", "", "(nothing)", "G1 X1", "G1 X2"]

SAYINGS: Mapping[bytes, SessionEvent] = {
    b"hello": Greeted("toy 1"),
    b"rest": Rested(),
    b"drained": ProgramDrained(),
    b"held": Held("somebody pressed a button"),
    b"resumed": Resumed(),
    b"stopped": Stopped(),
    b"fault": FaultRaised("is on fire", "Fetch water"),
    b"reset": ResetSeen("it restarted"),
}


class Toy:
    """A Session that says what it is asked, and hears one event in each word. `ok` takes a line."""

    def __init__(self) -> None:
        self.at_rest = False
        self.sent = self.acknowledged = self.executed = 0
        self.deadline_s: float | None = None
        self._lines: Iterator[str] = iter(())
        self._urgent = b""

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        self.deadline_s = now_s + 10
        words = chunk.split()
        self.at_rest = words[-1] in (b"rest", b"stopped")
        self.acknowledged += words.count(b"ok")
        events: list[SessionEvent] = [SAYINGS[word] for word in words if word in SAYINGS]
        return [*([Acknowledged(self.acknowledged)] if b"ok" in words else []), *events]

    def transmit(self, now_s: float) -> bytes:
        urgent, self._urgent = self._urgent, b""
        line = next(self._lines, None) if self.sent == self.acknowledged else None
        if line is None:
            return urgent
        self.sent += 1
        return urgent + line.encode() + b"\n"

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        if self.deadline_s is None or now_s < self.deadline_s:
            return []
        self.deadline_s = None
        return [FellSilent(10.0)]

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        self.at_rest = False
        self.sent = self.acknowledged = 0
        self._lines = lines

    def greet(self, now_s: float) -> None:
        self._ask(b"who?", now_s)

    def hold(self, now_s: float) -> None:
        self._ask(b"hold!", now_s)

    def resume(self, now_s: float) -> None:
        self._ask(b"resume!", now_s)

    def stop(self, now_s: float) -> None:
        self._lines = iter(())
        self._ask(b"stop!", now_s)

    def halt(self, now_s: float) -> None:
        self._lines = iter(())
        self._ask(b"halt!", now_s)

    def clear(self, now_s: float) -> None:
        self._ask(b"clear!", now_s)

    def _ask(self, word: bytes, now_s: float) -> None:
        self._urgent += word
        self.deadline_s = now_s + 10


class Cable:
    """A ByteLink with our hands at its other end."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.unsent = 0
        self.listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        self.listener = listener

    def write(self, chunk: bytes) -> None:
        self.written += chunk

    def close(self) -> None:
        self.closed = True


class Shelf:
    """Files: one program, on which everything after a line BREAK is lost."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def keep(self, name: str, content: bytes) -> str:
        raise StoreFailed("nothing is kept here")

    def lines(self, sha256: str) -> Iterator[str]:
        for line in self._lines:
            if line == "BREAK":
                raise StoreFailed(f"{sha256} was altered on disk")
            yield line


class Cables:
    """Links that remember what was asked for."""

    def __init__(self, cable: Cable) -> None:
        self.cable = cable
        self.asked: list[Any] = []

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        self.asked = [machine, address, options]
        return self.cable

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        raise LinkLost(machine, "there are only cables here", do_next="Ask for a cable")


class Bench:
    """A driver on a cable, and what it reports."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.cable = Cable()
        self.facts: list[Fact] = []
        self.clock = VirtualClock()
        self.error: CellError | None = None
        self.tools = Tools(self.clock, Cables(self.cable), Shelf(lines), self.facts.append)
        self.driver: Driver = SerialDriver("toy-1", self.cable, Toy(), self.tools)

    async def serve(self) -> None:
        try:
            await self.driver.serve()
        except CellError as error:
            self.error = error

    async def says(self, text: str) -> None:
        """The machine says something, and everybody reacts."""
        assert self.cable.listener is not None
        self.cable.listener.received(text.encode())
        await asyncio.sleep(0.01)

    def wrote(self) -> str:
        """What was written since the last look."""
        text, self.cable.written = self.cable.written.decode(), b""
        return text

    def told(self) -> list[Fact]:
        """What was reported since the last look."""
        told, self.facts[:] = list(self.facts), []
        return told

    def states(self) -> list[MachineState]:
        """The states among what was reported since the last look."""
        return [fact.state for fact in self.told() if isinstance(fact, StationChanged)]


Scene = Callable[[Bench], Awaitable[None]]


def play(*scenes: Scene, lines: Sequence[str] = PROGRAM) -> Bench:
    async def main() -> Bench:
        bench = Bench(lines)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(bench.serve())
            await asyncio.sleep(0)
            for scene in scenes:
                await scene(bench)
            serving.cancel()
        assert bench.cable.closed
        return bench

    return run_virtual(main())


def operation(program: Program | None = None) -> Operation:
    return Operation(
        "op-1", "job-1", "n-1", "print", OperationKind.PROCESS, "toy-1", Place("toy-1.bed"), program=program
    )


async def contact(bench: Bench) -> None:
    await bench.says("hello rest")
    bench.told()
    bench.wrote()


async def begin(bench: Bench) -> None:
    bench.driver.start(operation(Program("aa", "plate", 3)))
    bench.told()
    bench.wrote()


def ended(state: OperationState, reason: str = "") -> OperationEnded:
    return OperationEnded("op-1", state, reason)


def changed(state: MachineState, reason: str = "") -> StationChanged:
    return StationChanged("toy-1", state, reason)


# ---- contact ---------------------------------------------------------------------------------------------------


def test_a_machine_that_answers_is_found_stopped_and_made_ready() -> None:
    async def scene(bench: Bench) -> None:
        assert bench.wrote() == "who?"
        await bench.says("hello")
        assert bench.told() == [ContactFound("toy-1", "toy 1"), changed(S.STOPPED), changed(S.RESETTING)]
        await bench.says("rest")
        assert bench.told() == [changed(S.IDLE)]

    play(scene)


def test_nothing_can_be_asked_of_a_machine_that_was_not_heard() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(NotAllowed, match="toy-1 is not heard yet; it cannot abort"):
            bench.driver.command(C.ABORT)
        with pytest.raises(NotAllowed, match="cannot start"):
            bench.driver.start(operation(Program("aa", "plate", 3)))

    assert play(scene).facts == []


def test_a_machine_that_does_not_answer_is_lost() -> None:
    async def scene(bench: Bench) -> None:
        await asyncio.sleep(11)

    bench = play(scene)
    assert isinstance(bench.error, LinkLost)
    assert str(bench.error) == "toy-1: nothing was heard for 10 s. Check its cable; switch it off and on"
    assert bench.facts == []


def test_a_fault_before_contact_is_the_operators() -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("fault")

    bench = play(scene)
    assert isinstance(bench.error, MachineFault)
    assert str(bench.error) == "toy-1: is on fire. Fetch water"


# ---- a program -------------------------------------------------------------------------------------------------


def test_a_program_runs_from_idle_to_complete_and_the_next_reset_makes_idle() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation(Program("aa", "plate", 3)))
        assert bench.told() == [changed(S.STARTING), OperationStarted("op-1"), changed(S.EXECUTE)]
        assert bench.wrote() == "G28\n"
        await bench.says("ok")
        assert bench.told() == [OperationAdvanced("op-1", Progress(2, 1, 0, 3, used=Used()))]
        await bench.says("ok")
        assert bench.wrote() == "G1 X1\nG1 X2\n"
        await bench.says("ok drained")
        assert bench.told() == [changed(S.COMPLETING)]
        await asyncio.sleep(5)
        await bench.says("rest")
        assert bench.told() == [
            OperationAdvanced("op-1", Progress(3, 3, 0, 3, used=Used())),
            ended(OperationState.DONE),
            changed(S.COMPLETE),
        ]
        bench.driver.command(C.RESET)
        assert bench.states() == [S.RESETTING, S.IDLE]

    play(contact, scene)


def test_the_answer_to_bytes_is_written_before_the_loop_turns() -> None:
    async def scene(bench: Bench) -> None:
        assert bench.cable.listener is not None
        bench.cable.listener.received(b"ok")
        assert bench.wrote() == "G1 X1\n"

    play(contact, begin, scene)


def test_progress_is_reported_at_most_once_a_second() -> None:
    async def scene(bench: Bench) -> None:
        for _ in range(50):
            await bench.says("ok")
            await asyncio.sleep(0.1)
        marks = [fact for fact in bench.told() if isinstance(fact, OperationAdvanced)]
        assert 5 <= len(marks) <= 6

    play(contact, begin, scene, lines=["G4"] * 100)


def test_a_program_is_started_in_idle_only() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(NotAllowed, match="a machine in EXECUTE cannot start"):
            bench.driver.start(operation(Program("aa", "plate", 3)))

    play(contact, begin, scene)


def test_a_question_is_no_work_for_a_machine() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(NotAllowed, match="toy-1 runs programs, and op-1 has none"):
            bench.driver.start(operation())
        with pytest.raises(NotAllowed, match="toy-1 has asked nothing"):
            bench.driver.answer("op-1", "accept", "anna")

    play(contact, scene)


def test_a_program_that_cannot_be_read_any_further_is_stopped_and_failed() -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("ok")
        assert bench.wrote() == "stop!"
        assert bench.states() == [S.STOPPING]
        await bench.says("stopped")
        assert bench.told() == [
            OperationAdvanced("op-1", Progress(1, 1, 0, 3, used=Used())),
            ended(OperationState.FAILED, "aa was altered on disk, between line 0 and 1"),
            changed(S.STOPPED),
        ]

    play(contact, begin, scene, lines=["G28", "BREAK"])


# ---- commands --------------------------------------------------------------------------------------------------


def test_hold_and_unhold_walk_through_their_states() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.command(C.HOLD)
        assert bench.wrote() == "hold!"
        await bench.says("held")
        assert bench.states() == [S.HOLDING, S.HELD]
        bench.driver.command(C.UNHOLD)
        assert bench.wrote() == "resume!"
        await bench.says("resumed")
        assert bench.states() == [S.UNHOLDING, S.EXECUTE]

    play(contact, begin, scene)


def test_a_machine_that_pauses_and_goes_on_by_itself_is_followed() -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("held")
        why = "somebody pressed a button"
        assert bench.told() == [changed(S.HOLDING, why), changed(S.HELD, why)]
        await bench.says("resumed")
        assert bench.states() == [S.UNHOLDING, S.EXECUTE]

    play(contact, begin, scene)


def test_a_program_that_ends_while_it_should_hold_has_ended() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.command(C.HOLD)
        await bench.says("drained rest")
        assert bench.states() == [S.HOLDING, S.HELD, S.UNHOLDING, S.EXECUTE, S.COMPLETING, S.COMPLETE]

    play(contact, begin, scene)


def test_a_hold_while_resuming_is_not_undone_by_the_late_answer() -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("held")
        bench.driver.command(C.UNHOLD)
        bench.driver.command(C.HOLD)
        bench.told()
        await bench.says("resumed")
        assert bench.states() == []
        await bench.says("held")
        assert bench.states() == [S.HELD]

    play(contact, begin, scene)


def test_abort_halts_and_nothing_restarts_without_clear_and_reset() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.command(C.ABORT)
        assert bench.wrote() == "halt!"
        await bench.says("stopped")
        assert [fact for fact in bench.told() if not isinstance(fact, OperationAdvanced)] == [
            changed(S.ABORTING),
            ended(OperationState.FAILED, "halted, between line 0 and 1"),
            changed(S.ABORTED),
        ]
        with pytest.raises(NotAllowed, match="a machine in ABORTED cannot reset"):
            bench.driver.command(C.RESET)
        bench.driver.command(C.CLEAR)
        assert bench.wrote() == "clear!"
        await bench.says("hello rest")
        assert bench.states() == [S.CLEARING, S.STOPPED]
        bench.driver.command(C.RESET)
        assert bench.states() == [S.RESETTING, S.IDLE]

    play(contact, begin, scene)


def test_stop_ends_the_program_in_order() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.command(C.STOP)
        assert bench.wrote() == "stop!"
        await bench.says("stopped")
        assert [fact for fact in bench.told() if not isinstance(fact, OperationAdvanced)] == [
            changed(S.STOPPING),
            ended(OperationState.FAILED, "stopped, between line 0 and 1"),
            changed(S.STOPPED),
        ]

    play(contact, begin, scene)


@pytest.mark.parametrize("command", [C.START, C.COMPLETE, C.SUSPEND, C.STATE_COMPLETE])
def test_what_is_not_for_people_to_command_is_refused(command: MachineCommand) -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(NotAllowed):
            bench.driver.command(command)
        assert bench.told() == []

    play(contact, begin, scene)


# ---- bad ends --------------------------------------------------------------------------------------------------


def test_a_fault_fails_the_operation_and_aborts_the_machine() -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("fault")
        assert [fact for fact in bench.told() if not isinstance(fact, OperationAdvanced)] == [
            ended(OperationState.FAILED, "is on fire, between line 0 and 1"),
            changed(S.ABORTING, "is on fire. Fetch water"),
            changed(S.ABORTED, "is on fire. Fetch water"),
        ]

    assert play(contact, begin, scene).error is None


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda cable: cable.listener.lost("the cable was pulled"), "the cable was pulled"),
        (lambda cable: cable.listener.received(b"reset"), "it restarted"),
    ],
)
def test_a_loss_in_mid_program_leaves_the_outcome_unknown(happens: Callable[[Cable], None], reason: str) -> None:
    async def scene(bench: Bench) -> None:
        await bench.says("ok")
        bench.told()
        happens(bench.cable)
        await asyncio.sleep(0.01)
        assert bench.told() == [
            OperationAdvanced("op-1", Progress(2, 1, 0, 3, used=Used())),
            ended(OperationState.UNKNOWN, f"{reason}, between line 0 and 2"),
        ]

    bench = play(contact, begin, scene)
    assert isinstance(bench.error, LinkLost)
    assert bench.error.what == reason


def test_a_loss_at_rest_ends_the_connection_only() -> None:
    async def scene(bench: Bench) -> None:
        await asyncio.sleep(10)
        await asyncio.sleep(0)
        assert bench.told() == []

    assert isinstance(play(contact, scene).error, LinkLost)


def test_work_whose_first_byte_never_went_out_was_not_begun() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation(Program("aa", "plate", 3)))
        bench.cable.listener.lost("gone")  # type: ignore[union-attr]
        assert ended(OperationState.NOT_BEGUN, "gone") in bench.told()

    play(contact, scene, lines=["; only a remark"])


def test_a_fault_before_the_first_byte_leaves_the_work_not_begun() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation(Program("aa", "plate", 3)))
        await bench.says("fault")
        assert ended(OperationState.NOT_BEGUN, "is on fire") in bench.told()

    play(contact, scene, lines=["; only a remark"])


def test_a_stop_before_the_first_byte_leaves_the_work_not_begun() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation(Program("aa", "plate", 3)))
        bench.driver.command(C.STOP)
        await bench.says("stopped")
        assert ended(OperationState.NOT_BEGUN, "stopped") in bench.told()

    play(contact, scene, lines=["; only a remark"])


# ---- the way out -----------------------------------------------------------------------------------------------


def test_a_cancelled_driver_holds_the_machine_and_leaves_when_it_stands() -> None:
    async def main() -> Bench:
        bench = Bench(["G4"] * 100)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(bench.serve())
            await asyncio.sleep(0)
            await contact(bench)
            await begin(bench)
            serving.cancel()
            await asyncio.sleep(0.2)
            assert bench.wrote() == "hold!"
            await bench.says("held")
            assert bench.cable.closed
        return bench

    assert run_virtual(main()).states() == [S.HOLDING, S.HELD]


def test_a_cancelled_driver_waits_no_longer_than_a_second() -> None:
    async def main() -> float:
        bench = Bench(["G4"] * 100)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(bench.serve())
            await asyncio.sleep(0)
            await contact(bench)
            await begin(bench)
            serving.cancel()
        assert bench.cable.closed
        return bench.clock.now_s()

    assert run_virtual(main()) == pytest.approx(1.01)


# ---- the Marlin family -----------------------------------------------------------------------------------------


def test_the_marlin_family_brings_its_own_keys_and_a_driver() -> None:
    bench = Bench(PROGRAM)
    options = FAMILY.options(port="cell/printer-1", baud=250000, release_bed_celsius=40)
    assert isinstance(options, MarlinOptions)
    driver: Driver = FAMILY.driver("printer-1", options, bench.tools)
    assert isinstance(driver, SerialDriver)
    assert bench.tools.links.asked == ["printer-1", "cell/printer-1", {"baud": 250000}]  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [{}, {"port": ""}, {"port": "x", "ack_timeout_s": 0}, {"port": "x", "bauds": 1}])
def test_mistakes_in_a_printers_keys_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        FAMILY.options(**wrong)


class Counting(Toy):
    """A Toy that counts the words it hears, and wants to look at its clock every second."""

    def __init__(self) -> None:
        super().__init__()
        self.words = 0

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        self.words += 1
        return super().receive(chunk, now_s)

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        self.deadline_s = now_s + 1
        return []

    @property
    def quality(self) -> LinkQuality:
        return LinkQuality(lines=1000, resends=self.words)


def test_how_good_a_line_is_is_told_now_and_then_and_only_when_it_is_another() -> None:
    async def main() -> list[LinkMeasured]:
        bench = Bench([])
        bench.driver = SerialDriver("toy-1", bench.cable, Counting(), bench.tools)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(bench.serve())
            await asyncio.sleep(0)
            for _ in range(200):
                await bench.says("hello rest")
            await asyncio.sleep(30)
            await bench.says("rest")
            await asyncio.sleep(30)
            serving.cancel()
        return [fact for fact in bench.facts if isinstance(fact, LinkMeasured)]

    first, second = run_virtual(main())[-2:]
    assert (first.quality.resends, second.quality.resends) == (200, 201)
    assert second.warning.startswith("201 of 1000 lines had to be said again: check cable")
    assert len(run_virtual(main())) <= 3
