"""The real driver on the simulated printer, under every kind of fault: `make prove-serial` fights many more seeds."""

from typing import Any

import pytest

from cellctl.domain.work import Progress
from cellctl_sim.faults import Fault, FaultPlan, Kind, Way
from cellctl_sim.marlin.troubles import TROUBLES
from tests.drivers.marlin_battle import BOOT, Outcome, fight, program_of
from tests.drivers.marlin_faults import ENDS, campaign

SEEDS = range(4)
# All that tells of a boot, as (beginning, which): the second boot's.
_BOOT = [("start", 2), (" External", 1), ("Marlin", 2), ("echo:", 1)]


def test_every_kind_of_fault_has_its_named_ends() -> None:
    assert set(ENDS) == {*Kind, *TROUBLES}


@pytest.mark.parametrize("kind", ENDS)
def test_a_fault_ends_in_its_named_state_and_no_line_is_executed_twice_or_left_out(kind: str) -> None:
    ends, wrongs = campaign(kind, SEEDS)
    assert not wrongs
    assert ends.total() == len(SEEDS)


def test_a_copy_that_is_refused_late_is_no_line_that_was_cut_in_two() -> None:
    """Two copies of a line that was only late: the second is refused after the storm is over, and what it makes us say
    again is a copy once more, whose refusal is no piece of a line."""
    ends, wrongs = campaign(Kind.SPLIT, [155, 335, 565])
    assert (dict(ends), wrongs) == ({"done": 3}, [])


def test_the_same_seed_is_the_same_battle() -> None:
    assert campaign(Kind.FLIP, [7]) == campaign(Kind.FLIP, [7])


@pytest.mark.parametrize(
    ("faults", "end", "reason"),
    [
        ((), "done", ""),
        ((Fault(Kind.RESET, nth=20),), "lost", "the printer restarted: position and heat are gone"),
        ((Fault(Kind.POWER_CUT, nth=20, amount=0.1),), "lost", "the printer restarted: position and heat are gone"),
        ((Fault(Kind.UNPLUG, nth=20, amount=1.0),), "lost", "the cable was pulled"),
        ((Fault("thermal-runaway", nth=20),), "fault", 'says "Thermal Runaway, system stopped! Heater_ID: 0"'),
        ((Fault("kill", nth=20),), "fault", 'says "Printer halted. kill() called!"'),
        ((Fault("stop", nth=20),), "fault", 'says "Printer stopped due to errors.'),
        ((Fault("chill", nth=20),), "fault", "says cold extrusion prevented"),
        ((Fault("filament-out", nth=20),), "held", "The printer waits for somebody"),
        ((Fault("refuse-all", nth=20),), "fault", "asks for line"),
        ((Fault("freeze", nth=20, amount=0.0),), "lost", "nothing was heard"),
        ((Fault("dead-heater", at_s=20.0, amount=0.0),), "fault", "waits for heat that does not come"),
        ((Fault(Kind.REPLACE, nth=20, way=Way.TO_HOST, line="ok", text="o"),), "done", ""),
        ((Fault(Kind.INSERT, rate=0.2, way=Way.TO_HOST, text="wait"),), "done", ""),
        ((Fault(Kind.INSERT, nth=80, way=Way.TO_HOST, text="!! Lost communication with MCU 'mcu'"),), "fault", "says"),
        (
            (Fault("reset", nth=20), Fault(Kind.LOSE, nth=2, way=Way.TO_HOST, line="start")),
            "lost",
            "the printer restarted",
        ),
        (
            (Fault("reset", nth=12), *(Fault(Kind.LOSE, nth=n, way=Way.TO_HOST, line=t) for t, n in _BOOT)),
            "fault",
            "asks",
        ),
    ],
)
def test_what_a_person_is_told(faults: tuple[Fault, ...], end: str, reason: str) -> None:
    outcome = fight(FaultPlan(1, faults), patient=False)
    assert (outcome.end, reason in outcome.reason) == (end, True), outcome.reason
    assert not outcome.wrongs([end])


# ---- the judge sees what is wrong --------------------------------------------------------------------------------


def outcome(executed: list[str], end: str = "done", **changes: Any) -> Outcome:
    program = program_of(6)
    lines = [BOOT, *((line, number) for number, line in enumerate(executed))]
    sent = Progress(6, len(executed), 0, 6, 0)
    usual = {
        "end": end,
        "reason": "",
        "program": program,
        "executed": lines,
        "theirs": (),
        "progress": sent,
        "took_s": 1,
    }
    return Outcome(**{**usual, **changes})


def test_a_judge_who_sees_nothing_wrong_would_have_seen_it() -> None:
    program = program_of(6)
    assert not outcome(program).wrongs(["done"])
    assert "executed twice" in outcome([*program, program[-1]]).wrongs(["done"])[0]
    assert "left out" in outcome([*program[:3], *program[4:]]).wrongs(["done"])[0]
    assert "done with 5 of 6" in outcome(program[:5]).wrongs(["done"])[0]
    assert "ended lost" in outcome(program, "lost").wrongs(["done"])[0]
    assert "at another machine" in outcome(program, theirs=[(program[0], 1)]).wrongs(["done"])[0]
    assert "and it says" in outcome(program, progress=Progress(3, 3, 3, 6, 3)).wrongs(["done"])[0]
