"""Zones, alarms, the whole cell, and orders at any stage: the same commands by MQTT, HTTP and the command line."""

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from cellctl.cli.client import Api
from cellctl.cli.commands import COMMANDS
from cellctl.cli.parser import parse
from cellctl.cli.screen import Screen
from cellctl.core.view import AlarmView, ZoneView
from cellctl.domain.commands import (
    CancelOrder,
    ClearAlarm,
    Command,
    CommandCell,
    CommandZone,
    ExpediteOrder,
    RaiseAlarm,
    ReportStop,
)
from cellctl.domain.stops import CellCommand, ZoneCommand
from cellctl.faces.plain import plain
from tests.faces.desk import BareDesk, served
from tests.faces.mqtt_room import Room, play

DUE = "2030-01-31T12:00:00Z"
# The command; MQTT's topic and args; HTTP's path and body; the words of the command line.
SAME: dict[str, tuple[Command, str, dict[str, Any], str, dict[str, Any], tuple[str, ...]]] = {
    "expedite": (
        ExpediteOrder("order-1", 5, DUE),
        "job/order-expedite", {"order_id": "order-1", "priority": 5, "due_at": DUE},
        "orders/order-1/expedite", {"priority": 5, "due_at": DUE},
        ("order", "expedite", "order-1", "--priority", "5", "--due", DUE),
    ),
    "keep": (
        CancelOrder("order-1", keep=True),
        "job/cancel", {"order_id": "order-1", "keep": True},
        "orders/order-1/cancel", {"keep": True},
        ("order", "cancel", "order-1", "--keep"),
    ),
    **{
        f"cell {each.value}": (
            CommandCell(each), f"job/cell-{each.value}", {}, f"cell/{each.value}", {}, ("cell", each.value),
        )
        for each in CellCommand
    },
    **{
        f"zone {each.value}": (
            CommandZone("print", each),
            f"{'stop' if each is ZoneCommand.STOP else 'motion'}/zone-{each.value}", {"zone": "print"},
            f"zones/print/{each.value}", {},
            ("zone", each.value, "print"),
        )
        for each in ZoneCommand
    },
    **{
        verb: (
            ReportStop("print", verb == "stop-pressed"), f"stop/{verb}", {"zone": "print"},
            f"zones/print/{verb}", {}, ("zone", verb, "print"),
        )
        for verb in ("stop-pressed", "stop-released")
    },
    "alarm raise": (
        RaiseAlarm("smoke", "printer-1", "it smells"),
        "stop/alarm-raise", {"kind": "smoke", "station": "printer-1", "text": "it smells"},
        "alarms", {"kind": "smoke", "station": "printer-1", "text": "it smells"},
        ("alarm", "raise", "smoke", "--station", "printer-1", "--text", "it smells"),
    ),
    "alarm clear": (
        ClearAlarm("alarm-1"), "motion/alarm-clear", {"alarm_id": "alarm-1"},
        "alarms/alarm-1/clear", {}, ("alarm", "clear", "alarm-1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_over_mqtt(name: str) -> None:
    command, topic, args, *_ = SAME[name]

    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask(topic, args=args)
        assert reply["code"] == "accepted"
        assert [envelope.command for envelope in room.desk.envelopes] == [command]

    play(scenario)


def test_over_http(tmp_path: Path) -> None:
    desk, path = BareDesk(), tmp_path / "s"

    async def run() -> None:
        async with (
            served(desk, path),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        ):
            for _, _, _, target, body, _ in SAME.values():
                async with session.post(f"http://cell/v1/{target}", json=body | {"deadline_at": DUE}) as response:
                    assert response.status == 202, await response.text()
            async with session.post("http://cell/v1/alarms", json={"station": "printer-1"}) as response:
                assert response.status == 400

    asyncio.run(run())
    assert [envelope.command for envelope in desk.envelopes] == [command for command, *_ in SAME.values()]
    assert {envelope.deadline_at for envelope in desk.envelopes} == {DUE}


class Asked:
    """The client's end of the API: it notes what is asked, and answers what it is given."""

    def __init__(self, **answers: Any) -> None:
        self.posted: list[tuple[str, Any]] = []
        self._answers = answers

    def post(self, target: str, body: Any) -> Any:
        self.posted.append((target, {name: value for name, value in body.items() if name != "id"}))
        return {"code": "accepted", "message": "it is so", "result": {}, "duplicate": False}

    def get(self, target: str) -> Any:
        return {target.rpartition("/")[2]: self._answers[target.rpartition("/")[2]]}


def told(asked: Asked, *words: str) -> str:
    """What the command line prints."""
    args = parse(words)
    screen = Screen()
    return "\n".join(COMMANDS[args.verb, args.action](cast(Api, asked), args, screen))


@pytest.mark.parametrize("name", SAME)
def test_by_the_command_line(name: str) -> None:
    *_, target, body, words = SAME[name]
    asked = Asked()
    assert told(asked, *words) == "accepted: it is so"
    assert asked.posted == [(f"/v1/{target}", body)]


def test_zones_and_alarms_are_listed() -> None:
    zone = ZoneView("print", ("printer-1",), "stopped", "ada", "ada stopped it", "cellctl zone clear print")
    alarm = AlarmView("alarm-1", "smoke", "abort", "zone", "printer-1", "it smells", "ada")
    asked = Asked(zones=[plain(zone)], alarms=[plain(alarm)])
    assert "cellctl zone clear print" in told(asked, "zone", "list")
    assert "it smells" in told(asked, "alarm", "list")
    assert "nothing" not in told(asked, "alarm", "list", "--json")
