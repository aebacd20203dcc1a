"""A simulated cell made from a cell file, and the mistakes that such a file can have."""

from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from cellctl.domain.errors import ConfigError
from cellctl.ports import SimulatedCell
from cellctl_sim.cell import simulate
from cellctl_sim.person import Person

NAMEPLATE = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"


def mistakes(settings: dict[str, Any], path: Path = NAMEPLATE) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        simulate(path, settings, seed=1)
    return refused.value.mistakes


def test_every_machine_of_the_nameplate_cell_has_its_twin() -> None:
    cell: SimulatedCell = simulate(NAMEPLATE, {}, seed=1)
    assert list(cell.byte_devices) == ["printer-1", "printer-2", "router-1"]
    assert list(cell.node_devices) == ["arm-1"]
    assert cell.violations == []


def test_every_place_of_the_cell_file_is_in_the_world() -> None:
    assert simulate(NAMEPLATE, {}, seed=1).world.places == (
        "printer-1.bed",
        "printer-2.bed",
        "router-1.vise",
        "arm-1.gripper",
        "bench-1.desk",
        "infeed.1",
        "infeed.2",
        "infeed.3",
        "outfeed.1",
        "outfeed.2",
        "outfeed.3",
    )


def test_the_arm_knows_a_program_for_every_pair_of_places_it_reaches() -> None:
    arm = simulate(NAMEPLATE, {}, seed=1).node_devices["arm-1"]
    load, unload = (next(p for p in arm.methods if p[-1].endswith(n)) for n in (";LoadByName", ";UnloadProgram"))
    assert arm.call(load, ["carry:printer-2.bed>outfeed.3"], 0.0) == (0,)
    assert arm.call(unload, [], 0.0) == (0,)
    assert arm.call(load, ["carry:printer-2.bed>bench-1.desk"], 0.0) == (-1,)


def test_settings_override_the_file() -> None:
    cell = simulate(NAMEPLATE, {"machines.arm-1.url": "opc.tcp://127.0.0.1:5000/arm-1"}, seed=1)
    assert cell.file.machines["arm-1"].url == "opc.tcp://127.0.0.1:5000/arm-1"


def test_the_same_seed_is_the_same_person() -> None:
    def answers(seed: int) -> list[tuple[float, str]]:
        cell = simulate(NAMEPLATE, {}, seed)
        return [cell.person_answers("Is it flat?", ["accept", "scrap"], "bench-1") for _ in range(3)]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_a_person_takes_about_as_long_as_the_file_says() -> None:
    person = Person(40.0, Random(1))
    for _ in range(100):
        took_s, choice = person.answers("Is it flat?", ["accept", "scrap"], "bench-1")
        assert 32.0 <= took_s <= 48.0
        assert choice == "accept"


def test_a_question_elsewhere_is_answered_by_the_first_person() -> None:
    took_s, _ = simulate(NAMEPLATE, {}, seed=1).person_answers("Where is the part?", ["gone"], "router-1")
    assert took_s > 0


def test_all_mistakes_are_told_at_once_with_file_key_and_what_was_found() -> None:
    found = mistakes({"machines.printer-1.sim.size_mm": [220, -1, 240], "machines.arm-1.sim.move_s": "slow"})
    assert len(found) == 2
    assert all(line.startswith(f"{NAMEPLATE}: machines.") for line in found)
    assert "machines.printer-1.sim.size_mm.1: Input should be greater than 0, got -1" in found[0]
    assert "machines.arm-1.sim.move_s" in found[1]
    assert "'slow'" in found[1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"machines.printer-1.sim.colour": "red"}, "machines.printer-1.sim.colour is not known; known are model, uuid"),
        (
            {"machines.printer-1.sim.model": "loom"},
            "sim.model must be one of marlin, grbl, robot, handshake, machine_tool, serial_arm, person",
        ),
        (
            {"machines.printer-1.sim": {}},
            "sim.model must be one of marlin, grbl, robot, handshake, machine_tool, serial_arm, person",
        ),
        ({"machines.new": {"slots": ["bed"]}}, "machines.new.sim is missing"),
        ({"machines.printer-1.slots": []}, "machines.printer-1.slots"),
        ({"machines.printer-1.port": "/dev/ttyUSB0"}, "must be a path below the devices folder, got '/dev/ttyUSB0'"),
        ({"machines.printer-1.port": "../x"}, "must be a path below the devices folder"),
        ({"machines.printer-1.port": ""}, "must be a path below the devices folder"),
        ({"machines.arm-1.reach": ["attic"]}, "machines.arm-1.reach must name stations"),
        ({"machines.arm-1.slots": ["claw"]}, 'machines.arm-1.slots must be ["gripper"] for an arm'),
        ({"machines.arm-1.url": "http://127.0.0.1"}, "machines.arm-1.url must begin with opc.tcp://"),
        ({"machines.arm-9.url": "opc.tcp://x"}, "the cell file has no table machines.arm-9"),
    ],
)
def test_a_mistake_is_answered_with_its_key_and_what_is_allowed(settings: dict[str, Any], sentence: str) -> None:
    (found,) = mistakes(settings)
    assert sentence in found


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "cell.toml"
    broken.write_text("[machines\n")
    assert "cell.toml: cannot be read" in mistakes({}, broken)[0]
    assert "cannot be read" in mistakes({}, tmp_path / "absent.toml")[0]


def test_a_cell_file_says_what_goes_wrong() -> None:
    cell = simulate(NAMEPLATE, {"machines.printer-1.sim.faults": [{"kind": "reset", "at_s": 5.0}]}, seed=1)
    device = cell.byte_devices["printer-1"]
    device.transmit(0.0)
    device.advance(5.0)
    assert device.transmit(5.0).startswith(b"start\n External Reset")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"kind": "flood", "nth": 1}, "machines.printer-1.sim.faults: kind must be one of flip, spoil"),
        ({"kind": "flip"}, "the fault 'flip' must have one of at_s, nth and rate"),
        ({"kind": "flip", "nth": 1, "bits": 2}, "sim.faults.0.bits is not known; known are kind, at_s, nth"),
        ({"kind": "flip", "rate": 2.0}, "sim.faults.0.rate: Input should be less than or equal to 1, got 2.0"),
    ],
)
def test_a_fault_that_makes_no_sense_is_answered_with_its_key(fault: dict[str, Any], sentence: str) -> None:
    (found,) = mistakes({"machines.printer-1.sim.faults": [fault]})
    assert sentence in found
