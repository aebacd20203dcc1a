"""A desk with nothing behind it, and a cell as it may look from outside: what the tests of faces sit at."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from cellctl.core.view import CellView, JobView, MachineView, OrderView, PromptView
from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import Event, Record
from cellctl.domain.work import Evidence, Plan, Program, Progress
from cellctl.faces.api import ApiFace
from cellctl.gcode.resume import ResumePlan, Resumption, Step

NOW = "2030-01-31T12:00:00.000Z"

NAMEPLATE = {
    "name": "nameplate",
    "revision": "A",
    "parameters": {
        "text": {"type": "text", "min_length": 1, "max_length": 16, "description": "what is engraved"},
        "height_mm": {
            "type": "number", "minimum": 4.0, "maximum": 12.0, "default": 8.0, "description": "height of a capital",
        },
    },
}  # fmt: skip

QUIET_CELL = CellView(
    cell="nameplate",
    rev=0,
    machines=(
        MachineView("printer-1", "marlin", ("fdm",), "IDLE", "found"),
        MachineView("arm-1", "opcua", (), "IDLE", "found"),
    ),
)

BUSY_CELL = CellView(
    cell="nameplate",
    rev=0,
    machines=(
        MachineView(
            "printer-1", "marlin", ("fdm",), "EXECUTE", "found",
            operation_id="op-7", job_id="job-2", step="print",
            progress=Progress(500, 412, 400, 8100, 405, evidence=Evidence.MOTION_ENDED),
        ),
        MachineView("printer-2", "marlin", ("fdm",), "", "lost", reason="no byte heard for 30 s"),
        MachineView("router-1", "grbl", ("engrave",), "ABORTED", "found", reason="ALARM:1 hard limit"),
        MachineView(
            "arm-1", "opcua", (), "HELD", "found", locked="the outcome of op-5 (carry of plate-1) is unknown"
        ),
        MachineView("bench-1", "manual", ("inspect",), "EXECUTE", "found", job_id="job-1", step="inspect"),
    ),
    orders=(
        OrderView("order-1", "nameplate", "A", {"text": "ADA", "height_mm": 8.0}, 3, 1, "running", NOW,
                  jobs=("job-1", "job-2", "job-3")),
        OrderView("order-2", "nameplate", "A", {"text": "GRACE", "height_mm": 6.0}, 1, 0, "open", NOW),
    ),
    jobs=(
        JobView("job-1", "order-1", "plate-1", "INTERRUPTED", "Held/NeedsConfirmation", "inspect", "outfeed.1",
                "presumed", "waits for a person: the carry was cut short", ("needs_confirmation",)),
        JobView("job-2", "order-1", "plate-2", "RUNNING", "", "print", "printer-1.bed", "recorded",
                "print by printer-1 at printer-1.bed"),
        JobView("job-3", "order-1", "plate-3", "ENDED", "Completed", "", "outfeed.2", "observed"),
    ),
    prompts=(
        PromptView("prompt-1", "bench-1", "Is the text \"ADA\" engraved cleanly?", ("accept", "scrap"), "plate-1"),
        PromptView("prompt-2", "arm-1", "Where is plate-1?", ("router-1.vise", "not in the cell"), "plate-1"),
    ),
    alarms=("printer-2 is not heard: no byte heard for 30 s", "router-1 is ABORTED: ALARM:1 hard limit"),
)  # fmt: skip


class BareDesk:
    """Remembers what was handed in, answers as it is told to, and has whatever view and log it is given."""

    def __init__(self, view: CellView = QUIET_CELL) -> None:
        self.envelopes: list[Envelope] = []
        self.answer = Reply("accepted", "done")
        self.log: list[Record] = []
        self._replies: dict[str, tuple[str, Reply]] = {}
        self._view = view
        self._news = asyncio.Event()

    async def submit(self, envelope: Envelope) -> Reply:
        self.envelopes.append(envelope)
        content, reply = self._replies.setdefault(envelope.id, (envelope.content_hash, self.answer))
        if len(self.envelopes) > len(self._replies):
            same = content == envelope.content_hash
            return replace(reply, duplicate=True) if same else rejected("id_reused", "another command had this id")
        return reply

    def view(self) -> CellView:
        return self._view

    def reply_to(self, command_id: str) -> Reply | None:
        known = self._replies.get(command_id)
        return known[1] if known else None

    async def changed(self, since_rev: int) -> int:
        while self._view.rev <= since_rev:
            await self._news.wait()
        return self._view.rev

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        return iter(self.log[after_seq:])

    async def resume_plan(self, machine: str, at_line: int | None) -> Resumption:
        if machine != "printer-1":
            raise NotAllowed(f"no program of {machine} has ended in the middle")
        steps = (Step("M109 S215", "heat the nozzle 0"), Step("G28 X Y", "find X and Y"))
        plan = ResumePlan(at_line or 413, steps, ("the part has not moved",))
        return Resumption(machine, "op-7", "plate-2", Program("0" * 64, "plate.gcode", 8100), plan, "G1 X80 E1.5")

    @property
    def plan(self) -> Plan:
        return Plan("nameplate")

    @property
    def products(self) -> Sequence[Mapping[str, Any]]:
        return [NAMEPLATE]

    def happen(self, *events: Event) -> None:
        """Put events into the log, durable at once, and tell those who wait."""
        for event in events:
            self.log.append(Record(len(self.log) + 1, NOW, 1.5, "engine", event))
        self._view = replace(self._view, rev=len(self.log))
        self._news.set()
        self._news = asyncio.Event()


class Noon:
    """A clock that stands still."""

    speed = 1.0

    def now_s(self) -> float:
        return 0.0

    def utc(self) -> str:
        return NOW

    def wall_s(self) -> float:
        return 0.0

    async def sleep(self, duration_s: float) -> None:
        raise NotImplementedError

    def wire_s(self, duration_s: float) -> float:
        return duration_s


class Numbered:
    """Ids that count."""

    def __init__(self) -> None:
        self._given = 0

    def new(self) -> str:
        self._given += 1
        return str(UUID(int=self._given))


def report(order_id: str) -> Mapping[str, Any] | None:
    return {"order": order_id, "parts": []} if order_id == "order-1" else None


def render(found: Mapping[str, Any]) -> str:
    return f"report of {found['order']}\n"


@asynccontextmanager
async def served(desk: BareDesk, path: Path, **more: Any) -> AsyncIterator[ApiFace]:
    """The API on a real unix socket, for as long as the block runs."""
    face = ApiFace(desk, path, Noon(), Numbered(), report=report, render=render, version="1.2.3", **more)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(face.serve())
        await face.listening.wait()
        yield face
        serving.cancel()
