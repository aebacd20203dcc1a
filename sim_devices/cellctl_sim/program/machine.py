"""A machine at program level: PackML states as the real drivers report them, and a body that does the work."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import (
    ContactFound,
    EvidenceGathered,
    Fact,
    OperationEnded,
    OperationSent,
    OperationStarted,
    PartMoved,
    StationChanged,
)
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import MachineCommand, MachineState, after
from cellctl.domain.mishaps import FaultPlan, Mishap, Stroke
from cellctl.domain.work import Operation, OperationKind, OperationState
from cellctl_sim.program.reading import Nature, Script

_C, _S = MachineCommand, MachineState
_TAKEN: Final = frozenset({_C.HOLD, _C.UNHOLD, _C.ABORT, _C.CLEAR, _C.RESET, _C.STOP})
_WORKING: Final = frozenset({_S.EXECUTE, _S.COMPLETING})
_HALF: Final = 0.5
_NEVER, _GREETED = math.inf, -math.inf


class WentWrong(Exception):
    """The work cannot be ended: `state` is what the machine can say of it."""

    def __init__(self, reason: str, state: OperationState = OperationState.FAILED) -> None:
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True, slots=True)
class Stage:
    """A piece of work: what is reported when it begins, and how long it lasts.

    `completing`: the program is through, and the machine brings it to its end (a bed cools). `gate`: what comes after
    it touches the part, and must not before that is durable. `resident`: from now on it ends without anybody's help.
    """

    lasts_s: float
    facts: tuple[Fact, ...] = ()
    completing: bool = False
    gate: bool = False
    resident: bool = False


Stages = Generator[Stage, float, tuple[Fact, ...]]
"""What a body does: it yields its stages, is sent the time at which each has ended, and returns the last facts.

It is closed where the work breaks off: `finally` is where it comes to a stand.
"""


class Body(Protocol):
    """What distinguishes a printer from an arm. `adopts`: its program runs in its own controller."""

    identity: str
    boots_s: float
    adopts: bool
    nature: Nature | None

    def work(self, operation: Operation, script: Script | None, now_s: float) -> Stages:
        """Do this. Raises WentWrong in any stage."""
        ...

    def strike(self, stroke: Stroke, now_s: float) -> None:
        """Something is wrong with it from now on."""
        ...

    def come_home(self, now_s: float) -> None:
        """A person has cleared it: out of everybody's way."""
        ...

    def mark(self) -> str:
        """What it shows before it begins, by which its work is known again."""
        ...


