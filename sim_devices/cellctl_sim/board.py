"""What every simulated controller board has: a serial chip, a planner, one thing that it is waiting for, a plug.

A firmware (Marlin, Grbl) is a Board with its own main loop. Time passes from event to event: `_due_s` says when
the next one is, `_happen` makes it so.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol

from cellctl_sim.faults import Fault, Kind
from cellctl_sim.motion import Planner

EXTERNAL_RESET: Final = " External Reset"


class Wait(Enum):
    """What blocks the main loop of a firmware, beside an instant in time."""

    ROOM = "a free planner block"
    REST = "all motion finished"
    PERSON = "a person at the machine"


Task = Generator[Wait | float, float, None]
"""A command that takes time: yields what it waits for (or until when), is sent the instant at which it goes on."""


class Faults(Protocol):
    """The one seam for faults: what becomes of bytes on their way, and what happens to the firmware by itself."""

    def heard(self, chunk: bytes, now_s: float) -> bytes:
        """The bytes that really arrive at the board now: of these, and of what was held back."""
        ...

    def said(self, chunk: bytes, now_s: float) -> bytes:
        """The bytes that really arrive at the host now."""
        ...

    def happened(self, event: str, now_s: float) -> None:
        """The firmware did something that a fault may be waiting for ("line", "reset", "power-on")."""
        ...

    def add(self, fault: Fault) -> None:
        """Something more goes wrong from now on."""
        ...

    def strike(self, now_s: float) -> Sequence[Fault]:
        """What happens to the board and its cable now."""
        ...

    @property
    def plug(self) -> Callable[[Fault, float], None] | None:
        """Whoever holds the cable."""
        ...

    @property
    def heard_s(self) -> float:
        """When bytes that were held back reach the board; inf: none are."""
        ...

    @property
    def said_s(self) -> float:
        """When bytes that were held back reach the host."""
        ...

    @property
    def strikes_s(self) -> float:
        """When `strike` has something to tell, as far as that is known."""
        ...


class Uart:
    """The serial side: a receive buffer of so many bytes, and what is to be sent. `lost` counts overrun bytes."""

    def __init__(self, rx_bytes: int, faults: Faults | None = None) -> None:
        self.rx = bytearray()
        self.lost = 0
        self.faults = faults
        self._rx_bytes = rx_bytes
        self._tx: list[bytes] = []

    @property
    def room(self) -> int:
        """Free bytes in the receive buffer."""
        return max(0, self._rx_bytes - len(self.rx))

    def store(self, chunk: bytes) -> int:
        """Put bytes into the receive buffer as far as they fit; returns how many."""
        fits = chunk[: self.room]
        self.rx += fits
        return len(fits)

    def shrink(self) -> None:
        """From now on it takes half of what it took."""
        self._rx_bytes //= 2

    def send(self, text: bytes) -> None:
        """Say something to the host."""
        self._tx.append(text)

    def take(self, now_s: float) -> bytes:
        """Everything said since the last time."""
        if not self._tx:
            return b"" if self.faults is None else self.faults.said(b"", now_s)
        chunk = b"".join(self._tx)
        self._tx.clear()
        return chunk if self.faults is None else self.faults.said(chunk, now_s)

    def clear(self, sent_too: bool = False) -> None:
        """The chip loses what it has received, and on a power cut also what it has not sent yet."""
        self.rx.clear()
        if sent_too:
            self._tx.clear()


class Board:
    """A simulated machine on a byte link (the daemon's ports call it a ByteDevice), without I/O.

    `troubles`: what can go wrong with this firmware by itself, by the kind of the fault.
    """

    troubles: Mapping[str, Callable[[Any, Fault, float], None]] = {}

    def __init__(self, uart: Uart, planner: Planner) -> None:
        self.uart = uart
        self.planner = planner
        self.powered = True
        self._task: Task | None = None
        self._waits_for: Wait | None = None
        self._task_due_s = math.inf
        self._plugged_s = math.inf  # when the power comes back
        self.reset_cause = EXTERNAL_RESET

    # ---- the byte device -------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> None:
        """Bytes from the host."""
        self.advance(now_s)
        faults = self.uart.faults
        if faults is None:
            if self.powered:
                self._hear(chunk, now_s)
            return
        chunk = faults.heard(chunk, now_s)
        if chunk and self.powered:
            self._hear(chunk, now_s)
        self.advance(now_s)  # what these bytes have brought about by themselves

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the host; empty if none."""
        return self.uart.take(now_s)

    def advance(self, now_s: float) -> None:
        """Let time pass; everything happens at its own instant, however late this is called."""
        if self.uart.faults is not None:
            self._advance_among(self.uart.faults, now_s)
            return
        while (due_s := self._due_s()) <= now_s:
            self._happen(due_s)

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        due_s, faults = self._due_s(), self.uart.faults
        if faults is not None:
            due_s = min(due_s, self._plugged_s, faults.strikes_s, faults.heard_s, faults.said_s)
        return None if due_s == math.inf else due_s

    # ---- the plug and the reset button -----------------------------------------------------------------------

    def reset(self, now_s: float) -> None:
        """The reset button, the watchdog, or DTR on opening the port: all state is lost, it boots again."""
        self.advance(now_s)
        if self.powered:
            self._stop_dead(now_s)
            self._note("reset", now_s)
            self._boot(now_s, cold=False)

    def power_off(self, now_s: float) -> None:
        """Pull the plug."""
        self.advance(now_s)
        self.powered = False
        self._stop_dead(now_s)
        self.uart.clear(sent_too=True)

    def power_on(self, now_s: float) -> None:
        """Put the plug back in. Has no effect on a board that has power."""
        if not self.powered:
            self.powered = True
            self._note("power-on", now_s)
            self._boot(now_s, cold=True)

    # ---- what goes wrong -------------------------------------------------------------------------------------

    def suffer(self, fault: Fault, now_s: float) -> None:
        """This happens now, to the board or to its cable. Raises KeyError for what cannot happen to it."""
        if fault.kind in (Kind.UNPLUG, Kind.SWAP):
            if self.uart.faults is not None and self.uart.faults.plug is not None:
                self.uart.faults.plug(fault, now_s)
        elif fault.kind == Kind.RESET:
            self.reset_cause = fault.text or EXTERNAL_RESET
            self.reset(now_s)
        elif fault.kind == Kind.POWER_CUT:
            self.power_off(now_s)
            self._plugged_s = now_s + fault.amount
        else:
            self.troubles[fault.kind](self, fault, now_s)

    def _advance_among(self, faults: Faults, now_s: float) -> None:
        """Let time pass, with what goes wrong on the way."""
        while (due_s := min(self._due_s(), self._plugged_s, faults.strikes_s, faults.heard_s)) <= now_s:
            if faults.strikes_s <= due_s:
                for fault in faults.strike(due_s):
                    self.suffer(fault, due_s)
            elif self._plugged_s <= due_s:
                self._plugged_s = math.inf
                self.power_on(due_s)
            elif faults.heard_s <= due_s:
                chunk = faults.heard(b"", due_s)
                if self.powered:
                    self._hear(chunk, due_s)
            else:
                self._happen(due_s)

    # ---- for the firmware ------------------------------------------------------------------------------------

    def _hear(self, chunk: bytes, now_s: float) -> None:
        raise NotImplementedError

    def _due_s(self) -> float:
        raise NotImplementedError

    def _happen(self, due_s: float) -> None:
        raise NotImplementedError

    def _boot(self, now_s: float, cold: bool) -> None:
        raise NotImplementedError

    def _stop_dead(self, now_s: float) -> None:
        """Every output drops; what was in work is forgotten."""
        self._give_up()
        self.uart.clear()
        self.planner.abort(now_s)

    def _note(self, event: str, now_s: float) -> None:
        if self.uart.faults is not None:
            self.uart.faults.happened(event, now_s)

    def _start(self, task: Task, now_s: float) -> bool:
        """Begin a command that takes time, and go on as far as it gets. True: it is finished already."""
        self._task, self._waits_for, self._task_due_s = task, None, -math.inf
        return self._go_on(now_s, first=True)

    def _go_on(self, now_s: float, first: bool = False) -> bool:
        """Let the command in work go on if what it waits for has come. True: it is finished."""
        if self._task is None:
            return True
        while first or self._come(now_s):
            try:
                waits_for = next(self._task) if first else self._task.send(now_s)
            except StopIteration:
                self._give_up()
                return True
            first = False
            if isinstance(waits_for, Wait):
                self._waits_for, self._task_due_s = waits_for, math.inf
            else:
                self._waits_for, self._task_due_s = None, waits_for
        return False

    def _give_up(self) -> None:
        """End the command in work before its time."""
        if self._task is not None:
            self._task.close()
        self._task, self._waits_for, self._task_due_s = None, None, math.inf

    def _come(self, now_s: float) -> bool:
        if self._waits_for is None:
            return now_s >= self._task_due_s
        if self._waits_for is Wait.ROOM:
            return self.planner.free > 0
        if self._waits_for is Wait.REST:
            return not self.planner.busy
        return self._person_acted()

    def _person_acted(self) -> bool:
        """Whether the person that a task waits for has done what it takes."""
        return False
