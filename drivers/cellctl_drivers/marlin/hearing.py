"""What a printer says, and what follows from it: one function for each kind of answer."""

from collections.abc import Callable
from typing import Final

from cellctl_drivers.marlin import aftermath, facts, greeting
from cellctl_drivers.marlin.answers import Answer, Kind, area, starvation
from cellctl_drivers.marlin.pausing import come_back, go_on, hear_position, hold, stands
from cellctl_drivers.marlin.printer import CHECK_LINE, Printer
from cellctl_drivers.marlin.program import code_of
from cellctl_drivers.marlin.questions import Question, about
from cellctl_drivers.marlin.states import SPEAKS, WORKS, Signal, State
from cellctl_drivers.serial_session import (
    Asked,
    Held,
    ProgramDrained,
    ResetSeen,
    Stopped,
    Unasked,
)


def hear(printer: Printer, answer: Answer, now_s: float) -> None:
    """Anything but a plain `ok` in the middle of a program."""
    state = printer.state
    if state is State.WAKING:
        printer.times.wait_s = min(now_s + printer.limits.quiet_s, printer.times.boot_until_s)
    if state is not State.NEW and state is not State.LOST:
        _REACTIONS[answer.kind](printer, answer, now_s)


# ---- acknowledgements ------------------------------------------------------------------------------------------


