"""Going on in the middle of a program: what is said first, and when it is refused."""

from random import Random  # noqa: TID251 - seeded

import pytest

from cellctl.domain.work import Knowledge, Progress
from cellctl.gcode.preflight import check
from cellctl.gcode.resume import Evidence, NotResumable, Resumable, ResumePlan, plan
from cellctl.gcode.rules import Dialect
from cellctl.gcode.verdict import Passed
from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl import Grbl
from cellctl_sim.world import World
from tests.gcode.machines import PRINTER
from tests.gcode.resumes import HOMES_ALL, battle, evidence
from tests.sim.device_rig import Rig

PRINT = [
    "M140 S60", "M104 S215", "G28", "M190 S60", "M109 S215", "G90", "M82", "G92 E0", "M106 S128", "M221 S95",
    "G1 X50 Y60 Z0.2 F1800", "G1 X80 E1.5", "G1 X80 Y90 E3", "G1 X50 E4.5", "M104 S0", "M140 S0", "M107", "M84",
]  # fmt: skip
ROUTER = Resumable(Dialect.GRBL, homes=frozenset("XYZ"), top_mm=-1.0)
CUT = [
    "G20 G90 G17 G94 G54", "M3 S8000", "M8", "G0 X1 Y1 Z.2", "G1 Z-.05 F10", "G1 X2 F30", "G1 Y2", "G2 X1 Y2 I-.5 J0",
    "X1.5", "M5", "M30",
]  # fmt: skip


def test_a_print_goes_on_where_it_ended() -> None:
    made = plan(PRINT, 13, HOMES_ALL, evidence(13))
    assert isinstance(made, ResumePlan)
    assert made.preamble == (
        "M140 S60", "M104 S215", "M190 S60", "M109 S215", "G28 Z", "G28 X Y", "G90", "G0 Z5.2 F600",
        "G0 X80 Y60 F6000", "G0 Z0.2 F600", "G92 E1.5", "M106 S128", "M221 S95", "G90", "M82", "G1 F1800",
    )  # fmt: skip
    assert all(step.why for step in made.steps)
    assert "the part has not moved" in made.confirm[0]


def test_with_its_place_kept_it_is_not_homed() -> None:
    """Its own position is better than any homing over a part."""
    kept = Evidence(evidence(13).progress, Knowledge.CONFIRMED, at_its_place=True, position_kept=True)
    made = plan(PRINT, 13, Resumable(), kept)
    assert isinstance(made, ResumePlan)
    assert not [line for line in made.preamble if line.startswith("G28")]
    assert made.preamble[4:6] == ("G91", "G1 Z5 F600")
    assert "nobody has moved an axis, and the machine was not switched off" in made.confirm


def test_what_goes_on_passes_the_preflight_check() -> None:
    made = plan(PRINT, 13, HOMES_ALL, evidence(13))
    assert isinstance(made, ResumePlan)
    assert isinstance(check([*made.preamble, *PRINT[12:]], PRINTER), Passed)


def refused(lines: list[str], at_line: int, machine: Resumable = HOMES_ALL, known: Evidence | None = None) -> str:
    made = plan(lines, at_line, machine, known or evidence(at_line))
    assert isinstance(made, NotResumable), made
    return "; ".join(made.reasons)


def changed(index: int, *lines: str) -> list[str]:
    return [*PRINT[:index], *lines, *PRINT[index + 1 :]]


