"""What noise does to the wire of a Marlin printer, and what the driver makes of it. Each test names its trap."""

import pytest

from cellctl_drivers.marlin.answers import Kind, read
from cellctl_drivers.serial_session import FaultRaised
from cellctl_sim.faults import Kind as Fault
from tests.drivers.marlin_dialogue import Dialogue, booted, printing
from tests.drivers.marlin_noise import send

CUT = """
    < Error:No Checksum with line number, Last Line: 5
    < Resend: 6
    < ok
    >
    > question
"""


# ---- a line that was cut in two --------------------------------------------------------------------------------


def test_the_rest_of_a_cut_line_has_no_number_and_is_executed_unseen() -> None:
    """`N6` and `G28`: the first piece is refused, the second one is a line that nobody checks. It is never repeated."""
    printing().run(
        CUT
        + """
        < ok
        + 0s
        ! FaultRaised(what='has executed a piece of line N6 by itself', do_next='Look at the part, check cable and grounding, then clear')
        = down
        >
        > M104 S0
        > M140 S0
        """  # noqa: E501
    )


@pytest.mark.parametrize("rest", ["", '< echo:Unknown command: "8"\n < ok'])
def test_a_line_that_was_cut_elsewhere_is_said_again(rest: str) -> None:
    printing().run(f'{CUT}\n{rest}\n < echo:Unknown command: "question"\n > N6 G28\n < ok\n < ok\n > N7 G1 X10 F600')


def test_a_firmware_that_does_not_say_what_it_does_not_know_is_asked_three_times_once() -> None:
    again = "+ 1s\n >\n > question\n" * 2
    replay = printing(acknowledge_s=1.0).run(f"{CUT}\n{again} + 1s\n > N6 G28\n < ok\n > N7 G1 X10 F600")
    replay.run("< Error:No Checksum with line number, Last Line: 6\n < Resend: 7\n < ok\n > N7 G1 X10 F600")


def test_a_checksum_that_does_not_match_is_no_cut_line() -> None:
    printing().run("< Error:checksum mismatch, Last Line: 5\n < Resend: 6\n < ok\n > N6 G28")


def test_where_lines_are_named_the_rest_of_a_cut_line_is_the_one_without_a_name() -> None:
    replay = printing(window=1).run(
        "< ok N6 P15 B3\n > N7 G1 X10 F600\n < Error:No Checksum with line number, Last Line: 6"
    )
    told = replay.session.receive(b"Resend: 7\nok\nok P15 B3\n", 1.0)
    assert not told
    assert isinstance(replay.session.tick(1.0)[0], FaultRaised)


def test_a_copy_that_is_refused_late_is_no_cut_line() -> None:
    replay = printing(acknowledge_s=1.0).run("+ 1s\n >\n > N6 G28\n < ok\n + 0.3s\n > N7 G1 X10 F600")
    late = "< Error:Line Number is not Last Line Number+1, Last Line: 6\n < Resend: 7\n < ok"
    replay.run(f"{late}\n > N7 G1 X10 F600")


# ---- answers that were damaged ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Error:checksum mismatQh, Last Line: 37388",
        "Error:c\x80ecksum mism",
        "Error:Line Number is not Last L\x00ne Number+1, Last Line: 5",
        "Error:No Checksum\twith line numbor, Last Line: 5",
    ],
)
def test_a_damaged_complaint_about_a_line_is_no_fault_of_the_machine(said: str) -> None:
    assert read(said.encode("latin-1")).kind is Kind.COMPLAINT


@pytest.mark.parametrize("said", ["Error:Thermal Runaway, system stopped! Heater_ID: 0", "Error:G2/G3 bad parameters"])
def test_an_error_is_not_taken_for_a_damaged_complaint(said: str) -> None:
    assert read(said.encode()).kind is Kind.ERROR


def test_a_damaged_request_never_reaches_back_behind_the_beginning_of_the_program() -> None:
    """`Resend: 8` read as `Resend: 0`: to say all again would set the counter back, and every line would run twice."""
    replay = printing()
    replay.run("< ok\n > N7 G1 X10 F600\n < Error:checksum mismatch, Last Line: 6\n < Resend: 0\n < ok")
    replay.run("+ 0.5s\n > N7 G1 X10 F600\n < ok\n > N8 G1 X20")


