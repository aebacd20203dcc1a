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
from itertools import count, islice, product
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import fmean
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
from cellctl.domain.stock_commands import AdjustMaterial, LoadMaterial
from cellctl.domain.stops import CellCommand, CellMode
from cellctl.domain.work import GONE, NOWHERE, Disposition, OperationState
from cellctl.economics.forecast import run_of
from cellctl_sim.cell import simulate as twin_of
from tests.prove.orders.shops import write_shop

RESULTS: Final = Path(__file__).with_name("results") / "orders-disturbances.md"
POLICIES: Final = ("ours", "first-come", "stop-everything")
PRINTS: Final = {"block": 50, "plate": 80, "badge": 30}
HOUR_S: Final = 3600.0
# The load is chosen once, for all rows and all policies: so much of what the printers, the bottleneck, can do.
LOAD: Final = 0.85
PRINTERS: Final = ("printer-1", "printer-2")
DAY_S: Final = 8 * HOUR_S
# Beside its program a print keeps its printer busy by heating, cooling, and until the part is away (measured).
BESIDE_S: Final = 195.0
ORDERS: Final = round(LOAD * len(PRINTERS) * DAY_S / (60.0 * fmean(PRINTS.values()) + BESIDE_S))
# An order is due after so many times what it takes by itself: the usual rule for due dates (total work content).
DUE_AFTER: Final = 3.0
RUSH: Final = "high-priority order"
SHORT: Final = "insufficient material"
UNDISTURBED: Final = "(nothing goes wrong)"
DISTURBANCES: Final = (
    UNDISTURBED, "faulty part", "missing part", "wrong material", SHORT, "machine breakdown", "slow machine", RUSH,
    "sensor blackout", "wrong sensor reading", "gripper drops part", "human absent", "link cut",
)  # fmt: skip
# What the smallest product takes of a spool, in mm, with the margin.
_LEAST_MM: Final = 10.0
_SPOOLS: Final = "".join(
    f'[lots.spool-{name}]\nmaterial = "PLA"\nat = "{name}"\namount = 10000.0\n' for name in PRINTERS
)
_IN_TROUBLE: Final = frozenset({MachineState.ABORTED, MachineState.STOPPED})


def plan(disturbance: str, rng: Random) -> FaultPlan:
    """What goes wrong on one day."""
    printer, at_s = rng.choice(PRINTERS), rng.uniform(0.5, 5.0) * HOUR_S
    again_s = at_s + rng.uniform(1.0, 3.0) * HOUR_S
    plans: dict[str, FaultPlan] = {
        "faulty part": (Stroke(at_s, Mishap.BAD_PART, printer), Stroke(again_s, Mishap.BAD_PART, printer)),
        "missing part": tuple(Stroke(at_s + 900.0 * n, Mishap.MISSING_PART, "outfeed") for n in range(8)),
        "wrong material": (Stroke(at_s, Mishap.WRONG_MATERIAL, printer, 2.5 * HOUR_S),),
        "machine breakdown": (Stroke(at_s, Mishap.MACHINE_FAILS, printer, 2 * HOUR_S),),
        "slow machine": (Stroke(at_s, Mishap.SLOW, printer, 6 * HOUR_S),),
        "sensor blackout": (Stroke(at_s, Mishap.SENSES_NOTHING, "arm-1", 0.5 * HOUR_S),),
        "gripper drops part": (Stroke(at_s, Mishap.DROPS_PART, "arm-1"), Stroke(again_s, Mishap.DROPS_PART, "arm-1")),
        "human absent": (Stroke(at_s, Mishap.ABSENT, "", 3 * HOUR_S),),
        "wrong sensor reading": (Stroke(at_s, Mishap.SENSES_PART, "arm-1", 0.5 * HOUR_S),),
        "link cut": (Stroke(at_s, Mishap.LINK_CUT, printer, 1 * HOUR_S),),
    }
    return tuple(sorted(plans.get(disturbance, ())))


def calls(disturbance: str, rng: Random) -> list[Call]:
    """The orders of a day with their due dates; a rush is one more, wanted soon. A spool may be all but empty, and the
    next one late."""
    said = []
    for number in range(ORDERS):
        wanted, at_s = rng.choice(list(PRINTS)), rng.uniform(0, DAY_S)
        said.append(_call(f"o-{number}", wanted, at_s, 0))
    if disturbance == RUSH:
        said.append(_call("rush", "plate", rng.uniform(0.25, 0.75) * DAY_S, 9))
    if disturbance == SHORT:
        printer, at_s = rng.choice(PRINTERS), rng.uniform(0.5, 5.0) * HOUR_S
        weighed = AdjustMaterial(f"spool-{printer}", _LEAST_MM / 2, "weighed")
        said.append(Call(at_s, weighed, "weighed"))
        said.append(Call(at_s + 2.5 * HOUR_S, LoadMaterial("spool-new", printer, "PLA", 10_000.0), "loaded"))
    return said


def _call(order_id: str, product: str, at_s: float, priority: int) -> Call:
    due_at = VirtualClock().at(at_s + DUE_AFTER * (60.0 * PRINTS[product] + BESIDE_S))
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
    # Scrap stands about until a person has taken it away.
    scrap = any(
        part.disposition is Disposition.SCRAPPED and part.place not in (NOWHERE, GONE) for part in cell.parts.values()
    )
    # What runs from a spool must end before that can be changed.
    working = {operation.station for operation in cell.operations.values()}
    here = [lot for lot in cell.stock.lots.values() if lot.place in PRINTERS and lot.place not in working]
    out = any(lot.remaining < _LEAST_MM for lot in here)
    return doubted or lost or scrap or out


@cache
def _shop() -> tuple[Path, CellConfig]:
    folder = Path(tempfile.mkdtemp(prefix="cellctl-disturbed-"))
    cell = write_shop(folder, printers=len(PRINTERS), routers=1, arms=1, benches=1, prints=PRINTS)
    cell.write_text(cell.read_text() + _SPOOLS)
    return cell, load(cell)


def table(seeds: Sequence[int], processes: int) -> list[str]:
    """Every disturbance with every policy."""
    lines = ["| disturbance | " + " | ".join(POLICIES) + " |", "|---|" + "---:|" * len(POLICIES)]
    asked = list(product(DISTURBANCES, POLICIES, seeds))
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        days = pool.map(on_time, *zip(*asked, strict=True), chunksize=5)
        for disturbance in DISTURBANCES:
            cells = []
            for _ in POLICIES:
                done, wanted = map(sum, zip(*islice(days, len(seeds)), strict=True))
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
        f"{args.seeds} seeds each, of {ORDERS} orders in {DAY_S / HOUR_S:.0f} hours on two printers, a router, an arm",
        f"and a bench, at program level: {LOAD:.0%} of what the printers can do. An order is due after {DUE_AFTER:g}",
        "times what it takes by itself; both are the same in all rows and for all policies. Written by",
        "`make bench-orders`. *stop-everything* pauses the whole cell at any trouble (a machine down or not heard,",
        "work of unknown outcome, scrap that stands about, an empty spool) until a person has put it right.",
        "",
    ]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("\n".join([*head, *lines]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
