"""The sockets in our walls. Every one has a real end and a simulated end; one composition root plugs them in."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cellctl.core.view import CellView
from cellctl.domain.commands import Envelope, Reply
from cellctl.domain.events import Fact, Record
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation, Plan
from cellctl.gcode.preflight import Piecewise
from cellctl.gcode.resume import Resumption
from cellctl.gcode.rules import MachineRules
from cellctl.gcode.verdicts import Verdicts
from cellctl.ports.nodes import NodeAccess, NodeDevice, NodeLink
from cellctl.ports.programs import ProgramCell


class Clock(Protocol):
    """Time, as the machines live it. `speed` is how many of its seconds pass in one second of the world outside."""

    @property
    def speed(self) -> float:
        """1.0 except in a demo, where simulated machines run faster than real ones could."""
        ...

    def now_s(self) -> float:
        """Monotonic seconds."""
        ...

    def utc(self) -> str:
        """The wall clock, ISO 8601 with milliseconds and Z; for records only, never for intervals."""
        ...

    def wall_s(self) -> float:
        """The wall clock in seconds since the Unix epoch: for due dates and deadlines, never for intervals."""
        ...

    def slept_s(self) -> float:
        """How many seconds the computer has slept since some moment; the monotonic clock stands still meanwhile."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait for so many of this clock's seconds."""
        ...

    def wire_s(self, duration_s: float) -> float:
        """A limit for something that runs on real wires (an acknowledgement, a call), in this clock's seconds.

        A demo's clock runs faster than the wire does, so limits for the wire grow by `speed`.
        """
        ...


class Ids(Protocol):
    """Names that nobody can guess or repeat."""

    def new(self) -> str:
        """A fresh UUID as text."""
        ...


class Listener(Protocol):
    """Who hears a ByteLink. Called from the event loop, one call at a time, never from inside `write`."""

    def received(self, chunk: bytes) -> None:
        """Bytes have come in."""
        ...

    def lost(self, reason: str) -> None:
        """The link is gone; nothing more will come."""
        ...


class ByteLink(Protocol):
    """A line to one machine: bytes out, bytes in."""

    async def open(self, listener: Listener) -> None:
        """Open and start listening. Raises LinkLost if that cannot be done."""
        ...

    def write(self, chunk: bytes) -> None:
        """Hand over bytes, in order; never blocks, never fails (a lost link is told to the listener)."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes handed over that the operating system has not taken yet."""
        ...

    def close(self) -> None:
        """Let go. May be called twice."""
        ...


class Links(Protocol):
    """Makes lines to machines from the addresses in the cell file."""

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """A byte link: a serial port or a socket."""
        ...

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        """An OPC UA session."""
        ...

    async def appeared(self, machine: str) -> None:
        """Wait until a machine has been plugged in that was not there when its last link was opened or lost.

        Where this cannot be seen it waits for ever, so the caller sets a limit.
        """
        ...


class Files(Protocol):
    """Program files, named by the SHA-256 of their content."""

    def keep(self, name: str, content: bytes) -> str:
        """Store durably; returns the SHA-256 in hex. The same content twice is one file."""
        ...

    def adopt(self, path: Path) -> Piecewise[str]:
        """Store what a file holds, read in pieces; returns its SHA-256. Raises OSError, StoreFailed, OrderRefused."""
        ...

    def lines(self, sha256: str) -> Iterator[str]:
        """The lines of a stored file, read in pieces. Raises StoreFailed if it is absent or altered."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the log up to `seq` amounts to, for code of this `schema`. A cache: the log alone is what happened."""

    seq: int
    schema: str
    content: str


class Store(Protocol):
    """The journal: append-only, durable when `append` returns."""

    async def append(self, records: Sequence[Record]) -> None:
        """Write all of these or none. Raises StoreFailed, and DiskFull where nothing more can be written."""
        ...

    def read(self, after_seq: int = 0, name: str = "") -> Iterator[Record]:
        """Every durable record after a sequence number, in order; only those of one event where it is named."""
        ...

    def answers(self, most: int) -> Sequence[tuple[str, str]]:
        """The last so many answers, oldest first: to which command, and the content of the record. Blocks."""
        ...

    @property
    def last_seq(self) -> int:
        """The number of the last durable record; 0 if there is none. Blocks."""
        ...

    @property
    def full(self) -> bool:
        """The disk has no room but what was put by for work that runs: nothing new may be accepted."""
        ...

    def keep(self, seq: int, schema: str, content: Callable[[], str]) -> None:
        """Keep a snapshot some time soon; `content` is called in another thread. Never raises, never waits."""
        ...

    def kept(self, schema: str) -> Snapshot | None:
        """The newest snapshot for this schema that is whole; None if there is none."""
        ...

    @property
    def last_progress_s(self) -> float:
        """When the writer last proved to be alive (monotonic seconds of the Clock)."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One publication on the bus. `retained`: replayed by the broker, or sent to be kept there.

    `shed`: more is waiting than there is room for; say `busy` instead of doing what it asks.
    """

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str = ""
    correlation: bytes = b""
    shed: bool = False


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when we vanish."""

    topic: str
    payload: bytes


class BusSession(Protocol):
    """One connection to the broker, from CONNACK until it is lost; never re-entered."""

    async def publish(self, message: Message, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the broker, and for qos 1 wait until it took it. Raises ConnectionError."""
        ...

    async def subscribe(self, topic_filter: str) -> None:
        """Hear these topics. Retained ones are not replayed where the protocol allows to say so."""
        ...

    def messages(self) -> AsyncIterator[Message]:
        """What comes in, in order. Raises ConnectionError when the connection is lost."""
        ...


