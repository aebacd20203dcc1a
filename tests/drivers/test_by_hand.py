"""Machines in somebody's hands: what goes out, what is heard, and that only `clear` leads back."""

import asyncio
from pathlib import Path

import pytest

from cellctl.app.supervisor import ByHand
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import Fact, LinesHeard, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.ports import Driver
from tests.links.test_wire_tap import Room

SAYS = {"printer-1": ("M105", "ok T:"), "router-1": ("$G", "[GC:")}


class Engineer(Room):
    """A room where somebody types, and everything that is heard is kept."""

    def __init__(self, machine: str, folder: Path) -> None:
        super().__init__(machine, folder)
        self.heard: list[str] = []
        self.reasons: list[str] = []

    def _hear(self, fact: Fact) -> None:
        if isinstance(fact, LinesHeard):
            self.heard += fact.lines
        if isinstance(fact, StationChanged):
            self.reasons.append(fact.reason)
        super()._hear(fact)

    def sent(self) -> str:
        """The transcript since the last look: what went over the wire."""
        self.links.flush()
        text = self.file.read_text()
        self.file.write_text("")
        return text


def types(driver: Driver, line: str) -> None:
    assert isinstance(driver, ByHand)
    driver.say_by_hand(line, "ada")


@pytest.mark.parametrize("machine", ["printer-1", "router-1"])
def test_a_machine_is_taken_in_hand_answers_and_comes_back_by_clear_and_reset(machine: str, tmp_path: Path) -> None:
    async def main() -> None:
        room = Engineer(machine, tmp_path)
        room.memory.start()
        driver = room.driver()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await room.until(MachineState.IDLE)
            line, answer = SAYS[machine]
            room.sent()
            types(driver, line)
            await room.until(MachineState.ABORTED)
            await asyncio.sleep(2)
            assert [each for each in room.heard if each.startswith(answer)]
            assert "ada works on it by hand: its position and modes are not trusted" in room.reasons[-1]
            out = [each for each in room.sent().splitlines() if each.startswith(">")]
            assert out == [f"> {line}"], "nothing of ours goes out beside it"
            with pytest.raises(NotAllowed):
                driver.start(room.operation())
            driver.command(MachineCommand.CLEAR)
            await room.until(MachineState.STOPPED)
            driver.command(MachineCommand.RESET)
            await room.until(MachineState.IDLE)
            heard = len(room.heard)
            driver.start(room.operation())
            await room.until(MachineState.COMPLETE)
            assert len(room.heard) == heard, "a program's answers are nobody's to read"
            serving.cancel()
        room.memory.close()

    run_virtual(main())


@pytest.mark.parametrize("machine", ["printer-1", "router-1"])
def test_what_a_person_has_set_going_can_be_halted(machine: str, tmp_path: Path) -> None:
    async def main() -> None:
        room = Engineer(machine, tmp_path)
        room.memory.start()
        driver = room.driver()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await room.until(MachineState.IDLE)
            types(driver, "G1 X60 F60")
            await asyncio.sleep(3)
            driver.command(MachineCommand.ABORT)
            await asyncio.sleep(3)
            said = "\n".join(room.heard)
            assert ("ALARM:3" in said) if machine == "router-1" else ("kill() called" in said or "halted" in said)
            serving.cancel()
        room.memory.close()

    run_virtual(main())


def test_a_machine_at_work_is_not_taken_out_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        room = Engineer("router-1", tmp_path)
        room.memory.start()
        driver = room.driver()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await room.until(MachineState.IDLE)
            driver.start(room.operation())
            with pytest.raises(NotAllowed, match="is at work"):
                types(driver, "$X")
            serving.cancel()
        room.memory.close()

    run_virtual(main())


def test_a_machine_that_floods_does_not_flood_the_journal(tmp_path: Path) -> None:
    async def main() -> None:
        room = Engineer("router-1", tmp_path)
        pieces = 0

        def count(fact: Fact) -> None:
            nonlocal pieces
            pieces += isinstance(fact, LinesHeard)

        room.memory.start()
        driver = room.driver()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await room.until(MachineState.IDLE)
            types(driver, "$G")
            shell = driver
            shell._station.console._report = count  # type: ignore[attr-defined]
            for _ in range(2000):
                shell.received(b"echo: " + b"x" * 90 + b"\r\n")  # type: ignore[attr-defined]
                await asyncio.sleep(0.1)
            serving.cancel()
        assert pieces <= 120 / 0.25 + 1, "four a second, and for two minutes after the last line"
        room.memory.close()

    run_virtual(main())
