"""The OPC UA face on a loopback port, in a thread with a loop of its own, and desks and jobs that tests play with."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from asyncua import Client, ua

from cellctl.core.view import CellView, MachineView
from cellctl.domain.job import JobState, JobSubstate
from cellctl.faces.opcua import tree
from cellctl.faces.opcua.face import OpcuaFace, OpcuaSettings, Papers
from cellctl.faces.opcua.jobs_port import JobEntry, JobOrder, JobParameter, JobResponse, JobsView, WorkMaster
from cellctl.faces.opcua.types.table import PREFIXES
from cellctl.faces.opcua.users import Role, Users, with_password
from cellctl.faces.opcua.values import Nameplate
from tests.faces.desk import BUSY_CELL, BareDesk

URI = "urn:host:cellctl"
Result = TypeVar("Result")


class RealTime:
    """A clock whose wall clock a test may set."""

    speed = 1.0

    def __init__(self) -> None:
        self.at = "2030-01-31T12:00:00.000+00:00"

    def now_s(self) -> float:
        return 0.0

    def utc(self) -> str:
        return self.at

    def wall_s(self) -> float:
        return 0.0

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)

    def wire_s(self, duration_s: float) -> float:
        return duration_s


class PlayedDesk(BareDesk):
    """Shows whatever view it is given."""

    def show(self, **changes: Any) -> None:
        """Change the view, and tell those who wait."""
        self._view = replace(self._view, rev=self._view.rev + 1, **changes)
        self._news.set()
        self._news = asyncio.Event()

    def become(self, view: CellView) -> None:
        """Be this view from now on."""
        self._view = view
        self._news.set()
        self._news = asyncio.Event()

    def machine(self, name: str, **changes: Any) -> None:
        """Change one machine."""
        machines = tuple(replace(each, **changes) if each.name == name else each for each in self._view.machines)
        self.show(machines=machines)

    def reset(self, view: CellView = BUSY_CELL) -> None:
        self.show(**{name: getattr(view, name) for name in ("machines", "orders", "jobs", "prompts", "alarms")})


class PlayedJobs:
    """Lists that a test sets; calls are remembered and answered as it says."""

    def __init__(self) -> None:
        self.views: dict[str, JobsView] = {}
        self.calls: list[tuple[str, str, tuple[Any, ...], str]] = []
        self.response = response("order-1")

    async def call(self, machine: str, method: str, arguments: Sequence[Any], user: str) -> tuple[Any, ...]:
        self.calls.append((machine, method, tuple(arguments), user))
        if method == "RequestJobResponseByJobOrderID":
            return (self.response if arguments[0] == "order-1" else None, 1)
        if method == "RequestJobResponseByJobOrderState":
            return ((self.response,), 1)
        return (1,)

    def view(self, machine: str) -> JobsView:
        return self.views.get(machine, JobsView())


def entry(order_id: str, state: JobState, substate: JobSubstate = JobSubstate.NONE) -> JobEntry:
    parameters = (JobParameter("text", "ADA"), JobParameter("height_mm", 8.5), JobParameter("copies", 2))
    master = WorkMaster("nameplate", "a nameplate")
    return JobEntry(JobOrder(order_id, "a plate", (master,), priority=3, parameters=parameters), state, substate)


def response(order_id: str) -> JobResponse:
    names = JobParameter("OrderNumbers", ("A-1", "A-2"))
    start = "2030-01-31T12:00:00+00:00"
    return JobResponse("r-1", order_id, JobState.RUNNING, start_at=start, data=(names, JobParameter("done", True)))


def plates(view: CellView) -> Mapping[str, Nameplate]:
    names = [machine.name for machine in view.machines]
    return {
        name: Nameplate("Prusa", f"SN-{name}", f"urn:host:cellctl:{name}", "MK4", device_class="printer")
        for name in (tree.CELL, *names)
    }


class Served:
    """A face that serves in a thread until it is closed."""

    def __init__(self, view: CellView = BUSY_CELL, papers: Papers | None = None, **settings: Any) -> None:
        self.clock = RealTime()
        self.jobs = PlayedJobs()
        users = settings.pop("users", Users(anonymous=Role.OPERATOR))
        self.uri = settings.pop("uri", URI)
        settings |= {"plates": plates(view), "users": users, "papers": papers}
        self._settings = OpcuaSettings("127.0.0.1", 0, self.uri, "1.2.3", **settings)
        self._view = view
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self) -> "Served":
        self._thread.start()
        assert self._ready.wait(120.0), "the server did not come up"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10.0)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.desk = PlayedDesk(self._view)
        self.face = OpcuaFace(self.desk, self.jobs, self.clock, self._settings)
        serving = asyncio.get_running_loop().create_task(self.face.serve())
        await self.face.listening.wait()
        self._ready.set()
        await self._stop.wait()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    def play(self, *steps: Callable[[], None]) -> None:
        """Do this in the server's loop, and wait until it is done."""
        done = threading.Event()

        def run() -> None:
            for step in steps:
                step()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(5.0)

    def replay(self, day: Sequence[tuple[str, CellView]]) -> None:
        """Show these views one after the other, each at its time."""

        async def show() -> None:
            for at, view in day:
                self.clock.at = at
                self.desk.become(view)
                for _ in range(20):  # the face wakes up and writes, before the clock goes on
                    await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(show(), self._loop).result(30.0)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.face.port}/cellctl"

    def visit(self, doing: Callable[["Visitor"], Awaitable[Result]], **how: Any) -> Result:
        """Connect an asyncua client, do something with it, and leave."""

        async def meet() -> Result:
            client = Client(self.url, timeout=20, watchdog_intervall=60)  # a busy computer is no defect
            if "user" in how:
                client.set_user(how["user"])
                client.set_password(how["password"])
            if "security" in how:
                client.application_uri = self.uri  # both certificates are of this host
                await client.set_security_string(how["security"])
            async with client:
                visitor = Visitor(client, self)
                visitor.spaces = await client.get_namespace_array()
                return await doing(visitor)

        return asyncio.run(meet())


