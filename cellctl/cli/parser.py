"""The words of the command line, for the daemon's own verbs and for the client's.

What a line asks for comes back as a Namespace: `verb`, for some verbs `action`, and the arguments named below.
A line that makes no sense ends the program with exit status 64 (EX_USAGE).
"""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import NoReturn, TypeAlias

from cellctl.cli import stock_words

DESCRIPTION = "Runs a microfactory cell, and talks to the daemon that runs it."
EPILOG = """\
examples:
  cellctl run examples/nameplate/cell.toml       the daemon, for this cell
  cellctl status                                 what a person must do; machines; jobs
  cellctl order submit nameplate -p text=ADA     make one
  cellctl watch                                  what happens, as it happens

The daemon's socket: --socket, else $CELLCTL_SOCKET, else $RUNTIME_DIRECTORY/cellctl.sock,
else state/cellctl.sock, else that of the system's service, /run/cellctl/cellctl.sock.

exit status: 0 done, 1 refused, 64 usage, 69 no daemon, 78 a mistake in a file
"""
MACHINE_VERBS = {
    "hold": "pause the work; resume goes on with it",
    "resume": "go on after a hold",
    "halt": "break the work off (PackML Abort)",
    "clear": "after a halt or a fault: its cause is gone",
    "reset": "make the machine ready for work again",
}


ORDER_VERBS = {
    "start": "let a stored order begin",
    "revoke-start": "back to stored, while nothing of it has begun",
    "pause": "begin nothing more of it, and hold the machines that work for it",
    "resume": "go on after a pause",
    "stop": "end it: stop its machines; what is in work is scrap",
    "abort": "break it off (PackML Abort at its machines)",
    "cancel": "begin nothing more of it; scrap what is in work",
    "clear": "take it off the list once it has ended; the journal keeps it",
}


CELL_VERBS = {
    "drain": "finish what is in work, begin no other part",
    "pause": "begin nothing, and hold what is at work",
    "continue": "go on after drain or pause",
}
ZONE_VERBS = {
    "stop": "abort all its stations, suspend its neighbours",
    "clear": "first step back: what has stopped it is gone",
    "reset": "second step back: its stations may work again",
    "stop-pressed": "a stop from outside was pressed there (report only)",
    "stop-released": "that stop was let go (report only)",
}


class _Parser(argparse.ArgumentParser):
    """argparse with the exit status that sysexits.h gives to a usage error."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


_Verbs: TypeAlias = "argparse._SubParsersAction[_Parser]"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read a command line (default: that of this process)."""
    return build().parse_args(argv)


@cache
def build() -> argparse.ArgumentParser:
    """The parser of the whole program; reading a line does not change it."""
    parser = _Parser(
        prog="cellctl",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and leave")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the daemon's socket")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    _daemon_verbs(verbs)
    _opcua_verbs(verbs)
    status = verbs.add_parser("status", parents=[_client()], help="what a person must do; machines; jobs")
    status.add_argument("--all", action="store_true", help="jobs that are over as well")
    _order_verbs(verbs)
    _machine_verbs(verbs)
    _prompt_verbs(verbs)
    _stop_verbs(verbs)
    stock_words.add(partial(_actions, verbs), _client, _setting)
    _actions(verbs, "product", "what can be ordered").add_parser("list", parents=[_client()], help="all of them")
    _keeping_verbs(verbs)
    watch = verbs.add_parser("watch", parents=[_client()], help="what happens, as it happens; Ctrl-C ends it")
    watch.add_argument("--after", type=int, metavar="SEQ", help="begin after this event of the log, 0 for all")
    return parser


def _daemon_verbs(verbs: _Verbs) -> None:
    run = verbs.add_parser("run", parents=[_socket()], help="the daemon: run a cell")
    run.add_argument("cell", type=Path, metavar="CELL_TOML")
    run.add_argument("--devices", type=Path, default=Path("/dev"), metavar="DIR", help="where ports are [/dev]")
    run.add_argument("--state", type=Path, default=Path("state"), metavar="DIR", help="journal, programs [state]")
    run.add_argument("--speed", type=_factor, default=1.0, metavar="F", help="of a simulated cell's time [1]")
    run.add_argument(
        "--tap",
        type=_setting,
        action="append",
        default=[],
        dest="taps",
        metavar="MACHINE=FILE",
        help="write down what passes the machine's line, as a transcript that replays as a test",
    )
    simulate = verbs.add_parser("simulate", help="run orders through a simulated cell, in virtual time")
    simulate.add_argument("cell", type=Path, metavar="CELL_TOML")
    wanted = simulate.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--orders", type=_count, metavar="N", help="so many, over all products of the cell")
    wanted.add_argument("--book", type=Path, metavar="FILE", help="an order book: what comes in when, and is due when")
    simulate.add_argument("--seed", type=int, default=1, metavar="S", help="[1]")
    simulate.add_argument("--log", type=Path, metavar="FILE", help="write the events there, as JSON lines")
    simulate.add_argument(
        "--level", choices=("line", "program"), default="line", help="lines over wires, or programs as one run [line]"
    )
    _book_options(simulate)
    for verb in (run, simulate):
        verb.add_argument("--set", type=_setting, action="append", default=[], dest="settings", metavar="KEY=VALUE")
    check = verbs.add_parser("check", help="every mistake in a cell file; which machine may run which program")
    check.add_argument("cell", type=Path, metavar="CELL_TOML")
    check.add_argument("--program", type=Path, metavar="FILE", help="check this G-code file instead of the products")
    check.add_argument("--machine", default="", metavar="NAME", help="for this machine [all that run programs]")


