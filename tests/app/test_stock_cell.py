"""Stock from the cell file through the API and back: what an operator types, what the journal keeps."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.app.config import load
from cellctl.app.simulate import Outcome, simulate, simulated_cell
from cellctl.core.stock_view import FixtureView, LotView, StockView, ToolView
from cellctl.domain.errors import ConfigError
from cellctl.domain.events import OperationIntended
from cellctl.domain.material import STORE, Basis, Of, Unit
from cellctl.domain.quality import Disposition
from cellctl.domain.stock_commands import (
    AdjustMaterial,
    ChangeTool,
    DisposePart,
    LoadMaterial,
    MoveFixture,
    RecordInspection,
    StateSetup,
)
from cellctl.domain.stock_events import MaterialConsumed, ToolUsed
from tests.cli.test_cli import ask
from tests.faces.desk import QUIET_CELL, BareDesk
from tests.faces.mqtt_room import Room, play

EXAMPLE = Path(__file__).parents[2] / "examples" / "nameplate"
STOCK = """
[stock]
margin = 0.1

[lots.spool-1]
material = "pla"
at = "printer-1"
amount = 1000
unit = "g"

[tools.v-1]
kind = "v-bit"
at = "router-1"
life_min = 600

[fixtures.jaw-1]
kind = "jaw"
"""


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    for name in ("cell.toml", "product.toml", "base.gcode"):
        shutil.copy(EXAMPLE / name, tmp_path)
    file = tmp_path / "cell.toml"
    file.write_text(file.read_text() + STOCK)
    return file


def test_the_cell_file_says_what_is_there_at_first(cell: Path) -> None:
    stock = load(cell).plan.stock
    assert stock.margin == 0.1
    assert stock.lots["spool-1"].unit is Unit.GRAMS
    assert round(stock.lots["spool-1"].mm_per_unit, 1) == 335.3
    assert stock.tools["v-1"].left_min == 600
    assert stock.fixtures["jaw-1"].place == STORE


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ('at = "printer-1"', 'at = "printer-9"', "cell.toml: lots.spool-1.at: there is no place 'printer-9'"),
        ("amount = 1000", "amount = 0", "cell.toml: lots.spool-1.amount: input should be greater than 0; found 0"),
        (
            'unit = "g"',
            'unit = "kg"',
            "cell.toml: lots.spool-1.unit: input should be 'mm', 'g' or 'pieces'; found 'kg'",
        ),
        (
            "margin = 0.1",
            "margin = -1",
            "cell.toml: stock.margin: input should be greater than or equal to 0; found -1",
        ),
        ('kind = "jaw"', 'kinds = "jaw"', "cell.toml: fixtures.jaw-1.kind is missing"),
    ],
)
def test_a_mistake_is_told_with_its_key(cell: Path, right: str, wrong: str, mistake: str) -> None:
    text = cell.read_text()
    head, _, tail = text.rpartition(right)
    cell.write_text(head + wrong + tail)
    with pytest.raises(ConfigError) as caught:
        load(cell)
    assert any(said.startswith(mistake) for said in caught.value.mistakes), caught.value.mistakes


LINES: tuple[tuple[tuple[str, ...], object], ...] = (
    (
        ("material", "load", "spool-7", "printer-1", "--material", "pla", "--amount", "750", "--unit", "g", "--beside"),
        LoadMaterial("spool-7", "printer-1", "pla", 750.0, Unit.GRAMS, beside=True),
    ),
    (("material", "load", "spool-7", "store"), LoadMaterial("spool-7", "store")),
    (("material", "adjust", "spool-7", "640", "--reason", "weighed"), AdjustMaterial("spool-7", 640.0, "weighed")),
    (
        ("tool", "change", "router-1", "v-2", "--kind", "v-bit", "--life", "600"),
        ChangeTool("router-1", "v-2", "v-bit", 600.0),
    ),
    (("fixture", "move", "jaw-1", "router-1"), MoveFixture("jaw-1", "router-1")),
    (
        ("machine", "setup", "printer-1", "material=PLA black", "nozzle=0.4"),
        StateSetup("printer-1", {"material": "PLA black", "nozzle": "0.4"}),
    ),
    (("part", "inspect", "plate-1", "width=30.02"), RecordInspection("plate-1", {"width": 30.02})),
    (
        ("part", "concession", "plate-1", "--by", "grace", "--reason", "agreed"),
        DisposePart("plate-1", Disposition.CONCESSION, "agreed", "grace"),
    ),
    (("part", "rework", "plate-1"), DisposePart("plate-1", Disposition.REWORK)),
)


def test_each_line_asks_for_what_it_says(tmp_path: Path) -> None:
    desk = BareDesk()
    outcomes = ask(desk, tmp_path, *(line for line, _ in LINES))
    assert outcomes == [(0, "accepted: done\n", "")] * len(LINES)
    assert [envelope.command for envelope in desk.envelopes] == [command for _, command in LINES]


def test_the_lists_are_tables(tmp_path: Path) -> None:
    stock = StockView(
        0.05,
        (LotView("spool-1", "pla", "printer-1", "g", 990.5, 10.5, 980.0, 1000.0, 9.5, 0.0),),
        (
            ToolView("v-1", "v-bit", "router-1", 600.0, 12.25, 0.0, 587.75),
            ToolView("v-2", "v-bit", "store", 0, 3, 0, None),
        ),
        (FixtureView("jaw-1", "jaw", "store"),),
    )
    desk = BareDesk(replace(QUIET_CELL, stock=stock))
    lots, tools, fixtures = ask(desk, tmp_path, ("material", "list"), ("tool", "list"), ("fixture", "list"))
    assert lots[1] == (
        "LOT      MATERIAL  AT         LEFT     RESERVED  FREE\n"
        "spool-1  pla       printer-1  990.5 g  10.5 g    980 g\n"
    )
    assert tools[1] == (
        "TOOL  KIND   AT        USED      LEFT\n"
        "v-1   v-bit  router-1  12.2 min  587.8 min\n"
        "v-2   v-bit  store     3.0 min   not limited\n"
    )
    assert fixtures[1] == "FIXTURE  KIND  AT\njaw-1    jaw   store\n"


def test_every_verb_over_mqtt_becomes_the_command_it_names() -> None:
    async def scenario(room: Room) -> None:
        say = room.somebody.ask
        replies = [
            await say("job/material-load", args={"lot": "spool-7", "place": "printer-1", "material": "pla",
                                                 "amount": 750, "unit": "g", "beside": True}),
            await say("job/material-adjust", args={"lot": "spool-7", "remaining": 640, "reason": "weighed"}),
            await say("job/tool-change", args={"station": "router-1", "tool": "v-2", "kind": "v-bit", "life_min": 600}),
            await say("job/fixture-move", args={"fixture": "jaw-1", "place": "router-1"}),
            await say("job/setup", args={"station": "printer-1", "setup": {"material": "PLA black", "nozzle": "0.4"}}),
            await say("job/inspect", args={"serial": "plate-1", "values": {"width": 30.02}}),
            await say("job/disposition", args={"serial": "plate-1", "disposition": "rework"}),
        ]  # fmt: skip
        assert {reply["code"] for reply in replies} == {"accepted"}
        commands = [envelope.command for envelope in room.desk.envelopes]
        wanted = [command for line, command in LINES if line[1] not in ("concession",) and line[-1] != "store"]
        assert commands == wanted
        wrong = await say("job/disposition", args={"serial": "plate-1", "disposition": "sell"})
        assert wrong["code"] == "rejected:invalid"

    play(scenario)


@pytest.fixture(scope="module")
def one_nameplate(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Made with the machines' own drivers and their twins at line level."""
    folder = tmp_path_factory.mktemp("cell")
    for name in ("cell.toml", "product.toml", "base.gcode"):
        shutil.copy(EXAMPLE / name, folder)
    file = folder / "cell.toml"
    file.write_text(file.read_text() + STOCK)
    order = {"product": "nameplate", "parameters": {"text": "ADA"}}
    return simulate(load(file), simulated_cell(file, {}, 1), [order], 1)


def test_the_machines_count_what_they_use_up(one_nameplate: Outcome) -> None:
    events = [record.event for record in one_nameplate.records]
    (filament,) = [event for event in events if isinstance(event, MaterialConsumed)]
    assert (filament.lot_id, filament.basis) == ("spool-1", Basis.MEASURED)
    # The slicer's own words, at the end of base.gcode: 9.24 g.
    assert round(filament.amount, 2) == 9.24
    (cutting,) = [event for event in events if isinstance(event, ToolUsed)]
    assert (cutting.tool_id, cutting.basis) == ("v-1", Basis.MEASURED)
    (claimed,) = [
        claim
        for event in events
        if isinstance(event, OperationIntended)
        for claim in event.operation.claims
        if claim.of is Of.TOOL
    ]
    assert cutting.minutes == pytest.approx(claimed.need, abs=1e-3), "the driver and the check before count alike"
    assert 0.2 < cutting.minutes < 1
