"""A cell of so many busy machines with its OPC UA face, and nothing behind it. Argument: the number of machines.

Prints a JSON line once it listens, and one for every line on its standard input: what happened since the last one.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
import uvloop

import cellctl.app.daemon  # noqa: F401 - the memory is to be that of a daemon
from cellctl.app.clock import RealClock
from cellctl.core.view import CellView, MachineView
from cellctl.domain.link import LinkQuality
from cellctl.domain.work import Progress
from cellctl.faces.opcua import tree
from cellctl.faces.opcua.face import OpcuaFace, OpcuaSettings
from cellctl.faces.opcua.jobs_port import JobsView
from cellctl.faces.opcua.users import Role, Users
from cellctl.faces.opcua.values import Nameplate

STEP_S = 0.2
STATES = ("STARTING", "EXECUTE", "EXECUTE", "EXECUTE", "COMPLETING", "COMPLETE", "IDLE")
LOOK_S = 0.001


class BusyDesk:
    """Progress and link of every machine change five times a second, states every two seconds."""

    def __init__(self, machines: int) -> None:
        self._step = 0
        self._view = CellView(
            "bench", 1, tuple(MachineView(f"m{n}", "grbl", (), "IDLE", "found") for n in range(machines))
        )
        self._news = asyncio.Event()

    def view(self) -> CellView:
        return self._view

    async def changed(self, since_rev: int) -> int:
        while self._view.rev <= since_rev:
            await self._news.wait()
        return self._view.rev

    async def work(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            self._step += 1
            step, state = self._step, STATES[self._step // 10 % len(STATES)]
            progress = Progress(40 * step, 40 * step - 20, 40 * step - 30, 10**6)
            link = LinkQuality(lines=40 * step, ack_p95_s=0.002 + step % 7 / 1000)
            machines = tuple(
                replace(each, state=state, job_id=f"job-{step // 70}", progress=progress, link=link)
                for each in self._view.machines
            )
            self._view = replace(self._view, rev=self._view.rev + (step % 10 == 0), machines=machines)
            if step % 10 == 0:
                self._news.set()
                self._news = asyncio.Event()


class NoJobs:
    """Nobody orders anything here."""

    def view(self, _machine: str) -> JobsView:
        return JobsView()


class Lag:
    """How late the loop is: what machines in the same process would notice."""

    def __init__(self) -> None:
        self._late_s: list[float] = []

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self._late_s.append(loop.time() - due_s)

    def since_last(self) -> Mapping[str, float]:
        late_s, self._late_s = sorted(self._late_s) or [0.0], []
        return {"lag_p99_ms": 1000 * late_s[int(0.99 * len(late_s))], "lag_max_ms": 1000 * late_s[-1]}


async def main(machines: int) -> None:
    desk: Any = BusyDesk(machines)
    names = [machine.name for machine in desk.view().machines]
    plates = {name: Nameplate("bench", name, f"urn:bench:{name}") for name in (tree.CELL, *names)}
    settings = OpcuaSettings("127.0.0.1", 0, "urn:bench:cellctl", "0", plates, Users(anonymous=Role.VIEWER))
    jobs: Any = NoJobs()
    face, lag = OpcuaFace(desk, jobs, RealClock(), settings), Lag()
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(each) for each in (face.serve(), desk.work(), lag.watch())]
        await face.listening.wait()
        print(json.dumps({"start_s": time.monotonic() - began_s, "port": face.port, **lag.since_last()}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(lag.since_last()), flush=True)
        for job in jobs:
            job.cancel()


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
uvloop.run(main(int(sys.argv[1])))
