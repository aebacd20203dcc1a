"""The thin shell between one machine's session and its OPC UA link."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cellctl.domain.errors import CellError, LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import SessionSeen
from cellctl.domain.link import SessionState
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation
from cellctl.ports import Driver, DriverFamily, Tools
from cellctl.ports.nodes import NodeLink, NodeValue
from cellctl_drivers.serial_nap import Nap

from .connection import Contact, Limits
from .options import OpcuaMachine, OpcuaOptions
from .session import Session
from .words import Answer, Answered, Call, Decision, GiveUp, Open, Refresh, Refused, Request, Resolve, Unanswered, Write

# The link gives up first, and knows better why.
_LINK_FIRST_S: Final = 1.0
_LAST_WORD_S: Final = 1.0


class OpcuaDriver:
    """One contact with one machine."""

    def __init__(self, name: str, machine: OpcuaMachine, tools: Tools) -> None:
        wire = tools.clock.wire_s(1.0)
        options = machine.options
        limits = Limits(
            wire=wire,
            answer_s=(options.call_timeout_s + _LINK_FIRST_S) * wire,
            work_s=options.work_timeout_s,
            carry_s=options.carry_timeout_s,
        )
        self._name = name
        self._access = options.access
        self._tools = tools
        self._session = Session(name, machine.profile, limits, machine.naming)
        self._contact: _Contact | None = None

    async def serve(self) -> None:
        """Connect and speak with the machine. Raises LinkLost or MachineFault."""
        link = self._tools.links.nodes_of(self._name, self._access)
        contact = _Contact(self._session, link, self._tools)
        try:
            self._contact = contact
            await contact.speak()
        finally:
            self._contact = None
            await contact.close()

    def start(self, operation: Operation) -> None:
        """Run a program. Raises NotAllowed unless IDLE."""
        contact = self._live()
        contact.do(self._session.start(operation, self._tools.clock.now_s()))

    def adopt(self, operation: Operation) -> None:
        """Look for work that was open when the contact was lost. Starts nothing."""
        contact = self._live()
        contact.do(self._session.adopt(operation, self._tools.clock.now_s()))

    def proceed(self, operation_id: str) -> None:
        """The call that moves may go out: that it does is durable. Raises NotAllowed if it does not wait."""
        contact = self._live()
        contact.do(self._session.proceed(operation_id, self._tools.clock.now_s()))

    def command(self, command: MachineCommand) -> None:
        """HOLD, UNHOLD, ABORT, CLEAR, RESET, STOP. Raises NotAllowed by the PackML table, or by the profile."""
        contact = self._live()
        contact.do(self._session.command(command, self._tools.clock.now_s()))

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """It asks nothing. Raises NotAllowed."""
        raise NotAllowed(f"{self._name} has not asked anything about {operation_id}")

    def _live(self) -> "_Contact":
        if self._contact is None or self._contact.lost:
            raise NotAllowed(f"there is no contact with {self._name}")
        return self._contact


class _Contact:
    """Carries out what the session decides, one request after the other, until the contact is lost."""

    def __init__(self, session: Session, link: NodeLink, tools: Tools) -> None:
        self._session = session
        self._link = link
        self._tools = tools
        self._nap = Nap(tools.clock)
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._lost: asyncio.Future[CellError] = asyncio.get_running_loop().create_future()
        self._shown = SessionState(Contact.DISCONNECTED.value)

    @property
    def lost(self) -> bool:
        """Whether this contact is over."""
        return self._lost.done()

    async def speak(self) -> None:
        """Run until the contact is of no use any more. Raises what ended it."""
        async with asyncio.TaskGroup() as tasks:
            speaking = [tasks.create_task(self._ask_all()), tasks.create_task(self._watch())]
            self.do(self._session.begin(self._tools.clock.now_s()))
            try:
                # Awaited in this way, the future is not cancelled with us: `lost` stays true to its word.
                await asyncio.wait((self._lost,))
            finally:
                for task in speaking:
                    task.cancel()
        raise self._lost.result()

    async def close(self) -> None:
        """Leave the machine at rest if it can be reached, and give the session back."""
        try:
            if not self.lost:
                async with asyncio.timeout(_LAST_WORD_S):
                    await self._say_last()
        except (LinkLost, MachineFault, TimeoutError):
            pass
        finally:
            self.do(self._session.lost("cellctl has left it"))
            await self._link.close()

    def do(self, decisions: Sequence[Decision]) -> None:
        """Carry out what was decided, in order; once the contact is lost, nothing more."""
        if self.lost:
            return
        for decision in decisions:
            match decision:
                case Open() | Resolve() | Refresh() | Write() | Call():
                    self._requests.put_nowait(decision)
                case GiveUp(error):
                    self._lost.set_result(error)
                case fact:
                    self._tools.report(fact)
        if self._session.contact.value != self._shown.stage:
            self._show()
        self._nap.bring_forward(self._session.deadline_s)

    async def _ask_all(self) -> None:
        while True:
            request = await self._requests.get()
            answer = await self._ask(request)
            self.do(self._session.answered(answer, self._tools.clock.now_s()))
            if isinstance(request, Refresh):
                self._show()

    async def _watch(self) -> None:
        while True:
            await self._nap.until(self._session.deadline_s)
            self.do(self._session.tick(self._tools.clock.now_s()))

    async def _ask(self, request: Request) -> Answer:
        # Between the decision and this moment something may have been heard.
        against = self._session.second_thoughts(self._tools.clock.now_s())
        if not against and self._session.begins_motion:
            against = self._tools.fence()
        if against:
            return Refused(MachineFault(self._session.machine, f"{against}, so it was not told", do_next="Look at it"))
        try:
            return Answered(await self._do(request))
        except MachineFault as fault:
            return Refused(fault)
        except LinkLost as loss:
            return Unanswered(loss)

    async def _do(self, request: Request) -> Sequence[object]:
        match request:
            case Open():
                await self._link.open(self._heard, self._gone)
            case Resolve(refs, methods):
                return await self._link.resolve(refs, methods)
            case Refresh(refs):
                await self._link.subscribe(refs)
            case Write(_, ref, value):
                await self._link.write(ref, value)
            case Call(_, path, arguments):
                return await self._link.call(path, *arguments)
        return ()

    async def _say_last(self) -> None:
        """Each by itself: that one is refused says nothing about the next."""
        for request in self._session.last_words(self._tools.clock.now_s()):
            with contextlib.suppress(MachineFault):
                await self._do(request)

    def _show(self) -> None:
        """Tell how far the session is, and how old its values are."""
        oldest_s, at = self._session.oldest_s, ""
        if oldest_s is not None:
            at = _past(self._tools.clock.utc(), self._tools.clock.now_s() - oldest_s)
        seen = SessionState(self._session.contact.value, at)
        if seen != self._shown:
            self._shown = seen
            self._tools.report(SessionSeen(self._session.machine, seen))

    def _heard(self, heard: NodeValue) -> None:
        decisions = self._session.heard(heard, self._tools.clock.now_s())
        if decisions:
            self.do(decisions)

    def _gone(self, reason: str) -> None:
        self.do(self._session.lost(reason))


def _past(utc: str, age_s: float) -> str:
    """The instant that was so long before this one."""
    if not age_s:
        return utc
    moment = datetime.fromisoformat(utc) - timedelta(seconds=age_s)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


class _Family:
    gated = True

    @property
    def options(self) -> type[OpcuaOptions]:
        """What the cell file may say about a machine."""
        return OpcuaOptions

    def rules(self, options: OpcuaMachine) -> None:
        """It runs programs of its own controller."""

    def driver(self, machine: str, options: OpcuaMachine, tools: Tools) -> Driver:
        """A driver for one connection."""
        return OpcuaDriver(machine, options, tools)


FAMILY: Final[DriverFamily] = _Family()
