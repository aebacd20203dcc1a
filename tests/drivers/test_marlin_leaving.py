"""Heat that must not stay on, machines that are not ours, and how a connection is left."""

import pytest

from cellctl_drivers.marlin.dead_man import DeadMan
from cellctl_drivers.marlin.dialects import BY_NAME, Dialect
from cellctl_drivers.marlin.memory import Expected, Portrait
from tests.drivers.marlin_dialogue import Dialogue, booted, dialogue, framed, met, printing

MARLIN_2 = "FIRMWARE_NAME:Marlin 2.1.2 MACHINE_TYPE:X UUID:1"


def marlin_2(program: str = "G28 | G1 X1", **limits: object) -> Dialogue:
    return met(
        MARLIN_2,
        f"""
        < ok
        > N2 M105
        < ok T:20.0 /0.0
        ! Greeted(identity='X 1')
        > N3 M576 S10
        < echo:Unknown command: "M576 S10"
        < ok
        > N4 M400
        < ok
        > N5 M105
        < ok T:20.0 /0.0
        ! Rested()
        ? load {program}
        > N6 M85 S600
        < ok
        > N7 {program.partition(" |")[0]}
        """,
        **{"dead_man_s": 600.0} | limits,
    )


# ---- the dead-man ----------------------------------------------------------------------------------------------


def test_the_firmwares_time_out_is_armed_before_the_first_line_and_taken_off_behind_the_heat() -> None:
    marlin_2("G28").run(
        """
        < ok
        > N8 M104 S0
        < ok
        > N9 M140 S0
        < ok
        > N10 M85 S0
        < ok
        > N11 M400
        """
    )


def held(**limits: object) -> Dialogue:
    return marlin_2(**limits).run(
        "? hold\n < ok\n > N8 M400\n < ok\n > N9 M105\n < ok T:200.0 /200.0\n ! Held(reason='')"
    )


def test_a_pause_feeds_it_for_as_long_as_it_lasts() -> None:
    # The reports stay out here, so M105 is asked for as well; it would wind up nothing.
    sent = []
    replay = held(acknowledge_s=1000.0)
    while replay.now_s < 1000.0:
        replay.now_s = replay.session.deadline_s or 0.0
        replay.session.tick(replay.now_s)
        while chunk := replay.session.transmit(replay.now_s):
            sent += [(round(replay.now_s), line.split(b"*")[0]) for line in chunk.splitlines() if b"M85" in line]
            replay.session.receive(b"ok T:200.0 /200.0\n" if b"M105" in chunk else b"ok\n", replay.now_s)
    assert [at for at, _ in sent] == [151, 301, 451, 601, 751, 901]
    assert all(line.endswith(b"M85 S600") for _, line in sent)


def test_a_pause_for_a_person_is_not_cut_short_by_it() -> None:
    marlin_2("G28 | M0 Look | G1 X1").run(
        """
        < ok
        > N8 M85 S0
        < ok
        > N9 M0 Look
        < ok
        > N10 M85 S600
        < ok
        > N11 G1 X1
        """
    )


def test_a_dwell_that_lasts_longer_than_it_is_allowed_for() -> None:
    dead_man = DeadMan(BY_NAME["marlin2"], 600.0)
    dead_man.begin(None, 0.0)
    assert dead_man.around(900.0) == (("M85 S1500",), ("M85 S600",))
    assert dead_man.around(10.0) == ((), ())


def test_an_old_firmware_that_has_rested_for_unknown_time_is_armed_behind_its_first_move() -> None:
    """M85 behind a long rest kills at once (MarlinFirmware/Marlin#12804)."""
    replay = dialogue(boot_s=1.0, dead_man_s=600.0).run(
        """
        ? greet
        + 1s
        >
        > N0 M110 N0
        < ok
        > N1 M115
        < FIRMWARE_NAME:Marlin 1.1.9 MACHINE_TYPE:X
        < ok
        > N2 M105
        < ok T:20
        ! Greeted(identity='X')
        > N3 M400
        < ok
        > N4 M105
        < ok T:20
        ! Rested()
        ? load M104 S200 | G28 | G1 X1
        > N5 M104 S200
        < ok
        > N6 G28
        < ok
        > N7 M85 S600
        < ok
        > N8 G1 X1
        """
    )
    assert replay.session.sent == 3


