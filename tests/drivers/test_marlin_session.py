"""Marlin, as dialogues. Texts of the printer are those seen on running firmware, where they were seen."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.marlin.ledger import frame
from cellctl_drivers.marlin.memory import Portrait
from cellctl_drivers.marlin.states import NEXT, Signal, State, after
from cellctl_drivers.serial_session import Acknowledged, SessionEvent
from tests.drivers.marlin_dialogue import Dialogue, booted, dialogue, framed, printing, session

# ---- the table -------------------------------------------------------------------------------------------------


def test_every_state_can_be_reached() -> None:
    reached = {State.NEW}
    while True:
        further = reached | {to for (state, _), to in NEXT.items() if state in reached}
        if further == reached:
            break
        reached = further
    assert reached == set(State)


def test_every_pair_is_either_in_the_table_or_refused_by_name() -> None:
    for state in State:
        for signal in Signal:
            if (state, signal) not in NEXT:
                with pytest.raises(NotAllowed, match=f"that is {state.value} cannot {signal.value}"):
                    after(state, signal)


def test_a_program_is_refused_unless_the_machine_rests() -> None:
    with pytest.raises(NotAllowed, match="that is new cannot run a program"):
        session().load(iter(["G28"]), 1, 0.0)


# ---- contact ---------------------------------------------------------------------------------------------------


def test_a_board_that_boots_is_greeted_when_it_has_gone_quiet() -> None:
    assert booted().session.at_rest


def test_a_board_that_does_not_restart_is_greeted_after_the_boot_time() -> None:
    dialogue(boot_s=3.0).run(
        """
        ? greet
        + 2.9s
        + 0.1s
        >
        > N0 M110 N0
        = greeting
        """
    )


def test_a_board_that_never_goes_quiet_is_greeted_after_the_boot_time() -> None:
    replay = dialogue(boot_s=1.0).run("? greet\n < T:20\n + 0.4s\n < T:20\n + 0.4s\n < T:20")
    replay.run("+ 0.2s\n >\n > N0 M110 N0")


def test_a_start_after_noise_is_a_start() -> None:
    dialogue().run("? greet\n < \\x80start\n + 0.5s\n >\n > N0 M110 N0")


def test_a_board_that_boots_later_than_expected_is_greeted_again() -> None:
    dialogue(boot_s=1.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < start
        = waking
        + 0.5s
        >
        > N0 M110 N0
        """
    )


def test_a_dead_board_is_asked_twice_and_then_given_up() -> None:
    dialogue(boot_s=1.0, greeting_s=10.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        + 10s
        >
        > N0 M110 N0
        + 10s
        ! FellSilent(silent_s=21.0)
        = lost
        """
    )


def test_a_board_with_another_baud_rate_is_a_fault() -> None:
    replay = dialogue(boot_s=1.0, greeting_s=1.0).run("? greet\n + 1s\n >\n > N0 M110 N0")
    for _ in range(3):
        replay.run("+ 0.5s\n << \\xfe\\xe0\\x00\n + 0.5s\n >\n > N0 M110 N0")
    replay.run(
        r"""
        + 0.5s
        << \xfe\xe0\x00
        + 0.5s
        ! FaultRaised(what='talks, but does not acknowledge line N0', do_next='Check cable, baud rate and power supply, then clear')
        = down
        """  # noqa: E501
    )


def test_what_is_no_marlin_is_a_fault() -> None:
    dialogue(boot_s=1.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < ok
        > N1 M115
        < ok
        > N2 M105
        < ok T:0
        ! FaultRaised(what='does not answer M115 as Marlin does', do_next='Check port and firmware, then clear')
        """
    )


def test_a_damaged_m110_begins_the_greeting_anew() -> None:
    dialogue(boot_s=1.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < Error:checksum mismatch, Last Line: 4711
        < Resend: 4712
        < ok
        + 0.25s
        > N0 M110 N0
        < ok
        > N1 M115
        """
    )


def test_a_board_that_restarts_again_and_again_is_a_fault() -> None:
    replay = dialogue().run("? greet")
    for _ in range(3):
        replay.run("< start\n + 0.5s\n >\n > N0 M110 N0")
    replay.run(
        """
        < start
        + 0.5s
        ! FaultRaised(what='restarts, or loses the first line, again and again', do_next='Check cable, baud rate and power supply, then clear')
        """  # noqa: E501
    )


def test_acknowledgements_of_an_earlier_connection_are_found_out_by_the_seal() -> None:
    dialogue(boot_s=1.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        # For lines of an earlier connection, still in the queue.
        < ok
        > N1 M115
        < ok
        > N2 M105
        # M110's own, and not an M105's.
        < ok
        < FIRMWARE_NAME:Marlin MACHINE_TYPE:X
        < ok
        < ok T:20.0 /0.0
        ! Greeted(identity='X')
        > N3 M400
        """
    )


