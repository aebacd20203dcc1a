"""Twelve disturbances in the style of NIST's ARIAC: orders on time, ours beside first-come-first-served and beside a
cell that stops altogether at any trouble until a person has been.

`python -m benchmarks.orders_disturbances --seeds 100` writes results/orders-disturbances.md.
"""

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Final

import structlog

from cellctl.app.cell import RunningCell
from cellctl.app.clock import VirtualClock
from cellctl.app.config import CellConfig, load
from cellctl.app.shift import Call, Shift
from cellctl.app.virtual_time import run_virtual
from cellctl.core.cell import Cell
from cellctl.domain.commands import CommandCell, Envelope, SubmitOrder, content_hash
from cellctl.domain.machine import MachineState
from cellctl.domain.mishaps import FaultPlan, Mishap, Stroke
from cellctl.domain.stops import CellCommand, CellMode
from cellctl.domain.work import OperationState
from cellctl.economics.forecast import run_of
from cellctl_sim.cell import simulate as twin_of
from tests.prove.orders.shops import write_shop

RESULTS: Final = Path(__file__).with_name("results") / "orders-disturbances.md"
POLICIES: Final = ("ours", "first-come", "stop-everything")
PRINTS: Final = {"block": 50, "plate": 80, "badge": 30}
HOUR_S: Final = 3600.0
ORDERS: Final = 10
RUSH: Final = "high-priority order"
DISTURBANCES: Final = (
    "faulty part", "missing part", "machine breakdown", "slow machine", RUSH, "sensor blackout",
    "gripper drops part", "human absent", "wrong sensor reading", "link cut", "daemon restart", "journal disk full",
)  # fmt: skip
_IN_TROUBLE: Final = frozenset({MachineState.ABORTED, MachineState.STOPPED})


def plan(disturbance: str, rng: Random) -> FaultPlan:
    """What goes wrong on one day."""
    printer, at_s = rng.choice(("printer-1", "printer-2")), rng.uniform(0.5, 5.0) * HOUR_S
    again_s = at_s + rng.uniform(1.0, 3.0) * HOUR_S
    plans: dict[str, FaultPlan] = {
        "faulty part": (Stroke(at_s, Mishap.BAD_PART, printer), Stroke(again_s, Mishap.BAD_PART, printer)),
        "missing part": tuple(Stroke(at_s + 900.0 * n, Mishap.MISSING_PART, "outfeed") for n in range(8)),
        "machine breakdown": (Stroke(at_s, Mishap.MACHINE_FAILS, printer, 2 * HOUR_S),),
        "slow machine": (Stroke(at_s, Mishap.SLOW, printer, 6 * HOUR_S),),
        "sensor blackout": (Stroke(at_s, Mishap.SENSES_NOTHING, "arm-1", 0.5 * HOUR_S),),
        "gripper drops part": (Stroke(at_s, Mishap.DROPS_PART, "arm-1"), Stroke(again_s, Mishap.DROPS_PART, "arm-1")),
        "human absent": (Stroke(at_s, Mishap.ABSENT, "", 3 * HOUR_S),),
        "wrong sensor reading": (Stroke(at_s, Mishap.SENSES_PART, "arm-1", 0.5 * HOUR_S),),
        "link cut": (Stroke(at_s, Mishap.LINK_CUT, printer, 1 * HOUR_S),),
        "daemon restart": (Stroke(at_s, Mishap.KILLED, "", 60.0), Stroke(again_s, Mishap.KILLED, "", 60.0)),
        "journal disk full": (Stroke(at_s, Mishap.DISK_FULL, "", 0.5 * HOUR_S),),
    }
    return tuple(sorted(plans.get(disturbance, ())))


