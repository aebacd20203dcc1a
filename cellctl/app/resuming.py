"""Going on in the middle of a program whose outcome is unknown: the plan, and the program that comes of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cellctl.app.config import MachineConfig
from cellctl.core.cell import Cell
from cellctl.domain.errors import NotAllowed, OrderRefused, StoreFailed
from cellctl.domain.work import Operation, OperationKind, OperationState, Program
from cellctl.gcode.gate import sendable_lines
from cellctl.gcode.modal import ModalState, after_lines
from cellctl.gcode.resume import Evidence, NotResumable, ResumingFamily, Resumption, plan_from
from cellctl.ports import Files

# So many lines are read in one go; the loop is not kept from other machines for longer.
_SLICE: Final = 500


@dataclass(frozen=True, slots=True)
class Resuming:
    """Reads what the cell knows and the program file; changes nothing but the store of files."""

    files: Files
    machines: Mapping[str, MachineConfig]

    async def plan(self, cell: Cell, machine: str, at_line: int | None) -> Resumption:
        """The plan for a machine's unknown operation; without a line: behind what is likely to be done.

        Raises NotAllowed, with every reason against it.
        """
        operation, program = _unknown(cell, machine)
        config = self.machines.get(machine)
        if config is None or not isinstance(config.family, ResumingFamily):
            raise NotAllowed(f"{machine} is no machine that can go on in the middle of a program")
        progress = cell.stations[machine].progress
        wanted = max(progress.executed, progress.estimated) + 1 if at_line is None else at_line
        part = cell.parts[operation.serial]
        evidence = Evidence(progress, part.knowledge, part.place == operation.target)
        try:
            state, rest = await self._until(program, wanted)
            next_line = next(rest, "")
        except (StoreFailed, OrderRefused) as lost:
            raise NotAllowed(f"{program.name} cannot be read: {lost}") from lost
        made = plan_from(state, wanted, next_line, config.family.resumable(config.options), evidence)
        if isinstance(made, NotResumable):
            raise NotAllowed(f"{machine} cannot go on at line {wanted}: {'; '.join(made.reasons)}")
        return Resumption(machine, operation.id, operation.serial, program, made, next_line)

    async def program(self, resumption: Resumption) -> Program:
        """Keep the program that goes on: what the plan says first, then the rest."""
        plan = resumption.plan
        _, rest = await self._until(resumption.program, plan.at_line)
        lines = [f"{line}\n" for line in plan.preamble]
        while piece := list(islice(rest, _SLICE)):
            lines += [f"{line}\n" for line in piece]
            await asyncio.sleep(0)
        name = f"{resumption.program.name} from line {plan.at_line}"
        return Program(self.files.keep(name, "".join(lines).encode("ascii")), name, len(lines))

    async def _until(self, program: Program, at_line: int) -> tuple[ModalState, Iterator[str]]:
        """What the program has set up before a line, and the lines from there on."""
        lines = sendable_lines(self.files.lines(program.sha256))
        state, left = ModalState(), at_line - 1
        while piece := list(islice(lines, min(_SLICE, max(0, left)))):
            state = after_lines(state, piece)
            left -= len(piece)
            await asyncio.sleep(0)
        return state, lines


def _unknown(cell: Cell, machine: str) -> tuple[Operation, Program]:
    """The operation that a machine may go on with. Raises NotAllowed."""
    for operation in cell.operations.values():
        is_it = operation.station == machine and operation.kind is OperationKind.PROCESS
        if is_it and operation.state is OperationState.UNKNOWN and operation.program is not None:
            return operation, operation.program
    raise NotAllowed(f"no program of {machine} has ended in the middle; nothing is to be gone on with")