@pytest.mark.parametrize(
    ("said", "identity"),
    [
        ("FIRMWARE_NAME:Marlin 2 MACHINE_TYPE:Ender-3 EXTRUDER_COUNT:1 UUID:ab-1", "Ender-3 ab-1"),
        ("FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.12", "Klipper"),
        ("FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi FIRMWARE_VERSION: 3.4.0", "RepRapFirmware for Duet 2 WiFi"),
        ("FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, X-AXES:3", "Smoothieware"),
        ("NAME: Malyan VER: 2.9 MODEL: M200 HW: HA02", "Malyan"),
    ],
)
def test_identity_is_machine_type_and_uuid_or_the_firmware_name(said: str, identity: str) -> None:
    portrait = Portrait()
    portrait.hear_firmware(said)
    assert portrait.identity == identity


# ---- a program -------------------------------------------------------------------------------------------------


def test_a_program_ends_when_its_motion_is_proved_over() -> None:
    replay = booted().run(
        """
        ? load G28 | G1 X10 F600 | G1 X20
        > N6 G28
        < echo:busy: processing
        < X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0
        < ok
        ! Acknowledged(lines=1)
        > N7 G1 X10 F600
        < ok
        ! Acknowledged(lines=2)
        > N8 G1 X20
        < ok
        > N9 M104 S0
        = draining
        < ok
        > N10 M140 S0
        < ok
        > N11 M400
        + 6s
        < echo:busy: processing
        + 6s
        < echo:busy: processing
        + 6s
        # The reports have stayed out; one is asked for behind the M400.
        < ok
        > N12 M105
        < ok T:30.0 /0.0 B:25.0 /0.0 @:0 B@:0
        ! ProgramDrained()
        ! Rested()
        > N13 M105
        = ready
        """
    )
    done = replay.session
    assert (done.sent, done.acknowledged, done.executed) == (3, 3, 3)


def test_an_acknowledged_line_is_not_an_executed_one() -> None:
    replay = booted().run("? load " + " | ".join(f"G1 X{n}" for n in range(100)) + "\n > N6 G1 X0")
    for n in range(1, 90):
        replay.run(f"< ok\n > N{6 + n} G1 X{n}")
    printer = replay.session
    assert (printer.sent, printer.acknowledged, printer.estimated, printer.executed) == (90, 89, 73, 0)


def test_a_program_is_pulled_line_by_line() -> None:
    pulled: list[str] = []

    def lines() -> Iterator[str]:
        for line in ("G28", "G1 X1", "G1 X2"):
            pulled.append(line)
            yield line

    replay = booted()
    replay.session.load(lines(), 3, replay.now_s)
    assert pulled == []
    assert replay.session.transmit(replay.now_s) == b"N6 G28*21\n"
    assert replay.session.transmit(replay.now_s) == b""
    assert pulled == ["G28"]


def drained(replay: Dialogue) -> Dialogue:
    """A program of one line, up to the seal that ends it."""
    return replay.run("< ok\n > N7 M104 S0\n < ok\n > N8 M140 S0\n < ok\n > N9 M400\n < ok\n > N10 M105")


def test_the_part_is_released_when_the_bed_has_cooled() -> None:
    drained(printing("G28", release_bed_celsius=40)).run(
        """
        < ok T:100.0 /0.0 B:59.8 /0.0 @:0 B@:0
        ! ProgramDrained()
        = cooling
        + 5s
        <  T:60.0 /0.0 B:40.1 /0.0 @:0 B@:0
        + 5s
        <  T:55.0 /0.0 B:40.0 /0.0 @:0 B@:0
        ! Rested()
        = ready
        """
    )


