"""Serial arms, as dialogues in both dialects: a carry is a bounded sequence, and nothing in it is said twice."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import OperationEnded, OperationStarted, PartMoved, StationChanged
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place, Plan, Station
from cellctl_drivers.serial_arm.dialects import position_in
from cellctl_drivers.serial_arm.driver import FAMILY
from cellctl_drivers.serial_arm.options import SerialArmOptions
from cellctl_drivers.serial_arm.route import carry
from cellctl_drivers.serial_arm.session import ArmSession
from cellctl_drivers.serial_arm.setup import Setup
from cellctl_drivers.serial_arm.states import NEXT, Ask, State
from cellctl_drivers.serial_session import FaultRaised, Held
from tests.drivers.test_serial_shell import Bench, ended
from tests.drivers.transcript import Replay

PLACES = {"rack.1": {"at": {"X": 1, "Y": 2, "Z": 3}}, "vise.1": {"at": {"X": 9, "Y": 8, "Z": 7}, "approach_mm": 10}}
HOME = {"X": 0, "Y": 0, "Z": 100}
FEEDBACK = {"grip": ["M2231 V1"], "release": ["M2231 V0"], "query": "P2231", "holds": "V2", "empty": "V0"}
IDLE = "<Idle|MPos:0.000,0.000,0.000|FS:0,0>"
RUN = "<Run|MPos:0.000,0.000,0.000|FS:0,0>"
HOLD = "<Hold:0|MPos:0.000,0.000,0.000|FS:0,0>"
BANNER = "Grbl 1.1h ['$' for help]"
LOOK = "Look at the arm and at the part, take the part out of the gripper, then clear"


def options(dialect: str = "marlin", **more: Any) -> SerialArmOptions:
    """Most transcripts are of an arm that cannot tell where it stands: they are shorter."""
    return SerialArmOptions(
        **{"port": "cell/arm", "dialect": dialect, "places": PLACES, "home": HOME, "position_tolerance": 0, **more}
    )


class Arm(Replay):
    """A session under a transcript, with its carry from the rack to the vise."""

    def __init__(self, chosen: SerialArmOptions) -> None:
        self.fenced: Callable[[], str] = str
        setup = Setup(chosen.spoken, chosen.spoken.identify, chosen.identity)
        self.arm = ArmSession(setup, chosen.hand, lambda: self.fenced())  # noqa: PLW0108 - set later
        self.chosen = chosen
        super().__init__(self.arm)

    def carry(self, then: str) -> "Arm":
        taught = self.chosen.taught
        steps = carry(self.chosen.hand, taught["rack.1"], taught["vise.1"], homed=self.arm.homed)
        self.arm.carry(steps, self.now_s)
        self._pump()
        self.run(then)
        return self

    def moved(self) -> list[tuple[str, Knowledge]]:
        return [(moved.to.value, moved.knowledge) for moved in self.arm.moved()]


def fault(what: str, do_next: str = LOOK) -> str:
    return f"! {FaultRaised(what, do_next)!r}"


MET_MARLIN = """
    ? greet
    > M115
    < FIRMWARE_NAME:uArm
    < ok
    + 0.5s
    ! Greeted(identity='FIRMWARE_NAME:uArm')
    ! Rested()
    = ready
"""
MET_GRBL = f"""
    ? greet
    >> ?
    < {IDLE}
    > $I
    < [VER:1.1f.mirobot:arm-1]
    < ok
    + 0.5s
    ! Greeted(identity='[VER:1.1f.mirobot:arm-1]')
    ! Rested()
    = ready
