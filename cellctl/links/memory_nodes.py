"""Sessions with simulated OPC UA machines inside this process: no socket, the same in real and virtual time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.memory_troubles import Troubles
from cellctl.links.node_ways import missing, one_element, picked, spell
from cellctl.links.pump import Pump, Socket
from cellctl.ports import Clock
from cellctl.ports.nodes import NodeAccess, NodeDevice, NodePath, NodeRef, NodeValue, Quality

_TYPE_STEPS: Final = ("first:", "node:")


class NodeMachine:
    """A device with variables and methods. `pinned`: the certificate that its server must show."""

    def __init__(self, device: NodeDevice, clock: Clock, socket: "Socket[MemoryNodeLink]", pinned: str) -> None:
        self.socket = socket
        self.pump = Pump(socket.machine, device, clock, self._live)
        self.troubles = Troubles(device, clock, socket)
        self.pinned: Final = pinned
        self._device = device
        self._clock = clock

    def values(self) -> Mapping[NodePath, Any]:
        """Every variable as it is now."""
        return self._device.values()

    def types(self) -> Mapping[NodePath, str]:
        """The data type of every variable."""
        return self._device.types()

    def has(self, path: NodePath) -> bool:
        """Whether there is such a node."""
        return self._device.find(path) is not None

    def way(self, path: NodePath) -> NodePath:
        """The same way by browse names only; as it is, if it leads nowhere."""
        if any(step.startswith(_TYPE_STEPS) for step in path):
            return self._device.find(path) or path
        return path

    def name_of(self, path: NodePath) -> str:
        """The browse name of a node, however it is reached: what a trouble knows it by."""
        return spell(self.way(path))

    def write(self, ref: NodeRef, value: Any) -> None:
        """Write a variable. Raises MachineFault if there is none, or if it does not take this value."""
        now_s = self._clock.now_s()
        try:
            self._device.write(self.way(ref.path), value, ref.index, now_s)
        except (KeyError, ValueError) as refused:
            raise _refused(self.socket.machine, f"its server refuses to write {spell(ref.path)}: {refused}") from None
        self._publish()
        self.pump.look(now_s)

    def call(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a method. Raises MachineFault if there is none, or not with these arguments."""
        now_s = self._clock.now_s()
        try:
            outputs = self._device.call(self.way(path), arguments, now_s)
        except (KeyError, ValueError) as refused:
            raise _refused(self.socket.machine, f"its server refuses to call {spell(path)}: {refused}") from refused
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
    """ports.nodes.NodeLink to a simulated machine. A value of None is one that the machine does not know: Bad.

    Of its access it heeds whether certificates are looked at; of users and encryption it knows nothing.
    """

    def __init__(self, machine: NodeMachine, access: NodeAccess) -> None:
        self._machine = machine
        self._access = access
        self._socket = machine.socket
        self._on_change: Callable[[NodeValue], None] | None = None
        self._on_lost: Callable[[str], None] | None = None
        self._watched: dict[NodeRef, _Watched] = {}
        # Those that were asked for last: mostly it is the same ones again.
        self._round: list[_Watched] = []

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        """Plug in. Raises LinkLost, or MachineFault if it shows another certificate than the pinned one."""
        await self._travel()
        self._socket.check_reachable()
        if not self._access.insecure:
            self._machine.troubles.check_certificate(self._access.url, self._machine.pinned)
        self._machine.troubles.check_seat()
        self._socket.plug(self)
        self._on_change, self._on_lost = on_change, on_lost

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        """The data types of `refs`. Raises MachineFault that names everything that is not there."""
        await self._travel()
        self._check_open("looking for its nodes")
        types, machine = self._machine.types(), self._machine
        ways = [machine.way(ref.path) for ref in refs]
        lost = [ref.path for ref, way in zip(refs, ways, strict=True) if way not in types]
        lost += [path for path in methods if not machine.has(path)]
        if lost:
            raise missing(self._socket.machine, lost)
        return [one_element(types[way], ref.index) for ref, way in zip(refs, ways, strict=True)]

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        """Hear these variables from now on; the present values are heard before this returns.

        Raises LinkLost, or MachineFault for ways that lead nowhere. Asking again brings the present values again.
        """
        await self._travel()
        self._check_open("subscribing")
        # As a real session does it: everything is read, and what is new is watched.
        again = list(refs) == [watched.ref for watched in self._round]
        for request in ("read",) if again or self._watched.keys() >= set(refs) else ("read", "subscribe"):
            await self._machine.troubles.pass_on(request, lambda: None)
            self._check_open("subscribing")
        values = self._machine.values()
        if not again:
            self._watch(refs, values)
        for watched in self._round:
            watched.value = picked(values[watched.way], watched.ref.index)
            self._hear(watched.ref, watched.value)

    async def write(self, ref: NodeRef, value: Any) -> None:
        """Write one value, one turn of the loop from now. Raises LinkLost or MachineFault."""
        doing = f"writing {spell(ref.path)}"
        await self._travel()
        self._check_open(doing)
        request = f"write {self._machine.name_of(ref.path)}"
        await self._machine.troubles.pass_on(request, lambda: self._machine.write(ref, value))
        await self._return(doing)

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        """Call a method, one turn of the loop from now. Raises LinkLost or MachineFault."""
        doing = f"calling {spell(path)}"
        await self._travel()
        self._check_open(doing)
        machine = self._machine
        outputs = await machine.troubles.pass_on(f"call {machine.name_of(path)}", lambda: machine.call(path, arguments))
        await self._return(doing)
        answered: tuple[Any, ...] = outputs
        return answered

    async def close(self) -> None:
        """Unplug. May be called twice."""
        self._on_change = self._on_lost = None
        self._socket.unplug(self)

    def compare(self, values: Mapping[NodePath, Any]) -> None:
        """Publish what has changed since it was last looked at."""
        for watched in self._watched.values():
            value = picked(values.get(watched.way), watched.ref.index)
            if value != watched.value:
                watched.value = value
                self._socket.later(self._hear, watched.ref, value)

    def lose(self, reason: str) -> None:
        """The cable was cut."""
        asyncio.get_running_loop().call_soon(self._tell_lost, reason)

    def _watch(self, refs: Sequence[NodeRef], values: Mapping[NodePath, Any]) -> None:
        """From now on it is these that are refreshed. Raises MachineFault for ways that lead nowhere."""
        wanted = {ref: self._watched.get(ref) or _Watched(ref, self._machine.way(ref.path)) for ref in refs}
        lost = [watched.ref.path for watched in wanted.values() if watched.way not in values]
        if lost:
            raise missing(self._socket.machine, lost)
        self._watched |= wanted
        self._round = list(wanted.values())

    def _hear(self, ref: NodeRef, value: Any) -> None:
        if self._on_change and self._socket.cable is self:
            heard = NodeValue(ref, None, Quality.BAD, "BadNoData") if value is None else NodeValue(ref, value)
            self._on_change(heard)

    def _tell_lost(self, reason: str) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost:
            on_lost(reason)

    async def _travel(self) -> None:
        await asyncio.sleep(self._socket.latency_s)

    async def _return(self, doing: str) -> None:
        if self._socket.latency_s:
            await self._travel()
            self._check_open(doing)

    def _check_open(self, doing: str) -> None:
        if self._socket.cable is not self:
            what = f"the session ended while {doing}; what became of it is not known"
            raise LinkLost(self._socket.machine, what, do_next="Look at the machine before it is told again")


@dataclass(slots=True)
class _Watched:
    """A variable that is heard: the way to it by browse names, and the value that was told last."""

    ref: NodeRef
    way: NodePath
    value: Any = None


def _refused(machine: str, what: str) -> MachineFault:
    return MachineFault(machine, what, do_next="Compare the profile with the nodes that the server shows")