def test_a_bed_that_does_not_cool_is_a_fault() -> None:
    drained(printing("G28", release_bed_celsius=40, cooling_s=12)).run(
        """
        < ok T:100.0 /0.0 B:59.8 /0.0 @:0 B@:0
        ! ProgramDrained()
        + 10s
        <  T:100.0 /0.0 B:59.8 /0.0 @:0 B@:0
        + 2s
        ! FaultRaised(what='keeps its bed at 59.8 °C', do_next="Look at the bed's heater, then clear")
        >
        > M104 S0
        > M140 S0
        """
    )


def test_a_printer_that_reports_no_bed_is_not_waited_for() -> None:
    replay = dialogue(boot_s=1.0, release_bed_celsius=40).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < ok
        > N1 M115
        < FIRMWARE_NAME:Marlin MACHINE_TYPE:X
        < ok
        > N2 M105
        < ok T:20.0 /0.0
        ! Greeted(identity='X')
        > N3 M400
        < ok
        > N4 M105
        < ok T:20.0 /0.0
        ! Rested()
        ? load M400
        > N5 M400
        < ok
        > N6 M104 S0
        < ok
        > N7 M140 S0
        < ok
        > N8 M400
        < ok
        > N9 M105
        < ok T:20.0 /0.0
        ! ProgramDrained()
        ! Rested()
        """
    )
    assert replay.session.at_rest


def test_temperatures_are_asked_for_where_they_do_not_come_by_themselves() -> None:
    replay = dialogue(boot_s=1.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < ok
        > N1 M115
        < FIRMWARE_NAME:Marlin MACHINE_TYPE:X
        < Cap:AUTOREPORT_TEMP:0
        < ok
        > N2 M105
        < ok T:20.0 /0.0 B:20.0 /0.0
        ! Greeted(identity='X')
        > N3 M400
        < ok
        > N4 M105
        < ok T:20.0 /0.0 B:20.0 /0.0
        ! Rested()
        + 5s
        > N5 M105
        # Blocked: one question waits, and no more pile up behind it.
        + 4s
        < echo:busy: processing
        + 6s
        < echo:busy: processing
        + 6s
        < ok T:20.0 /0.0 B:20.0 /0.0
        > N6 M105
        """
    )
    assert replay.session.at_rest


def test_a_printer_that_falls_silent_at_rest_is_missed() -> None:
    booted(acknowledge_s=30.0).run(
        """
        + 15s
        > N6 M105
        + 30s
        >
        > N6 M105
        + 30s
        >
        > N6 M105
        + 30s
        ! FellSilent(silent_s=105.0)
        # It may still hear.
        >
        > M104 S0
        > M140 S0
        = lost
        """
    )


def test_a_line_too_long_for_the_firmware_is_refused_before_it_is_sent() -> None:
    longest = "M117 " + "x" * 83
    replay = printing(f"G28 | {longest} | {longest}x")
    replay.run(f"< ok\n > N7 {longest}\n < ok")
    assert len(framed(7, longest)) == 95
    replay.run(
        """
        + 0s
        ! FaultRaised(what='cannot be sent line 3: 89 characters', do_next='Shorten it, then clear')
        >
        > M104 S0
        > M140 S0
        = down
        """
    )


def test_letters_that_are_not_ascii_are_never_sent() -> None:
    replay = booted()
    replay.session.load(iter(["M117 \u00df"]), 1, replay.now_s)
    assert replay.session.transmit(replay.now_s) == frame(6, b"M117 ?")


# ---- hold, stop, halt ------------------------------------------------------------------------------------------


def test_hold_lets_the_planner_run_out_and_resume_goes_on() -> None:
    replay = printing().run(
        """
        ? hold
        = holding
        < ok
        > N7 M400
        + 6s
        < echo:busy: processing
        <  T:200.0 /200.0 B:60.0 /60.0
        + 6s
        < echo:busy: processing
        <  T:200.0 /200.0 B:60.0 /60.0
        + 6s
        < ok
        > N8 M105
        < ok T:200.0 /200.0 B:60.0 /60.0
        ! Held(reason='')
        = held
        """
    )
    assert (replay.session.sent, replay.session.acknowledged, replay.session.executed) == (1, 1, 1)
    replay.run(
        """
        ? resume
        > N9 G1 X10 F600
        + 0s
        ! Resumed()
        = running
        """
    )


