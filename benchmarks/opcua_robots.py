"""Ten robots in one server process: `python -m benchmarks.opcua_robots` prints its URL and lives until it is ended."""

import asyncio
import sys
from typing import Any, Final

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server

URI: Final = "urn:bench:robots"
ROBOTS: Final = 10
SIGNALS: Final = 30
HZ: Final = 10


async def _accept(_parent: ua.NodeId, name: ua.Variant) -> list[ua.Variant]:
    return [ua.Variant(0 if name.Value else 1, ua.VariantType.Int32)]


async def main() -> None:
    """Every signal of every robot changes ten times a second: doubles, numbers and bits, a third each."""
    server = Server()
    server.disable_clock()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/robots")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    nodes = []
    for robot in range(ROBOTS):
        root = await server.nodes.objects.add_object(ua.NodeId(f"R{robot}", index), f"{index}:R{robot}")
        nodes += [await _signal(root, index, robot, number) for number in range(SIGNALS)]
        await root.add_method(
            ua.NodeId(f"R{robot}.Load", index),
            f"{index}:Load",
            _accept,
            [ua.VariantType.String],
            [ua.VariantType.Int32],
        )
    await server.start()
    print(f"opc.tcp://127.0.0.1:{server.bserver._server.sockets[0].getsockname()[1]}/robots", flush=True)
    await _change(server, nodes)


async def _signal(root: Node, index: int, robot: int, number: int) -> tuple[ua.NodeId, int]:
    variable = await root.add_variable(ua.NodeId(f"R{robot}.S{number}", index), f"{index}:S{number}", _value(number, 0))
    await variable.set_writable()
    return variable.nodeid, number


async def _change(server: Server, nodes: list[tuple[ua.NodeId, int]]) -> None:
    loop, turn = asyncio.get_running_loop(), 0
    began_s = loop.time()
    while True:
        turn += 1
        for node, number in nodes:
            await server.write_attribute_value(node, ua.DataValue(_value(number, turn)))
        await asyncio.sleep(max(0.0, began_s + turn / HZ - loop.time()))


def _value(number: int, turn: int) -> ua.Variant:
    kinds: tuple[tuple[Any, ua.VariantType], ...] = (
        (turn * 0.5, ua.VariantType.Double),
        (turn, ua.VariantType.Int32),
        (turn % 2 == 1, ua.VariantType.Boolean),
    )
    value, kind = kinds[number % 3]
    return ua.Variant(value, kind)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
