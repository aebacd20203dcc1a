"""`make demo`: one order from an MQTT command to a finished part, on a simulated cell, in about a minute.

Three programs run as they would in a shop: a broker, the simulated machines and the daemon. This one is the
customer, and it answers for the person at the bench (and says so).
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from cellctl.domain.errors import ConfigError
from cellctl.domain.order_book import Wish, parse_order_book
from cellctl_sim.asking import SOCKET, ask
from cellctl_sim.demo_client import DemoFailed, Shop

CELL: Final = Path("examples/nameplate/cell.toml")
SPEED: Final = 60.0
START_S: Final = 120.0
ORDER_S: Final = 240.0
# A shop has a day of its own time for what comes in last.
AFTER_LAST_S: Final = 86_400.0
# A robot on the network is seen twenty times in a second of the computer: a move that is to be seen lasts longer.
MOVE_S: Final = 0.1
MOST_MOVES: Final = 100
# More orders than these are only counted in the end.
REPORTED: Final = 5
BROKER: Final = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when every order was made and no rule of the world was broken."""
    parser = argparse.ArgumentParser(prog="cellctl-demo", description="One order, from a command to a finished part.")
    parser.add_argument("--cell", type=Path, default=CELL)
    parser.add_argument("--text", action="append", metavar="TEXT", help="what to engrave; again for another order")
    parser.add_argument("--book", type=Path, metavar="FILE", help="an order book instead: what comes in when")
    parser.add_argument("--speed", type=float, default=SPEED, help="machine seconds in one second (%(default)s)")
    options = parser.parse_args(argv)
    try:
        wishes = _wishes(options.book, options.text or ["ADA BYRON"])
        asyncio.run(_demo(options.cell, wishes, options.speed))
    except (DemoFailed, ConfigError) as failed:
        say(f"demo failed: {failed}")
        return 1
    except TimeoutError:
        say("demo failed: it was not done in time; is this computer very busy, or the speed too high for it?")
        return 1
    return 0


def _wishes(book: Path | None, texts: Sequence[str]) -> Sequence[Wish]:
    if book is None:
        return [Wish(0.0, "submit", {"product": "nameplate", "parameters": {"text": text}}) for text in texts]
    return parse_order_book(tomllib.loads(book.read_text("utf-8")), book.name)


async def _demo(cell: Path, wishes: Sequence[Wish], speed: float) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cellctl-demo-"))
    broker_port = _free_port()
    settings = [f"--set=mqtt.port={broker_port}", *_networked(cell, speed)]
    devices = ["--devices", str(folder / "dev"), "--speed", f"{speed:g}"]
    daemon = ["cellctl", "run", str(cell), "--state", str(folder / "state"), *devices, *settings]
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(say, f"logs of all programs are in {folder}")
        async with (
            _program(folder, _broker(folder, broker_port), "broker"),
            _program(folder, ["cellctl-sim", str(cell), *devices, *settings], "machines") as machines,
        ):
            await _until_ready(machines)
            say(f"simulated machines run {speed:g} times faster than real ones; the daemon's clock runs with them")
            async with _program(folder, daemon, "daemon"):
                shop = Shop("127.0.0.1", broker_port, f"cellctl/{_name(cell)}", folder / "dev" / SOCKET, say)
                await _order(folder, shop, wishes, speed)
            await _check_world(folder)
        on_failure.pop_all()
    shutil.rmtree(folder)


async def _order(folder: Path, shop: Shop, wishes: Sequence[Wish], speed: float) -> None:
    async with asyncio.timeout(ORDER_S + (wishes[-1].at_s + AFTER_LAST_S * (len(wishes) > 1)) / speed):
        orders = await shop.make(wishes, speed)
    say("")
    if len(orders) > REPORTED:
        say(f"{len(orders)} orders: " + ", ".join(f"{n} {how}" for how, n in Counter(orders.values()).items()))
        return
    for order in orders:
        say(await _output(["cellctl", "--socket", str(folder / "state" / "cellctl.sock"), "order", "show", order]))


async def _check_world(folder: Path) -> None:
    world = await ask(folder / "dev" / SOCKET, {"do": "world"})
    if world["violations"]:
        raise DemoFailed("; ".join(world["violations"]))
    say("the simulated world saw nothing that must never happen")


def _name(cell: Path) -> str:
    name: str = tomllib.loads(cell.read_text("utf-8"))["cell"]["name"]
    return name


def _networked(cell: Path, speed: float) -> list[str]:
    """A free port for every machine of the cell that is on the network, and moves that can be seen at this speed."""
    machines = tomllib.loads(cell.read_text("utf-8"))["machines"].items()
    settings = []
    for name, keys in machines:
        if "url" in keys:
            settings.append(f"--set=machines.{name}.url=opc.tcp://127.0.0.1:{_free_port()}/{name}")
        if "url" in keys and keys["sim"].get("move_s", 0.0) < MOVE_S * speed and "move_s" in keys["sim"]:
            settings.append(f"--set=machines.{name}.sim.move_s={MOVE_S * speed:g}")
            settings.append(f"--set=machines.{name}.carry_timeout_s={MOST_MOVES * MOVE_S * speed:g}")
    return settings


def _broker(folder: Path, port: int) -> list[str]:
    file = folder / "broker.yaml"
    file.write_text(BROKER.format(port=port), encoding="utf-8")
    return ["amqtt", "-c", str(file)]


@contextlib.asynccontextmanager
async def _program(folder: Path, command: Sequence[str], name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program beside us, what it says on standard error in a log of its own; end it with SIGTERM."""
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            _beside(command[0]), *command[1:], stdout=asyncio.subprocess.PIPE, stderr=log
        )
        try:
            yield process
            if process.returncode is not None:
                raise DemoFailed(f"the {name} ended by itself with {process.returncode}")
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


async def _until_ready(machines: asyncio.subprocess.Process) -> None:
    """The simulator prints a line for each machine, and `ready` when all of them can be reached."""
    async with asyncio.timeout(START_S):
        while machines.stdout and (line := (await machines.stdout.readline()).decode().rstrip()) != "ready":
            if not line:
                raise DemoFailed("the simulated machines ended before they were ready")
            say(f"         {line}")


async def _output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        _beside(command[0]), *command[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoFailed(output.decode())
    return output.decode().rstrip()


def _beside(program: str) -> str:
    """Programs of the same environment come first."""
    path = Path(sys.executable).parent / program
    return str(path) if path.exists() else program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(line: Any) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}{os.linesep}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
