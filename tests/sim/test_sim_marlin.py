"""The simulated printer, as a host hears it. Each test names the fact of running firmware that it holds to."""

from random import Random  # noqa: TID251 - seeded

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl_sim.config import PrinterTwin
from cellctl_sim.faults import Trouble
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World
from tests.sim.device_rig import Rig, numbered

BED = "printer-1.bed"
TWIN = PrinterTwin(model="marlin", bed_heats_celsius_per_s=0.3)


def printer(twin: PrinterTwin = TWIN) -> tuple[Rig, World]:
    """A printer that has booted, with its banner heard."""
    world = World([BED])
    rig = Rig(Marlin("printer-1", BED, world, twin, Random(1)))
    rig.until(0.0)
    return rig, world


def hot_printer() -> tuple[Rig, World]:
    """Homed, nozzle at 210."""
    rig, world = printer()
    rig.stream(["G28", "M109 S210", "M83"])
    return rig, world


# ---- greeting ----------------------------------------------------------------------------------------------------


def test_the_first_line_after_any_reset_is_start() -> None:
    rig = Rig(Marlin("printer-1", BED, World([BED]), TWIN, Random(1)))
    assert rig.until(0.0)[:2] == ["start", "PowerUp"]
    rig.send(numbered(1, "M104 S200") + "M155 S1\n")
    rig.now_s = 9.0
    device = rig.device
    assert isinstance(device, Marlin)
    device.reset(9.0)
    assert rig.until(9.0)[-9:][:2] == ["start", " External Reset"]
    # The line counter restarts, heaters and auto-reports are off.
    assert rig.send(numbered(1, "M105")) == ["ok T:47.44 /0.00 B:22.00 /0.00 @:0 B@:0"]
    assert rig.until(60.0) == []


def test_m115_lists_capabilities_and_the_area() -> None:
    rig, _ = printer()
    lines = rig.send("M115\n")
    assert lines[0].startswith("FIRMWARE_NAME:Marlin 2.1.2 (")
    assert lines[0].endswith(
        "PROTOCOL_VERSION:1.0 MACHINE_TYPE:cellctl twin EXTRUDER_COUNT:1 UUID:00000000-0000-4000-8000-000000000000"
    )
    assert "Cap:AUTOREPORT_TEMP:1" in lines
    assert "Cap:EMERGENCY_PARSER:0" in lines
    assert lines[-2] == (
        "area:{full:{min:{x:0.0000,y:0.0000,z:0.0000},max:{x:220.0000,y:220.0000,z:240.0000}},"
        "work:{min:{x:0.0000,y:0.0000,z:0.0000},max:{x:220.0000,y:220.0000,z:240.0000}}}"
    )
    assert lines[-1] == "ok"


# ---- lines -------------------------------------------------------------------------------------------------------


def test_numbered_lines_are_checked_and_acknowledged() -> None:
    rig, _ = printer()
    assert rig.send("N0 M110*35\nN1 M82*24\n") == ["ok", "ok"]


def test_every_bad_line_is_answered_with_the_triple() -> None:
    """Error, Resend with a space, and an ok that acknowledges nothing."""
    rig, _ = printer()
    rig.send(numbered(1, "M82"))
    assert rig.send("N2 M83*0\n") == ["Error:checksum mismatch, Last Line: 1", "Resend: 2", "ok"]
    assert rig.send("N2 M83\n") == ["Error:No Checksum with line number, Last Line: 1", "Resend: 2", "ok"]
    wrong_number = ["Error:Line Number is not Last Line Number+1, Last Line: 1", "Resend: 2", "ok"]
    assert rig.send(numbered(3, "M83")) == wrong_number
    assert rig.send(numbered(1, "M82")) == wrong_number  # a repeated line too
    assert rig.send(numbered(2, "M83")) == ["ok"]


def test_each_line_in_flight_behind_a_bad_one_asks_for_the_same_line_again() -> None:
    rig, _ = printer()
    lines = rig.send("N1 M82*0\n" + numbered(2, "M83") + numbered(3, "M84"))
    assert [line for line in lines if line.startswith("Resend")] == ["Resend: 1"] * 3


