"""True time: every expected duration here is worked out by hand from v, a and s."""

import math

import pytest

from cellctl_sim.heat import Heater
from cellctl_sim.motion import Block, Hold, Limits, Planner
from cellctl_sim.paths import ORIGIN, Vector, arc, straight

LIMITS = Limits((200.0, 200.0, 10.0, 100.0), (1000.0, 1000.0, 100.0, 5000.0), 0.02)


class Log:
    """Writes down what the planner tells."""

    def __init__(self) -> None:
        self.moves: list[tuple[float, bool]] = []
        self.tags: list[tuple[float, object]] = []

    def began(self, block: Block, now_s: float) -> None:
        self.tags.append((now_s, block.tag))

    def moving(self, moving: bool, now_s: float) -> None:
        self.moves.append((round(now_s, 9), moving))


def planner(blocks: int = 16, limits: Limits = LIMITS) -> tuple[Planner, Log]:
    log = Log()
    return Planner(limits, blocks, log), log


def go(plan: Planner, *points: tuple[float, float, float], feed: float = 100.0, start: Vector = ORIGIN) -> None:
    """Queue straight moves through these points."""
    at = start
    for x, y, z in points:
        path = straight(at, (x, y, z, 0.0))
        assert path is not None
        plan.add(path, feed, 0.0, tag=len(points))
        at = path.end


def finish(plan: Planner) -> float:
    """Drive until nothing is due; returns when that was."""
    end_s = 0.0
    while plan.due_s < math.inf:
        end_s = plan.due_s
        plan.advance(end_s)
    return end_s


def test_a_long_move_takes_a_ramp_a_cruise_and_a_ramp() -> None:
    plan, log = planner()
    go(plan, (100, 0, 0))
    assert finish(plan) == pytest.approx(0.1 + 90 / 100 + 0.1)  # v/a, (s - v^2/a)/v, v/a
    assert plan.position(5.0) == (100.0, 0.0, 0.0, 0.0)
    assert log.moves == [(0.0, True), (1.1, False)]


def test_a_short_move_never_reaches_its_feed() -> None:
    plan, _ = planner()
    go(plan, (4, 0, 0))
    assert finish(plan) == pytest.approx(2 * math.sqrt(4 / 1000))


def test_no_axis_goes_faster_or_starts_harder_than_it_can() -> None:
    plan, _ = planner()
    go(plan, (0, 0, 20))  # z: 10 mm/s, 100 mm/s2
    assert finish(plan) == pytest.approx(0.1 + 19 / 10 + 0.1)
    go(plan, (20, 0, 40), start=(0.0, 0.0, 20.0, 0.0))  # 45 degrees: both limits times the square root of 2
    length, v, a = 20 * math.sqrt(2), 10 * math.sqrt(2), 100 * math.sqrt(2)
    assert finish(plan) == pytest.approx(v / a + length / v)


def test_straight_on_there_is_no_slowing_down_between_blocks() -> None:
    one, _ = planner()
    go(one, (60, 0, 0))
    many, _ = planner()
    go(many, *((2.0 * step, 0.0, 0.0) for step in range(1, 16)), (60, 0, 0))
    assert finish(many) == pytest.approx(finish(one))


def test_a_corner_is_passed_at_the_speed_of_the_junction_deviation() -> None:
    plan, log = planner()
    go(plan, (50, 0, 0), (50, 50, 0))
    finish(plan)
    sine = math.sqrt(0.5)
    corner = math.sqrt(1000 * 0.02 * sine / (1 - sine))
    assert 6 < corner < 8
    # One leg: up to 100 mm/s over 5 mm, cruise, down to the corner's speed.
    brake_mm = (100**2 - corner**2) / 2000
    leg_s = 0.1 + (50 - 5 - brake_mm) / 100 + (100 - corner) / 1000
    assert log.tags[1][0] == pytest.approx(leg_s)


def test_a_reversal_comes_to_a_stand() -> None:
    plan, log = planner()
    go(plan, (10, 0, 0), (0, 0, 0))
    assert plan.speed(log.tags[0][0] + 0.1) == pytest.approx(100.0)
    assert finish(plan) == pytest.approx(2 * 0.2)


def test_what_comes_too_late_finds_the_machine_at_a_stand() -> None:
    plan, log = planner()
    go(plan, (10, 0, 0))
    plan.advance(plan.due_s)
    assert log.moves[-1] == (0.2, False)
    go(plan, (20, 0, 0), start=(10.0, 0.0, 0.0, 0.0))
    assert log.moves[-1][1] is True


def test_look_ahead_brakes_early_for_a_row_of_short_blocks() -> None:
    """100 mm/s needs 5 mm to stop: with four blocks of 1 mm at the end it brakes in the long one before them."""
    plan, log = planner()
    go(plan, (50, 0, 0), *((50.0 + step, 0.0, 0.0) for step in range(1, 5)))
    plan.advance(plan.due_s)
    assert plan.speed(log.tags[1][0]) == pytest.approx(math.sqrt(2 * 1000 * 4))
    assert finish(plan) == pytest.approx(0.1 + 44 / 100 + 0.1)


