"""The simulated arm: program control, true time, and what the world sees of it."""

from typing import Any

import pytest

from cellctl_sim.config import ArmTwin
from cellctl_sim.opcua.robot import Robot
from cellctl_sim.opcua.shelf import NodePath
from cellctl_sim.world import World

MOVE_S = 6.0
PLACES = ("printer-1.bed", "router-1.vise")
CARRY = "carry:printer-1.bed>router-1.vise"


def cell(*, with_part: bool = True) -> tuple[Robot, World]:
    world = World((*PLACES, "arm-1.gripper"))
    if with_part:
        world.deposit("printer-1", "printer-1.bed", 0.0)
        world.finish_print("printer-1", "printer-1.bed", 0.0)
    return Robot("arm-1", world, PLACES, ArmTwin(model="robot", move_s=MOVE_S)), world


def method(robot: Robot, name: str) -> NodePath:
    return next(path for path in robot.methods if path[-1].endswith(f";{name}"))


def call(robot: Robot, name: str, *arguments: Any, now_s: float = 0.0) -> int:
    (status,) = robot.call(method(robot, name), arguments, now_s)
    return int(status)


def shown(robot: Robot, name: str) -> Any:
    """The value of a variable by the end of its path."""
    wanted = tuple(name.split("/"))
    short = {tuple(n.rpartition(";")[2] for n in path): value for path, value in robot.values().items()}
    (value,) = (value for path, value in short.items() if path[-len(wanted) :] == wanted)
    return value


def state(robot: Robot) -> tuple[str, str]:
    return (
        shown(robot, "TaskControlStateMachine/CurrentState"),
        shown(robot, "ReadySubstateMachine/CurrentState"),
    )


def started(robot: Robot, name: str = CARRY, now_s: float = 0.0) -> Robot:
    assert call(robot, "LoadByName", name, now_s=now_s) == 0
    assert call(robot, "Start", now_s=now_s) == 0
    return robot


def run(robot: Robot) -> float:
    """Let the program run; returns when it ended."""
    now_s = 0.0
    while robot.wakeup_s is not None:
        now_s = robot.wakeup_s
        robot.advance(now_s)
    return now_s


def test_a_carry_program_moves_the_part_in_eight_legs_and_breaks_no_rule() -> None:
    robot, world = cell()
    assert run(started(robot)) == pytest.approx(8 * MOVE_S)
    assert world.part_at("router-1.vise") is world.parts[0]
    assert world.violations == []
    assert state(robot) == ("Ready", "AtProgramStart")
    assert shown(robot, "ProgramCounter") == 1
    assert shown(robot, "LastTransitionReason") == 5
    assert shown(robot, "TaskProgramLoaded") is True


def test_zone_and_gripper_show_each_leg() -> None:
    robot, _ = cell()
    started(robot)
    seen = []
    for leg in range(1, 9):
        robot.advance(leg * MOVE_S)
        seen.append((shown(robot, "InZone"), shown(robot, "GripperHoldsPart")))
    assert seen == [
        ("printer-1", False),
        ("printer-1", True),
        ("", True),
        ("", True),
        ("router-1", True),
        ("router-1", False),
        ("", False),
        ("", False),
    ]


def test_one_long_step_of_time_does_the_same_as_many_short_ones() -> None:
    robot, world = cell()
    started(robot)
    robot.advance(1000.0)
    assert world.part_at("router-1.vise") is not None
    assert world.parts[0].history[-1] == "t=36.0s router-1.vise by arm-1"


def test_stop_suspends_and_start_goes_on_where_it_was() -> None:
    robot, world = cell()
    started(robot)
    assert call(robot, "Stop", 0, now_s=2.5 * MOVE_S) == 0
    assert state(robot) == ("Ready", "Suspended")
    assert robot.wakeup_s is None
    robot.advance(1000.0)
    assert shown(robot, "InZone") == "printer-1"
    assert call(robot, "Start", now_s=1000.0) == 0
    assert run(robot) == pytest.approx(1000.0 + 5.5 * MOVE_S)
    assert world.part_at("router-1.vise") is not None


