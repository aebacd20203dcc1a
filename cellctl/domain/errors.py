"""What can go wrong, by who must act.

CellError
├── ConfigError      the integrator: a mistake in a file, by file and key
├── NotAllowed       the caller: this state does not accept this command
├── OrderRefused     the customer: the order cannot be made as asked
├── LinkLost         the supervisor: connect again
├── MachineFault     the operator: go to the machine
└── StoreFailed      the owner of the computer: the journal cannot be written or read
    └── DiskFull     the same person: there is no room left
"""

from collections.abc import Sequence


class CellError(Exception):
    """Base of all errors that are somebody's to act on; anything else is a defect of ours."""


class ConfigError(CellError):
    """Mistakes in one or more files, all of them at once; each line says file, key, found, allowed."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class NotAllowed(CellError):
    """A command that the present state does not accept."""


class OrderRefused(CellError):
    """An order that cannot be made as asked; nothing has moved."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class _MachineError(CellError):
    def __init__(self, machine: str, what: str, *, do_next: str) -> None:
        super().__init__(f"{machine}: {what}. {do_next}")
        self.machine = machine
        self.what = what
        self.do_next = do_next


class LinkLost(_MachineError):
    """The machine cannot be heard any more. The state of its work is unknown."""


class MachineFault(_MachineError):
    """The machine says, or shows, that it cannot go on."""


class StoreFailed(CellError):
    """The journal cannot be written or read; nothing may be acknowledged or started."""


class DiskFull(StoreFailed):
    """There is no room for this on the disk."""
