"""The Marlin protocol: who is there, one program at a time, and every way in which it can end.

Three things tell that motion is over, and only together: `M400`, which is acknowledged when the planner is empty;
an `M105` behind it (the seal), because nothing in a plain `ok` says which line it is for; and the order of both.

What the printer says is dealt with in `hearing`, contact in `greeting`, lost and damaged lines in `wire`.
"""

import math
from collections.abc import Iterator, Sequence

from cellctl.domain.errors import NotAllowed, StoreFailed
from cellctl.domain.evidence import Findings
from cellctl.domain.link import LinkQuality
from cellctl.domain.work import Evidence, Operation
from cellctl_drivers.marlin import aftermath, greeting, hearing, pausing
from cellctl_drivers.marlin.answers import Splitter, named_ok, read
from cellctl_drivers.marlin.ledger import frame
from cellctl_drivers.marlin.memory import EVERY_LINE, Limits, Run, Times
from cellctl_drivers.marlin.printer import Printer
from cellctl_drivers.marlin.questions import CONTINUE
from cellctl_drivers.marlin.rules import Area
from cellctl_drivers.marlin.states import SPEAKS, STRANGE, Signal, State
from cellctl_drivers.serial_session import Acknowledged, SessionEvent


class MarlinSession:
    """A `serial_session.Session` for the Marlin family."""

    def __init__(self, limits: Limits) -> None:
        self._printer = Printer(limits)
        self._splitter = Splitter()

    @property
    def state(self) -> State:
        """Where it is in its table."""
        return self._printer.state

    @property
    def area(self) -> Area | None:
        """How far its axes reach, by its own words (M115)."""
        return self._printer.portrait.area

    # ---- asked by the host ---------------------------------------------------------------------------------------

    def greet(self, now_s: float) -> None:
        """Wait for the board to boot, or for it to be quiet; then ask who it is."""
        self._printer.go(Signal.GREET)
        greeting.wake(self._printer, now_s)

    def clear(self, now_s: float) -> None:
        """Speak to the board anew. One that was killed answers only after a person has reset it."""
        self._printer.go(Signal.CLEAR)
        greeting.wake(self._printer, now_s)

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """Run a program."""
        printer = self._printer
        printer.go(Signal.LOAD)
        printer.begin(Run(lines, until=printer.portrait.untouched), now_s)
        printer.portrait.untouched = EVERY_LINE

    def announce(self, untouched: int) -> None:
        """The program that is loaded next is sent up to here, and on when `proceed` is called."""
        self._printer.portrait.untouched = untouched

    def proceed(self) -> None:
        """The rest of the program may go out."""
        self._printer.run.until = EVERY_LINE

    @property
    def mark(self) -> str:
        """The number of the last line that it has taken, where it counts."""
        ledger = self._printer.wire.ledger
        return str(ledger.first - 1) if ledger.numbered else ""

    def found(self, operation: Operation, now_s: float) -> Findings | None:
        """How far its own line counter had come; once all was taken, the part may be had when the bed is cold."""
        return aftermath.findings(self._printer, operation)

    def hold(self, now_s: float) -> None:
        """Send nothing more of the program, let the planner run out, and park.

        Marlin has no hold in mid-move that it tells of: `P000` needs an option of the build that no `Cap:` line
        names. A move that is planned is finished; a long blocking command is waited for.
        """
        pausing.hold(self._printer)

    def resume(self, now_s: float) -> None:
        """Back to where it was held, and on with the next line.

        Where the printer itself waits for a person: as if that had been answered.
        """
        printer = self._printer
        question = printer.run.questions.open
        if question is None or not printer.may(Signal.RESUME):
            pausing.go_on(printer)
        elif question.choices == (CONTINUE,):
            self.answer(CONTINUE, now_s)
        else:
            raise NotAllowed(f"the printer asks: {question.text}; answer one of {', '.join(question.choices)}")

    def answer(self, choice: str, now_s: float) -> None:
        """A person's answer to the open question."""
        printer, questions = self._printer, self._printer.run.questions
        question = questions.open
        if question is None:
            raise NotAllowed("the printer asks nothing (any more)")
        if choice not in question.choices:
            raise NotAllowed(f"{choice!r} is not among {', '.join(question.choices)}")
        questions.open, questions.answered_s = None, now_s
        if question.replies:
            printer.wire.call(question.replies[question.choices.index(choice)])
        if printer.may(Signal.RESUME):
            pausing.go_on(printer)

    def stop(self, now_s: float) -> None:
        """Forget the program, heaters off, let the planner run out."""
        printer = self._printer
        printer.go(Signal.STOP)
        printer.times.wait_s = math.inf
        if printer.run.questions.open is not None:
            printer.wire.call("M108")  # While it is paused for a person it reads nothing else.
        printer.drop_program()
        if printer.run.pause is not None:
            printer.wire.say(*pausing.motors(printer.dialect.motors_rest))
        printer.wire.say(*printer.rest_lines())
        printer.wire.prove_rest()

    def halt(self, now_s: float) -> None:
        """M112, by both ways: only unnumbered is it seen at once where the emergency parser is missing.

        The newline ends whatever line is half sent. It is said again until it is confirmed. The printer is dead to
        the world afterwards.
        """
        printer = self._printer
        printer.go(Signal.HALT)
        printer.drop_program()
        times = Times(printer.times.heard_s, printer.times.booted_s)
        times.wait_s = now_s + printer.limits.acknowledge_s
        printer.times = times
        self._say_halt(now_s)

    def rest(self, now_s: float) -> None:
        """We are leaving: heat off, past all that waits."""
        printer = self._printer
        if printer.state in SPEAKS and printer.state not in STRANGE:
            printer.run.lines = iter(())
            printer.run.pause = None  # It stands where it stands: nobody would see the end of its way.
            printer.leave_cold()

    # ---- by hand -------------------------------------------------------------------------------------------------

    def yield_to_person(self, now_s: float) -> None:
        """A person types: nothing is said and nothing counted before `clear`, which sets the line counter anew."""
        printer = self._printer
        if printer.state is State.DOWN:
            return
        if not self.at_rest:
            raise NotAllowed(f"the printer is {printer.state.value}; it cannot be worked on by hand")
        printer.go(Signal.FAULT)
        printer.lie_down()

    def halt_by_hand(self, now_s: float) -> None:
        """M112, once."""
        outbox, dialect = self._printer.wire.outbox, self._printer.dialect
        outbox.urgent += dialect.halt_byte + b"\nM112\n"
        self._printer.stopped_itself = True

    # ---- bytes and time ------------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes from the printer."""
        printer = self._printer
        acknowledged = printer.wire.ledger.acknowledged
        printer.times.heard_s = now_s
        for line in self._splitter.lines(chunk):
            if line[:2] != b"ok" or not self._takes_ok(line, now_s):
                hearing.hear(printer, read(line), now_s)
        now_acknowledged = printer.wire.ledger.acknowledged
        if now_acknowledged != acknowledged:
            printer.events.insert(0, Acknowledged(now_acknowledged))
        return printer.told()

    def _takes_ok(self, line: bytes, now_s: float) -> bool:
        """The short way for what is said behind every line of a program. False: take the long one."""
        printer = self._printer
        if printer.state is not State.RUNNING or printer.run.questions.open is not None:
            return False
        if line == b"ok":
            printer.wire.plain_ok(now_s)
            return True
        named = named_ok(line)
        if named is None:
            return False
        printer.wire.named_ok(*named, now_s)
        return True

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the printer. Raises StoreFailed when the program cannot be read any further."""
        printer = self._printer
        wire = printer.wire
        if printer.state is not State.RUNNING and printer.state not in SPEAKS:
            urgent, wire.outbox.urgent = wire.outbox.urgent, b""
            return urgent
        try:
            return wire.transmit(printer.pull, now_s)
        except StoreFailed:
            printer.run.broken = True
            raise

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Look at every clock that runs."""
        printer = self._printer
        times = printer.times
        if printer.state in SPEAKS and not printer.wire.tick(now_s):
            printer.no_answer(now_s)
        if now_s >= times.halt_s:
            self._say_halt(now_s)
        if now_s >= times.wait_s:
            times.wait_s = math.inf
            self._waited(now_s)
        if now_s >= times.report_s:
            printer.wire.ask_report()
            printer.expect_report(now_s)
        if now_s >= printer.run.dead_man.due_s:
            printer.wire.say(*printer.run.dead_man.feed(now_s))
        return printer.told()

    @property
    def deadline_s(self) -> float | None:
        """The earliest clock; at once if there is something to tell."""
        printer = self._printer
        if printer.events:
            return 0.0
        times, due_s = printer.times, printer.run.dead_man.due_s
        due_s = min(due_s, times.report_s)
        due_s = min(due_s, times.wait_s)
        due_s = min(due_s, times.halt_s)
        wire_s = printer.wire.patience.due_s
        if wire_s < due_s and (printer.state is State.RUNNING or printer.state in SPEAKS):
            due_s = wire_s
        return None if due_s == math.inf else due_s

    @property
    def at_rest(self) -> bool:
        """Whether a program would be taken."""
        return self._printer.state is State.READY

    @property
    def sent(self) -> int:
        """Program lines that went out."""
        return self._printer.run.sent

    @property
    def acknowledged(self) -> int:
        """Program lines that were taken from the command queue: planned, not moved."""
        return self._printer.wire.ledger.acknowledged

    @property
    def executed(self) -> int:
        """Program lines whose motion is proved to be over."""
        return self._printer.wire.progress.proved

    @property
    def evidence(self) -> Evidence:
        """By what that is proved."""
        return self._printer.wire.progress.evidence

    @property
    def estimated(self) -> int:
        """Program lines that have left the planner, if each made one block of motion."""
        return self._printer.wire.progress.likely(self.acknowledged)

    @property
    def quality(self) -> LinkQuality:
        """How good the line has been since it was opened."""
        wire = self._printer.wire
        return wire.meter.quality(wire.window.slots, self._splitter.thrown_away_bytes)

    # ---- inside --------------------------------------------------------------------------------------------------

    def _say_halt(self, now_s: float) -> None:
        wire = self._printer.wire
        self._printer.times.halt_s = now_s + self._printer.limits.halt_again_s
        wire.outbox.urgent += wire.dialect.halt_byte + b"\nM112\n"
        if wire.dialect.numbered:
            wire.outbox.urgent += frame(wire.ledger.next, b"M112")

    def _waited(self, now_s: float) -> None:
        printer = self._printer
        if printer.state is State.WAKING and aftermath.asks(printer):
            printer.times.wait_s = now_s + printer.limits.quiet_s
        elif printer.state is State.WAKING:
            printer.go(Signal.QUIET)
            greeting.begin(printer, now_s)
        elif printer.state is State.HELD:
            pausing.stand_by(printer)
        elif printer.state is State.COOLING:
            printer.fault(f"keeps its bed at {printer.portrait.bed_celsius} °C", "Look at the bed's heater, then clear")
        else:
            printer.fall_silent(now_s)
