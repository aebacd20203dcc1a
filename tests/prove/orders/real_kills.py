"""Real SIGKILLs: the daemon as a process, with pseudo-terminals, SQLite and a fast clock, killed at random moments.

Judged by the simulated world, by the bytes on every wire, and by the journal.
`python -m tests.prove.orders.real_kills KILLS SEED` fights one battle.
"""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Timer
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import quote
from uuid import UUID

from cellctl.app.config import load
from cellctl.cli.client import Api, Refused, Unreachable
from cellctl.core import invariants
from cellctl.core.cell import apply, empty
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import GONE, Disposition
from cellctl.stores.codec import decode
from cellctl_sim.asking import SOCKET
from cellctl_sim.asking import ask as ask_world
from tests.app.kills import MOVES, quick_product
from tests.app.tally import Figures, Tally, figures
from tests.broker import Mosquitto
from tests.e2e.real_cell import CELL, Json, RealCell
from tests.e2e.taps import Taps
from tests.prove.claims import Claim

KILLS: Final = 1000
SPEED: Final = 240.0
# How long a daemon lives once it answers, in seconds of the world outside; some live longer, or die on the way there.
LIVES_S: Final = (0.02, 1.2)
LONG_LIVES_S: Final = (1.0, 4.0)
LONG: Final = 0.2
EARLY: Final = 0.1
LOOKS_EVERY_S: Final = 0.05
DONE_WITHIN_S: Final = 120.0
WAY_BACK: Final = {"HELD": "resume", "ABORTED": "clear", "STOPPED": "reset"}
SHARES: Final = 2
# Enough is enough: kills stop after so long, and the claim says how many there were.
LIMIT_S: Final = 2400.0
# What the quick print begins to lay down with; what comes before it only homes and heats, and may come again.
BEGINS: Final = re.compile(rb"G1 X60 Y60 E1 ")

# Rules that were broken, what the journal says of the crashes, and how many daemons were killed.
Found = tuple[list[str], Tally, int]


class ForkedCell(RealCell):
    """A real cell whose daemons come from a zygote."""

    zygote_module = "tests.prove.orders.zygote"

    def __init__(self, running: ExitStack, folder: Path) -> None:
        command = [sys.executable, "-m", self.zygote_module, str(folder / "daemon.log")]
        self.zygote = running.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        running.callback(self.zygote.terminate)
        self.pid = 0
        broker = cast(Mosquitto, SimpleNamespace(port=1))
        super().__init__(running, folder, broker, SPEED, f'["{quick_product(folder)}"]')

    def start(self) -> None:
        """One more daemon; whether it answers is for others to find out."""
        words = [*(str(word) for word in self.run_line()), "--set=mqtt.enabled=false"]
        assert self.zygote.stdin is not None and self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps(words) + "\n")
        self.zygote.stdin.flush()
        self.pid = int(self.zygote.stdout.readline())

    def kill(self) -> None:
        """SIGKILL, from any thread."""
        os.kill(self.pid, signal.SIGKILL)

    def buried(self) -> None:
        """It is gone, and the last bytes that it said have passed its taps."""
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                sleep(0.005)
        sleep(LOOKS_EVERY_S)


