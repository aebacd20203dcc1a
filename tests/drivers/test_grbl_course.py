"""Where a program leads: worked out from its lines, and compared with where the machine says it is."""

from random import Random  # noqa: TID251 - seeded

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellctl_drivers.grbl.course import Course
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stream import framed
from cellctl_drivers.serial_session import FaultRaised
from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl import Grbl
from cellctl_sim.world import World
from tests.drivers.grbl_dialogue import BANNER, FRESH_START, ready
from tests.drivers.transcript import Replay
from tests.sim.device_rig import Rig

ORIGIN = {"X": 0.0, "Y": 0.0, "Z": 0.0}


def end_of(*lines: str, offsets: tuple[str, ...] = ("[G54:10,20,30]",), mm_per_unit: float = 1.0) -> dict[str, float]:
    course = Course("XYZ")
    course.begin_at(ORIGIN)
    for message in offsets:
        course.hear(message, mm_per_unit)
    list(framed(lines, 80, course))
    return {axis: round(at, 6) for axis, at in course.end_mm.items()}


def test_of_absolute_moves_the_last_mention_of_each_axis_counts() -> None:
    assert end_of("G0 X1 Y1", "G1 X2 F100", "Z-1", "G2 X5 Y6 I1 J1") == {"X": 15, "Y": 26, "Z": 29}
    assert end_of("G1 F100", "M3 S1000", "G4 P1") == ORIGIN


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (("G91", "G0 X1", "G0 X1.5 Y-1"), (2.5, -1, 0)),
        (("G91 G0 X1", "G90", "X1"), (11, 0, 0)),
        (("G20", "G0 X1"), (35.4, 0, 0)),
        (("G0 X5", "G53 G0 X-3 Z-1"), (-3, 0, -1)),
        (("G55", "G0 X1"), (101, 0, 0)),
        (("G55 G0 X1", "M30", "G0 Y1"), (101, 21, 0)),
        (("G91 G0 X1", "M2", "G0 X1"), (11, 0, 0)),
        (("G0 X5", "G92 X0", "G0 X1"), (16, 0, 0)),
        (("G0 X5", "G92 X0", "G92.1", "G0 X1"), (11, 0, 0)),
        (("G43.1 Z2", "G0 Z1"), (0, 0, 33)),
        (("G43.1 Z2", "G49", "G0 Z1"), (0, 0, 31)),
        (("G10 L2 P1 X50", "G0 X1"), (51, 0, 0)),
        (("G10 L2 P2 X50", "G0 X1"), (11, 0, 0)),
        (("G0 X5", "G10 L20 P0 X0", "G0 X1"), (16, 0, 0)),
        (("G0 X5 Y5", "G28"), (-1, -2, -3)),
        (("G0 X5 Y5", "G28 X0"), (-1, 25, 0)),
        (("G0 X5", "G30.1", "G0 X9", "G30"), (15, 0, 0)),
        (("g1 x1 f100", "y2 (a comment)"), (11, 22, 0)),
        (("N5 G1 X1 F1", "/ G1 X2"), (12, 0, 0)),
    ],
)
def test_modes_offsets_and_stored_places_are_followed(lines: tuple[str, ...], end: tuple[float, ...]) -> None:
    told = ("[G54:10,20,30]", "[G55:100,0,0]", "[G28:-1,-2,-3]", "[G92:0,0,0]", "[TLO:0.000]", "[GC:G0 G54 G21 G90]")
    assert tuple(end_of(*lines, offsets=told).values()) == end


def test_what_the_parser_was_told_before_counts_and_inches_are_inches() -> None:
    told = ("[G54:1,0,0]", "[G92:0.5,0,0]", "[TLO:0,0,2]", "[GC:G0 G54 G20 G91 T0]")
    assert end_of("G0 X1 Z1", offsets=told, mm_per_unit=25.4) == {"X": 25.4, "Y": 0, "Z": 25.4}
    assert end_of("G90", "G0 X1 Z1", offsets=told, mm_per_unit=25.4) == {"X": 63.5, "Y": 0, "Z": 76.2}


@pytest.mark.parametrize(
    "line",
    ["G38.2 Z-5 F10", "M6 T2", "G81 X1 Z-1 R1", "G5 X1 Y1", "M98 P1", "G10 L2 P1 R90 X0", "G10 L1 P1 Z5", "G28 G92 X0",
     "X1.2.3", "G51 X2"],
)  # fmt: skip
def test_what_cannot_be_followed_ends_the_comparison(line: str) -> None:
    assert end_of("G0 X1", line, "G0 X2") == {}


def test_an_axis_whose_coordinates_are_not_known_is_not_compared() -> None:
    assert end_of("G0 X1", offsets=()) == {"Y": 0, "Z": 0}
    assert end_of("G0 X1", offsets=("[G54:10,2x,30]",)) == {}
    assert end_of("G30", offsets=("[G54:0,0,0]",)) == {}
    assert end_of("G53 G0 X1", offsets=()) == {"X": 1, "Y": 0, "Z": 0}


