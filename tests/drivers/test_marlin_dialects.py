"""Firmware that speaks Marlin with an accent: each as a dialogue. Every test quotes the fact that it is about."""

import pytest

from cellctl.gcode.modal import ModalState, after_lines
from cellctl_drivers.marlin.dead_man import DeadMan
from cellctl_drivers.marlin.dialects import BY_NAME, COMMON, DIALECTS, Repeats, recognise
from cellctl_drivers.marlin.driver import MarlinOptions
from cellctl_drivers.marlin.parking import Park
from cellctl_drivers.marlin.program import prepare
from cellctl_drivers.marlin.repeating import may_come_twice
from tests.drivers.marlin_dialogue import Dialogue, dialogue, met

KLIPPER = "ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.12.0-1"
DUET = "FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi/Ethernet FIRMWARE_VERSION: 3.4.0 ELECTRONICS: Duet WiFi 1.02"
SMOOTHIE = "FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, X-GRBL_MODE:0"
REPETIER = "FIRMWARE_NAME:Repetier_1.0.4 PROTOCOL_VERSION:1.0 MACHINE_TYPE:Mendel EXTRUDER_COUNT:1 REPETIER_PROTOCOL:3"


@pytest.mark.parametrize(
    ("firmware", "name"),
    [
        ("Marlin 2.1.2.1 (Oct 13 2023 12:00:00)", "marlin2"),
        ("Marlin bugfix-2.1.x (Jan 1 2024)", "marlin2"),
        ("Marlin 1.1.9 (Github)", "marlin1"),
        ("Marlin V1; Sprinter/grbl mashup for gen6", "marlin1"),
        ("Prusa-Firmware 3.13.3 based on Marlin", "prusa"),
        ("Klipper", "klipper"),
        ("RepRapFirmware for Duet 2 WiFi/Ethernet", "reprapfirmware"),
        ("Smoothieware", "smoothie"),
        ("Repetier_1.0.4", "repetier"),
        ("Sailfish", "common"),
        ("", "common"),
    ],
)
def test_the_dialect_follows_from_what_m115_says(firmware: str, name: str) -> None:
    assert recognise(firmware).name == name


def test_the_cell_file_may_name_every_dialect() -> None:
    for dialect in DIALECTS:
        assert MarlinOptions(port="x", dialect=dialect.name).dialect == dialect.name  # type: ignore[arg-type]


def test_whoever_is_not_known_is_spoken_to_as_carefully_as_the_oldest() -> None:
    assert (COMMON.repeats, COMMON.unhurried_lines, COMMON.telemetry) == (Repeats.REFUSED, 1, "")
    assert not COMMON.dead_man_anew


# ---- Klipper ---------------------------------------------------------------------------------------------------


def klipper(program: str) -> Dialogue:
    """The first line is on its way."""
    return met(
        KLIPPER,
        f"""
        > M105
        < ok B:23.1 /0.0 T0:22.8 /0.0
        ! Greeted(identity='Klipper')
        > M400
        < ok
        > M105
        < ok B:23.1 /0.0 T0:22.8 /0.0
        ! Rested()
        ? load {program}
        > {program.partition(" |")[0]}
        """,
        window=8,
    )


def test_klipper_answers_m115_on_one_line_with_the_ok_and_numbers_are_left_out_from_there() -> None:
    """M115 answers on one line with the ok; line numbers are skipped, checksums ignored, M110 is a no-op."""
    klipper("G28 | G1 X1").run("< ok\n > G1 X1")


def test_an_error_of_klipper_is_followed_by_an_ok_all_the_same() -> None:
    """Errors: `!! text` and then still `ok` for that line."""
    klipper("G1 X1 | G1 X2").run(
        """
        < !! Must home axis first: 1.000 0.000 0.000 [0.000]
        ! FaultRaised(what='says "!! Must home axis first: 1.000 0.000 0.000 [0.000]"', do_next='Look at the printer, then clear')
        >
        > TURN_OFF_HEATERS
        < ok
        = down
        """  # noqa: E501
    )