class Wires:
    """Every byte to the machines on serial lines: does one move while a person is asked about it, or work begin twice?

    Looked at from the start of a daemon on, or from where its machine was last seen at work or was brought back.
    """

    def __init__(self, taps: Taps) -> None:
        self.broken: list[str] = []
        self._taps = taps
        self._since: dict[str, int] = {}
        self._brought_back: set[str] = set()

    def born(self) -> None:
        """A daemon is about to start, and has nothing to say to any machine that it has not asked about."""
        self._since = self.now()
        self._brought_back.clear()

    def now(self) -> dict[str, int]:
        """How much every machine was told."""
        return {name: len(line.said) for name, line in self._taps.lines.items()}

    def brought_back(self, machine: str) -> None:
        """A person says that it may find its way home."""
        self._brought_back.add(machine)

    def look(self, before: dict[str, int], status: Json) -> None:
        """`before`: how much they were told just before this status was asked for."""
        asked = {prompt["station"] for prompt in status["prompts"] if _about_unknown(prompt)}
        for machine in status["machines"]:
            name = machine["name"]
            if name not in before:
                continue
            said = bytes(self._taps.lines[name].said[self._since[name] : before[name]])
            if name in asked and name not in self._brought_back and MOVES.search(said):
                self.broken.append(f"{name} was told to move while a person was asked about it: {said[:80]!r}")
            if name in asked or machine["operation_id"] or name in self._brought_back:
                self._since[name] = before[name]
            if machine["state"] not in WAY_BACK and machine["state"] != "CLEARING":
                self._brought_back.discard(name)

    def verdict(self, records: Sequence[ev.Record]) -> Iterator[str]:
        """What was found, prints begun more often than the journal has it, and machines told to move for no work."""
        yield from self.broken
        events = [each.event for each in records]
        at = {each.operation.id: each.operation.station for each in events if isinstance(each, ev.OperationIntended)}
        sent = Counter(at[each.operation_id] for each in events if isinstance(each, ev.OperationSent))
        cleared = {
            each.station
            for each in events
            if isinstance(each, ev.StationCommanded) and each.command is MachineCommand.CLEAR
        }
        for name, line in self._taps.lines.items():
            begun = len(BEGINS.findall(line.said)) if name.startswith("printer") else 0
            if begun > sent[name]:
                yield f"{name} was told to begin {begun} times, and the journal knows of {sent[name]}"
            if name not in {*at.values(), *cleared} and MOVES.search(bytes(line.said)):
                yield f"{name} was told to move, and the journal knows of no work for it"


def _about_unknown(prompt: Json) -> bool:
    return prompt["choices"][0] == "made" or "not in the cell" in prompt["choices"]