def test_an_arc_takes_its_own_length_and_no_more_speed_than_its_radius_allows() -> None:
    start = (10.0, 0.0, 0.0, 0.0)
    quarter = arc(start, (0.0, 10.0, 0.0, 0.0), (0.0, 0.0), clockwise=False)
    assert quarter.length_mm == pytest.approx(5 * math.pi)
    assert quarter.at(quarter.length_mm / 2)[:2] == pytest.approx((10 * math.sqrt(0.5), 10 * math.sqrt(0.5)))
    assert arc(start, (0.0, 10.0, 0.0, 0.0), (0.0, 0.0), clockwise=True).length_mm == pytest.approx(15 * math.pi)
    full = arc(start, start, (0.0, 0.0), clockwise=True)
    assert full.length_mm == pytest.approx(20 * math.pi)
    helix = arc(start, (10.0, 0.0, 30.0, 0.0), (0.0, 0.0), clockwise=False)
    assert helix.length_mm == pytest.approx(math.hypot(20 * math.pi, 30))
    plan, _ = planner()
    plan.add(full, 150.0, 0.0)
    assert plan.speed(0.2) <= math.sqrt(1000 * 10) + 1e-9


def test_an_arc_joins_its_tangents_without_a_corner() -> None:
    quarter = arc((10.0, 0.0, 0.0, 0.0), (0.0, 10.0, 0.0, 0.0), (0.0, 0.0), clockwise=False)
    assert quarter.heading[:2] == pytest.approx((0.0, 1.0))
    assert quarter.leaving[:2] == pytest.approx((-1.0, 0.0))


def test_a_hold_stops_after_its_braking_distance_and_resumes_where_it_stood() -> None:
    plan, log = planner()
    go(plan, (100, 0, 0))
    plan.hold(0.5)  # at 100 mm/s, 5 + 40 mm along
    assert plan.due_s == pytest.approx(0.6)
    plan.advance(plan.due_s)
    assert plan.holding is Hold.STANDING
    assert plan.position(9.0)[0] == pytest.approx(50.0)  # and v^2/2a = 5 mm further
    assert plan.due_s == math.inf
    plan.resume(20.0)
    assert finish(plan) == pytest.approx(20 + 0.1 + 40 / 100 + 0.1)
    assert log.moves[-1] == (20.6, False)


def test_a_hold_brakes_on_through_the_blocks_that_follow() -> None:
    plan, _ = planner()
    go(plan, *((float(step), 0.0, 0.0) for step in range(1, 16)))
    plan.advance(plan.due_s)
    before, speed = plan.position(plan.due_s)[0], plan.speed(plan.due_s)
    plan.hold(plan.due_s)
    while plan.holding is Hold.BRAKING:
        plan.advance(plan.due_s)
    assert plan.position(9.0)[0] - before == pytest.approx(speed**2 / 2000)
    plan.resume(9.0)
    finish(plan)
    assert plan.position(99.0)[0] == 15.0


def test_a_resume_while_it_still_brakes_is_lost() -> None:
    plan, _ = planner()
    go(plan, (100, 0, 0))
    plan.hold(0.5)
    plan.resume(0.55)
    plan.advance(plan.due_s)
    assert plan.holding is Hold.STANDING


def test_an_abort_leaves_the_axes_where_they_are() -> None:
    plan, log = planner()
    go(plan, (100, 0, 0), (100, 100, 0))
    plan.abort(0.55)
    assert plan.position(9.0)[0] == pytest.approx(50.0)
    assert not plan.busy
    assert log.moves[-1] == (0.55, False)


def test_an_override_changes_the_running_block_too() -> None:
    plan, _ = planner()
    go(plan, (100, 0, 0))
    plan.override(0.5, 1.0, 0.6)  # after 55 mm; down to 50 mm/s in 0.05 s and 3.75 mm, stop takes 1.25 mm
    assert finish(plan) == pytest.approx(0.6 + 0.05 + (45 - 3.75 - 1.25) / 50 + 0.05)
    plan.override(1.0, 1.0, 5.0)
    go(plan, (200, 0, 0), start=(100.0, 0.0, 0.0, 0.0))
    assert finish(plan) == pytest.approx(1.1)


def test_the_queue_is_full_until_the_running_block_ends() -> None:
    plan, _ = planner(blocks=3)
    go(plan, (10, 0, 0), (20, 0, 0), (30, 0, 0))
    assert plan.free == 0
    plan.advance(plan.due_s)
    assert plan.free == 1


# ---- heat --------------------------------------------------------------------------------------------------------


def test_a_heater_reaches_its_target_at_the_instant_it_foretells() -> None:
    bed = Heater(ambient=22.0, heats_celsius_per_s=0.3, cools_in_s=600.0)
    bed.set_target(60.0, 100.0)
    reached_s = bed.reaches_s(60.0)
    assert 120 < reached_s - 100 < 180
    assert bed.celsius(reached_s - 1) < 60.0
    assert bed.celsius(reached_s) == bed.celsius(reached_s + 1000) == 60.0
    assert bed.power(110.0) == 1.0
    assert 0.1 < bed.power(reached_s + 1) < 0.3  # only what is lost to the room


def test_a_heater_that_is_off_cools_towards_the_room() -> None:
    bed = Heater(ambient=22.0, heats_celsius_per_s=0.3, cools_in_s=600.0)
    bed.set_target(60.0, 0.0)
    bed.set_target(0.0, 1000.0)
    cold_s = bed.reaches_s(40.0)
    assert 360 < cold_s - 1000 < 600
    assert bed.celsius(cold_s) == pytest.approx(40.0)
    assert bed.reaches_s(20.0) == math.inf
    assert bed.celsius(1e6) == pytest.approx(22.0)
    assert bed.power(1500.0) == 0.0


def test_a_target_beyond_its_power_is_never_reached() -> None:
    weak = Heater(ambient=20.0, heats_celsius_per_s=0.1, cools_in_s=100.0)
    weak.set_target(60.0, 0.0)
    assert weak.reaches_s(60.0) == math.inf
    assert weak.celsius(1e6) == pytest.approx(30.0)
