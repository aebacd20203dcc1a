"""The console script `cellctl-sim`: serve a simulated cell, or ask one that is being served."""

import argparse
import asyncio
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cellctl.domain.errors import ConfigError
from cellctl_sim.asking import SOCKET, ask
from cellctl_sim.faults import Fault, Kind, Way

DEVICES: Final = Path("run/dev")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 well, 1 failed, 2 a mistake in a file or on the line."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        return _ask(words[1:]) if words[:1] == ["ask"] else _serve(words)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cellctl-sim: {error}\n")
        return 1


def _serve(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="cellctl-sim",
        description="Serve the simulated twin of a cell in real time, until SIGTERM or Ctrl-C.",
        epilog="cellctl-sim ask --help: look into a running simulated cell, or lend it a hand.",
    )
    parser.add_argument("cell", type=Path, metavar="CELL_TOML")
    parser.add_argument("--devices", type=Path, default=DEVICES, help="where serial ports appear (%(default)s)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="machine seconds in one second (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for everything that is left to chance (%(default)s)")
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="override a key of the cell file, for example machines.arm-1.sim.move_s=2",
    )  # fmt: skip
    parser.add_argument(
        "--faults", type=_faults, default={}, metavar="FILE",
        help="what goes wrong: TOML or JSON with a list of faults for each machine",
    )  # fmt: skip
    options = parser.parse_args(words)
    # What serves takes long to import, and `ask` need not wait for it.
    from cellctl_sim.cell import simulate  # noqa: PLC0415 - see above
    from cellctl_sim.serve import serve  # noqa: PLC0415 - see above

    cell = simulate(options.cell, {**options.faults, **dict(options.settings)}, options.seed)
    asyncio.run(serve(cell, options.devices, options.speed, _say))
    return 0


def _ask(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="cellctl-sim ask", description="Ask a running simulated cell.")
    parser.add_argument("--devices", type=Path, default=DEVICES, help="the folder it serves (%(default)s)")
    verbs = parser.add_subparsers(dest="do", required=True)
    verbs.add_parser("world", help="where everything is, and what must never have happened")
    moves = verbs.add_parser("person-moves", help="a person takes the part at SOURCE to TARGET")
    moves.add_argument("source", metavar="SOURCE")
    moves.add_argument("target", metavar="TARGET", help='a place, or "gone": out of the cell')
    door = verbs.add_parser("door", help="open or close a machine's door")
    door.add_argument("machine", metavar="MACHINE")
    door.add_argument("open", choices=("open", "closed"))
    _add_fault(verbs)
    request = vars(parser.parse_args(words))
    path = request.pop("devices") / SOCKET
    if request["do"] == "fault":
        given = {key: value for key, value in request.items() if key in Fault.__match_args__ and value is not None}
        when = {} if given.keys() & {"at_s", "nth", "rate"} else {"at_s": 0.0}  # in the past: at once
        request = {"do": "fault", "machine": request["machine"], "fault": {**given, **when}}
    if request["do"] == "door":
        request["open"] = request["open"] == "open"
    reply = asyncio.run(ask(path, request))
    _say(json.dumps(reply, indent=2))
    return 0 if reply["ok"] else 1


def _add_fault(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fault = verbs.add_parser("fault", help="something goes wrong with a machine: at once, or as said")
    fault.add_argument("machine", metavar="MACHINE")
    fault.add_argument("kind", metavar="KIND", help=f"{', '.join(Kind)}, or one of the firmware's own")
    fault.add_argument("--at-s", type=float, help="machine time, as `ask world` tells it")
    fault.add_argument("--nth", type=int, help="the line of this number from now on")
    fault.add_argument("--rate", type=float, help="the chance of each byte or line")
    fault.add_argument("--way", choices=list(Way), help="for bytes and lines")
    fault.add_argument("--line", metavar="BEGINNING", help="only lines that begin so")
    fault.add_argument("--amount", type=float, help="seconds, or bytes")
    fault.add_argument("--text", help="what is said instead, or another name")


def _faults(path: str) -> dict[str, Any]:
    """A file with a list of faults for each machine, as settings of the cell file."""
    text = Path(path).read_text("utf-8")
    try:
        tables = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{path}: cannot be read: {error}") from error
    return {f"machines.{machine}.sim.faults": faults for machine, faults in tables.items()}


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1000:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1000, got {text}")
    return speed


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as in TOML; what is no TOML value is text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
