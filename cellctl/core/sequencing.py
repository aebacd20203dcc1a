"""Which job is next, and at which station: an order over all that is open, thought out anew when something changes.

Pure and replaceable: a sequencer is a function from a Problem to a Sequence, chosen in the cell file by its name in
`agenda.SEQUENCERS`. It proposes; whether a job can begin now is the dispatch's to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

Setup = Mapping[str, str]

# A job that has waited for so long counts as one priority higher, and again after as long.
STARVING_S: Final = 3 * 86_400.0


class ChangeTimes(Protocol):
    """How long change-overs take. `parallel`: several dimensions at the same time."""

    parallel: bool

    def alike(self, station: str) -> object:
        """Equal for stations at which every change takes equally long."""
        ...

    def one_s(self, station: str, dimension: str, before: str, after: str) -> float | None:
        """One dimension, in seconds; None: it is not done."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Stations that could do a job, how they must be set up for it, and how long it takes: `takes_s`, or by station."""

    stations: tuple[str, ...]
    takes_s: float
    setup: Setup = field(default_factory=dict)
    by_station_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """An open job. Times in seconds since the Unix epoch.

    `depth`: how many steps its part has behind it, counting from 1; 0 if there is no part yet. A part stands in the way
    of others, so the one that is furthest comes first.
    """

    id: str
    choices: tuple[Choice, ...]
    priority: int = 0
    due_s: float = inf
    since_s: float = 0.0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """From when on a station is free, and how it is set up then.

    `promised`: the task that a person prepares it for. `frozen`: tasks that stay its next ones behind that, in order.
    """

    station: str
    free_s: float
    setup: Setup = field(default_factory=dict)
    promised: str = ""
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a sequencer is told."""

    tasks: tuple[Task, ...]
    openings: tuple[Opening, ...]
    times: ChangeTimes
    now_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a task in the sequence: the most urgent first, then smaller ranks. `station` is "" where any may
    take it. `frozen`: it stays before all that is more urgent."""

    rank: int
    urgency: int = 0
    station: str = ""
    begins_s: float = 0.0
    change_s: float = 0.0
    frozen: bool = False


Sequence = Mapping[str, Turn]
Sequencer = Callable[[Problem], Sequence]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A sequence that is kept: by job, and by station the jobs that are to come, in order.

    `basis`: what it was thought out from; another one is due when that has changed, or after `until_s`.
    """

    turns: Sequence = field(default_factory=dict)
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    basis: object = None
    until_s: float = 0.0


def urgency(task: Task, now_s: float) -> int:
    """The priority, one higher for each time that a job has starved."""
    return task.priority + int(max(now_s - task.since_s, 0.0) // STARVING_S)


def first_come(problem: Problem) -> Sequence:
    """By priority, then the part that is furthest, then in order of arrival; at whichever station is free."""
    ordered = sorted(problem.tasks, key=lambda task: (-task.priority, -task.depth, task.since_s))
    return {task.id: Turn(rank, task.priority) for rank, task in enumerate(ordered)}
