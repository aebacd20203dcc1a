"""The simulated router, as a host hears it. Each test names the fact of running firmware that it holds to."""

from random import Random  # noqa: TID251 - seeded

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl import Grbl
from cellctl_sim.world import World
from tests.sim.device_rig import Rig

VISE = "router-1.vise"
TWIN = RouterTwin(model="grbl")
BANNER = ["", "Grbl 1.1h ['$' for help]"]
UNLOCK = "[MSG:'$H'|'$X' to unlock]"


def router(twin: RouterTwin = TWIN, part: bool = True) -> tuple[Rig, Grbl, World]:
    """A router that has power and is locked, with a part in its vise; its banner is heard."""
    world = World([VISE])
    if part:
        world.deposit("printer-1", VISE, 0.0)
    device = Grbl("router-1", VISE, world, twin, Random(1))
    rig = Rig(device)
    assert rig.until(0.0) == [*BANNER, UNLOCK]
    return rig, device, world


def unlocked(twin: RouterTwin = TWIN) -> Rig:
    """A router without switches, without soft limits, ready to go; machine coordinates are work coordinates."""
    rig, _, _ = router(twin)
    rig.stream(["$X", "$22=0", "G10 L2 P1 X0 Y0 Z0"])
    rig.send("?")
    rig.send("?")  # the periodic fields have been told
    return rig


def homed() -> tuple[Rig, World]:
    """Homed, at the work origin's X and Y and above the part."""
    rig, _, world = router()
    rig.stream(["$H", "G0 X0 Y0 Z3", "G4 P0"])
    return rig, world


def state(rig: Rig) -> str:
    """The first field of a status report."""
    return rig.send("?")[-1].split("|")[0].strip("<>")


def machine_x(rig: Rig) -> float:
    """X of the machine position in a status report."""
    return float(rig.send("?")[-1].split("MPos:")[1].split(",")[0])


# ---- greeting, lines and answers ---------------------------------------------------------------------------------


def test_power_up_with_homing_enabled_is_locked() -> None:
    rig, _, _ = router()
    assert state(rig) == "Alarm"
    assert rig.send("G0 X1\n") == ["error:9"]
    assert rig.send("$X\n") == ["[MSG:Caution: Unlocked]", "ok"]
    assert state(rig) == "Idle"


def test_every_line_gets_exactly_one_answer_empty_ones_too() -> None:
    rig = unlocked()
    assert rig.send("\n") == ["ok"]
    assert rig.send("; a comment\n(another)\n  \n") == ["ok"] * 3
    assert rig.send("G21 (mm) G90\n") == ["ok"]
    assert rig.send("G90\r\n") == ["ok", "ok"]  # "\r" ends one line and "\n" another
    assert [*rig.send("G9"), *rig.send("0\n")] == ["ok"]


def test_a_line_over_eighty_characters_is_error_11_once() -> None:
    rig = unlocked()
    assert rig.send("G1" + "X1" * 60 + "\n") == ["error:11"]
    assert rig.send("G90 (" + "x" * 100 + ")\n") == ["ok"]  # comments and blanks do not count
    assert rig.send("G1 " * 26 + "G1\n") == ["error:24"]  # blanks neither