class Bus(Protocol):
    """The way to an MQTT broker."""

    def session(self, will: Will, serve: Callable[[BusSession], Awaitable[None]]) -> Awaitable[None]:
        """Connect once, run `serve` with the session, disconnect. Raises ConnectionError when it ends badly."""
        ...


class Desk(Protocol):
    """What a face may do: hand in commands, look, and be told that there is something new to look at."""

    async def submit(self, envelope: Envelope) -> Reply:
        """Decide about a command. Answered only after the answer is durable; never waits for a machine.

        The same id with the same content again gets the first reply, marked `duplicate`; with other content
        `rejected:id_reused`.
        """
        ...

    def view(self) -> CellView:
        """The cell as it is now."""
        ...

    def reply_to(self, command_id: str) -> Reply | None:
        """What was answered to an earlier command, or None if it is not known."""
        ...

    async def changed(self, since_rev: int) -> int:
        """Wait until the view's rev is above `since_rev` (at once if it is already); returns the rev."""
        ...

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """The log after a sequence number, as far as it is durable."""
        ...

    async def resume_plan(self, machine: str, at_line: int | None) -> Resumption:
        """How a machine's unknown operation could go on. Raises NotAllowed, with every reason against it."""
        ...

    @property
    def plan(self) -> Plan:
        """The cell as configured."""
        ...

    @property
    def products(self) -> Sequence[Mapping[str, Any]]:
        """What can be ordered: name, revision, parameters with their limits, as JSON-like values."""
        ...


class Driver(Protocol):
    """One machine, as the engine sees it. Made anew for every connection; a lost one is thrown away.

    `serve` connects and runs until it is cancelled; on the way out it leaves the machine at rest if it can.
    While it serves, it reports facts, among them every PackML state it enters (the first one after contact
    was found). The other methods return at once; their effect is seen in the facts.
    """

    async def serve(self) -> None:
        """Connect and speak with the machine. Raises LinkLost or MachineFault."""
        ...

    def start(self, operation: Operation) -> None:
        """Begin this work. The intent is durable already. Raises NotAllowed unless the machine is IDLE."""
        ...

    def command(self, command: MachineCommand) -> None:
        """HOLD, UNHOLD, ABORT, CLEAR, RESET, STOP. Raises NotAllowed by the PackML table."""
        ...

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """A person's answer to a prompt that this driver raised."""
        ...


def _nothing_sought() -> Operation | None:
    return None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a driver gets to work with. It has no other way to reach the world.

    `verdicts`: a program must pass by what the machine says of itself before its first line goes out; None where the
    pre-flight check is off. `sought`: work of a controller that died, about which the machine will be asked once it
    is heard; a driver may have to look before its own greeting wipes out what the machine remembers.
    `fence`: why no motion may be begun at this moment, empty if it may; to be asked right before
    the bytes go out.
    """

    clock: Clock
    links: Links
    files: Files
    report: Callable[[Fact], None]
    verdicts: Verdicts | None = None
    sought: Callable[[], Operation | None] = _nothing_sought
    fence: Callable[[], str] = str


class DriverFamily(Protocol):
    """What a package brings under the entry point `cellctl.drivers`.

    `by_hand = True`: its drivers are `ByHand`. `gated = True`: they are `Gated` for all that they do.
    """

    @property
    def options(self) -> type[Any]:
        """A pydantic model or dataclass; the machine's own keys in the cell file are parsed by it."""
        ...

    def rules(self, options: Any) -> MachineRules | None:
        """What every program is held against before it may be ordered; None where no programs are run."""
        ...

    def driver(self, machine: str, options: Any, tools: Tools) -> Driver:
        """Make a driver for one connection. Does nothing yet."""
        ...


class ByteDevice(Protocol):
    """A simulated machine on a byte link, from the firmware's side of the wire. A callback object without I/O.

    Whoever drives it calls `advance(now_s)` when `wakeup_s` is due, and `transmit` after every call.
    """

    def receive(self, chunk: bytes, now_s: float) -> None:
        """Bytes from the host."""
        ...

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the host that are due by now; empty if none."""
        ...

    def advance(self, now_s: float) -> None:
        """Let time pass up to now."""
        ...

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        ...


class SimulatedCell(ProgramCell, Protocol):
    """All devices of a simulated cell and the world that they share."""

    @property
    def byte_devices(self) -> Mapping[str, ByteDevice]:
        """By machine name."""
        ...

    @property
    def node_devices(self) -> Mapping[str, NodeDevice]:
        """By machine name."""
        ...

    def person_answers(self, question: str, choices: Sequence[str], station: str) -> tuple[float, str]:
        """How long the simulated person takes, in seconds, and what they choose."""
        ...

    def person_moves(self, source: str, target: str, now_s: float) -> None:
        """The simulated person takes the part at one place to another ("gone": out of the cell)."""
        ...

    @property
    def violations(self) -> Sequence[str]:
        """What happened that must never happen, in order."""
        ...


class Simulator(Protocol):
    """What a package brings under the entry point `cellctl.simulators`."""

    def __call__(self, cell_file: Path, settings: Mapping[str, Any], seed: int) -> SimulatedCell:
        """Build the twin of a cell file. Raises ConfigError."""
        ...