def test_an_old_firmware_that_was_seen_to_boot_is_armed_with_the_time_since() -> None:
    booted(dead_man_s=600.0).run("+ 10s\n < T:20\n ? load G28\n > N6 M85 S611\n < ok\n > N7 G28")


def test_an_old_firmware_in_a_pause_is_told_a_limit_that_grows() -> None:
    dead_man = DeadMan(BY_NAME["marlin1"], 600.0)
    assert dead_man.begin(0.0, 0.0) == ("M85 S600",)
    dead_man.stand(100.0)
    assert dead_man.due_s == 250.0
    assert dead_man.feed(250.0) == ("M85 S810",)
    assert dead_man.around(float("inf")) == (("M85 S0",), ())
    assert dead_man.wound() == ("M85 S600",)


@pytest.mark.parametrize(
    ("dialect", "limit_s", "line"),
    [
        (BY_NAME["klipper"], 600.0, ("SET_IDLE_TIMEOUT TIMEOUT=600",)),
        (BY_NAME["reprapfirmware"], 600.0, ()),
        (BY_NAME["smoothie"], 600.0, ()),
        (BY_NAME["marlin2"], 0.0, ()),
    ],
)
def test_it_is_armed_where_the_firmware_knows_it_and_the_integrator_wants_it(
    dialect: Dialect, limit_s: float, line: tuple[str, ...]
) -> None:
    assert DeadMan(dialect, limit_s).begin(0.0, 0.0) == line


# ---- the way out -----------------------------------------------------------------------------------------------


def test_whoever_leaves_turns_the_heat_off_past_all_that_waits() -> None:
    replay = printing().run("? hold\n ? rest\n >\n > M104 S0\n > M140 S0\n = holding")
    # Two of these are for the heat, and nothing of the program goes out behind them.
    replay.run("< ok\n > N7 M400\n < ok\n < ok\n < ok\n > N8 M105\n < ok T:0\n ! Held(reason='')")


@pytest.mark.parametrize("wait", ["M109 S200", "M190 S60", "M0 Look"])
def test_a_wait_for_heat_or_for_a_person_is_ended_first(wait: str) -> None:
    """Without the emergency parser M108 waits in the queue unless its line starts with `M`."""
    printing(f"{wait} | G1 X1").run("? hold\n ? rest\n >\n > M108\n > M104 S0\n > M140 S0")


def test_a_change_of_filament_is_not_set_going_by_leaving() -> None:
    printing("M600 | G1 X1").run("? rest\n >\n > M104 S0\n > M140 S0")


def test_an_idle_printer_is_left_cold_too() -> None:
    booted().run("? rest\n >\n > M104 S0\n > M140 S0\n < ok\n < ok\n = ready")


def test_nothing_is_said_to_a_machine_that_nobody_has_met() -> None:
    dialogue().run("? greet\n ? rest\n + 3s\n >\n > N0 M110 N0\n ? rest")


def test_every_heater_that_the_printer_has_is_turned_off() -> None:
    portrait = Portrait()
    portrait.hear_firmware("FIRMWARE_NAME:Marlin 2.1 EXTRUDER_COUNT:2")
    portrait.hear_report("T:20 /0 B:20 /0 C:31.0 /40.0")
    lines = portrait.resting(BY_NAME["marlin2"])
    assert lines == ("M104 T0 S0", "M104 T1 S0", "M104 S0", "M140 S0", "M141 S0")


# ---- whose machine ---------------------------------------------------------------------------------------------

