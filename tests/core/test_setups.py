"""The set-up matrix: rules of the cell file, and what is learned from measured change-overs."""

import pytest

from cellctl.core.cell import apply, empty
from cellctl.core.changeover import matrix
from cellctl.core.setups import Matrix, differing, learned
from cellctl.domain.events import SetupChanged
from cellctl.domain.work import Changeovers, ChangeRule, Plan, Station

RULES = Changeovers(
    (
        ChangeRule(None, "nozzle", station="old-*"),
        ChangeRule(900.0, "material", source="petg*"),
        ChangeRule(480.0, "material", target="petg*"),
        ChangeRule(30.0, "plate", program="swap"),
        ChangeRule(240.0, "material"),
    ),
    default_s=600.0,
)
HAVE = {"material": "pla-black", "nozzle": "0.4", "plate": "smooth"}


def test_only_what_differs_is_changed() -> None:
    assert differing(HAVE, {"material": "pla-black", "nozzle": "0.6"}) == (("nozzle", "0.4", "0.6"),)
    assert differing({}, {"plate": "smooth"}) == (("plate", "", "smooth"),)
    assert differing(HAVE, {}) == ()


@pytest.mark.parametrize(
    ("need", "takes_s"),
    [
        ({"material": "pla-red"}, 240.0),
        ({"material": "petg-red"}, 480.0),
        ({"fixture": "vise"}, 600.0),
        ({"material": "petg-red", "fixture": "vise"}, 1080.0),
        ({}, 0.0),
    ],
)
def test_the_first_rule_that_matches_counts_and_dimensions_add_up(need: dict[str, str], takes_s: float) -> None:
    change = Matrix(RULES, {}).change("printer-1", HAVE, need)
    assert change is not None
    assert change.takes_s == change.late_s == takes_s


def test_what_a_rule_forbids_is_not_done_and_without_a_default_what_none_allows() -> None:
    need = {"nozzle": "0.6"}
    assert Matrix(RULES, {}).change("old-1", HAVE, need) is None
    assert Matrix(RULES, {}).change("new-1", HAVE, need) is not None
    assert Matrix(Changeovers((), default_s=None), {}).change("new-1", HAVE, need) is None


def test_dimensions_that_are_changed_at_the_same_time_take_as_long_as_the_longest() -> None:
    both = Changeovers(RULES.rules, 600.0, parallel=True)
    change = Matrix(both, {}).change("printer-1", HAVE, {"material": "petg-red", "fixture": "vise"})
    assert change is not None
    assert change.takes_s == 600.0


def test_a_machine_changes_over_by_itself_only_if_it_can_do_all_of_it() -> None:
    known = Matrix(RULES, {})
    alone = known.change("printer-1", HAVE, {"plate": "rough"})
    more = known.change("printer-1", HAVE, {"plate": "rough", "material": "pla-red"})
    assert (alone and alone.program, more and more.program) == ("swap", "")


def test_measured_times_move_the_mean_and_say_what_85_of_100_stay_below() -> None:
    measured: dict[str, tuple[float, ...]] = {}
    for took_s in (300.0,) * 8 + (900.0,) * 2:
        measured = dict(learned(RULES, measured, SetupChanged("p", {"material": "pla-red"}, "eve", took_s), HAVE))
    change = Matrix(RULES, measured).change("p", HAVE, {"material": "pla-red"})
    assert change is not None
    assert change.takes_s == pytest.approx((240 + 8 * 300 + 2 * 900) / 11)
    assert change.late_s == 900.0
    other = Matrix(RULES, measured).change("p", {"material": "pla-blue"}, {"material": "pla-red"})
    assert other is not None
    assert other.takes_s == 240.0


def test_the_time_of_several_dimensions_is_shared_out_and_a_night_does_not_count_as_work() -> None:
    event = SetupChanged("p", {"material": "pla-red", "fixture": "vise"}, "eve", 1680.0)
    assert learned(RULES, {}, event, HAVE) == {
        "p fixture:  > vise": (1200.0,),
        "p material: pla-black > pla-red": (480.0,),
    }
    night = SetupChanged("p", {"material": "pla-red"}, "eve", 40_000.0)
    assert learned(RULES, {}, night, HAVE) == {"p material: pla-black > pla-red": (960.0,)}
    unknown = SetupChanged("p", {"material": "pla-red"}, "eve")
    assert learned(RULES, {}, unknown, HAVE) == {}


def test_the_cell_learns_from_its_log_and_keeps_the_set_up_over_a_start() -> None:
    cell = empty(Plan("c", {"p": Station("p", "marlin", ("fdm",), ("bed",), setup=HAVE)}, changeovers=RULES))
    cell = apply(cell, SetupChanged("p", {"material": "pla-red"}, "eve", 360.0))
    assert cell.stations["p"].setup == {**HAVE, "material": "pla-red"}
    change = matrix(cell).change("p", HAVE, {"material": "pla-red"})
    assert change is not None
    assert change.takes_s == 300.0
    assert apply(cell, SetupChanged("gone", {"material": "x"}, "eve", 5.0)).stations == cell.stations
