"""What a simulated printer says and does when something goes wrong with it, as the firmware would."""

from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl.gcode.words import checksum
from cellctl_sim.config import PrinterTwin
from cellctl_sim.faults import Fault, FaultPlan
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World
from tests.sim.device_rig import Rig, numbered

BED = "printer-1.bed"
HALTED = ["Error:Printer halted. kill() called!", "//action:poweroff"]


def printer(*faults: Fault, **twin: object) -> Rig:
    """A printer that has booted, with its banner heard."""
    config = PrinterTwin.model_validate({"model": "marlin", **twin})
    rig = Rig(Marlin("printer-1", BED, World([BED]), config, Random(1), faults=FaultPlan(1, faults).play()))
    rig.until(0.0)
    return rig


def board(rig: Rig) -> Marlin:
    assert isinstance(rig.device, Marlin)
    return rig.device


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("thermal-runaway", "Error:Thermal Runaway, system stopped! Heater_ID: 0"),
        ("heating-failed", "Error:Heating failed, system stopped! Heater_ID: 0"),
        ("mintemp", "Error:MINTEMP triggered, system stopped! Heater_ID: 0"),
        ("maxtemp", "Error:MAXTEMP triggered, system stopped! Heater_ID: 0"),
    ],
)
def test_a_thermal_fault_is_said_then_kill_and_then_nothing(kind: str, text: str) -> None:
    rig = printer(Fault(kind, nth=2))
    rig.send("M104 S200\n")
    assert rig.send("M82\n") == ["ok", text, *HALTED]
    assert rig.send("M105\n") == []
    assert board(rig).printer.nozzle.target == 0


def test_stop_turns_heat_off_and_refuses_motion_until_m999() -> None:
    rig = printer(Fault("stop", nth=2))
    rig.send(numbered(1, "M104 S200"))
    assert rig.send(numbered(2, "G1 X10"))[-1].startswith("Error:Printer stopped due to errors")
    assert rig.send(numbered(3, "G1 X50")) == ["ok"]
    assert board(rig).modes.at[0] == 10
    assert board(rig).printer.nozzle.target == 0
    assert rig.send(numbered(4, "M999 S1") + numbered(5, "G1 X50")) == ["ok", "ok"]
    assert board(rig).modes.at[0] == 50
    assert rig.send("M999\n") == ["Resend: 6", "ok", "ok"]


def test_a_line_that_is_good_is_asked_for_again_once_or_for_ever() -> None:
    rig = printer(Fault("refuse", nth=1), Fault("refuse-all", nth=2, text="No Checksum with line number"))
    rig.send(numbered(1, "M82"))
    assert rig.send(numbered(2, "M83")) == ["Error:checksum mismatch, Last Line: 1", "Resend: 2", "ok"]
    rig.send(numbered(2, "M83"))
    for _ in range(3):
        assert rig.send(numbered(3, "M82"))[1] == "Resend: 3"


def test_some_versions_say_no_ok_behind_a_resend() -> None:
    assert printer(resend_brings_ok=False).send("N9 M82*1\n")[1:] == ["Resend: 1"]


def test_a_frozen_main_loop_lets_the_receive_buffer_run_over() -> None:
    rig = printer(Fault("freeze", nth=1, amount=10.0), rx_bytes=64)
    assert rig.send("M82\n") == ["ok"]
    assert rig.send("M117 0123456789\n" * 10) == []
    assert board(rig).uart.lost == 160 - 64
    assert rig.until(10.0) == ["ok"] * 4


def test_a_frozen_firmware_may_never_wake_up() -> None:
    rig = printer(Fault("freeze", nth=1, amount=0.0))
    rig.send("M82\n")
    assert rig.send("M105\n") == []
    assert rig.until(1e6) == []
    board(rig).reset(rig.now_s)
    assert rig.until(rig.now_s)[0] == "start"


def test_a_heater_that_never_arrives_is_seen_by_thermal_protection_if_there_is_any() -> None:
    rig = printer(Fault("dead-heater", at_s=5.0, amount=40.0))
    rig.send("M109 S210\n")
    rig.until(44.9)
    assert rig.until(45.0)[-3:] == ["Error:Heating failed, system stopped! Heater_ID: 0", *HALTED]
    unprotected = printer(Fault("dead-heater", at_s=5.0, amount=0.0))
    unprotected.send("M109 S210\n")
    assert "ok" not in unprotected.until(3600.0)
    assert " T:22.00 /210.00" in unprotected.lines[-2]


