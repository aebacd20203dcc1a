"""The Grbl protocol: who is there, one program at a time by character counting, and every way in which it can end.

A `Session` for `serial_shell`. Every contact begins with a reset at a stand (which keeps the position): it throws
away what an earlier connection left behind in the receive buffer, and its banner is where counting starts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.grbl import facts, faults
from cellctl_drivers.grbl.facts import Mode, Realtime
from cellctl_drivers.grbl.memory import Portrait, Settings
from cellctl_drivers.grbl.poll import Poll
from cellctl_drivers.grbl.states import (
    ENTRY,
    HURRIED,
    LISTENING,
    POLLED,
    PROGRAM,
    REPEAT,
    Ask,
    Heard,
    Purpose,
    State,
    after,
    heard_in,
)
from cellctl_drivers.grbl.status import Report, parse_report
from cellctl_drivers.grbl.stream import Stream, numbered
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_session import (
    Acknowledged,
    FaultRaised,
    FellSilent,
    Greeted,
    Held,
    ProgramDrained,
    Rested,
    Resumed,
    SessionEvent,
    Stopped,
)

_BANNER: Final = re.compile(r"Grbl(HAL)? [0-9]")
_ERROR: Final = re.compile(r"error: ?(.+)")
_ALARM: Final = re.compile(r"ALARM: ?([0-9]+)")

Events = list[SessionEvent]


class GrblSession:
    """A `serial_session.Session` for Grbl 1.1 and grblHAL."""

    def __init__(self, settings: Settings) -> None:
        self.state = State.NEW
        self._purpose = Purpose.GREET
        self._settings = settings
        self._until_s: float | None = None
        self._wire = Wire()
        self._poll = Poll(settings.poll_repeat_s)
        self._portrait = Portrait()
        self._stream = Stream(iter(()), facts.GRBL_LINE_BYTES)

    # ---- what is asked -------------------------------------------------------------------------------------------

    def greet(self, now_s: float) -> None:
        """Ask `?` and listen for the banner: opening the port resets many boards, and others run on."""
        self._ask(Ask.GREET, now_s)

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """Run this program."""
        if self.state is State.READY and not self.at_rest:
            raise NotAllowed("Grbl is moving, and not by a program of ours; it cannot load a program")
        self._ask(Ask.LOAD, now_s)
        numbers = self._settings.line_numbers
        self._stream = Stream(numbered(lines) if numbers else lines, self._portrait.longest_bytes)

    def hold(self, now_s: float) -> None:
        """`!`, then wait for Hold:0. Lines in the receive buffer wait with it."""
        self._ask(Ask.HOLD, now_s)

    def resume(self, now_s: float) -> None:
        """`~`, which Grbl drops before Hold:0 and behind an open door."""
        report = self._portrait.report
        if self.state is State.HELD and report and heard_in(report) is Heard.BLOCKED:
            raise NotAllowed("Grbl cannot resume: the door is open")
        self._ask(Ask.RESUME, now_s)

    def stop(self, now_s: float) -> None:
        """`!`, wait for Hold:0, then reset: the position is kept, spindle and coolant go off."""
        self._ask(Ask.STOP, now_s)
        self._purpose = Purpose.STOP

    def halt(self, now_s: float) -> None:
        """As `stop`, and reset also where no stand is reached in time: the position is lost then."""
        self._ask(Ask.HALT, now_s)
        self._purpose = Purpose.HALT

    def clear(self, now_s: float) -> None:
        """Reset, identify again, and take off the lock, if there is one."""
        if self.state is not State.DOWN and self._purpose is not Purpose.FAULT:
            raise NotAllowed(f"Grbl is {self.state.value}; there is nothing to clear")
        self._ask(Ask.CLEAR, now_s)
        self._purpose = Purpose.CLEAR

    # ---- bytes and time ------------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes from the controller. Runs of `ok` are counted, not looked at one by one."""
        acknowledged = self._stream.acknowledged
        events: Events = []
        answers = 0
        for line in self._wire.lines(chunk):
            if line in (b"ok\r", b"ok"):
                answers += 1
                continue
            if answers:
                events += self._answered(answers, now_s)
                answers = 0
            events += self._line(line, now_s)
        if answers:
            events += self._answered(answers, now_s)
        if self._stream.acknowledged != acknowledged:
            events.insert(0, Acknowledged(self._stream.acknowledged))
        return events

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the controller: realtime bytes, then a line of ours, then the program."""
        lines = b""
        if self.state is State.RUNNING:
            lines = self._stream.feed(self._wire.window)
            if lines:
                self._expect_answer(now_s)
        return self._wire.take() + lines

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Look at every clock that runs."""
        if self.state in PROGRAM and self._stream.trouble:
            return self._troubled(now_s)
        silent_s = self._poll.silent_s(now_s)
        if self.state in LISTENING and silent_s >= self._settings.silence_s:
            return self._fall_silent(silent_s, now_s)
        if self._poll.due(now_s):
            self._query(now_s)
        if self._until_s is not None and now_s >= self._until_s:
            return self._timed_out(now_s)
        return []

    @property
    def deadline_s(self) -> float | None:
        """The earliest clock; at once if there is something to tell."""
        if self.state in PROGRAM and self._stream.trouble:
            return 0.0
        poll_s, until_s = self._poll.deadline_s, self._until_s
        if poll_s is None or until_s is None:
            return until_s if poll_s is None else poll_s
        return min(poll_s, until_s)

    @property
    def at_rest(self) -> bool:
        """Whether a program would be taken."""
        return self.state is State.READY and self._portrait.mode not in (Mode.RUN, Mode.JOG, Mode.HOME)

    @property
    def sent(self) -> int:
        """Program lines that went out."""
        return self._stream.sent

    @property
    def acknowledged(self) -> int:
        """Program lines that are parsed and planned; not: moved."""
        return self._stream.acknowledged

    @property
    def executed(self) -> int:
        """Program lines before the last dwell that ended, report of an empty planner, or line number in work."""
        return self._stream.executed

    # ---- what the controller says --------------------------------------------------------------------------------

    def _line(self, line: bytes, now_s: float) -> Events:
        text = line.decode("ascii", "replace").strip()
        if text.startswith("<"):
            return self._reported(text, now_s)
        if text.startswith("["):
            self._portrait.hear(text)
            if text.startswith("[GC:"):
                self._stream.mark_seen()
            return []
        if error := _ERROR.fullmatch(text):
            return self._refused(error[1], now_s)
        if alarm := _ALARM.fullmatch(text):
            self._portrait.alarm = int(alarm[1])
            return self._hear(Heard.ALARM, now_s)
        return self._began_anew(now_s) if _BANNER.search(text) else []

    def _answered(self, answers: int, now_s: float) -> Events:
        window = self._wire.window
        if self.state not in PROGRAM:
            return self._hear(Heard.ANSWERED, now_s) if window.answered(answers) else []
        self._stream.answered(answers, window)
        if self._stream.trouble:
            return self._troubled(now_s)
        self._expect_answer(now_s)
        if self._stream.finished:
            self._listen(now_s, hurried=True)
        return []

    def _refused(self, reason: str, now_s: float) -> Events:
        window = self._wire.window
        line, command = self._stream.awaited(window), window.oldest.decode().strip()
        window.answered()
        if self.state in PROGRAM:
            # A refused line does not stop Grbl: what is already in its receive buffer still runs.
            return self._fault(faults.refused(line, reason), now_s, State.STOPPING)
        if self.state in (State.IDENTIFYING, State.FREEING):
            return self._fault(faults.refused_command(command, reason), now_s)
        return []

    def _began_anew(self, now_s: float) -> Events:
        self._wire.forget()
        self._poll.forgotten()
        if self.state is State.IDENTIFYING:  # Two resets in a row: ours came while the board was still starting.
            self._wire.say("$I")
        return self._hear(Heard.BANNER, now_s)

    def _reported(self, text: str, now_s: float) -> Events:
        report = parse_report(text)
        if report is None:
            return []
        self._portrait.report = report
        self._poll.answered(now_s)
        if self.state in PROGRAM:
            self._count_executed(report)
        if not self._poll.fresh:
            return []
        heard = heard_in(report)
        if self.state is State.RUNNING and heard is not Heard.IDLE:
            self._expect_answer(now_s)
        elif self.state is State.RUNNING and self._stream.finished:
            self._enter(State.READY, now_s)
            return [ProgramDrained(), Rested()]
        return self._hear(heard, now_s)

    def _count_executed(self, report: Report) -> None:
        if self._settings.line_numbers and report.executing_line:
            self._stream.executing(report.executing_line)
        if self._portrait.nothing_planned:
            self._stream.all_executed()

    # ---- what follows --------------------------------------------------------------------------------------------

    def _ask(self, ask: Ask, now_s: float) -> None:
        target = after(self.state, ask, self._purpose)
        if target is None:
            raise NotAllowed(f"Grbl is {self.state.value}; it cannot {ask.value}")
        self._enter(target, now_s)

    def _hear(self, heard: Heard, now_s: float) -> Events:
        source = self.state
        target = after(source, heard, self._purpose)
        if target is not None:
            self._enter(target, now_s)
            return self._tell(source, heard)
        if (source, heard) in REPEAT:
            self._wire.realtime(REPEAT[source, heard])
        return []

    def _tell(self, source: State, heard: Heard) -> Events:
        """What the shell is told about the state just entered."""
        match self.state:
            case State.DOWN:
                return self._tell_down(source, heard)
            case State.HELD:
                unasked = "paused at the machine or by the program" if source is State.RUNNING else ""
                return [Held(self._portrait.why_held or unasked)]
            case State.RUNNING:
                return [Resumed()]
            case State.LOST:
                return [faults.BEGAN_ANEW]
        return self._tell_contact(source)

    def _tell_contact(self, source: State) -> Events:
        match source, self.state:
            case State.GREETING, State.STOPPING | State.RESETTING if self._portrait.busy:
                self._purpose = Purpose.GREET_BUSY
            case State.IDENTIFYING, State.PROVING:
                self._wire.window.rx_bytes = self._portrait.rx_bytes
                return [Greeted(self._portrait.identity)]
            case State.FREEING, State.PROVING:
                self._purpose = Purpose.FREED
            case State.PROVING, State.READY:
                self._portrait.alarm = None
                return [Stopped() if self._purpose is Purpose.STOP else Rested()]
        return []

    def _tell_down(self, source: State, heard: Heard) -> Events:
        if source is State.RESETTING:
            return [Stopped()] if self._purpose is Purpose.HALT else []
        self._purpose = Purpose.FAULT
        if heard in (Heard.ALARM, Heard.LOCKED):
            return [self._portrait.explain_lock(self._settings.homing)]
        return [faults.WAS_BUSY]

    def _enter(self, state: State, now_s: float) -> None:
        if state is self.state:
            return
        self.state = state
        limit_s = self._settings.limit_s(state)
        self._until_s = None if limit_s is None else now_s + limit_s
        if state in ENTRY:
            self._wire.realtime(ENTRY[state])
        if state is State.IDENTIFYING:
            self._wire.say("$I")
        elif state is State.FREEING:
            self._wire.say("$H" if self._settings.homing else "$X")
        self._listen(now_s, hurried=state in HURRIED)

    def _listen(self, now_s: float, *, hurried: bool) -> None:
        """What reports say counts from here on: an older question may be answered with an older truth."""
        if self.state not in POLLED:
            self._poll.begin(None, now_s)
            return
        at_rest = self.state is State.READY
        interval_s = self._settings.poll_idle_s if at_rest else self._settings.poll_running_s
        self._poll.begin(interval_s, now_s + interval_s)
        if hurried:
            self._query(now_s)

    def _query(self, now_s: float) -> None:
        self._wire.realtime(Realtime.STATUS)
        self._poll.asked(now_s)

    def _expect_answer(self, now_s: float) -> None:
        if self.state is State.RUNNING:
            self._until_s = now_s + self._settings.ack_s + self._stream.dwell_s

    # ---- ends ----------------------------------------------------------------------------------------------------

    def _timed_out(self, now_s: float) -> Events:
        self._until_s = None
        match self.state:
            case State.GREETING | State.STOPPING:
                return self._hear(Heard.TIMEOUT, now_s)
            case State.RUNNING:
                return self._unanswered(now_s)
            case State.RESETTING | State.PROVING if self._poll.fresh:
                return self._not_at_rest(now_s)
            case State.HOLDING | State.RESUMING | State.FREEING:
                fault, by = faults.TOO_LONG[self.state]
                return self._fault(fault, now_s, by)
        return self._fall_silent(self._settings.limit_s(self.state) or 0.0, now_s)

    def _unanswered(self, now_s: float) -> Events:
        if self._portrait.mode is not Mode.IDLE:
            self._expect_answer(now_s)
            return []
        return self._fault(faults.unanswered(self._stream.awaited(self._wire.window)), now_s, State.STOPPING)

    def _not_at_rest(self, now_s: float) -> Events:
        """A reset did not lead where it should, and reports still come."""
        if self._purpose is Purpose.FAULT:
            self._enter(State.DOWN, now_s)
            return []
        if self.state is State.PROVING:
            return self._fault(faults.not_idle(self._portrait.word), now_s)
        # grblHAL refuses a reset while its E-stop input is active.
        locked = self._portrait.mode is Mode.ALARM
        return self._fault(self._portrait.explain_lock(self._settings.homing) if locked else faults.NOT_RESET, now_s)

    def _troubled(self, now_s: float) -> Events:
        return self._fault(faults.troubled(self._stream.trouble), now_s, State.STOPPING)

    def _fault(self, fault: FaultRaised, now_s: float, by: State = State.DOWN) -> Events:
        self._purpose = Purpose.FAULT
        self._enter(by, now_s)
        return [fault]

    def _fall_silent(self, silent_s: float, now_s: float) -> Events:
        if self.state in PROGRAM:  # It cannot be heard, but it may still hear.
            self._wire.realtime(Realtime.HOLD)
        self._wire.forget()
        self._enter(State.LOST, now_s)
        return [FellSilent(silent_s)]
