"""A line that gets bad is told of while the job on it still goes well."""

import asyncio
from pathlib import Path

from cellctl.app.virtual_time import run_virtual
from cellctl.domain.events import Fact, LinkMeasured, OperationEnded
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Program
from cellctl.links.memory import MemoryLinks
from cellctl.links.wire_tap import TappedLinks
from cellctl_sim.cell import simulate
from cellctl_sim.faults import Fault, FaultPlan, Kind
from tests.links.test_wire_tap import CELL, Room

MOVES = 2000


class NoisyRoom(Room):
    """A printer at a line that somebody has laid beside a motor's."""

    def __init__(self, folder: Path, rate: float) -> None:
        super().__init__("printer-1", folder)
        self.story: list[Fact] = []
        self.twin = simulate(CELL, {}, seed=1)
        self.memory = MemoryLinks(self.twin, self.clock)
        self.links = TappedLinks(self.memory, {}, self.clock)
        self._rate = rate

    def long_operation(self) -> Operation:
        lines = [f"G1 X{number % 100} F6000" for number in range(MOVES)]
        program = Program(self.files.keep("long", "\n".join(lines).encode()), "long", MOVES)
        kind = OperationKind.PROCESS
        return Operation("op-1", "job-1", "1", "step", kind, self.machine, Place("printer-1.bed"), program=program)

    def disturb(self) -> None:
        uart = self.twin.byte_devices[self.machine].uart
        noise = (Fault(Kind.FLIP, rate=self._rate),) if self._rate else ()
        uart.faults = FaultPlan(7, noise).play()

    def _hear(self, fact: Fact) -> None:
        self.story.append(fact)
        super()._hear(fact)


def story(folder: Path, rate: float) -> list[Fact]:
    async def main() -> list[Fact]:
        room = NoisyRoom(folder, rate)
        room.memory.start()
        driver = room.driver()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(driver.serve())
            await room.until(MachineState.IDLE)
            driver.start(room.long_operation())
            room.disturb()
            await room.until(MachineState.COMPLETE)
            serving.cancel()
        room.memory.close()
        return room.story

    return run_virtual(main())


def test_a_person_is_told_of_a_noisy_line_long_before_the_job_is_over(tmp_path: Path) -> None:
    facts = story(tmp_path, rate=1 / 1000)
    (ended,) = [at for at, fact in enumerate(facts) if isinstance(fact, OperationEnded)]
    warned = [at for at, fact in enumerate(facts) if isinstance(fact, LinkMeasured) and fact.warning]
    assert warned[0] < ended * 0.7, "not only in its last third"
    told, end = facts[warned[0]], facts[ended]
    assert isinstance(told, LinkMeasured)
    assert "lines had to be said again: check cable, power supply and what runs beside them" in told.warning
    assert isinstance(end, OperationEnded)
    assert end.state is OperationState.DONE


def test_nobody_is_told_of_a_good_line(tmp_path: Path) -> None:
    measured = [fact for fact in story(tmp_path, rate=0.0) if isinstance(fact, LinkMeasured)]
    assert measured
    assert not [fact for fact in measured if fact.warning]
    assert measured[-1].quality.lines >= MOVES / 2