"""


def marlin(**more: Any) -> Arm:
    arm = Arm(options(**more))
    arm.run(MET_MARLIN)
    return arm


def grbl(**more: Any) -> Arm:
    arm = Arm(options("grbl", **more))
    arm.run(MET_GRBL)
    return arm


# ---- a carry -----------------------------------------------------------------------------------------------------


def went(line: str) -> str:
    return f"> {line}\n < ok\n > M400\n < ok\n"


def test_a_carry_is_one_line_after_the_other_and_custody_is_presumed_without_feedback() -> None:
    arm = marlin().carry(
        went("G0 X1.000 Y2.000 Z43.000 F3000") + went("G0 X1.000 Y2.000 Z3.000 F600") + "> M3 S1000\n < ok"
    )
    assert arm.moved() == []
    arm.run("+ 0.99s\n + 0.01s\n > G0 X1.000 Y2.000 Z43.000 F600")
    assert arm.moved() == [("gripper", Knowledge.PRESUMED)]
    arm.run(
        "< ok\n > M400\n < ok\n"
        + went("G0 X9.000 Y8.000 Z17.000 F3000")
        + went("G0 X9.000 Y8.000 Z7.000 F600")
        + "> M5\n < ok\n + 1s\n"
        + went("G0 X9.000 Y8.000 Z17.000 F600")
        + went("G0 X0.000 Y0.000 Z100.000 F3000")
        + "! ProgramDrained()\n ! Rested()\n = ready"
    )
    assert arm.moved() == [("target", Knowledge.PRESUMED)]
    assert (arm.arm.sent, arm.arm.acknowledged, arm.arm.executed) == (16, 16, 16)


END = "! ProgramDrained()\n ! Rested()\n = ready"
INTO = {
    "approach": went("G0 X1.000 Y2.000 Z43.000 F3000"),
    "down": went("G0 X1.000 Y2.000 Z3.000 F600"),
    "grip, and up": "> M3 S1000\n < ok\n + 1s\n" + went("G0 X1.000 Y2.000 Z43.000 F600"),
    "travel": went("G0 X9.000 Y8.000 Z17.000 F3000"),
    "down at the target": went("G0 X9.000 Y8.000 Z7.000 F600"),
}


@pytest.mark.parametrize("move", [name for name in INTO if name != "grip, and up"])
def test_each_move_into_a_place_asks_the_fence_and_waits_for_a_person_and_asks_again(move: str) -> None:
    refused = f"! {Held(f'the permit is over; it stands still before {move!r}')!r}"
    names = list(INTO)
    before, after = names[: names.index(move)], names[names.index(move) :]
    arm = marlin()
    shut_at = sum(name != "grip, and up" for name in before)
    asked = iter([""] * shut_at + ["the permit is over"] * 2 + [""] * (4 - shut_at))
    arm.fenced = lambda: next(asked, "the permit is over")
    arm.carry("".join(INTO[name] for name in before) + f"+ 0s\n {refused}\n = held")
    arm.run(f"? resume\n + 0s\n {refused}\n = held")
    resumed = INTO[after[0]].replace("\n", "\n + 0s\n ! Resumed()\n", 1)
    arm.run("? resume\n" + resumed + "".join(INTO[name] for name in after[1:]) + "> M5")
    # It is shut again by now; but whatever it says, the arm draws back.
    arm.run("< ok\n + 1s\n" + went("G0 X9.000 Y8.000 Z17.000 F600") + went("G0 X0.000 Y0.000 Z100.000 F3000") + END)
    assert arm.moved()[-1] == ("target", Knowledge.PRESUMED)


# Known to be empty, and maybe shut: it must not come down on the part so.
OPENED = "> M2231 V0\n < ok\n + 1s\n"


def test_a_gripper_that_can_be_asked_makes_custody_observed() -> None:
    arm = marlin(gripper=FEEDBACK).carry(
        "> P2231\n < ok V0\n"
        + OPENED
        + went("G0 X1.000 Y2.000 Z43.000 F3000")
        + went("G0 X1.000 Y2.000 Z3.000 F600")
        + "> M2231 V1\n < ok\n + 1s\n > P2231\n < ok V2\n > G0 X1.000 Y2.000 Z43.000 F600"
    )
    assert arm.moved() == [("gripper", Knowledge.OBSERVED)]
    arm.run(
        "< ok\n > M400\n < ok\n"
        + went("G0 X9.000 Y8.000 Z17.000 F3000")
        + went("G0 X9.000 Y8.000 Z7.000 F600")
        + "> P2231\n < V2\n < ok\n > M2231 V0\n < ok\n + 1s\n > P2231\n < ok V0\n > G0 X9.000 Y8.000 Z17.000 F600"
    )
    assert arm.moved() == [("target", Knowledge.OBSERVED)]


def test_a_gripper_that_is_not_empty_keeps_the_arm_from_moving() -> None:
    refused = fault("does not say that its gripper is empty (it answers 'V2')")
    arm = marlin(gripper=FEEDBACK).carry(f"> P2231\n < ok V2\n {refused}")
    assert arm.arm.sent == 0


def test_a_part_that_was_not_gripped_or_was_lost_on_its_way_is_a_fault() -> None:
    down = went("G0 X1.000 Y2.000 Z43.000 F3000") + went("G0 X1.000 Y2.000 Z3.000 F600")
    gripped = "> P2231\n < ok V0\n" + OPENED + down + "> M2231 V1\n < ok\n + 1s\n > P2231\n"
    arm = marlin(gripper=FEEDBACK).carry(
        gripped + "< ok V0\n" + fault("does not say that its gripper holds the part (it answers 'V0')") + "\n = down"
    )
    assert arm.moved() == []
    arm = marlin(gripper=FEEDBACK).carry(
        gripped
        + "< ok V2\n"
        + went("G0 X1.000 Y2.000 Z43.000 F600")
        + went("G0 X9.000 Y8.000 Z17.000 F3000")
        + went("G0 X9.000 Y8.000 Z7.000 F600")
        + "> P2231\n < ok V0\n"
        + fault("does not say that its gripper still holds the part (it answers 'V0')")
    )
    assert arm.moved() == [("gripper", Knowledge.OBSERVED)]


def test_a_line_that_is_refused_or_not_acknowledged_is_a_fault_and_said_once() -> None:
    line = "G0 X1.000 Y2.000 Z43.000 F3000"
    refused = fault(f"answers '{line}' with 'E22 cannot be reached'")
    marlin().carry(f"> {line}\n < E22 cannot be reached\n {refused}")
    marlin().carry(f"""
        > {line}
        + 30s
        < echo:busy
        + 30s
        {fault(f"has not acknowledged '{line}' in time; nothing was said again")}
        = down
    """)
    marlin().carry(f"> {line}\n + 60s\n ! FellSilent(silent_s=60.0)\n = lost")


def test_a_barrier_of_a_grbl_arm_is_proved_by_a_report_that_it_stands() -> None:
    arm = grbl().carry(f"""
        > G1 X1.000 Y2.000 Z43.000 F3000
        < ok
        > G4P0.01
        < ok
        >> ?
        < {RUN}
        + 0.5s
        >> ?
        < {IDLE}
        > G1 X1.000 Y2.000 Z3.000 F600
    """)
    assert (arm.arm.sent, arm.arm.acknowledged, arm.arm.executed) == (3, 2, 2)


# ---- contact -----------------------------------------------------------------------------------------------------


def test_an_answer_to_something_older_is_not_taken_for_the_last_one() -> None:
    Arm(options()).run("""
        ? greet
        > M115
        < ok
        + 0.2s
        < FIRMWARE_NAME:uArm
        < ok
        > M115
        < FIRMWARE_NAME:uArm
        < ok
        + 0.5s
        ! Greeted(identity='FIRMWARE_NAME:uArm')
        ! Rested()
    """)


def test_an_arm_that_is_at_work_is_left_alone() -> None:
    what = "is at work that this controller did not begin, and is left alone"
    Arm(options("grbl")).run(f"""
        ? greet
        >> ?
        < {RUN}
        {fault(what, "Wait until it stands, or stop it at the arm")}
    """)


def test_an_arm_that_stands_in_a_hold_waits_for_a_person_because_it_takes_no_line() -> None:
    what = "stands in a hold that this controller did not begin, and cannot be asked who it is"
    Arm(options("grbl")).run(f"""
        ? greet
        >> ?
        < {HOLD}
        ! Greeted(identity='grbl arm')
        {fault(what)}
        = down
        ? clear
        >> \\x18
        < {BANNER}
        >> ?
        < {IDLE}
        > $I
    """)


def test_the_status_of_a_mirobot_with_commas_is_read() -> None:
    arm = Arm(options("grbl")).run("? greet\n >> ?\n < <Idle,Angle(ABCDXYZ):0.000,0.000>\n > $I")
    assert arm.session.sent == 0


def test_another_arm_on_the_cable_is_refused() -> None:
    what = "is the wrong arm: 'arm-2' is not in its answer to M115"
    Arm(options(identity="arm-2")).run(f"""
        ? greet
        > M115
        < FIRMWARE_NAME:uArm
        < ok
        + 0.5s
        {fault(what, "Plug the right cable in, or correct identity in the cell file")}
    """)


def test_an_arm_that_does_not_say_who_it_is_is_asked_three_times() -> None:
    Arm(options()).run("? greet\n > M115\n + 5s\n > M115\n + 5s\n > M115\n + 5s\n ! FellSilent(silent_s=5.0)\n = lost")


def test_a_board_that_starts_when_the_port_is_opened_is_asked_again() -> None:
    Arm(options()).run(
        "? greet\n > M115\n < start\n > M115\n < ok\n + 0.5s\n ! Greeted(identity='marlin arm')\n ! Rested()"
    )


def test_a_locked_arm_goes_home_only_when_a_person_clears_it() -> None:
    alarm = "<Alarm|MPos:0,0,0|FS:0,0>"
    Arm(options("grbl", homing=["$H"])).run(f"""
        ? greet
        >> ?
        < {alarm}
        > $I
        < [VER:1]
        < ok
        + 0.5s
        ! Greeted(identity='[VER:1]')
        {fault("is locked by an alarm", "Make room for the arm; clearing homes it")}
        = down
        + 60s
        ? clear
        >> \\x18
        < {BANNER}
        >> ?
        < {alarm}
        > $I
        < [VER:1]
        < ok
        + 0.5s
        ! Greeted(identity='[VER:1]')
        > $H
        = clearing
    """)


def test_a_reset_nobody_asked_for_ends_the_session() -> None:
    grbl().run(f"""
        < {BANNER}
        ! ResetSeen(what='the arm began anew by itself; its gripper may have opened')
        = lost
    """)


def test_silence_of_a_grbl_arm_is_noticed_at_rest() -> None:
    arm = grbl()
    told = []
    while not told:
        arm.now_s = arm.session.deadline_s or 0.0
        told = list(arm.session.tick(arm.now_s))
        arm.session.transmit(arm.now_s)
        assert arm.now_s < 60
    assert arm.arm.state is State.LOST


# ---- hold, resume, stop, halt ------------------------------------------------------------------------------------


def carrying_grbl() -> Arm:
    return grbl().carry("> G1 X1.000 Y2.000 Z43.000 F3000\n < ok\n > G4P0.01")


def test_a_grbl_arm_holds_at_once_and_its_line_is_awaited_again_when_it_goes_on() -> None:
    carrying_grbl().run(f"""
        ? hold
        >> !?
        < <Hold:1|MPos:0,0,0>
        >> !
        + 0.5s
        >> ?
        < {HOLD}
        ! Held(reason='')
        = held
        ? resume
        >> ~?
        < {HOLD}
        >> ~
        + 0.5s
        >> ?
        < {RUN}
        ! Resumed()
        < ok
        >> ?
        < {IDLE}
        > G1 X1.000 Y2.000 Z3.000 F600
    """)


def test_an_arm_without_realtime_bytes_holds_behind_its_present_move() -> None:
    line = "G0 X1.000 Y2.000 Z43.000 F3000"
    arm = marlin().carry(f"> {line}\n ? hold\n < ok\n > M400\n = holding\n < ok\n ! Held(reason='')\n = held")
    arm.run("? resume\n > G0 X1.000 Y2.000 Z3.000 F600\n + 0s\n ! Resumed()")


def test_an_arm_that_was_stopped_on_its_way_waits_for_a_person_because_it_may_stand_in_the_way() -> None:
    stopped = fault("was stopped on its way, and may stand in the way")
    carrying_grbl().run(f"? stop\n >> !?\n < {HOLD}\n {stopped}\n = down")
    line = "G0 X1.000 Y2.000 Z43.000 F3000"
    marlin().carry(f"> {line}\n ? stop\n < ok\n > M400\n < ok\n {stopped}")
    grbl().run("? stop\n + 0s\n ! Stopped()\n = ready")


def gripped(arm: Arm, go: str, barrier: str, idle: str) -> Arm:
    """With the part in the gripper, on its way up."""
    proof = f"< ok\n {idle}"
    return arm.carry(
        f"> {go} X1.000 Y2.000 Z43.000 F3000\n < ok\n > {barrier}\n {proof}\n"
        f"> {go} X1.000 Y2.000 Z3.000 F600\n < ok\n > {barrier}\n {proof}\n"
        f"> M3 S1000\n < ok"
    )


def test_a_part_in_the_gripper_is_not_dropped_by_stop_or_halt() -> None:
    # A reset switches the pump off; so it waits for a person.
    proof = f">> ?\n < {IDLE}"
    arm = gripped(grbl(), "G1", "G4P0.01", proof)
    arm.run(f"? stop\n >> !?\n < {HOLD}\n {fault('was stopped with the part in its gripper')}\n = down")
    arm.run(f"? clear\n >> \\x18\n < {BANNER}\n >> ?")
    gripped(grbl(), "G1", "G4P0.01", proof).run(f"? halt\n >> !?\n < {HOLD}\n ! Stopped()\n = down")


def test_halt_of_an_arm_without_realtime_bytes_begins_with_a_new_line() -> None:
    marlin().carry("> G0 X1.000 Y2.000 Z43.000 F3000\n ? halt\n >> \\nM410\\n\n + 0.5s\n ! Stopped()\n = down")


def test_an_arm_that_comes_to_no_stand_is_a_fault() -> None:
    arm = carrying_grbl().run("? hold\n >> !?")
    assert arm.session.deadline_s is not None
    told = arm.session.tick(arm.now_s + 5)
    assert told == [FaultRaised("does not come to a stand, or does not go on", "Stop it at the arm itself")]


def test_what_a_state_does_not_allow_is_refused_by_name() -> None:
    arm = marlin()
    for call in ("hold", "resume", "clear", "greet"):
        with pytest.raises(NotAllowed, match="the arm is ready; it cannot"):
            getattr(arm.session, call)(0.0)
    with pytest.raises(NotAllowed, match="runs no programs"):
        arm.session.load(iter([]), 0, 0.0)


def test_every_ask_leads_somewhere_and_lost_leads_nowhere() -> None:
    assert {ask for _, ask in NEXT} == set(Ask)
    assert not [source for source, _ in NEXT if source is State.LOST]


# ---- where it stands ---------------------------------------------------------------------------------------------

AT_HOME = "<Idle|MPos:0.000,0.000,100.200|FS:0,0>"
ABOVE = "<Idle|MPos:1.000,2.000,43.000|FS:0,0>"
REST = "> M114\n < X:0 Y:0 Z:100\n < ok\n"
MET = "? greet\n > M115\n < ok\n + 0.5s\n ! Greeted(identity='marlin arm')\n"


def telling(dialect: str, **more: Any) -> Arm:
    """An arm that tells where it stands, met where it rests."""
    arm = Arm(options(dialect, position_tolerance=1.0, **more))
    if dialect == "grbl":
        arm.run(f"""
            ? greet
            >> ?
            < {AT_HOME}
            > $I
            < [VER:1]
            < ok
            + 0.5s
            ! Greeted(identity='[VER:1]')
            >> ?
            < {AT_HOME}
            ! Rested()
            = ready
        """)
    else:
        arm.run(f"{MET} {REST} ! Rested()")
    return arm


def test_an_arm_that_does_not_stand_where_it_rests_is_not_ready() -> None:
    astray = fault("stands at X1 Y2 Z43, and not at X0 Y0 Z100")
    arm = Arm(options(position_tolerance=1.0))
    arm.run(f"{MET} > M114\n < X:1.0 Y:2.0 Z:43.0 Count X:80\n < ok\n {astray}\n = down")
    unsaid = fault("does not say where it stands (it answers '')")
    Arm(options(position_tolerance=1.0)).run(f"{MET} > M114\n < ok\n {unsaid}")


def test_where_it_stands_is_read_before_each_sequence_and_after_each_move() -> None:
    astray = fault("stands at X1 Y2 Z13, and not at X1 Y2 Z3")
    telling("marlin").carry(
        f"{REST} {went('G0 X1.000 Y2.000 Z43.000 F3000')} > M114\n < X:1.00 Y:2.00 Z:43.00\n < ok\n"
        f"{went('G0 X1.000 Y2.000 Z3.000 F600')} > M114\n < X:1 Y:2 Z:13\n < ok\n {astray}\n = down"
    )


def test_a_grbl_arm_proves_by_one_report_that_it_stands_and_where() -> None:
    astray = fault("stands at X1 Y2 Z43, and not at X1 Y2 Z3")
    telling("grbl").carry(f"""
        >> ?
        < {AT_HOME}
        > G1 X1.000 Y2.000 Z43.000 F3000
        < ok
        > G4P0.01
        < ok
        >> ?
        < {ABOVE}
        > G1 X1.000 Y2.000 Z3.000 F600
        < ok
        > G4P0.01
        < ok
        >> ?
        < {ABOVE}
        >> !
        {astray}
    """)


def test_an_arm_somebody_has_moved_since_is_not_sent_anywhere() -> None:
    elsewhere = fault("stands at X50 Y0 Z100, and not at X0 Y0 Z100")
    arm = telling("marlin").carry(f"> M114\n < X:50.0 Y:0.0 Z:100.0\n < ok\n {elsewhere}\n = down")
    assert arm.arm.sent == 0


def test_the_first_carry_begins_with_the_way_home_once_the_gripper_is_known_to_be_empty() -> None:
    arm = telling("marlin", homing=["G28"], gripper=FEEDBACK)
    assert not arm.arm.homed
    arm.carry(
        f"> P2231\n < ok V0\n {REST} > G28\n < echo:busy: processing\n < ok\n > M400\n < ok\n"
        f"{went('G0 X0.000 Y0.000 Z100.000 F3000')} {REST} {OPENED} > G0 X1.000 Y2.000 Z43.000 F3000"
    )
    assert arm.arm.homed


def test_a_board_that_has_just_begun_anew_goes_home_before_it_is_ready_and_only_when_a_person_clears_it() -> None:
    arm = Arm(options(position_tolerance=1.0, homing=["G28"]))
    anew = fault("has just begun anew, and does not know where it stands", "Make room for the arm; clearing homes it")
    arm.run(f"""
        ? greet
        > M115
        < start
        > M115
        < ok
        + 0.5s
        ! Greeted(identity='marlin arm')
        {anew}
        = down
        + 60s
        {MET.replace("greet", "clear")}
        > G28
        < ok
        > M400
        < ok
        {went("G0 X0.000 Y0.000 Z100.000 F3000")}
        {REST}
        > M5
        < ok
        + 1s
        ! Rested()
        = ready
    """)
    assert arm.arm.homed


def test_a_limit_switch_that_ends_a_move_of_a_marlin_arm_is_a_fault_though_the_line_is_acknowledged() -> None:
    line, hit = "G0 X1.000 Y2.000 Z43.000 F3000", "echo:endstops hit:  X:0.50"
    refused = fault(f"answers 'M400' with '{hit}'")
    marlin().carry(f"> {line}\n < ok\n > M400\n < {hit}\n {refused}\n < ok\n = down")


def test_a_line_that_an_arm_does_not_know_is_a_fault_though_it_is_acknowledged() -> None:
    line, unknown = "G0 X1.000 Y2.000 Z43.000 F3000", 'echo:Unknown command: "G0"'
    refused = fault(f"answers '{line}' with '{unknown}'")
    marlin().carry(f"> {line}\n < {unknown}\n {refused}\n < ok\n = down")


def test_a_line_ends_with_a_newline_only() -> None:
    arm = marlin()
    arm.arm.carry(carry(arm.chosen.hand, *arm.chosen.taught.values()), arm.now_s)
    assert arm.arm.transmit(arm.now_s) == b"G0 X1.000 Y2.000 Z43.000 F3000\n"


def test_a_report_of_speed_is_no_proof_that_an_arm_moves() -> None:
    # As grblHAL keeps the feed of before in a hold.
    carrying_grbl().run("? hold\n >> !?\n < <Hold:0|MPos:0,0,0|FS:600,0>\n ! Held(reason='')\n = held")


def test_an_arm_that_homes_may_be_silent_for_as_long_as_homing_takes() -> None:
    arm = grbl(homing=["$H"]).carry("> $H")
    asked = 0
    while arm.now_s < 60:
        arm.now_s = arm.session.deadline_s or 0.0
        assert arm.session.tick(arm.now_s) == []
        asked += arm.session.transmit(arm.now_s).count(b"?")
    assert asked
    assert arm.session.receive(b"ok\n", arm.now_s)
    assert arm.arm.state is State.CARRYING


def test_a_refusal_with_a_number_is_one() -> None:
    line = "G0 X1.000 Y2.000 Z43.000 F3000"
    refused = fault(f"answers '{line}' with '$1 E22 out of reach'")
    marlin().carry(f"> {line}\n < $1 E22 out of reach\n {refused}")


def test_a_pick_that_takes_too_long_is_a_fault_though_the_arm_says_that_it_moves() -> None:
    arm = grbl().carry("> G1 X1.000 Y2.000 Z43.000 F3000\n < ok\n > G4P0.01\n < ok\n >> ?")
    told: list[Any] = []
    while not told:
        arm.session.receive(f"{RUN}\n".encode(), arm.now_s)
        arm.now_s = arm.session.deadline_s or 0.0
        told = list(arm.session.tick(arm.now_s))
        sent = arm.session.transmit(arm.now_s)
    assert told == [FaultRaised("has not ended its pick in time; nothing was said again", LOOK)]
    assert arm.now_s == pytest.approx(120.5)
    assert sent == b"!"


# ---- options -----------------------------------------------------------------------------------------------------


def test_joints_are_taught_with_the_pose_above() -> None:
    joints = {"rack.1": {"at": {"J": 1}, "above": {"J": 2}}, "vise.1": {"at": {"J": 3}, "above": {"J": 4}}}
    with pytest.raises(ValidationError, match=r"home: an arm tells X, Y and Z only; .* position_tolerance must be 0"):
        SerialArmOptions(port="p", places=joints, home={"J": 0})
    taught = SerialArmOptions(port="p", places=joints, home={"J": 0}, position_tolerance=0).taught
    assert (taught["rack.1"].at, taught["rack.1"].above) == ({"J": 1}, {"J": 2})
    places = {name: place | {"approach_mm": 30, "retreat_mm": 5} for name, place in PLACES.items()}
    taught = SerialArmOptions(port="p", places=places, home=HOME).taught
    assert (taught["rack.1"].above["Z"], taught["rack.1"].beyond["Z"]) == (33, 8)


def test_every_taught_pose_that_is_out_of_reach_and_every_feed_that_is_too_fast_is_named() -> None:
    with pytest.raises(ValidationError) as refused:
        options(limits={"max": {"Z": 99, "X": 5}}, fastest_mm_per_min=1000)
    text = str(refused.value)
    for mistake in (
        "home has Z 100; limits allow -inf to 99",
        "places.vise.1.at has X 9; limits allow -inf to 5",
        "places.rack.1.feed_mm_per_min: 3000 is faster than fastest_mm_per_min, 1000",
    ):
        assert mistake in text


def test_what_was_taught_is_compared_with_the_places_in_reach() -> None:
    stations = {
        "arm-1": Station("arm-1", "serial_arm", (), ("gripper",), ("rack", "moon")),
        "rack": Station("rack", "", (), ("1", "2")),
    }
    assert list(options().against("arm-1", Plan("cell", stations))) == [
        "places.vise.1: no station in reach has this place; there are: rack.1, rack.2",
        "places.rack.2 is missing: it is in reach, and was not taught",
    ]


@pytest.mark.parametrize(
    ("answer", "pose"),
    [("<Idle|WPos:1.0,-2.5,3.0|FS:0,0>", {"X": 1, "Y": -2.5, "Z": 3}),
     ("ok X1.5 Y2.0 Z3.0", {"X": 1.5, "Y": 2, "Z": 3}),
     ("<Idle,Angle(ABCDXYZ):1,2,3,4,5,6,7,Cartesian coordinate(XYZ RxRyRz):198.67,0.0,230.7,0,0,0>",
      {"X": 198.67, "Y": 0, "Z": 230.7}),
     ("X:1.00 Y:2.00 Z:3.00 E:0.00 Count X:80 Y:160 Z:240", {"X": 1, "Y": 2, "Z": 3, "E": 0}), ("nowhere", {}),
     ("<Idle|MPos:1..0,2,3>", {})],
)  # fmt: skip
def test_positions_are_read_as_each_arm_tells_them(answer: str, pose: Mapping[str, float]) -> None:
    assert position_in(answer) == pose


@pytest.mark.parametrize(
    "wrong",
    [{"places": {"a": {"at": {"J": 1}}, "b": {"at": {"Z": 1}}}}, {"places": {}}, {"home": {}}, {"dialect": "basic"},
     {"gripper": {"query": "P1"}}, {"gripper": {"query": "P1", "holds": "(", "empty": "x"}}, {"homing": ["$H!"]},
     {"limits": {"max": {"Z": 20}}}, {"fastest_mm_per_min": 500}, {"gripper": {"grip": []}},
     {"places": {"a": {"at": {"x": 1}}, "b": {"at": {"Z": 1}}}}],
)  # fmt: skip
def test_options_that_are_wrong_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SerialArmOptions(**{"port": "p", "places": PLACES, "home": HOME, **wrong})


# ---- the driver --------------------------------------------------------------------------------------------------


def operation(source: str = "rack.1", kind: OperationKind = OperationKind.CARRY) -> Operation:
    return Operation("op-1", "job-1", "n-1", "carry", kind, "arm-1", Place("vise.1"), source=Place(source))


def driven(chosen: SerialArmOptions, scene: Any, fence: Callable[[], str] = str) -> Bench:
    async def main() -> Bench:
        bench = Bench([])
        bench.driver = FAMILY.driver("arm-1", chosen, replace(bench.tools, fence=fence))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(bench.serve())
            await asyncio.sleep(0)
            await bench.says("FIRMWARE_NAME:uArm\nok\n")
            await asyncio.sleep(1)
            bench.told()
            bench.wrote()
            await scene(bench)
            serving.cancel()
        return bench

    return run_virtual(main())


async def answer_all(bench: Bench) -> None:
    for _ in range(100):
        wrote = bench.wrote()
        if wrote:
            await bench.says("ok\n" * wrote.count("\n"))
        else:
            await asyncio.sleep(0.6)


def test_the_driver_carries_a_part_and_says_how_well_its_place_is_known() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation())
        await answer_all(bench)
        told = bench.told()
        assert [fact for fact in told if isinstance(fact, PartMoved)] == [
            PartMoved("n-1", Place("arm-1.gripper"), Knowledge.PRESUMED, "op-1"),
            PartMoved("n-1", Place("vise.1"), Knowledge.PRESUMED, "op-1"),
        ]
        assert OperationStarted("op-1") in told
        assert ended(OperationState.DONE) in told
        moved = told.index(PartMoved("n-1", Place("vise.1"), Knowledge.PRESUMED, "op-1"))
        assert moved < told.index(ended(OperationState.DONE))
        assert [fact.state for fact in told if isinstance(fact, StationChanged)][-1] is MachineState.COMPLETE

    driven(options(), scene)


def test_the_driver_holds_an_arm_in_mid_carry_whose_permit_is_over_and_names_it() -> None:
    why: list[str] = []

    async def scene(bench: Bench) -> None:
        bench.driver.start(operation())
        why.append("router-1 is not heard")  # behind the first move, which has gone out
        await answer_all(bench)
        told = [fact for fact in bench.told() if isinstance(fact, StationChanged)]
        text = "arm-1 was not told to go on: router-1 is not heard; it stands still before 'down'"
        assert told[-1] == StationChanged("arm-1", MachineState.HELD, text)
        why.clear()
        bench.driver.command(MachineCommand.UNHOLD)
        await answer_all(bench)
        assert ended(OperationState.DONE) in bench.told()

    driven(options(), scene, fence=lambda: "".join(why))


def test_the_driver_refuses_what_was_not_taught_and_what_is_no_carry() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(NotAllowed, match=r"was not taught moon.1; it knows: rack.1, vise.1"):
            bench.driver.start(operation("moon.1"))
        with pytest.raises(NotAllowed, match="carries parts; it cannot do carry"):
            bench.driver.start(operation(kind=OperationKind.PROCESS))
        assert bench.told() == []

    driven(options(), scene)


def test_a_carry_that_was_refused_by_the_gripper_was_not_begun() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation())
        await bench.says("ok V2\n")
        ends = [fact for fact in bench.told() if isinstance(fact, OperationEnded)]
        assert [end.state for end in ends] == [OperationState.NOT_BEGUN]

    driven(options(gripper=FEEDBACK), scene)


def test_whoever_leaves_holds_the_arm_and_says_nothing_to_its_gripper() -> None:
    async def scene(bench: Bench) -> None:
        bench.driver.start(operation())
        await bench.says("ok\n")
        bench.wrote()

    left = driven(options(), scene)
    assert not {line for line in left.wrote().split("\n") if line.startswith("M") and line != "M400"}


def test_a_carry_that_was_stopped_has_failed_and_a_lost_one_is_unknown() -> None:
    async def stopped(bench: Bench) -> None:
        bench.driver.start(operation())
        bench.driver.command(MachineCommand.STOP)
        await answer_all(bench)
        assert [fact.state for fact in bench.told() if isinstance(fact, OperationEnded)] == [OperationState.FAILED]

    async def lost(bench: Bench) -> None:
        bench.driver.start(operation())
        assert bench.cable.listener is not None
        bench.cable.listener.lost("gone")
        await asyncio.sleep(0.01)
        assert [fact.state for fact in bench.told() if isinstance(fact, OperationEnded)] == [OperationState.UNKNOWN]

    driven(options(), stopped)
    assert isinstance(driven(options(), lost).error, LinkLost | MachineFault)
