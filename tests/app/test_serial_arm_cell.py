"""The nameplate cell with a serial arm, in virtual time: from an order to a part, and how well its place is known."""

from pathlib import Path
from typing import Any

import pytest

from cellctl.app.config import load
from cellctl.app.simulate import Outcome, simulate, simulated_cell
from cellctl.domain.errors import ConfigError
from cellctl.domain.events import PartMoved
from cellctl.domain.work import Knowledge
from tests.app.kills import quick_product

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell-serial-arm.toml"
ARM = "machines.arm-1"
# What the arm is told in the other dialect; its twin has that firmware.
MARLIN = {
    f"{ARM}.dialect": "marlin",
    f"{ARM}.homing": ["G28"],
    f"{ARM}.gripper": {"grip": ["M2231 V1"], "release": ["M2231 V0"], "query": "P2231", "holds": "V2", "empty": "V0"},
    f"{ARM}.sim.firmware": "marlin",
}
BLIND = {f"{ARM}.gripper": {"grip": ["M3 S1000"], "release": ["M5"]}, f"{ARM}.sim.sensor": False}


def run(settings: dict[str, Any], folder: Path) -> Outcome:
    config = load(CELL, settings | {"cell.products": [str(quick_product(folder))]})
    wish = {"product": "nameplate", "parameters": {"text": "ADA"}}
    return simulate(config, simulated_cell(CELL, settings, 1), [wish], 1)


def places(outcome: Outcome) -> list[tuple[str, Knowledge]]:
    moves = [record.event for record in outcome.records if isinstance(record.event, PartMoved)]
    return [(move.place, move.knowledge) for move in moves if move.serial == "nameplate-A-00001"]


@pytest.mark.parametrize(
    ("settings", "known"),
    [({}, Knowledge.OBSERVED), (BLIND, Knowledge.PRESUMED), (MARLIN, Knowledge.OBSERVED)],
    ids=["grbl", "grbl-blind", "marlin"],
)
def test_a_serial_arm_carries_from_printer_to_vise_to_rack(
    settings: dict[str, Any], known: Knowledge, tmp_path: Path
) -> None:
    outcome = run(settings, tmp_path)
    assert places(outcome) == [
        ("printer-1.bed", Knowledge.RECORDED),
        ("arm-1.gripper", known),
        ("router-1.vise", known),
        ("arm-1.gripper", known),
        ("outfeed.1", known),
        ("bench-1.desk", Knowledge.CONFIRMED),
        ("gone", Knowledge.CONFIRMED),
    ]
    assert (outcome.violations, outcome.open_jobs) == ([], [])


def test_what_was_taught_wrongly_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as refused:
        load(CELL, {f"{ARM}.places": {"rack.1": {"at": {"Z": 1}}, "infeed.1": {"at": {"X": 900, "Z": 1}}}})
    assert "places.infeed.1.at has X 900; limits allow -350 to 350" in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        load(CELL, {f"{ARM}.places": {"rack.1": {"at": {"Z": 1}}, "infeed.1": {"at": {"Z": 1}}}})
    text = str(refused.value)
    assert "cell-serial-arm.toml: machines.arm-1.places.rack.1: no station in reach has this place" in text
    assert "cell-serial-arm.toml: machines.arm-1.places.infeed.2 is missing: it is in reach" in text