def test_a_reset_whose_start_was_lost_is_never_answered_with_lines_of_the_program() -> None:
    replay = printing()
    refused = "< Error:Line Number is not Last Line Number+1, Last Line: 0\n < Resend: 1\n < ok\n + 0.5s\n"
    replay.run(f"< ok\n > N7 G1 X10 F600\n {refused} > N7 G1 X10 F600\n {refused} > N7 G1 X10 F600")
    told = replay.session.receive(b"Resend: 1\n", 10.0)
    assert isinstance(told[-1], FaultRaised)


# ---- lines that were damaged and accepted ----------------------------------------------------------------------


def test_a_damaged_line_with_a_good_sum_that_was_not_known_holds_the_program() -> None:
    replay = printing("G1 X10 F600 | G1 X20").run('< echo:Unknown command: "O9 X10 F600"\n < ok\n > N7 M400')
    assert "passed over" in replay.session._printer.run.questions.waiting.text  # type: ignore[attr-defined]


@pytest.mark.parametrize("unknown", ["O6 G1 X10 F600", "F600", "42"])
def test_a_line_whose_frame_was_damaged_is_found_by_the_next_number(unknown: str) -> None:
    printing("G1 X10 F600 | G1 X20").run(f'< echo:Unknown command: "{unknown}"\n < ok\n > N7 G1 X20\n = running')


# ---- the newline -----------------------------------------------------------------------------------------------


def test_what_has_lost_its_newline_is_ended_before_it_is_said_again() -> None:
    """The same text three times in one line passes its own XOR, and with some flips of the newline twice does."""
    printing(acknowledge_s=10.0).run("+ 10s\n >\n > N6 G28")


# ---- heat ------------------------------------------------------------------------------------------------------


def heating(**limits: float) -> Dialogue:
    return booted(**limits).run("? load M109 S200 | G1 X1\n > N6 M109 S200")


def test_a_lost_ok_of_a_wait_for_heat_is_missed_although_temperatures_come_by_themselves() -> None:
    replay = heating(acknowledge_s=10.0)
    replay.run("+ 5s\n <  T:200.0 /200.0 B:21.0 /0.0 @:0 B@:0")
    replay.run("+ 5s\n >\n > N6 M109 S200")


def test_the_wait_itself_is_proof_of_life() -> None:
    replay = heating(acknowledge_s=10.0)
    for _ in range(10):
        replay.run("+ 5s\n <  T:20.0 /200.0 B:21.0 /0.0 @:0 B@:0 W:?")


def test_heat_that_never_comes_is_a_fault() -> None:
    """A firmware without thermal protection waits for ever."""
    replay = heating(heating_s=100.0)
    for _ in range(11):
        replay.run("+ 10s\n <  T:20.0 /200.0 B:21.0 /0.0 @:127 B@:0 W:?")
    told = replay.session.receive(b" T:20.0 /200.0 B:21.0 /0.0 @:127 B@:0 W:?\n", replay.now_s + 10)
    assert isinstance(told[-1], FaultRaised)
    assert told[-1].what == "waits for heat that does not come"


# ---- all of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("advanced_ok", [False, True])
@pytest.mark.parametrize("kind", [Fault.SPOIL, Fault.FLIP])
@pytest.mark.parametrize(("rate", "lines"), [(1e-4, 3000), (1e-3, 1000), (1e-2, 100)])
def test_every_program_over_a_noisy_line_ends_done_or_held(
    rate: float, lines: int, kind: Fault, advanced_ok: bool
) -> None:
    for seed in range(3):
        result = send(lines, rate, seed, advanced_ok=advanced_ok, kind=kind)
        tally = result.tally
        assert result.end in ("done", "held", "fault"), result
        assert tally.arrived == lines or result.end != "done"
        assert not tally.skipped
        assert len(tally.twice) + len(tally.damaged) <= (1 if rate == 1e-2 else 0), result