def test_bytes_beyond_128_are_lost_silently() -> None:
    """359 bytes at once without counting: some oks for 40 lines, and no error."""
    rig = unlocked()
    lines = rig.send("G1X1F100\n" * 39 + "G1X2F99\n")
    lines += rig.until(60.0)
    assert lines == ["ok"] * (128 // 9)
    assert state(rig) == "Idle"


def test_build_info_tells_blocks_and_bytes() -> None:
    rig, _, _ = router()
    assert rig.send("$I\n") == ["[VER:1.1h.20190825:]", "[OPT:V,15,128]", "ok"]
    assert rig.send("$\n")[0].startswith("[HLP:$$ $#")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1X2", 1), ("G1X", 2), ("G1X1.2.3", 2), ("G1X1*7", 1), ("G1X1F-5", 4), ("G5", 20), ("M6", 20), ("A1", 20),
        ("G64", 20), ("G38.1Z1F9", 20), ("G90.1", 20), ("G17G18", 21), ("M3M5", 21), ("G1X1", 22), ("G2X1I1", 22),
        ("$J=X5", 22), ("G1.5", 23), ("M3.1", 23), ("G0G1X1", 24), ("G28G1X1", 24), ("G0X1X2", 25), ("G10L2P1", 26),
        ("G92", 26), ("G38.2F9", 26), ("N10000001", 27), ("G4", 28), ("G10X1", 28), ("G10L2P7X1", 29),
        ("G53G2X1I1F9", 30), ("G80X1", 31), ("G2Z1I1F9", 32), ("G2X1I5F9", 33), ("G38.2X0F9", 33), ("G2X9R1F9", 34),
        ("G2X1K1F9", 35), ("G0I1", 36), ("G1X1R2F9", 36), ("G43.1X1", 37), ("T256", 38), ("$J=G1X1F9", 16),
        ("$J=X1F9M3", 16), ("$99=1", 3), ("$Q", 2), ("$110", 3), ("$0=1", 6), ("$20=1", 10), ("$110=-1", 4),
        ("$JX1", 3), ("$GX", 3), ("$H", 5),
    ],
)  # fmt: skip
def test_what_grbl_refuses_it_refuses_by_number_and_forgets(line: str, code: int) -> None:
    rig = unlocked()
    before = rig.send("$G\n")
    assert rig.send(f"{line}\n") == [f"error:{code}"]
    assert rig.send("$G\n") == before


def test_small_letters_blanks_line_numbers_and_block_delete_are_taken() -> None:
    rig = unlocked()
    assert rig.send("n12 /g1 x1 f 500\n") == ["ok"]
    assert rig.send("$G\n")[0] == "[GC:G1 G54 G17 G21 G90 G94 M5 M9 T0 F500 S0]"


def test_settings_and_parameters_are_listed() -> None:
    rig, _, _ = router()
    listing = rig.send("$$\n")
    assert listing[0] == "$0=10"
    assert {"$1=255", "$11=0.010", "$22=1", "$30=12000", "$110=3000.000", "$130=300.000"} <= set(listing)
    assert rig.send("$#\n") == [
        "[G54:-250.000,-150.000,-37.500]",
        *(f"[G{number}:0.000,0.000,0.000]" for number in (55, 56, 57, 58, 59, 28, 30, 92)),
        "[TLO:0.000]",
        "[PRB:0.000,0.000,0.000:0]",
        "ok",
    ]


def test_a_setting_survives_reset_and_power_cut_and_loses_what_comes_behind_it() -> None:
    rig, device, _ = router()
    assert rig.send("$110=500\nG21\n?") == []  # interrupts are off during the write
    assert rig.until(1.0) == ["ok"]
    rig.send("$131=170\n")
    assert rig.until(1.01) == []
    assert rig.send("$132=40\n") == []
    assert rig.until(2.0) == ["ok"]
    device.power_off(3.0)
    rig.now_s = 4.0
    assert rig.send("?") == []
    device.power_on(5.0)
    assert rig.until(5.0) == [*BANNER, UNLOCK]
    assert {"$110=500.000", "$131=170.000", "$132=45.000"} <= set(rig.send("$$\n"))


def test_start_up_lines_answer_with_a_mark_that_is_no_ok() -> None:
    rig = unlocked()
    rig.stream(["$N0=G20"])
    assert rig.send("$N\n") == ["$N0=G20", "$N1=", "ok"]
    assert rig.send("\x18") == [*BANNER, ">G20:ok"]
    assert "G20" in rig.send("$G\n")[0]
    rig.stream(["$RST=*"], ok="Grbl 1.1h ['$' for help]")
    assert rig.send("$N\n")[0] == "$N0="


# ---- motion ------------------------------------------------------------------------------------------------------


