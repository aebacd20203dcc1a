"""Numbered lines over a bad wire: every way to lose one, and what a firmware says about it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl_drivers.marlin.answers import Kind, read
from cellctl_drivers.marlin.ledger import frame
from cellctl_drivers.serial_session import FaultRaised, FellSilent, ProgramDrained, SessionEvent
from tests.drivers.marlin_dialogue import booted, printing, session

# ---- frames and answers ----------------------------------------------------------------------------------------


def test_the_checksum_is_the_xor_of_all_before_the_star() -> None:
    assert frame(0, b"M110 N0") == b"N0 M110 N0*125\n"
    assert frame(1, b"M115") == b"N1 M115*39\n"


@pytest.mark.parametrize(
    "text",
    [
        "Resend: 7",
        "Resend:7",
        "resend 7",
        "Resend: N7",
        "rs 7",
        "rs N7",
        "rs N7 Expected checksum 67",
    ],
)
def test_every_way_to_ask_for_a_line_is_understood(text: str) -> None:
    answer = read(text.encode())
    assert (answer.kind, answer.number) == (Kind.RESEND, 7)


@pytest.mark.parametrize(
    "text",
    [
        "Error:checksum mismatch, Last Line: 6",
        "Error:Line Number is not Last Line Number+1, Last Line: 6",
        "Error:No Checksum with line number, Last Line: 6",
        "Error:No Line Number with checksum, Last Line: 6",
        "Error:Missing checksum, Last Line: 6",
    ],
)
def test_a_complaint_about_a_line_is_no_fault_of_the_machine(text: str) -> None:
    assert read(text.encode()).kind is Kind.COMPLAINT


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ok", Kind.OK),
        ("ok P15 B3", Kind.OK),
        ("ok N12 P15 B3", Kind.OK),
        ("ok T:20.0 /0.0", Kind.OK_REPORT),
        ("ok X:0.00 Y:0.00", Kind.OK),
        ("okay", Kind.CHATTER),
        ("k", Kind.CHATTER),
        ("T:20.0 /0.0 B:20.0 /0.0", Kind.REPORT),
        ("T0:20.0 /0.0", Kind.REPORT),
        ("echo:busy: paused for user", Kind.BUSY),
        ("busy: processing", Kind.BUSY),
        ("wait", Kind.WAIT),
        ("start", Kind.START),
        ("start of print", Kind.CHATTER),
        ("Cap:EEPROM:0", Kind.CHATTER),
        ("!! Lost communication with MCU 'mcu'", Kind.ERROR),
        ("ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.12", Kind.FIRMWARE),
    ],
)
def test_lines_are_taken_for_what_they_are(text: str, kind: Kind) -> None:
    assert read(text.encode()).kind is kind


# ---- resend ----------------------------------------------------------------------------------------------------


def test_the_ok_behind_a_resend_request_acknowledges_nothing() -> None:
    printing().run(
        """
        < Error:checksum mismatch, Last Line: 5
        < Resend: 6
        < ok
        > N6 G28
        < ok
        > N7 G1 X10 F600
        """
    )


def test_a_firmware_that_prints_no_ok_behind_its_request_is_waited_for_a_few_times_only() -> None:
    replay = printing("G28 | G1 X10 | G1 X20", trailing_ok_s=0.5)
    for _ in range(3):
        replay.run("< Error:checksum mismatch, Last Line: 5\n < Resend: 6\n + 0.5s\n > N6 G28")
    replay.run(
        """
        < ok
        > N7 G1 X10
        < Error:checksum mismatch, Last Line: 6
        < Resend: 7
        > N7 G1 X10
        < ok
        > N8 G1 X20
        """
    )


def test_an_m105_of_the_program_itself_is_acknowledged_by_temperatures() -> None:
    printing("M105 | G28").run("< ok T:20.0 /0.0 B:20.0 /0.0\n > N7 G28")


def test_a_request_said_twice_is_answered_once() -> None:
    printing().run("< Resend:6\n < Resend:6\n < ok\n > N6 G28\n < ok\n > N7 G1 X10 F600")


def test_a_line_that_never_arrives_whole_is_a_fault_in_the_end() -> None:
    replay = printing()
    for _ in range(16):
        replay.run("< Error:checksum mismatch, Last Line: 5\n < Resend: 6\n < ok\n > N6 G28")
    replay.run(
        """
        < Error:checksum mismatch, Last Line: 5
        < Resend: 6
        ! FaultRaised(what='asks for line 6, which cannot be sent again', do_next='Check cable, baud rate and power supply, then clear')
        >
        > M104 S0
        > M140 S0
        """  # noqa: E501
    )


@pytest.mark.parametrize("number", [4711, 8])
def test_a_line_that_was_never_sent_cannot_be_had(number: int) -> None:
    # Once it may be noise: what is in flight is said again, and a healthy firmware names another line.
    replay = printing()
    for _ in range(2):
        replay.run(f"< Resend: {number}\n < ok\n + 0.25s\n > N6 G28")
    replay.run(f"< Resend: {number}\n ! {missing(number)}\n >\n > M104 S0\n > M140 S0")
    assert replay.session.deadline_s is None


def test_a_line_that_is_no_longer_kept_cannot_be_had() -> None:
    replay = printing(" | ".join(["G4"] * 100))
    for number in range(7, 100):
        replay.run(f"< ok\n > N{number} G4")
    for _ in range(2):
        replay.run("< Resend: 30\n < ok\n + 0.25s\n > N99 G4")
    replay.run(f"< Resend: 30\n ! {missing(30)}\n >\n > M104 S0\n > M140 S0")


def missing(number: int) -> FaultRaised:
    return FaultRaised(
        f"asks for line {number}, which cannot be sent again", "Check cable, baud rate and power supply, then clear"
    )


def test_an_ok_that_was_one_too_many_is_taken_back_by_a_request() -> None:
    replay = printing()
    # A noise on the line read "ok"; N6 has not arrived at all.
    replay.run("< ok\n > N7 G1 X10 F600")
    assert replay.session.acknowledged == 1
    replay.run(
        """
        < Error:Line Number is not Last Line Number+1, Last Line: 5
        < Resend: 6
        < ok
        >
        > question
        < echo:Unknown command: "question"
        > N6 G28
        < ok
        """
    )
    assert replay.session.acknowledged == 0
    replay.run("< ok\n > N7 G1 X10 F600\n < ok\n > N8 G1 X20")
    assert replay.session.acknowledged == 2


# ---- missing acknowledgements ----------------------------------------------------------------------------------


def test_a_lost_ok_is_found_by_saying_the_line_again() -> None:
    printing(acknowledge_s=20.0).run(
        """
        + 14s
        <  T:20.0 /0.0
        + 6s
        >
        > N6 G28
        # It has had that one: the line was taken, only its ok got lost.
        < Error:Line Number is not Last Line Number+1, Last Line: 6
        < Resend: 7
        < ok
        > N7 G1 X10 F600
        """
    )


def test_a_lost_line_is_taken_the_second_time() -> None:
    printing(acknowledge_s=10.0, storm_s=0.5).run(
        """
        + 10s
        >
        > N6 G28
        < ok
        + 0.4s
        + 0.1s
        > N7 G1 X10 F600
        """
    )


def test_an_ok_that_was_only_late_does_not_let_every_line_be_said_twice() -> None:
    printing(acknowledge_s=10.0).run(
        """
        + 10s
        >
        > N6 G28
        < ok
        < Error:Line Number is not Last Line Number+1, Last Line: 6
        < Resend: 7
        < ok
        > N7 G1 X10 F600
        < ok
        > N8 G1 X20
        """
    )


def test_busy_extends_the_patience_without_end() -> None:
    replay = printing(acknowledge_s=10.0)
    for _ in range(100):
        replay.run("+ 6s\n < echo:busy: processing\n <  T:20.0 /0.0")
    replay.run("< ok\n > N7 G1 X10 F600")


def test_the_countdown_of_a_blocking_heater_extends_the_patience() -> None:
    replay = printing("M109 S200 | G28", acknowledge_s=10.0)
    for _ in range(100):
        replay.run("+ 1s\n < T:120.1 /200.0 B:20.0 /0.0 @:127 B@:0 W:?")
    replay.run("< ok\n > N7 G28")


def test_reports_do_not_extend_the_patience() -> None:
    printing(acknowledge_s=10.0).run(
        """
        + 5s
        <  T:20.0 /0.0
        + 5s
        >
        > N6 G28
        + 9s
        <  T:20.0 /0.0
        + 1s
        >
        > N6 G28
        + 9s
        <  T:20.0 /0.0
        + 1s
        >
        > N6 G28
        + 9s
        <  T:20.0 /0.0
        + 1s
        ! FaultRaised(what='talks, but does not acknowledge line N6', do_next='Check cable, baud rate and power supply, then clear')
        >
        > M104 S0
        > M140 S0
        """  # noqa: E501
    )


@pytest.mark.parametrize("lost_ok", [True, False])
def test_several_copies_of_a_line_are_all_refused_before_the_next_one_goes_out(lost_ok: bool) -> None:
    refused = """
        < Error:Line Number is not Last Line Number+1, Last Line: 6
        < Resend: 7
        < ok
    """
    printing(acknowledge_s=10.0).run(
        f"""
        + 9s
        <  T:20.0 /0.0
        + 1s
        >
        > N6 G28
        + 9s
        <  T:20.0 /0.0
        + 1s
        >
        > N6 G28
        {"" if lost_ok else "< ok"}
        {refused}
        {refused}
        > N7 G1 X10 F600
        """
    )


def test_a_printer_that_falls_silent_in_mid_program_is_lost() -> None:
    printing(acknowledge_s=10.0).run(
        "+ 10s\n >\n > N6 G28\n + 10s\n >\n > N6 G28\n + 10s\n"
        "! FellSilent(silent_s=30.0)\n = lost\n >\n > M104 S0\n > M140 S0"
    )


def test_wait_proves_that_something_was_lost() -> None:
    printing().run("+ 1s\n < wait\n >\n > N6 G28\n < ok\n + 0.5s\n > N7 G1 X10 F600")


def test_wait_means_nothing_when_nothing_is_under_way() -> None:
    booted().run("< wait\n < wait\n = ready")


def test_an_ok_for_nothing_is_ignored() -> None:
    booted().run("< ok\n < ok\n ? load G28 | G1 X1\n > N6 G28\n < ok\n > N7 G1 X1")


def test_an_ok_with_a_number_acknowledges_that_line_only() -> None:
    printing().run("< ok N5 P15 B3\n < ok N6 P15 B3\n > N7 G1 X10 F600")


def test_the_seal_is_not_broken_by_one_ok_too_many() -> None:
    printing("G28").run(
        """
        < ok
        > N7 M104 S0
        < ok
        > N8 M140 S0
        < ok
        > N9 M400
        # One too many: the M400 is not done yet.
        < ok
        > N10 M105
        < ok
        + 10s
        < echo:busy: processing
        < ok T:20.0 /0.0
        ! ProgramDrained()
        ! Rested()
        """
    )


def test_a_seal_that_arrived_but_was_not_answered_is_asked_for_again() -> None:
    printing("G28", acknowledge_s=10.0).run(
        """
        < ok
        > N7 M104 S0
        < ok
        > N8 M140 S0
        < ok
        > N9 M400
        < ok
        > N10 M105
        + 10s
        >
        > N10 M105
        < Error:Line Number is not Last Line Number+1, Last Line: 10
        < Resend: 11
        < ok
        > N11 M105
        < ok T:20.0 /0.0
        ! ProgramDrained()
        ! Rested()
        """
    )


# ---- more than one line under way ------------------------------------------------------------------------------


# ---- exactly once ----------------------------------------------------------------------------------------------


class LineCounter:
    """The receiving end of a numbered line, after Marlin's queue.cpp: no queue, no motion, no time."""

    def __init__(self, *, trailing_ok: bool) -> None:
        self.last = 0
        self.taken: list[bytes] = []
        self._trailing = "ok\n" if trailing_ok else ""

    def answer(self, line: bytes) -> str:
        body, star, _ = line.rpartition(b"*")
        number, _, command = body.partition(b" ")
        if line != (frame(int(number[1:]), command).rstrip() if star and number[1:].isdigit() else b""):
            return self._again("checksum mismatch")
        if command == b"M110 N0":
            self.last = 0
            return "ok\n"
        if int(number[1:]) != self.last + 1:
            return self._again("Line Number is not Last Line Number+1")
        self.last += 1
        self.taken.append(command)
        if command == b"M115":
            return "FIRMWARE_NAME:Marlin MACHINE_TYPE:X\nCap:AUTOREPORT_TEMP:1\nok\n"
        return "ok T:20.0 /0.0 B:20.0 /0.0\n" if command == b"M105" else "ok\n"

    def _again(self, why: str) -> str:
        return f"Error:{why}, Last Line: {self.last}\nResend: {self.last + 1}\n{self._trailing}"


