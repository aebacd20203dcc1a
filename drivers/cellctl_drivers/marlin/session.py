"""The Marlin protocol: who is there, one program at a time, and every way in which it can end.

Three things tell that motion is over, and only together: `M400`, which is acknowledged when the planner is empty;
an `M105` behind it (the seal), because nothing in a plain `ok` says which line it is for; and the order of both.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.answers import PLAIN_OK, Answer, Kind, Splitter, identity, read
from cellctl_drivers.marlin.ledger import Window, frame, framed_bytes
from cellctl_drivers.marlin.memory import Limits, Portrait, Run, Times
from cellctl_drivers.marlin.states import NEXT, Signal, State, after
from cellctl_drivers.marlin.wire import Wire
from cellctl_drivers.serial_session import (
    Acknowledged,
    FaultRaised,
    FellSilent,
    Greeted,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    Resumed,
    SessionEvent,
    Stopped,
)

_CHECK_LINE: Final = "Check cable, baud rate and power supply, then clear"


class MarlinSession:
    """A `serial_session.Session` for Marlin 1.1.8 and later. Window 1: a line goes out when the one before is taken."""

    def __init__(self, limits: Limits) -> None:
        self.state = State.NEW
        self._limits = limits
        self._wire = Wire(limits.greeting_s, limits.trailing_ok_s, Window())
        self._run = Run()
        self._portrait = Portrait()
        self._times = Times()
        self._splitter = Splitter()
        self._events: list[SessionEvent] = []

    # ---- asked by the host ---------------------------------------------------------------------------------------

    def greet(self, now_s: float) -> None:
        """Wait for the board to boot, or for it to be quiet; then ask who it is."""
        self._go(Signal.GREET)
        self._wake(now_s)

    def clear(self, now_s: float) -> None:
        """Speak to the board anew. One that was killed answers only after a person has reset it."""
        self._go(Signal.CLEAR)
        self._wake(now_s)

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """Run a program."""
        self._go(Signal.LOAD)
        self._run = Run(lines)
        self._wire.ledger.acknowledged = 0

    def hold(self, now_s: float) -> None:
        """Send nothing more of the program and let the planner run out.

        Marlin has no hold in mid-move that it tells of: `P000` needs an option of the build that no `Cap:` line
        names. A move that is planned is finished; a long blocking command is waited for.
        """
        self._go(Signal.HOLD)
        self._wire.forget()
        self._prove_rest()

    def resume(self, now_s: float) -> None:
        """Go on with the next line."""
        self._go(Signal.RESUME)
        self._events.append(Resumed())

    def stop(self, now_s: float) -> None:
        """Forget the program, heaters off, let the planner run out."""
        self._go(Signal.STOP)
        self._drop_program()
        self._wire.say(*facts.RESTING_LINES)
        self._prove_rest()

    def halt(self, now_s: float) -> None:
        """M112, by both ways: only unnumbered is it seen at once where the emergency parser is missing.

        The newline ends whatever line is half sent. The printer is dead to the world afterwards.
        """
        self._go(Signal.HALT)
        self._drop_program()
        self._wire.urgent += b"\nM112\n" + frame(self._wire.ledger.next, b"M112")
        self._times = Times(self._times.heard_s, wait_s=now_s + self._limits.acknowledge_s)

    # ---- bytes and time ------------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes from the printer."""
        acknowledged = self.acknowledged
        self._times.heard_s = now_s
        for line in self._splitter.lines(chunk):
            if line == b"ok":
                self._on_ok(PLAIN_OK, now_s)
            else:
                self._hear(read(line), now_s)
        if self.acknowledged != acknowledged:
            self._events.insert(0, Acknowledged(self.acknowledged))
        return self._told()

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the printer."""
        if self.state in _SPEAKS:
            return self._wire.transmit(self._pull, now_s)
        urgent, self._wire.urgent = self._wire.urgent, b""
        return urgent

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Look at every clock that runs."""
        times = self._times
        if self.state in _SPEAKS and not self._wire.tick(now_s):
            self._no_answer(now_s)
        if times.wait_s is not None and now_s >= times.wait_s:
            times.wait_s = None
            self._waited(now_s)
        if times.report_s is not None and now_s >= times.report_s:
            self._wire.ask_report()
            self._expect_report(now_s)
        return self._told()

    @property
    def deadline_s(self) -> float | None:
        """The earliest clock; at once if there is something to tell."""
        if self._events:
            return 0.0
        wire_s = self._wire.due_s if self.state in _SPEAKS else None
        dues = [due for due in (wire_s, self._times.wait_s, self._times.report_s) if due is not None]
        return min(dues, default=None)

    @property
    def at_rest(self) -> bool:
        """Whether a program would be taken."""
        return self.state is State.READY

    @property
    def sent(self) -> int:
        """Program lines that went out."""
        return self._run.sent

    @property
    def acknowledged(self) -> int:
        """Program lines that were taken from the command queue: planned, not moved."""
        return self._wire.ledger.acknowledged

    @property
    def executed(self) -> int:
        """Program lines before the last seal, or those that a full planner cannot hold any more."""
        return max(self._run.sealed, self.acknowledged - facts.PLANNER_BLOCKS)

    # ---- what the printer says -----------------------------------------------------------------------------------

    def _hear(self, answer: Answer, now_s: float) -> None:
        if self.state is State.WAKING:
            self._times.wait_s = min(now_s + self._limits.quiet_s, self._times.boot_until_s)
        reaction = _REACTIONS.get(answer.kind)
        if reaction is not None and self.state not in (State.NEW, State.LOST):
            reaction(self, answer, now_s)

    def _on_ok(self, answer: Answer, now_s: float) -> None:
        if self.state not in _SPEAKS:
            return
        if answer.kind is Kind.OK_REPORT:
            self._on_report(answer, now_s)
        self._wire.ok(answer, now_s)
        if self._wire.sealed:
            self._wire.sealed = False
            self._sealed(now_s)

    def _on_resend(self, answer: Answer, now_s: float) -> None:
        if self.state not in _SPEAKS or answer.number is None or self._wire.resend(answer.number, now_s):
            return
        if self.state is State.GREETING:
            self._begin_greeting()  # The M110 itself was damaged: the counters have not met yet.
        else:
            self._fault(f"asks for line {answer.number}, which cannot be sent again", _CHECK_LINE)

    def _on_busy(self, answer: Answer, now_s: float) -> None:
        self._wire.extend(now_s)
        if self.state is State.HALTING:
            self._times.wait_s = now_s + self._limits.acknowledge_s

    def _on_report(self, answer: Answer, now_s: float) -> None:
        if "W:" in answer.text:  # M109 and M190 count down while they block, also where there is no keepalive.
            self._on_busy(answer, now_s)
        self._portrait.hear_report(answer.text)
        if self._times.report_s is not None:
            self._expect_report(now_s)
        if self.state is State.COOLING:
            self._look_at_bed()

    def _on_error(self, answer: Answer, now_s: float) -> None:
        said = answer.text.lower()
        killed = "halted" in said
        if self.state is State.HALTING:
            if killed:
                self._go(Signal.KILLED)
                self._lie_down([Stopped()])
        elif killed or self.state in _WORKS or any(word in said for word in facts.FATAL_ERRORS):
            do_next = "Switch the printer off and on, then clear" if killed else "Look at the printer, then clear"
            self._fault(f'says "{answer.text}"', do_next)

    def _on_cold(self, answer: Answer, now_s: float) -> None:
        # Only an echo for Marlin: it goes on without plastic and acknowledges every line.
        if self.state in _WORKS:
            self._fault(f"says {answer.text}", "Look at the part and at the nozzle temperature, then clear")

    def _on_start(self, answer: Answer, now_s: float) -> None:
        was = self.state
        self._go(Signal.RESTARTED)
        if self.state is State.LOST:
            self._lie_down([ResetSeen("the printer restarted: position and heat are gone")])
        elif self.state is State.WAKING:
            self._times.boot_until_s = now_s + self._limits.boot_s
            self._times.wait_s = now_s + self._limits.quiet_s
        elif was is State.HALTING:
            self._lie_down([Stopped()])

    def _on_wait(self, answer: Answer, now_s: float) -> None:
        if self.state in _SPEAKS:
            self._wire.probe(now_s)  # Queue and buffer are empty over there: what is in flight was lost.

    def _on_action(self, answer: Answer, now_s: float) -> None:
        match answer.text.strip():
            case "paused" if (self.state, Signal.PAUSED) in NEXT:
                self._go(Signal.PAUSED)
                self._events.append(Held("paused at the printer"))
            case "pause" if (self.state, Signal.HOLD) in NEXT:
                self.hold(now_s)
            case "resumed" | "resume" if (self.state, Signal.RESUME) in NEXT:
                self.resume(now_s)
            case "cancel" if self.state in _WORKS:
                self._fault("was told at its panel to cancel", "Take the part off, then clear")

    def _on_firmware(self, answer: Answer, now_s: float) -> None:
        self._portrait.identity = identity(answer.text)

    def _on_capability(self, answer: Answer, now_s: float) -> None:
        self._portrait.capabilities.add(answer.text.upper())

    # ---- dialogues -----------------------------------------------------------------------------------------------

    def _wake(self, now_s: float) -> None:
        self._portrait = Portrait()
        until_s = now_s + self._limits.boot_s
        self._times = Times(now_s, wait_s=until_s, boot_until_s=until_s)

    def _begin_greeting(self) -> None:
        if self._portrait.greetings == facts.GREETINGS:
            self._fault("restarts, or loses the first line, again and again", _CHECK_LINE)
            return
        self._portrait.greetings += 1
        self._wire = Wire(self._limits.greeting_s, self._limits.trailing_ok_s, Window())
        self._wire.urgent = b"\n"  # Ends what an earlier connection may have left half said.
        self._wire.say("M110 N0", "M115")
        self._wire.seal()

    def _prove_rest(self) -> None:
        self._wire.say("M400")
        self._wire.seal()

    def _sealed(self, now_s: float) -> None:
        """All lines so far have been handled; motion is over if an M400 was among them."""
        if (self.state, Signal.SEALED) not in NEXT:
            return
        was = self.state
        self._go(Signal.SEALED)
        self._run.sealed = self.acknowledged
        if was is State.GREETING:
            self._meet(now_s)
        elif was is State.DRAINING:
            self._cool(now_s)
        else:
            self._events.append(_PROVED[was])

    def _meet(self, now_s: float) -> None:
        if not self._portrait.identity:
            self._fault("does not answer M115 as Marlin does", "Check port and firmware, then clear")
            return
        self._wire.patience_s = self._limits.acknowledge_s
        self._events.append(Greeted(self._portrait.identity))
        self._expect_report(now_s)
        if self._portrait.reports_by_itself:
            self._wire.say(f"M155 S{facts.REPORT_S}")
        self._prove_rest()

    def _cool(self, now_s: float) -> None:
        self._events.append(ProgramDrained())
        self._times.wait_s = now_s + self._limits.cooling_s
        self._look_at_bed()

    def _look_at_bed(self) -> None:
        if not self._portrait.bed_above(self._limits.release_bed_celsius):
            self._go(Signal.COOLED)
            self._times.wait_s = None
            self._events.append(Rested())

    def _waited(self, now_s: float) -> None:
        if self.state is State.WAKING:
            self._go(Signal.QUIET)
            self._begin_greeting()
        elif self.state is State.COOLING:
            self._fault(f"keeps its bed at {self._portrait.bed_celsius} °C", "Look at the bed's heater, then clear")
        else:
            self._fall_silent(now_s)

    def _expect_report(self, now_s: float) -> None:
        # Reports that come by themselves are asked for only when they stay out.
        patience = 3 if self._portrait.reports_by_itself else 1
        self._times.report_s = now_s + patience * facts.REPORT_S

    # ---- ends ----------------------------------------------------------------------------------------------------

    def _no_answer(self, now_s: float) -> None:
        if now_s - self._times.heard_s >= self._wire.patience_s:
            self._fall_silent(now_s)
        elif not self._wire.probe(now_s):
            self._fault(f"talks, but does not acknowledge line N{self._wire.ledger.first}", _CHECK_LINE)

    def _fall_silent(self, now_s: float) -> None:
        self._go(Signal.SILENCE)
        self._lie_down([FellSilent(now_s - self._times.heard_s)])

    def _fault(self, what: str, do_next: str) -> None:
        if (self.state, Signal.FAULT) not in NEXT:
            return
        self._go(Signal.FAULT)
        # Unnumbered, because the numbers may be what is wrong; a firmware that was killed does not mind.
        resting = "".join(f"\n{line}" for line in facts.RESTING_LINES)
        self._wire.urgent += f"{resting}\n".encode("ascii")
        self._lie_down([FaultRaised(what, do_next)])

    def _lie_down(self, events: Sequence[SessionEvent]) -> None:
        self._drop_program()
        self._times = Times(self._times.heard_s)
        self._events.extend(events)

    def _drop_program(self) -> None:
        self._run.lines = None
        self._wire.forget()

    def _pull(self) -> bytes | None:
        """The next line of the program, while it may run."""
        run = self._run
        if self.state is not State.RUNNING or run.lines is None:
            return None
        line = next(run.lines, None)
        if line is None:
            self._go(Signal.LAST_LINE)
            self._wire.say(*facts.RESTING_LINES)
            self._prove_rest()
            return None
        if framed_bytes(self._wire.ledger.next, line) > facts.MAX_FRAMED_BYTES:
            self._fault(f"cannot be sent line {run.sent + 1}: {len(line)} characters", "Shorten it, then clear")
            return None
        run.sent += 1
        return line.encode("ascii", "replace")

    def _go(self, signal: Signal) -> None:
        self.state = after(self.state, signal)

    def _told(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events


# In these, numbered lines go out.
_SPEAKS: Final = frozenset(State) - {State.NEW, State.WAKING, State.HALTING, State.DOWN, State.LOST}
# In these, a program is under way.
_WORKS: Final = frozenset({State.RUNNING, State.DRAINING, State.HOLDING, State.HELD})

_REACTIONS: Final[dict[Kind, Callable[[MarlinSession, Answer, float], None]]] = {
    Kind.OK: MarlinSession._on_ok,
    Kind.OK_REPORT: MarlinSession._on_ok,
    Kind.RESEND: MarlinSession._on_resend,
    Kind.ERROR: MarlinSession._on_error,
    Kind.COLD: MarlinSession._on_cold,
    Kind.BUSY: MarlinSession._on_busy,
    Kind.START: MarlinSession._on_start,
    Kind.WAIT: MarlinSession._on_wait,
    Kind.ACTION: MarlinSession._on_action,
    Kind.FIRMWARE: MarlinSession._on_firmware,
    Kind.CAPABILITY: MarlinSession._on_capability,
    Kind.REPORT: MarlinSession._on_report,
}
# What is proved when the seal comes.
_PROVED: Final[dict[State, SessionEvent]] = {
    State.SETTLING: Rested(),
    State.HOLDING: Held(),
    State.STOPPING: Stopped(),
}