def test_a_bad_line_takes_everything_in_the_receive_buffer_with_it() -> None:
    rig, _ = printer()
    rig.send("G4 S1\nM400\nM400\nM400\n")  # all four slots are taken
    rig.send("N1 M82*0\n" + numbered(2, "M83") + "M114\n")  # these wait in the receive buffer
    bad = ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]
    assert rig.until(9.0) == ["ok", *bad, "ok", "ok", "ok"]


def test_m110_sets_the_line_number_with_a_second_n_or_without_a_number() -> None:
    rig, _ = printer()
    assert rig.send(numbered(0, "M110 N99")) == ["ok"]
    assert rig.send(numbered(100, "M82")) == ["ok"]
    assert rig.send("M110 N6\n") == ["ok"]
    assert rig.send(numbered(7, "M82")) == ["ok"]
    assert rig.send(numbered(3, "M110")) == ["ok"]
    assert rig.send(numbered(4, "M82")) == ["ok"]


def test_unnumbered_lines_are_always_accepted() -> None:
    rig, _ = printer()
    assert rig.send("M82\nM83 ; relative\n") == ["ok", "ok"]


def test_empty_and_comment_lines_get_no_ok() -> None:
    rig, _ = printer()
    assert rig.send("\n\r\n; hello\n   \nM82\r\n") == ["ok"]


def test_an_over_long_line_is_cut_and_executed_with_a_plain_ok() -> None:
    rig, _ = printer()
    assert rig.send("M118 " + "x" * 100 + "\n") == ["x" * 90, "ok"]


def test_an_over_long_numbered_line_is_asked_for_for_ever() -> None:
    """Its checksum is cut off."""
    rig, _ = printer()
    line = numbered(1, "M117 " + "x" * 100)
    for _ in range(3):
        assert rig.send(line) == ["Error:No Checksum with line number, Last Line: 0", "Resend: 1", "ok"]


def test_bytes_beyond_the_receive_buffer_are_lost_silently() -> None:
    """Four commands in the slots and 128 bytes behind them; nothing on the wire tells."""
    rig, _ = printer()
    assert rig.send("G4 S3\n" + "M82\n" * 60) == []
    lines = rig.until(10.0)
    assert lines.count("ok") == 4 + 128 // 4
    assert not [line for line in lines if "rror" in line]


def test_a_line_may_come_in_pieces() -> None:
    rig, _ = printer()
    assert [*rig.send("N1 M"), *rig.send("82"), *rig.send("*24"), *rig.send("\n")] == ["ok"]


def test_unknown_and_lower_case_commands_are_echoed_and_acknowledged() -> None:
    rig, _ = printer()
    assert rig.send("G29 P1\n") == ['echo:Unknown command: "G29 P1"', "ok"]
    assert rig.send("g1 x5\n") == ['echo:Unknown command: "g1 x5"', "ok"]
    assert rig.send(numbered(1, "M888")) == ['echo:Unknown command: "M888"', "ok"]


def test_advanced_ok_counts_what_is_free() -> None:
    rig, _ = printer(TWIN.model_copy(update={"advanced_ok": True}))
    assert rig.send(numbered(1, "G1 X10 F600") + "M82\n") == ["ok N1 P15 B4", "ok P15 B4"]


# ---- motion ------------------------------------------------------------------------------------------------------