def test_moves_take_their_true_time_and_fifteen_of_them_fit() -> None:
    rig = unlocked()
    assert rig.send("G1X10F600\n") == ["ok"]
    assert state(rig) == "Run"
    rig.send("G4P0\n")
    assert rig.until_said("ok") == pytest.approx(rig.now_s)
    for step in range(15):
        assert rig.send(f"G1X{11 + step}F60\n") == ["ok"]
    began_s = rig.now_s
    assert rig.send("G1X30\n") == []
    assert rig.until_said("ok") - began_s == pytest.approx(1.0, abs=0.01)


def test_a_move_of_a_hundred_millimetres_at_600_takes_ten_seconds() -> None:
    rig = unlocked()
    assert rig.stream(["G1X100F600", "G4P0"]) == pytest.approx(10.0 + 10 / 200)
    assert rig.stream(["G0X0", "G4P0"]) == pytest.approx(100 / 50 + 50 / 200)


def test_g4_reads_idle_and_its_ok_is_a_barrier() -> None:
    rig = unlocked()
    rig.send("G1X10F600\nG4P5\n")
    rig.until(rig.now_s + 3)
    assert state(rig) == "Idle"
    began_s = rig.now_s - 3
    assert rig.until_said("ok") - began_s == pytest.approx(6.05)


def test_inches_and_increments_and_work_offsets() -> None:
    rig = unlocked()
    rig.stream(["G20G91G0X1", "G21X-5.4", "G90", "G55G0X0", "G4P0"])
    assert machine_x(rig) == 0.0
    rig.stream(["G10L20P2X100", "G0X90", "G4P0"])
    assert machine_x(rig) == -10.0
    rig.stream(["G92X0", "G0X1", "G4P0"])
    assert machine_x(rig) == -9.0
    rig.stream(["G53G0X-3", "G92.1", "G28.1", "G0X0", "G28", "G4P0"])
    assert machine_x(rig) == -3.0
    assert "[G55:-100.000,0.000,0.000]" in rig.send("$#\n")


def test_a_work_offset_and_a_machine_move_on_one_line_store_nothing() -> None:
    rig = unlocked()
    before = rig.send("$#\n")
    rig.stream(["G0X-5", "G55G53G0X-7", "G54G28", "G55G4P0"])
    assert rig.send("$#\n") == before
    assert machine_x(rig) == 0.0


def test_inverse_time_feed_counts_moves_a_minute() -> None:
    rig = unlocked()
    assert rig.stream(["G93", "G1X100F6", "G4P0"]) == pytest.approx(10.05)
    assert rig.send("G1X0\n") == ["error:22"]


def test_arcs_by_radius_and_by_offsets() -> None:
    rig = unlocked()
    assert rig.stream(["G2X20R10F600", "G4P0"]) == pytest.approx(31.4 / 10, abs=0.1)
    assert rig.stream(["G3X20I5", "G4P0"]) == pytest.approx(31.4 / 10, abs=0.1)
    assert rig.stream(["G18G2X20Z20K10", "G4P0"]) == pytest.approx(31.4 / 10 + 0.1, abs=0.01)


def test_homing_is_silent_and_answers_once_at_its_end() -> None:
    rig, _, _ = router()
    assert rig.send("$H\n") == []
    for _ in range(5):
        assert rig.until(rig.now_s + 1) == []
        assert rig.send("?") == []
    began_s = rig.now_s - 5
    assert 10 < rig.until_said("ok") - began_s < 30
    assert rig.lines[0].startswith("<Idle|MPos:-1.000,-1.000,-1.000|")
    assert len(rig.lines) == 2


def test_m2_ends_the_program_and_restores_modes() -> None:
    rig = unlocked()
    rig.stream(["G91G18M3S9000", "G1X5F600"])
    rig.send("M2\n")
    rig.until_said("ok")
    assert rig.lines == ["[MSG:Pgm End]", "ok"]
    assert rig.send("$G\n")[0] == "[GC:G1 G54 G17 G21 G90 G94 M5 M9 T0 F600 S9000]"


