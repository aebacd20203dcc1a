"""One printer, as a session knows it: its state, its wire, the program, and how all of it can end."""

from collections.abc import Sequence
from typing import Final

from cellctl_drivers.marlin import facts, program
from cellctl_drivers.marlin.dead_man import DeadMan
from cellctl_drivers.marlin.dialects import COMMON, Dialect, Repeats
from cellctl_drivers.marlin.ledger import PROGRAM, framed_bytes
from cellctl_drivers.marlin.memory import Limits, Portrait, Run, Times
from cellctl_drivers.marlin.repeating import may_come_twice
from cellctl_drivers.marlin.states import NEXT, STRANGE, Signal, State, after
from cellctl_drivers.marlin.window import Window
from cellctl_drivers.marlin.wire import Line, Wire
from cellctl_drivers.serial_quality import Meter
from cellctl_drivers.serial_session import FaultRaised, FellSilent, Rested, SessionEvent

CHECK_LINE: Final = "Check cable, baud rate and power supply, then clear"
CHECK_PART: Final = "Look at the part, check cable and grounding, then clear"

# What a frame adds to a line of the program, newline included, for numbers up to ten digits.
_FRAME_BYTES: Final = len("N1234567890 *255\n")
_MOVES: Final = ("G1 ", "G0 ")