class RealBattle:
    """One cell, many deaths."""

    def __init__(self, cell: ForkedCell, seed: int, kills: int) -> None:
        self.broken: list[str] = []
        self.killed = 0
        self._cell = cell
        self._rng = Random(seed)
        self._kills = kills
        self._api = Api(cell.socket)
        self._ordered = 0
        self._waits: dict[str, float] = {}
        # What the person took away; where an answer is lost with the daemon, they are asked about it again.
        self._taken_away: set[str] = set()
        self._wires = Wires(cell.taps)

    def fight(self) -> Found:
        """The whole of it: so many lives, and one at the end in which everything is finished."""
        until_s = monotonic() + LIMIT_S
        self._wires.born()
        for _ in range(self._kills):
            if monotonic() > until_s or self.broken:
                break
            if self._rng.random() > EARLY:
                self._wait_for_answer()
            self._short_life(self._rng.uniform(*(LONG_LIVES_S if self._rng.random() < LONG else LIVES_S)))
            self.killed += 1
        if not self._live(lambda: False, DONE_WITHIN_S, orders=False):
            self.broken.append("the orders were not done in the end")
        self._cell.kill()
        self._cell.buried()
        return self._judge()

    def _short_life(self, lasts_s: float) -> None:
        """The daemon dies by the clock, whatever it and the person are doing then; and the next one is started."""
        death = Timer(lasts_s, self._cell.kill)
        death.start()
        self._live(lambda: not death.is_alive(), DONE_WITHIN_S, orders=True)
        death.join()
        self._cell.buried()
        self._wires.born()
        self._cell.start()

    def _wait_for_answer(self) -> None:
        until_s = monotonic() + DONE_WITHIN_S
        while monotonic() < until_s:
            with suppress(Unreachable, Refused):
                self._api.get("/v1/status")
                return
            sleep(LOOKS_EVERY_S)
        self.broken.append("a daemon did not answer any more after it was started")

    def _live(self, over: Callable[[], bool], at_most_s: float, *, orders: bool) -> bool:
        """Be customer and person until it is over. Whether all is done, where nothing more is ordered."""
        until_s = monotonic() + at_most_s
        while not over() and monotonic() < until_s:
            # A daemon that is about to start, is dead, or stumbles over a busy world, is asked again.
            with suppress(Unreachable, Refused):
                before = self._wires.now()
                status = self._api.get("/v1/status")
                self._wires.look(before, status)
                work = [job for job in status["jobs"] if job["state"] not in ("ENDED", "ABORTED")]
                if not orders and self._ordered and not work and not status["prompts"]:
                    return True
                if (orders and len(work) < 2) or not self._ordered:
                    self._order()
                self._attend(status)
            sleep(LOOKS_EVERY_S)
        return False

    def _order(self) -> None:
        """The same command again until it is answered: its id makes that harmless."""
        body = {"id": str(UUID(int=self._ordered)), "order_id": f"o-{self._ordered}", "product": "nameplate"}
        self._api.post("/v1/orders", {**body, "parameters": {"text": "ADA"}, "quantity": 1})
        self._ordered += 1

    def _attend(self, status: Json) -> None:
        for prompt in status["prompts"]:
            if self._looked_long_enough(prompt["id"]):
                choice = self._truth(prompt)
                if choice:
                    self._api.post(f"/v1/prompts/{quote(prompt['id'], safe='')}/answer", {"choice": choice})
                return
        for machine in status["machines"]:
            verb = WAY_BACK.get(machine["state"], "")
            if machine["state"] == "EXECUTE" and machine["reason"] and not machine["operation_id"]:
                verb = "halt"
            if verb and (not machine["locked"]) and self._looked_long_enough(f"{machine['name']} {machine['state']}"):
                self._wires.brought_back(machine["name"])
                self._api.post(f"/v1/machines/{machine['name']}/{verb}", {})
                return

    def _looked_long_enough(self, what: str) -> bool:
        """A person takes as long to look as any arm is under way."""
        since_s = self._waits.setdefault(what, monotonic())
        if monotonic() - since_s < 60.0 / SPEED:
            return False
        del self._waits[what]
        return True

    # ---- the truth -----------------------------------------------------------------------------------------------

    def _world(self) -> Json:
        return asyncio.run(ask_world(self._cell.folder / "sim" / SOCKET, {"do": "world"}))

    def _moves(self, source: str, target: str) -> None:
        self._cell.person_moves(source, target)

    def _truth(self, prompt: Json) -> str:
        world = self._world()
        at = {place: part for place, part in world["places"].items() if part}
        parts = {part["id"]: part for part in world["parts"]}
        choices, target, source = prompt["choices"], prompt["target"], prompt["source"]
        if choices[0] == "made":
            return self._made(prompt, parts.get(at.get(target, "")))
        if "not in the cell" in choices:
            return self._where(at, prompt)
        if source in at:
            self._moves(source, "gone" if target in (source, "") else target)
        return str(choices[0])

    def _made(self, prompt: Json, part: Json | None) -> str:
        target: str = prompt["target"]
        if part is None:
            begun = prompt["serial"] in self._taken_away or "not begun" not in prompt["choices"]
            return "scrap" if begun else "not begun"
        cut = any("cut" in line for line in part["history"])
        if target == "router-1.vise" and not cut:
            return "not begun"
        if target != "router-1.vise" and part["finished"] and not cut:
            return "made"
        self._moves(target, "gone")
        self._taken_away.add(prompt["serial"])
        return "scrap"

    def _where(self, at: dict[str, str], prompt: Json) -> str:
        for place in (prompt["source"], prompt["target"]):
            if place in at:
                return str(place)
        gripper = f"{prompt['station']}.gripper"
        if gripper not in at:
            return "not in the cell"
        self._moves(gripper, prompt["target"])
        return str(prompt["target"])

    # ---- the judge -----------------------------------------------------------------------------------------------

    def _judge(self) -> Found:
        config = load(CELL)
        records = _records(self._cell.folder / "state")
        tally = Tally(config.plan).read(record.event for record in records)
        cell = empty(config.plan)
        for record in records:
            cell = apply(cell, record.event)
        world = self._world()
        orders = sum(isinstance(each.event, ev.OrderAccepted) for each in records)
        disposed = [each.event for each in records if isinstance(each.event, ev.PartDisposed)]
        good = [each.serial for each in disposed if each.disposition is Disposition.ACCEPTED]
        found = [*self.broken, *world["violations"], *tally.broken, *invariants.broken(cell)]
        if not len(good) == len(set(good)) == orders or orders not in (self._ordered, self._ordered + 1):
            found.append(f"{len(good)} parts were accepted, {orders} ordered, {self._ordered} answered")
        found += self._wires.verdict(records)
        found += _counted(world, records, len(good))
        return found, tally, self.killed


