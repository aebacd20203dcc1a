"""The words of the command line about material, tools, fixtures, and parts at their gate."""

from argparse import ArgumentTypeError, _SubParsersAction
from collections.abc import Callable
from typing import Any, TypeAlias

DECISIONS = {
    "accept": "its gate has no result, and you have looked: it is good",
    "rework": "back to the step that its gate names",
    "scrap": "take it out, make another",
    "concession": "let it pass although it is out of limits",
}


Verbs: TypeAlias = "_SubParsersAction[Any]"
Client = Callable[[], Any]


def add(actions: Callable[[str, str], Verbs], client: Client, setting: Callable[[str], tuple[str, str]]) -> None:
    """Add them to the parser of the program, by its way to begin a noun, its options of a client, and NAME=VALUE."""
    _material(actions("material", "what machines work with: list, load, adjust"), client)
    _tools(actions("tool", "tools that wear: list, change"), client)
    fixtures = actions("fixture", "what holds parts: list, move")
    fixtures.add_parser("list", parents=[client()], help="all fixtures")
    move = fixtures.add_parser("move", parents=[client()], help="it is fitted to a station now, or lies in the store")
    for name in ("fixture", "place"):
        move.add_argument(name, metavar=name.upper())
    move.add_argument("--kind", metavar="KIND", help="of one that is new")
    parts = actions("part", f"a part at its gate: inspect, {', '.join(DECISIONS)}")
    inspect = parts.add_parser("inspect", parents=[client()], help="hand in what was measured")
    inspect.add_argument("serial", metavar="SERIAL")
    inspect.add_argument("values", nargs="+", type=setting, metavar="NAME=VALUE")
    for name, meaning in DECISIONS.items():
        decision = parts.add_parser(name, parents=[client()], help=meaning)
        decision.add_argument("serial", metavar="SERIAL")
        decision.add_argument("--reason", default="", metavar="TEXT")
        if name == "concession":
            decision.add_argument("--by", metavar="NAME", help="who allowed it [you]")


def _material(verbs: Verbs, client: Client) -> None:
    verbs.add_parser("list", parents=[client()], help="all lots, and what of them is reserved")
    load = verbs.add_parser("load", parents=[client()], help="a lot is at a station, a rack or in the store now")
    load.add_argument("lot", metavar="LOT")
    load.add_argument("place", metavar="PLACE")
    load.add_argument("--material", metavar="NAME", help="of a lot that is new")
    load.add_argument("--amount", type=_number, metavar="N", help="how much a new one holds")
    load.add_argument("--unit", choices=["mm", "g", "pieces"], default="mm", help="[mm]")
    load.add_argument("--diameter", type=_number, metavar="MM", help="of filament that is weighed [1.75]")
    load.add_argument("--density", type=_number, metavar="G_PER_CM3", help="[1.24]")
    load.add_argument("--beside", action="store_true", help="what is loaded there stays there")
    adjust = verbs.add_parser("adjust", parents=[client()], help="so much is really left")
    adjust.add_argument("lot", metavar="LOT")
    adjust.add_argument("remaining", type=_number, metavar="N")
    adjust.add_argument("--reason", default="", metavar="TEXT")


def _tools(verbs: Verbs, client: Client) -> None:
    verbs.add_parser("list", parents=[client()], help="all tools, and what is left of their lives")
    change = verbs.add_parser("change", parents=[client()], help="a tool is in a station now, in place of its like")
    change.add_argument("station", metavar="STATION", help="or store")
    change.add_argument("tool", metavar="TOOL")
    change.add_argument("--kind", metavar="KIND", help="of one that is new")
    change.add_argument("--life", type=_number, metavar="MIN", help="minutes of use that it lasts; 0: not limited")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} must be a number") from None
