"""The simulated router with grblHAL, where it differs from Grbl 1.1; and what can go wrong with either."""

from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl_sim.config import RouterTwin
from cellctl_sim.faults import Fault, Kind, Trouble
from cellctl_sim.grbl import Grbl
from cellctl_sim.grbl.mishaps import Mishap
from cellctl_sim.world import World
from tests.drivers.grbl_battery import GRBL, GRBLHAL, VISE
from tests.sim.device_rig import Rig

HAL_BANNER = "GrblHAL 1.1f ['$' or '$HELP' for help]"


def board(twin: RouterTwin) -> tuple[Rig, Grbl]:
    """An unlocked board without switches, its banner heard."""
    world = World([VISE])
    world.deposit("printer-1", VISE, 0.0)
    device = Grbl("router-1", VISE, world, twin.model_copy(update={"homing_switches": False}), Random(1))
    device.uart.faults = Trouble((), Random(1))
    rig = Rig(device)
    rig.until(0.0)
    return rig, device


def hal() -> Rig:
    return board(GRBLHAL)[0]


def state(rig: Rig) -> str:
    return rig.send("?")[-1].split("|")[0].strip("<>")


def test_it_says_who_it_is() -> None:
    rig = hal()
    assert rig.send("\x18") == ["", HAL_BANNER]
    said = rig.send("$I\n")
    assert said[0] == "[VER:1.1f.20250101:]"
    assert said[1] == "[OPT:VNM,100,1024,3,0]"
    assert "[FIRMWARE:grblHAL]" in said


def test_an_error_sticks_until_a_blank_line_a_command_or_a_reset() -> None:
    rig = hal()
    assert rig.send("G1X1\n") == ["error:22"]
    assert rig.send("G0X1\nG0X2\n") == ["error:22"] * 2
    assert rig.send("\nG0X1\n") == ["ok", "ok"]
    assert rig.send("G1X1\n$G\nG0X1\n")[-1] == "ok"
    assert rig.send("G1X1\n") == ["error:22"]
    rig.until(rig.now_s + 10)
    rig.send("\x18")
    assert rig.send("G0X1\n") == ["ok"]


def test_a_crlf_after_an_error_is_a_blank_line_too_many() -> None:
    assert hal().send("G1X1\r\n") == ["error:22", "ok"]


def test_lines_may_be_longer_and_settings_that_there_are_not_are_error_53() -> None:
    rig = hal()
    assert rig.send(f"G0X1{' ' * 300}\n") == ["ok"]  # blanks are not counted
    assert rig.send(f"G0{'X1' * 126}\n") == ["error:25"]
    assert rig.send(f"G0{'X1' * 128}\n") == ["error:11"]
    rig.until(rig.now_s + 60)
    assert rig.send("\n$99=1\n") == ["ok", "error:53"]
    assert rig.send("$SLP\n") == ["error:3"]


def test_a_hold_keeps_a_stale_feed_and_a_resume_has_an_empty_message() -> None:
    rig = hal()
    rig.send("G1X-50F600\n")
    rig.until(rig.now_s + 1)
    rig.send("!")
    rig.until(rig.now_s + 1)
    report = rig.send("?")[-1]
    assert report.startswith("<Hold:0|")
    assert "|FS:600,0" in report
    assert "|Bf:" in report
    assert rig.send("~") == ["[MSG:]"]


def test_other_bytes_for_status_hold_and_start() -> None:
    rig = hal()
    rig.send("G1X-50F600\n")
    rig.send(b"\x82")
    rig.until(rig.now_s + 1)
    assert rig.send(b"\x80")[-1].startswith("<Hold:0")
    rig.send(b"\x81")
    assert state(rig) == "Run"


def test_a_tool_change_waits_for_cycle_start_and_its_ok_with_it() -> None:
    rig = hal()
    assert rig.send("T2M6\nG0X1\n") == []
    assert state(rig) == "Tool"
    assert rig.until(rig.now_s + 60) == []
    assert rig.send("~") == ["ok", "ok"]
    rig.until(rig.now_s + 60)
    assert state(rig) == "Idle"


def test_a_plain_grbl_has_no_tool_change() -> None:
    assert board(GRBL)[0].send("T2M6\n") == ["error:20"]


def test_soft_limits_bind_only_what_was_homed() -> None:
    rig = hal()
    rig.stream(["$22=1", "$20=1"])
    assert rig.send("G0X4000\n") == ["ok"]
    rig.until(rig.now_s + 1)
    assert state(rig) == "Run"


def test_homing_gives_one_report_at_once() -> None:
    rig, _ = board(GRBLHAL)
    rig.stream(["$22=1"])
    said = rig.send("$H\n")
    assert [line.split("|")[0] for line in said] == ["<Home"]
    assert rig.send("?") == []


