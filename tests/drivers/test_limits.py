"""The limits of the cell file beside those that a machine tells of itself: the narrower ones hold."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from cellctl.domain.errors import NotAllowed
from cellctl.gcode.preflight import check
from cellctl.gcode.rules import MachineLimits, MachineRules
from cellctl.gcode.verdict import Passed, Reason, Refused
from cellctl_drivers.grbl.driver import FAMILY as GRBL
from cellctl_drivers.grbl.driver import GrblOptions
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.rules import RouterLimits, Told
from cellctl_drivers.grbl.rules import rules as router_rules
from cellctl_drivers.manual.driver import FAMILY as MANUAL
from cellctl_drivers.manual.driver import ManualOptions
from cellctl_drivers.marlin.answers import Kind, area, read
from cellctl_drivers.marlin.driver import FAMILY as MARLIN
from cellctl_drivers.marlin.driver import MarlinOptions
from cellctl_drivers.marlin.rules import PrinterLimits
from cellctl_drivers.marlin.rules import rules as printer_rules
from cellctl_drivers.serial_arm.options import SerialArmOptions

PRINTER: dict[str, Any] = {
    "travel_mm": (220, 210, 200),
    "max_feed_mm_per_min": (12000, 12000, 720, 7200),
    "max_acceleration_mm_per_s2": (1500, 1500, 100, 5000),
    "acceleration_mm_per_s2": 1000,
    "jerk_mm_per_s": 8,
    "nozzle_max_celsius": 260,
}
ROUTER: dict[str, Any] = {
    "travel_mm": (300, 180, 45),
    "max_feed_mm_per_min": (3000, 3000, 1000),
    "max_acceleration_mm_per_s2": (200, 200, 100),
    "most_rpm": 12000,
}
PRINT = ["G28", "M109 S210", "G90", "M83", "G1 X150 F3000"]
CUT = ["G21 G90 G54", "M3 S9000", "G0 Z3", "G0 X10", "G1 Z-1 F300", "G0 Z3", "M5"]
SETTINGS = {110: 3000, 111: 3000, 112: 1000, 120: 200, 121: 200, 122: 100, 130: 200, 131: 180, 132: 45}


def reasons(program: list[str], rules: MachineRules) -> set[Reason]:
    verdict = check(program, rules)
    return set(verdict.counts) if isinstance(verdict, Refused) else set()


def told(**settings: float) -> MachineLimits:
    """What a Grbl with these settings says of itself; its G54 begins 150, 150 and 30 mm from the homing corner."""
    portrait = Portrait()
    given = SETTINGS | {int(name[1:]): value for name, value in settings.items()}
    for line in (*(f"${number}={value}" for number, value in given.items()), "[G54:-150.0,-150.0,-30.0]"):
        portrait.hear(line)
    limits = portrait.limits
    assert limits is not None
    return limits


# ---- printers ----------------------------------------------------------------------------------------------------


def test_the_area_that_m115_reports_narrows_what_the_cell_file_allows() -> None:
    limits = PrinterLimits(**PRINTER)
    assert reasons(PRINT, printer_rules(limits)) == set()
    assert reasons(PRINT, printer_rules(limits, ((0, 0, 0), (100, 300, 300)))) == {Reason.OUT_OF_TRAVEL}
    narrowed = printer_rules(limits, ((-5, 0, 0), (300, 100, 300))).limits.envelope
    assert (narrowed.least_mm, narrowed.most_mm) == ((0, 0, 0), (220, 100, 200))


def test_without_limits_the_reported_area_holds_and_nothing_else_that_nobody_knows() -> None:
    open_rules = MARLIN.rules(MarlinOptions(port="x"))
    assert reasons([*PRINT, "G1 X9000 F90000", "M109 S400", "T3"], open_rules) == set()
    assert reasons([*PRINT, "M500", "G1 X?1"], open_rules) == {Reason.DANGEROUS_CODE, Reason.BAD_BYTE}
    assert reasons(PRINT, printer_rules(None, ((0, 0, 0), (100, 100, 100)))) == {Reason.OUT_OF_TRAVEL}
    assert not open_rules.timed


def test_an_area_that_contradicts_the_cell_file_is_a_refusal_by_itself() -> None:
    with pytest.raises(NotAllowed, match="contradict the area that M115 reports: travel of X"):
        printer_rules(PrinterLimits(**PRINTER), ((-300, 0, 0), (-10, 100, 100)))


def test_the_area_of_m115_is_read_as_marlin_writes_it_and_left_alone_where_it_is_damaged() -> None:
    box = "min:{x:-5.0000,y:0.0000,z:0.0000},max:{x:220.0000,y:210.5000,z:240.0000}"
    answer = read(f"area:{{full:{{{box}}},work:{{min:{{x:0,y:0,z:0}},max:{{x:1,y:1,z:1}}}}}}".encode())
    assert answer.kind is Kind.AREA
    assert area(answer.text) == ((-5, 0, 0), (220, 210.5, 240))
    assert area("full:{min:{x:0,y:0,z:0},max:{x:220,y:2") is None
    assert area("full:{min:{x:9,y:0,z:0},max:{x:2,y:2,z:2}}") is None


def test_classic_jerk_stands_for_the_junction_deviation_that_marlin_makes_of_it() -> None:
    assert PrinterLimits(**PRINTER).pace.junction_deviation_mm == pytest.approx(0.4 * 8 * 8 / 1000)


# ---- routers -----------------------------------------------------------------------------------------------------


def test_travel_is_checked_with_the_offsets_of_the_cell_file_or_else_once_the_controller_has_told_them() -> None:
    unknown = RouterLimits(**ROUTER)
    known = RouterLimits(**ROUTER, work_offsets_mm={"G54": (-5, -100, -20)})
    assert reasons(CUT, router_rules(unknown)) == set()
    assert reasons(CUT, router_rules(known)) == {Reason.OUT_OF_TRAVEL}
    assert reasons(CUT, router_rules(known, Told(told(), homes=True, grblhal=False))) == set()
    elsewhere = replace(told().envelope, work_offsets_mm={54: (-5, -100, -20)})
    moved = replace(told(), envelope=elsewhere)
    assert reasons(CUT, router_rules(unknown, Told(moved, homes=True, grblhal=False))) == {Reason.OUT_OF_TRAVEL}


def test_of_two_travels_and_two_spindles_the_smaller_holds() -> None:
    rules = router_rules(RouterLimits(**ROUTER), Told(told(_30=8000), homes=True, grblhal=False))
    assert rules.limits.envelope.least_mm == (-200, -180, -45)
    assert rules.limits.spindle is not None
    assert rules.limits.spindle.most_rpm == 8000
    assert reasons(CUT, rules) == {Reason.SPINDLE_SPEED}


def test_travel_of_a_controller_that_does_not_home_counts_beside_ends_in_its_own_coordinates_only() -> None:
    def ends(**limits: Any) -> tuple[float, float]:
        table = RouterLimits(**{key: value for key, value in ROUTER.items() if key != "travel_mm"}, **limits)
        envelope = router_rules(table, Told(told(), homes=False, grblhal=False)).limits.envelope
        return envelope.least_mm[0], envelope.most_mm[0]

    assert ends(travel_mm=(300, 180, 45)) == (-200, 0)
    assert ends(min_mm=(0, 0, 0), max_mm=(300, 180, 45)) == (0, 300)
    assert not router_rules(None, Told(told(), homes=False, grblhal=False)).limits.envelope.bounded
    assert router_rules(None, Told(told(), homes=True, grblhal=False)).limits.envelope.bounded


def test_a_build_that_sets_its_origin_where_it_homes_travels_upwards_there() -> None:
    portrait = Portrait()
    for line in (*(f"${number}={value}" for number, value in SETTINGS.items()), "$22=1", "$23=1", "[OPT:VZ,15,128]"):
        portrait.hear(line)
    assert portrait.homes
    assert portrait.limits is not None
    envelope = portrait.limits.envelope
    assert (envelope.least_mm, envelope.most_mm) == ((0, -180, -45), (200, 0, 0))


def test_without_limits_a_router_is_checked_for_its_language_and_by_what_it_tells() -> None:
    open_rules = GRBL.rules(GrblOptions(port="x"))
    assert reasons([*CUT, "G0 X9000", "M6", "G28"], open_rules) == set()
    assert reasons([*CUT, "$X", "G5"], open_rules) == {Reason.CONTROLLER_COMMAND, Reason.UNKNOWN_CODE}
    by_itself = router_rules(None, Told(told(), homes=True, grblhal=False))
    assert reasons([*CUT, "G0 X200"], by_itself) == {Reason.OUT_OF_TRAVEL}
    assert (open_rules.timed, by_itself.timed) == (False, True)


def test_it_is_known_where_a_program_begins_once_the_machine_stands_there() -> None:
    from_there = replace(told().envelope, starts_at_mm=(-150.0, -150.0, -30.0))
    rules = router_rules(RouterLimits(**ROUTER), Told(replace(told(), envelope=from_there), homes=True, grblhal=False))
    program = ["G21 G91", "G0 X9", "G90"]
    assert isinstance(check(program, rules), Passed)
    assert reasons(program, router_rules(RouterLimits(**ROUTER))) == {Reason.POSITION_UNKNOWN}


# ---- others ------------------------------------------------------------------------------------------------------


def test_who_runs_no_programs_has_no_rules() -> None:
    assert MANUAL.rules(ManualOptions()) is None


def test_a_taught_position_beyond_an_arms_limits_is_a_mistake_in_the_cell_file() -> None:
    places = {"a.1": {"at": {"X": 100, "Z": -20}}, "b.1": {"at": {"X": 200, "Z": 0}}}
    table = {"port": "x", "places": places, "home": {"X": 0, "Z": 100}}
    SerialArmOptions.model_validate(table)
    SerialArmOptions.model_validate({**table, "limits": {"min": {"Z": -20}, "max": {"X": 200}}})
    with pytest.raises(ValidationError, match=r"home has Z 100; limits allow -10 to 90; places\.a\.1\.at has Z -20"):
        SerialArmOptions.model_validate({**table, "limits": {"min": {"Z": -10}, "max": {"Z": 90}}})