def test_hold_behind_the_last_line_ends_the_program_only_after_resume() -> None:
    printing("G28").run(
        """
        < ok
        > N7 M104 S0
        ? hold
        < ok
        > N8 M400
        < ok
        > N9 M105
        < ok T:0
        ! Held(reason='')
        ? resume
        > N10 M104 S0
        + 0s
        ! Resumed()
        < ok
        > N11 M140 S0
        < ok
        > N12 M400
        < ok
        > N13 M105
        < ok T:0
        ! ProgramDrained()
        ! Rested()
        """
    )


def test_stop_forgets_the_program_and_leaves_the_printer_cold_and_at_rest() -> None:
    replay = printing().run(
        """
        ? stop
        = stopping
        < ok
        > N7 M104 S0
        < ok
        > N8 M140 S0
        < ok
        > N9 M400
        < ok
        > N10 M105
        < ok T:200.0 /0.0
        ! Stopped()
        = ready
        ? load G28
        > N11 G28
        """
    )
    assert (replay.session.sent, replay.session.acknowledged) == (1, 0)


def test_halt_goes_out_raw_and_numbered_behind_a_newline_while_a_line_is_blocking() -> None:
    printing(halt_again_s=30).run(
        """
        ? halt
        >
        > M112
        > N7 M112
        = halting
        # Without the emergency parser it waits behind the blocking line.
        < echo:busy: processing
        + 29s
        < echo:busy: processing
        + 2s
        >
        > M112
        > N7 M112
        < echo:M112 Shutdown
        < Error:Printer halted. kill() called!
        ! Stopped()
        = down
        < //action:poweroff
        + 86400s
        = down
        """
    )


def test_a_halt_that_nobody_confirms_ends_the_session() -> None:
    printing(acknowledge_s=30.0, halt_again_s=60).run(
        """
        + 5s
        ? halt
        >
        > M112
        > N7 M112
        < ok
        + 30s
        ! FellSilent(silent_s=30.0)
        >
        > M104 S0
        > M140 S0
        """
    )


def test_after_a_halt_only_a_person_brings_the_printer_back() -> None:
    printing().run(
        """
        ? halt
        >
        > M112
        > N7 M112
        < Error:Printer halted. kill() called!
        ! Stopped()
        # The reset button alone changes nothing.
        < start
        < echo:Marlin 2.1.2
        + 600s
        = down
        ? clear
        + 3s
        >
        > N0 M110 N0
        = greeting
        """
    )


def test_clear_of_a_printer_that_nobody_has_reset_ends_in_silence() -> None:
    printing(boot_s=1.0, greeting_s=5.0).run(
        """
        < Error:Printer halted. kill() called!
        ! FaultRaised(what='says "Printer halted. kill() called!"', do_next='Switch the printer off and on, then clear')
        >
        > M104 S0
        > M140 S0
        ? clear
        + 1s
        >
        > M999 S1
        > N0 M110 N0
        + 5s
        >
        > N0 M110 N0
        + 5s
        ! FellSilent(silent_s=11.0)
        """
    )


# ---- what the machine says by itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Heating failed, system stopped! Heater_ID: bed",
        "Thermal Runaway, system stopped! Heater_ID: 0",
        "MAXTEMP triggered, system stopped! Heater_ID: 0",
        "MINTEMP triggered, system stopped! Heater_ID: 0",
        "Printer stopped due to errors. Fix the error and use M999 to restart.",
    ],
)
@pytest.mark.parametrize("begin", [booted, printing])
def test_thermal_faults_end_everything(begin: Callable[[], Dialogue], text: str) -> None:
    replay = begin().run(
        f"""
        < Error:{text}
        ! FaultRaised(what='says "{text}"', do_next='Look at the printer, then clear')
        >
        > M104 S0
        > M140 S0
        < Error:Printer halted. kill() called!
        < ok
        = down
        """
    )
    assert replay.session.deadline_s is None


@pytest.mark.parametrize(
    ("echo", "text"),
    [
        ("echo:cold extrusion prevented", "cold extrusion prevented"),
        ("echo: cold extrusion prevented", "cold extrusion prevented"),
        ("echo: too long extrusion prevented", "too long extrusion prevented"),
    ],
)
def test_extrusion_that_is_only_echoed_is_promoted_to_a_fault(echo: str, text: str) -> None:
    printing().run(
        f"""
        < {echo}
        ! FaultRaised(what='says {text}', do_next='Look at the part and at the nozzle temperature, then clear')
        >
        > M104 S0
        > M140 S0
        < ok
        = down
        """
    )