UUID = "cede2a2f-41a2-4748-9b12-c55c62f367ff"


@pytest.mark.parametrize(
    ("expected", "other"),
    [
        (Expected(), False),
        (Expected(uuid=UUID.upper()), False),
        (Expected(machine_type="3d printer"), False),
        (Expected(UUID, "3D Printer"), False),
        (Expected(uuid="1"), True),
        (Expected(UUID, "Ender-3"), True),
    ],
)
def test_a_machine_is_known_by_what_the_cell_file_expects(expected: Expected, other: bool) -> None:
    portrait = Portrait()
    portrait.hear_firmware(f"FIRMWARE_NAME:Marlin MACHINE_TYPE:3D Printer EXTRUDER_COUNT:1 UUID:{UUID}")
    assert portrait.is_other_than(expected) is other


def test_a_cable_in_the_wrong_socket_is_refused_and_the_stranger_is_left_alone() -> None:
    replay = dialogue(boot_s=1.0, expected=Expected(uuid="1", machine_type="Ender-3")).run(
        "? greet\n + 1s\n >\n > N0 M110 N0"
    )
    answer = "< ok\n > N1 M115\n < FIRMWARE_NAME:Marlin MACHINE_TYPE:Prusa UUID:2\n < ok\n > N2 M105\n < ok T:200 /200"
    # A damaged answer looks like another machine, too; three of the same are one.
    replay.run(f"{answer}\n >\n > N0 M110 N0\n {answer}\n >\n > N0 M110 N0")
    replay.run(
        f"""
        {answer}
        ! FaultRaised(what='is Prusa 2, and the cell file expects Ender-3 1', do_next='Put its cable where it belongs, or correct uuid and machine_type in the cell file')
        = down
        """  # noqa: E501
    )


def test_identity_is_checked_again_when_a_person_clears() -> None:
    replay = booted(expected=Expected(uuid=UUID)).run(
        "? halt\n >\n > M112\n > N6 M112\n < start\n ! Stopped()\n ? clear"
    )
    replay.run("< start\n + 0.5s\n >\n > N0 M110 N0")
    for _ in range(2):
        replay.run("< ok\n > N1 M115\n < FIRMWARE_NAME:Marlin UUID:2\n < ok\n > N2 M105\n < ok T:0\n >\n > N0 M110 N0")
    replay.run("< ok\n > N1 M115\n < FIRMWARE_NAME:Marlin UUID:2\n < ok\n > N2 M105")
    assert "expects " + UUID in repr(replay.session.receive(b"ok T:0\n", replay.now_s))


# ---- after it has stopped itself -------------------------------------------------------------------------------


def test_a_printer_that_stopped_itself_is_told_to_go_on_when_a_person_clears() -> None:
    """stop(): "Printer stopped due to errors... use M999": heaters off, motion refused, everything else still
    acknowledged. Without M999 a whole program would be acknowledged and nothing would move."""
    printing(boot_s=1.0).run(
        """
        < Error:Printer stopped due to errors. Fix the error and use M999 to restart.
        ! FaultRaised(what='says "Printer stopped due to errors. Fix the error and use M999 to restart."', do_next='Look at the printer, then clear')
        >
        > M104 S0
        > M140 S0
        ? clear
        + 1s
        >
        > M999 S1
        > N0 M110 N0
        """  # noqa: E501
    )


def test_a_printer_with_a_program_that_was_refused_needs_no_reviving() -> None:
    line = "M117 " + "x" * 95
    printing(f"G28 | {line}", boot_s=1.0).run(
        f"""
        < ok
        + 0s
        ! FaultRaised(what='cannot be sent line 2: {len(line)} characters', do_next='Shorten it, then clear')
        >
        > M104 S0
        > M140 S0
        ? clear
        + 1s
        >
        > N0 M110 N0
        """
    )
    assert len(framed(7, line)) > 95
