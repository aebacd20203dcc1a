"""A simulated cell's day, shown by the OPC UA server and heard by a client: its time elements are those of the log."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cellctl.app.config import load
from cellctl.app.simulate import simulate, simulated_cell
from cellctl.core.cell import apply, empty
from cellctl.core.render import Renderer
from cellctl.core.view import CellView
from cellctl.domain.events import (
    ContactFound,
    ContactLost,
    Event,
    LineSent,
    OperationEnded,
    OperationIntended,
    Record,
    StationChanged,
)
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Plan
from cellctl.economics.time_elements import Element, Heard, from_journal, from_states, seconds
from tests.faces.opcua_room import Served, Visitor

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
PARTS = {"MachineryItemState.CurrentState.Number": "state", "MachineryOperationMode.CurrentState.Number": "mode",
         "JobId": "order"}  # fmt: skip
# So many changes between two publications lose nothing of a monitored item's queue.
AT_ONCE = 40


def views(plan: Plan, records: Sequence[Record]) -> list[tuple[str, CellView]]:
    """What the cell looked like after each event of its log."""
    cell, renderer, shown = empty(plan), Renderer(), []
    for record in records:
        cell = apply(cell, record.event)
        shown.append((record.at, renderer.view(cell)))
    return shown


def bad_afternoon(last: Record) -> list[Record]:
    """What no simulated day has: a pause, a cable that is pulled in mid-program, and work by hand."""
    name = "printer-1"
    work = Operation("op-99", "job-99", "s-99", "print", OperationKind.PROCESS, name, Place("printer-1.bed"))
    events: list[tuple[int, Event]] = [
        (2, OperationIntended(work)),
        (3, StationChanged(name, MachineState.EXECUTE)),
        (10, StationChanged(name, MachineState.HELD)),
        (13, StationChanged(name, MachineState.EXECUTE)),
        (15, ContactLost(name, "cable")),
        (17, ContactFound(name, "firmware")),
        (17, StationChanged(name, MachineState.EXECUTE)),
        (25, OperationEnded("op-99", OperationState.DONE)),
        (25, StationChanged(name, MachineState.IDLE)),
        (30, LineSent(name, "G28", "ada")),
        (30, StationChanged(name, MachineState.ABORTED)),
        (34, StationChanged(name, MachineState.CLEARING)),
        (35, StationChanged(name, MachineState.IDLE)),
        (40, ContactLost(name, "cable")),
        (50, ContactFound(name, "firmware")),
        (52, StationChanged(name, MachineState.IDLE)),
        (54, StationChanged(name, MachineState.STOPPED)),
    ]
    start = datetime.fromisoformat(last.at)
    return [
        Record(
            last.seq + number, (start + timedelta(minutes=minute)).isoformat(timespec="milliseconds"), 0.0, name, event
        )
        for number, (minute, event) in enumerate(events, start=1)
    ]


class Ear:
    """Remembers what it hears by machine, with the time at its source."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Heard]] = {}

    async def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        machine, _, part = node.nodeid.Identifier.partition(".")
        stamp = data.monitored_item.Value.SourceTimestamp
        self.heard.setdefault(machine, []).append(Heard(round(stamp.timestamp(), 3), PARTS[part], value))


def test_time_elements_heard_over_opc_ua_equal_those_of_the_journal() -> None:
    config = load(CELL)
    wishes = [{"product": "nameplate", "parameters": {"text": text}} for text in ("ADA", "EVE")]
    records = [*simulate(config, simulated_cell(CELL, {}, 1), wishes, 1).records]
    records += bad_afternoon(records[-1])
    day = views(config.plan, records)
    ear, machines = Ear(), [machine.name for machine in day[0][1].machines]

    async def listen(visitor: Visitor) -> None:
        subscription = await visitor.client.create_subscription(50, ear)
        nodes = [visitor.client.get_node(visitor.id(f"own:{name}.{part}")) for name in machines for part in PARTS]
        await subscription.subscribe_data_change(nodes, queuesize=100)
        for begin in range(0, len(day), AT_ONCE):
            await asyncio.to_thread(visitor.served.replay, day[begin : begin + AT_ONCE])
            await asyncio.sleep(0.12)
        await asyncio.sleep(0.3)
        await subscription.delete()

    with Served(day[0][1]) as served:
        served.clock.at = day[0][0]
        served.visit(listen)
    until_s = seconds(records[-1].at)
    begin_s = seconds(records[0].at)
    for name in machines:
        by_journal = from_journal(records, name, until_s)
        heard = [each for each in ear.heard[name] if begin_s <= each.at_s <= until_s]
        assert from_states([Heard(begin_s, "state", 0), *heard], until_s) == by_journal, name
        assert round(sum(by_journal.values()), 3) == round(until_s - begin_s, 3)
    found = from_journal(records, "printer-1", until_s)
    assert found[Element.APT] > 1200
    assert (found[Element.ADET], found[Element.MAINTENANCE]) == (240.0, 240.0)
    assert found[Element.UNKNOWN] >= 840
