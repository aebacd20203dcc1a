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
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from cellctl_sim.control import SOCKET, ask
from cellctl_sim.demo_client import DemoFailed, Shop

CELL: Final = Path("examples/nameplate/cell.toml")
SPEED: Final = 60.0
START_S: Final = 30.0
ORDER_S: Final = 240.0
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
    parser.add_argument("--speed", type=float, default=SPEED, help="machine seconds in one second (%(default)s)")
    options = parser.parse_args(argv)
    try:
        asyncio.run(_demo(options.cell, options.text or ["ADA BYRON"], options.speed))
    except DemoFailed as failed:
        say(f"demo failed: {failed}")
        return 1
    except TimeoutError:
        say(f"demo failed: it was not done within {ORDER_S:.0f} s; is this computer very busy?")
        return 1
    return 0


async def _demo(cell: Path, texts: Sequence[str], speed: float) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cellctl-demo-"))
    broker_port = _free_port()
    settings = [f"--set=mqtt.port={broker_port}", *_urls(cell)]
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
                await _order(folder, broker_port, texts)
            await _check_world(folder)
        on_failure.pop_all()
    shutil.rmtree(folder)


async def _order(folder: Path, port: int, texts: Sequence[str]) -> None:
    shop = Shop("127.0.0.1", port, "cellctl/nameplate", folder / "dev" / SOCKET, say)
    async with asyncio.timeout(ORDER_S):
        orders = await shop.make([{"product": "nameplate", "parameters": {"text": text}} for text in texts])
    say("")
    for order in orders:
        say(await _output(["cellctl", "--socket", str(folder / "state" / "cellctl.sock"), "order", "show", order]))


async def _check_world(folder: Path) -> None:
    world = await ask(folder / "dev" / SOCKET, {"do": "world"})
    if world["violations"]:
        raise DemoFailed("; ".join(world["violations"]))
    say("the simulated world saw nothing that must never happen")


def _urls(cell: Path) -> list[str]:
    """A free port for every machine of the cell that is on the network."""
    machines = tomllib.loads(cell.read_text("utf-8"))["machines"].items()
    arms = [name for name, keys in machines if "url" in keys]
    return [f"--set=machines.{name}.url=opc.tcp://127.0.0.1:{_free_port()}/{name}" for name in arms]


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
