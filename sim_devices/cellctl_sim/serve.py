"""The real-time server: serial machines on ptys, robots on loopback OPC UA, and the control socket."""

import asyncio
import ipaddress
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cellctl.domain.errors import ConfigError
from cellctl_sim.asking import SOCKET
from cellctl_sim.cell import Cell
from cellctl_sim.control import ControlSocket
from cellctl_sim.faults import Fault, Kind
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.node_server import NodeServer
from cellctl_sim.serial_ports import SerialPort

ENDING: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(cell: Cell, devices: Path, speed: float, say: Callable[[str], None]) -> None:
    """Serve the cell until SIGTERM or SIGINT, then take everything away again.

    Serial ports appear below `devices` under the names in the cell file. `say` hears one line for each machine,
    then "ready". Raises ConfigError, OSError.
    """
    logging.getLogger("asyncua").setLevel(logging.WARNING)
    # It warns of servers without encryption, which ours are on purpose, and prints errors that it raises too.
    logging.getLogger("asyncua.server.server").setLevel(logging.CRITICAL)
    ended = asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    time = MachineTime(speed)
    async with AsyncExitStack() as opened:
        await _open_control(cell, devices / SOCKET, time, opened)
        servers = await _open_nodes(cell, time, opened)
        ports = _open_ports(cell, devices, time, opened)
        cell.struck = lambda name: ports[name].look() if name in ports else servers[name].wake()
        for name, machine in cell.file.machines.items():
            if address := machine.url or (machine.port and str(devices / machine.port)):
                say(f"{name}  {machine.sim.model}  {address}")
        say("ready")
        await _live(tuple(servers.values()), ended)


async def _open_control(cell: Cell, path: Path, time: MachineTime, opened: AsyncExitStack) -> None:
    control = ControlSocket(cell, path, time)
    await control.open()
    opened.push_async_callback(control.close)


async def _open_nodes(cell: Cell, time: MachineTime, opened: AsyncExitStack) -> Mapping[str, NodeServer]:
    servers = {}
    for name, device in cell.node_devices.items():
        url = cell.file.machines[name].url
        if not _is_loopback(url):
            raise ConfigError([f"machines.{name}.url must be on loopback for a simulated machine, got {url!r}"])
        server = NodeServer(device, time)
        opened.push_async_callback(server.close)
        await server.open(url)
        servers[name] = server
    return servers


def _open_ports(cell: Cell, devices: Path, time: MachineTime, opened: AsyncExitStack) -> Mapping[str, SerialPort]:
    ports: dict[str, SerialPort] = {}
    for name, device in cell.byte_devices.items():
        ports[name] = port = SerialPort(device, devices / cell.file.machines[name].port, time)
        port.open()
        opened.callback(port.close)
        cell.trouble(name).plug = partial(_plug, ports, name)
    return ports


def _plug(ports: Mapping[str, SerialPort], name: str, fault: Fault, now_s: float) -> None:
    """Something happens to a cable."""
    port, other = ports[name], ports.get(fault.text)
    if fault.kind != Kind.SWAP:
        port.unplug(fault.amount, fault.text)
    elif other is not None and other is not port:
        port.unplug(fault.amount)
        other.unplug(fault.amount)
        port.swap(other)


async def _live(servers: Sequence[NodeServer], ended: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        lives = [tasks.create_task(server.serve()) for server in servers]
        await ended.wait()
        for life in lives:
            life.cancel()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
