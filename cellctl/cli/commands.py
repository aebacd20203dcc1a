"""Every command of the client but `watch`: what it asks the API for, and the lines that it prints."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli import keeping, orders, resuming, stock, stops
from cellctl.cli.client import Api
from cellctl.cli.console import converse
from cellctl.cli.machine import show_lines
from cellctl.cli.orders import UsageMistake
from cellctl.cli.parser import CELL_VERBS, MACHINE_VERBS, ORDER_VERBS, ZONE_VERBS
from cellctl.cli.screen import Screen
from cellctl.cli.status import machine_lines, prompt_task, status_lines, task_lines
from cellctl.cli.stock_words import DECISIONS

__all__ = ["COMMANDS", "UsageMistake"]


def _status(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    status = api.get("/v1/status")
    return _json(status) if args.json else status_lines(status, screen, args.all)


def _list_machines(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    if args.json:
        return _json(api.get("/v1/machines"))
    return machine_lines(api.get("/v1/status"), screen)


def _show_machine(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    machine = api.get(f"/v1/machines/{quote(args.machine, '')}")
    return _json(machine) if args.json else show_lines(machine, screen)


def _command_machine(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    return _ask(api, args, f"/v1/machines/{quote(args.machine, '')}/{args.action}", {})


def _list_prompts(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    prompts = api.get("/v1/prompts")
    if args.json:
        return _json(prompts)
    return task_lines([prompt_task(prompt, screen) for prompt in prompts["prompts"]], screen) or ["no open questions"]


def _answer_prompt(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    return _ask(api, args, f"/v1/prompts/{quote(args.prompt, '')}/answer", {"choice": args.choice})


def _command_order(api: Api, args: Namespace, _: Screen) -> Sequence[str]:
    return _ask(api, args, f"/v1/orders/{quote(args.order, '')}/{args.action}", {})


def _ask(api: Api, args: Namespace, target: str, body: dict[str, Any]) -> Sequence[str]:
    reply = api.post(target, {"id": str(uuid4()), **body})
    return _json(reply) if args.json else [orders.accepted_line(reply)]


def _json(answer: Any) -> Sequence[str]:
    return [json.dumps(answer, indent=2)]


COMMANDS: dict[tuple[str, str], Callable[[Api, Namespace, Screen], Iterable[str]]] = {
    ("status", ""): _status,
    ("order", "submit"): orders.submit,
    ("order", "store"): orders.submit,
    ("order", "update"): orders.update,
    ("order", "list"): orders.list_orders,
    ("order", "show"): orders.show,
    **{("order", verb): _command_order for verb in ORDER_VERBS},
    ("order", "cancel"): stops.cancel,
    ("order", "expedite"): stops.expedite,
    **{("cell", verb): stops.command_cell for verb in CELL_VERBS},
    ("zone", "list"): stops.list_zones,
    **{("zone", verb): stops.command_zone for verb in ZONE_VERBS},
    ("alarm", "list"): stops.list_alarms,
    ("alarm", "raise"): stops.raise_alarm,
    ("alarm", "clear"): stops.clear_alarm,
    ("machine", "list"): _list_machines,
    ("machine", "show"): _show_machine,
    ("machine", "console"): converse,
    **{("machine", verb): _command_machine for verb in MACHINE_VERBS},
    ("machine", "setup"): stock.set_up,
    ("machine", "resume-plan"): resuming.show_plan,
    ("machine", "resume-at"): resuming.resume_at,
    ("prompt", "list"): _list_prompts,
    ("prompt", "answer"): _answer_prompt,
    ("product", "list"): orders.list_products,
    ("journal", "verify"): keeping.verify,
    ("backup", ""): keeping.backup,
    ("material", "list"): stock.list_lots,
    ("material", "load"): stock.load,
    ("material", "adjust"): stock.adjust,
    ("tool", "list"): stock.list_tools,
    ("tool", "change"): stock.change,
    ("fixture", "list"): stock.list_fixtures,
    ("fixture", "move"): stock.move,
    ("part", "inspect"): stock.inspect,
    **{("part", verb): stock.dispose for verb in DECISIONS},
}
