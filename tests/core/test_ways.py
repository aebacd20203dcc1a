"""A step that can be done in several ways: which one is taken is decided when it begins, and not before."""

from dataclasses import replace

from cellctl.core.dispatch import next_operation
from cellctl.core.ways import way_of
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Directive, OperationState, Plan, Program, Station, Step, Way
from tests.core.shop import Shop

PRINTED = Program("aa", "body.gcode", 100)
MILLED = Program("bb", "body.nc", 50)
PRINT = Way("fdm", PRINTED, instruction="Print the body.")
MILL = Way("mill", MILLED, machine_type="small")
CARVE = Way("carve", instruction="Carve it out of the block.")


def plan(*more: Station) -> Plan:
    printer = Station("printer-1", "marlin", ("fdm",), ("bed",))
    return Plan("ways", {station.name: station for station in (printer, *more)})


def shop(*more: Station) -> Shop:
    made = Shop(plan(*more))
    made.wake()
    return made


def body(*ways: Way) -> Directive:
    return Directive("body", "A", {}, (Step("shape", ways),))


MILL_1 = Station("mill-1", "grbl", ("mill",), ("vise",), type="small")
BENCH = Station("bench-1", "manual", ("carve", "fdm"), ("desk",))


def test_the_first_way_is_taken_and_the_next_one_while_that_is_busy() -> None:
    floor = shop(MILL_1, BENCH)
    floor.order(quantity=3, directive=body(PRINT, MILL, CARVE))
    assert [(each.station, each.way, each.program) for each in floor.started] == [
        ("printer-1", 0, PRINTED),
        ("mill-1", 1, MILLED),
        ("bench-1", 2, None),
    ]
    assert [way_of(floor.cell, each) for each in floor.started] == [PRINT, MILL, CARVE]


def test_a_program_for_one_type_of_machine_is_given_to_no_other() -> None:
    floor = shop(replace(MILL_1, type="large"))
    floor.order(directive=body(MILL))
    (reason,) = next_operation(floor.cell, floor.cell.jobs["job-1"])
    assert (reason.code, reason.sentence) == ("no_capability", "no station of this cell can mill")
    floor = shop(replace(MILL_1, type="large"), Station("mill-2", "small", ("mill",), ("vise",)))
    floor.order(directive=body(MILL))
    assert floor.started[0].station == "mill-2"


def test_moving_a_step_from_a_machine_to_a_person_changes_the_cell_file_only() -> None:
    floor = Shop(plan(replace(BENCH, capabilities=("mill",))))
    floor.wake()
    floor.order(directive=body(replace(MILL, instruction="Mill the pocket at the old machine.")))
    (made,) = floor.started
    assert (made.station, made.program) == ("bench-1", None)
    assert made.question is not None
    assert made.question.choices == ("done", "scrap")
    assert "Mill the pocket at the old machine." in made.question.text
    floor.feed(ev.OperationEnded(made.id, OperationState.DONE, answer="done", by="eve"))
    assert floor.cell.jobs["job-1"].state.name == "ENDED"


def test_a_person_who_spoils_a_part_scraps_it_and_another_one_is_made() -> None:
    floor = shop(BENCH)
    floor.order(directive=body(CARVE))
    (made,) = floor.started
    floor.feed(ev.OperationEnded(made.id, OperationState.DONE, answer="scrap", by="eve"))
    floor.feed(ev.StationChanged("bench-1", MachineState.IDLE))
    assert [job.state.name for job in floor.cell.jobs.values()] == ["ABORTED", "RUNNING"]


def test_a_way_that_is_not_for_hands_is_not_given_to_a_person() -> None:
    floor = Shop(plan(BENCH))
    floor.wake()
    floor.feed(ev.ContactLost("printer-1", "cable"))
    floor.order(directive=body(replace(PRINT, by_hand=False)))
    assert floor.started == []
    floor.order(directive=body(PRINT))
    assert [each.station for each in floor.started] == ["bench-1"]


def test_where_the_best_way_is_unfit_for_a_station_it_may_take_another_one() -> None:
    large = Station("both", "marlin", ("fdm", "mill"), ("bed",), type="small")
    floor = Shop(Plan("ways", {"both": large}))
    floor.wake()
    floor.order(directive=body(replace(PRINT, unfit={"both": "too small"}), MILL))
    assert [each.way for each in floor.started] == [1]
