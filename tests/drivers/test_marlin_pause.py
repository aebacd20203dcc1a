"""Hold and resume of a print: where it waits, how it comes back, and who else may pause it."""

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl_drivers.marlin.answers import position_mm
from cellctl_drivers.marlin.dialects import BY_NAME, COMMON
from cellctl_drivers.marlin.parking import Park
from cellctl_drivers.serial_session import Held
from tests.drivers.marlin_dialogue import Dialogue, booted, printing
from tests.drivers.pauses import Watched, battle, job, random_program, unlike

PROGRAM = "G28 | G90 | M83 | M106 S128 | G1 X50 Y60 Z1 E2 F1800 | G1 X70 E3 | G1 X80 E3"
PARK = Park(retract_mm=2.0, lift_mm=5.0, x_mm=10.0, y_mm=200.0, standby_celsius=150.0, standby_after_s=600.0)
AT = "X:50.00 Y:60.00 Z:1.00 E:2.00 Count X:4000 Y:4800 Z:400"
HOT = "T:210.0 /210.0 B:60.0 /60.0 @:0 B@:0"


def on_the_bed(program: str = PROGRAM, **limits: object) -> Dialogue:
    """Line 10, the first move, is on its way."""
    lines = [line.strip() for line in program.split("|")]
    wired = [f"< ok\n > N{number} {line}" for number, line in enumerate(lines[1:5], start=7)]
    return printing(program, park=PARK, **limits).run("\n".join(wired))


def parking(at: str = AT, said: str = HOT, **limits: object) -> Dialogue:
    return on_the_bed(**limits).run(
        f"""
        ? hold
        = holding
        < ok
        > N11 M400
        < ok
        > N12 M114
        < {at}
        < ok
        > N13 M114
        < {at}
        < ok
        > N14 M105
        < ok {said}
        > N15 M84 S0
        = parking
        """
    )


def parked(**limits: object) -> Dialogue:
    return parking(**limits).run(
        f"""
        < ok
        > N16 G91
        < ok
        > N17 M83
        < ok
        > N18 G1 E-2 F2100
        < ok
        > N19 G1 Z5 F600
        < ok
        > N20 G1 X-40 Y140 F6000
        < ok
        > N21 G90
        < ok
        > N22 M83
        < ok
        > N23 M400
        < ok
        > N24 M105
        < ok {HOT}
        ! Held(reason='parked at X10 Y200 Z6')
        = held
        """
    )


def test_the_way_to_the_park_and_back_to_the_very_next_line() -> None:
    """Relative moves of the same lengths: M114 has two decimals only."""
    replay = (
        parked()
        .run("? resume\n > N25 M400")
        .run(
            f"""
        < ok
        > N26 M114
        < X:10.00 Y:200.00 Z:6.00 E:0.00 Count X:800 Y:16000 Z:2400
        < ok
        > N27 M114
        < X:10.00 Y:200.00 Z:6.00 E:0.00 Count X:800 Y:16000 Z:2400
        < ok
        > N28 M105
        < ok {HOT}
        ! Resumed()
        > N29 G91
        < ok
        > N30 M83
        < ok
        > N31 G1 X40 Y-140 F6000
        < ok
        > N32 G1 Z-5 F600
        < ok
        > N33 G1 E2 F2100
        < ok
        > N34 G90
        < ok
        > N35 M83
        < ok
        > N36 M106 S128
        < ok
        > N37 G1 F1800
        < ok
        > N38 M84 S120
        < ok
        > N39 G1 X70 E3
        """
        )
    )
    assert replay.session.sent == 6


def test_the_first_byte_of_a_hold_waits_for_nothing_but_a_free_slot() -> None:
    replay = on_the_bed()
    replay.session.receive(b"ok\n", replay.now_s)
    replay.session.hold(replay.now_s)
    assert replay.session.transmit(replay.now_s).startswith(b"N11 M400")


def test_who_does_not_stand_where_it_was_parked_comes_back_by_coordinates() -> None:
    """Somebody jogged it at the panel and fed filament: above the place, over it, down; and E is what it was."""
    jogged = "X:100.00 Y:100.00 Z:3.00 E:31.50 Count X:0 Y:0 Z:0"
    replay = parked()
    replay.session.resume(replay.now_s)
    sent = _answered(replay, jogged)
    assert sent == [
        "M400", "M114", "M114", "M105",
        "G90", "G1 Z6 F600", "G1 X50 Y60 F6000", "G1 Z1 F600",
        "G91", "M83", "G90", "M83", "G92 E2", "M106 S128", "G1 F1800", "M84 S120",
        "G1 X70 E3",
    ]  # fmt: skip