def test_a_move_is_acknowledged_when_planned_and_m400_when_made() -> None:
    rig, world = printer()
    assert rig.send("G1 X100 F6000\n") == ["ok"]
    assert rig.send("M114\n") == ["X:100.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]  # projected, and real
    rig.send("M400\n")
    assert rig.until_said("ok") == pytest.approx(100 / 100 + 100 / 1500)
    assert rig.send("M114 R\n")[0].endswith("Count X:8000 Y:0 Z:0")
    assert world.violations == []


def test_the_seventeenth_move_waits_for_a_free_block() -> None:
    rig, _ = printer()
    for step in range(16):
        assert rig.send(f"G1 X{step + 1} F60\n") == ["ok"]
    assert rig.send("G1 X17\n") == []
    assert rig.until_said("ok") == pytest.approx(1.0, abs=0.01)


def test_a_print_takes_its_true_time() -> None:
    rig, _ = printer()
    square = ["G1 X100 F3000", "G1 Y100", "G1 X0", "G1 Y0"] * 5
    took_s = rig.stream([*square, "M400"])
    assert 20 * 100 / 50 < took_s < 20 * (100 / 50 + 50 / 1500) + 0.1


def test_arcs_take_their_length() -> None:
    rig, _ = printer()
    took_s = rig.stream(["G1 X50 F3000", "M400"])
    assert rig.stream(["G2 X50 Y0 I10 F600", "M400"]) == pytest.approx(62.83 / 10, abs=0.1)
    assert took_s < 1.2
    assert rig.send("G3 X60 Y0 R5\n") == ["ok"]
    assert rig.send("G2 X5\n") == ["Error:G2/G3 bad parameters", "ok"]


def test_positions_relative_shifted_and_bounded_once_homed() -> None:
    rig, _ = printer()
    assert rig.send("G1 X5000 F60000\n") == ["ok"]  # unhomed: software endstops do not apply
    rig.stream(["G28", "G1 X5000 F6000", "G91", "G1 Y10 E1", "G90", "G92 X0 E0"])
    assert rig.send("M114\n")[0].startswith("X:0.00 Y:10.00 Z:0.00 E:0.00")
    rig.stream(["G1 X-20 F6000", "M400"])
    assert rig.send("M114\n")[0] == "X:-20.00 Y:10.00 Z:0.00 E:0.00 Count X:16000 Y:800 Z:0"


def test_homing_is_busy_for_sixteen_seconds_then_reports_then_ok() -> None:
    rig, _ = printer()
    rig.send("G28\n")
    assert rig.until(15.9) == ["echo:busy: processing"] * 7
    assert rig.until(16.1) == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]


def test_busy_comes_every_two_seconds_or_as_m113_says() -> None:
    rig, _ = printer()
    rig.send("G4 S5\n")
    assert [at_s for at_s, line in (rig.until(5.0), rig.said)[1] if "busy" in line] == [2.0, 4.0]
    rig.send("M113 S1\nG4 P3500\n")
    assert rig.until(8.5) == ["echo:busy: processing"] * 3 + ["ok"]
    rig.send("M113 S0\nG4 S30\n")
    assert rig.until(40.0) == ["ok"]


def test_a_full_planner_is_busy_too() -> None:
    rig, _ = printer()
    for step in range(17):
        rig.send(f"G1 X{100 * step + 100} F600\n")
    assert rig.until(9.0) == ["echo:busy: processing"] * 4


# ---- heat --------------------------------------------------------------------------------------------------------


def test_m105_answers_on_one_line_with_its_ok() -> None:
    rig, _ = printer()
    assert rig.send(numbered(1, "M105")) == ["ok T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0"]


def test_auto_reports_begin_with_a_space_and_come_between_any_two_lines() -> None:
    rig, _ = printer()
    assert rig.send("M155 S2\n") == ["ok"]
    rig.send("G28\n")
    lines = rig.until(4.1)
    assert [line for line in lines if line.startswith(" T:")] == [" T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0"] * 2
    rig.until(30.0)
    rig.send("M155 S0\n")
    assert rig.until(60.0) == []


def test_m190_waits_with_a_report_every_second_and_busy_in_between() -> None:
    rig, world = printer()
    rig.send("M190 S60\n")
    lines = rig.until(10.0)
    assert lines.count("echo:busy: processing") == 5
    assert lines[0].endswith("B@:127 W:?")
    assert 120 < rig.until_said("ok") < 190
    assert rig.lines[-2].endswith(" W:0")
    rig.send("M140 S0\n")
    cold_s = rig.now_s
    while world._celsius[BED] > 40:
        rig.now_s += 1
        rig.send("M105\n")
    assert 360 < rig.now_s - cold_s < 600


