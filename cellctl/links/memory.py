"""Lines to simulated machines inside this process: no file descriptor, no thread, the same in real and virtual time.

Every machine has a pump of its own and lives on while no link is open. A link is a cable to it; there is one cable
for each machine, and it can be cut.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from cellctl.domain.errors import ConfigError
from cellctl.links.memory_nodes import MemoryNodeLink, NodeMachine
from cellctl.links.memory_troubles import shown
from cellctl.links.pump import Pump, Socket
from cellctl.ports import ByteDevice, Clock, Listener, SimulatedCell
from cellctl.ports.nodes import NodeAccess

Machine = TypeVar("Machine")


class MemoryLinks:
    """ports.Links to the devices of a simulated cell, which live from `start` to `close`.

    Everything takes `latency_s` on its way, in each direction; the bytes of a line take no time of their own.
    `pinned` are the certificates that a person has pinned, by machine; of others it is what they show now.
    """

    def __init__(
        self,
        cell: SimulatedCell,
        clock: Clock,
        *,
        latency_s: float = 0.0,
        pinned: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._bytes = {
            name: _ByteMachine(device, clock, Socket(name, clock, latency_s))
            for name, device in cell.byte_devices.items()
        }
        self._nodes = {
            name: NodeMachine(device, clock, Socket(name, clock, latency_s), pinned.get(name, shown(device)))
            for name, device in cell.node_devices.items()
        }
        self._machines: dict[str, _ByteMachine | NodeMachine] = {**self._bytes, **self._nodes}
        self._mended: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def start(self) -> None:
        """Let the machines live. To be called from the event loop."""
        for machine in self._machines.values():
            machine.pump.start()

    def close(self) -> None:
        """Let the machines stand still, as if time had stopped for them. May be called twice."""
        for machine in self._machines.values():
            machine.pump.stop()

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> "MemoryByteLink":
        """A line to the device of this name; address and options are for real ones."""
        twin = _twin(self._bytes, machine)
        self._mended[machine].clear()
        return MemoryByteLink(twin)

    def nodes_of(self, machine: str, access: NodeAccess) -> MemoryNodeLink:
        """A session with the device of this name."""
        twin = _twin(self._nodes, machine)
        self._mended[machine].clear()
        return MemoryNodeLink(twin, access)

    async def appeared(self, machine: str) -> None:
        """Wait until its cable has been plugged in again since its last link was made."""
        await self._mended[machine].wait()

    def cut(self, machine: str, reason: str = "the cable was pulled") -> None:
        """Hang up. What is on its way is lost, and no link can be opened until `mend`."""
        self._machines[machine].socket.cut(reason)

    def swap(self, one: str, other: str) -> None:
        """Exchange the byte machines at the far ends of two cables, which are cut."""
        self._bytes[one].swap(self._bytes[other])

    def mend(self, machine: str) -> None:
        """Plug the cable in again."""
        self._machines[machine].socket.mend()
        self._mended[machine].set()


def _twin(machines: Mapping[str, Machine], name: str) -> Machine:
    try:
        return machines[name]
    except KeyError:
        known = ", ".join(machines) or "none"
        raise ConfigError([f"machines.{name}.sim is missing: no simulated twin answers; there are: {known}"]) from None


class _ByteMachine:
    """A device with a byte line."""

    def __init__(self, device: ByteDevice, clock: Clock, socket: "Socket[MemoryByteLink]") -> None:
        self.socket = socket
        self.pump = Pump(socket.machine, device, clock, self._live)
        self._device = device
        self._clock = clock

    def swap(self, other: "_ByteMachine") -> None:
        """Exchange devices."""
        self._device, other._device = other._device, self._device
        now_s = self._clock.now_s()
        self.pump.tend(self._device, now_s)
        other.pump.tend(other._device, now_s)

    def take(self, chunk: bytes) -> None:
        """Bytes have come from the host."""
        now_s = self._clock.now_s()
        self._device.receive(chunk, now_s)
        answer, line = self._device.transmit(now_s), self.socket.cable
        if answer and line:
            # The host is still inside its own write.
            self.socket.later(line.hear, answer)
        self.pump.look(now_s)

    def _live(self, now_s: float) -> None:
        self._device.advance(now_s)
        chunk, line = self._device.transmit(now_s), self.socket.cable
        if not (chunk and line):
            return
        if self.socket.latency_s:
            self.socket.later(line.hear, chunk)
        else:
            # The pump looks for the next deadline only after this, when the host's answer has been taken in.
            line.hear(chunk)


class MemoryByteLink:
    """ports.ByteLink to a simulated machine."""

    def __init__(self, machine: _ByteMachine) -> None:
        self._machine = machine
        self._socket = machine.socket
        self._listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        """Plug in. Raises LinkLost."""
        self._socket.plug(self)
        self._listener = listener

    def write(self, chunk: bytes) -> None:
        """Hand over bytes; they are at the machine at once, or after the latency."""
        if self._socket.latency_s:
            self._socket.later(self._arrive, chunk)
        else:
            self._arrive(chunk)

    @property
    def unsent(self) -> int:
        """Always 0: the machine takes everything."""
        return 0

    def close(self) -> None:
        """Unplug. May be called twice."""
        self._listener = None
        self._socket.unplug(self)

    def hear(self, chunk: bytes) -> None:
        """Bytes from the machine."""
        if self._listener and self._socket.cable is self:
            self._listener.received(chunk)

    def lose(self, reason: str) -> None:
        """The cable was cut."""
        asyncio.get_running_loop().call_soon(self._tell_lost, reason)

    def _arrive(self, chunk: bytes) -> None:
        if self._socket.cable is self:
            self._machine.take(chunk)

    def _tell_lost(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        if listener:
            listener.lost(reason)
