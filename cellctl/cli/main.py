"""The client's half of the program: one command, one answer, one exit status."""

import json
import os
import shlex
import sys
from argparse import Namespace
from typing import NoReturn

from cellctl.cli.client import Api, Refused, Unreachable, socket_path
from cellctl.cli.commands import COMMANDS, UsageMistake
from cellctl.cli.screen import Screen, printable
from cellctl.cli.watch import Narrator, event_lines

REFUSED = 1
INTERRUPTED = 130


def run_client(args: Namespace) -> int:
    """Do what was parsed, print the answer and return the exit status."""
    try:
        _run(args)
    except Refused as refused:
        return _say(REFUSED, f"refused: {refused}", json.dumps(refused.reply) if args.json else "")
    except Unreachable as lost:
        return _say(os.EX_UNAVAILABLE, str(lost))
    except UsageMistake as mistake:
        return _say(os.EX_USAGE, str(mistake))
    except KeyboardInterrupt:
        return os.EX_OK if args.verb == "watch" else INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough (| head). What is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return os.EX_OK


def _run(args: Namespace) -> None:
    me = f"cellctl --socket {shlex.quote(str(args.socket))}" if args.socket else "cellctl"
    screen = Screen.of(sys.stdout, os.environ)._replace(me=me)
    api = Api(socket_path(args.socket, os.environ))
    if args.verb == "watch":
        _watch(api, args, screen)
    for line in COMMANDS[args.verb, getattr(args, "action", "")](api, args, screen):
        print(line)
    sys.stdout.flush()


def _watch(api: Api, args: Namespace, screen: Screen) -> NoReturn:
    status = api.get("/v1/status")
    narrator = Narrator(status)
    after = status["rev"] if args.after is None else args.after
    for line in api.lines(f"/v1/events?follow=1&after={after}"):
        record = json.loads(line)
        if args.json:
            print(line, end="", flush=True)
        elif told := narrator.tell(record):
            print("\n".join(event_lines(record, told, screen)), flush=True)
    raise Unreachable("the daemon has ended the stream; when it runs again: cellctl watch")


def _say(status: int, sentence: str, answer: str = "") -> int:
    if answer:
        print(answer)
    print(f"cellctl: {printable(sentence)}", file=sys.stderr)
    return status
