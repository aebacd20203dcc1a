"""The driver shell that all serial machines share: link and session in, PackML states and facts out."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Final

from cellctl.domain.errors import CellError, LinkLost, MachineFault, NotAllowed, StoreFailed
from cellctl.domain.events import EvidenceGathered, OperationEnded
from cellctl.domain.link import LinkQuality
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Operation, OperationState, Program, Question
from cellctl.gcode.meter import Metered
from cellctl.gcode.rules import MachineRules
from cellctl.ports import ByteLink, Tools
from cellctl_drivers.serial_looking import Looking
from cellctl_drivers.serial_nap import Nap, sooner
from cellctl_drivers.serial_program import executable
from cellctl_drivers.serial_session import (
    Acknowledged,
    Asked,
    Asking,
    FaultRaised,
    FellSilent,
    Gated,
    Greeted,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    Resting,
    Resumed,
    Session,
    SessionEvent,
    Stopped,
    Trying,
    Unasked,
    Yielding,
    found_by,
    mark_of,
    quality_of,
)
from cellctl_drivers.serial_station import MEASURE_EVERY_S, Ladder, Station, Work

LEAVE_WITHIN_S: Final = 1.0

_C = MachineCommand
_S = MachineState
# Met at work, or at fault: nothing more will be known.
_UNANSWERED: Final = frozenset({_S.EXECUTE, _S.HELD, _S.ABORTED})
_ACTS: Final[dict[MachineCommand, Callable[[Session, float], None]]] = {
    _C.HOLD: lambda session, now_s: session.hold(now_s),
    _C.UNHOLD: lambda session, now_s: session.resume(now_s),
    _C.STOP: lambda session, now_s: session.stop(now_s),
    _C.ABORT: lambda session, now_s: session.halt(now_s),
    _C.CLEAR: lambda session, now_s: session.clear(now_s),
    _C.RESET: lambda session, now_s: None,
}


class SerialDriver:
    """One machine on a byte link: a `ports.Driver` for any session.

    Hot path: bytes come in, the session takes them, and what its window then allows goes out in the same call of
    the event loop. The one task is `serve`, which sleeps until the session's next deadline.
    """

    def __init__(self, machine: str, link: ByteLink, session: Session, tools: Tools) -> None:
        self._station = Station(machine, tools.report)
        self._link = link
        self._session = session
        self._tools = tools
        self._looking: Looking | None = None
        self._work: Work | None = None
        self._nap = Nap(tools.clock)
        self._end: CellError | None = None

    # ---- ports.Driver --------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Connect and run. Raises LinkLost or MachineFault.

        When cancelled, tells the machine to hold and to go cold, and waits a second for it to stand.
        """
        try:
            await self._link.open(self)
            now_s = self._tools.clock.now_s()
            self._session.greet(now_s)
            self._pump(now_s)
            while self._end is None:
                await self._pause()
                self._tick()
            raise self._end
        except asyncio.CancelledError:
            await self._leave()
            raise
        finally:
            self._give_up("the connection ended")
            self._link.close()

    def start(self, operation: Operation) -> None:
        """Run the operation's program, once it has passed the pre-flight check by what the machine says of itself.

        Raises NotAllowed unless the machine is IDLE and there is a program.
        """
        self._station.after(_C.START)
        program = operation.program
        if program is None:
            raise NotAllowed(f"{self._station.machine} runs programs, and {operation.id} has none")
        verdicts, rules = self._tools.verdicts, self._rules(program)
        if verdicts is None or rules is None:
            self._begin(operation, program)
            return
        self._looking = Looking(operation, program, rules.timed, verdicts.asking(program.sha256, rules))
        self._look_on()  # What is known already needs no waiting.
        self._nap.wake()

    def _rules(self, program: Program) -> MachineRules | None:
        """What a program is held against right before it runs; None: nothing. Raises NotAllowed."""
        return None

    def _begin(self, operation: Operation, program: Program, estimated_s: float = 0.0) -> None:
        lines = Metered(executable(self._tools.files, program.sha256))
        now_s = self._tools.clock.now_s()
        untouched = self._announce(operation, program)
        self._session.load(iter(lines), program.lines, now_s)
        self._work = Work(operation, self._tools.report, Ladder(untouched, program.lines, estimated_s, lines))
        self._station.gauge.due_s = now_s
        self._station.take(_C.START)
        self._pump(now_s)

    def _announce(self, operation: Operation, program: Program) -> int | None:
        """Tell the session what is loaded next; answers with `serial_program.gate`."""
        return None

    def proceed(self, operation_id: str) -> None:
        """What touches the part may go out: that it does is durable. Raises NotAllowed if nothing waits for that."""
        work, session = self._work, self._session
        if work is None or work.operation.id != operation_id or not work.ladder.waits or not isinstance(session, Gated):
            raise NotAllowed(f"{self._station.machine} does not wait with {operation_id}")
        work.ladder.waits = False
        session.proceed()
        self._pump(self._tools.clock.now_s())

    def adopt(self, operation: Operation) -> None:
        """Look for work whose outcome is unknown. Nothing is said for it but that heat goes off."""
        self._station.sought = operation
        if self._session.at_rest or self._station.state in _UNANSWERED:
            self._look(self._tools.clock.now_s())

    def _look(self, now_s: float) -> None:
        """Tell what there is to be told about the work that is looked for, as soon as no more can become known."""
        operation, session = self._station.sought, self._session
        if operation is not None:
            found = found_by(session, operation, now_s)
            self._station.sought = operation if found is None else None
            if found is not None:
                self._tools.report(EvidenceGathered(operation.id, found))
            self._pump(now_s)

    def command(self, command: MachineCommand) -> None:
        """HOLD, UNHOLD, ABORT, CLEAR, RESET, STOP. Their bytes are on the link when this returns."""
        if command is _C.ABORT and self._halted_by_hand():
            return
        self._station.after(command)
        if command not in _ACTS:
            raise NotAllowed(f"{self._station.machine} cannot be told to {command.value}")
        self._give_up(f"{self._station.machine} was told to {command.value} before it began")
        now_s = self._tools.clock.now_s()
        _ACTS[command](self._session, now_s)
        self._station.take(command)
        self._station.console.close()
        if self._session.at_rest:
            self._station.complete_if(_S.RESETTING)
        self._pump(now_s)

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """A person's answer to what the machine asked in mid-program. Raises NotAllowed if it did not ask that."""
        work, session = self._work, self._session
        if work is None or work.operation.id != operation_id or not isinstance(session, Asking):
            raise NotAllowed(f"{self._station.machine} has asked nothing about {operation_id}")
        now_s = self._tools.clock.now_s()
        session.answer(choice, now_s)
        work.answered()
        self._pump(now_s)

    def say_by_hand(self, line: str, by: str) -> None:
        """A line that a person has typed, with a newline. Raises NotAllowed while the machine is at work."""
        session, now_s = self._session, self._tools.clock.now_s()
        if not isinstance(session, Yielding):
            raise NotAllowed(f"{self._station.machine} takes no lines by hand")
        if not self._station.console.is_open:
            if self._work is not None or self._looking is not None:
                raise NotAllowed(f"{self._station.machine} is at work")
            session.yield_to_person(now_s)
            self._pump(now_s)
            self._station.in_hands_of(by)
        self._nap.bring_forward(self._station.console.sent(now_s, self._tools.clock.wire_s(1.0)))
        self._link.write(line.encode("ascii") + b"\n")

    def _halted_by_hand(self) -> bool:
        """Whether a person's own moves were stopped. The PackML table knows no Abort of what is aborted."""
        if not self._station.console.is_open or not isinstance(self._session, Yielding):
            return False
        now_s = self._tools.clock.now_s()
        self._session.halt_by_hand(now_s)
        self._pump(now_s)
        return True

    @property
    def quality(self) -> LinkQuality | None:
        """How good the line has been since contact was made; None where nobody counts."""
        return quality_of(self._session)

    # ---- ports.Listener ------------------------------------------------------------------------------------------

    def received(self, chunk: bytes) -> None:
        """Bytes have come in: answer them before anything else."""
        now_s = self._tools.clock.now_s()
        if self._station.console.is_open:
            self._nap.bring_forward(self._station.console.heard(chunk, now_s))
        events = self._session.receive(chunk, now_s)
        self._pump(now_s)
        if events:
            self._tell(events, now_s)
        if self._station.sought is not None and self._session.at_rest:
            self._look(now_s)

    def lost(self, reason: str) -> None:
        """The link is gone."""
        self._lose(reason, "Check its power and cable")

    # ---- the loop ------------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Until something is due; while a program is looked through, only as long as others need."""
        if self._looking is None:
            await self._nap.until(sooner(self._session.deadline_s, self._station.console.due_s), self._put_off)
        else:
            await asyncio.sleep(0)
            self._look_on()

    def _put_off(self) -> float | None:
        return self._station.put_off(self._session.deadline_s, self._tools.clock.now_s())

    def _look_on(self) -> None:
        """A piece more of the program that is to begin; it begins once it has passed."""
        looking = self._looking
        answer = looking.go_on() if looking else None
        if looking is None or answer is None:
            return
        self._looking = None
        if isinstance(answer, OperationEnded):
            self._tools.report(answer)
            return
        try:
            self._begin(looking.operation, looking.program, answer)
        except NotAllowed as refused:
            self._tools.report(looking.given_up(str(refused)))

    def _give_up(self, why: str) -> None:
        """What was still looked through does not begin any more."""
        looking, self._looking = self._looking, None
        if looking is not None:
            self._tools.report(looking.given_up(why))

    def _tick(self) -> None:
        now_s = self._tools.clock.now_s()
        events = self._session.tick(now_s)
        self._pump(now_s)
        self._tell(events, now_s)
        self._station.console.pass_time(now_s)
        gauge = self._station.gauge
        if now_s >= gauge.due_s and self._station.state is not None:
            gauge.tell(self.quality, now_s, self._tools.clock.wire_s(MEASURE_EVERY_S))

    def _pump(self, now_s: float) -> None:
        """Write what may go out now, and see to it that the next deadline is kept."""
        session = self._session
        try:
            chunk = session.transmit(now_s)
        except StoreFailed as failed:
            self._stop_for(str(failed))
            return
        if chunk:
            self._link.write(chunk)
        work = self._work
        if work is not None and not work.started and session.sent:
            work.begin()
            self._station.complete_if(_S.STARTING)
        if work is not None:
            work.climb(session.sent)
        self._nap.bring_forward(session.deadline_s)

    def _tell(self, events: Sequence[SessionEvent], now_s: float) -> None:
        for event in events:
            if isinstance(event, Acknowledged):
                self._acknowledged(event.lines, now_s)
            else:
                self._react(event)
                self._nap.wake()

    def _acknowledged(self, lines: int, now_s: float) -> None:
        work = self._work
        if work is not None and now_s >= work.next_s:
            work.advance(self._session, now_s)
        if work is not None and work.ladder.taken(lines):
            work.acknowledged(mark_of(self._session))

    async def _leave(self) -> None:
        """On the way out: a program that runs is held, and the heat goes off. The operation stays open in the
        journal; a person will be asked."""
        if self._end is not None:
            return
        clock = self._tools.clock
        if self._work is not None:
            with contextlib.suppress(NotAllowed):  # It stands still, or is on the way there.
                self.command(_C.HOLD)
        if isinstance(self._session, Resting):
            self._session.rest(clock.now_s())
            self._pump(clock.now_s())
        until_s = clock.now_s() + clock.wire_s(LEAVE_WITHIN_S)
        while self._station.state is _S.HOLDING and self._end is None and clock.now_s() < until_s:
            deadline_s = self._session.deadline_s
            await self._nap.until(until_s if deadline_s is None else min(until_s, deadline_s))
            self._tick()

    # ---- what the session tells ----------------------------------------------------------------------------------

    def _react(self, event: SessionEvent) -> None:
        station = self._station
        match event:
            case Greeted(identity) if station.state is None:
                station.found(identity)
            case Rested():
                if station.state is _S.COMPLETING:
                    self._end_work(OperationState.DONE)
                station.complete_if(_S.RESETTING, _S.CLEARING, _S.COMPLETING)
            case ProgramDrained():
                station.walk_to_execute()
                station.complete_if(_S.EXECUTE)
            case Held(reason):
                station.take_if_allowed(_C.HOLD, reason)
                station.complete_if(_S.HOLDING, reason=reason)
            case Resumed() if station.state is not _S.HOLDING:
                station.walk_to_execute()
            case Stopped():
                word = "halted" if station.state is _S.ABORTING else "stopped"
                self._end_work(OperationState.FAILED, word)
                station.complete_if(_S.ABORTING, _S.STOPPING)
            case Asked(text, choices) if self._work is not None:
                self._work.ask(Question(text, choices))
            case Unasked() if self._work is not None:
                self._work.withdraw()
            case FaultRaised(what, do_next):
                self._fault(what, do_next)
            case FellSilent(silent_s):
                self._lose(f"nothing was heard for {silent_s:.0f} s", "Check its cable; switch it off and on")
            case ResetSeen(what):
                self._lose(what, "Look at the machine and at the part in it")

    def _fault(self, what: str, do_next: str) -> None:
        reason = f"{what}. {do_next}"
        self._give_up(what)
        if self._station.state is None:
            self._end = MachineFault(self._station.machine, what, do_next=do_next)
            return
        self._end_work(OperationState.FAILED, what)
        self._station.take_if_allowed(_C.ABORT, reason)
        self._station.complete_if(_S.ABORTING, reason=reason)
        self._look(self._tools.clock.now_s())

    def _lose(self, what: str, do_next: str) -> None:
        self._give_up(what)
        self._end_work(OperationState.UNKNOWN, what)
        self._end = self._end or LinkLost(self._station.machine, what, do_next=do_next)
        self._nap.wake()

    def _stop_for(self, trouble: str) -> None:
        """The program cannot be read any further: end it in order."""
        if self._work is not None:
            self._work.trouble = trouble
        self.command(_C.STOP)

    def _end_work(self, state: OperationState, reason: str = "") -> None:
        """Whatever ends it: work of which no byte has gone out was not begun."""
        work, session = self._work, self._session
        if work is None:
            return
        self._work = None
        self._station.gauge.due_s = 0.0
        work.advance(self._session, math.inf)
        if state is not OperationState.DONE:
            reason = work.trouble or reason
            if work.started or (isinstance(session, Trying) and session.may_have_moved):
                reason = f"{reason}, between line {session.executed} and {session.sent}"
            else:
                state = OperationState.NOT_BEGUN
        work.end(state, reason)
