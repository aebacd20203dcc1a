"""One machine's keeper: connect, run, and after a loss wait a little longer each time and connect again."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from random import Random
from typing import Final, Protocol, runtime_checkable

import structlog

from cellctl.app.config import MachineConfig
from cellctl.domain.errors import CellError, NotAllowed
from cellctl.domain.events import ContactLost, EvidenceGathered, Fact, OperationEnded
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation, OperationKind, OperationState
from cellctl.ports import Driver, Tools

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
# A wait is shorter by up to this part, so that machines that were lost together are not looked for together.
JITTER: Final = 0.25
BEAT_S: Final = 2.0

# Somebody who takes down what a machine is told, ahead of the bytes that follow from it, unless it is refused.
Witness = Callable[[str, str], AbstractContextManager[None]]
# As transcripts call it.
SESSION_CALLS: Final = {
    MachineCommand.HOLD: "? hold",
    MachineCommand.UNHOLD: "? resume",
    MachineCommand.STOP: "? stop",
    MachineCommand.ABORT: "? halt",
    MachineCommand.CLEAR: "? clear",
}

# What makes a machine move by itself, beside a program. Whatever stops it needs no right.
_BEGINS_MOTION: Final = frozenset({MachineCommand.UNHOLD, MachineCommand.RESET})

log = structlog.get_logger()


def unseen(_machine: str, _call: str) -> AbstractContextManager[None]:
    """Nobody takes it down."""
    return nullcontext()


def open_to_all(_machine: str, _token: int) -> str:
    """Nobody has rights that could be in the way."""
    return ""


class Fence:
    """The token that a machine was told last, and what speaks against a motion that is to be begun under it."""

    def __init__(self, machine: str, rights: Callable[[str, int], str]) -> None:
        self.token = 0
        self.machine = machine
        self._rights = rights

    def against(self) -> str:
        """Why no motion may be begun now; empty if it may. To be asked right before, not when it is decided."""
        return self._rights(self.machine, self.token)

    def check(self, *, enters: bool = True) -> None:
        """Raises NotAllowed. `enters`: it is about a motion into zones, else about one of the machine by itself."""
        if why := self._rights(self.machine, self.token if enters else 0):
            raise NotAllowed(f"{self.machine} was not told: {why}")


@runtime_checkable
class ByHand(Protocol):
    """A driver whose machine people may send lines to."""

    def say_by_hand(self, line: str, by: str) -> None:
        """Send this line, and report what is heard as LinesHeard. Raises NotAllowed while the machine is at work.

        The first one takes the machine out of our hands: it is ABORTED, and only CLEAR leads back.
        """
        ...


@runtime_checkable
class Adopting(Protocol):
    """A driver whose machine may still be at work, or know how it ended, after the contact was lost."""

    def adopt(self, operation: Operation) -> None:
        """Look for this work, and report EvidenceGathered, once and in bounded time. Nothing is started by this.

        A machine that is at it is followed from then on, as if the contact had never been lost.
        """
        ...


@runtime_checkable
class Gated(Protocol):
    """A driver that reports OperationSent and waits, before anything goes out that touches the part."""

    def proceed(self, operation_id: str) -> None:
        """Go on: OperationSent is durable. Raises NotAllowed if this work does not wait."""
        ...


class Supervisor:
    """Owns the driver of one machine; the only place where a driver's unknown error is caught."""

    def __init__(
        self,
        machine: str,
        config: MachineConfig,
        tools: Tools,
        witness: Witness = unseen,
        fence: Callable[[str, int], str] = open_to_all,
    ) -> None:
        self._fence = Fence(machine, fence)
        self._witness = witness
        self._config = config
        self._tools = tools
        self._driver: Driver | None = None
        # Seeded by the name: another wait for each machine, and the same in every run.
        self._jitter = Random(machine)  # noqa: S311 - no secret
        self._heard = False
        self.last_progress_s = 0.0

    @property
    def machine(self) -> str:
        """Whose keeper this is."""
        return self._fence.machine

    async def run(self) -> None:
        """Keep the machine connected until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            self._heard = False
            reason = await self._serve()
            _end_if_cancelled()
            if self._heard:
                wait_s = FIRST_WAIT_S
            self._report(ContactLost(self.machine, reason))
            await self._pause(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _serve(self) -> str:
        """One connection, from its beginning to its end; returns why it ended."""
        tools = replace(self._tools, report=self._report, fence=self._fence.against)
        try:
            self._driver = self._config.family.driver(self.machine, self._config.options, tools)
            await self._driver.serve()
        except CellError as error:
            return str(error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled us: something that the driver waited for was cancelled. Without a word we would be gone.
            return self._defect(error)
        except Exception as error:
            return self._defect(error)
        finally:
            self._driver = None
        return "the connection was ended"

    async def _pause(self, longest_s: float) -> None:
        """Wait before the next attempt, but not for a machine that has just been plugged in."""
        clock = self._tools.clock
        wait_s = longest_s * (1 - JITTER * self._jitter.random())
        with suppress(TimeoutError):
            async with asyncio.timeout(clock.wire_s(wait_s) / clock.speed):
                await self._tools.links.appeared(self.machine)

    async def beat(self) -> None:
        """Stamp progress for the watchdog; runs beside `run`, in the same task group."""
        clock = self._tools.clock
        while True:
            self.last_progress_s = clock.now_s()
            await clock.sleep(clock.wire_s(BEAT_S))

    def start(self, operation: Operation) -> None:
        """Give the machine its work; if it cannot take it, nothing was begun and that is reported."""
        try:
            driver = self._ready()
            if operation.kind is not OperationKind.CARRY:
                self._fence.token = 0
            self._fence.check()
            sha256 = operation.program.sha256 if operation.program else ""
            call = f"? load sha256:{sha256}" if sha256 else f"# {operation.step} {operation.target}"
            with self._witness(self.machine, call):
                driver.start(operation)
        except NotAllowed as refused:
            log.warning("operation.not_begun", machine=self.machine, operation=operation.id, why=str(refused))
            self._report(OperationEnded(operation.id, OperationState.NOT_BEGUN, str(refused)))
        except Exception as error:
            # Nobody can say how far it came; its machine is asked about like after a crash.
            self._report(OperationEnded(operation.id, OperationState.UNKNOWN, self._defect(error)))

    def permit(self, token: int) -> None:
        """From now on the machine enters zones under this fence token."""
        self._fence.token = token

    def adopt(self, operation: Operation) -> None:
        """Let the driver look for work whose outcome is unknown; one that cannot has found nothing."""
        driver = self._driver
        try:
            if not isinstance(driver, Adopting):
                raise NotAllowed("its machine cannot tell")
            with self._witness(self.machine, f"? adopt {operation.id}"):
                self._pass_on(lambda: driver.adopt(operation))
        except NotAllowed as refused:
            log.warning("operation.not_found", machine=self.machine, operation=operation.id, why=str(refused))
            self._report(EvidenceGathered(operation.id, Findings(says=str(refused))))

    def proceed(self, operation_id: str) -> None:
        """What touches the part may go out now. One that does not wait for it any more has ended its work."""
        driver = self._driver
        if not isinstance(driver, Gated):
            return
        try:
            with self._witness(self.machine, f"? proceed {operation_id}"):
                self._pass_on(lambda: driver.proceed(operation_id))
        except NotAllowed as refused:
            log.warning("operation.not_waiting", machine=self.machine, operation=operation_id, why=str(refused))

    def command(self, command: MachineCommand) -> None:
        """Pass on a PackML command. Raises NotAllowed."""
        driver = self._ready()
        if command in _BEGINS_MOTION:
            self._fence.check(enters=command is MachineCommand.UNHOLD)
        call = SESSION_CALLS.get(command)
        with self._witness(self.machine, call) if call else nullcontext():
            self._pass_on(lambda: driver.command(command))

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """Pass on a person's answer. Raises NotAllowed."""
        driver = self._ready()
        with self._witness(self.machine, f"? answer {choice}"):
            self._pass_on(lambda: driver.answer(operation_id, choice, by))

    def say_by_hand(self, line: str, by: str) -> None:
        """Pass on a line that a person has typed. Raises NotAllowed, also where a machine has no console."""
        driver = self._ready()
        if not isinstance(driver, ByHand):
            raise NotAllowed(f"{self.machine} takes no lines by hand")
        self._fence.check(enters=False)
        with self._witness(self.machine, f"# by hand, {by}: {line}"):
            self._pass_on(lambda: driver.say_by_hand(line, by))

    def _pass_on(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except NotAllowed:
            raise
        except Exception as error:
            why = self._defect(error)
            raise NotAllowed(f"{self.machine} was told, but nobody knows what it made of it: {why}") from error

    def _defect(self, error: BaseException) -> str:
        """A driver's defect must cost only its own machine; this is the one place that catches everything."""
        log.error("driver.defect", machine=self.machine, exc_info=error)
        return f"defect in the driver: {error!r}"

    def _ready(self) -> Driver:
        if self._driver is None:
            raise NotAllowed(f"{self.machine} is not connected; check its power and cable")
        return self._driver

    def _report(self, fact: Fact) -> None:
        self._heard = self._heard or not isinstance(fact, ContactLost)
        self._tools.report(fact)


def _end_if_cancelled() -> None:
    """A library that cleans up (asyncua's disconnect does) may swallow the cancellation meant for us."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