def calls(disturbance: str, rng: Random) -> list[Call]:
    """Ten orders of a day with their due dates; a rush is one more, wanted soon."""
    said = []
    for number in range(ORDERS):
        product, at_s = rng.choice(list(PRINTS)), rng.uniform(0, 4.0) * HOUR_S
        due_s = at_s + PRINTS[product] * 60.0 + rng.uniform(1.0, 6.0) * HOUR_S
        said.append(_call(f"o-{number}", product, at_s, due_s, 0))
    if disturbance == RUSH:
        at_s = rng.uniform(1.0, 3.0) * HOUR_S
        said.append(_call("rush", "plate", at_s, at_s + 3.5 * HOUR_S, 9))
    return said


def _call(order_id: str, product: str, at_s: float, due_s: float, priority: int) -> Call:
    due_at = VirtualClock().at(due_s)
    return Call(at_s, SubmitOrder(product, {}, priority=priority, due_at=due_at, order_id=order_id), order_id)


def on_time(disturbance: str, policy: str, seed: int) -> tuple[int, int]:
    """How many orders of one day were done when they were due, and how many there were."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    cell, config = _shop()
    if policy == "first-come":
        config = replace(config, plan=replace(config.plan, dispatch="first-come"))
    rng = Random(f"{disturbance}/{seed}")  # noqa: S311 - repeatable on purpose
    twin, said = twin_of(cell, {}, seed), calls(disturbance, rng)
    twin.mishaps = plan(disturbance, rng)
    watch = [stop_everything] if policy == "stop-everything" else []
    shift = Shift(config, twin, said, watch=watch)
    run_virtual(shift.run(48 * HOUR_S))
    done_s = run_of(shift.store.read()).done_s
    due = {call.id: call.command.due_at for call in said if isinstance(call.command, SubmitOrder)}
    clock = VirtualClock()
    return sum(order_id in done_s and clock.at(done_s[order_id]) <= at for order_id, at in due.items()), len(due)


async def stop_everything(cell: RunningCell) -> None:
    """A policy beside the cell: at any trouble all of it pauses, until a person has put that right."""
    engine, numbers = cell.engine, count()
    while True:
        now = engine.cell
        wanted = CellCommand.PAUSE if _trouble(now) else CellCommand.CONTINUE
        if (now.stops.mode is CellMode.PAUSED) is not (wanted is CellCommand.PAUSE):
            command = CommandCell(wanted)
            name = f"stop-{cell.outside.ids.new()}-{next(numbers)}"
            await cell.desk.submit(Envelope(name, "policy", command, content_hash(command)))
        else:
            await engine.changed(now.counts.rev)


def _trouble(cell: Cell) -> bool:
    doubted = any(operation.state is OperationState.UNKNOWN for operation in cell.operations.values())
    lost = any(status.contact == "lost" or status.state in _IN_TROUBLE for status in cell.stations.values())
    return doubted or lost


@cache
def _shop() -> tuple[Path, CellConfig]:
    folder = Path(tempfile.mkdtemp(prefix="cellctl-disturbed-"))
    cell = write_shop(folder, printers=2, routers=1, arms=1, benches=1, prints=PRINTS)
    return cell, load(cell)


def table(seeds: Sequence[int], processes: int) -> list[str]:
    """Every disturbance with every policy."""
    lines = ["| disturbance | " + " | ".join(POLICIES) + " |", "|---|" + "---:|" * len(POLICIES)]
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        for disturbance in DISTURBANCES:
            cells = []
            for policy in POLICIES:
                days = pool.map(on_time, [disturbance] * len(seeds), [policy] * len(seeds), seeds, chunksize=5)
                done, wanted = map(sum, zip(*days, strict=True))
                cells.append(f"{done / wanted:.1%}")
            lines.append(f"| {disturbance} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    return lines


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    lines = table(range(args.seeds), args.processes)
    head = [
        "# Orders on time under twelve disturbances",
        "",
        f"{args.seeds} seeds each, of {ORDERS} orders a day on two printers, a router, an arm and a bench, at program",
        "level. Written by `make bench-orders`. *stop-everything* pauses the whole cell at any trouble until a person",
        "has put it right.",
        "",
    ]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("\n".join([*head, *lines]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
