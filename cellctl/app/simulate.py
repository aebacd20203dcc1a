"""`cellctl simulate`: the daemon's own code in virtual time, with simulated machines, customers and people."""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from random import Random
from typing import Any, Final, TextIO

import structlog

from cellctl import __version__
from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.config import CellConfig, load
from cellctl.app.program_level import at_program_level
from cellctl.app.toml_file import parse_settings, read_toml
from cellctl.app.twins import Customer, Person, until_done
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import ConfigError
from cellctl.domain.events import Record
from cellctl.domain.order_book import Wish, parse_order_book
from cellctl.economics.report import order_reports, render, summary
from cellctl.faces.mqtt.face import MqttFace, MqttSettings
from cellctl.links.memory import MemoryLinks
from cellctl.links.memory_bus import MemoryBroker
from cellctl.ports import SimulatedCell
from cellctl.stores.codec import to_json_line
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore

# When nothing has happened for so long, nothing will: the orders that are still open stay so.
PATIENCE_S: Final = 24 * 3600.0
# Beyond so many orders a report of every part is longer than anybody reads; then one line a part.
REPORTED_IN_FULL: Final = 3
LINE: Final = "line"
PROGRAM: Final = "program"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated run left behind: its log, what broke a rule of the world, and how long it took in there."""

    records: Sequence[Record]
    violations: Sequence[str]
    replies: Sequence[Mapping[str, Any]]
    virtual_s: float
    open_jobs: Sequence[str] = ()


def simulate(
    config: CellConfig,
    twin: SimulatedCell,
    wishes: Sequence[Wish | Mapping[str, Any]],
    seed: int,
    sink: Callable[[Record], None] | None = None,
    level: str = LINE,
) -> Outcome:
    """Run orders to their end in virtual time. The same arguments give the same log, byte for byte.

    `wishes`: what is asked for and when, or only the arguments of orders that all come at the beginning.
    `level`: LINE, every line of every program over its wire, or PROGRAM, a whole program as one timed operation.
    """
    if level == PROGRAM:
        config = at_program_level(config, twin.program_devices)
    timed = [wish if isinstance(wish, Wish) else Wish(0.0, "submit", wish) for wish in wishes]
    return run_virtual(_run(config, twin, timed, seed, sink))


async def _run(
    config: CellConfig,
    twin: SimulatedCell,
    wishes: Sequence[Wish],
    seed: int,
    sink: Callable[[Record], None] | None,
) -> Outcome:
    clock = VirtualClock()
    ids = SeededIds(seed)
    store = MemoryStore(clock, sink)
    broker = MemoryBroker()
    links = MemoryLinks(twin, clock)
    links.start()
    cell = RunningCell(config, Outside(clock, ids, links, store, MemoryFiles()))
    settings = MqttSettings(cell=config.plan.name, base=config.mqtt.base, version=__version__)
    face = MqttFace(cell.desk, broker.client("cellctl"), clock, ids, settings)
    person = Person(cell.engine, cell.desk, twin, clock, ids)
    customer = Customer(broker.client("customer"), clock, ids, f"{config.mqtt.base}/{config.plan.name}")
    replies: list[dict[str, Any]] = []
    async with asyncio.TaskGroup() as tasks:
        daemon = tasks.create_task(cell.run([face], person.work), name="cell")
        replies += await customer.order(wishes)
        done = await until_done(cell.engine, PATIENCE_S)
        open_jobs = [f"{job.id} of {job.order_id}: {job.why}" for job in cell.desk.view().jobs if job.why]
        daemon.cancel()
    links.close()
    return Outcome(list(store.read()), twin.violations, replies, clock.now_s(), [] if done else open_jobs)


def simulated_cell(cell_file: Path, settings: Mapping[str, Any], seed: int) -> SimulatedCell:
    """The twin of a cell file, from whichever package brings one. Raises ConfigError."""
    for entry in entry_points(group="cellctl.simulators"):
        twin: SimulatedCell = entry.load()(cell_file, settings, seed)
        return twin
    raise ConfigError(["no simulator is installed; it comes with cellctl's own wheel: pip install cellctl"])


def wishes_for(config: CellConfig, orders: int, seed: int) -> list[dict[str, Any]]:
    """As many orders as asked, over all products of the cell, with parameters within their limits."""
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    wishes = []
    for number in range(orders):
        product = config.products[number % len(config.products)]
        parameters = {name: spec.example(rng) for name, spec in product.parameters.items()}
        wishes.append({"product": product.name, "revision": product.revision, "parameters": parameters})
    return wishes


def _wishes(config: CellConfig, args: Namespace) -> Sequence[Wish | Mapping[str, Any]]:
    if args.book is None:
        return wishes_for(config, args.orders, args.seed)
    return parse_order_book(read_toml(args.book), args.book.name)


def main_simulate(args: Namespace) -> int:
    """Run, print the report, write the log; 1 if an order was refused or a rule of the world was broken."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    settings = parse_settings(args.settings)
    config = load(args.cell, settings)
    if not config.products:
        raise ConfigError([f"{args.cell.name}: cell.products is empty; there is nothing to order"])
    twin = simulated_cell(args.cell, settings, args.seed)
    with ExitStack() as stack:
        file = stack.enter_context(args.log.open("w", encoding="utf-8")) if args.log else None
        outcome = simulate(config, twin, _wishes(config, args), args.seed, _writer(file), args.level)
    for line in _lines(outcome):
        print(line)  # noqa: T201 - the command's output
    refused = [reply for reply in outcome.replies if reply["code"] != "accepted"]
    return 1 if refused or outcome.violations or outcome.open_jobs else 0


def _writer(file: TextIO | None) -> Callable[[Record], None] | None:
    if file is None:
        return None
    return lambda record: print(to_json_line(record), file=file)


def _lines(outcome: Outcome) -> list[str]:
    reports = order_reports(outcome.records)
    in_full = len(reports) <= REPORTED_IN_FULL
    lines = [render(report) for report in reports] if in_full else summary(reports)
    lines += [f"refused: {reply['message']}" for reply in outcome.replies if reply["code"] != "accepted"]
    lines += [f"a rule of the world was broken: {violation}" for violation in outcome.violations]
    lines += [f"not done: {job}" for job in outcome.open_jobs]
    hours, minutes = divmod(round(outcome.virtual_s / 60), 60)
    return [*lines, f"{len(reports)} orders in {hours} h {minutes:02d} min of the cell's time"]
