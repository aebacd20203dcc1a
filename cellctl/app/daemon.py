"""`cellctl run`: the composition root. Here, and nowhere else, the real world is plugged into the ports."""

import asyncio
import gc
import os
import signal
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog
import uvloop

from cellctl import __version__
from cellctl.app.cell import Face, Outside, RunningCell
from cellctl.app.clock import RealClock, RealIds
from cellctl.app.config import CellConfig, credentials_of, load
from cellctl.app.keeping import Keeper
from cellctl.app.observe import configure
from cellctl.app.systemd import Notifier
from cellctl.app.timekeeper import Timekeeper
from cellctl.app.toml_file import parse_settings
from cellctl.cli.client import told_socket
from cellctl.domain.errors import CellError, ConfigError
from cellctl.economics.report import order_report, render
from cellctl.faces.api.face import ApiFace
from cellctl.links.opcua_keys import Keys
from cellctl.links.real import RealLinks
from cellctl.links.wire_tap import TappedLinks
from cellctl.stores.book import SqliteBook
from cellctl.stores.files import ProgramFiles
from cellctl.stores.journal import Journal
from cellctl.stores.room import Room

# Without a watchdog the health of the parts is still looked at, and logged.
UNWATCHED_PERIOD_S: Final = 5.0
# Machines are met before the service is called ready, but one that says nothing keeps nobody waiting for longer.
MEETING_S: Final = 30.0
# While the journal is folded, each sign of progress buys so much time from systemd.
FOLDING_S: Final = 60.0

Beside = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger()


def main_run(args: Namespace) -> int:
    """Run a cell until SIGTERM or SIGINT. Exit 0 after an orderly end, 70 when an essential part failed."""
    configure()
    config = load(args.cell, parse_settings(args.settings))
    try:
        args.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"--state {args.state}: the folder cannot be made ({error.strerror})"]) from None
    status = os.EX_OK
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(config, args))
    except* CellError as failed:
        status = _exit_status(failed)
    return status


def _exit_status(failed: ExceptionGroup[CellError]) -> int:
    """Say what failed. A mistake in a file does not go away by starting again, and systemd is told so."""
    mistakes, others = failed.split(ConfigError)
    for group in (mistakes, others):
        for error in _leaves(group) if group else ():
            log.critical("controller.failed", why=str(error))
    return os.EX_CONFIG if mistakes else os.EX_SOFTWARE


def _leaves(group: BaseExceptionGroup[CellError]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _run(config: CellConfig, args: Namespace) -> None:
    clock = RealClock(args.speed)
    config = replace(config, plan=replace(config.plan, speed=clock.speed))
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(args.state / "journal.sqlite", clock, Room(args.state)))
        book = stack.enter_context(SqliteBook(args.state / "orders.sqlite", clock))
        keys = Keys(args.state / "opcua", credentials_of(config.path), clock.utc)
        links = TappedLinks(RealLinks(args.devices, args.speed, keys=keys), _taps(config, args.taps), clock)
        programs = ProgramFiles(args.state / "programs")
        cell = RunningCell(config, Outside(clock, RealIds(), links, journal, programs, links.calling, book))
        keeper = Keeper(args.state, journal, book, clock)
        service = Service(cell, Notifier(os.environ))
        api = ApiFace(
            cell.desk,
            _socket_path(args),
            clock,
            cell.outside.ids,
            report=lambda order_id: order_report(cell.engine.records(), order_id),
            render=render,
            version=__version__,
            notices=lambda: [*keys.notices(), *keeper.notices()],
            keeper=keeper,
        )
        faces: list[Face] = [api]
        if config.mqtt.enabled:
            # What a cell does without need not be waited for at its start; of OPC UA that is a second.
            from cellctl.app.mqtt_face import mqtt_face  # noqa: PLC0415

            faces.append(mqtt_face(config, cell))
        beside: list[Beside] = [Timekeeper(cell.engine, clock).keep, keeper.look_through]
        if config.journal.archive_after_days:
            beside.append(keeper.archiving(cell, config.journal.archive_after_days))
        if args.taps:
            beside.append(links.run)
        if config.opcua.enabled:
            from cellctl.app.opcua_face import opcua_face, settling  # noqa: PLC0415

            opcua = opcua_face(config, cell, args.state)
            faces.append(opcua)
            beside.append(settling(opcua))
        await service.run(faces, api.listening, *beside)


class Service:
    """The cell as systemd sees it: ready, healthy, stopping."""

    def __init__(self, cell: RunningCell, notifier: Notifier) -> None:
        self._cell = cell
        self._notifier = notifier
        cell.engine.log.folding = self._fold

    async def run(self, faces: list[Face], listening: asyncio.Event, *beside: Beside) -> None:
        """Until SIGTERM or SIGINT, or until an essential part fails."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        async def announce() -> None:
            await listening.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(MEETING_S):
                    await self._cell.met()
            # What is loaded by now stays. Unless the collector is told so, it looks at all of it again and again, and
            # the machines wait for tens of milliseconds meanwhile.
            gc.collect()
            gc.freeze()
            gc.enable()
            self._notifier.ready(self._status())
            log.info("controller.ready", version=__version__, cell=self._cell.config.plan.name)

        async with asyncio.TaskGroup() as tasks:
            cell = tasks.create_task(self._cell.run(faces, announce, self._cell.beat, self.watch, *beside), name="cell")
            stopped = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait([cell, stopped], return_when=asyncio.FIRST_COMPLETED)
            self._notifier.stopping()
            log.info("controller.stopping")
            cell.cancel()
            stopped.cancel()

    async def watch(self) -> None:
        """Feed the watchdog, but only while every essential part makes progress."""
        period_s = (self._notifier.watchdog_s or 3 * UNWATCHED_PERIOD_S) / 3
        while True:
            stuck = await self._cell.stuck()
            if stuck:
                log.error("controller.stuck", part=stuck)
            else:
                self._notifier.alive()
                self._notifier.status(self._status())
            await asyncio.sleep(period_s)

    def _fold(self, seq: int, last_seq: int) -> None:
        self._notifier.extend(FOLDING_S, f"reads its journal: record {seq} of {last_seq}")

    def _status(self) -> str:
        view = self._cell.desk.view()
        found = sum(machine.contact == "found" for machine in view.machines)
        running = sum(order.state in ("open", "running") for order in view.orders)
        return f"{found} of {len(view.machines)} machines, {running} open orders, {len(view.prompts)} questions"


def _taps(config: CellConfig, wanted: Sequence[tuple[str, str]]) -> dict[str, Path]:
    """Which machines' lines are written down, and where. Raises ConfigError with every mistake."""
    taps = {machine: Path(file) for machine, file in wanted}
    wired = [name for name, machine in config.machines.items() if hasattr(machine.options, "port")]
    mistakes = [
        f"--tap {each}: no machine with a line; these have one: {', '.join(wired)}" for each in taps.keys() - wired
    ]
    mistakes += [
        f"--tap {name}={file}: there is no folder {file.parent}"
        for name, file in taps.items()
        if not file.parent.is_dir()
    ]
    if mistakes:
        raise ConfigError(sorted(mistakes))
    return taps


def _socket_path(args: Namespace) -> Path:
    path: Path = told_socket(args.socket, os.environ) or args.state / "cellctl.sock"
    return path
