"""A simulated machine behind a real OPC UA server: unmodified asyncua on loopback, or on the network of a virtual run.

What goes wrong with the server is the machine's `trouble`: requests that hang, connections that are cut, restarts
that renumber the namespaces. Methods answer at once; what came of them shows in the variables.
"""

import asyncio
import contextlib
import math
from dataclasses import dataclass, replace
from typing import Protocol

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

from cellctl_sim.opcua.desk import Desk, Papers
from cellctl_sim.opcua.trouble import NodeKind, Reception
from cellctl_sim.opcua.twin import NodeTwin


class Time(Protocol):
    """Machine time, and how long it takes in the loop's."""

    def now_s(self) -> float:
        """Seconds of machine time."""
        ...

    def wait_s(self, until_s: float) -> float:
        """How many seconds of the loop's clock are left until then."""
        ...


@dataclass(frozen=True, slots=True)
class _Site:
    """Where it is, for how many, and with which papers."""

    url: str
    seats: int
    papers: Papers | None


class NodeServer:
    """One device at one `opc.tcp://` address: for loopback only.

    `seats`: so many sessions at most. `shift`: how far the namespaces are renumbered, which each restart changes.
    """

    def __init__(
        self, device: NodeTwin, time: Time, *, seats: int = 10, shift: int = 0, papers: Papers | None = None
    ) -> None:
        self.requests: list[str] = []
        """Every request that was received, in order: "call Start", "write Go", "read"."""
        self._device = device
        self._time = time
        self.shift = shift
        self._site = _Site("", seats, papers)
        self._desk = Desk(device, time.now_s, self)
        self._down: tuple[float, str] | None = None
        self._life = asyncio.Event()

    # ---- life ------------------------------------------------------------------------------------------------

    async def open(self, url: str) -> None:
        """Build the address space, and listen. Raises OSError."""
        self._site = replace(self._site, url=url)
        self._device.trouble.plug = self._plug
        await self._desk.open(url, self.shift, self._site.papers)

    async def serve(self) -> None:
        """Let the device live, and show what changes, until cancelled."""
        while True:
            self._life.clear()
            await self.look()
            await self._rest()
            wakes = [each for each in (self._device.wakeup_s, self._down and self._down[0]) if each is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    self._time.wait_s(min(wakes)) if min(wakes, default=math.inf) < math.inf else None
                ):
                    await self._life.wait()

    async def look(self) -> None:
        """Let the device live up to now, and show what has changed."""
        self._device.advance(self._time.now_s())
        if self._down is None:
            await self._desk.show()

    async def _rest(self) -> None:
        """Be gone for as long as the server is down."""
        if self._down is None:
            return
        await self._desk.close()
        until_s, kind = self._down
        if until_s <= self._time.now_s():
            await self._return(kind)

    async def close(self) -> None:
        """Stop listening."""
        self._device.trouble.plug = None
        await self._desk.close()

    def wake(self) -> None:
        """Something was asked of the device: look at it again."""
        self._life.set()

    def _plug(self, kind: str, down_s: float, now_s: float) -> None:
        """Something happens to the server."""
        self._desk.hang_up()
        if down_s:
            self._down = (now_s + down_s, kind)
        self._life.set()

    async def _return(self, kind: str) -> None:
        self._down = None
        if kind in (NodeKind.RESTART, NodeKind.REBOOT):
            self.shift += 1
        papers = self._site.papers
        if papers and kind == NodeKind.CERTIFICATE and papers.other_certificate and papers.other_key:
            other = replace(papers, certificate=papers.other_certificate, key=papers.other_key)
            self._site = replace(self._site, papers=other)
        self._desk = Desk(self._device, self._time.now_s, self)
        await self._desk.open(self._site.url, self.shift, self._site.papers)

    # ---- a porter --------------------------------------------------------------------------------------------

    def admits(self) -> bool:
        """Whether one more session gets a seat."""
        return self._desk.sessions < self._site.seats and self._device.trouble.admits(self._time.now_s())

    async def receive(self, request: str) -> Reception:
        """Wait as long as the request must, before its effect. Raises ServiceError if it is refused."""
        now_s = self._time.now_s()
        self.requests.append(request)
        reception = self._device.trouble.meet(request, now_s)
        if reception.refused:
            raise ServiceError(getattr(StatusCodes, reception.refused))
        if reception.before_s == math.inf and reception.hangs_up:
            self._desk.hang_up()
        await self._wait(reception.before_s)
        self._life.set()
        return reception

    async def answer(self, reception: Reception) -> None:
        """Wait as long as the answer must."""
        await self.look()
        if reception.after_s == math.inf and reception.hangs_up:
            self._desk.hang_up()
        await self._wait(reception.after_s)

    async def call(self, request: ua.CallMethodRequest) -> ua.CallMethodResult:
        """Call a method of the machine."""
        return self._desk.call(request)

    def write(self, request: ua.WriteValue) -> ua.StatusCode:
        """Write a variable of the machine."""
        return self._desk.write(request)

    def name_of(self, node: ua.NodeId) -> str:
        """The browse name of a node of the machine; empty for another's."""
        return self._desk.name_of(node)

    async def _wait(self, duration_s: float) -> None:
        if duration_s == math.inf:
            await asyncio.get_running_loop().create_future()
        elif duration_s:
            await asyncio.sleep(self._time.wait_s(self._time.now_s() + duration_s))
