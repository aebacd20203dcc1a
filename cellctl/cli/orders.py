"""The commands about orders and products."""

import json
import re
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli.client import Api
from cellctl.cli.screen import Screen, pairs, printable

Json = Mapping[str, Any]
_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)


class UsageMistake(Exception):
    """A value on the command line that cannot be meant; the message names it."""


def submit(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl order submit` and `cellctl order store`"""
    body = _given(args) | {"product": args.product, "quantity": args.quantity or 1}
    body["parameters"] = _parameters(args.parameters, _specs(api, args.product, args.revision))
    if args.revision:
        body["revision"] = args.revision
    if args.order_id:
        body["order_id"] = args.order_id
    if args.action == "store":
        body["release"] = False
    return _told(api.post("/v1/orders", body), args, screen)


def update(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl order update`: what is not given stays as it is; one parameter given leaves the others alone."""
    target = f"/v1/orders/{quote(args.order, '')}"
    body = _given(args)
    if args.parameters:
        order = api.get(target)
        specs = _specs(api, order["product"], order["revision"])
        body["parameters"] = order["parameters"] | _parameters(args.parameters, specs)
    return _told(api.post(f"{target}/update", body), args, screen)


def _given(args: Namespace) -> dict[str, Any]:
    given = {
        "quantity": args.quantity,
        "priority": args.priority,
        "due_at": args.due,
        "customer_reference": args.reference,
    }
    return {"id": args.id or str(uuid4())} | {name: value for name, value in given.items() if value is not None}


def _told(reply: Json, args: Namespace, screen: Screen) -> list[str]:
    if args.json:
        return [json.dumps(reply, indent=2)]
    order = reply["result"].get("order_id", "")
    lines = [accepted_line(reply)]
    lines += [f"  part {serial}" for serial in reply["result"].get("serials", ())]
    return [*lines, f"  its report: {screen.me} order show {order}"] if order else lines


def accepted_line(reply: Json) -> str:
    """An accepted command in one line."""
    again = " (asked before; nothing was done twice)" if reply["duplicate"] else ""
    return f"accepted: {printable(reply['message'])}{again}"


def list_orders(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl order list`"""
    orders = api.get("/v1/orders")
    if args.json:
        return [json.dumps(orders, indent=2)]
    rows = [_order_row(order) for order in orders["orders"]]
    headers = ("ORDER", "STATE", "DONE", "PRODUCT", "REV", "ACCEPTED", "PARAMETERS")
    return screen.table(headers, rows, indent=0) if rows else ["no orders"]


def show(api: Api, args: Namespace, _: Screen) -> list[str]:
    """`cellctl order show`"""
    target = f"/v1/orders/{quote(args.order, '')}/report"
    if args.json:
        return [json.dumps(api.get(target), indent=2)]
    return [printable(line) for line in api.text(target).rstrip("\n").split("\n")]


def list_products(api: Api, args: Namespace, screen: Screen) -> list[str]:
    """`cellctl product list`"""
    products = api.get("/v1/products")
    if args.json:
        return [json.dumps(products, indent=2)]
    rows = [
        (
            product["name"],
            product["revision"],
            name,
            _allowed(spec),
            spec.get("default", ""),
            spec.get("description", ""),
        )
        for product in products["products"]
        for name, spec in (product["parameters"] or {"-": {}}).items()
    ]
    headers = ("PRODUCT", "REV", "PARAMETER", "ALLOWED", "DEFAULT", "MEANING")
    return screen.table(headers, rows, indent=0) if rows else ["no products"]


def _order_row(order: Json) -> tuple[object, ...]:
    done = f"{order['done']}/{order['quantity']}"
    accepted_at = order["accepted_at"][:16].replace("T", " ") + "Z"
    return (
        order["id"],
        order["state"],
        done,
        order["product"],
        order["revision"],
        accepted_at,
        pairs(order["parameters"]),
    )


def _allowed(spec: Json) -> str:
    match spec.get("type", ""):
        case "text":
            return f"{spec.get('min_length', 0)} to {spec['max_length']} characters"
        case "number":
            return f"{spec['minimum']:g} to {spec['maximum']:g}"
        case other:
            return str(other)


def _specs(api: Api, product: str, revision: str) -> Mapping[str, Json]:
    """The parameters of the product that is meant; none if there is no such product: the daemon says so better."""
    for offered in api.get("/v1/products")["products"]:
        if offered["name"] == product and revision in ("", offered["revision"]):
            specs: Mapping[str, Json] = offered["parameters"]
            return specs
    return {}


def _parameters(given: Iterable[tuple[str, str]], specs: Mapping[str, Json]) -> dict[str, str | int | float]:
    values: dict[str, str | int | float] = {}
    for name, text in given:
        if name in values:
            raise UsageMistake(f"-p {name} is given twice")
        number = specs.get(name, {}).get("type") == "number"
        values[name] = _number(name, text, specs[name]) if number else text
    return values


def _number(name: str, text: str, spec: Json) -> int | float:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    raise UsageMistake(f"-p {name}: found {text!r}, allowed: a number, {_allowed(spec)}")
