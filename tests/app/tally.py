"""What a log says of its crashes: in which phase of work each fell, and what people were asked because of it.

Reads events only, and knows nothing of how the core comes to its decisions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cellctl.domain import events as ev
from cellctl.domain.transfer import OVER, Phase
from cellctl.domain.work import Operation, OperationKind, OperationState, Plan, station_of

_RUNGS = {ev.OperationStarted: "taken", ev.OperationSent: "touching", ev.OperationAcknowledged: "acknowledged"}


@dataclass
class Crash:
    """One death of the daemon. `phases`: what was open then; `questions`: what had to be asked about machines' work.

    `again`: what a person at a bench or with a part in hand was asked before, and is asked about once more. `stages`:
    which rung of the ladder each open operation stood on, and which phase each open hand-over was in.
    """

    phases: tuple[str, ...]
    stages: tuple[str, ...] = ()
    questions: int = 0
    again: int = 0


@dataclass
class Tally:
    """Everything that a log says about its crashes, and every rule that the log itself shows to be broken."""

    plan: Plan
    crashes: list[Crash] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)
    asked_of: Counter[str] = field(default_factory=Counter)
    _open: dict[str, tuple[Operation, str]] = field(default_factory=dict)
    _unknown: dict[str, Operation] = field(default_factory=dict)
    _transfers: dict[str, Phase] = field(default_factory=dict)
    _lives: int = 0

    def read(self, events: Iterable[ev.Event]) -> "Tally":
        """A whole log, from its first event on."""
        for event in events:
            self._hear(event)
        return self

    def _hear(self, event: ev.Event) -> None:
        match event:
            case ev.ControllerStarted():
                self._start()
            case ev.OperationIntended(operation=operation):
                self._intend(operation)
            case ev.OperationStarted() | ev.OperationSent() | ev.OperationAcknowledged():
                self._climb(event)
            case ev.OperationFound(operation_id=name):
                self._unknown.pop(name, None)
            case ev.OperationEnded():
                self._end(event)
            case ev.TransferPhase(transfer=transfer):
                self._transfers[transfer.id] = transfer.phase
            case ev.PromptRaised(prompt=prompt) if prompt.operation_id in self._unknown:
                self._ask(self._unknown[prompt.operation_id])

    def _start(self) -> None:
        self._lives += 1
        if self._lives > 1:
            phases = tuple(f"{_name(each)}, {rung}" for each, rung in self._open.values())
            self.crashes.append(Crash(phases or ("nothing under way",), tuple(self._stages())))

    def _stages(self) -> Iterator[str]:
        for operation, rung in self._open.values():
            what = "carry" if operation.kind is OperationKind.CARRY else "work"
            by = "a person" if self.plan.station(operation.station).attended else "a machine"
            yield f"{what} by {by}, {rung}"
        yield from (f"hand-over in {phase.name}" for phase in self._transfers.values() if phase not in OVER)

    def _intend(self, operation: Operation) -> None:
        for other in self._unknown.values():
            both = _stations(other) & _stations(operation)
            if both and not self.plan.station(other.station).attended:
                self.broken.append(f"{operation.id} is begun at {min(both)}, and nobody has answered about {other.id}")
        self._open[operation.id] = operation, "intended"

    def _climb(self, event: ev.OperationStarted | ev.OperationSent | ev.OperationAcknowledged) -> None:
        if isinstance(event, ev.OperationStarted):
            self.begun[event.operation_id] += 1
            if self.begun[event.operation_id] > 1:
                self.broken.append(f"{event.operation_id} was started {self.begun[event.operation_id]} times")
        if event.operation_id in self._open:
            self._open[event.operation_id] = self._open[event.operation_id][0], _RUNGS[type(event)]

    def _end(self, event: ev.OperationEnded) -> None:
        operation, _ = self._open.get(event.operation_id, (None, ""))
        if operation is None:
            return
        if event.state is OperationState.UNKNOWN:
            self._unknown[operation.id] = operation
            return
        del self._open[operation.id]
        self._unknown.pop(operation.id, None)
        asked_again = operation.question is not None and event.state is OperationState.NOT_BEGUN
        if asked_again and self.crashes:
            self.crashes[-1].again += 1

    def _ask(self, operation: Operation) -> None:
        if not self.crashes:
            return
        if self.plan.station(operation.station).attended:
            self.crashes[-1].again += 1
        else:
            self.crashes[-1].questions += 1
            self.asked_of[f"{_name(operation)}, {self._open[operation.id][1]}"] += 1


@dataclass(frozen=True)
class Figures:
    """Sums over many logs, ready to be printed."""

    crashes: int
    questions: int
    silent: int
    again: int
    mute: int
    phases: Counter[str]
    asked_of: Counter[str]
    stages: Counter[str]

    @property
    def per_crash(self) -> float:
        """Questions about machines' work, on average."""
        return self.questions / max(1, self.crashes)

    @property
    def silent_percent(self) -> float:
        """How many crashes asked nothing about machines' work."""
        return 100 * self.silent / max(1, self.crashes)

    @property
    def mute_percent(self) -> float:
        """How many crashes asked nobody anything."""
        return 100 * self.mute / max(1, self.crashes)

    @property
    def all_per_crash(self) -> float:
        """With what people were asked before and are asked once more."""
        return (self.questions + self.again) / max(1, self.crashes)

    def lines(self) -> Iterator[str]:
        """The distribution over phases, and where questions came from."""
        for phase, count in self.phases.most_common():
            asked = f", {self.asked_of[phase]} asked about" if self.asked_of[phase] else ""
            yield f"  {count:6d} crashes with {phase}{asked}"
        yield from (f"  {count:6d} crashes in {stage}" for stage, count in self.stages.most_common())


def figures(tallies: Iterable[Tally]) -> Figures:
    """The sums."""
    tallies = list(tallies)
    crashes = [crash for tally in tallies for crash in tally.crashes]
    return Figures(
        len(crashes),
        sum(crash.questions for crash in crashes),
        sum(crash.questions == 0 for crash in crashes),
        sum(crash.again for crash in crashes),
        sum(crash.questions + crash.again == 0 for crash in crashes),
        Counter(phase for crash in crashes for phase in crash.phases),
        sum((tally.asked_of for tally in tallies), Counter()),
        Counter(stage for crash in crashes for stage in crash.stages),
    )


def _name(operation: Operation) -> str:
    kind = "carry" if operation.kind is OperationKind.CARRY else operation.step
    return f"{kind} at {operation.station.rpartition('-')[0] or operation.station}"


def _stations(operation: Operation) -> set[str]:
    return {operation.station, station_of(operation.source), station_of(operation.target)} - {""}
