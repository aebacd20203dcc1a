"""What a Grbl controller says, and what follows from it."""

import re
from typing import Final

from cellctl_drivers.grbl import faults
from cellctl_drivers.grbl.arrival import Arrival
from cellctl_drivers.grbl.dials import Dials
from cellctl_drivers.grbl.ending import apart_mm
from cellctl_drivers.grbl.facts import Mode, Realtime
from cellctl_drivers.grbl.interview import WHO
from cellctl_drivers.grbl.play import Play
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stance import Stance
from cellctl_drivers.grbl.states import FED, PROGRAM, Heard, Purpose, State, heard_in
from cellctl_drivers.grbl.status import Report, parse_report
from cellctl_drivers.grbl.wire import Wire
from cellctl_drivers.serial_quality import Meter
from cellctl_drivers.serial_session import (
    FaultRaised,
    FellSilent,
    Probed,
    ProgramDrained,
    Rested,
    SessionEvent,
)

_BANNER: Final = re.compile(r"Grbl(HAL)? [0-9]")
_ERROR: Final = re.compile(r"error: ?(.+)")
_ALARM: Final = re.compile(r"ALARM: ?([0-9]+)")
# How a line begins that is no answer: messages, settings, echoes of start-up lines, texts as for a spreadsheet.
_MESSAGES: Final = ("[", "$", ">", '"')
_ECHO: Final = "[echo:"
_SETTINGS_LOST: Final = "7"

Events = list[SessionEvent]


