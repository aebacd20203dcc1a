"""`cellctl machine console`: lines to a machine by hand, and what it answers, until the end of the input."""

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cellctl.cli.client import Api, Refused, Unreachable
from cellctl.cli.screen import Screen, printable

Json = Mapping[str, Any]

# A longer answer (homing takes a minute) is shown when it comes.
ANSWER_WITHIN_S = 10.0
# How the last line of an answer begins, by any firmware.
_ENDS = ("ok", "error", "alarm", "!!", "(cellctl)")
_HEARD = {
    "console.heard": "",
    "console.not_sent": "(cellctl) not sent",
    "station.contact_lost": "(cellctl) contact lost",
}


def converse(api: Api, args: Namespace, screen: Screen) -> Iterator[str]:
    """The lines to print before and after; what is said in between is printed as it comes."""
    machine = api.get(f"/v1/machines/{quote(args.machine, '')}")
    me, name = screen.me, shlex.quote(args.machine)
    yield f"{args.machine} ({machine['driver']}, {machine['state'] or 'not heard'}): each line goes out as typed."
    yield "The first one takes it out of work. Each is journalled with your name. Ctrl-D ends."
    yield f"To stop what you have set going, in another terminal: {me} machine halt {name}"
    sys.stdout.flush()
    ear = Ear(api, args.machine, api.get("/v1/status")["rev"])
    Thread(target=ear.listen, daemon=True).start()
    sent, failed = 0, None
    try:
        for line in _typed(args.machine):
            sent += _say(api, args.machine, line, ear)
    except Refused as refused:
        failed = refused
    if sent:
        yield f"{args.machine} was worked on by hand: where it is and in which modes, nobody knows any more."
        yield "If it has moved, home it. Then, before its next job:"
        yield from (f"  {me} machine {verb} {name}" for verb in ("clear", "reset"))
    if failed:
        raise failed


class Ear:
    """Prints what the machine says, and knows when an answer is complete."""

    def __init__(self, api: Api, machine: str, after: int) -> None:
        self.answered = Event()
        self._api = api
        self._machine = machine
        self._after = after

    def listen(self) -> None:
        """Until the program ends, or the daemon does."""
        with suppress(Unreachable, Refused):
            for line in self._api.lines(f"/v1/events?follow=1&after={self._after}"):
                self._hear(json.loads(line))
        self.answered.set()

    def _hear(self, record: Json) -> None:
        event = record["event"]
        if event.get("station") != self._machine or record["name"] not in _HEARD:
            return
        lines = event.get("lines") or [f"{_HEARD[record['name']]}: {event['reason']}"]
        for line in lines:
            print(f"< {printable(line)}", flush=True)
        if any(line.lower().startswith(_ENDS) for line in lines):
            self.answered.set()


def _typed(machine: str) -> Iterator[str]:
    if not sys.stdin.isatty():
        yield from (line.rstrip("\n") for line in sys.stdin)
        return
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - gives `input` its history
    while True:
        try:
            yield input(f"{machine}> ")
        except EOFError:
            print()
            return


def _say(api: Api, machine: str, line: str, ear: Ear) -> int:
    """How many lines went out: one or none. Refusals are told; from a file, they end it (Refused)."""
    if not line.strip():
        return 0
    ear.answered.clear()
    if not sys.stdin.isatty():
        print(f"> {printable(line)}", flush=True)
    try:
        api.post(f"/v1/machines/{quote(machine, '')}/console", {"id": str(uuid4()), "line": line})
    except Refused as refused:
        if not sys.stdin.isatty():
            raise
        print(f"refused: {printable(refused)}", flush=True)
        return 0
    if not ear.answered.wait(ANSWER_WITHIN_S):
        print(f"(no answer within {ANSWER_WITHIN_S:g} s; it is shown when it comes)", flush=True)
    return 1