class Printer:
    """State and memory of one connection, and the steps that more than one event leads to."""

    def __init__(self, limits: Limits) -> None:
        self.state = State.NEW
        self.limits = limits
        self.wire = Wire(limits.dialect or COMMON, limits.patience(), Window(limits.window, limits.rx_bytes), Meter())
        self.portrait = Portrait()
        self.run = Run()
        self.times = Times()
        self.events: list[SessionEvent] = []
        self.stopped_itself = False  # It takes nothing, or does nothing, until it is revived.

    @property
    def dialect(self) -> Dialect:
        """As far as it is known."""
        return self.wire.dialect

    @property
    def reports_by_itself(self) -> bool:
        """Whether M155 makes it report temperatures without being asked."""
        return self.dialect.auto_reports and "AUTOREPORT_TEMP" in self.portrait.capabilities

    def go(self, signal: Signal) -> None:
        """Into the next state. Raises NotAllowed."""
        self.state = after(self.state, signal)

    def may(self, signal: Signal) -> bool:
        """Whether there is a next state."""
        return (self.state, signal) in NEXT

    # ---- a program -----------------------------------------------------------------------------------------------

    def begin(self, run: Run, now_s: float) -> None:
        """Another program."""
        self.run = run
        run.dead_man = DeadMan(self.dialect, self.limits.dead_man_s)
        self.wire.ledger.acknowledged = 0
        self.wire.progress.begin()
        self.wire.patience.full_s = max(self.limits.acknowledge_s, self.dialect.blocking_s)
        self.wire.say(*run.dead_man.begin(self.times.booted_s, now_s))

    def pull(self, room: int) -> Line | None:
        """The next line of the program, while it may run, if it is not longer than this."""
        run = self.run
        # Behind a pause nothing is sent until it is over: whoever ends it, for whatever reason, sets nothing moving.
        if self.state is not State.RUNNING or run.sent >= run.until or self.wire.ledger.first <= run.pause_line:
            return None
        line = run.ahead.popleft() if run.ahead else self._read_on()
        if line is None:
            return None
        command, own = line
        if len(command) + _FRAME_BYTES > room:
            run.ahead.appendleft(line)
            return None
        if own is None:
            run.sent += 1
        elif own in PROGRAM:
            run.sent += 1
            if program.code_of(command.decode("ascii")) in facts.PAUSES:
                run.pause_line = self.wire.ledger.next
        return line

    def drop_program(self) -> None:
        """Nothing more of it is sent."""
        self.run.lines = iter(())
        self.run.ahead.clear()
        self.run.questions.forget()
        self.wire.forget()

    def rest_lines(self) -> tuple[str, ...]:
        """What turns heat off, and then the dead-man, which is of no use any more. The fan keeps running, it helps
        the part to cool."""
        return (*self.portrait.resting(self.dialect), *self.run.dead_man.off())

    def sealed(self) -> None:
        """Motion is over, and all that was sent is done."""
        self.wire.progress.stands(self.wire.ledger.acknowledged)

    def rested(self) -> None:
        """Nothing is in the way of the next program."""
        self.wire.patience.full_s = self.limits.acknowledge_s
        self.events.append(Rested())

    def expect_report(self, now_s: float) -> None:
        """Reports that come by themselves are asked for only when they stay out."""
        self.times.report_s = now_s + (3 if self.reports_by_itself else 1) * facts.REPORT_S

    def wait_for_heat(self, now_s: float, *, proved: bool) -> None:
        """Temperatures come while a wait for heat is under way; `proved`: it is the wait that prints them.

        M109 and its like print them also where there is no keepalive, some without `W:`. But where they come by
        themselves all the time they prove nothing: the wait may be over, and its `ok` lost.
        """
        if proved or not self.reports_by_itself:
            self.wire.extend(now_s)
        run, line = self.run, self.wire.ledger.first
        if run.heat[0] != line:
            run.heat = (line, now_s)
        elif now_s - run.heat[1] > self.limits.heating_s:
            self.fault("waits for heat that does not come", "Look at its heaters and sensors, then clear")

    def _read_on(self) -> Line | None:
        """Make ready the next line of the program; None if there is none, or it must not be sent."""
        run, dialect = self.run, self.dialect
        line = next(run.lines, None)
        if line is None:
            if not run.broken:
                self._end_program()
            return None
        if len(line) + _FRAME_BYTES > dialect.longest_line_bytes and self._is_too_long(line):
            self.fault(f"cannot be sent line {run.sent + 1}: {len(line)} characters", "Shorten it, then clear")
            return None
        if line[:3] in _MOVES and dialect.takes_moves_as_they_are:
            if "F" in line:
                run.feed_line = line
            return line.encode("ascii", "replace"), None
        if why := program.refusal(line):
            self.fault(f"must not be sent line {run.sent + 1}: {why}", "Take it out of the program, then clear")
            return None
        run.follow(line)
        run.ahead.extend(program.prepare(line, dialect, run.dead_man))
        return run.ahead.popleft()

    def _is_too_long(self, line: str) -> bool:
        longest = self.dialect.longest_line_bytes
        length = framed_bytes(self.wire.ledger.next, line) if self.dialect.numbered else len(line)
        return length > longest

    def _end_program(self) -> None:
        self.go(Signal.LAST_LINE)
        self.wire.say(*self.rest_lines())
        self.wire.prove_rest()

    # ---- ends ----------------------------------------------------------------------------------------------------

    def no_answer(self, now_s: float) -> None:
        """An acknowledgement stays out."""
        wire = self.wire
        if wire.is_torn:
            self.fault(f"has executed a piece of line N{wire.ledger.first} by itself", CHECK_PART)
        elif self.dialect.repeats is Repeats.TAKEN and not wire.probes:
            self._lost_without_a_word(now_s)
        elif now_s - self.times.heard_s >= wire.patience.full_s and wire.probes >= self._silent_probes:
            self.fall_silent(now_s)
        elif not (wire.say_again(now_s) if self.dialect.repeats is Repeats.TAKEN else wire.probe(now_s)):
            self.fault(f"talks, but does not acknowledge line N{wire.ledger.first}", CHECK_LINE)

    @property
    def _silent_probes(self) -> int:
        if self.dialect.repeats is not Repeats.REFUSED:
            return 0
        return 1 if self.state is State.GREETING else facts.SILENT_PROBES

    def _lost_without_a_word(self, now_s: float) -> None:
        """A damaged line is dropped in silence here: either it was lost, or only its `ok` was."""
        ledger = self.wire.ledger
        line = ledger.line(ledger.first).decode("ascii").strip()
        # Moves of ours are relative, whatever the program has said.
        ours = ledger.own(ledger.first) not in PROGRAM and code_behind_number(line) == "G1"
        if not ours and may_come_twice(line, self.run.modal):
            self.wire.say_again(now_s)
        else:
            self.fault(f"gave no answer to {line!r}, and a second time might be once too often", CHECK_LINE)

    def fall_silent(self, now_s: float) -> None:
        """Nothing is heard any more; but it may still hear."""
        if self.state not in STRANGE:
            self.leave_cold()
        self.go(Signal.SILENCE)
        self.lie_down(FellSilent(now_s - self.times.heard_s))

    def fault(self, what: str, do_next: str) -> None:
        """It cannot go on."""
        if self.may(Signal.FAULT):
            if self.state not in STRANGE:
                self.leave_cold()
            self.go(Signal.FAULT)
            self.lie_down(FaultRaised(what, do_next))

    def lie_down(self, *events: SessionEvent) -> None:
        """Wait for nothing any more."""
        self.drop_program()
        self.times = Times(self.times.heard_s, self.times.booted_s)
        self.events.extend(events)

    def told(self) -> Sequence[SessionEvent]:
        """The events since the last time."""
        if not self.events:
            return ()
        events, self.events = self.events, []
        return events

    def leave_cold(self) -> None:
        """Unnumbered, because the numbers may be what is wrong; a firmware that was killed does not mind.

        A wait for heat would keep it hot, and a pause would keep the lines from being read: M108 ends both.
        """
        released = ("M108",) if self.is_under_way(*facts.WAITS) else ()
        self.wire.call(*released, *self.rest_lines())

    def passed_over(self, unknown: str) -> bool:
        """Whether a command that was not known is a damaged line with a good number: that one is not asked for again.

        It is as long as what was sent. A line whose frame was damaged is longer by that, and found by the next number.
        """
        ledger = self.wire.ledger
        kept = range(max(0, ledger.next - facts.REACH_BACK), ledger.next)
        recent = [number for number in kept if ledger.own(number) in PROGRAM]
        lines = [ledger.line(number).decode("ascii").partition("*")[0].strip() for number in recent]
        commands = [line.partition(" ")[2] if line.startswith("N") else line for line in lines]
        others = [sum(a != b for a, b in zip(unknown, c, strict=True)) for c in commands if len(c) == len(unknown)]
        return 0 not in others and any(different <= facts.FEW_CHARACTERS for different in others)

    def is_under_way(self, *codes: str) -> bool:
        """Whether a command of these was sent and is not acknowledged."""
        ledger = self.wire.ledger
        lines = (ledger.line(number).decode("ascii") for number in range(ledger.first, ledger.cursor))
        return any(code_behind_number(line) in codes for line in lines)


def code_behind_number(line: str) -> str:
    """The command of a line as it goes out, with or without its number."""
    return program.code_of(line.partition(" ")[2] if line.startswith("N") else line)
