"""Every rule of the world, seen to fail."""

from collections.abc import Callable

import pytest

from cellctl_sim.world import RULES, World

PLACES = ("printer-1.bed", "router-1.vise", "infeed.1", "infeed.2", "arm-1.gripper", "arm-2.gripper")


def world_with_part(place: str = "printer-1.bed") -> World:
    """A cell in which one finished part lies, cold, at this place."""
    world = World(PLACES)
    world.deposit("printer-1", "printer-1.bed", 0.0)
    world.finish_print("printer-1", "printer-1.bed", 10.0)
    if place != "printer-1.bed":
        world.person_moves("printer-1.bed", place, 11.0)
    return world


def spindle_turns_and_arm_comes() -> World:
    world = World(PLACES)
    world.set_spindle("router-1", True, 1.0)
    world.enter("arm-1", "router-1", 2.0)
    return world


def arm_is_in_and_spindle_starts() -> World:
    world = World(PLACES)
    world.enter("arm-1", "router-1", 1.0)
    world.set_spindle("router-1", True, 2.0)
    return world


def machine_moves_and_arm_comes() -> World:
    world = World(PLACES)
    world.set_moving("printer-1", True, 1.0)
    world.enter("arm-1", "printer-1", 2.0)
    return world


def arm_is_in_and_machine_moves() -> World:
    world = World(PLACES)
    world.enter("arm-1", "printer-1", 1.0)
    world.set_moving("printer-1", True, 2.0)
    world.set_moving("printer-1", True, 2.1)
    return world


def two_arms_come() -> World:
    world = World(PLACES)
    world.enter("arm-1", "printer-1", 1.0)
    world.enter("arm-2", "printer-1", 2.0)
    return world


def person_reaches_in_beside_the_arm() -> World:
    world = world_with_part("infeed.1")
    world.enter("arm-1", "infeed", 20.0)
    world.person_moves("infeed.1", "gone", 21.0)
    return world


def spindle_starts_behind_an_open_door() -> World:
    world = World(PLACES)
    world.set_door("router-1", True, 1.0)
    world.set_spindle("router-1", True, 2.0)
    return world


def door_opens_before_a_turning_spindle() -> World:
    world = World(PLACES)
    world.set_spindle("router-1", True, 1.0)
    world.set_door("router-1", True, 2.0)
    return world


def person_puts_a_part_onto_another() -> World:
    world = world_with_part("infeed.1")
    world.deposit("printer-1", "printer-1.bed", 20.0)
    world.finish_print("printer-1", "printer-1.bed", 30.0)
    world.person_moves("printer-1.bed", "infeed.1", 31.0)
    return world


def arm_puts_a_part_onto_another() -> World:
    world = world_with_part("infeed.1")
    world.deposit("printer-1", "printer-1.bed", 20.0)
    take(world, "printer-1.bed")
    world.enter("arm-1", "infeed", 40.0)
    world.release("arm-1", "infeed.1", 41.0)
    return world


def arm_with_a_full_gripper_grips_again() -> World:
    world = world_with_part("infeed.1")
    world.deposit("printer-1", "printer-1.bed", 20.0)
    take(world, "printer-1.bed")
    world.enter("arm-1", "infeed", 40.0)
    world.grip("arm-1", "infeed.1", 41.0)
    return world


def arm_lets_go_on_the_way() -> World:
    world = world_with_part()
    take(world, "printer-1.bed")
    world.release("arm-1", "", 40.0)
    return world


def arm_grips_an_empty_place() -> World:
    world = World(PLACES)
    world.enter("arm-1", "printer-1", 1.0)
    world.grip("arm-1", "printer-1.bed", 2.0)
    return world


def arm_takes_a_hot_part() -> World:
    world = world_with_part()
    world.set_surface_celsius("printer-1.bed", 45.1, 20.0)
    take(world, "printer-1.bed")
    return world


def printer_prints_onto_a_finished_part() -> World:
    world = world_with_part()
    world.deposit("printer-1", "printer-1.bed", 20.0)
    world.deposit("printer-1", "printer-1.bed", 20.1)
    return world


def router_cuts_an_empty_vise() -> World:
    world = World(PLACES)
    world.set_spindle("router-1", True, 1.0)
    world.cut("router-1", "router-1.vise", "engraved", 2.0)
    world.cut("router-1", "router-1.vise", "engraved", 2.1)
    return world


def world_with_pallet() -> World:
    """A raw piece on a pallet, and both in the gripper of an arm."""
    places = ("stand-a.1", "stand-b.1", "pallet-1.1", "desk.1", "arm-1.gripper")
    world = World(places, carriers={"pallet-1": "stand-a.1"})
    world.person_moves("", "pallet-1.1", 1.0)
    take(world, "stand-a.1")
    return world


def person_takes_a_part_from_a_pallet_in_a_gripper() -> World:
    world = world_with_pallet()
    world.person_moves("pallet-1.1", "desk.1", 40.0)
    return world


def take(world: World, place: str) -> None:
    world.enter("arm-1", place.partition(".")[0], 30.0)
    world.grip("arm-1", place, 31.0)
    world.leave("arm-1", place.partition(".")[0], 32.0)


