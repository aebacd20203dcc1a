"""The program `cellctl`: the daemon's verbs live in this room, all others talk to a running daemon.

Each half is imported when it is asked for: a client that only asks for the status must not wait for OPC UA.
"""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from cellctl.cli.main import run_client
from cellctl.cli.parser import parse
from cellctl.domain.errors import ConfigError

DAEMON_VERBS = {
    "run": ("cellctl.app.daemon", "main_run"),
    "simulate": ("cellctl.app.forecast", "main_simulate"),
    "check": ("cellctl.app.check", "main_check"),
    "opcua": ("cellctl.app.opcua_tools", "main_opcua"),
}

# With --state: on a folder that no daemon uses.
OFFLINE_VERBS = {
    "backup": ("cellctl.app.keeping", "main_keep"),
    "journal": ("cellctl.app.keeping", "main_keep"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit status; 78 (EX_CONFIG) for a mistake in a file."""
    args = parse(argv)
    verbs = DAEMON_VERBS | (OFFLINE_VERBS if getattr(args, "state", None) else {})
    if args.verb not in verbs:
        return run_client(args)
    module, function = verbs[args.verb]
    if args.verb == "run":
        # Until everything is loaded nothing of it is garbage; the daemon, once ready, lets the collector work again.
        gc.disable()
    try:
        return int(getattr(import_module(module), function)(args))
    except ConfigError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201 - before there is a log
        return os.EX_CONFIG


if __name__ == "__main__":
    sys.exit(main())
