"""The commands about zones, alarms, the whole cell, and orders at any stage."""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli.client import Api
from cellctl.cli.orders import accepted_line
from cellctl.cli.screen import Screen

Json = Mapping[str, Any]


def command_cell(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl cell drain`, `pause` and `continue`"""
    return _ask(api, args, f"/v1/cell/{args.action}", {})


def command_zone(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl zone stop`, `clear`, `reset`, `stop-pressed` and `stop-released`"""
    return _ask(api, args, f"/v1/zones/{quote(args.zone, '')}/{args.action}", {})


def raise_alarm(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl alarm raise`"""
    body = {"kind": args.kind, "text": args.text}
    return _ask(api, args, "/v1/alarms", body | ({"station": args.station} if args.station else {}))


def clear_alarm(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl alarm clear`"""
    return _ask(api, args, f"/v1/alarms/{quote(args.alarm, '')}/clear", {})


def expedite(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl order expedite`"""
    given = {"priority": args.priority, "due_at": args.due}
    body = {name: value for name, value in given.items() if value is not None}
    return _ask(api, args, f"/v1/orders/{quote(args.order, '')}/expedite", body)


def cancel(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    """`cellctl order cancel`"""
    return _ask(api, args, f"/v1/orders/{quote(args.order, '')}/cancel", {"keep": True} if args.keep else {})


def list_zones(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    """`cellctl zone list`"""
    found = api.get("/v1/zones")
    rows = [
        (zone["name"], zone["phase"], zone["by"], " ".join(zone["stations"]), zone["next"]) for zone in found["zones"]
    ]
    return _table(found, args, screen, ("ZONE", "IS", "BY", "STATIONS", "NEXT"), rows, "no zones in the cell file")


def list_alarms(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    """`cellctl alarm list`"""
    found = api.get("/v1/alarms")
    rows = [
        (each["id"], each["kind"], each["rung"], each["about"] or "the cell", each["text"]) for each in found["alarms"]
    ]
    return _table(found, args, screen, ("ALARM", "KIND", "DOES", "ABOUT", "TEXT"), rows, "no alarm stands")


def _table(
    found: Json,
    args: Namespace,
    screen: Screen,
    headers: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
    nothing: str,
) -> Sequence[str]:
    if args.json:
        return [json.dumps(found, indent=2)]
    return screen.table(headers, rows, indent=0) if rows else [nothing]


def _ask(api: Api, args: Namespace, target: str, body: Json) -> Sequence[str]:
    reply = api.post(target, {"id": str(uuid4()), **body})
    return [json.dumps(reply, indent=2)] if args.json else [accepted_line(reply)]
