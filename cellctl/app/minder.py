"""The person of a cell at program level: answers what is asked by what is true, and brings machines back."""

from collections.abc import Iterator
from typing import Final

from cellctl.app.attendance import Attendance
from cellctl.app.cell import RunningCell
from cellctl.domain.commands import AnswerPrompt, Command, CommandMachine, Envelope, content_hash
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import GONE, Operation, OperationKind, Prompt
from cellctl.ports import Clock, Ids, SimulatedCell

MINDER: Final = "simulated-person"
# What a person says to a machine that stands, by its state.
WAY_BACK: Final = {
    MachineState.HELD: MachineCommand.UNHOLD,
    MachineState.ABORTED: MachineCommand.CLEAR,
    MachineState.STOPPED: MachineCommand.RESET,
}
# Who could not do a thing looks again after so long.
LOOKS_AGAIN_S: Final = 60.0
MINDS_IN_S: Final = 60.0


class Minder:
    """One person. `stations`: whose questions are theirs; none: those of all."""

    def __init__(
        self,
        cell: RunningCell,
        twin: SimulatedCell,
        ids: Ids,
        attendance: Attendance,
        stations: frozenset[str] = frozenset(),
    ) -> None:
        self._cell = cell
        self._twin = twin
        self._ids = ids
        self._attendance = attendance
        self._stations = stations
        # What could not be done when it was looked at, and when to look again.
        self._later: dict[str, float] = {}

    @property
    def _clock(self) -> Clock:
        return self._cell.outside.clock

    async def work(self) -> None:
        """Until cancelled."""
        engine = self._cell.engine
        await engine.changed(0)
        self._take_along()
        while True:
            seen = engine.cell.counts.rev
            await self._clock.sleep(self._attendance.back_in_s(self._clock.now_s()))
            prompt = next(self._prompts(), None)
            machine = next(self._stands(), None)
            if prompt is not None:
                await self._answer(prompt)
            elif machine is not None:
                await self._bring_back(*machine)
            elif self._later:
                await self._look_again()
            elif engine.cell.counts.rev == seen:
                await engine.changed(seen)

    def _take_along(self) -> None:
        """What they have judged leaves with them, also where a daemon died at their answer."""
        now = self._cell.engine.cell
        touched = {place for operation in now.operations.values() for place in (operation.source, operation.target)}
        for station in now.plan.stations.values():
            for place in station.places if station.attended else ():
                if place not in touched and now.part_at(place) is None:
                    self._twin.eyes.clear_away(place, self._clock.now_s())

    def _prompts(self) -> Iterator[Prompt]:
        for prompt in self._cell.engine.cell.prompts.values():
            if prompt.id not in self._later and (not self._stations or prompt.station in self._stations):
                yield prompt

    def _stands(self) -> Iterator[tuple[str, MachineCommand]]:
        cell = self._cell.engine.cell
        locked = {operation.station for operation in cell.operations.values()}
        for name, status in cell.stations.items():
            if self._stations and name not in self._stations:
                continue
            if status.state not in WAY_BACK or status.parked or name in self._later:
                continue
            if name not in locked or status.state is MachineState.HELD:
                yield name, WAY_BACK[status.state]

    async def _look_again(self) -> None:
        soonest_s = min(self._later.values())
        await self._clock.sleep(max(1.0, soonest_s - self._clock.now_s()))
        self._later = {name: at_s for name, at_s in self._later.items() if at_s > self._clock.now_s()}

    async def _answer(self, prompt: Prompt) -> None:
        takes_s, _ = self._twin.person_answers(prompt.question.text, prompt.question.choices, prompt.station)
        await self._clock.sleep(takes_s)
        cell = self._cell.engine.cell
        if prompt.id not in cell.prompts:
            return
        part = cell.parts.get(prompt.serial)
        operation = cell.operations.get(prompt.operation_id)
        place = part.place if part else ""
        made_now = operation is not None and self._makes(operation)
        choice = self._twin.eyes.says(prompt, operation, "" if made_now else place, self._clock.now_s())
        if choice is None:
            self._later[prompt.id] = self._clock.now_s() + LOOKS_AGAIN_S
            return
        await self._say(AnswerPrompt(prompt.id, choice))
        if operation is not None and operation.kind is OperationKind.PROCESS and place:
            await self._clear_away(prompt.serial, str(place))

    def _makes(self, operation: Operation) -> bool:
        """Whether a part comes into being with this, in a person's hands."""
        cell = self._cell.engine.cell
        by_hand = cell.plan.station(operation.station).attended and operation.kind is OperationKind.PROCESS
        return by_hand and cell.jobs[operation.job_id].step == 0

    async def _clear_away(self, serial: str, place: str) -> None:
        """A part that was judged and is believed to have left does leave."""
        await self._cell.engine.pulse()
        await self._cell.engine.pulse()
        part = self._cell.engine.cell.parts.get(serial)
        if part is None or part.place == GONE:
            self._twin.eyes.clear_away(place, self._clock.now_s())

    async def _bring_back(self, machine: str, command: MachineCommand) -> None:
        await self._clock.sleep(MINDS_IN_S)
        if (machine, command) in self._stands():
            await self._say(CommandMachine(machine, command))
            self._later[machine] = self._clock.now_s() + LOOKS_AGAIN_S

    async def _say(self, command: Command) -> None:
        await self._cell.desk.submit(Envelope(self._ids.new(), MINDER, command, content_hash(command)))
