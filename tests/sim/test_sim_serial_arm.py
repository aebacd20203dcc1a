"""Simulated serial arms, from the host's side of the wire: what each firmware answers, and what really happens."""

from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from cellctl_sim.config import SerialArmTwin
from cellctl_sim.faults import Fault
from cellctl_sim.serial_arm import FIRMWARES, SerialArm
from cellctl_sim.world import World
from tests.sim.device_rig import Rig

PLACES = {"rack.1": (100.0, 0.0, 20.0), "vise.1": (-100.0, 100.0, 50.0)}
HOME = (0.0, 150.0, 200.0)


class Bench(Rig):
    """An arm that stands at home, with a part on the rack; what it said at power-up is taken away."""

    def __init__(self, firmware: str, **more: Any) -> None:
        self.world = World([*PLACES, "arm-1.gripper"])
        self.world.deposit("nobody", "rack.1", 0.0)
        self.world.finish_print("nobody", "rack.1", 0.0)
        config = SerialArmTwin(model="serial_arm", places=PLACES, **{"firmware": firmware, **more})
        self.arm: SerialArm = FIRMWARES[config.firmware]("arm-1", self.world, config, Random(1))
        super().__init__(self.arm)
        self.boot = self.send(b"")

    def pick(self, grip: str = "M3 S1000", go: str = "G1") -> None:
        barrier = "G4P0.01" if isinstance(self.arm, FIRMWARES["grbl"]) else "M400"
        self.stream([f"{go} X100 Y0 Z60 F3000", f"{go} Z20 F600", barrier, grip])
        self.until(self.now_s + 1)

    @property
    def part(self) -> str:
        return self.world.parts[0].place