def test_a_loaded_program_can_be_started_again() -> None:
    robot, world = cell()
    run(started(robot))
    world.person_moves("router-1.vise", "printer-1.bed", 100.0)
    assert call(robot, "Start", now_s=100.0) == 0
    run(robot)
    assert shown(robot, "ProgramCounter") == 2


def test_gripping_nothing_ends_in_an_alarm_that_only_unloading_clears() -> None:
    robot, world = cell(with_part=False)
    run(started(robot))
    assert state(robot) == ("Idle", "")
    assert shown(robot, "LastTransitionReason") == 4
    assert shown(robot, "InZone") == ""
    assert shown(robot, "ProgramCounter") == 0
    assert [line.split()[1] for line in world.violations] == ["gripped-nothing:"]
    assert call(robot, "Start", now_s=100.0) == 3
    assert call(robot, "LoadByName", CARRY, now_s=100.0) == 3
    assert call(robot, "UnloadProgram", now_s=100.0) == 0
    assert call(robot, "LoadByName", CARRY, now_s=100.0) == 0


def test_an_unloaded_program_leaves_the_arm_where_it_is_and_the_next_one_takes_it_out() -> None:
    robot, world = cell()
    started(robot)
    call(robot, "Stop", 0, now_s=1.5 * MOVE_S)
    assert call(robot, "UnloadProgram", now_s=20.0) == 0
    assert shown(robot, "InZone") == "printer-1"
    started(robot, now_s=21.0)
    run(robot)
    assert shown(robot, "InZone") == ""
    assert world.violations == []


@pytest.mark.parametrize(
    ("prepare", "name", "arguments", "status"),
    [
        ((), "Start", (), 1),
        ((), "Stop", (0,), 1),
        ((), "UnloadProgram", (), 1),
        ((), "LoadByName", ("carry:attic.1>router-1.vise",), -1),
        ((), "LoadByName", ("",), -1),
        (("LoadByName",), "LoadByName", (CARRY,), 1),
        (("LoadByName",), "Stop", (0,), 1),
        (("LoadByName", "Start"), "Start", (), 1),
        (("LoadByName", "Start"), "UnloadProgram", (), 1),
        (("LoadByName", "Start"), "LoadByName", (CARRY,), 1),
    ],
)
def test_a_call_in_the_wrong_state_is_refused_by_status_and_changes_nothing(
    prepare: tuple[str, ...], name: str, arguments: tuple[Any, ...], status: int
) -> None:
    robot, _ = cell()
    for step in prepare:
        call(robot, step, *((CARRY,) if step == "LoadByName" else ()))
    before = dict(robot.values())
    assert call(robot, name, *arguments) == status
    assert robot.values() == before


@pytest.mark.parametrize(
    ("name", "arguments"), [("LoadByName", ()), ("LoadByName", (1,)), ("Stop", (True,)), ("Start", (1,))]
)
def test_wrong_arguments_are_refused(name: str, arguments: tuple[Any, ...]) -> None:
    robot, _ = cell()
    with pytest.raises(ValueError, match="takes"):
        call(robot, name, *arguments)


def test_a_method_that_is_not_there_is_a_key_error() -> None:
    robot, _ = cell()
    with pytest.raises(KeyError):
        robot.call(("http://opcfoundation.org/UA/DI/;DeviceSet", "GetReady"), (), 0.0)


def test_paths_lead_from_the_device_set_and_say_their_namespaces() -> None:
    robot, _ = cell()
    robotics = "http://opcfoundation.org/UA/Robotics/"
    assert (
        "http://opcfoundation.org/UA/DI/;DeviceSet",
        "urn:cellctl:sim:robot;arm-1",
        f"{robotics};Controllers",
        "urn:cellctl:sim:robot;controller",
        f"{robotics};TaskControls",
        "urn:cellctl:sim:robot;task",
        f"{robotics};TaskControlOperation",
        f"{robotics};TaskControlStateMachine",
        "CurrentState",
        "Number",
    ) in robot.values()
    assert shown(robot, "OperationalMode") == 4
    assert (shown(robot, "EmergencyStop"), shown(robot, "ProtectiveStop")) == (False, False)