class Visitor:
    """A client that goes by standard paths and names namespaces by URI."""

    def __init__(self, client: Client, served: Served) -> None:
        self.client = client
        self.served = served
        self.spaces: list[str] = []

    def index(self, prefix: str) -> int:
        return self.spaces.index(self.served.uri if prefix == "own" else PREFIXES[prefix])

    def id(self, reference: str) -> ua.NodeId:
        prefix, _, number = reference.partition(":")
        return ua.NodeId(int(number) if prefix != "own" else number, self.index(prefix))

    async def at(self, *steps: str) -> Any:
        """The node at a way of "prefix:Name" below Objects/Machines."""
        names = ["0:Objects", f"{self.index('machinery')}:Machines"]
        names += [f"{self.index(step.partition(':')[0])}:{step.partition(':')[2]}" for step in steps]
        return await self.client.nodes.root.get_child(names)

    async def read(self, *steps: str) -> Any:
        return await (await self.at(*steps)).read_value()

    async def part(self, part: str) -> Any:
        """A variable by its own stable id."""
        return await self.client.get_node(self.id(f"own:{part}")).read_data_value(raise_on_bad_status=False)

    async def soon(self, part: str, wanted: Any) -> None:
        """Wait until a variable has this value."""
        for _ in range(200):
            found = (await self.part(part)).Value.Value
            if found == wanted:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{part} is {found!r}, not {wanted!r}")


def machine(name: str, **changes: Any) -> MachineView:
    return replace(MachineView(name, "marlin", ("fdm",), "IDLE", "found"), **changes)


MES = {
    "mes": with_password(Role.OPERATOR, "let me in", b"0" * 16),
    "eye": with_password(Role.VIEWER, "look", b"1" * 16),
}
