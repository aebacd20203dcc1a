"""Who watches a shift: the invariants of the core while it runs, and the physical truth beside what is believed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cellctl.app.cell import RunningCell
from cellctl.app.shift import Shift
from cellctl.app.virtual_time import run_virtual
from cellctl.core import invariants
from cellctl.core.cell import Cell
from cellctl.domain.events import Fact
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.mishaps import Mishap
from cellctl.domain.work import Operation, OperationKind, station_of
from cellctl_sim.cell import Cell as Twin
from cellctl_sim.program.machine import ProgramMachine
from cellctl_sim.program.reading import Script

# The whole cell is looked at after every so many changes: looking costs as much as a few dozen decisions.
LOOKS_EVERY = 25
# No part of these days needs so many carries: one that has had them is carried to and fro.
MOST_CARRIES = 40
# Somebody took a part without a word: what an arm then does in good faith is no fault of the cell.
_FORGIVEN = ("gripped-nothing", "cut-without-part")


class Broken(Exception):
    """A rule is broken: the shift need not go on."""


def lived_through(shift: Shift, until_s: float) -> bool:
    """Whether a shift comes to its end by then, or to a broken rule; what follows from that says nothing more."""
    try:
        return run_virtual(shift.run(until_s))
    except* Broken:
        pass
    return True


class Judge:
    """Of one shift. `broken` collects what was found while it ran; the shift ends there."""

    def __init__(self, twin: Twin) -> None:
        self.broken: list[str] = []
        self._twin = twin
        self._looked = 0
        self._started: Counter[str] = Counter()
        self._carried: Counter[str] = Counter()
        self._shift: Shift | None = None
        self._suspected: dict[str, float] = {}

    def admit(self, shift: Shift) -> None:
        """Listen at every machine of this shift for work that is begun."""
        self._shift = shift
        for machine in self._twin.program_devices.values():
            self._listen(machine)

    def _listen(self, machine: ProgramMachine) -> None:
        start = machine.start

        def heard(operation: Operation, script: Script | None, now_s: float) -> Sequence[Fact]:
            self._begun(operation.id, now_s)
            if operation.kind is OperationKind.CARRY:
                self._taken(operation.serial, now_s)
            return start(operation, script, now_s)

        command = machine.command

        def told(what: MachineCommand, now_s: float) -> Sequence[Fact]:
            if what is MachineCommand.RESET:
                self._reset(machine, now_s)
            return command(what, now_s)

        machine.start = heard  # type: ignore[method-assign]
        machine.command = told  # type: ignore[method-assign]

    def _reset(self, machine: ProgramMachine, now_s: float) -> None:
        """A printer that has completed its run homes when it is reset: what it made must have left."""
        for place in self._twin.file.places_of([machine.name]):
            part = self._twin.world.part_at(place)
            if machine.state is MachineState.COMPLETE and part is not None and ".bed" in place:
                self._note(now_s, f"{machine.name} is reset with {part.id} on its bed")

    def _begun(self, operation_id: str, now_s: float) -> None:
        self._started[operation_id] += 1
        if self._started[operation_id] > 1:
            self._note(now_s, f"{operation_id} is started {self._started[operation_id]} times")
        if self._shift is not None and not self._intended(operation_id):
            self._note(now_s, f"{operation_id} is started, and its intent is not durable")

    def _taken(self, serial: str, now_s: float) -> None:
        self._carried[serial] += 1
        if self._carried[serial] == MOST_CARRIES:
            self._note(now_s, f"{serial} is carried to and fro: {MOST_CARRIES} times by now")

    def _intended(self, operation_id: str) -> bool:
        return self._shift is not None and operation_id in self._shift.store.intended

    async def watch(self, cell: RunningCell) -> None:
        """Beside one daemon, until it ends. Raises Broken."""
        engine = cell.engine
        while True:
            self._looked += 1
            if self._looked % LOOKS_EVERY == 0:
                self._look(engine.cell, cell.outside.clock.now_s())
            if self.broken:
                raise Broken(self.broken[0])
            await engine.changed(engine.cell.counts.rev)

    def _look(self, cell: Cell, now_s: float) -> None:
        for sentence in invariants.broken(cell):
            self._note(now_s, sentence)
        # What a machine or a person has just done, the cell hears of within the same instant.
        self._suspected = {each: self._suspected.get(each, now_s) for each in self._beliefs(cell)}
        for sentence, since_s in self._suspected.items():
            if now_s > since_s:
                self._note(now_s, sentence)

    def _beliefs(self, cell: Cell) -> Iterator[str]:
        """Places where nothing is under way and nobody is asked: what is believed to be there, is."""
        if any(stroke.kind is Mishap.MISSING_PART for stroke in self._twin.mishaps):
            return
        open_places = {place for op in cell.operations.values() for place in (op.source, op.target)}
        asked = {prompt.serial for prompt in cell.prompts.values()}
        busy = {op.station for op in cell.operations.values()}
        believed = {str(part.place): part.serial for part in cell.parts.values()}
        believed |= {str(at.place): name for name, at in cell.carriers.items()}
        for place in self._twin.world.places:
            name, real = believed.get(place), self._twin.world.part_at(place)
            if place in open_places or station_of(place) in busy or name in asked:  # type: ignore[arg-type]
                continue
            if name is None and real is not None:
                yield f"{real.id} is at {place}, and nobody knows of it"
            if name is not None and real is None:
                yield f"{name} is believed to be at {place}, and nothing is there"

    def _note(self, now_s: float, sentence: str) -> None:
        self.broken.append(f"t={now_s:.0f}s {sentence}")

    def verdict(self, shift: Shift) -> list[str]:
        """Everything, at the end."""
        missing = any(stroke.kind is Mishap.MISSING_PART for stroke in self._twin.mishaps)
        seen = [each for each in self._twin.violations if not (missing and any(word in each for word in _FORGIVEN))]
        return [*self.broken, *seen]
