"""`python -m benchmarks`: measure, print one line for each figure, write all of it as JSON."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import meters, peers, serial_lines
from benchmarks.figures import Figure
from benchmarks.quiet import Patience
from benchmarks.serial_lines import Results, Settings

RESULTS: Final = Path(__file__).with_name("results")


def main() -> int:
    """Exit status 0 also where a figure falls short: the lines say so."""
    args = _parser().parse_args()
    patience = Patience(args.patience, args.tries)
    if args.area == "opcua":
        return _opcua(args, patience)
    if args.area == "orders":
        return _orders(args)
    settings = Settings(args.rounds, args.window, patience, not args.no_peers, args.large)
    if settings.peers and not peers.installed():
        print(f"installing Printrun and OctoPrint into {peers.folder()}", file=sys.stderr)
        peers.install()
    before = _conditions()
    results = serial_lines.measure(settings, partial(_wanted, args.only), lambda line: print(line, file=sys.stderr))
    figures = list(serial_lines.figures(results))
    _tell(args.json, before, figures, {"settings": asdict(settings), "runs": _plain(results)})
    return 0


def _opcua(args: argparse.Namespace, patience: Patience) -> int:
    # asyncua is only needed here.
    from benchmarks import opcua  # noqa: PLC0415

    before = _conditions()
    wanted = partial(_wanted, args.only)
    results = opcua.measure(args.rounds, args.window, patience, wanted, lambda line: print(line, file=sys.stderr))
    _tell(args.json, before, list(opcua.figures(results)), {"runs": opcua.plain(results)})
    return 0


def _orders(args: argparse.Namespace) -> int:
    # Restarts take minutes, dispatch needs the tests' random queues: nobody else does.
    from benchmarks import orders_dispatch, orders_on_time, orders_restart  # noqa: PLC0415

    before = _conditions()
    dispatched = [*orders_dispatch.figures(args.rounds), *orders_on_time.figures()]
    found = orders_restart.measure(orders_restart.ORDERS, orders_restart.STARTS)
    _tell(args.json, before, [*dispatched, *orders_restart.figures(found)], {"restarts": asdict(found)})
    return 0


def _wanted(only: Sequence[str] | None, name: str) -> bool:
    return not only or name in only


def _tell(path: Path, before: dict[str, Any], figures: Sequence[Figure], more: dict[str, Any]) -> None:
    for figure in figures:
        print(figure.line())
    print(f"load average {before['load']} before, {_conditions()['load']} after; others as each run says")
    plain = [figure.plain() for figure in figures]
    content = {"before": before, "after": _conditions(), "figures": plain, **more}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"everything: {path}")


def _parser() -> argparse.ArgumentParser:
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("area", nargs="?", choices=["serial", "opcua", "orders"], default="serial")
    parser.add_argument("--only", action="append", metavar="NAME", help="grbl, hold, changes, call ...")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="how often everything is run [3]")
    parser.add_argument("--window", type=float, default=usual.window_s, metavar="S", help="length of a window [3]")
    parser.add_argument("--patience", type=float, default=30.0, metavar="S", help="wait for quiet before a run [30]")
    parser.add_argument("--tries", type=int, default=3, metavar="N", help="for a run that nobody disturbs [3]")
    parser.add_argument("--large", type=int, default=usual.large_moves, metavar="N", help="moves for memory [10^7]")
    parser.add_argument("--no-peers", action="store_true", help="without Printrun and OctoPrint")
    parser.add_argument("--json", type=Path, default=RESULTS / "latest.json", metavar="FILE")
    return parser


def _conditions() -> dict[str, Any]:
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": load, **meters.computer()}


def _plain(results: Results) -> dict[str, dict[str, list[dict[str, float]]]]:
    return {
        contest: {host: [asdict(run) for run in found] for host, found in by_host.items()}
        for contest, by_host in results.runs.items()
    }


if __name__ == "__main__":
    sys.exit(main())