@pytest.mark.parametrize(
    ("machine", "known", "why"),
    [
        (Resumable(homes=frozenset("XY")), None, "Z cannot be homed with the part in place"),
        (Resumable(), None, "XYZ cannot be homed"),
        (HOMES_ALL, Evidence(part=Knowledge.RECORDED, at_its_place=True), "not known that any line was sent"),
        (
            HOMES_ALL,
            Evidence(Progress(20, 16, 15), Knowledge.RECORDED, at_its_place=True),
            "between line 16 and line 21",
        ),
        (HOMES_ALL, Evidence(Progress(9, 8, 7), Knowledge.RECORDED, at_its_place=True), "between line 8 and line 10"),
        (HOMES_ALL, Evidence(evidence(13).progress, Knowledge.RECORDED), "not known to be where it was made"),
        (HOMES_ALL, Evidence(evidence(13).progress, Knowledge.UNKNOWN, at_its_place=True), "not known to be where"),
        (HOMES_ALL, Evidence(evidence(13).progress, Knowledge.PRESUMED, at_its_place=True), "not known to be where"),
    ],
)
def test_it_is_refused_where_place_part_or_line_are_not_known(
    machine: Resumable, known: Evidence | None, why: str
) -> None:
    assert why in refused(PRINT, 13, machine, known)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (changed(2, "M400"), "had not homed all axes"),
        (changed(5, "M400"), "has not said G90 or G91"),
        (changed(6, "M400"), "whether E counts from zero"),
        (changed(6, "M83", "G90"), "whether E counts from zero"),
        (changed(7, "G20"), "inches"),
        (changed(7, "M84"), "had not homed all axes"),
        (changed(7, "G29"), "cannot be done again around a part"),
        (changed(10, "G1 X50 Y60 Z0.2"), "no feed"),
        (changed(10, "G1 Y60 Z0.2 F1800", "G91", "G1 X1", "G90"), "where the axes were"),
        (changed(11, "G10"), "pulled back (G10)"),
        (changed(11, "START_PRINT BED=60"), "had not homed all axes"),
    ],
)
def test_it_is_refused_where_the_program_leaves_something_open(lines: list[str], why: str) -> None:
    assert why in refused(lines, 13)


def test_all_reasons_are_named_at_once() -> None:
    assert refused(["G1 X1"], 2, Resumable()).count(";") >= 4


def test_a_line_behind_the_end_is_refused() -> None:
    assert "there is no line 19" in refused(PRINT, 19)


@pytest.mark.parametrize("seed", range(1, 16))
def test_a_print_that_goes_on_begins_as_one_that_was_never_broken_off(seed: int) -> None:
    """The simulated firmware is the judge: the preamble leads to the same state as the lines before it."""
    plans, wrong = battle(seed)
    assert plans
    assert not wrong


# ---- cutting -----------------------------------------------------------------------------------------------------


def test_a_cut_goes_on_where_it_ended() -> None:
    made = plan(CUT, 7, ROUTER, evidence(7))
    assert isinstance(made, ResumePlan)
    assert made.preamble == (
        "G21 G90 G94 G17 G54", "G53 G0 Z-1", "G0 X50.8 Y25.4", "M3 S8000", "G4 P5", "M8", "G1 Z-1.27 F100",
        "G1 F762", "G20 G17 G90",
    )  # fmt: skip
    assert any("spindle" in each for each in made.confirm)


@pytest.mark.parametrize(
    ("lines", "at_line", "machine", "why"),
    [
        (CUT, 7, Resumable(Dialect.GRBL), "XYZ cannot be homed"),
        (CUT, 9, ROUTER, "does not name its code"),
        ([*CUT[:4], "G92 X0", *CUT[4:]], 7, ROUTER, "moved by G92"),
        ([*CUT[:5], "G93", *CUT[5:]], 7, ROUTER, "inverse time"),
        (["G0 X1 Y1 Z1", *CUT[1:]], 7, ROUTER, "has not said G90"),
        ([*CUT[:4], "G38.2 Z-5 F10", "G1 X2", "G1 X3"], 7, ROUTER, "where the axes were"),
    ],
)
def test_a_cut_is_refused_where_something_is_open(lines: list[str], at_line: int, machine: Resumable, why: str) -> None:
    assert why in refused(lines, at_line, machine)


def on_a_router(lines: list[str] | tuple[str, ...]) -> tuple[str, str]:
    """Parser state and place of a homed router behind these lines, as it tells them."""
    rig = Rig(Grbl("router-1", "router-1.vise", World(["router-1.vise"]), RouterTwin(model="grbl"), Random(1)))
    rig.stream(["$H", "G10 L2 P1 X-250 Y-150 Z-20"])
    rig.stream([*lines, "G4 P0"])
    modes = next(line for line in rig.send("$G\n") if line.startswith("[GC:"))
    place = next(line for line in rig.send(b"?") if line.startswith("<")).split("|")[1]
    return modes, place


@pytest.mark.parametrize("at_line", [6, 7, 8])
def test_a_cut_that_goes_on_begins_as_one_that_was_never_broken_off(at_line: int) -> None:
    made = plan(CUT, at_line, ROUTER, evidence(at_line))
    assert isinstance(made, ResumePlan)
    assert on_a_router(made.preamble) == on_a_router(CUT[: at_line - 1])