def _keeping_verbs(verbs: _Verbs) -> None:
    offline = _Parser(add_help=False)
    offline.add_argument("--state", type=Path, metavar="DIR", help="of this folder, which no daemon uses")
    journal = _actions(verbs, "journal", "what has happened: verify")
    journal.add_parser("verify", parents=[_client(), offline], help="is every record as it was written?")
    backup = verbs.add_parser("backup", parents=[_client(), offline], help="copy orders, journal and programs")
    backup.add_argument("folder", type=Path, metavar="DIR", help="a new folder; `cellctl run --state` goes on with it")


def _book_options(simulate: argparse.ArgumentParser) -> None:
    """With `--book` and `--runs`: programs as one timed run each."""
    simulate.add_argument(
        "--runs", type=_count, metavar="N", help="with a book: so many runs, from seed S on; when is each order done?"
    )
    simulate.add_argument(
        "--failures",
        type=_setting,
        action="append",
        default=[],
        metavar="MACHINE=H/H",
        help="with --runs: hours between failures / hours to repair",
    )
    simulate.add_argument(
        "--unmanned", action="append", default=[], metavar="HH:MM-HH:MM", help="with --runs: nobody is there"
    )
    simulate.add_argument(
        "--add", action="append", default=[], metavar="MACHINE", help="with --runs: what if one more?"
    )
    simulate.add_argument("--json", action="store_true", help="with --runs: print JSON, for programs")


def _opcua_verbs(verbs: _Verbs) -> None:
    actions = _actions(verbs, "opcua", "machines over OPC UA: trust, browse, probe; users of the cell's own server")
    where = _Parser(add_help=False)
    where.add_argument("--cell", type=Path, default=Path("cell.toml"), metavar="FILE", help="[cell.toml]")
    where.add_argument("--state", type=Path, default=Path("state"), metavar="DIR", help="certificates [state]")
    trust = actions.add_parser("trust", parents=[where], help="show the server's certificate, and pin it")
    trust.add_argument("machine", metavar="MACHINE")
    trust.add_argument("--fingerprint", default="", metavar="SHA256", help="pin this one, and no other")
    trust.add_argument("--yes", action="store_true", help="pin what it shows; do not ask")
    browse = actions.add_parser("browse", parents=[where], help="what is in a server, as a tree")
    browse.add_argument("--from", dest="start", default="", metavar="NODE", help='"uri;s=id", or "step / step"')
    browse.add_argument("--depth", type=_count, default=4, metavar="N", help="levels [4]")
    browse.add_argument("--types", action="store_true", help="node ids and types as well")
    browse.add_argument("--json", action="store_true", help="print JSON, for programs")
    probe = actions.add_parser("probe", parents=[where], help="what a server is; a first draft of a profile")
    for verb in (browse, probe):
        verb.add_argument("target", metavar="MACHINE|URL", help="a URL is spoken with without protection")
    user = actions.add_parser("user", help="who may come in by the cell's own server")
    add = user.add_subparsers(dest="what", metavar="WHAT", required=True).add_parser("add", help="or replace one")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=["viewer", "operator"], default="viewer", help="an operator calls job methods")
    users = Path("opcua-users.json")
    add.add_argument("--users", type=Path, default=users, metavar="FILE", help=f"the users file [{users}]")
    add.add_argument("--certificate", type=Path, metavar="DER", help="comes in with this certificate, not a password")


def _order_verbs(verbs: _Verbs) -> None:
    actions = _actions(verbs, "order", f"submit, store, update, expedite, list, show, {', '.join(ORDER_VERBS)}")
    submit = actions.add_parser("submit", parents=[_client()], help="order something")
    store = actions.add_parser("store", parents=[_client()], help="the same, but it waits for `order start`")
    for action in (submit, store):
        action.add_argument("product", metavar="PRODUCT")
        _order_options(action)
        action.add_argument("--revision", default="", metavar="R", help="default: the one that is offered")
        action.add_argument("--order-id", default="", metavar="NAME", help="your own name for it [order-N]")
    update = actions.add_parser("update", parents=[_client()], help="change an order of which nothing has begun")
    update.add_argument("order", metavar="ORDER")
    _order_options(update)
    actions.add_parser("list", parents=[_client()], help="all orders")
    expedite = actions.add_parser("expedite", parents=[_client()], help="another priority or due date, at any stage")
    expedite.add_argument("order", metavar="ORDER")
    expedite.add_argument("--priority", type=int, metavar="N", help="higher goes first")
    expedite.add_argument("--due", metavar="INSTANT", help="in UTC, such as 2030-01-31T12:00:00Z")
    for name, meaning in {"show": "the report: each part, operation and place", **ORDER_VERBS}.items():
        action = actions.add_parser(name, parents=[_client()], help=meaning)
        action.add_argument("order", metavar="ORDER")
        if name == "cancel":
            action.add_argument("--keep", action="store_true", help="finish what is in work, for stock")