def test_m109_s_waits_for_heating_only_and_r_for_cooling_too() -> None:
    rig, _ = printer()
    assert 80 < rig.stream(["M109 S210"]) < 110
    assert rig.stream(["M109 S180"]) == 0
    assert 10 < rig.stream(["M109 R150"]) < 120
    assert rig.stream(["M109 S0"]) == 0


def test_cold_extrusion_is_an_echo_and_an_ok_and_e_counts_on() -> None:
    rig, world = printer()
    assert rig.send("G1 X10 E5 F6000\n") == ["echo: cold extrusion prevented", "ok"]
    assert rig.send("M114\n")[0].startswith("X:10.00 Y:0.00 Z:0.00 E:5.00")
    rig.until(5.0)
    assert world.part_at(BED) is None
    assert rig.send("M302 P1\n") == ["ok"]
    assert rig.send("G1 X20 E6\n") == ["ok"]


# ---- stopping ----------------------------------------------------------------------------------------------------


def test_m112_in_the_queue_waits_behind_what_blocks() -> None:
    rig, _ = printer()
    rig.send("G1 X100 F600\nM400\n" + numbered(1, "M112"))
    assert rig.until(5.0) == ["echo:busy: processing"] * 2


KILLED = ["echo:M112 Shutdown", "Error:Printer halted. kill() called!", "//action:poweroff"]


def test_m112_at_the_start_of_a_line_acts_as_soon_as_a_slot_is_free() -> None:
    rig, _ = printer()
    rig.send("G1 X100 F600\nM400\n")
    assert rig.send("M112\n") == KILLED
    # Then silence for good, until a reset.
    assert rig.send("M105\n") == []
    assert rig.device.wakeup_s is None
    device = rig.device
    assert isinstance(device, Marlin)
    device.reset(rig.now_s)
    assert rig.until(rig.now_s)[0] == "start"
    assert rig.send("M105\n") == ["ok T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0"]


def test_m112_waits_while_all_slots_are_taken() -> None:
    rig, _ = printer()
    rig.send("G1 X100 F600\nM400\nM82\nM82\nM82\n")
    assert rig.send("M112\n") == []
    assert KILLED[1] in rig.until(15.0)


def test_the_emergency_parser_acts_at_once_numbered_or_not() -> None:
    rig, _ = printer(TWIN.model_copy(update={"emergency_parser": True}))
    assert "Cap:EMERGENCY_PARSER:1" in rig.send("M115\n")
    rig.send("G1 X100 F600\nM400\nM82\nM82\nM82\n")
    assert rig.send(numbered(1, "M112")) == KILLED


def test_m108_ends_a_wait_for_heat() -> None:
    rig, _ = printer()
    rig.send("M190 S90\n")
    rig.until(5.0)
    assert rig.send("M108\n") == ["ok", "ok"]
    rig.send("M190 S90\n")
    assert rig.send(numbered(1, "M108")) == []  # numbered it waits its turn
    rig.until_said("ok")


def test_m410_forgets_the_queue_and_takes_a_second() -> None:
    rig, world = printer()
    rig.send("G1 X100 F6000\nG1 X0\n")
    rig.until(0.5)
    rig.send("M410\n")
    assert rig.until_said("ok") == pytest.approx(1.6)
    assert 40 < float(rig.send("M114\n")[0].split()[0][2:]) < 60
    assert world.violations == []


def test_m0_waits_for_the_person() -> None:
    rig, _ = printer()
    rig.send("M0 Remove the part\n")
    assert rig.until(4.5) == ["echo:busy: paused for user"] * 2
    assert rig.send("M108\n") == ["ok", "ok"]


def test_without_power_there_is_silence_and_the_bed_cools_on() -> None:
    rig, world = printer()
    rig.stream(["M190 S60"])
    device = rig.device
    assert isinstance(device, Marlin)
    device.power_off(rig.now_s)
    assert rig.send("M105\n") == []
    assert device.wakeup_s is None
    rig.now_s += 600
    device.power_on(rig.now_s)
    assert rig.until(rig.now_s)[:2] == ["start", "PowerUp"]
    rig.send("M105\n")
    assert 30 < world._celsius[BED] < 40