def _answered(replay: Dialogue, at: str, said: str = HOT, until: str = "G1 X70 E3") -> list[str]:
    """The commands that follow, each acknowledged, until one of the program."""
    session, sent = replay.session, []
    while until not in sent:
        chunk = session.transmit(replay.now_s)
        assert chunk, sent
        for line in chunk.decode().splitlines():
            sent.append(line.partition(" ")[2].partition("*")[0])
            answer = {"M114": f"{at}\nok\n", "M105": f"ok {said}\n"}.get(sent[-1], "ok\n")
            session.receive(answer.encode(), replay.now_s)
    return sent


def test_a_long_pause_cools_the_nozzle_and_heats_it_before_anything_moves() -> None:
    replay = parked(acknowledge_s=1e6, dead_man_s=0.0)
    cooled_s = math.inf
    while cooled_s == math.inf:
        replay.now_s = replay.session.deadline_s or 0.0
        replay.session.tick(replay.now_s)
        while chunk := replay.session.transmit(replay.now_s):
            cooled_s = replay.now_s if b"M104 S150" in chunk else cooled_s
            replay.session.receive(f"ok {HOT}\n".encode() if b"M105" in chunk else b"ok\n", replay.now_s)
    assert cooled_s == pytest.approx(600.0, abs=10.0)
    replay.session.resume(replay.now_s)
    sent = _answered(replay, "X:10.00 Y:200.00 Z:6.00 E:0.00", "T:150.0 /150.0 B:60.0 /60.0")
    assert sent[:6] == ["M400", "M114", "M114", "M105", "M109 S210", "G91"]


def test_a_pause_with_heat_still_feeds_the_dead_man() -> None:
    replay = booted(park=PARK, acknowledge_s=1e6, dead_man_s=400.0)
    lines = PROGRAM.split(" | ")
    replay.session.load(iter(lines), len(lines), replay.now_s)
    assert _answered(replay, AT, until=lines[4])[0].startswith("M85 S")
    replay.session.hold(replay.now_s)
    assert _until_held(replay, lambda: AT).startswith("parked")
    fed_s: list[float] = []
    while replay.now_s < 1000.0:
        replay.now_s = replay.session.deadline_s or 0.0
        replay.session.tick(replay.now_s)
        while chunk := replay.session.transmit(replay.now_s):
            fed_s += [replay.now_s] if b"M85" in chunk else []
            replay.session.receive(f"ok {HOT}\n".encode() if b"M105" in chunk else b"ok\n", replay.now_s)
    gaps = [after - before for before, after in pairwise(fed_s)]
    assert len(gaps) >= 8
    assert max(gaps) <= 101.0


@pytest.mark.parametrize(
    ("program", "at", "why"),
    [
        (PROGRAM.replace("G28", "M400", 1), AT, "the program has not homed it"),
        (PROGRAM.replace("G90", "M17", 1), AT, "the program has not said G90 or G91, or no F"),
        (PROGRAM.replace("M106 S128", "G20", 1), AT, "the program counts in inches"),
        (PROGRAM, "echo:Unknown command: M114", "it does not tell where that is"),
    ],
)
def test_where_too_little_is_known_it_stands_where_it_is_and_says_why(program: str, at: str, why: str) -> None:
    replay = on_the_bed(program)
    replay.session.receive(b"ok\n", replay.now_s)
    replay.session.hold(replay.now_s)
    told = _until_held(replay, lambda: at)
    assert told == f"stands where it was held: {why}"


def test_answers_have_no_checksum_so_that_a_place_counts_only_if_it_is_said_twice() -> None:
    replay = on_the_bed()
    replay.session.receive(b"ok\n", replay.now_s)
    replay.session.hold(replay.now_s)
    places = iter([AT, AT.replace("X:50", "X:150")])
    assert _until_held(replay, lambda: next(places)) == "stands where it was held: it does not tell where that is"


def _until_held(replay: Dialogue, at: Callable[[], str]) -> str:
    while True:
        chunk = replay.session.transmit(replay.now_s).decode()
        assert chunk
        answer = f"{at()}\nok\n" if "M114" in chunk else f"ok {HOT}\n" if "M105" in chunk else "ok\n"
        for event in replay.session.receive(answer.encode(), replay.now_s):
            if isinstance(event, Held):
                return event.reason


def test_a_hold_before_it_has_set_out_for_its_way_back_leaves_it_parked() -> None:
    parked().run(
        f"""
        ? resume
        > N25 M400
        = returning
        ? hold
        = parking
        < ok
        > N26 M400
        < ok
        > N27 M105
        < ok {HOT}
        ! Held(reason='parked at X10 Y200 Z6')
        = held
        """
    )


