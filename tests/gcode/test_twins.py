"""The check against the simulated firmware, which knows nothing of it: what passes runs, in the time that was said."""

from dataclasses import replace
from random import Random  # noqa: TID251 - seeded

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed
from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl import Grbl
from cellctl_sim.world import World
from tests.gcode.machines import PRINTER, ROUTER, ROUTER_LIMITS, printed
from tests.sim.device_rig import Rig

CUTTING = ["G21 G90 G94 G17 G54", "M3 S10000", "G0 Z3", "G0 X10 Y10", "G1 Z-0.5 F300"]
HOT = ["G28", "M109 S210", "G21", "G90", "M82", "G92 E0", "G1 X100 Y100 Z10 F6000"]

# Most words by themselves are fine here; what does not fit is chance, and that is what the test is about.
GRBL_CODES = (
    ",,,G0,G1,G2,G3,G18,G19,G17,G20,G21,G53,G53 G0,G54,G80,G90,G91,G92,G92.1,G93,G94,G4,M3,M5,M8,M9,M2,T1,N3,"
    "G61,G40,G91.1,G90 G0"
)
GRBL_VALUES = (
    "X5,X12,X20.5,X-60,X300,Y0,Y7,Y12,Y160,Z0,Z3,Z-1,Z-9,Z40,I5,I-3,J2,J0,K1,R5,R-9,P0.1,S9000,S0,F300,F30,F0,F200,L2"
)
MARLIN_CODES = "G0,G1,G1,G1,G2,G3,G4,G28,G28 X,G90,G91,G92,M82,M83,M104,M109,M84,M400,G5,M9,M204,M220"
MARLIN_VALUES = "X10,X101,X-5,X230,Y20,Y99,Y0,Z0,Z5,Z300,E1,E-1,E5,E300,F600,F6000,F0,S210,S100,S0,P100,I5,J5,R9"


def lines(codes: str, values: str) -> st.SearchStrategy[str]:
    """Lines of one of these codes and some of these values."""
    behind = st.lists(st.sampled_from(values.split(",")), max_size=4).map(" ".join)
    return st.tuples(st.sampled_from(codes.split(",")), behind).map(" ".join).filter(str.strip)


HOMED_ROUTER = replace(
    ROUTER, limits=replace(ROUTER_LIMITS, envelope=replace(ROUTER_LIMITS.envelope, starts_at_mm=(-1.0, -1.0, -1.0)))
)


def kept(chance: list[str], beginning: list[str], rules: object, end: list[str]) -> list[str]:
    """As many of these lines as pass, one after the other."""
    program = list(beginning)
    for line in chance:
        if isinstance(check([*program, line, *end], rules), Passed):  # type: ignore[arg-type]
            program.append(line)
    return program


@settings(max_examples=150, deadline=None)
@given(st.lists(lines(GRBL_CODES, GRBL_VALUES), min_size=4, max_size=12))
def test_what_passes_runs_on_grbl_without_an_error_or_an_alarm(chance: list[str]) -> None:
    program = kept(chance, CUTTING, HOMED_ROUTER, ["M2"])
    assume(len(program) > len(CUTTING) + 1)
    verdict = check([*program, "M2"], HOMED_ROUTER)
    assert isinstance(verdict, Passed)
    took_s, said = on_a_homed_router([*program, "M2"])
    assert not [text for text in said if text.startswith(("error", "ALARM"))], (program, said)
    assert verdict.estimated_s == pytest.approx(took_s, rel=0.05, abs=0.2)


def on_a_homed_router(program: list[str]) -> tuple[float, list[str]]:
    """How long a program takes with soft limits on, and what the controller says to it."""
    rig = Rig(Grbl("router-1", "router-1.vise", World(["router-1.vise"]), RouterTwin(model="grbl"), Random(1)))
    rig.stream(["$H"])
    began_s, said = rig.now_s, []
    for line in [*program, "G4 P0"]:
        answer = rig.send(f"{line}\n")
        while not any(text.startswith(("ok", "error", "ALARM")) for text in answer):
            due_s = rig.device.wakeup_s
            assert due_s is not None, (line, said)
            answer = rig.until(due_s)
        said += answer
        if any(text.startswith("ALARM") for text in answer):
            break
    return rig.now_s - began_s, said


@settings(max_examples=150, deadline=None)
@given(st.lists(lines(MARLIN_CODES, MARLIN_VALUES), min_size=4, max_size=12))
def test_what_passes_runs_on_marlin_without_a_complaint(chance: list[str]) -> None:
    program = kept(chance, HOT, PRINTER, ["G90"])
    assume(len(program) > len(HOT) + 1)
    verdict = check([*program, "G90"], PRINTER)
    assert isinstance(verdict, Passed)
    took = printed(program)
    complaints = [text for text in took.said if text.startswith(("echo:Unknown", "Error", "echo: cold", "echo: too"))]
    assert not complaints, (program, complaints)
    assert verdict.estimated_s == pytest.approx(took.motion_s, rel=0.05, abs=0.2), program