class Listener:
    """Takes every line and every passing of time to the part that it concerns; tells what the shell must know."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        stance: Stance,
        portrait: Portrait,
        play: Play,
        dials: Dials,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._stance = stance
        self._portrait = portrait
        self._play = play
        self._dials = dials
        self._meter = meter
        self._arrival = Arrival(settings, wire, stance, portrait, play)

    # ---- lines ---------------------------------------------------------------------------------------------------

    def line(self, line: bytes, now_s: float) -> Events:
        """One line that is not `ok`."""
        text = line.decode("ascii", "replace").strip()
        if text.startswith("<"):
            return self._reported(text, now_s)
        if text.startswith(_MESSAGES):
            return self._message(text, now_s)
        if error := _ERROR.fullmatch(text):
            return self._lost_settings(now_s) if error[1] == _SETTINGS_LOST else self._refused(error[1], now_s)
        if alarm := _ALARM.fullmatch(text):
            self._portrait.alarm = int(alarm[1])
            return self._hear(Heard.ALARM, now_s)
        if _BANNER.search(text):
            return self._began_anew(now_s)
        self._meter.heard(text)
        return []

    def answered(self, answers: int, now_s: float) -> Events:
        """So many `ok`."""
        state = self._stance.state
        # By identity first: sets of states are slow to ask, and this is asked for every line.
        if state is State.RUNNING or state in FED:
            return [] if self._stance.purpose is Purpose.FOUND else self._took(answers, now_s)
        if not self._wire.window.answered(answers):
            return []
        if state is not State.IDENTIFYING:
            return self._hear(Heard.ANSWERED, now_s)
        self._arrival.interview.answered()
        return self._ask_on(now_s)

    def _took(self, answers: int, now_s: float) -> Events:
        stream = self._play.stream
        stream.answered(answers, self._wire.window)
        if stream.trouble:
            return self._troubled(now_s)
        latencies = self._meter.latencies
        if stream.acknowledged > latencies.watched:
            latencies.answered(now_s)
        self.expect_answer(now_s)
        if stream.finished:
            if self._stance.state is State.VETTING:
                return self._hear(Heard.ANSWERED, now_s)
            self._stance.listen(now_s, hurried=True)
        return []

    def _refused(self, reason: str, now_s: float) -> Events:
        state, window, texts = self._stance.state, self._wire.window, self._portrait.texts
        line, command = self._play.stream.awaited(window), window.oldest.decode().strip()
        window.answered()
        if self._stance.purpose is Purpose.FOUND:
            return []
        if state is State.VETTING:
            return self._fault(faults.refused(line, reason, texts, rehearsed=True), now_s, State.RESETTING)
        if state in PROGRAM:
            # A refused line does not stop Grbl: what is already in its receive buffer still runs.
            return self._fault(faults.refused(line, reason, texts), now_s, State.STOPPING)
        if state is State.IDENTIFYING and self._arrival.interview.question != WHO:
            self._arrival.interview.refused()
            return self._ask_on(now_s)
        if state is State.ENTERING:  # It has no check mode, or none now.
            self._stance.purpose = Purpose.RUN
            self._stance.enter(State.RESETTING, now_s)
        elif state in (State.IDENTIFYING, State.FREEING):
            return self._fault(faults.refused_command(command, reason, texts), now_s)
        return []

    def _lost_settings(self, now_s: float) -> Events:
        """Said before the banner, and where a line reads what cannot be read; so it is not always an answer."""
        stance, by = self._stance, State.DOWN
        if stance.state in (State.GREETING, State.IDENTIFYING):
            stance.owed = faults.SETTINGS_LOST
            return []
        if stance.state is State.VETTING:
            by = State.RESETTING
        elif stance.state in PROGRAM and stance.purpose is not Purpose.FOUND:
            by = State.STOPPING
        return self._fault(faults.SETTINGS_LOST, now_s, by)

    def _message(self, text: str, now_s: float) -> Events:
        if self._stance.state is State.IDENTIFYING:
            self._arrival.interview.hear(text)
            self._stance.limit(now_s)  # Lists are long, and lines are slow.
            return []
        known = self._portrait.probe
        self._portrait.hear(text)
        stream, course = self._play.stream, self._play.course
        if self._stance.state not in FED:
            return []
        if text.startswith(_ECHO):
            stream.echoed(text[len(_ECHO) : -1], self._wire.window)
        elif text.startswith("[GC:"):
            stream.mark_seen()
        if course is not None and stream.sent == 0:
            course.hear(text, self._portrait.mm_per_unit)
        if stream.trouble:
            return self._troubled(now_s)
        probe = self._portrait.probe
        # `$#` before a program lists the result of the last probing move, too.
        if probe is None or probe is known or not stream.sent:
            return []
        return [Probed(self._portrait.probed_at_mm, probe.touched)]

    def _began_anew(self, now_s: float) -> Events:
        self._wire.forget()
        self._stance.poll.forgotten()
        self._dials.forget()
        self._meter.latencies.answered(now_s)  # A line without an answer would be watched into the next program.
        if self._stance.state is State.IDENTIFYING:  # Ours came while the board was still starting.
            self._arrival.introduce()
            self._ask_on(now_s)
        return self._hear(Heard.BANNER, now_s)

    # ---- who is there --------------------------------------------------------------------------------------------

    def _ask_on(self, now_s: float) -> Events:
        interview, firmware, expected = self._arrival.interview, self._portrait.firmware, self._settings.identity
        if interview.doubtful:
            return self._fault(faults.DOUBTFUL, now_s)
        if interview.question not in ("", WHO) and expected and firmware.name != expected:
            return self._fault(faults.wrong_machine(firmware.name, expected), now_s)
        if interview.question:
            self._wire.say(interview.question)
            self._stance.limit(now_s)
            return []
        self._wire.window.rx_bytes = firmware.rx_bytes
        return self._hear(Heard.ANSWERED, now_s)

    # ---- status reports ------------------------------------------------------------------------------------------

    def _reported(self, text: str, now_s: float) -> Events:
        report = parse_report(text)
        if report is None:
            self._meter.heard(text)
            return []
        stance = self._stance
        self._portrait.look(report)
        stance.poll.answered(now_s)
        self._wire.realtime(*self._dials.heard(report.overrides_percent))
        if stance.state in PROGRAM and stance.purpose is not Purpose.FOUND:
            self._count_executed(report)
        if not stance.poll.fresh:
            return []
        if stance.state is State.GREETING:
            return self._hear(self._portrait.at_contact, now_s)
        if stance.state is State.RUNNING:
            return self._runs(heard_in(report), now_s)
        return self._shows(heard_in(report), now_s)

    def _runs(self, heard: Heard, now_s: float) -> Events:
        if self._stance.purpose is Purpose.FOUND:
            heard = self._portrait.at_contact
            return self._fault(faults.WORK_ENDED, now_s) if heard is Heard.IDLE else self._hear(heard, now_s)
        if heard is not Heard.IDLE:
            self.expect_answer(now_s)
        elif self._play.stream.finished:
            return self._ended(now_s)
        return self._hear(heard, now_s)

    def _shows(self, heard: Heard, now_s: float) -> Events:
        state = self._stance.state
        if state is State.VETTING and heard in (Heard.IDLE, Heard.MOVING):
            self._stance.purpose = Purpose.FAULT
            self._stance.enter(State.STOPPING, now_s)
            return [faults.LEFT_CHECK_MODE]
        if state is State.JOGGING and heard is Heard.IDLE and len(self._wire.window):
            return []  # What was asked for last is still on its way.
        return self._hear(heard, now_s)

    def _count_executed(self, report: Report) -> None:
        stream = self._play.run
        if report.executing_line and stream.sent:
            stream.executing(report.executing_line)
        if self._portrait.nothing_planned:
            stream.all_executed()
            if stream.acknowledged and not stream.finished:
                self._meter.starved(1, 0.0)

    def _ended(self, now_s: float) -> Events:
        """It has nothing to do, and everything is answered: does it stand where the program leads?"""
        apart = apart_mm(self._play.course, self._portrait)
        if apart:
            return self._fault(faults.elsewhere(apart), now_s, State.RESETTING)
        self._stance.enter(State.READY, now_s)
        return [ProgramDrained(), Rested()]

    # ---- what follows --------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard, now_s: float) -> Events:
        source = self._stance.state
        if source is State.GREETING and heard in (Heard.MOVING, Heard.CHANGING, Heard.STAND, Heard.BLOCKED):
            self._stance.purpose = Purpose.FOUND
        if not self._stance.hear(heard, now_s):
            return []
        owed = self._stance.owed
        if owed is not None and source is State.PROVING:
            self._stance.owed = None
            return self._fault(owed, now_s)
        return self._arrival.told(source)

    # ---- time ----------------------------------------------------------------------------------------------------

    def tick(self, now_s: float) -> Events:
        """Look at every clock that runs."""
        stance = self._stance
        if stance.state in FED and self._play.stream.trouble:
            return self._troubled(now_s)
        silent_s = stance.silent_s(now_s, homing=self._portrait.mode is Mode.HOME)
        if silent_s:
            return self._fall_silent(silent_s, now_s)
        if stance.poll.due(now_s):
            stance.query(now_s)
        if stance.until_s is not None and now_s >= stance.until_s:
            return self._timed_out(now_s)
        return []

    def expect_answer(self, now_s: float) -> None:
        """The next answer to a line of the program is due so long after this moment."""
        stance = self._stance
        if stance.state is State.RUNNING or stance.state is State.VETTING:
            stance.until_s = now_s + self._settings.ack_s + self._play.stream.dwell_s

    def _timed_out(self, now_s: float) -> Events:
        stance = self._stance
        stance.until_s = None
        match stance.state:
            case State.STOPPING:
                return self._hear(Heard.TIMEOUT, now_s)
            case State.GREETING if self._settings.reset_when_silent:
                return self._hear(Heard.TIMEOUT, now_s)
            case State.RUNNING:
                return self._unanswered(now_s)
            case State.RESETTING | State.PROVING if stance.poll.fresh:
                return self._not_at_rest(now_s)
            case state if state in faults.TOO_LONG:
                fault, by = faults.TOO_LONG[state]
                return self._fault(fault, now_s, by)
        return self._fall_silent(self._settings.limit_s(stance.state) or 0.0, now_s)

    def _unanswered(self, now_s: float) -> Events:
        if self._stance.purpose is Purpose.FOUND:
            return []
        if self._portrait.mode is not Mode.IDLE:
            self.expect_answer(now_s)
            return []
        self._meter.lost_acknowledgements += 1
        awaited = self._play.stream.awaited(self._wire.window)
        return self._fault(faults.unanswered(awaited), now_s, State.STOPPING)

    def _not_at_rest(self, now_s: float) -> Events:
        """A reset did not lead where it should, and reports still come."""
        if self._stance.purpose is Purpose.FAULT:
            self._stance.enter(State.DOWN, now_s)
            return []
        if self._stance.state is State.PROVING:
            return self._fault(faults.not_idle(self._portrait.word), now_s)
        # grblHAL refuses a reset while its E-stop input is active.
        locked = self._portrait.mode is Mode.ALARM
        return self._fault(self._portrait.explain_lock(self._settings.homing) if locked else faults.NOT_RESET, now_s)

    def _troubled(self, now_s: float) -> Events:
        trouble = self._play.stream.trouble
        if self._stance.state is State.VETTING:
            return self._fault(faults.troubled(trouble, rehearsed=True), now_s, State.RESETTING)
        return self._fault(faults.troubled(trouble), now_s, State.STOPPING)

    def _fault(self, fault: FaultRaised, now_s: float, by: State = State.DOWN) -> Events:
        self._stance.purpose = Purpose.FAULT
        self._play.stream = self._play.run
        self._stance.enter(by, now_s)
        return [fault]

    def _fall_silent(self, silent_s: float, now_s: float) -> Events:
        if self._stance.state in PROGRAM and self._stance.purpose is not Purpose.FOUND:
            self._wire.realtime(Realtime.HOLD)  # It cannot be heard, but it may still hear.
        self._wire.forget()
        self._stance.enter(State.LOST, now_s)
        return [FellSilent(silent_s)]