def test_an_unknown_command_is_an_echo_and_no_fault() -> None:
    printing("g28 | G1 X10").run('< echo:Unknown command: "g28"\n < ok\n > N7 G1 X10\n = running')


@pytest.mark.parametrize("begin", [booted, printing])
def test_a_start_in_the_middle_is_a_reset(begin: Callable[[], Dialogue]) -> None:
    begin().run(
        """
        < start
        ! ResetSeen(what='the printer restarted: position and heat are gone')
        = lost
        < echo:Marlin 2.1.2
        < ok
        """
    )


@pytest.mark.parametrize("prefix", ["//action:", "// action:"])
def test_a_pause_at_the_panel_is_held_and_a_resume_goes_on(prefix: str) -> None:
    printing().run(
        f"""
        < {prefix}paused
        ! Held(reason='paused at the printer')
        < ok
        < {prefix}notification Printing
        < {prefix}resumed
        ! Resumed()
        > N7 G1 X10 F600
        """
    )


def test_a_printer_that_asks_for_a_pause_gets_a_hold() -> None:
    printing().run("< //action:pause\n = holding\n < ok\n > N7 M400\n < ok\n > N8 M105\n < ok T:0\n ! Held(reason='')")


def test_a_cancel_at_the_panel_is_a_fault() -> None:
    printing().run(
        """
        < //action:cancel
        ! FaultRaised(what='was told at its panel to cancel', do_next='Take the part off, then clear')
        >
        > M104 S0
        > M140 S0
        """
    )


# ---- any chunking ----------------------------------------------------------------------------------------------

# What a printer answers to one line of ours each.
BURSTS = [
    b"start\r\necho:Marlin 2.1.2\r\n",
    b"ok\n",
    b"FIRMWARE_NAME:Marlin MACHINE_TYPE:X UUID:1\nCap:AUTOREPORT_TEMP:1\nok\n",
    b" T:20.0 /0.0 B:20.0 /0.0\nok T:20.0 /0.0 B:20.0 /0.0 @:0\n",
    b"ok\n",
    b"echo:busy: processing\nok\n",
    b"ok T:20.0 /0.0 B:20.0 /0.0 @:0\n",
    b"Error:checksum mismatch, Last Line: 5\nResend: 6\nok\n",
    b"echo:busy: processing\n T:20.0 /0.0 B:20.0 /0.0\nX:0.00 Y:0.00 Z:0.00 E:0.00\nok\n",
    b"//action:paused\nok\n//action:resumed\n",
    b"ok N8 P15 B3\n",
    b"echo: cold extrusion prevented\nok\n",
]


def told_and_sent(cuts: list[list[int]]) -> tuple[list[SessionEvent], bytes]:
    printer = session(boot_s=1.0)
    printer.greet(0.0)
    told: list[SessionEvent] = []
    sent = b""
    for now_s, (burst, places) in enumerate(zip(BURSTS, cuts, strict=True)):
        marks = [0, *sorted(place % len(burst) for place in places), len(burst)]
        for start, end in pairwise(marks):
            told += printer.receive(burst[start:end], float(now_s))
            sent += printer.transmit(float(now_s))
        told += printer.tick(now_s + 0.5)
        sent += printer.transmit(now_s + 0.5)
        if printer.at_rest:
            printer.load(iter(["G28", "G1 X1", "G1 X2", "G1 X3 E9", "G1 X4"]), 5, float(now_s))
            sent += printer.transmit(float(now_s))
    return [event for event in told if not isinstance(event, Acknowledged)], sent


@given(st.lists(st.lists(st.integers(0, 200), max_size=8), min_size=len(BURSTS), max_size=len(BURSTS)))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[list[int]]) -> None:
    whole = told_and_sent([[]] * len(BURSTS))
    assert [type(event).__name__ for event in whole[0]] == ["Greeted", "Rested", "Held", "Resumed", "FaultRaised"]
    assert told_and_sent(cuts) == whole


def test_acknowledgements_are_told_once_for_each_receive() -> None:
    printer = printing("G28 | G1 X1").session
    assert printer.receive(b"ok\nok\nok\n", 1.0) == [Acknowledged(1)]


def test_noise_without_a_newline_is_not_kept_for_ever() -> None:
    replay = printing()
    for _ in range(100):
        assert not replay.session.receive(b"\xfe" * 1000, 1.0)
    replay.run("<\n < ok\n > N7 G1 X10 F600")