def test_check_mode_checks_without_moving_and_ends_with_a_reset() -> None:
    rig = unlocked()
    assert rig.send("$C\n") == ["[MSG:Enabled]", "ok"]
    assert rig.send("G1X500F600\nG1X\nM3S100\nG4P60\n?")[:4] == ["ok", "error:2", "ok", "ok"]
    assert state(rig) == "Check"
    assert rig.send("$C\n") == ["[MSG:Disabled]", "ok", *BANNER]
    assert machine_x(rig) == 0.0


# ---- status reports ----------------------------------------------------------------------------------------------


def test_wco_and_overrides_are_in_only_some_reports() -> None:
    rig, _, _ = router()
    reports = [rig.send("?")[0] for _ in range(22)]
    assert reports[0] == "<Alarm|MPos:0.000,0.000,0.000|FS:0,0|WCO:-250.000,-150.000,-37.500>"
    assert reports[1] == "<Alarm|MPos:0.000,0.000,0.000|FS:0,0|Ov:100,100,100>"
    assert reports[2] == "<Alarm|MPos:0.000,0.000,0.000|FS:0,0>"
    assert [number for number, report in enumerate(reports) if "WCO" in report] == [0, 10, 20]
    assert [number for number, report in enumerate(reports) if "Ov" in report] == [1, 11, 21]


def test_several_questions_at_once_are_answered_once() -> None:
    rig, _, _ = router()
    assert len(rig.send("???")) == 1


def test_buffers_work_position_and_inches_as_the_settings_say() -> None:
    rig, _, _ = router()
    rig.stream(["$X", "$10=2"])
    assert rig.send("?")[0].startswith("<Idle|WPos:250.000,150.000,37.500|Bf:15,128|FS:0,0")
    rig.stream(["$13=1"])
    assert rig.send("?")[0].startswith("<Idle|WPos:9.8425,5.9055,1.4764|Bf:15,128|FS:0.0,0")


def test_the_reported_feed_and_spindle_are_the_present_ones() -> None:
    rig = unlocked()
    rig.send("M3S9000\nG1X100F600\n")
    rig.until(rig.now_s + 1)
    assert "|FS:600,9000|Ov:100,100,100|A:S>" in rig.send("?")[0]


# ---- realtime ----------------------------------------------------------------------------------------------------


def test_a_hold_brakes_and_a_resume_while_it_brakes_is_dropped() -> None:
    rig = unlocked()
    rig.send("G1X100F3000\n")
    rig.until(rig.now_s + 1)
    rig.send("!")
    assert state(rig) == "Hold:1"
    rig.send("~")
    rig.until(rig.now_s + 1)
    assert state(rig) == "Hold:0"
    assert machine_x(rig) == pytest.approx(50 - 50 * 50 / 400 + 50 * 50 / 400, abs=0.01)  # 1 s less ramp, plus brake
    rig.send("~")
    assert state(rig) == "Run"
    rig.send("G4P0\n")
    rig.until_said("ok")
    assert machine_x(rig) == 100.0


def test_lines_wait_while_it_is_held() -> None:
    rig = unlocked()
    rig.send("!")
    assert state(rig) == "Hold:0"
    assert rig.send("G90\n") == []
    assert rig.send("~") == ["ok"]


def test_realtime_bytes_act_inside_lines_and_comments() -> None:
    rig = unlocked()
    assert rig.send("G1X5F100 (what now?)\n")[-1].startswith("<Run")
    rig.send("G1X6 (stop!)\n")
    assert state(rig).startswith("Hold")


def test_other_bytes_above_127_are_thrown_away() -> None:
    rig = unlocked()
    assert rig.send(b"G9\xc30\xff\n") == ["ok"]