# ---- the world ---------------------------------------------------------------------------------------------------


def test_a_print_becomes_a_part_and_is_finished_when_all_is_off_and_at_rest() -> None:
    rig, world = hot_printer()
    assert world.part_at(BED) is None
    rig.stream(["G1 X10 F3000", "G1 X110 E5 F1200"])
    rig.until(rig.now_s + 1)
    part = world.part_at(BED)
    assert part is not None
    rig.stream(["G1 X10 E5", "M104 S0", "M140 S0"])
    assert not part.finished  # the queued moves still put plastic onto it
    rig.stream(["M84"])
    assert part.finished
    assert len(part.history) == 2
    assert world.violations == []


def test_printing_onto_a_finished_part_is_seen() -> None:
    rig, world = hot_printer()
    rig.stream(["G1 X10 E1 F1200", "M84", "M109 S210", "G1 X20 E1", "M400"])
    assert [line.split()[1] for line in world.violations] == ["print-on-occupied-bed:"]


def test_a_reset_in_mid_print_leaves_an_unfinished_part() -> None:
    rig, world = hot_printer()
    rig.stream(["G1 X100 E10 F1200"])
    rig.until(rig.now_s + 1)
    device = rig.device
    assert isinstance(device, Marlin)
    device.reset(rig.now_s)
    part = world.part_at(BED)
    assert part is not None
    assert not part.finished


def test_the_world_hears_once_that_it_moves_and_once_that_it_rests() -> None:
    rig, world = printer()
    world.enter("arm-1", "printer-1", 0.0)
    rig.stream(["G1 X10 F6000", "G1 X20", "G1 X30", "M400"])
    rig.stream(["G1 X0", "M400"])
    assert [line.split()[1] for line in world.violations] == ["machine-moves-with-arm-in-zone:"] * 2


class Noise(Trouble):
    """A fault plan of one fault: the first G28 is damaged on its way."""

    def __init__(self) -> None:
        super().__init__((), Random(1))
        self.events: list[str] = []

    def heard(self, chunk: bytes, now_s: float) -> bytes:
        return chunk.replace(b"G28", b"G38") if not self.events else chunk

    def said(self, chunk: bytes, now_s: float) -> bytes:
        return chunk.replace(b"echo:", b"ech0:")

    def happened(self, event: str, now_s: float) -> None:
        self.events.append(event)


def test_faults_sit_between_the_wire_and_the_board() -> None:
    noise = Noise()
    rig = Rig(Marlin("printer-1", BED, World([BED]), TWIN, Random(1), faults=noise))
    rig.until(0.0)
    assert rig.send(numbered(1, "G28"))[0] == "Error:checksum mismatch, Last Line: 0"
    assert rig.send(numbered(1, "M82")) == ["ok"]
    assert rig.send("M888\n") == ['ech0:Unknown command: "M888"', "ok"]
    assert noise.events == ["line", "line"]


# ---- anything at all ---------------------------------------------------------------------------------------------

COMMANDS = (
    "G1 X10 E1 F6000", "G2 I5 J5", "G3 X1 R", "G28 X", "G4 P300", "G92 X Y1", "M109 S40", "M190 R30", "M112", "M108",
    "M410", "M155 S1", "M104 S", "M105", "M0", "M84", "M400", "M203 X0", "M204 S0", "M201 X0 E0",
    "M220 S0", "M110 N", "N5 M110 N9*1",
)  # fmt: skip


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from(COMMANDS) | st.binary(max_size=200)), max_size=30))
def test_whatever_comes_in_time_goes_on(chunks: list[tuple[float, str | bytes]]) -> None:
    rig, _ = printer()
    for pause_s, chunk in chunks:
        rig.send(f"{chunk}\n" if isinstance(chunk, str) else chunk)
        rig.until(rig.now_s + pause_s)
    rig.until(rig.now_s + 100)
    device = rig.device
    assert isinstance(device, Marlin)
    device.reset(rig.now_s)
    rig.until(rig.now_s)
    assert rig.send("M82\n") == ["ok"]