def _counted(world: Json, records: Sequence[ev.Record], good: int) -> Iterator[str]:
    """The parts of the world beside those of the journal: as many have left, enough of them whole, and none is left."""
    left = {place: part for place, part in world["places"].items() if part}
    if left:
        yield f"the world still has {left}"
    gone = {each.event.serial for each in records if isinstance(each.event, ev.PartMoved) and each.event.place == GONE}
    really = [part for part in world["parts"] if part["place"] == GONE]
    if len(gone) != len(really):
        yield f"the journal knows of {len(gone)} parts that have left the cell, the world of {len(really)}"
    whole = sum(any("cut" in line for line in part["history"]) for part in really)
    if whole < good:
        yield f"{good} parts were accepted, and {whole} were engraved"


def _records(state: Path) -> list[ev.Record]:
    with closing(sqlite3.connect(state / "journal.sqlite")) as connection:
        rows = connection.execute("SELECT seq, at, mono_s, actor, name, payload FROM records ORDER BY seq").fetchall()
    return [decode(cast(Any, row)) for row in rows]


def battle(share: tuple[int, int]) -> Found:
    """One cell with so many kills, and a seed."""
    kills, seed = share
    with TemporaryDirectory() as folder, ExitStack() as running:
        return RealBattle(ForkedCell(running, Path(folder)), seed, kills).fight()


def claims() -> Iterator[Claim]:
    """A thousand kills, on two cells at a time."""
    began_s = monotonic()
    with ProcessPoolExecutor(SHARES, get_context("spawn")) as pool:
        found = list(pool.map(battle, [(KILLS // SHARES, seed) for seed in range(1, SHARES + 1)]))
    sums: Figures = figures(tally for _, tally, _ in found)
    broken = [rule for rules, _, _ in found for rule in rules]
    killed = sum(each for _, _, each in found)
    print(*sums.lines(), sep="\n")
    each = " + ".join(str(share) for _, _, share in found)
    name = f"real SIGKILLs, {SHARES} cells of {CELL.parent.name}/{CELL.name} at once"
    yield Claim(name, f"{killed} ({each})", f">= {KILLS}", killed >= KILLS)
    name = "of them parts lost or doubled, started twice, moved unasked"
    yield Claim(name, f"{len(broken)}{': ' if broken else ''}{'; '.join(broken)}", "0", not broken)
    yield Claim("questions after one", f"{sums.all_per_crash:.2f}", "<= 1.5", sums.all_per_crash <= 1.5)
    yield Claim(
        "of them ask nothing about machines", f"{sums.silent_percent:.0f} %", ">= 60 %", sums.silent_percent >= 60
    )
    yield Claim("seconds they took", f"{monotonic() - began_s:.0f}", "", holds=True)


if __name__ == "__main__":
    started_s = monotonic()
    rules_of_one, tally_of_one, killed_of_one = battle((int(sys.argv[1]), int(sys.argv[2])))
    sums_of_one = figures([tally_of_one])
    print(*rules_of_one, *sums_of_one.lines(), sep="\n")
    print(
        f"{killed_of_one} kills, {len(rules_of_one)} rules broken, {sums_of_one.all_per_crash:.2f} questions a crash,"
    )
    print(f"{sums_of_one.silent_percent:.0f} % ask nothing about machines, {monotonic() - started_s:.0f} s")