def _on_ok(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state not in SPEAKS:
        return
    wire = printer.wire
    hear_position(printer, answer.text)  # Smoothie says it behind its `ok`.
    if answer.number < 0:
        seals = wire.unnamed_ok(now_s) if " P" in answer.text else wire.plain_ok(now_s)
    else:
        seals = wire.named_ok(answer.number, answer.free_blocks, answer.free_slots, now_s)
    _acknowledged(printer, now_s, seals=seals)


def _on_ok_report(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state in SPEAKS:
        _note_report(printer, answer, now_s)
        _acknowledged(printer, now_s, seals=printer.wire.report_ok(now_s))


def _acknowledged(printer: Printer, now_s: float, *, seals: bool) -> None:
    question = printer.run.questions.open
    if question is not None and 0 <= question.line < printer.wire.ledger.first:
        _withdraw(printer)
    if seals and printer.state is State.RETURNING:
        come_back(printer)
    elif seals and printer.may(Signal.SEALED):
        _sealed(printer, now_s)


def _sealed(printer: Printer, now_s: float) -> None:
    """All lines so far have been handled; motion is over if an M400 was among them."""
    was = printer.state
    if was is State.GREETING:
        greeting.meet(printer, now_s)
        return
    if was in (State.HOLDING, State.PARKING):
        stands(printer, now_s)
        return
    printer.go(Signal.SEALED)
    printer.sealed()
    if was is State.DRAINING:
        printer.events.append(ProgramDrained())
        printer.times.wait_s = now_s + printer.limits.cooling_s
        _look_at_bed(printer)
    elif was is State.SETTLING:
        printer.rested()
    else:
        printer.events.append(Stopped())


def _on_resend(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state not in SPEAKS or printer.wire.resend(answer.number, now_s):
        return
    if printer.state is State.GREETING:
        greeting.begin(printer, now_s)  # The M110 itself was damaged: the counters have not met yet.
    else:
        printer.fault(f"asks for line {answer.number}, which cannot be sent again", CHECK_LINE)


def _on_complaint(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state is State.WAKING:
        aftermath.hear(printer, answer.number)
    elif printer.state in SPEAKS:
        printer.wire.complain(answer.number, cut="mismatch" not in answer.text)


def _on_skipped(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state in SPEAKS:
        printer.wire.skipped()


def _on_wait(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state in SPEAKS:
        printer.wire.starve(now_s)


def _on_busy(printer: Printer, answer: Answer, now_s: float) -> None:
    paused = "paused" in answer.text.lower()
    printer.wire.patience.lively = True
    if printer.state is not State.STOPPING or not paused:
        printer.wire.extend(now_s)
    if printer.state is State.HALTING:
        printer.times.wait_s = now_s + printer.limits.acknowledge_s
    if paused and printer.state in (State.GREETING, State.SETTLING):
        printer.fault("waits for a person at its panel", "Continue there")
    if printer.state not in WORKS:
        return
    questions = printer.run.questions
    if not paused:
        if questions.open is not None and questions.open.line >= 0:
            _withdraw(printer)  # It works again: somebody has answered at the panel.
    elif questions.open is None and now_s >= questions.answered_s + printer.limits.answered_s:
        _ask(printer, _about_line(printer))


# ---- temperatures ----------------------------------------------------------------------------------------------


def _on_report(printer: Printer, answer: Answer, now_s: float) -> None:
    _note_report(printer, answer, now_s)
    if printer.state not in SPEAKS:
        return
    dialect = printer.dialect
    if printer.is_under_way(*facts.HEAT_WAITS):
        printer.wait_for_heat(now_s, proved="W:" in answer.text)
    elif not dialect.auto_reports:
        printer.wire.extend(now_s)
    if dialect.ok_first and "W:" not in answer.text:
        _acknowledged(printer, now_s, seals=printer.wire.report_ok(now_s))


def _note_report(printer: Printer, answer: Answer, now_s: float) -> None:
    printer.portrait.hear_report(answer.text)
    if printer.times.report_s < float("inf"):
        printer.expect_report(now_s)
    if printer.state is State.COOLING:
        _look_at_bed(printer)


def _look_at_bed(printer: Printer) -> None:
    if not printer.portrait.bed_above(printer.limits.release_bed_celsius):
        printer.go(Signal.COOLED)
        printer.times.wait_s = float("inf")
        printer.rested()


# ---- faults ----------------------------------------------------------------------------------------------------


def _on_killed(printer: Printer, answer: Answer, now_s: float) -> None:
    printer.stopped_itself = True
    if printer.state is State.HALTING:
        printer.go(Signal.KILLED)
        printer.lie_down(Stopped())
    else:
        printer.fault(f'says "{answer.text}"', "Switch the printer off and on, then clear")


def _on_error(printer: Printer, answer: Answer, now_s: float) -> None:
    said = answer.text.lower()
    ends_it = said.startswith("!!") or any(word in said for word in facts.FATAL_ERRORS)
    printer.stopped_itself = printer.stopped_itself or ends_it
    if printer.state is not State.HALTING and (ends_it or printer.state in WORKS):
        printer.fault(f'says "{answer.text}"', "Look at the printer, then clear")


def _on_cold(printer: Printer, answer: Answer, now_s: float) -> None:
    # Only an echo for Marlin: it goes on without plastic and acknowledges every line.
    if printer.state in WORKS:
        printer.fault(f"says {answer.text}", "Look at the part and at the nozzle temperature, then clear")


def _on_start(printer: Printer, answer: Answer, now_s: float) -> None:
    was = printer.state
    if not printer.may(Signal.RESTARTED):
        return
    printer.go(Signal.RESTARTED)
    if printer.state is State.LOST:
        cause = "" if "start" in answer.text else f" ({answer.text})"
        printer.lie_down(ResetSeen(f"the printer restarted{cause}: position and heat are gone"))
        return
    greeting.hear_boot(printer, now_s)
    if was is State.HALTING:
        printer.lie_down(Stopped())
    elif was is State.DOWN:
        printer.times.wait_s = float("inf")


# ---- a person is needed ----------------------------------------------------------------------------------------


def _on_unknown(printer: Printer, answer: Answer, now_s: float) -> None:
    """A pause that the firmware does not know is an echo and an `ok`: it would simply go on. So it would where noise
    has made an unknown command of a line, and its checksum fits all the same."""
    printer.wire.unknown(answer.text, now_s)
    if printer.state is State.RUNNING and printer.passed_over(answer.text):
        said = f'The printer passed over "{answer.text}", which was sent as something else: a line was damaged'
        printer.run.questions.waiting = Question(said, replies=())
        hold(printer)
        return
    if printer.state is State.RUNNING and code_of(answer.text) in facts.PAUSES:
        question = about(answer.text)
        printer.run.questions.waiting = Question(question.text, replies=())
        hold(printer)


def _ask(printer: Printer, question: Question) -> None:
    """The program stands by itself, until somebody has answered."""
    if printer.may(Signal.PAUSED) and printer.state is not State.HOLDING:
        _pause_itself(printer)
        printer.events.append(Held(question.text))
    _open(printer, question)


def _pause_itself(printer: Printer) -> None:
    printer.go(Signal.PAUSED)
    printer.run.pause = None


def _open(printer: Printer, question: Question) -> None:
    printer.run.questions.open = question
    printer.events.append(Asked(question.text, question.choices))


def _withdraw(printer: Printer) -> None:
    """The question is of no interest any more, and the program goes on."""
    printer.run.questions.open = None
    printer.events.append(Unasked())
    if printer.may(Signal.RESUME):
        go_on(printer)


def _about_line(printer: Printer) -> Question:
    """What the oldest line under way may want of a person."""
    ledger = printer.wire.ledger
    said = ledger.line(ledger.first).decode("ascii").partition("*")[0].strip()
    command = said.partition(" ")[2] if ledger.numbered else said
    asked = about(command) if code_of(command) in facts.PAUSES else Question("The printer waits for somebody")
    return Question(asked.text, asked.choices, asked.replies, ledger.first)


def _on_action(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state not in WORKS:
        return
    action = answer.text.strip()
    word = action.partition(" ")[0]
    if word.startswith("prompt_"):
        _on_dialogue(printer, action)
    elif word == "paused" and printer.may(Signal.PAUSED):
        _pause_itself(printer)
        printer.events.append(Held("paused at the printer"))
    elif word in ("pause", "out_of_filament") and printer.may(Signal.HOLD):
        hold(printer, park=False)
    elif word in ("resume", "resumed"):
        if printer.run.questions.open is not None:
            _withdraw(printer)
        elif printer.may(Signal.RESUME):
            go_on(printer)
    elif word == "cancel":
        printer.fault("was told at its panel to cancel", "Take the part off, then clear")


def _on_dialogue(printer: Printer, action: str) -> None:
    questions, ledger = printer.run.questions, printer.wire.ledger
    line = ledger.first if ledger.in_flight else -1
    question = questions.hear(action, line)
    if question is not None:
        _ask(printer, question)
    elif action.startswith("prompt_end") and questions.open is not None:
        _withdraw(printer)


# ---- who it is -------------------------------------------------------------------------------------------------


def _on_firmware(printer: Printer, answer: Answer, now_s: float) -> None:
    dialect = printer.portrait.hear_firmware(answer.text)
    if printer.limits.dialect is None:
        printer.wire.speak(dialect)
    if answer.text.lower().startswith("ok "):  # Klipper says both on one line.
        _on_ok(printer, Answer(Kind.OK), now_s)


def _on_capability(printer: Printer, answer: Answer, now_s: float) -> None:
    printer.portrait.capabilities.add(answer.text.upper())


def _on_area(printer: Printer, answer: Answer, now_s: float) -> None:
    printer.portrait.area = area(answer.text)


def _on_starvation(printer: Printer, answer: Answer, now_s: float) -> None:
    if printer.state is State.RUNNING:  # At rest it is idle, not starved.
        printer.wire.meter.starved(*starvation(answer.text))


def _on_position(printer: Printer, answer: Answer, now_s: float) -> None:
    hear_position(printer, answer.text)
    printer.wire.meter.heard(answer.text)


def _on_chatter(printer: Printer, answer: Answer, now_s: float) -> None:
    printer.wire.meter.heard(answer.text)


_REACTIONS: Final[dict[Kind, Callable[[Printer, Answer, float], None]]] = {
    Kind.OK: _on_ok,
    Kind.OK_REPORT: _on_ok_report,
    Kind.RESEND: _on_resend,
    Kind.COMPLAINT: _on_complaint,
    Kind.SKIPPED: _on_skipped,
    Kind.ERROR: _on_error,
    Kind.KILLED: _on_killed,
    Kind.COLD: _on_cold,
    Kind.UNKNOWN: _on_unknown,
    Kind.BUSY: _on_busy,
    Kind.START: _on_start,
    Kind.WAIT: _on_wait,
    Kind.ACTION: _on_action,
    Kind.FIRMWARE: _on_firmware,
    Kind.CAPABILITY: _on_capability,
    Kind.AREA: _on_area,
    Kind.REPORT: _on_report,
    Kind.POSITION: _on_position,
    Kind.STARVATION: _on_starvation,
    Kind.CHATTER: _on_chatter,
}