def test_a_reset_in_motion_is_alarm_3_and_takes_a_moment() -> None:
    rig = unlocked()
    rig.send("G1X100F600\n")
    rig.until(rig.now_s + 1)
    began_s = rig.now_s
    assert rig.send("\x18") == ["ALARM:3"]
    assert rig.send("?\n") == []
    assert rig.until_said(UNLOCK) - began_s == pytest.approx(0.8)
    assert rig.lines == [*BANNER, UNLOCK]
    assert state(rig) == "Alarm"


def test_a_reset_at_a_stand_is_a_banner_only() -> None:
    rig = unlocked()
    assert rig.send("\x18") == BANNER
    assert state(rig) == "Idle"


def test_hold_then_reset_keeps_the_position() -> None:
    rig = unlocked()
    rig.send("G1X100F600\n")
    rig.until(rig.now_s + 2)
    rig.send("!")
    rig.until(rig.now_s + 1)
    at = machine_x(rig)
    assert rig.send("\x18") == BANNER
    assert machine_x(rig) == at > 15


def test_a_line_that_waits_gets_its_ok_just_before_the_banner() -> None:
    rig = unlocked()
    for step in range(15):
        rig.send(f"G1X{step + 1}F60\n")
    assert rig.send("G1X20\nG1X21\n") == []
    assert rig.send("\x18") == ["ALARM:3"]
    assert rig.until(rig.now_s + 2) == ["ok", *BANNER, UNLOCK]


def test_a_soft_limit_is_alarm_2_and_silence_until_a_reset() -> None:
    rig, _ = homed()
    rig.send("G1X5F100\n")
    rig.until(rig.now_s + 1)
    assert rig.send("G0X400\nG0X1\n") == []
    assert rig.until(rig.now_s + 0.5) == ["ALARM:2"]
    assert rig.send("\x18") == []  # before the reason is told, a reset is dropped
    assert rig.until(rig.now_s + 1) == ["[MSG:Reset to continue]"]
    assert rig.send("?") == []
    assert rig.send("$X\n") == []
    assert rig.until(rig.now_s + 60) == []
    assert rig.send("\x18") == ["ok", *BANNER, UNLOCK]
    assert state(rig) == "Alarm"


def test_a_jog_needs_its_feed_keeps_inside_and_is_cancelled_without_a_word() -> None:
    rig, _ = homed()
    before = rig.send("$G\n")
    assert rig.send("$J=G91X500F1000\n") == ["error:15"]
    assert rig.send("$J=G91X50F1000\n") == ["ok"]
    assert state(rig) == "Jog"
    assert rig.send("G0X1\n") == ["error:9"]
    assert rig.send("$#\n") == ["error:8"]
    assert rig.send("$J=G91X20F1000\n") == ["ok"]
    rig.until(rig.now_s + 1)
    assert rig.send(b"\x85") == []
    assert rig.until(rig.now_s + 1) == []
    assert state(rig) == "Idle"
    assert rig.send("$G\n") == before  # modal state is untouched
    at = machine_x(rig)
    rig.stream(["G91", "G0X1", "G4P0"])
    assert machine_x(rig) == pytest.approx(at + 1)  # and the parser knows where it is


def test_a_hold_cancels_a_jog() -> None:
    rig = unlocked()
    rig.send("$J=X50F1000\n")
    rig.until(rig.now_s + 1)
    rig.send("!")
    rig.until(rig.now_s + 1)
    assert state(rig) == "Idle"


def test_overrides_change_feed_and_rapid_at_once() -> None:
    rig = unlocked()
    rig.send(b"\x91\x91\x93\x94\x96")
    assert "|Ov:120,50,100" in rig.send("?")[0]
    assert rig.stream(["G1X60F600", "G4P0"]) == pytest.approx(60 / 12 + 12 / 200)
    assert rig.stream(["G0X0", "G4P0"]) == pytest.approx(60 / 25 + 25 / 200)
    rig.send(b"\x90\x95")
    rig.send("G1X60F600\n")
    rig.until(rig.now_s + 1)
    rig.send(b"\x92" * 20)
    assert "|Ov:10,100,100" in rig.send("?")[0]
    rig.until(rig.now_s + 1)
    assert "|FS:60,0" in rig.send("?")[0]