def test_a_klipper_that_is_not_ready_does_not_count_as_at_rest() -> None:
    """M105 while not ready answers `ok T:0`."""
    met(
        KLIPPER,
        """
        > M105
        < ok T:0
        ! Greeted(identity='Klipper')
        > M400
        < !! Printer is not ready
        ! FaultRaised(what='says "!! Printer is not ready"', do_next='Look at the printer, then clear')
        >
        > TURN_OFF_HEATERS
        < ok
        ? clear
        + 1s
        >
        > FIRMWARE_RESTART
        > N0 M110 N0
        """,
    )


def test_nothing_is_ever_said_twice_to_klipper_and_a_macro_may_take_its_time() -> None:
    """No Resend exists."""
    replay = klipper("PRINT_START | G1 X1")
    replay.run("+ 1800s\n < B:60.0 /60.0 T0:150.0 /210.0\n + 1800s\n < ok\n > M105\n < ok T:0\n > G1 X1")


def test_klippers_pseudo_terminal_holds_back_by_itself_and_the_window_grows() -> None:
    """M112 is picked out of order only while fewer than 20 commands are pending; at 20 it stops reading."""
    replay = klipper(" | ".join(["G1 X1"] * 2000))
    lines = 1
    for _ in range(400):
        replay.session.receive(b"ok\n" * lines, 1.0)
        lines = replay.session.transmit(1.0).count(b"\n")
    assert replay.session.quality.window == 8


def test_a_shutdown_of_klipper_confirms_a_halt() -> None:
    """State changes: `// Klipper state: Ready|Shutdown|Disconnect`."""
    klipper("G1 X1").run("? halt\n >\n > M112\n < // Klipper state: Shutdown\n ! Stopped()\n = down")


def test_a_pause_that_klipper_does_not_know_is_made_by_us() -> None:
    """Klipper: unknown commands need an ack."""
    klipper("M0 Insert the nut | G1 X1").run(
        """
        < // Unknown command:"M0"
        < ok
        = holding
        > M400
        < ok
        > M105
        < ok T0:200 /200
        ! Held(reason='The program waits at M0: continue at the printer or here')
        ! Asked(text='The program waits at M0: continue at the printer or here', choices=('continue',))
        """
    )


# ---- RepRapFirmware --------------------------------------------------------------------------------------------


def duet(program: str, **limits: object) -> Dialogue:
    """The first line is on its way."""
    return met(
        DUET,
        f"""
        < ok
        > N2 M105
        < ok T:20.0 /0.0 B:20.0 /0.0
        ! Greeted(identity='RepRapFirmware for Duet 2 WiFi/Ethernet')
        > N3 M400
        < ok
        > N4 M105
        < ok T:20.0 /0.0 B:20.0 /0.0
        ! Rested()
        ? load {program}
        > N5 {program.partition(" |")[0]}
        """,
        **limits,
    )


def test_a_line_that_reprapfirmware_dropped_without_a_word_is_sent_again() -> None:
    """A line with a bad or missing required checksum is dropped with no answer at all: the host must time out and
    resend by itself."""
    duet("G90 | M82 | G1 X10 E1 | G1 X20 E2").run(
        """
        < ok
        > N6 M82
        < ok
        > N7 G1 X10 E1
        + 300s
        > N7 G1 X10 E1
        < ok
        + 0.25s
        > N8 M105
        < ok T:20.0 /0.0
        > N9 G1 X20 E2
        """
    )


def test_both_copies_may_be_answered_and_the_second_answer_is_for_nothing() -> None:
    replay = duet("G90 | M82 | G1 X10 E1 | G1 X20 E2").run("< ok\n > N6 M82\n < ok\n > N7 G1 X10 E1")
    replay.run("+ 300s\n > N7 G1 X10 E1\n < ok\n < ok\n + 0.25s\n > N8 M105\n < ok T:0\n > N9 G1 X20 E2")
    assert replay.session.acknowledged == 3


def test_what_must_not_be_done_twice_is_left_to_a_person() -> None:
    """Numbers are not compared: whether the line was executed, and only its `ok` lost, cannot be told."""
    duet("G91 | G1 X10").run(
        """
        < ok
        > N6 G1 X10
        + 300s
        ! FaultRaised(what="gave no answer to 'N6 G1 X10*87', and a second time might be once too often", do_next='Check cable, baud rate and power supply, then clear')
        >
        > M104 S0
        > M140 S0
        """  # noqa: E501
    )


