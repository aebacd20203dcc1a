"""What our work is called at the machine: its words for the texts of a profile."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cellctl.domain.errors import NotAllowed
from cellctl.domain.work import Operation, OperationKind

from .profile import Words
from .values import filled

Name = str | int


@dataclass(frozen=True, slots=True)
class Naming:
    """How one machine's programs are called.

    `carries`: "source>target" to a program; where a carry is not there, it is called by the template `carry`.
    `programs`: other names than a product's route uses, or the numbers that stand for them.
    """

    machine: str
    carry: str = "carry:{source}>{target}"
    carries: Mapping[str, Name] = field(default_factory=dict)
    programs: Mapping[str, Name] = field(default_factory=dict)

    def words(self, operation: Operation) -> Words:
        """Raises NotAllowed for work that is no program of this machine."""
        name = self._carry(operation) if operation.kind is OperationKind.CARRY else self._resident(operation)
        name = self.programs.get(str(name), name)
        words: dict[str, bool | int | float | str] = {
            "program": str(name),
            "operation": operation.id,
            "serial": operation.serial,
            "source": operation.source,
            "target": operation.target,
        }
        if isinstance(name, int) or name.isdecimal():
            words["number"] = int(name)
        return words

    def _carry(self, operation: Operation) -> Name:
        places = {"source": operation.source, "target": operation.target, "serial": operation.serial}
        listed = self.carries.get(f"{operation.source}>{operation.target}")
        return listed if listed is not None else str(filled(self.carry, places))

    def _resident(self, operation: Operation) -> Name:
        program = operation.program
        if program is None or not program.resident:
            raise NotAllowed(
                f"{self.machine} cannot do {operation.step}: it runs programs that are in its controller, "
                'program = { resident = "NAME" } in the route'
            )
        return program.resident
