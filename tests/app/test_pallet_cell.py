"""The cell with a pallet: its file, its parts at both levels, and days and kills on which everything goes wrong."""

import re
from functools import cache
from pathlib import Path

import pytest

from cellctl.app.config import load
from cellctl.app.main import main
from cellctl.app.simulate import Outcome, simulate, simulated_cell, wishes_for
from cellctl.domain import events as ev
from cellctl.domain.errors import ConfigError
from cellctl.economics.report import order_reports, render
from tests.prove.orders import carriers

CELL = Path(__file__).parents[2] / "examples" / "pallet" / "cell.toml"
PALLET = 'slots = ["1", "2"]\nfits = ["stand-a.1", "stand-b.1"]'


@cache
def played(level: str, orders: int) -> Outcome:
    return simulate(load(CELL), simulated_cell(CELL, {}, 1), wishes_for(load(CELL), orders, 1), 1, level=level)


def test_nothing_is_wrong_with_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CELL)]) == 0
    assert "carrier   pallet-1 at stand-a.1, moved by porter-1" in capsys.readouterr().out


@pytest.mark.parametrize(("level", "orders"), [("line", 1), ("program", 4)])
def test_parts_go_to_the_router_on_the_pallet_and_the_world_sees_nothing_wrong(level: str, orders: int) -> None:
    outcome = played(level, orders)
    assert (outcome.violations, outcome.open_jobs) == ([], [])
    events = [record.event for record in outcome.records]
    assert sum(isinstance(event, ev.PartDisposed) for event in events) == orders
    moves = [event.place for event in events if isinstance(event, ev.CarrierMoved)]
    assert moves[:2] == ["stand-a.1", "stand-b.1"], "first what the cell file says, then where the porter brought it"
    carried = [event.operation for event in events if isinstance(event, ev.OperationIntended)]
    assert {each.station for each in carried if each.carrier} == {"porter-1"}


def test_a_part_s_report_says_that_it_was_on_the_pallet_and_where_that_was() -> None:
    report = order_reports(played("program", 4).records)[0]
    on_it = [each for each in report["parts"][0]["custody"] if each["place"].startswith("pallet-1.")]
    assert [each["carrier_at"] for each in on_it] == ["stand-a.1", "stand-b.1"]
    assert re.search(r"pallet-1\.\d at stand-b\.1 +confirmed +simulated-person", render(report))


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        (
            'at = "stand-a.1"',
            'at = "stand-c.1"',
            "carriers.pallet-1.at must be one of fits (stand-a.1, stand-b.1); found",
        ),
        ('at = "stand-a.1"', "", "carriers.pallet-1.at is missing"),
        (
            '"stand-b.1"]',
            '"router-1.vise"]',
            "carriers.pallet-1.fits: 'router-1.vise' is no place of a rack; there are:",
        ),
        (
            'movers = ["porter-1"]',
            'movers = ["porter-2"]',
            "carriers.pallet-1.movers: there is no person or arm 'porter-2'",
        ),
        (
            'movers = ["porter-1"]',
            'movers = ["arm-1"]',
            "carriers.pallet-1.movers: arm-1 must reach two of stand-a, stand-b",
        ),
        (
            'movers = ["porter-1"]',
            "",
            "carriers.pallet-1.movers is missing: nobody could carry it between stand-a, stand-b",
        ),
        (PALLET, PALLET.replace('"2"', '"1"'), "carriers.pallet-1.slots: every slot needs a name of its own"),
        ("[carriers.pallet-1]", "[carriers.arm-1]", "carriers.arm-1: there is a station of this name"),
        ('[racks.stand-a]\nslots = ["1"]', '[racks.stand-a]\nslots = ["1", "2"]', "none fits stand-a.2"),
        (
            '"pallet-1.2" = { at',
            '"pallet-1.3" = { at',
            "places.pallet-1.2 is missing: it is in reach, and was not taught",
        ),
    ],
)
def test_a_mistake_about_a_carrier_is_told_with_its_key(right: str, wrong: str, mistake: str, tmp_path: Path) -> None:
    text = CELL.read_text().replace("../nameplate", str(CELL.parents[1] / "nameplate"))
    assert right in text
    spoilt = tmp_path / "cell.toml"
    spoilt.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ConfigError) as error:
        load(spoilt)
    assert any(mistake in each for each in error.value.mistakes), error.value.mistakes


def test_carriers_that_could_never_get_past_each_other_are_a_mistake(tmp_path: Path) -> None:
    text = CELL.read_text().replace("../nameplate", str(CELL.parents[1] / "nameplate"))
    second = 'slots = ["1"]\nfits = ["stand-a.1", "stand-b.1"]\nat = "stand-b.1"\nmovers = ["porter-1"]\n'
    spoilt = tmp_path / "cell.toml"
    spoilt.write_text(f"{text}[carriers.pallet-2]\n{second}")
    with pytest.raises(ConfigError, match="2 on 2 places can never be moved; one must be free"):
        load(spoilt)


# 25: the daemon dies at the answer that a part is scrap, which leaves with the person all the same.
@pytest.mark.parametrize("seed", [1, 25])
def test_a_day_with_all_faults_loses_and_doubles_nothing_on_pallets(seed: int) -> None:
    assert carriers.broken(seed) == []


@pytest.mark.parametrize("seed", [2])
def test_a_daemon_that_is_killed_while_pallets_are_carried_loses_and_doubles_nothing(seed: int) -> None:
    rules, tally = carriers.battle(seed)
    assert rules == []
    assert len(tally.crashes) > 10


def test_the_battery_sees_parts_that_stay_behind_when_their_pallet_is_moved() -> None:
    assert carriers.found_within(range(2)) is not None