def test_a_move_of_ours_is_relative_and_never_made_twice_where_numbers_are_not_compared() -> None:
    """The program counts from zero, and the way to the park does not."""
    replay = duet("G28 | G90 | G1 X5 Y6 Z7 F600 | G1 X8", park=Park(standby_after_s=0.0))
    replay.run("< ok\n > N6 G90\n < ok\n > N7 G1 X5 Y6 Z7 F600\n ? hold\n < ok\n > N8 M400\n < ok\n > N9 M114")
    at = "X:5.000 Y:6.000 Z:7.000 E:0.000"
    replay.run(f"< {at}\n < ok\n > N10 M114\n < {at}\n < ok\n > N11 M105\n < ok T:20.0 /0.0\n > N12 G91")
    replay.run("< ok\n > N13 G1 Z5 F600")
    replay.now_s += 301.0
    (fault,) = replay.session.tick(replay.now_s)
    assert "gave no answer to 'N13 G1 Z5 F600" in repr(fault)


@pytest.mark.parametrize(
    ("before", "line", "harmless"),
    [
        ("G90", "G1 X1 Y2 F600", True),
        ("G90 M83", "G1 X1 E0.5", False),
        ("G90 M82", "G1 X1 E0.5", True),
        ("M82", "G1 E0.5", True),
        ("", "G1 F600", True),
        ("", "G1 X1", False),
        ("G90 M82", "G2 X1 Y1 I5 J0", False),
        ("G90 G91", "G1 X1", False),
        ("", "M104 S200", True),
        ("", "N5 M400*37", True),
        ("", "M600", False),
        ("", "G10", False),
        ("", "??", False),
    ],
)
def test_which_lines_may_come_twice(before: str, line: str, harmless: bool) -> None:
    modal = after_lines(ModalState(), [*before.split(), line])
    assert may_come_twice(line, modal) is harmless


# ---- Smoothie --------------------------------------------------------------------------------------------------


def smoothie(program: str = "G28 | G1 X1") -> Dialogue:
    """The first line is on its way."""
    return met(
        SMOOTHIE,
        f"""
        < ok
        > N2 M105
        < ok T:20.1 /0.0 @0 B:20.0 /0.0 @0
        ! Greeted(identity='Smoothieware')
        > N3 M400
        < ok
        > N4 M105
        < ok T:20.1 /0.0 @0 B:20.0 /0.0 @0
        ! Rested()
        ? load {program}
        > N5 {program.partition(" ")[0] if " G" in program.partition(" |")[0] else program.partition(" |")[0]}
        """,
    )


def test_smoothie_asks_with_rs_and_prints_no_ok_behind_it() -> None:
    """`rs N<k>` for resend."""
    smoothie().run("< rs N5\n + 0.5s\n > N5 G28\n < ok\n > N6 G1 X1")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("G1 X1 Y2", ["G1 X1 Y2"]),
        ("G90 G1 X1 M106 S255", ["G90", "G1 X1", "M106 S255"]),
        ("G53 G0 X1", ["G53 G0 X1"]),
        ("M117 Hello G28 M1", ["M117 Hello G28 M1"]),
    ],
)
def test_an_ok_for_each_command_of_a_line_is_avoided_by_one_line_for_each_command(line: str, parts: list[str]) -> None:
    """`ok` per G-code word group (several per line unless ok-per-line or Grbl mode is set)."""
    smoothie_dialect = BY_NAME["smoothie"]
    prepared = prepare(line, smoothie_dialect, DeadMan(smoothie_dialect, 0.0))
    assert [command.decode() for command, _ in prepared] == parts


def test_a_line_of_several_commands_counts_once() -> None:
    replay = smoothie("G90 G1 X1 | G1 X2").run("< ok\n > N6 G1 X1")
    assert (replay.session.sent, replay.session.acknowledged) == (1, 0)
    replay.run("< ok\n > N7 G1 X2")
    assert (replay.session.sent, replay.session.acknowledged) == (2, 1)


