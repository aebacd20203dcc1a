"""The thin shell between one arm's session and its OPC UA link."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cellctl.domain.errors import CellError, LinkLost, MachineFault, NotAllowed
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation
from cellctl.ports import Clock, Driver, DriverFamily, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink, NodeRef, NodeValue, Quality

from .facts import STOP_MODE, Layout, Method
from .session import Limits, Session
from .words import Answer, Answered, Call, Decision, GiveUp, Refresh, Refused, Unanswered

Seconds = Annotated[float, Field(gt=0)]

# The link gives up first, and knows better why.
_LINK_FIRST_S: Final = 1.0
_LAST_WORD_S: Final = 1.0


class SystemName(BaseModel):
    """Which MotionDeviceSystem of the server it is. `name` is a browse name; empty: the machine's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    namespace: str = "urn:cellctl:sim:robot"


class RobotOptions(BaseModel):
    """The keys of an arm in the cell file. The instances are in the namespace of the system.

    `call_timeout_s` and `settle_s` are seconds on the wire: until a call must be answered, and until its
    effect must be seen. `carry_timeout_s` is how long one carry may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^opc\.tcp://[^/]+")
    insecure: bool = False
    system: SystemName = SystemName()
    controller: str = "controller"
    task: str = "task"
    safety_state: str = "SafetyState"
    call_timeout_s: Seconds = 3.0
    settle_s: Seconds = 3.0
    carry_timeout_s: Seconds = 300.0


class RobotDriver:
    """One contact with one arm."""

    def __init__(self, machine: str, options: RobotOptions, tools: Tools) -> None:
        system, clock = options.system, tools.clock
        self._options = options
        self._tools = tools
        self._layout = Layout(
            system.namespace, system.name or machine, options.controller, options.task, options.safety_state
        )
        limits = Limits(
            answer_s=clock.wire_s(options.call_timeout_s + _LINK_FIRST_S),
            settle_s=clock.wire_s(options.settle_s),
            carry_s=options.carry_timeout_s,
        )
        self._session = Session(machine, limits)
        self._contact: _Contact | None = None

    async def serve(self) -> None:
        """Connect and speak with the arm. Raises LinkLost or MachineFault."""
        session, options = self._session, self._options
        access = NodeAccess(options.url, insecure=options.insecure, call_timeout_s=options.call_timeout_s)
        link = self._tools.links.nodes_of(session.machine, access)
        contact = _Contact(session, self._layout, link, self._tools)
        try:
            await contact.open()
            self._contact = contact
            await contact.speak()
        finally:
            self._contact = None
            await contact.close()

    def start(self, operation: Operation) -> None:
        """Carry a part. Raises NotAllowed unless IDLE."""
        contact = self._live()
        contact.do(self._session.start(operation, self._tools.clock.now_s()))

    def command(self, command: MachineCommand) -> None:
        """HOLD, UNHOLD, ABORT, CLEAR, RESET, STOP. Raises NotAllowed by the PackML table."""
        contact = self._live()
        contact.do(self._session.command(command, self._tools.clock.now_s()))

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """An arm asks nothing. Raises NotAllowed."""
        raise NotAllowed(f"{self._session.machine} has not asked anything about {operation_id}")

    def _live(self) -> "_Contact":
        if self._contact is None or self._contact.lost:
            raise NotAllowed(f"there is no contact with {self._session.machine}")
        return self._contact


class _Contact:
    """Carries out what the session decides, one request after the other, until the contact is lost."""

    def __init__(self, session: Session, layout: Layout, link: NodeLink, tools: Tools) -> None:
        self._session = session
        self._layout = layout
        self._link = link
        self._tools = tools
        self._requests: asyncio.Queue[Call | Refresh] = asyncio.Queue()
        self._lost: asyncio.Future[CellError] = asyncio.get_running_loop().create_future()
        self._signals = layout.variables
        self._alarm: _Alarm | None = None

    @property
    def lost(self) -> bool:
        """Whether this contact is over."""
        return self._lost.done()

    async def open(self) -> None:
        """Connect and hear every signal once. Raises LinkLost or MachineFault."""
        await self._link.open(self._heard, self._gone)
        await self._link.subscribe([NodeRef(path) for path in self._signals])

    async def speak(self) -> None:
        """Run until the contact is of no use any more. Raises what ended it."""
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speak(), name=f"{self._session.machine}.speak")
            self._alarm = _Alarm(tasks, self._tools.clock, self._ring)
            self.do(self._session.contact(self._layout.identity))
            try:
                # Awaited in this way, the future is not cancelled with us: `lost` stays true to its word.
                await asyncio.wait((self._lost,))
            finally:
                speaking.cancel()
                self._alarm.set(None)
                self._alarm = None
        raise self._lost.result()

    async def close(self) -> None:
        """Leave the arm at rest if it can be reached, and give the session back."""
        if self._session.moves and not self.lost:
            with contextlib.suppress(LinkLost, MachineFault, TimeoutError):
                async with asyncio.timeout(_LAST_WORD_S):
                    await self._link.call(self._layout.methods[Method.STOP], STOP_MODE)
        self.do(self._session.lost("cellctl has left it"))
        await self._link.close()

    def do(self, decisions: Sequence[Decision]) -> None:
        """Carry out what was decided, in order; once the contact is lost, nothing more."""
        if self.lost:
            return
        for decision in decisions:
            match decision:
                case Call() | Refresh():
                    self._requests.put_nowait(decision)
                case GiveUp(error):
                    self._lost.set_result(error)
                case fact:
                    self._tools.report(fact)
        if self._alarm:
            self._alarm.set(self._session.deadline_s)

    async def _speak(self) -> None:
        while True:
            answer = await self._ask(await self._requests.get())
            self.do(self._session.answered(answer, self._tools.clock.now_s()))

    async def _ask(self, request: Call | Refresh) -> Answer:
        try:
            if isinstance(request, Refresh):
                await self._link.subscribe([NodeRef(path) for path in self._signals])
                return Answered()
            outputs = await self._link.call(self._layout.methods[request.method], *request.arguments)
        except MachineFault as fault:
            return Refused(fault.what)
        except LinkLost as loss:
            return Unanswered(loss.what)
        match outputs:
            case (int() as status, *_):
                return Answered(status)
        return Refused(f"its answer {outputs!r} holds no Status")

    def _heard(self, heard: NodeValue) -> None:
        signal, now_s = self._signals[heard.ref.path], self._tools.clock.now_s()
        self.do(self._session.heard(signal, heard.value, now_s, good=heard.quality is Quality.GOOD))

    def _gone(self, reason: str) -> None:
        self.do(self._session.lost(reason))

    def _ring(self) -> None:
        self.do(self._session.tick(self._tools.clock.now_s()))


class _Alarm:
    """Rings at one point of the machine's time."""

    def __init__(self, tasks: asyncio.TaskGroup, clock: Clock, ring: Callable[[], None]) -> None:
        self._tasks = tasks
        self._clock = clock
        self._ring = ring
        self._at_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    def set(self, at_s: float | None) -> None:
        """Ring then, and no more at the time that was set before; None: not at all."""
        if at_s == self._at_s:
            return
        if self._task:
            self._task.cancel()
        self._at_s = at_s
        self._task = self._tasks.create_task(self._wait(at_s)) if at_s is not None else None

    async def _wait(self, at_s: float) -> None:
        while (left_s := at_s - self._clock.now_s()) > 0:
            await self._clock.sleep(left_s)
        self._at_s, self._task = None, None
        self._ring()


class _Family:
    @property
    def options(self) -> type[RobotOptions]:
        """What the cell file may say about an arm."""
        return RobotOptions

    def rules(self, options: RobotOptions) -> None:
        """It carries by its controller's own programs."""

    def driver(self, machine: str, options: RobotOptions, tools: Tools) -> Driver:
        """A driver for one connection."""
        return RobotDriver(machine, options, tools)


FAMILY: Final[DriverFamily] = _Family()
