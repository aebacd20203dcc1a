"""Lines to simulated machines inside this process: no file descriptor, no thread, the same in real and virtual time.

Every machine has a pump of its own and lives on while no link is open. A link is a cable to it; there is one cable
for each machine, and it can be cut.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cellctl.domain.errors import ConfigError, LinkLost, MachineFault
from cellctl.links.pump import Pump, Socket
from cellctl.ports import ByteDevice, Clock, Listener, NodeDevice, NodePath, NodeValue, SimulatedCell

Machine = TypeVar("Machine")


class MemoryLinks:
    """ports.Links to the devices of a simulated cell, which live from `start` to `close`.

    Everything takes `latency_s` on its way, in each direction; the bytes of a line take no time of their own.
    """

    def __init__(self, cell: SimulatedCell, clock: Clock, *, latency_s: float = 0.0) -> None:
        self._bytes = {
            name: _ByteMachine(device, clock, Socket(name, clock, latency_s))
            for name, device in cell.byte_devices.items()
        }
        self._nodes = {
            name: _NodeMachine(device, clock, Socket(name, clock, latency_s))
            for name, device in cell.node_devices.items()
        }
        self._machines: dict[str, _ByteMachine | _NodeMachine] = {**self._bytes, **self._nodes}
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

    def nodes_of(self, machine: str, url: str, options: Mapping[str, Any]) -> "MemoryNodeLink":
        """A session with the device of this name; address and options are for real ones."""
        twin = _twin(self._nodes, machine)
        self._mended[machine].clear()
        return MemoryNodeLink(twin)

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


class _NodeMachine:
    """A device with variables and methods."""

    def __init__(self, device: NodeDevice, clock: Clock, socket: "Socket[MemoryNodeLink]") -> None:
        self.socket = socket
        self.pump = Pump(socket.machine, device, clock, self._live)
        self._device = device
        self._clock = clock

    def values(self) -> Mapping[NodePath, Any]:
        """Every variable as it is now."""
        return self._device.values()

    def call(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a method. Raises MachineFault if there is none, or not with these arguments."""
        now_s = self._clock.now_s()
        try:
            outputs = self._device.call(path, arguments, now_s)
        except (KeyError, ValueError) as refused:
            raise _refused(self.socket.machine, f"its server refused {_spell(path)}: {refused}") from refused
        self._publish()
        self.pump.look(now_s)
        return outputs

    def _live(self, now_s: float) -> None:
        self._device.advance(now_s)
        self._publish()

    def _publish(self) -> None:
        if self.socket.cable:
            self.socket.cable.compare(self.values())


class MemoryNodeLink:
    """ports.NodeLink to a simulated machine."""

    def __init__(self, machine: _NodeMachine) -> None:
        self._machine = machine
        self._socket = machine.socket
        self._on_change: Callable[[NodeValue], None] | None = None
        self._on_lost: Callable[[str], None] | None = None
        self._known: dict[NodePath, Any] = {}

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        """Plug in. Raises LinkLost."""
        await self._travel()
        self._socket.plug(self)
        self._on_change, self._on_lost = on_change, on_lost

    async def subscribe(self, paths: Sequence[NodePath]) -> None:
        """Hear these variables from now on; the present values are heard before this returns.

        Raises LinkLost, or MachineFault for a path that there is not. Asking again brings the present values again.
        """
        await self._travel()
        self._check_open("subscribing")
        values = self._machine.values()
        for path in paths:
            if path not in values:
                raise _refused(self._socket.machine, f"its server has no variable {_spell(path)}")
            self._known[path] = values[path]
            self._hear(path, values[path])

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        """Call a method, one turn of the loop from now. Raises LinkLost or MachineFault."""
        await self._travel()
        self._check_open(f"calling {_spell(path)}")
        outputs = self._machine.call(path, arguments)
        if self._socket.latency_s:
            await self._travel()
            self._check_open(f"calling {_spell(path)}")
        return outputs

    async def close(self) -> None:
        """Unplug. May be called twice."""
        self._on_change = self._on_lost = None
        self._socket.unplug(self)

    def compare(self, values: Mapping[NodePath, Any]) -> None:
        """Publish what has changed since it was last looked at."""
        for path, known in self._known.items():
            if values[path] != known:
                self._known[path] = values[path]
                self._socket.later(self._hear, path, values[path])

    def lose(self, reason: str) -> None:
        """The cable was cut."""
        asyncio.get_running_loop().call_soon(self._tell_lost, reason)

    def _hear(self, path: NodePath, value: Any) -> None:
        if self._on_change and self._socket.cable is self:
            self._on_change(NodeValue(path, value))

    def _tell_lost(self, reason: str) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost:
            on_lost(reason)

    async def _travel(self) -> None:
        await asyncio.sleep(self._socket.latency_s)

    def _check_open(self, doing: str) -> None:
        if self._socket.cable is not self:
            what = f"the session ended while {doing}; what became of it is not known"
            raise LinkLost(self._socket.machine, what, do_next="Look at the machine before it is told again")


def _spell(path: NodePath) -> str:
    return path[-1].rpartition(";")[2]


def _refused(machine: str, what: str) -> MachineFault:
    return MachineFault(machine, what, do_next="Compare the cell file with the nodes that the server shows")
