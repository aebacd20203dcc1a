"""The Grbl protocol: who is there, one program at a time by character counting, and every way in which it can end.

A `Session` for `serial_shell`. A machine that is met at work is left alone. One that stands idle is reset, which keeps
the position: that throws away what an earlier connection left behind in the receive buffer, and the banner is where
counting starts. Every program begins in the same way, so that it does not depend on the one before it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl.domain.link import LinkQuality
from cellctl.domain.work import Evidence
from cellctl_drivers.grbl.dials import Button, Dial, Dials, SpindleStop
from cellctl_drivers.grbl.facts import Mode, Realtime
from cellctl_drivers.grbl.jog import Jog
from cellctl_drivers.grbl.listener import Listener
from cellctl_drivers.grbl.play import Play, Script
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stance import Stance
from cellctl_drivers.grbl.states import BEGINNING, FED, LISTENING, Ask, Heard, Purpose, State, heard_in
from cellctl_drivers.grbl.tell import CONTINUE
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_quality import Meter
from cellctl_drivers.serial_session import Acknowledged, Held, SessionEvent

# What Grbl's planner holds where it does not say so (config.h: BLOCK_BUFFER_SIZE 16, of which one stays free).
_USUAL_BLOCKS: Final = 15
_MOVING_BY_ITSELF: Final = frozenset({Mode.RUN, Mode.JOG, Mode.HOME})


class GrblSession:
    """A `serial_session.Session` for Grbl 1.1 and grblHAL. `portrait` is what the machine has told of itself."""

    def __init__(self, settings: Settings) -> None:
        self.portrait = Portrait()
        self._wire = Wire()
        self._stance = Stance(settings, self._wire)
        self._play = Play(settings)
        self._dials = Dials()
        self._meter = Meter()
        self._spindle_stop = SpindleStop(settings.spindle_off_in_hold)
        self._listener = Listener(
            settings, self._wire, self._stance, self.portrait, self._play, self._dials, self._meter
        )

    # ---- what is asked -------------------------------------------------------------------------------------------

    def greet(self, now_s: float) -> None:
        """Ask `?` and listen for the banner: opening the port resets many boards, and others run on."""
        self._stance.ask(Ask.GREET, now_s)

    def announce(self, script: Script) -> None:
        """The program that is loaded next can be read more than once, and so be tried in check mode first."""
        self._play.announce(script)

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """Run this program, from a fresh start of the controller's parser."""
        if self.state is State.READY and not self.at_rest:
            raise NotAllowed("Grbl is moving, and not by a program of ours; it cannot load a program")
        self._stance.ask(Ask.LOAD, now_s)
        self._play.load(lines)
        self._stance.asking = False
        self._begin_with()

    def proceed(self) -> None:
        """The rest of the program may go out."""
        self._play.proceed()

    def hold(self, now_s: float) -> None:
        """`!`, then wait for Hold:0; lines in the receive buffer wait with it. Before it began: wait to begin."""
        early = self.state in BEGINNING
        self._stance.ask(Ask.HOLD, now_s)
        if early:
            self._stance.purpose = Purpose.WAIT
            self._play.stream = self._play.run

    def resume(self, now_s: float) -> None:
        """`~`, which Grbl drops before Hold:0 and behind an open door."""
        report = self.portrait.report
        if self.state is State.HELD and report and heard_in(report) is Heard.BLOCKED:
            raise NotAllowed("Grbl cannot resume: the door is open")
        self._stance.ask(Ask.RESUME, now_s)
        if self._stance.purpose is Purpose.WAIT:
            self._play.interrupted = True
            self._begin_with()

    def answer(self, choice: str, now_s: float) -> None:
        """What the program waits for is done. Raises NotAllowed where it waits for nothing."""
        if not (self._stance.asking and self.state is State.HELD and choice == CONTINUE):
            raise NotAllowed(f"Grbl is {self.state.value}; nobody is asked to {choice}")
        self.resume(now_s)
        self._stance.asking = False

    def stop(self, now_s: float) -> None:
        """`!`, wait for Hold:0, then reset: the position is kept, spindle and coolant go off."""
        found = self._stance.purpose is Purpose.FOUND
        self._stance.ask(Ask.STOP, now_s)
        self._stance.purpose = Purpose.STOP_FOUND if found else Purpose.STOP

    def halt(self, now_s: float) -> None:
        """As `stop`, and reset also where no stand is reached in time: the position is lost then."""
        self._stance.ask(Ask.HALT, now_s)
        self._stance.purpose = Purpose.HALT

    def clear(self, now_s: float) -> None:
        """Reset, identify again, and take off the lock, if there is one."""
        if self.state is not State.DOWN and self._stance.purpose is not Purpose.FAULT:
            raise NotAllowed(f"Grbl is {self.state.value}; there is nothing to clear")
        self._stance.ask(Ask.CLEAR, now_s)
        self._stance.purpose = Purpose.CLEAR

    def rest(self, now_s: float) -> None:
        """We leave: the spindle off, where it is known to turn and this is known to stop nothing but it."""
        report, state = self.portrait.report, self.state
        if report is None or not report.spindle_turns or self._stance.purpose is Purpose.FOUND:
            return
        if state in (State.HOLDING, State.HELD):
            self._wire.realtime(*self._spindle_stop.press())
        elif state is State.READY and self.at_rest:
            self._wire.realtime(Realtime.RESET)

    def jog(self, move: Jog, now_s: float) -> None:
        """Move by hand. Raises NotAllowed while anything else is going on, or for a move that cannot be."""
        line = move.line(self.portrait.firmware.axes)
        if self.state is State.READY and not self.at_rest:
            raise NotAllowed("Grbl is moving, and not by a jog of ours")
        if len(line) >= self._wire.window.room:
            raise NotAllowed("Grbl has as many jogs waiting as it takes")
        self._stance.ask(Ask.JOG, now_s)
        self._wire.say(line)

    def cancel_jog(self, now_s: float) -> None:
        """0x85: brake, and forget the jogs that wait. Raises NotAllowed unless it jogs."""
        self._stance.ask(Ask.CANCEL_JOG, now_s)

    def override(self, dial: Dial, percent: int) -> None:
        """Turn a dial to this, from the next report on that shows where it is. Raises NotAllowed."""
        if self.state not in LISTENING:
            raise NotAllowed(f"Grbl is {self.state.value}; it cannot override")
        self._dials.set(dial, percent)

    def press(self, button: Button) -> None:
        """Press a button of the front panel. Raises NotAllowed where it would do nothing, or harm."""
        if self.state not in LISTENING or (button is Button.SPINDLE_STOP and self.state is not State.HELD):
            raise NotAllowed(f"Grbl is {self.state.value}; it cannot take {button.name.lower()}")
        self._wire.realtime(button.value)

    # ---- by hand -------------------------------------------------------------------------------------------------

    def yield_to_person(self, now_s: float) -> None:
        """A person types: nothing is asked and nothing counted before `clear`, which begins with a reset."""
        if self.state is not State.DOWN:
            if not self.at_rest:
                raise NotAllowed(f"Grbl is {self.state.value}; it cannot be worked on by hand")
            self._stance.enter(State.DOWN, now_s)
        self._stance.purpose = Purpose.FAULT
        self._wire.forget()

    def halt_by_hand(self, now_s: float) -> None:
        """Hold, and reset at once: there is no waiting for a stand, so the position is lost if it moved."""
        self._wire.realtime(Realtime.HOLD, Realtime.RESET)

    # ---- bytes and time ------------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes from the controller. Runs of `ok` are counted, not looked at one by one."""
        play, listener = self._play, self._listener
        before = play.run.acknowledged
        events: list[SessionEvent] = []
        answers = 0
        for line in self._wire.lines(chunk):
            if line in (b"ok\r", b"ok"):
                answers += 1
                continue
            if answers:
                events += listener.answered(answers, now_s)
                answers = 0
            events += listener.line(line, now_s)
        if answers:
            events += listener.answered(answers, now_s)
        if self._spindle_stop.wanted and any(isinstance(event, Held) for event in events):
            self._held()
        acknowledged = play.run.acknowledged
        if acknowledged != before:
            events.insert(0, Acknowledged(acknowledged))
        return events

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the controller: realtime bytes, then a line of ours, then the program."""
        lines = b""
        state = self._stance.state
        if state is State.RUNNING or state is State.VETTING:
            stream = self._play.stream
            before = stream.sent
            lines = stream.feed(self._wire.window)
            if stream.sent > before:  # Lines of ours around the program are not its lines.
                self._meter.sent(before, stream.sent, now_s)
            if lines and stream.alone is not None:
                self._listener.expect_answer(now_s)
        ours = self._wire.take()
        if not ours:
            return lines
        self._stance.poll.departed()
        return ours + lines

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Look at every clock that runs."""
        return self._listener.tick(now_s)

    @property
    def deadline_s(self) -> float | None:
        """The earliest clock; at once if there is something to tell."""
        if self._play.stream.trouble and self._stance.state in FED:
            return 0.0
        return self._stance.deadline_s

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._stance.state

    @property
    def at_rest(self) -> bool:
        """Whether a program would be taken."""
        report = self.portrait.report
        taken = report is not None and (report.mode in _MOVING_BY_ITSELF or report.pendant)
        return self.state is State.READY and not taken

    @property
    def sent(self) -> int:
        """Program lines that went out; those of a rehearsal in check mode do not count."""
        return self._play.run.sent

    @property
    def acknowledged(self) -> int:
        """Program lines that are parsed and planned; not: moved."""
        return self._play.run.acknowledged

    @property
    def executed(self) -> int:
        """Program lines before the last dwell that ended, report of an empty planner, or line number in work."""
        return self._play.run.executed

    @property
    def may_have_moved(self) -> bool:
        """Whether it left its check mode by itself, as far as that is known, with lines on their way to be tried."""
        stream = self._play.stream
        if stream is self._play.run:
            return False
        return self.state is State.STOPPING or (self.state is State.LOST and stream.sent > stream.acknowledged)

    @property
    def estimated(self) -> int:
        """Program lines that have left the planner, if each made one block of motion; the last report says how full."""
        report, blocks = self.portrait.report, self.portrait.firmware.planner_blocks or _USUAL_BLOCKS
        free = report.blocks_free if report is not None else None
        return max(self.executed, self.acknowledged - (blocks if free is None else max(0, blocks - free)))

    @property
    def evidence(self) -> Evidence:
        """By what that is proved."""
        return self._play.run.proof.evidence

    @property
    def quality(self) -> LinkQuality:
        """How good the line is."""
        return self._meter.quality(self._wire.window.rx_bytes)

    def _held(self) -> None:
        """A program of ours stands: nothing needs the spindle to turn. Where the program asks, it has said what it
        wants of the spindle."""
        self._spindle_stop.pressed = False  # Whoever went on has started it again.
        report, stance = self.portrait.report, self._stance
        mine = stance.state is State.HELD and stance.purpose is Purpose.RUN and not stance.asking
        if mine and report is not None and report.spindle_turns:
            self._wire.realtime(*self._spindle_stop.press())

    def _begin_with(self) -> None:
        """What follows the reset that every program begins with."""
        self._stance.purpose = Purpose.VET if self._play.wants_rehearsal else Purpose.RUN
