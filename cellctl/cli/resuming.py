"""Going on in the middle of a program: the plan as it is shown, and the yes that it needs."""

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli.client import Api
from cellctl.cli.orders import UsageMistake, accepted_line
from cellctl.cli.screen import Screen, printable

Json = dict[str, Any]


def show_plan(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    """What would be said to the machine first. Nothing is done."""
    found = _plan(api, args)
    if args.json:
        return [json.dumps(found, indent=2)]
    how = f"{screen.me} machine resume-at {shlex.quote(args.machine)} --line {found['plan']['at_line']}"
    return [*_lines(found, screen), "Nothing has been sent. To do it, once the machine is IDLE:", f"  {how}"]


def resume_at(api: Api, args: Namespace, screen: Screen) -> Sequence[str]:
    """Show the plan, ask, and do it. Without a terminal to ask on, --yes is the answer."""
    found = _plan(api, args)
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageMistake("nobody is there to say yes; look at resume-plan, then add --yes")
        print("\n".join(_lines(found, screen)))
        if input("Is all of this so, and shall it go on? Type yes: ").strip().lower() != "yes":
            return ["Nothing has been sent."]
    target = f"/v1/machines/{quote(args.machine, '')}/resume-at"
    reply = api.post(target, {"id": str(uuid4()), "line": found["plan"]["at_line"]})
    return [json.dumps(reply, indent=2)] if args.json else [accepted_line(reply)]


def _plan(api: Api, args: Namespace) -> Json:
    line = f"?line={args.line}" if args.line else ""
    found: Json = api.get(f"/v1/machines/{quote(args.machine, '')}/resume-plan{line}")
    return found


def _lines(found: Json, screen: Screen) -> list[str]:
    plan, program = found["plan"], found["program"]
    rows = [(step["line"], step["why"]) for step in plan["steps"]]
    goes_on = (found["next_line"], f"line {plan['at_line']} of {program['lines']}, and all behind it")
    return [
        printable(
            f"{found['machine']} can go on with {found['serial']} ({program['name']}) at line {plan['at_line']}."
        ),
        *screen.table(("SAYS", "WHAT FOR"), [*rows, goes_on], 2),
        "Only if:",
        *(f"  - {each}" for each in plan["confirm"]),
    ]