def test_a_resume_at_the_panel_while_it_looks_where_it_stands_is_nothing_new() -> None:
    replay = parked().run("? resume\n > N25 M400\n < //action:resumed\n = returning\n < //action:resume")
    replay.session.receive(b"ok\n", replay.now_s)
    assert _answered(replay, "X:10.00 Y:200.00 Z:6.00 E:0.00", until="G91")[:3] == ["M114", "M114", "M105"]


def test_a_hold_on_the_way_back_comes_when_it_is_back() -> None:
    replay = parked()
    replay.session.resume(replay.now_s)
    at = "X:10.00 Y:200.00 Z:6.00 E:0.00"
    _answered(replay, at, until="G91")
    replay.session.hold(replay.now_s)
    sent = _answered(replay, AT, until="M400")
    assert sent[-3:] == ["G1 F1800", "M84 S120", "M400"]
    assert "G1 Z-5 F600" in sent


def test_whoever_leaves_sets_nothing_moving_and_turns_the_heat_off() -> None:
    replay = on_the_bed().run("? hold\n ? rest\n >\n > M104 S0\n > M140 S0")
    replay.session.receive(b"ok\nok\nok\n", replay.now_s)
    assert _until_held(replay, lambda: AT) == ""
    parked().run("? rest\n >\n > M104 S0\n > M140 S0")


def test_what_is_held_at_a_place_can_be_stopped_and_halted_from_there() -> None:
    parked().run("? stop\n > N25 M84 S120\n = stopping\n < ok\n > N26 M104 S0")
    replay = parking()
    replay.session.halt(replay.now_s)
    assert b"M112" in replay.session.transmit(replay.now_s)


@pytest.mark.parametrize("said", ["//action:pause", "//action:out_of_filament T0"])
def test_a_printer_that_pauses_by_itself_is_not_fought(said: str) -> None:
    """It parks by its own lights (M600, runout); a script of ours would run into its own."""
    on_the_bed().run(
        f"""
        < {said}
        = holding
        < ok
        > N11 M400
        < ok
        > N12 M105
        < ok {HOT}
        ! Held(reason='')
        ? resume
        > N13 G1 X70 E3
        + 0s
        ! Resumed()
        """
    )


def test_a_pause_that_was_made_at_the_panel_goes_on_without_a_script() -> None:
    on_the_bed().run("< //action:paused\n ! Held(reason='paused at the printer')\n < //action:resumed\n ! Resumed()")


def test_firmware_whose_m84_knows_no_time_is_never_told_it() -> None:
    """To Klipper, Smoothie and who knows whom, M84 S0 means: let go of the axes now."""
    assert {name for name, dialect in BY_NAME.items() if dialect.motors_stay} == {"marlin1", "marlin2", "prusa"}
    assert not COMMON.motors_stay


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (AT, (50.0, 60.0, 1.0, 2.0)),
        ("ok C: X:50.0000 Y:60.0000 Z:1.0000 A:0.0000 E:2.0000", (50.0, 60.0, 1.0, 2.0)),
        ("X:50.000 Y:60.000 Z:1.000 E:2.000 E0:0.0 Count 0 0 0 Machine 50.000 60.000 1.000", (50.0, 60.0, 1.0, 2.0)),
        ("X:50.00 Y:60.00 Z:-1.00 E:2.00 Count X: 50.00 Y:60.00 Z:1.00 E:7.00", (50.0, 60.0, -1.0, 2.0)),
        ("X:nan Y:60.00 Z:1.00 E:2.00", None),
    ],
)
def test_a_place_is_read_in_every_dialect(said: str, place: tuple[float, ...] | None) -> None:
    assert position_mm(said) == place


@pytest.mark.parametrize("seed", range(1, 26))
def test_a_print_that_was_held_ends_as_one_that_was_not(seed: int) -> None:
    """The simulated firmware is the judge: every line once and in order, and the same state behind each."""
    assert battle(seed) == []


def test_the_battery_sees_a_way_back_that_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellctl_drivers.marlin.parking.lines_back", lambda *_: ())
    assert any(battle(seed) for seed in range(1, 6))


def test_somebody_who_moves_the_head_in_a_pause_does_not_move_the_print() -> None:
    def jog(board: Watched, now_s: float) -> None:
        x, y, z, e = board.modes.at
        board.modes.at = (x + 15, y - 7, z + 2, e + 30)
        board.planner.place(board.modes.at)

    program = random_program(Random(5))
    held = job(5, Park(x_mm=100.0, y_mm=100.0), [(20, 50.0)])
    held.meddles = jog
    held.run(program)
    plain = job(5, None).run(program)
    assert unlike(held.board, plain.board, program, within_mm=0.0055) == []