PROGRAM = [f"G1 X{n}" for n in range(12)]


def run_over_noise(faults: list[str], *, trailing_ok: bool) -> tuple[LineCounter, list[SessionEvent]]:
    """Each line of ours, and each answer to it, meets the next fault of the list; then the wire is clean."""
    printer, counter = session(boot_s=1.0, acknowledge_s=10.0), LineCounter(trailing_ok=trailing_ok)
    plan = iter(faults)
    told: list[SessionEvent] = []
    printer.greet(0.0)
    now_s = 0.0
    for _ in range(2000):
        lines = printer.transmit(now_s).split(b"\n")
        for line in filter(None, lines):
            fault = next(plan, "") if printer.sent else ""
            damaged = line[:-1] + b"x" if fault == "damage line" else line
            answer = "" if fault == "lose line" else counter.answer(damaged)
            if fault == "lose answer":
                answer = ""
            elif fault == "damage answer":
                answer = answer.replace("ok", "oj").replace("send", "sxnd")
            told += printer.receive(answer.encode(), now_s)
        if printer.at_rest and not printer.sent:
            printer.load(iter(PROGRAM), len(PROGRAM), now_s)
        elif isinstance(told[-1] if told else None, ProgramDrained | FaultRaised | FellSilent) or printer.at_rest:
            break
        elif not lines[0] and printer.deadline_s is not None:
            now_s = max(now_s, printer.deadline_s)
            told += printer.tick(now_s)
    return counter, told


FAULTS = st.lists(st.sampled_from(["", "", "damage line", "lose line", "lose answer", "damage answer"]), max_size=40)


@settings(max_examples=300, deadline=None)
@given(FAULTS, st.booleans())
def test_no_line_is_executed_twice_or_left_out_whatever_is_lost(faults: list[str], trailing_ok: bool) -> None:
    counter, told = run_over_noise(faults, trailing_ok=trailing_ok)
    made = [command.decode() for command in counter.taken if command.startswith(b"G1")]
    assert made == PROGRAM[: len(made)]
    if any(isinstance(event, ProgramDrained) for event in told):
        assert made == PROGRAM
    else:
        assert isinstance(told[-1], FaultRaised | FellSilent)


def test_a_clean_wire_brings_every_line() -> None:
    counter, told = run_over_noise([], trailing_ok=True)
    assert [command.decode() for command in counter.taken if command.startswith(b"G1")] == PROGRAM
    assert any(isinstance(event, ProgramDrained) for event in told)
