"""One client of the ten robots, in a process of its own; prints what it needed as JSON.

`python -m benchmarks.opcua_client HOST TASK URL WINDOW_S PID`. HOST: cellctl (our link), handler or iterator (asyncua
as it comes); PID: the robots' process.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import quantiles
from typing import Any, Final

from asyncua import Client, ua

from benchmarks.opcua_robots import ROBOTS, SIGNALS, URI
from benchmarks.quiet import Others
from cellctl.domain.errors import LinkLost
from cellctl.links.opcua import OpcUaLink
from cellctl.ports.nodes import NodeAccess, NodePath, NodeRef, NodeValue

_PUBLISH_MS: Final = 100
_WARM_S: Final = 1.0
_DEAD: Final = 5
_RETRY_S: Final = 1.0


class _Count:
    """How many changes were heard."""

    def __init__(self) -> None:
        self.heard = 0

    def value(self, _value: NodeValue) -> None:
        self.heard += 1

    def datachange_notification(self, *_: Any) -> None:
        self.heard += 1


def _way(robot: int, name: str) -> NodePath:
    return (f"{URI};R{robot}", f"{URI};{name}")


async def _link(url: str, stack: AsyncExitStack, count: _Count) -> OpcUaLink:
    link = OpcUaLink("robot", NodeAccess(url, insecure=True, publish_ms=_PUBLISH_MS))
    await link.open(count.value, sys.exit)
    stack.push_async_callback(link.close)
    return link


async def _bare(url: str, stack: AsyncExitStack) -> Client:
    return await stack.enter_async_context(Client(url, 3, 5))


async def _listen_cellctl(url: str, stack: AsyncExitStack, count: _Count, _tasks: asyncio.TaskGroup) -> None:
    for robot in range(ROBOTS):
        link = await _link(url, stack, count)
        await link.subscribe([NodeRef(_way(robot, f"S{number}")) for number in range(SIGNALS)])


async def _nodes(client: Client, robot: int) -> list[Any]:
    index = await client.get_namespace_index(URI)
    return [client.get_node(ua.NodeId(f"R{robot}.S{number}", index)) for number in range(SIGNALS)]


async def _listen_handler(url: str, stack: AsyncExitStack, count: _Count, _tasks: asyncio.TaskGroup) -> None:
    for robot in range(ROBOTS):
        client = await _bare(url, stack)
        subscription = await client.create_subscription(_PUBLISH_MS, count)
        await subscription.subscribe_data_change(await _nodes(client, robot), queuesize=10)


async def _listen_iterator(url: str, stack: AsyncExitStack, count: _Count, tasks: asyncio.TaskGroup) -> None:
    async def hear(subscription: Any) -> None:
        async for _ in subscription:
            count.heard += 1

    for robot in range(ROBOTS):
        client = await _bare(url, stack)
        subscription = await client.create_subscription(_PUBLISH_MS, None)
        await subscription.subscribe_data_change(await _nodes(client, robot), queuesize=10)
        tasks.create_task(hear(subscription))


async def _changes(listen: Callable[..., Awaitable[None]], url: str, window_s: float) -> dict[str, float]:
    """The CPU time of everything that hears ten robots, for each change and as a share of a core."""
    count = _Count()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        await listen(url, stack, count, tasks)
        await asyncio.sleep(_WARM_S)
        heard, cpu_s, at_s = count.heard, time.process_time(), time.monotonic()
        await asyncio.sleep(window_s)
        cpu_s, took_s, heard = time.process_time() - cpu_s, time.monotonic() - at_s, count.heard - heard
        await stack.aclose()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    return {"us": cpu_s / heard * 1e6, "core": cpu_s / took_s, "per_s": heard / took_s}


async def _timed(request: Callable[[int], Awaitable[Any]], window_s: float) -> dict[str, float]:
    """The CPU time of one request at a time, and how long it takes."""
    for number in range(50):
        await request(number)
    took_ms: list[float] = []
    cpu_s, until_s = time.process_time(), time.monotonic() + window_s
    while (now_s := time.monotonic()) < until_s:
        await request(len(took_ms))
        took_ms.append((time.monotonic() - now_s) * 1000)
    cpu_s = time.process_time() - cpu_s
    return {
        "us": cpu_s / len(took_ms) * 1e6,
        "p50_ms": quantiles(took_ms, n=100)[49],
        "p99_ms": quantiles(took_ms, n=100)[98],
    }


async def _commands(host: str, kind: str, url: str, window_s: float, dead: bool = False) -> dict[str, float]:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        request = await (_our_command if host == "cellctl" else _bare_command)(kind, url, stack)
        failing = [tasks.create_task(_fail(_silent(stack))) for _ in range(_DEAD)] if dead else []
        figures = await _timed(request, window_s)
        for task in failing:
            task.cancel()
        return figures


async def _our_command(kind: str, url: str, stack: AsyncExitStack) -> Callable[[int], Awaitable[Any]]:
    link = await _link(url, stack, _Count())
    ref, method = NodeRef(_way(0, "S1")), _way(0, "Load")
    await link.resolve([ref], [method])
    return (lambda _: link.call(method, "program")) if kind == "call" else (lambda number: link.write(ref, number))


async def _bare_command(kind: str, url: str, stack: AsyncExitStack) -> Callable[[int], Awaitable[Any]]:
    client = await _bare(url, stack)
    index = await client.get_namespace_index(URI)
    owner = client.get_node(ua.NodeId("R0", index))
    variable, method = client.get_node(ua.NodeId("R0.S1", index)), ua.NodeId("R0.Load", index)

    async def write(number: int) -> None:
        await variable.write_value(ua.DataValue(ua.Variant(number, ua.VariantType.Int32)))

    return (lambda _: owner.call_method(method, "program")) if kind == "call" else write


def _silent(stack: AsyncExitStack) -> str:
    """A server that takes a connection and never says anything."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return f"opc.tcp://127.0.0.1:{listening.getsockname()[1]}/"


async def _fail(url: str) -> None:
    """A machine that cannot be reached, looked for again and again as the driver does."""
    while True:
        link = OpcUaLink("dead", NodeAccess(url, insecure=True, call_timeout_s=0.5))
        try:
            await link.open(lambda _: None, lambda _: None)
        except LinkLost:
            await asyncio.sleep(_RETRY_S)


def main() -> None:
    """One task by one host."""
    host, task, url, window_s = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    others = Others(int(sys.argv[5]))
    listen = {"cellctl": _listen_cellctl, "handler": _listen_handler, "iterator": _listen_iterator}[host]
    if task == "changes":
        figures = asyncio.run(_changes(listen, url, window_s))
    else:
        figures = asyncio.run(_commands(host, "call" if task == "dead" else task, url, window_s, task == "dead"))
    print(json.dumps({**figures, "foreign_cores": others.cores()}))


if __name__ == "__main__":
    main()
