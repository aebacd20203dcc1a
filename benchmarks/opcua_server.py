"""What the cell costs as an OPC UA server: a cell of machines at work, clients that hear everything, and bad ones.

`python -m benchmarks.opcua_server` measures this alone.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asyncua import Client, ua

from benchmarks import meters
from benchmarks.figures import Figure, at_most
from benchmarks.quiet import Others

_CELL: Final = Path(__file__).with_name("scripts") / "opcua_cell.py"
_MACHINES: Final = 8
_CLIENTS: Final = 5
_PUBLISH_MS: Final = 100
_ASKED_AT_ONCE: Final = 100
_FLOODS: Final = 3
_PIPELINED: Final = 16


@dataclass(frozen=True, slots=True)
class Load:
    """One run: seconds until it listened, memory, share of a core with clients, and what bad clients do to it.

    `start_mib`: memory before any client came. `lag`: how late the loop of the server's process was, in milliseconds,
    p99 and the worst.
    """

    start_s: float
    start_lag_max_ms: float
    start_mib: float
    resident_mib: float
    core: float
    items: int
    changes_per_s: float
    lag_p99_ms: float
    hostile_core: float
    hostile_lag_p99_ms: float
    hostile_lag_max_ms: float
    foreign_cores: float


class _Ear:
    def __init__(self) -> None:
        self.heard = 0

    async def datachange_notification(self, *_: Any) -> None:
        self.heard += 1


class _Cell:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.started = self._line()

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.started['port']:.0f}/cellctl"

    def since_last(self) -> dict[str, float]:
        """How late its loop was since the last call."""
        if self.process.stdin is not None:
            print(file=self.process.stdin, flush=True)
        return self._line()

    def _line(self) -> dict[str, float]:
        if self.process.stdout is None:
            raise RuntimeError("the cell says nothing")
        found: dict[str, float] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def _running() -> Iterator[_Cell]:
    command = [sys.executable, str(_CELL), str(_MACHINES)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=_CELL.parents[2], **pipes) as process:
        try:
            yield _Cell(process)
        finally:
            process.kill()


def measure(window_s: float) -> Load:
    """One server with its clients, for a window; then the same with bad clients beside them."""
    with _running() as cell:
        return asyncio.run(_measure(cell, window_s))


async def _measure(cell: _Cell, window_s: float) -> Load:
    pid = cell.process.pid
    start_mib = meters.resident_mib(pid)
    others, ear = Others(pid), _Ear()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(_client(cell.url)) for _ in range(_CLIENTS)]
        variables = await _variables(clients[0])
        for client in clients:
            await _listen(client, variables, ear)
        await asyncio.sleep(1.0)
        cell.since_last()
        heard, core = ear.heard, await _core(pid, window_s)
        calm, changes_per_s = cell.since_last(), (ear.heard - heard) / window_s
        resident_mib = meters.resident_mib(pid)
        bad = [asyncio.create_task(_flood(cell.url)) for _ in range(_FLOODS)]
        bad.append(asyncio.create_task(_never_reads(int(cell.started["port"]))))
        await asyncio.sleep(1.0)
        cell.since_last()
        hostile_core = await _core(pid, window_s)
        hostile = cell.since_last()
        for task in bad:
            task.cancel()
        await asyncio.gather(*bad, return_exceptions=True)
    return Load(
        start_s=cell.started["start_s"],
        start_lag_max_ms=cell.started["lag_max_ms"],
        start_mib=start_mib,
        resident_mib=resident_mib,
        core=core,
        items=len(variables),
        changes_per_s=changes_per_s,
        lag_p99_ms=calm["lag_p99_ms"],
        hostile_core=hostile_core,
        hostile_lag_p99_ms=hostile["lag_p99_ms"],
        hostile_lag_max_ms=hostile["lag_max_ms"],
        foreign_cores=others.cores(),
    )


async def _core(pid: int, window_s: float) -> float:
    spent_s, began_s = meters.cpu_s(pid), time.monotonic()
    await asyncio.sleep(window_s)
    return (meters.cpu_s(pid) - spent_s) / (time.monotonic() - began_s)


def _client(url: str) -> Client:
    # On a busy computer an answer takes its time; asyncua's own watchdog would hang up after two seconds.
    return Client(url, timeout=60, watchdog_intervall=60)


async def _variables(client: Client) -> list[ua.NodeId]:
    """Every variable of every machine."""
    machines = await client.nodes.objects.get_child([f"{await _machinery(client)}:Machines"])
    found: list[ua.NodeId] = []
    level = await machines.get_children()
    while level:
        kinds = [await node.read_node_class() for node in level]
        found += [node.nodeid for node, kind in zip(level, kinds, strict=True) if kind == ua.NodeClass.Variable]
        level = [child for node in level for child in await node.get_children()]
    return found


async def _listen(client: Client, variables: Sequence[ua.NodeId], ear: _Ear) -> None:
    subscription = await client.create_subscription(_PUBLISH_MS, ear)
    nodes = [client.get_node(each) for each in variables]
    for begin in range(0, len(nodes), _ASKED_AT_ONCE):
        await subscription.subscribe_data_change(nodes[begin : begin + _ASKED_AT_ONCE])


async def _machinery(client: Client) -> int:
    return await client.get_namespace_index("http://opcfoundation.org/UA/Machinery/")


async def _flood(url: str) -> None:
    """Reads as much as one request may hold, as many at a time as it can, for ever."""
    client = _client(url)
    await client.connect()
    nodes = [client.nodes.server] * 100
    try:
        while True:
            reads = [client.read_attributes(nodes, ua.AttributeIds.BrowseName) for _ in range(_PIPELINED)]
            await asyncio.gather(*reads, return_exceptions=True)
    finally:
        with suppress(ConnectionError, TimeoutError, ua.UaError):
            await client.disconnect()


async def _never_reads(port: int) -> None:
    """Announces a message of four gigabytes, and sends it."""
    while True:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            writer.write(b"MSGF\xff\xff\xff\xff" + bytes(8))
            while not writer.is_closing():
                writer.write(bytes(2**16))
                await writer.drain()
                await asyncio.sleep(0.01)


def figures(loads: Sequence[Load]) -> Iterator[Figure]:
    """What a run comes to, with the goals of the issue."""
    yield Figure("opcua_server_start", "s", [load.start_s for load in loads], at_most(5.0))
    yield Figure("opcua_server_memory", "MiB", [load.start_mib for load in loads], at_most(150.0))
    yield Figure("opcua_server_memory_with_clients", "MiB", [load.resident_mib for load in loads], at_most(150.0))
    yield Figure("opcua_server_8_machines_5_clients", "core", [load.core for load in loads], at_most(0.2))
    yield Figure("opcua_server_changes_heard", "1/s", [load.changes_per_s for load in loads])
    yield Figure("opcua_server_loop_lag_p99", "ms", [load.lag_p99_ms for load in loads])
    yield Figure("opcua_server_hostile", "core", [load.hostile_core for load in loads])
    yield Figure("opcua_server_hostile_loop_lag_p99", "ms", [load.hostile_lag_p99_ms for load in loads])
    yield Figure("opcua_server_hostile_loop_lag_max", "ms", [load.hostile_lag_max_ms for load in loads])
    yield Figure("opcua_server_start_loop_lag_max", "ms", [load.start_lag_max_ms for load in loads])


def main() -> int:
    """Three runs of ten seconds."""
    loads = [measure(10.0) for _ in range(3)]
    for figure in figures(loads):
        print(figure.line())
    print(
        f"{loads[0].items} variables a client; others kept {max(load.foreign_cores for load in loads):.2f} cores busy"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
