"""What goes wrong between a simulated OPC UA machine and its memory link: requests that hang, are late, are cut off."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, Final

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.opcua_keys import not_the_pinned
from cellctl.links.pump import Socket
from cellctl.ports import Clock
from cellctl.ports.nodes import NodeDevice, NodeTrouble, Reception

# As long as a real session waits for an answer, by default.
_PATIENCE_S: Final = 3.0


def shown(device: NodeDevice) -> str:
    """What stands for the certificate of its server; empty where it has none."""
    return str(getattr(device, "certificate", ""))


class Troubles:
    """The troubles of one device, as its server's clients meet them. A device without any has none."""

    def __init__(self, device: NodeDevice, clock: Clock, socket: "Socket[Any]") -> None:
        self._device = device
        self._clock = clock
        self._socket = socket
        self._trouble: NodeTrouble | None = getattr(device, "trouble", None)
        if self._trouble:
            self._trouble.plug = self._plug

    def check_certificate(self, url: str, pinned: str) -> None:
        """Raises NotAdmitted if its server shows another one than was pinned."""
        now = shown(self._device)
        if now != pinned:
            raise not_the_pinned(self._socket.machine, url, now, pinned)

    def check_seat(self) -> None:
        """Raises LinkLost if no seat is free."""
        if self._trouble and not self._trouble.admits(self._clock.now_s()):
            what = "its server has no free seat: BadTooManySessions"
            raise LinkLost(self._socket.machine, what, do_next="It is tried again by itself")

    async def pass_on(self, request: str, effect: Callable[[], Any]) -> Any:
        """Do what is asked, as the trouble of the moment wants it. Raises MachineFault or LinkLost."""
        reception = self._trouble.meet(request, self._clock.now_s()) if self._trouble else None
        if reception is None or not (reception.refused or reception.before_s or reception.after_s):
            return effect()
        if reception.refused:
            what = f"its server refuses to {request}: {reception.refused}"
            raise MachineFault(self._socket.machine, what, do_next="Look the status up in the controller's manual")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._after(reception.before_s, reception.hangs_up, lambda: self._act(reception, effect, answer))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await answer
        except TimeoutError:
            what = f"no answer in time to: {request}"
            raise LinkLost(self._socket.machine, what, do_next="Check network and controller") from None

    def _act(self, reception: Reception, effect: Callable[[], Any], answer: "asyncio.Future[Any]") -> None:
        try:
            outputs = effect()
        except MachineFault as refused:
            if not answer.done():
                answer.set_exception(refused)
            return
        self._after(reception.after_s, reception.hangs_up, lambda: _give(answer, outputs))

    def _after(self, duration_s: float, hangs_up: bool, then: Callable[[], object]) -> None:
        if duration_s < inf:
            asyncio.get_running_loop().call_later(duration_s / self._clock.speed, then)
        elif hangs_up:
            self._plug("drop", 0.0, self._clock.now_s())

    def _plug(self, kind: str, down_s: float, _now_s: float) -> None:
        self._socket.cut(f"its server hung up ({kind})")
        if down_s < inf:
            asyncio.get_running_loop().call_later(down_s / self._clock.speed, self._socket.mend)


def _give(answer: "asyncio.Future[Any]", outputs: Any) -> None:
    if not answer.done():
        answer.set_result(outputs)
