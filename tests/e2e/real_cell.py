"""A cell in a folder of its own: simulated machines behind tapped lines, and the daemon, all of them processes."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from cellctl_sim.asking import SOCKET
from cellctl_sim.asking import ask as ask_world
from tests.broker import Mosquitto
from tests.e2e.programs import Program, ask
from tests.e2e.taps import Taps

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
SERIAL = {name: f"cell/{name}" for name in ("printer-1", "printer-2", "router-1")}
Json = dict[str, Any]


class RealCell:
    """Lives as long as `running`. `daemon` is the present one, `news` its events (`cellctl watch --json`)."""

    daemon: Program
    news: Program

    def __init__(
        self, running: ExitStack, folder: Path, broker: Mosquitto, speed: float, products: str, cell: Path = CELL
    ) -> None:
        self.folder = folder
        self.cell = cell
        self.broker = broker
        self._running = running
        self._speed = ["--speed", f"{speed:g}"]
        self._settings = [
            f"--set=mqtt.port={broker.port}",
            "--set=mqtt.protocol=5",
            # A pty boots at once.
            *(f"--set=machines.{name}.boot_s=0.5" for name in ("printer-1", "printer-2")),
            # To a machine that runs so much faster, a daemon is a long time away until it is started again.
            *(f"--set=machines.{name}.dead_man_s=36000" for name in ("printer-1", "printer-2")),
        ]
        serial = SERIAL | ({} if cell == CELL else {"arm-1": "cell/arm-1"})
        if cell == CELL:
            self._settings += [f"--set=machines.arm-1.url=opc.tcp://127.0.0.1:{free_port()}/arm-1"]
        self._products = [f"--set=cell.products={products}"]
        machines = ["--devices", folder / "sim", *self._speed, *self._settings]
        simulator = running.enter_context(Program("cellctl-sim", cell, *machines))
        simulator.out.until(lambda line: line == "ready" or None)
        self.taps = running.enter_context(closing(Taps(folder / "sim", folder / "dev", serial)))
        self.start()

    # ---- the daemon ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemon, and listen to its events from the first one on."""
        self.daemon = self._running.enter_context(Program("cellctl", *self.run_line()))
        self.daemon.err.until(lambda line: "controller.ready" in line or None)
        watch = ["--socket", self.socket, "watch", "--json", "--after", 0]
        self.news = self._running.enter_context(Program("cellctl", *watch))

    def run_line(self) -> list[object]:
        """The command line of the daemon."""
        devices = ["--devices", self.folder / "dev", *self._speed]
        return ["run", self.cell, "--state", self.folder / "state", *devices, *self._settings, *self._products]

    @property
    def socket(self) -> Path:
        """Where the daemon listens."""
        return self.folder / "state" / "cellctl.sock"

    # ---- a person at the terminal --------------------------------------------------------------------------------

    def cellctl(self, *words: object) -> str:
        """What a command prints; it must succeed."""
        done = ask("cellctl", "--socket", self.socket, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, product: str, text: str) -> str:
        """Order something; returns the order's name."""
        reply = json.loads(self.cellctl("order", "submit", product, "-p", f"text={text}", "--json"))
        order: str = reply["result"]["order_id"]
        return order

    def status(self) -> Json:
        """`cellctl status --json`"""
        status: Json = json.loads(self.cellctl("status", "--json"))
        return status

    def machine(self, name: str) -> Json:
        """One machine in the status."""
        return next(machine for machine in self.status()["machines"] if machine["name"] == name)

    def until(self, name: str, wanted: Callable[[Json], bool] = lambda event: True) -> Json:
        """The next event of this name that is wanted."""

        def look(line: str) -> Json | None:
            record = json.loads(line)
            return record["event"] if record["name"] == name and wanted(record["event"]) else None

        try:
            return self.news.out.until(look)
        except AssertionError as missing:
            raise AssertionError(f"no {name}; the daemon's log ends with {self.daemon.err.heard[-5:]}") from missing

    def happened_since_start(self) -> list[str]:
        """The names of all events since the daemon was started last."""
        return [record["name"] for record in self._records_since_start()]

    def _since_start(self, name: str) -> list[Json]:
        return [record["event"] for record in self._records_since_start() if record["name"] == name]

    def _records_since_start(self) -> list[Json]:
        records = [json.loads(line) for line in self.news.out.heard]
        names = [record["name"] for record in records]
        start = len(names) - names[::-1].index("controller.started") if "controller.started" in names else 0
        return records[start:]

    def until_state(self, machine: str, state: str) -> None:
        """A machine reports a state."""
        self.until("station.state", lambda event: event["station"] == machine and event["state"] == state)

    def until_idle(self, *machines: str) -> None:
        """Each of these machines is idle, or reports that it is, in any order."""
        shown = {event["station"]: event["state"] for event in self._since_start("station.state")}
        missing = {machine for machine in machines if shown.get(machine) != "IDLE"}
        while missing:
            idle = self.until("station.state", lambda event: event["state"] == "IDLE")
            missing.discard(idle["station"])

    def until_asked(self) -> Json:
        """The next question to a person."""
        prompt: Json = self.until("prompt.raised")["prompt"]
        return prompt

    def answer_bench(self) -> None:
        """The person at the bench carries the next part there, and finds it good."""
        carry, inspect = self.until_asked(), None
        prompt = next(each for each in self.status()["prompts"] if each["id"] == carry["id"])
        self.person_moves(prompt["source"], prompt["target"])
        self.cellctl("prompt", "answer", carry["id"], "done")
        inspect = self.until_asked()
        self.person_moves("bench-1.desk", "gone")
        self.cellctl("prompt", "answer", inspect["id"], "accept")

    # ---- the world of the simulated machines ---------------------------------------------------------------------

    def world(self) -> Json:
        """Where everything is, and what must never have happened."""
        done = ask("cellctl-sim", "ask", "--devices", self.folder / "sim", "world")
        assert done.returncode == 0, done.stderr
        world: Json = json.loads(done.stdout)
        return world

    def person_moves(self, source: str, target: str) -> None:
        """A person takes what is at one place to another."""
        request = {"do": "person-moves", "source": source, "target": target}
        moved = asyncio.run(ask_world(self.folder / "sim" / SOCKET, request))
        assert moved["ok"], moved


def free_port() -> int:
    """A port of this computer that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