PLANTED: list[tuple[str, Callable[[], World]]] = [
    ("arm-in-zone-while-spindle-turns", spindle_turns_and_arm_comes),
    ("arm-in-zone-while-spindle-turns", arm_is_in_and_spindle_starts),
    ("arm-in-zone-while-machine-moves", machine_moves_and_arm_comes),
    ("machine-moves-with-arm-in-zone", arm_is_in_and_machine_moves),
    ("two-arms-in-one-zone", two_arms_come),
    ("person-and-arm-in-one-zone", person_reaches_in_beside_the_arm),
    ("spindle-with-door-open", spindle_starts_behind_an_open_door),
    ("spindle-with-door-open", door_opens_before_a_turning_spindle),
    ("two-parts-in-one-place", person_puts_a_part_onto_another),
    ("two-parts-in-one-place", arm_puts_a_part_onto_another),
    ("two-parts-in-one-place", arm_with_a_full_gripper_grips_again),
    ("part-dropped", arm_lets_go_on_the_way),
    ("gripped-nothing", arm_grips_an_empty_place),
    ("part-gripped-hot", arm_takes_a_hot_part),
    ("print-on-occupied-bed", printer_prints_onto_a_finished_part),
    ("cut-without-part", router_cuts_an_empty_vise),
    ("part-on-moving-carrier", person_takes_a_part_from_a_pallet_in_a_gripper),
]


@pytest.mark.parametrize(("rule", "plant"), PLANTED, ids=[plant.__name__ for _, plant in PLANTED])
def test_the_world_notices(rule: str, plant: Callable[[], World]) -> None:
    """Each planted violation is noted once, under its name and nothing else."""
    violations = plant().violations
    assert [line.split()[1] for line in violations] == [f"{rule}:"]
    assert violations[0].startswith("t=")


def test_every_rule_is_planted() -> None:
    assert {rule for rule, _ in PLANTED} == set(RULES)


def test_a_part_on_its_way_through_the_cell_breaks_no_rule_and_remembers_its_way() -> None:
    world = world_with_part()
    world.set_surface_celsius("printer-1.bed", 40.0, 20.0)
    take(world, "printer-1.bed")
    world.enter("arm-1", "router-1", 40.0)
    assert world.release("arm-1", "router-1.vise", 41.0)
    world.leave("arm-1", "router-1", 42.0)
    world.set_spindle("router-1", True, 43.0)
    for step in range(100):
        world.cut("router-1", "router-1.vise", "engraved", 44.0 + step)
    world.set_spindle("router-1", False, 150.0)
    world.person_moves("router-1.vise", "gone", 160.0)
    (part,) = world.parts
    assert world.violations == []
    assert part.place == "gone"
    assert [line.partition(" ")[2] for line in part.history] == [
        "printed by printer-1",
        "finished by printer-1",
        "arm-1.gripper by arm-1",
        "router-1.vise by arm-1",
        "engraved by router-1",
        "gone by a person",
    ]


def test_what_is_on_a_pallet_goes_with_it_and_is_found_only_where_that_is() -> None:
    world = world_with_pallet()
    assert world.station_of("pallet-1.1") == "arm-1"
    world.enter("arm-1", "stand-b", 40.0)
    world.release("arm-1", "stand-b.1", 41.0)
    assert (world.station_of("pallet-1.1"), world.parts[0].place) == ("stand-b", "pallet-1.1")
    world.leave("arm-1", "stand-b", 42.0)
    world.enter("arm-1", "stand-a", 50.0)
    assert not world.grip("arm-1", "pallet-1.1", 51.0), "it stood there before"
    world.leave("arm-1", "stand-a", 52.0)
    take(world, "stand-b.1")
    assert world.part_at("arm-1.gripper") is world.carriers["pallet-1"]


def test_a_pallet_that_fell_is_picked_up_with_what_was_on_it() -> None:
    world = world_with_pallet()
    world.lose("arm-1", "", 40.0)
    assert world.carriers["pallet-1"].place == "floor"
    world.person_moves("pallet-1", "stand-b.1", 50.0)
    assert world.part_at("stand-b.1") is world.carriers["pallet-1"]
    assert world.violations == []


def test_a_dropped_part_is_on_the_floor_and_the_gripper_is_empty() -> None:
    world = arm_lets_go_on_the_way()
    assert world.parts[0].place == "floor"
    assert world.part_at("arm-1.gripper") is None


def test_a_rule_broken_again_is_noted_again() -> None:
    world = arm_is_in_and_machine_moves()
    world.set_moving("printer-1", False, 3.0)
    world.set_moving("printer-1", True, 4.0)
    assert len(world.violations) == 2


def test_an_unfinished_print_may_be_printed_on() -> None:
    world = World(PLACES)
    for now_s in (1.0, 2.0, 3.0):
        world.deposit("printer-1", "printer-1.bed", now_s)
    assert world.violations == []
    assert world.part_at("printer-1.bed") is world.parts[0]


def test_a_person_who_finds_nothing_moves_nothing() -> None:
    world = World(PLACES)
    world.person_moves("infeed.1", "infeed.2", 1.0)
    assert (world.part_at("infeed.2"), world.violations) == (None, [])


def test_a_person_is_not_sent_to_a_place_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        world_with_part().person_moves("printer-1.bed", "attic.1", 1.0)


def test_a_person_brings_a_raw_piece_from_nowhere_and_only_onto_a_free_place() -> None:
    world = World(["bench-1.desk"])
    world.person_moves("", "bench-1.desk", 1.0)
    world.person_moves("bench-1.desk", "bench-1.desk", 2.0)
    assert world.part_at("bench-1.desk") is world.parts[0]
    assert (world.violations, world.places) == ([], ("bench-1.desk",))
    world.person_moves("", "bench-1.desk", 3.0)
    assert "two-parts-in-one-place" in world.violations[0]
