"""The whole cell in virtual time: the daemon's own code, simulated machines, customers and people."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.config import load
from cellctl.app.simulate import Outcome, simulate, simulated_cell, wishes_for
from cellctl.domain.events import OperationIntended, PartMoved, TransferPhase
from cellctl.domain.transfer import Phase
from cellctl.economics.report import order_reports

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"


def run(wishes: list[dict[str, Any]], seed: int = 1) -> Outcome:
    return simulate(load(CELL), simulated_cell(CELL, {}, seed), wishes, seed)


def nameplate(text: str, **more: Any) -> dict[str, Any]:
    return {"product": "nameplate", "parameters": {"text": text}, **more}


@pytest.fixture(scope="module")
def three_orders() -> Outcome:
    return run([nameplate("ADA"), nameplate("EVE"), nameplate("ADA")])


def test_the_part_passes_printer_arm_vise_arm_rack_and_bench(three_orders: Outcome) -> None:
    places = [
        record.event.place
        for record in three_orders.records
        if isinstance(record.event, PartMoved) and record.event.serial == "nameplate-A-00001"
    ]
    assert places == [
        "printer-1.bed",
        "arm-1.gripper",
        "router-1.vise",
        "arm-1.gripper",
        "outfeed.1",
        "bench-1.desk",
        "gone",
    ]


def test_durations_are_those_of_real_machines(three_orders: Outcome) -> None:
    first = order_reports(three_orders.records)[0]["parts"][0]
    minutes = {line["step"]: line["duration_s"] / 60 for line in first["operations"]}
    # PrusaSlicer estimates 19 minutes; heating and cooling to release temperature come on top.
    assert 25 < minutes["print"] < 45
    assert 0.2 < minutes["engrave"] < 5


def test_two_texts_have_two_engravings_and_one_base(three_orders: Outcome) -> None:
    ada, eve, again = (report["parts"][0]["programs"] for report in order_reports(three_orders.records))
    assert ada["engrave"] != eve["engrave"]
    assert ada == again
    assert ada["print"] == eve["print"]


def test_three_orders_use_both_printers_in_parallel_and_break_no_rule_of_the_world(three_orders: Outcome) -> None:
    prints = [
        (record.event.operation.station, record.mono_s)
        for record in three_orders.records
        if isinstance(record.event, OperationIntended) and record.event.operation.step == "print"
    ]
    assert [station for station, _ in prints[:2]] == ["printer-1", "printer-2"]
    assert prints[1][1] - prints[0][1] < 60
    assert three_orders.violations == []
    assert three_orders.open_jobs == []


def test_whatever_the_arm_takes_it_enters_for_and_every_hand_over_comes_to_its_end(three_orders: Outcome) -> None:
    passed: dict[str, list[Phase]] = {}
    for record in three_orders.records:
        if isinstance(record.event, TransferPhase):
            passed.setdefault(record.event.transfer.id, []).append(record.event.transfer.phase)
    entered = [name for name, phases in passed.items() if name.endswith("/take") and Phase.ENTER in phases]
    # From the printer to the vise, and from the vise on to the rack.
    assert len(entered) >= 3 * 2
    assert all(phases[-1] is Phase.END and Phase.DISPUTED not in phases for phases in passed.values())


def test_a_text_that_does_not_fit_is_refused_before_anything_moves() -> None:
    outcome = run([nameplate("W" * 16)])
    assert outcome.replies[0]["code"] == "rejected:does_not_fit"
    assert not [record for record in outcome.records if isinstance(record.event, OperationIntended)]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_log_under_any_hash_seed(seed: int, tmp_path: Path) -> None:
    logs = []
    for hash_seed in ("0", "77"):
        log = tmp_path / f"{hash_seed}.jsonl"
        command = [sys.executable, "-m", "cellctl.app.main", "simulate", str(CELL), "--orders", "2"]
        done = subprocess.run(
            [*command, "--seed", str(seed), "--log", str(log)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},  # noqa: TID251 - a child of ours
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "held by" in done.stdout
        logs.append(log.read_bytes())
    assert logs[0] == logs[1]
    assert json.loads(logs[0].splitlines()[0])["event"] == "controller.started"


def test_wishes_stay_within_the_limits_of_the_product() -> None:
    config = load(CELL)
    assert all(config.products[0].bind(wish["parameters"]) for wish in wishes_for(config, 50, seed=3))