@pytest.fixture(params=["grbl", "marlin"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


# ---- both --------------------------------------------------------------------------------------------------------


def test_a_part_is_taken_carried_and_put_down_and_no_rule_is_broken(bench: Bench) -> None:
    bench.pick()
    assert bench.part == "arm-1.gripper"
    barrier = "G4P0.01" if bench.boot[-1].startswith("Grbl") else "M400"
    bench.stream(["G1 Z60 F3000", "G1 X-100 Y100 Z90", "G1 Z50 F600", barrier, "M5"])
    bench.until(bench.now_s + 1)
    bench.stream(["G1 Z90 F3000", barrier])
    assert (bench.part, bench.world.violations) == ("vise.1", [])


def test_motion_takes_its_true_time(bench: Bench) -> None:
    barrier = "G4P0.01" if bench.boot[-1].startswith("Grbl") else "M400"
    took_s = bench.stream(["G1 X0 Y150 Z100 F600", barrier])
    assert took_s == pytest.approx(10.0, abs=0.2)


def test_a_gripper_that_opens_too_early_or_elsewhere_drops_the_part(bench: Bench) -> None:
    bench.pick()
    bench.stream(["G1 Z90 F3000", "M5"])
    bench.until(bench.now_s + 5)
    assert bench.part == "floor"
    assert "part-dropped" in bench.world.violations[0]


def test_an_arm_that_leaves_before_the_gripper_is_closed_takes_nothing(bench: Bench) -> None:
    bench.stream(["G1 X100 Y0 Z60 F3000", "G1 Z20 F600"])
    bench.until(bench.now_s + 30)
    bench.stream(["M3 S1000", "G1 Z60 F3000"])
    bench.until(bench.now_s + 5)
    assert bench.part == "rack.1"
    assert "gripped-nothing" in bench.world.violations[0]


def test_the_zone_of_a_station_is_entered_on_the_way_down_and_left_on_the_way_up(bench: Bench) -> None:
    bench.stream(["G1 X-100 Y100 Z90 F3000"])
    bench.until(bench.now_s + 30)
    bench.world.set_spindle("vise", True, bench.now_s)
    assert bench.world.violations == []
    bench.stream(["G1 Z50 F600"])
    assert ["arm-in-zone-while-spindle-turns" in line for line in bench.world.violations] == [True]
    bench.world.set_spindle("vise", False, bench.now_s)
    bench.stream(["G1 Z90 F3000"])
    bench.until(bench.now_s + 30)
    bench.world.set_spindle("vise", True, bench.now_s)
    assert len(bench.world.violations) == 1


def test_a_grip_that_misses_and_a_part_that_slips_break_no_rule(bench: Bench) -> None:
    bench.arm.body.miss()
    bench.pick()
    assert bench.part == "rack.1"
    bench.stream(["M5"])
    bench.until(bench.now_s + 1)
    bench.stream(["M3 S1000"])
    bench.until(bench.now_s + 1)
    assert bench.part == "arm-1.gripper"
    bench.stream(["G1 Z60 F3000"])
    bench.until(bench.now_s + 5)
    bench.arm.body.slip(bench.arm.position(bench.now_s), bench.now_s)
    assert (bench.part, bench.world.violations) == ("floor", [])


@pytest.mark.parametrize(("gripper", "place"), [("jaws", "arm-1.gripper"), ("vacuum", "rack.1")])
def test_a_vacuum_lets_go_with_the_power_and_jaws_do_not(bench: Bench, gripper: str, place: str) -> None:
    bench = Bench(bench.arm.body.config.firmware, gripper=gripper)
    bench.pick()
    bench.arm.power_off(bench.now_s)
    assert bench.part == place


def test_after_a_reset_the_firmware_knows_no_more_where_it_is_until_it_was_homed() -> None:
    bench = Bench("marlin")
    bench.arm.reset(bench.now_s)
    assert bench.send("M114\n")[2:] == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]
    assert bench.arm.body.real_mm(bench.arm.position(bench.now_s)) == HOME
    bench.stream(["G28"])
    assert bench.send("M114\n")[0].startswith("X:0.00 Y:150.00 Z:200.00 ")


def test_an_arm_that_is_stuck_says_that_it_moves_for_ever() -> None:
    bench = Bench("grbl")
    bench.send("G1 X100 F600\n")
    bench.until(2)
    bench.arm.body.stick()
    bench.until(600)
    assert bench.send("?")[0].startswith("<Run|")
    bench = Bench("marlin")
    bench.send("G1 X100 F600\nM400\n")
    bench.arm.body.stick()
    assert "ok" not in bench.until(600)
    assert bench.lines.count("echo:busy: processing") > 250


# ---- Grbl-like ---------------------------------------------------------------------------------------------------


def test_grbl_says_who_and_where_it_is_and_what_it_holds() -> None:
    bench = Bench("grbl", identity="left arm")
    assert bench.boot[1:] == ["Grbl 1.1f ['$' for help]"]
    assert bench.send("$I\n") == ["[VER:1.1f.20190825:left arm]", "[OPT:V,15,128]", "ok"]
    assert bench.send("?") == ["<Idle|MPos:0.000,150.000,200.000|FS:0,0>"]
    assert bench.send("$GRIP\n") == ["[GRIP:empty]", "ok"]
    bench.pick()
    assert bench.send("$GRIP\n") == ["[GRIP:holds]", "ok"]
    assert Bench("grbl", sensor=False).send("$GRIP\n") == ["error:3"]


def test_grbl_refuses_what_it_does_not_know() -> None:
    bench = Bench("grbl")
    assert [bench.send(f"{line}\n") for line in ("M700", "$Q", "#", "G1 X1", "")] == [
        ["error:20"], ["error:3"], ["error:1"], ["error:22"], ["ok"],
    ]  # fmt: skip


def test_grbl_holds_at_once_and_drops_a_resume_while_it_brakes() -> None:
    bench = Bench("grbl")
    bench.send("G1 X100 F3000\n")
    bench.until(1.0)
    bench.send("!")
    assert bench.send("~?")[0].startswith("<Hold:1|")
    bench.until(2.0)
    assert bench.send("?")[0].startswith("<Hold:0|")
    bench.send("~")
    assert bench.send("?")[0].startswith("<Run|")


def test_grbl_out_of_reach_is_an_alarm_that_only_a_reset_and_homing_end() -> None:
    bench = Bench("grbl")
    assert bench.send("G1 X900 F600\n") == ["ALARM:2"]
    assert bench.until(2.0) == ["[MSG:Reset to continue]"]
    assert bench.send("?$H\n") == []
    assert bench.send("\x18")[0] == "ok"
    assert bench.until(2.1) == ["", "Grbl 1.1f ['$' for help]", "[MSG:'$H'|'$X' to unlock]"]
    assert bench.send("G1 X1 F600\n") == ["error:9"]
    bench.stream(["$H"])
    assert bench.send("?") == ["<Idle|MPos:0.000,150.000,200.000|FS:0,0>"]


def test_grbl_answers_no_question_while_it_goes_home() -> None:
    bench = Bench("grbl", homed=False)
    assert bench.boot[-1] == "[MSG:'$H'|'$X' to unlock]"
    assert bench.send("$H\n?") == []
    bench.until(5)
    assert bench.send("?") == []


def test_grbl_loses_its_position_by_a_reset_in_motion_but_not_in_a_hold() -> None:
    bench = Bench("grbl")
    bench.send("G1 X100 F600\n")
    bench.until(1.0)
    assert bench.send("\x18")[-1] == "ALARM:3"
    assert bench.until(2.0)[-1] == "[MSG:'$H'|'$X' to unlock]"
    bench = Bench("grbl")
    bench.send("G1 X100 F600\n")
    bench.until(1.0)
    bench.send("!")
    bench.until(2.0)
    bench.send("\x18")
    assert bench.until(2.1)[-1] == "Grbl 1.1f ['$' for help]"


# ---- Marlin-like -------------------------------------------------------------------------------------------------


def test_marlin_says_who_and_where_it_is_and_what_it_holds() -> None:
    bench = Bench("marlin", identity="left arm")
    assert bench.boot[0] == "start"
    assert bench.send("M115\n") == ["FIRMWARE_NAME:Marlin 2.0.9 (arm) MACHINE_TYPE:left arm EXTRUDER_COUNT:0", "ok"]
    assert bench.send("P2231\n") == ["ok V0"]
    bench.pick("M2231 V1", "G0")
    assert bench.send("P2231\n") == ["ok V2"]


def test_marlin_acknowledges_a_move_when_it_is_planned_and_tells_where_it_will_end() -> None:
    bench = Bench("marlin")
    assert bench.send("G0 X100 F600\n") == ["ok"]
    assert bench.send("M114\n")[0].startswith("X:100.00 ")
    assert bench.send("M400\n") == []
    assert bench.until_said("ok") == pytest.approx(10, abs=0.2)


def test_a_numbered_line_is_answered_with_its_number() -> None:
    bench = Bench("marlin")
    assert bench.send("#7 G0 X10 F3000\n#8 P2231\n#9 G0 X900\n#10 M700\n") == [
        "$7 ok", "$8 ok V0", "$9 E22 out of reach", "$10 E20 no such command",
    ]  # fmt: skip


def test_marlin_refuses_what_it_does_not_know_and_says_nothing_to_an_empty_line() -> None:
    bench = Bench("marlin")
    assert bench.send("M700\n") == ['echo:Unknown command: "M700"', "ok"]
    assert bench.send("\n") == []
    assert bench.send("G0 X9#\n") == ["E20 no such command"]


def test_a_limit_switch_of_a_marlin_arm_ends_the_move_and_the_lines_are_acknowledged_all_the_same() -> None:
    bench = Bench("marlin")
    bench.send("G0 X100 F600\nM400\n")
    bench.until(2.0)
    bench.arm.suffer(Fault("limit", at_s=2.5), 2.5)
    said = bench.until(3.0)
    assert said[0].startswith("echo:endstops hit:  X:2")
    assert said[1] == "ok"


def test_m410_stands_still_at_once_and_keeps_the_grip_and_m112_lets_everything_go() -> None:
    bench = Bench("marlin", gripper="vacuum")
    bench.pick("M2231 V1", "G0")
    bench.send("G0 Z200 F600\nM400\n")
    bench.until(bench.now_s + 3)
    assert bench.send("\nM410\n") == ["ok"]
    assert bench.until(bench.now_s + 2) == ["ok"]
    assert bench.part == "arm-1.gripper"
    assert bench.send("\nM112\n")[-1] == "Error:Printer halted. kill() called!"
    assert bench.send("M115\n") == []
    assert bench.part == "floor"