def _stop_verbs(verbs: _Verbs) -> None:
    cell = _actions(verbs, "cell", f"the whole cell: {', '.join(CELL_VERBS)}")
    for name, meaning in CELL_VERBS.items():
        cell.add_parser(name, parents=[_client()], help=meaning)
    zone = _actions(verbs, "zone", f"stations that are stopped together: list, {', '.join(ZONE_VERBS)}")
    zone.add_parser("list", parents=[_client()], help="all zones")
    for name, meaning in ZONE_VERBS.items():
        zone.add_parser(name, parents=[_client()], help=meaning).add_argument("zone", metavar="ZONE")
    alarm = _actions(verbs, "alarm", "alarms: list, raise, clear")
    alarm.add_parser("list", parents=[_client()], help="alarms that stand")
    sound = alarm.add_parser("raise", parents=[_client()], help="say that something is wrong")
    sound.add_argument("kind", metavar="KIND", help="a kind of alarm of the cell file")
    sound.add_argument("--station", default="", metavar="NAME", help="what it is about [the whole cell]")
    sound.add_argument("--text", default="", metavar="TEXT", help="in a sentence")
    clear = alarm.add_parser("clear", parents=[_client()], help="it has been seen to")
    clear.add_argument("alarm", metavar="ALARM")


def _order_options(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "-p",
        "--parameter",
        type=_setting,
        action="append",
        default=[],
        dest="parameters",
        metavar="KEY=VALUE",
    )
    action.add_argument("--quantity", type=_count, metavar="N", help="how many [1]")
    action.add_argument("--priority", type=int, metavar="N", help="higher goes first [0]")
    action.add_argument("--due", metavar="INSTANT", help="in UTC, such as 2030-01-31T12:00:00Z")
    action.add_argument("--reference", metavar="TEXT", help="the customer's own reference")
    action.add_argument("--id", default="", metavar="UUID", help="names this command: sent twice, done once")


def _machine_verbs(verbs: _Verbs) -> None:
    verbs_there_are = f"list, show, console, setup, {', '.join(MACHINE_VERBS)}, resume-plan, resume-at"
    actions = _actions(verbs, "machine", verbs_there_are)
    actions.add_parser("list", parents=[_client()], help="all machines")
    plan = actions.add_parser("resume-plan", parents=[_client()], help="how a program that broke off could go on")
    go_on = actions.add_parser("resume-at", parents=[_client()], help="show that plan, and do it once you say yes")
    go_on.add_argument("--yes", action="store_true", help="what it asks has been seen to; do not ask")
    for verb in (plan, go_on):
        verb.add_argument("machine", metavar="MACHINE")
        likely = "default: behind what is likely to be done"
        verb.add_argument("--line", type=_count, metavar="N", help=f"the first line to be run again; {likely}")
    console = actions.add_parser("console", parents=[_socket()], help="send it lines by hand")
    console.add_argument("machine", metavar="MACHINE")
    console.set_defaults(json=False)
    setup = actions.add_parser("setup", parents=[_client()], help="say how it is set up")
    setup.add_argument("machine", metavar="MACHINE")
    setup.add_argument(
        "setup", nargs="+", type=_setting, metavar="DIMENSION=VALUE", help="material=pla-black nozzle=0.4"
    )
    for name, meaning in {"show": "where its program is, how good its line is", **MACHINE_VERBS}.items():
        actions.add_parser(name, parents=[_client()], help=meaning).add_argument("machine", metavar="MACHINE")


def _prompt_verbs(verbs: _Verbs) -> None:
    actions = _actions(verbs, "prompt", "questions to a person: list, answer")
    actions.add_parser("list", parents=[_client()], help="open questions")
    answer = actions.add_parser("answer", parents=[_client()], help="answer one")
    answer.add_argument("prompt", metavar="PROMPT")
    answer.add_argument("choice", metavar="CHOICE", help="one of those that the question allows")


def _actions(verbs: _Verbs, noun: str, meaning: str) -> _Verbs:
    parser = verbs.add_parser(noun, help=meaning)
    return parser.add_subparsers(dest="action", metavar="ACTION", required=True)


@cache
def _socket() -> _Parser:
    # SUPPRESS: an option that is absent here must not wipe out the same one given before the verb.
    parent = _Parser(add_help=False)
    parent.add_argument("--socket", type=Path, metavar="PATH", default=argparse.SUPPRESS, help="the daemon's socket")
    return parent


@cache
def _client() -> _Parser:
    parent = _Parser(add_help=False, parents=[_socket()])
    parent.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parent


def _setting(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise argparse.ArgumentTypeError(f"{text!r} must be KEY=VALUE")
    return key, value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number above 0")
    return int(text)


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not (factor > 0 and math.isfinite(factor)):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return factor


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, and seldom asked for

        parser.exit(message=f"cellctl {version('cellctl')}\n")