def test_the_door_stops_the_spindle_and_a_resume_restores_it_first() -> None:
    rig = unlocked()
    rig.send("M3S9000\nG1X100F600\n")
    rig.until(rig.now_s + 1)
    assert rig.send(b"\x84") == ["[MSG:Check Door]"]
    assert state(rig) == "Door:2"
    rig.until(rig.now_s + 1)
    assert rig.send("?")[0].startswith("<Door:0|")
    assert "|FS:0,0" in rig.send("?")[0]
    rig.send("~")
    assert state(rig) == "Door:3"
    rig.until(rig.now_s + 4.1)
    assert state(rig) == "Run"


def test_an_open_door_is_ajar_until_it_is_shut() -> None:
    rig, _, world = router(TWIN.model_copy(update={"has_door": True}))
    world.set_door("router-1", True, 0.0)
    assert rig.send("$X\n") == ["error:13"]
    world.set_door("router-1", False, 1.0)
    rig.stream(["$X"])
    world.set_door("router-1", True, 2.0)
    assert rig.send("?")[0] == "[MSG:Check Door]"
    assert state(rig) == "Door:1"
    assert "|Pn:D" in rig.send("?")[0]
    rig.send("~")
    assert state(rig) == "Door:1"
    world.set_door("router-1", False, 3.0)
    assert state(rig) == "Door:0"
    rig.send("~")
    assert state(rig) == "Idle"


def test_in_a_hold_the_spindle_may_be_stopped() -> None:
    rig = unlocked()
    rig.send("M3S9000\nG1X100F600\n")
    rig.send(b"\x9e")
    rig.until(rig.now_s + 1)
    assert "FS:600,9000" in rig.send("?")[0]  # not while it runs
    rig.send("!")
    rig.until(rig.now_s + 1)
    rig.send(b"\x9e")
    assert "FS:0,0" in rig.send("?")[0]
    assert rig.send("~") == ["[MSG:Restoring spindle]"]


def test_m0_holds_until_a_resume() -> None:
    rig = unlocked()
    assert rig.send("M0\nG90\n") == []
    assert state(rig) == "Hold:0"
    assert rig.send("~") == ["ok", "ok"]


def test_sleep_ends_with_a_reset_and_is_locked() -> None:
    rig = unlocked()
    assert rig.send("$SLP\n") == ["ok", "[MSG:Sleeping]"]
    assert state(rig) == "Sleep"
    assert rig.send("~!G0X1\n") == []
    assert rig.send("\x18") == [*BANNER, UNLOCK]


def test_homing_is_broken_off_by_a_reset_with_alarm_6() -> None:
    rig, _, _ = router()
    rig.send("$H\n")
    rig.until(rig.now_s + 1)
    assert rig.send("\x18") == ["ALARM:6"]
    assert rig.until(rig.now_s + 1) == ["ok", *BANNER, UNLOCK]


def test_homing_enabled_does_not_lock_the_running_machine() -> None:
    rig = unlocked()
    rig.stream(["$22=1"])
    assert state(rig) == "Idle"
    rig.send("\x18")
    assert state(rig) == "Idle"


# ---- the world ---------------------------------------------------------------------------------------------------


def test_a_probe_finds_the_part_and_reports_machine_coordinates() -> None:
    rig, _ = homed()
    rig.send("G38.2Z-5F60\n")
    rig.until_said("ok")
    assert rig.lines == ["[PRB:-250.000,-150.000,-37.500:1]", "ok"]


def test_a_probe_that_finds_nothing_is_alarm_5_and_still_gets_its_answer() -> None:
    rig, _, _ = router(part=False)
    rig.stream(["$H", "G0X0Y0Z3"])
    rig.send("G38.2Z-5F60\n")
    rig.until_said("ok")
    assert [line for line in rig.lines if not line.startswith("[PRB")] == ["ALARM:5", "ok"]
    assert state(rig) == "Alarm"


