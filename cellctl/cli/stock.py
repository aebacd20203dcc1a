"""The commands about material, tools, fixtures, and parts at their gate."""

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli.client import Api
from cellctl.cli.orders import UsageMistake, accepted_line
from cellctl.cli.screen import Screen

Json = Mapping[str, Any]


def list_lots(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl material list`"""
    stock = api.get("/v1/stock")
    if args.json:
        return [json.dumps({"margin": stock["margin"], "lots": stock["lots"]}, indent=2)]
    rows = [_lot_row(each) for each in stock["lots"]]
    return screen.table(("LOT", "MATERIAL", "AT", "LEFT", "RESERVED", "FREE"), rows, indent=0) if rows else ["no lots"]


def list_tools(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl tool list`"""
    stock = api.get("/v1/stock")
    if args.json:
        return [json.dumps({"tools": stock["tools"]}, indent=2)]
    rows = [_tool_row(each) for each in stock["tools"]]
    return screen.table(("TOOL", "KIND", "AT", "USED", "LEFT"), rows, indent=0) if rows else ["no tools"]


def list_fixtures(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl fixture list`"""
    stock = api.get("/v1/stock")
    if args.json:
        return [json.dumps({"fixtures": stock["fixtures"]}, indent=2)]
    rows = [(each["id"], each["kind"], each["place"]) for each in stock["fixtures"]]
    return screen.table(("FIXTURE", "KIND", "AT"), rows, indent=0) if rows else ["no fixtures"]


def load(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl material load`"""
    body = {"place": args.place, "unit": args.unit, "beside": args.beside}
    given = {
        "material": args.material,
        "amount": args.amount,
        "diameter_mm": args.diameter,
        "density_g_per_cm3": args.density,
    }
    return _say(api, args, f"/v1/lots/{quote(args.lot, '')}/load", body | _set(given))


def adjust(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl material adjust`"""
    body = {"remaining": args.remaining, "reason": args.reason}
    return _say(api, args, f"/v1/lots/{quote(args.lot, '')}/adjust", body)


def change(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl tool change`"""
    body = {"station": args.station} | _set({"kind": args.kind, "life_min": args.life})
    return _say(api, args, f"/v1/tools/{quote(args.tool, '')}/change", body)


def move(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl fixture move`"""
    body = {"place": args.place} | _set({"kind": args.kind})
    return _say(api, args, f"/v1/fixtures/{quote(args.fixture, '')}/move", body)


def set_up(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl machine setup`"""
    return _say(api, args, f"/v1/machines/{quote(args.machine, '')}/setup", {"setup": dict(args.setup)})


def inspect(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl part inspect`"""
    values = {}
    for name, text in args.values:
        try:
            values[name] = float(text)
        except ValueError:
            raise UsageMistake(f"{name}: found {text!r}, allowed: a number") from None
    return _say(api, args, f"/v1/parts/{quote(args.serial, '')}/inspection", {"values": values})


def dispose(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl part accept, rework, scrap, concession`"""
    body = {"disposition": args.action, "reason": args.reason} | _set({"allowed_by": getattr(args, "by", None)})
    return _say(api, args, f"/v1/parts/{quote(args.serial, '')}/disposition", body)


def _set(given: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}


def _say(api: Api, args: Namespace, target: str, body: dict[str, Any]) -> list[str]:
    reply = api.post(target, {"id": str(uuid4()), **body})
    return [json.dumps(reply, indent=2)] if args.json else [accepted_line(reply)]


def _lot_row(lot: Json) -> tuple[str, ...]:
    amounts = (f"{lot[key]:.6g} {lot['unit']}" for key in ("remaining", "reserved", "free"))
    return (lot["id"], lot["material"], lot["place"], *amounts)


def _tool_row(tool: Json) -> tuple[str, ...]:
    left = "not limited" if tool["left_min"] is None else f"{tool['left_min']:.1f} min"
    return (tool["id"], tool["kind"], tool["station"], f"{tool['used_min']:.1f} min", left)
