"""Bodies and paths of the commands about zones, alarms, the whole cell, and orders at any stage."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

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
from cellctl.faces.api.bodies import A_NAME, INSTANT, PRIORITY, Body, Instant, Name, Priority, printable

_TEXT: Final = "up to 200 printable characters"
# What the mirror of a stop from outside is told.
STOP_REPORTS: Final = {"stop-pressed": True, "stop-released": False}


class ExpediteBody(Body):
    """POST /v1/orders/{id}/expedite: what is absent stays as it is."""

    priority: Priority | None = Field(default=None, description=PRIORITY)
    due_at: Instant | None = Field(default=None, description=INSTANT)


class CancelBody(Body):
    """POST /v1/orders/{id}/cancel."""

    keep: bool = Field(default=False, description="true: what is in work is finished for stock; false: scrapped")


class AlarmBody(Body):
    """POST /v1/alarms."""

    kind: Name = Field(description=f"a kind of alarm of the cell file: {A_NAME}")
    station: Name | None = Field(default=None, description=f"a station: {A_NAME}")
    text: Annotated[str, Field(max_length=200), AfterValidator(printable)] = Field(default="", description=_TEXT)


Maker = Callable[[str, Any], Command]


def routes() -> Iterator[tuple[str, type[Body], Maker]]:
    """Path (with at most one {name}), body, and how they become a command."""
    yield "/v1/orders/{name}/expedite", ExpediteBody, lambda name, body: ExpediteOrder(name, body.priority, body.due_at)
    yield "/v1/orders/{name}/cancel", CancelBody, lambda name, body: CancelOrder(name, body.keep)
    yield "/v1/alarms", AlarmBody, lambda _, body: RaiseAlarm(body.kind, body.station or "", body.text)
    yield "/v1/alarms/{name}/clear", Body, lambda name, _: ClearAlarm(name)
    for cell_command in CellCommand:
        yield f"/v1/cell/{cell_command.value}", Body, partial(_cell, cell_command)
    for zone_command in ZoneCommand:
        yield f"/v1/zones/{{name}}/{zone_command.value}", Body, partial(_zone, zone_command)
    for verb, pressed in STOP_REPORTS.items():
        yield f"/v1/zones/{{name}}/{verb}", Body, partial(_report, pressed)


def _cell(command: CellCommand, _name: str, _body: Body) -> Command:
    return CommandCell(command)


def _zone(command: ZoneCommand, name: str, _body: Body) -> Command:
    return CommandZone(name, command)


def _report(pressed: bool, name: str, _body: Body) -> Command:
    return ReportStop(name, pressed)