def test_a_probe_that_begins_in_contact_is_alarm_4() -> None:
    rig, _ = homed()
    rig.stream(["G0Z-1"])
    rig.send("G38.2Z-5F60\n")
    rig.until_said("ok")
    assert rig.lines == ["ALARM:4", "ok"]


def test_each_plunge_with_a_turning_spindle_is_one_cut() -> None:
    rig, world = homed()
    letters = ["G1Z-0.3F150", "G1X10F600", "G1Y5", "G0Z3", "G0X20", "G1Z-0.3F150", "G2X25Y10R8F600", "G0Z3"]
    rig.stream(["M3S9000", *letters, "M5", "G4P0"])
    part = world.part_at(VISE)
    assert part is not None
    assert [entry.partition(" ")[2] for entry in part.history[1:]] == [
        "cut from x0.0 y0.0 by router-1",
        "cut from x20.0 y5.0 by router-1",
    ]
    assert world.violations == []


def test_without_spindle_or_above_the_part_nothing_is_cut() -> None:
    rig, world = homed()
    rig.stream(["G1Z-0.3F150", "G1X10F600", "G0Z3", "M3S9000", "G1X0", "M5", "G4P0"])
    part = world.part_at(VISE)
    assert part is not None
    assert len(part.history) == 1


def test_cutting_without_a_part_is_seen() -> None:
    rig, _, world = router(part=False)
    rig.stream(["$H", "G0X0Y0Z3", "M3S9000", "G1Z-1F100", "G1X10", "G4P0"])
    assert [line.split()[1] for line in world.violations] == ["cut-without-part:"]


def test_the_spindle_coasts_after_m5() -> None:
    rig, world = homed()
    rig.stream(["M3S9000", "M5"])
    rig.until(rig.now_s + 1)
    world.enter("arm-1", "router-1", rig.now_s)
    assert len(world.violations) == 1
    world.leave("arm-1", "router-1", rig.now_s)
    rig.until(rig.now_s + 2)
    world.enter("arm-1", "router-1", rig.now_s)
    assert len(world.violations) == 1


def test_motion_and_homing_are_seen_by_the_world() -> None:
    rig, _, world = router()
    world.enter("arm-1", "router-1", 0.0)
    rig.stream(["$H", "G0X0Y0", "G0X10", "G4P0"])
    assert [line.split()[1] for line in world.violations] == ["machine-moves-with-arm-in-zone:"] * 2


# ---- anything at all ---------------------------------------------------------------------------------------------

COMMANDS = (
    "$X", "$H", "$C", "$SLP", "$110=900", "$110=0", "$120=0", "$24=0", "$25=0", "$27=0", "$130=0", "$J=G91X-5F900",
    "$J=X-90F90", "G0X-20", "G1X-5F600", "G2X-30I-9", "G91", "G90", "M3S900", "M5", "M0", "M2", "G4P1", "G38.2Z-9F90",
    "G38.3Z-40", "G28", "G10L20P1X0", "G93", "G94", "G0X9",
)  # fmt: skip
REALTIME = st.sampled_from([b"?", b"!", b"~", b"\x18", b"\x84", b"\x85", b"\x91", b"\x94", b"\x97", b"\x9e", b"\xa0"])


@given(
    st.lists(st.tuples(st.floats(0, 5), st.sampled_from(COMMANDS) | REALTIME | st.binary(max_size=200)), max_size=40)
)
def test_whatever_comes_in_time_goes_on(chunks: list[tuple[float, str | bytes]]) -> None:
    rig, device, _ = router()
    for pause_s, chunk in [(0.0, "$X"), *chunks]:
        rig.send(f"{chunk}\n" if isinstance(chunk, str) else chunk)
        rig.until(rig.now_s + pause_s)
    rig.until(rig.now_s + 100)
    device.reset(rig.now_s)
    rig.until(rig.now_s)
    assert rig.send("$X\n") == ["[MSG:Caution: Unlocked]", "ok"]