class ProgramMachine:
    """Implements `ports.programs.ProgramDevice`. It lives on while nobody is connected."""

    def __init__(self, name: str, body: Body, plan: FaultPlan = ()) -> None:
        self.name: Final = name
        self._body = body
        self._state = _S.STOPPED
        self._run: _Run | None = None
        self._ended: tuple[str, tuple[Fact, ...]] = "", ()  # the operation that it can prove to have done last
        self._troubles = Troubles(plan)
        self._greets_s = _NEVER  # when it says who it is; _GREETED: it has
        self._now_s = 0.0

    # ---- ports.programs.ProgramDevice ------------------------------------------------------------------------

    @property
    def wakeup_s(self) -> float | None:
        """The end of the present stage, or the next mishap."""
        due_s = self._troubles.next_s
        if self._greets_s != _GREETED:
            due_s = min(due_s, self._greets_s)
        if self._run is not None and self._state in _WORKING and not self._run.waits:
            due_s = min(due_s, self._now_s + self._run.left_s / self._troubles.speed)
        return None if due_s == math.inf else due_s

    @property
    def unheard(self) -> str:
        """Whether its cable is pulled."""
        return self._troubles.cut

    @property
    def nature(self) -> Nature | None:
        """How it really moves; see `ProgramDevice`."""
        return self._body.nature

    @property
    def state(self) -> MachineState:
        """Where it is in PackML."""
        return self._state

    @property
    def at_work(self) -> bool:
        """Whether one can see it move."""
        return self._run is not None and self._state in _WORKING

    def meet(self, now_s: float) -> Sequence[Fact]:
        """Contact, at once or when its controller has booted."""
        self.advance(now_s)  # What happened while nobody listened, nobody has heard.
        self._greets_s = now_s + self._body.boots_s
        return self.advance(now_s)

    def part(self, now_s: float) -> None:
        """What is streamed to it breaks off; what runs in its own controller goes on."""
        self.advance(now_s)
        self._greets_s = _NEVER
        run = self._run
        if run is not None and (run.waits or not (run.resident or self._body.adopts)):
            self._break_off()
            self._state = _S.STOPPED

    def start(self, operation: Operation, script: Script | None, now_s: float) -> Sequence[Fact]:
        """Begin; see `ProgramDevice`."""
        facts = [*self.advance(now_s)]
        self._require_contact()
        starting = self._walk(_C.START)
        run = _Run(operation, self._body.work(operation, script, now_s))
        estimated_s = script.takes.takes_s if script else 0.0
        began = OperationStarted(operation.id, round(estimated_s, 1), self._body.mark())
        self._run = run
        facts += [*starting, began, *self._walk(_C.STATE_COMPLETE)]
        return facts + self._go_on(None)

    def command(self, command: MachineCommand, now_s: float) -> Sequence[Fact]:
        """Obey at once; see `ProgramDevice`."""
        facts = [*self.advance(now_s)]
        self._require_contact()
        if command not in _TAKEN:
            raise NotAllowed(f"{self.name} cannot be told to {command.value}")
        facts += self._walk(command)
        if command in (_C.STOP, _C.ABORT):
            facts += self._end(OperationState.FAILED, "halted" if command is _C.ABORT else "stopped")
        if command in (_C.CLEAR, _C.RESET):
            self._body.come_home(self._now_s)
        reason = self._troubles.broken if command is _C.CLEAR else ""
        facts += self._walk(_C.STATE_COMPLETE)
        return facts + (self._walk_to_aborted(reason) if reason else [])

    def proceed(self, operation_id: str, now_s: float) -> Sequence[Fact]:
        """What touches the part may begin; see `ProgramDevice`."""
        facts = [*self.advance(now_s)]
        run = self._run
        if run is None or run.operation.id != operation_id or not run.waits:
            raise NotAllowed(f"{self.name} does not wait with {operation_id}")
        run.waits = False
        return facts

    def adopt(self, operation: Operation, now_s: float) -> Sequence[Fact]:
        """What it shows of work that was open; see `ProgramDevice`."""
        self.advance(now_s)
        run, (last, _) = self._run, self._ended
        if run is not None and run.operation.id == operation.id:
            run.theirs = False
            found = EvidenceGathered(operation.id, Findings(stands=False, shows_ours=True, began_anew=False))
            return [found, StationChanged(self.name, self._state), *run.told]
        if run is None and last == operation.id:
            carried = operation.kind is OperationKind.CARRY or None
            found = EvidenceGathered(operation.id, Findings(stands=True, shows_ours=True, ended=True, part=carried))
        else:
            found = EvidenceGathered(operation.id, Findings(stands=run is None, says="it shows nothing of it"))
        return [found]

    def advance(self, now_s: float) -> Sequence[Fact]:
        """Let time pass: stages end, mishaps come and go."""
        facts: list[Fact] = []
        while (due_s := self.wakeup_s) is not None and due_s <= now_s + 1e-9:
            self._pass(due_s)
            if self._greets_s != _GREETED and due_s >= self._greets_s:
                self._greets_s = _GREETED
                facts += self._greet()
            for stroke in self._troubles.struck(self._now_s):
                facts += self._suffer(stroke)
            run = self._run
            if run is not None and run.left_s <= 1e-9 and self._state in _WORKING and not run.waits:
                facts += self._go_on(self._now_s)
        self._pass(now_s)
        return facts

    # ---- inside ----------------------------------------------------------------------------------------------

    def _pass(self, now_s: float) -> None:
        if self._run is not None and self._state in _WORKING and not self._run.waits:
            self._run.left_s -= max(0.0, now_s - self._now_s) * self._troubles.speed
        self._now_s = max(self._now_s, now_s)

    def _greet(self) -> list[Fact]:
        facts: list[Fact] = [ContactFound(self.name, self._body.identity)]
        if self._run is not None:
            # What a dead daemon began goes on; who connects must say that it is theirs (`adopt`), or break it off.
            self._run.theirs = True
            return [*facts, StationChanged(self.name, self._state, "its program goes on without us")]
        facts.append(StationChanged(self.name, self._state))
        return facts + (self._walk(_C.RESET, _C.STATE_COMPLETE) if self._state is _S.STOPPED else [])

    def _go_on(self, ended_s: float | None) -> list[Fact]:
        """The next stage of the work, or its end. None: the first one."""
        run = self._run
        if run is None:
            return []
        try:
            stage = next(run.stages) if ended_s is None else run.stages.send(ended_s)
        except StopIteration as done:
            return self._done(done.value)
        except WentWrong as wrong:
            facts = self._end(wrong.state, str(wrong))
            return self._walk(_C.STOP) + facts + self._walk(_C.STATE_COMPLETE)
        run.left_s = stage.lasts_s
        run.waits = stage.gate and run.operation.gated
        run.resident = run.resident or stage.resident
        run.told += tuple(fact for fact in stage.facts if isinstance(fact, PartMoved))
        sent = (OperationSent(run.operation.id, self._body.mark()),) if run.waits else ()
        return [*stage.facts, *sent, *(self._walk(_C.STATE_COMPLETE) if stage.completing else ())]

    def _done(self, last: tuple[Fact, ...]) -> list[Fact]:
        run, self._run = self._run, None
        if run is None:
            return []
        self._ended = run.operation.id, last
        ended = [] if run.theirs else [*last, OperationEnded(run.operation.id, OperationState.DONE)]
        if self._state is _S.EXECUTE:
            return [*ended, *self._walk(_C.STATE_COMPLETE, _C.STATE_COMPLETE)]
        return [*ended, *self._walk(_C.STATE_COMPLETE)]

    def _end(self, state: OperationState, reason: str) -> list[Fact]:
        run = self._run
        self._break_off()
        return [OperationEnded(run.operation.id, state, reason)] if run and not run.theirs else []

    def _break_off(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.stages.close()

    def _suffer(self, stroke: Stroke) -> list[Fact]:
        self._body.strike(stroke, self._now_s)
        if stroke.kind is Mishap.MACHINE_FAILS:
            reason = self._troubles.broken
            return self._end(OperationState.FAILED, reason) + self._walk_to_aborted(reason)
        return []

    def _walk_to_aborted(self, reason: str) -> list[Fact]:
        if self._state in (_S.ABORTING, _S.ABORTED):
            return []
        return self._walk(_C.ABORT, _C.STATE_COMPLETE, reason=reason)

    def _walk(self, *commands: MachineCommand, reason: str = "") -> list[Fact]:
        facts: list[Fact] = []
        for command in commands:
            self._state = after(self._state, command)
            facts.append(StationChanged(self.name, self._state, reason))
        return facts

    def _require_contact(self) -> None:
        if self._greets_s != _GREETED or self._troubles.cut:
            raise NotAllowed(f"{self.name} is not connected; check its power and cable")


class Troubles:
    """The mishaps of one machine, and which of them last at this moment."""

    def __init__(self, plan: FaultPlan) -> None:
        self._coming = sorted((stroke for stroke in plan), reverse=True)
        self._present: list[Stroke] = []

    @property
    def next_s(self) -> float:
        """When the next one comes, or a present one goes; inf for never."""
        comes_s = self._coming[-1].at_s if self._coming else math.inf
        return min([comes_s, *(stroke.until_s for stroke in self._present)])

    @property
    def speed(self) -> float:
        """How much of its work it does in a second of time."""
        return _HALF if self._lasts(Mishap.SLOW) else 1.0

    @property
    def broken(self) -> str:
        """Why it is out of order; empty if it is not."""
        return "it is out of order" if self._lasts(Mishap.MACHINE_FAILS) else ""

    @property
    def cut(self) -> str:
        """Why nobody hears it; empty if it is heard."""
        return "the cable was pulled" if self._lasts(Mishap.LINK_CUT) else ""

    def struck(self, now_s: float) -> list[Stroke]:
        """Those that have come by now; what is over is over."""
        new = []
        while self._coming and self._coming[-1].at_s <= now_s:
            new.append(self._coming.pop())
        self._present = [stroke for stroke in (*self._present, *new) if stroke.until_s > now_s]
        return new

    def _lasts(self, kind: Mishap) -> bool:
        return any(stroke.kind is kind for stroke in self._present)


class _Run:
    """One operation on its machine. `theirs`: begun by a daemon that is gone, and nobody has adopted it. `waits`: to be
    told that it may touch the part. `told`: where its part went so far."""

    __slots__ = ("left_s", "operation", "resident", "stages", "theirs", "told", "waits")

    def __init__(self, operation: Operation, stages: Stages) -> None:
        self.operation = operation
        self.stages = stages
        self.left_s = 0.0
        self.theirs = False
        self.waits = False
        self.resident = False
        self.told: tuple[Fact, ...] = ()