def test_a_halted_smoothie_answers_every_line_with_two_marks() -> None:
    """Halt answers `!!` to every line until M999."""
    smoothie().run(
        """
        < !!
        ! FaultRaised(what='says "!!"', do_next='Look at the printer, then clear')
        >
        > M104 S0
        > M140 S0
        < !!
        < !!
        ? clear
        + 1s
        >
        > M999
        > N0 M110 N0
        < WARNING: After HALT you should HOME as position is currently unknown
        # This one is for M999; the seal finds out.
        < ok
        > N1 M115
        """
    )


def test_smoothie_is_halted_by_a_realtime_byte_before_any_line() -> None:
    """`?` and 0x18, 0x19 are realtime."""
    smoothie().run(
        r"""
        ? halt
        >> \x18
        >
        > M112
        > N6 M112
        < HALTED, M999 or $X to exit HALT state
        ! Stopped()
        = down
        """
    )


def test_the_error_of_one_command_is_the_end_of_the_program() -> None:
    """Any command error enters Halt."""
    smoothie("G1 X1 F0").run(
        """
        < Error: Undefined feed rate
        ! FaultRaised(what='says "Undefined feed rate"', do_next='Look at the printer, then clear')
        >
        > M104 S0
        > M140 S0
        < Entering Alarm/Halt state
        """
    )


# ---- Repetier --------------------------------------------------------------------------------------------------


def repetier(program: str = "G28 | G1 X1") -> Dialogue:
    """The first line is on its way."""
    return met(
        REPETIER,
        f"""
        < ok
        > N2 M105
        < ok
        < T:20.10 /0 B:20.00 /0 B@:0 @:0
        ! Greeted(identity='Mendel')
        > N3 M400
        < ok
        > N4 M105
        # Taken from the receive buffer, not done: the move is still going on.
        < ok
        + 1s
        < busy:processing
        < T:20.10 /0 B:20.00 /0 B@:0 @:0
        ! Rested()
        ? load {program}
        > N5 {program.partition(" |")[0]}
        """,
    )


def test_repetier_says_ok_before_the_output_and_the_output_is_the_seal() -> None:
    """Repetier-style firmware sends `ok` first, output later."""
    repetier().run("< ok\n > N6 G1 X1")


def test_repetier_says_its_request_twice_and_is_answered_once() -> None:
    """`Resend:N` twice (Repetier)."""
    repetier().run("< Resend:5\n < Resend:5\n < ok\n > N5 G28\n < ok\n > N6 G1 X1")


def test_the_ok_behind_a_skipped_line_is_for_nothing() -> None:
    """Lines under way behind a damaged one are answered `skip <n>` and `ok`."""
    replay = repetier().run("< skip 6\n < ok")
    assert replay.session.acknowledged == 0
    replay.run("< ok\n > N6 G1 X1")


# ---- others ----------------------------------------------------------------------------------------------------


def test_malyan_names_itself_without_the_word_firmware() -> None:
    """Malyan (`NAME.` not `FIRMWARE_NAME:`, always number)."""
    met("NAME. Malyan VER: 2.9 MODEL: M200 HW: HA02").run(
        "< ok\n > N2 M105\n < ok T:20\n ! Greeted(identity='Malyan')\n > N3 M400"
    )


def test_prusas_firmware_is_met_as_marlin_1_with_a_name_of_its_own() -> None:
    met("FIRMWARE_NAME:Prusa-Firmware 3.13.3 based on Marlin MACHINE_TYPE:Prusa i3 MK3S UUID:00").run(
        """
        < Cap:AUTOREPORT_TEMP:1
        < ok
        > N2 M105
        < ok T:20.0 /0.0 B:20.0 /0.0 T0:20.0 /0.0 @:0 B@:0 P:0.0 A:28.4
        ! Greeted(identity='Prusa i3 MK3S 00')
        > N3 M155 S5
        """
    )


def test_the_cell_file_overrides_what_m115_says() -> None:
    replay = dialogue(boot_s=1.0, dialect=BY_NAME["klipper"])
    replay.run("? greet\n + 1s\n >\n > M110 N0\n < ok\n > M115\n < ok FIRMWARE_NAME:Marlin 2.1\n > M105")