number = st.integers(-2000, 2000).map(lambda tenths: tenths / 100)
move = st.builds(
    lambda code, words: code + "".join(f"{axis}{n}" for axis, n in words.items()),
    st.sampled_from(["G0", "G1", "G1 ", "", "G01"]),
    st.dictionaries(st.sampled_from("XYZ"), number, min_size=1),
)
other = st.one_of(
    st.sampled_from(["G20", "G21", "G90", "G91", "G54", "G55", "G92.1", "G49", "M2", "G28", "G30", "G28.1", "G4 P.1"]),
    st.builds(lambda axis, n: f"G92 {axis}{n}", st.sampled_from("XYZ"), number),
    st.builds(lambda n: f"G43.1 Z{n}", number),
    st.builds(lambda k, p, axis, n: f"G10 L{k} P{p} {axis}{n}", st.sampled_from([2, 20]), st.integers(0, 2),
              st.sampled_from("XYZ"), number),
    st.builds(lambda axis, n: f"G53 G0 {axis}{n}", st.sampled_from("XYZ"), number),
)  # fmt: skip


@given(lines=st.lists(st.one_of(move, move, other), max_size=25))
def test_the_course_ends_where_the_simulated_machine_stands(lines: list[str]) -> None:
    # The simulated machine takes the tool length of G43.1 for millimetres, whatever the units are.
    assume(not ("G20" in lines and any("G43.1" in line for line in lines)))
    device = Grbl("router-1", "router-1.vise", World(["router-1.vise"]),
                  RouterTwin(model="grbl", homing_switches=False), Random(1))  # fmt: skip
    rig = Rig(device)
    rig.until(0.0)
    course = Course("XYZ")
    course.begin_at(ORIGIN)
    for message in [*rig.send("$G\n"), *rig.send("$#\n")]:
        if message.startswith("["):
            course.hear(message, 1.0)
    # A feed, so that nothing is refused.
    program = ["G1F3000", *lines]
    rig.stream([data.decode().rstrip() for data, _ in framed(program, 80, course)])
    rig.until(rig.now_s + 3600)
    at = dict(zip("XYZ", device.planner.position(rig.now_s), strict=False))
    for axis, end in course.end_mm.items():
        assert at[axis] == pytest.approx(end, abs=0.01)
    assert course.known


# ---- the end of a program ----------------------------------------------------------------------------------------


def ended(report: str, program: str = "G0 X10 | G1 Y5 F100") -> Replay:
    lines = "".join(f"{line.strip()}\\n" for line in program.split("|"))
    replay = ready(Settings()).run(f"""
        ? load {program}
        {FRESH_START}
        >> \\n
        < ok
        > $G
        < [GC:G0 G54 G17 G21 G90 G94 M5 M9 T0 F0 S0]
        < ok
        > $#
        < [G54:-250.000,-150.000,-37.500]
        < [G92:0.000,0.000,0.000]
        < [TLO:0.000]
        < ok
        >> {lines}
    """)
    replay.run("< ok\n" * program.count("|") + "< ok\n > G4P0.01\n < ok\n > $G")
    return replay.run(f"< [GC:G1 G54]\n < ok\n >> ?\n < {report}")


def test_a_machine_that_stands_where_its_program_leads_has_done_it() -> None:
    ended("<Idle|MPos:-240.000,-145.000,0.000|FS:0,0>\n ! ProgramDrained()\n ! Rested()\n = ready")
    ended("<Idle|MPos:-239.985,-145.004,0.000|FS:0,0>\n ! ProgramDrained()\n ! Rested()")
    ended("<Idle|WPos:10.000,5.000,37.500|FS:0,0|WCO:-250.000,-150.000,-37.500>\n ! ProgramDrained()\n ! Rested()")


def test_a_machine_that_stands_elsewhere_had_a_line_damaged_that_nobody_else_could_see() -> None:
    # "G0 X10" came as "G0 X16", a valid line: acknowledged, and carried out.
    what = (
        "stands elsewhere than the program ends: X at -234.000 mm instead of -240.000 mm; a line was damaged on its "
        "way, or a motor lost steps"
    )
    ended(f"""<Idle|MPos:-234.000,-145.000,0.000|FS:0,0>
        >> \\x18
        ! {FaultRaised(what, "Check cable and axes, home it, look at the part, then clear")!r}
        < {BANNER}
        = down
    """)


def test_a_move_of_an_axis_that_the_program_does_not_name_is_found_as_well() -> None:
    what = (
        "stands elsewhere than the program ends: Z at -1.000 mm instead of 0.000 mm; a line was damaged on its way, "
        "or a motor lost steps"
    )
    ended(f"""<Idle|MPos:-240.000,-145.000,-1.000|FS:0,0>
        >> \\x18
        ! {FaultRaised(what, "Check cable and axes, home it, look at the part, then clear")!r}
    """)


def test_a_report_without_a_position_proves_nothing_and_accuses_nobody() -> None:
    ended("<Idle|WPos:99.000,5.000,37.500|FS:0,0>\n ! ProgramDrained()\n ! Rested()")