def test_a_cold_nozzle_prevents_extrusion_and_the_line_is_acknowledged() -> None:
    rig = printer(Fault("chill", nth=3))
    rig.stream(["M109 S200", "M83", "G1 X5 E1"])
    assert rig.send("G1 X6 E1\n") == ["echo: cold extrusion prevented", "ok"]


def test_the_sensor_runs_m600_by_itself_and_nobody_is_told_ok_for_it() -> None:
    rig = printer(Fault("filament-out", nth=1))
    assert rig.send("M82\n") == ["ok", "//action:out_of_filament T0"]
    assert rig.send("M83\n") == []
    assert rig.until(2.0) == ["echo:busy: paused for user"]
    rig = printer(Fault("filament-out", nth=1), emergency_parser=True)
    rig.send("M82\n")
    rig.send("M83\n")
    assert rig.send("M108\n") == ["ok", "ok"]


def test_keepalive_can_fall_silent() -> None:
    rig = printer(Fault("unbusy", nth=1))
    rig.send("G28\n")
    assert not any("busy" in line for line in rig.until(10.0))


@pytest.mark.parametrize("cause", ["Brown out Reset", "Watchdog Reset", "Software Reset"])
def test_the_cause_of_a_boot_is_said_behind_start(cause: str) -> None:
    rig = printer(Fault("reset", nth=1, text=cause))
    assert rig.send("M82\n")[1:3] == ["start", cause]


def test_a_power_cut_loses_position_and_counter() -> None:
    rig = printer(Fault("power-cut", at_s=1.0, amount=0.2))
    rig.send(numbered(1, "G1 X50 F12000"))
    rig.until(1.2)
    assert board(rig).modes.at == (0.0, 0.0, 0.0, 0.0)
    assert rig.send(numbered(2, "M82"))[1] == "Resend: 1"


def test_wait_is_said_when_there_is_nothing_to_do() -> None:
    rig = printer(wait_every_s=1.0)
    assert rig.until(2.5) == ["wait", "wait"]
    rig.send("M82\n")
    assert rig.until(3.4) == []
    assert rig.until(3.5) == ["wait"]


def test_m85_kills_after_a_rest_and_a_wait_for_heat_is_none() -> None:
    rig = printer()
    rig.send("M85 S60\nM109 S250\n")
    rig.until_said("ok")
    warm_s = rig.now_s
    assert warm_s > 60
    rig.until(warm_s + 61)
    assert "Error:Printer halted. kill() called!" in [line for _, line in rig.said] or board(rig).health.killed


def test_the_firmware_counts_its_own_starvation() -> None:
    """M576: underruns of the planner and of the command queue, and the longest, since they were asked for last."""
    rig = printer()
    rig.send("G1 X10 F600\n")
    rig.until(3.0)
    rig.send("G1 X20 F600\n")
    rig.until(5.0)
    assert rig.send("M576\n")[0].startswith("D576 P:16 -2 (")
    assert rig.send("M576\n")[0].startswith("D576 P:16 0 (0)")
    rig.send("M576 S10\n")
    assert rig.until(15.0)[0].startswith("D576 ")


@pytest.mark.parametrize(
    ("line", "last"), [("N0 M110 N0", 0), ("M110 N100", 100), ("N101 M110 N100", 100), ("N7 M110", 7)]
)
def test_of_two_numbers_in_an_m110_the_second_one_wins(line: str, last: int) -> None:
    rig = printer()
    framed = f"{line}*{checksum(line.encode())}\n" if line.startswith("N") else f"{line}\n"
    assert rig.send(framed) == ["ok"]
    assert board(rig).intake.last_number == last


def test_the_rest_of_a_line_that_noise_has_cut_is_executed_without_a_look_at_its_checksum() -> None:
    rig = printer()
    assert rig.send("N1\nG91*57\n") == [
        "Error:No Checksum with line number, Last Line: 0",
        "Resend: 1",
        "ok",
        "ok",
    ]
    assert board(rig).modes.relative


def test_a_command_ends_at_the_first_star_and_its_checksum_is_that_before_the_last() -> None:
    """So the same text three times in one line, its newlines lost, passes its own XOR."""
    rig = printer()
    once = numbered(1, "G91").strip()
    assert rig.send(once * 3 + "\n") == ["ok"]
    assert board(rig).modes.relative