def test_builds_may_number_and_repeat_lines() -> None:
    rig, _ = board(GRBL.model_copy(update={"line_numbers": True, "echo": True}))
    assert rig.send("N7 g1 x-50 f600\n") == ["[echo: N7G1X-50F600]", "ok"]
    rig.until(rig.now_s + 1)
    assert "|Ln:7|" in rig.send("?")[-1]


# ---- what goes wrong ---------------------------------------------------------------------------------------------


def strike(kind: str, twin: RouterTwin = GRBL, amount: float = 1.0) -> tuple[Rig, Grbl, list[str]]:
    """A board that is under way when this happens, and what it says in the ten seconds after."""
    rig, device = board(twin)
    rig.send("G1X-50F300\n")
    rig.until(rig.now_s + 1)
    device.suffer(Fault(kind, at_s=0.0, amount=amount), rig.now_s)
    return rig, device, rig.until(rig.now_s + 10)


def test_a_limit_switch_is_alarm_1_and_then_silence() -> None:
    rig, device, said = strike(Mishap.HARD_LIMIT)
    assert said == ["ALARM:1", "[MSG:Reset to continue]"]
    assert rig.send("?") == []
    assert not device.planner.busy


def test_a_reset_or_a_power_cut_in_motion_is_a_banner_in_mid_job_at_another_place() -> None:
    for kind in (Kind.RESET, Kind.POWER_CUT):
        rig, device, said = strike(kind)
        assert "Grbl 1.1h ['$' for help]" in said
        assert device.planner.position(rig.now_s)[:3] == (0.0, 0.0, 0.0)


def test_settings_that_cannot_be_read_are_told_before_the_banner() -> None:
    rig, _, said = strike(Mishap.SETTINGS_LOST)
    assert said[0] == "error:7"
    assert said.index("error:7") < said.index("Grbl 1.1h ['$' for help]")
    rig.send("\x18")
    assert "error:7" not in rig.lines


def test_a_door_opens_and_shuts_and_waits_for_a_resume() -> None:
    rig, _, said = strike(Mishap.DOOR)
    assert said == ["[MSG:Check Door]"]
    assert state(rig) == "Door:0"


def test_a_hold_at_the_machine_ends_with_cycle_start() -> None:
    rig, _, _ = strike(Mishap.HOLD_BUTTON, amount=3.0)
    rig.until(rig.now_s + 2)
    assert state(rig) in ("Run", "Idle")


def test_a_board_that_hangs_says_nothing_until_somebody_resets_it() -> None:
    rig, device, said = strike(Mishap.STUCK)
    assert said == []
    assert rig.send("?\n\x18") == []
    device.reset(rig.now_s)
    assert "Grbl 1.1h ['$' for help]" in rig.until(rig.now_s)


def test_a_buffer_that_is_smaller_than_it_says_loses_bytes_silently() -> None:
    rig, device, _ = strike(Mishap.SMALL_BUFFER)
    rig.send("!")
    rig.until(rig.now_s + 1)
    rig.send("G1X1F100\n" * 14)
    assert device.uart.lost == 9 * 14 - 64


@pytest.mark.parametrize(("kind", "alarm"), [(Mishap.E_STOP, 10), (Mishap.MOTOR, 17)])
def test_alarms_of_grblhal_alone(kind: str, alarm: int) -> None:
    assert strike(kind, GRBLHAL)[2][0] == f"ALARM:{alarm}"
    assert strike(kind, GRBL)[2] == []


def test_a_reset_is_refused_while_the_e_stop_is_active() -> None:
    rig, _, _ = strike(Mishap.E_STOP, GRBLHAL, amount=60.0)
    assert rig.send("\x18") == []
    rig.until(rig.now_s + 60)
    assert HAL_BANNER in rig.send("\x18")


def test_a_spindle_that_does_not_come_up_is_alarm_14() -> None:
    rig, device = board(GRBLHAL)
    device.suffer(Fault(Mishap.SPINDLE, at_s=0.0), rig.now_s)
    assert rig.send("M3S1000\n") == []
    assert "ALARM:14" in rig.until(rig.now_s + 10)


def test_a_soft_limit_at_a_stand_is_alarm_2_as_well() -> None:
    # A move that leaves the travel right behind one that has only just begun: nothing is there to brake.
    rig, device = board(GRBL)
    device.suffer(Fault(Mishap.TRAVEL, at_s=0.0), rig.now_s)
    assert rig.send("G91\nG0X-0.0005\nG0X-50\n") == ["ok", "ok", "ALARM:2"]


@pytest.mark.parametrize(("kind", "alarm"), [(Mishap.PROBE_CLOSED, 4), (Mishap.PROBE_OPEN, 5)])
def test_a_probe_that_fails(kind: str, alarm: int) -> None:
    rig, device = board(GRBL)
    device.suffer(Fault(kind, at_s=0.0), rig.now_s)
    rig.send("G0Z5\nG38.2Z-5F300\n")
    assert f"ALARM:{alarm}" in [*rig.lines, *rig.until(rig.now_s + 60)]
