"""What goes wrong with a simulated machine: a plan as data, which chance plays out from one integer.

A fault says what happens, when, which way, and how much of it. As data (TOML or JSON, in a twin's `faults`):

    {kind = "flip", rate = 1e-4}                                    one bit of a byte, each with this chance
    {kind = "lose", nth = 12, way = "to-host", line = "ok"}         the 12th line that begins so never arrives
    {kind = "stall", at_s = 30.0, amount = 5.0}                     nothing passes for 5 s, then all of it at once
    {kind = "unplug", nth = 40, amount = 3.0}                       the cable, for 3 s, when the board takes line 40

What happens on the wire is done here. What happens to the cable is for whoever holds it (`plug`), and what happens
to a board (a reset, a power cut, what its firmware has a table for) for the board: see `Board.suffer`.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Way(StrEnum):
    """Which way bytes go."""

    TO_BOARD = "to-board"
    TO_HOST = "to-host"


class Kind(StrEnum):
    """What can happen to any machine on a byte line. A firmware has kinds of its own besides."""

    # bytes
    FLIP = "flip"  # one bit is another
    SPOIL = "spoil"  # it is any other byte
    DROP = "drop"  # a byte vanishes
    DOUBLE = "double"  # a byte comes twice
    GARBAGE = "garbage"  # so many bytes of noise before it
    # lines
    LOSE = "lose"  # all of it vanishes
    MERGE = "merge"  # its newline vanishes
    REPLACE = "replace"  # `text` comes in its place
    INSERT = "insert"  # `text` comes before it, as a line
    SPLIT = "split"  # its rest comes so many seconds later
    STALL = "stall"  # it and all behind it come so many seconds later
    # the cable
    UNPLUG = "unplug"  # for so many seconds; `text`: the name under which it is found again
    SWAP = "swap"  # for so many seconds; then the machine `text` is at its end, and this one at the other's
    # the board
    RESET = "reset"
    POWER_CUT = "power-cut"  # for so many seconds


BYTES: Final = frozenset({Kind.FLIP, Kind.SPOIL, Kind.DROP, Kind.DOUBLE, Kind.GARBAGE})
LINES: Final = frozenset({Kind.LOSE, Kind.MERGE, Kind.REPLACE, Kind.INSERT, Kind.SPLIT, Kind.STALL})
_LATE: Final = frozenset({Kind.SPLIT, Kind.STALL})
CABLE: Final = frozenset({Kind.UNPLUG, Kind.SWAP})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, at exactly one of three sorts of time.

    `at_s`: then, or with the first line that passes from then on. `nth`: with the line of this number, from 1; for
    cable and board, the lines that the board takes. `rate`: with each byte, or each line where the kind is one of
    lines or of the board, by this chance. Where a kind of bytes is given a line, it hits one of its bytes.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: str
    at_s: Seconds | None = None
    nth: Annotated[int, Field(ge=1)] | None = None
    rate: Annotated[float, Field(gt=0, le=1)] | None = None
    way: Way = Way.TO_BOARD
    line: str = ""
    """Only lines that begin so are counted and hit."""
    amount: Seconds = 1.0
    """Seconds, or a number of bytes."""
    text: str = ""

    def __post_init__(self) -> None:
        if (self.at_s, self.nth, self.rate).count(None) != 2:
            raise ValueError(f"the fault {self.kind!r} must have one of at_s, nth and rate")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All that goes wrong with one machine. The same plan always goes wrong in the same way."""

    seed: int
    faults: tuple[Fault, ...]

    def play(self) -> "Trouble":
        """Begin it anew."""
        return Trouble(self.faults, Random(f"{self.seed}/faults"))  # noqa: S311 - repeatable on purpose


def plan(seed: int, kind: str, lines: int = 40, amounts: Sequence[float] = ()) -> FaultPlan:
    """A plan of one kind for a program of so many lines: when and how much of it is drawn from the seed.

    A kind of bytes or lines may be drawn as a rate, either way. A kind that is not known here happens once, with one
    of these amounts.
    """
    rng = Random(f"{seed}/{kind}")  # noqa: S311 - repeatable on purpose
    way = rng.choice(list(Way)) if kind in BYTES | LINES else Way.TO_BOARD
    amount, text = rng.choice(amounts) if amounts else _AMOUNTS.get(kind, _once)(rng), _TEXTS.get(kind, "")
    if kind in BYTES and rng.random() < 0.5:
        return FaultPlan(seed, (Fault(kind, rate=10 ** rng.uniform(-4, -2), way=way, amount=amount),))
    if kind in LINES and rng.random() < 0.5:
        return FaultPlan(seed, (Fault(kind, rate=rng.uniform(0.01, 0.1), way=way, amount=amount, text=text),))
    nth = sorted(rng.sample(range(1, lines + 1), rng.randint(1, 3) if kind in BYTES | LINES else 1))
    return FaultPlan(seed, tuple(Fault(kind, nth=n, way=way, amount=amount, text=text) for n in nth))


def _once(rng: Random) -> float:
    return 1.0


_AMOUNTS: Final[Mapping[str, Callable[[Random], float]]] = {
    Kind.GARBAGE: lambda rng: rng.randint(1, 20),
    Kind.SPLIT: lambda rng: rng.uniform(0.01, 5.0),
    Kind.STALL: lambda rng: rng.choice((0.1, 1.0, 10.0, 100.0)),
    Kind.UNPLUG: lambda rng: rng.uniform(0.1, 20.0),
    Kind.SWAP: lambda rng: rng.uniform(0.1, 20.0),
    Kind.POWER_CUT: lambda rng: rng.uniform(0.05, 20.0),
}
_TEXTS: Final[Mapping[str, str]] = {Kind.REPLACE: "o", Kind.INSERT: "\x80"}


class Trouble:
    """The `board.Faults` of one machine: waits for what is planned, and does it.

    `plug` is called with what happens to the cable; without anybody there it does not happen.
    """

    def __init__(self, faults: Iterable[Fault], rng: Random) -> None:
        self.plug: Callable[[Fault, float], None] | None = None
        self._rng = rng
        self._streams = {way: _Stream(rng) for way in Way}
        self._traps: list[Trap] = []
        self._struck: list[Fault] = []
        self._struck_s = 0.0
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """One more; its lines are counted from now on."""
        if fault.kind in BYTES | LINES:
            self._streams[fault.way].traps.append(Trap(fault, self._rng))
        else:
            self._traps.append(Trap(fault, self._rng))

    def heard(self, chunk: bytes, now_s: float) -> bytes:
        """What arrives at the board now: of this chunk, and of what was held back."""
        return self._streams[Way.TO_BOARD].carry(chunk, now_s)

    def said(self, chunk: bytes, now_s: float) -> bytes:
        """What arrives at the host now."""
        return self._streams[Way.TO_HOST].carry(chunk, now_s)

    def happened(self, event: str, now_s: float) -> None:
        """A line was taken, or the board has booted."""
        if event == "line":
            self._struck += [trap.fault for trap in self._traps if trap.fault.at_s is None and trap.springs(b"", now_s)]
            self._struck_s = now_s

    def strike(self, now_s: float) -> Sequence[Fault]:
        """What happens to cable and board now."""
        due = [trap for trap in self._traps if trap.due_s <= now_s]
        self._traps = [trap for trap in self._traps if trap not in due]
        struck, self._struck = [*self._struck, *(trap.fault for trap in due)], []
        return struck

    @property
    def strikes_s(self) -> float:
        """When `strike` has something to tell; inf: nobody knows."""
        return self._struck_s if self._struck else min((trap.due_s for trap in self._traps), default=math.inf)

    @property
    def heard_s(self) -> float:
        """When bytes that were held back reach the board."""
        return self._streams[Way.TO_BOARD].due_s

    @property
    def said_s(self) -> float:
        """When bytes that were held back reach the host."""
        return self._streams[Way.TO_HOST].due_s


class Trap:
    """A fault that waits for its byte or line."""

    def __init__(self, fault: Fault, rng: Random) -> None:
        self.fault = fault
        self.counts_bytes = fault.kind in BYTES and fault.rate is not None
        self.left: float = 1 if fault.nth is None else fault.nth
        self._rng = rng
        self._line = fault.line.encode("latin-1")
        if fault.rate is not None:
            self.left = self._distance(fault.rate)

    @property
    def due_s(self) -> float:
        """The instant of a fault that waits for one."""
        return math.inf if self.fault.at_s is None else self.fault.at_s

    def springs(self, line: bytes, now_s: float) -> bool:
        """One more byte or line passes. Whether it is the one that was waited for."""
        at_s = self.fault.at_s
        if (at_s is not None and now_s < at_s) or not line.startswith(self._line):
            return False
        self.left -= 1
        if self.left > 0:
            return False
        self.left = math.inf if self.fault.rate is None else self._distance(self.fault.rate)
        return True

    def _distance(self, rate: float) -> int:
        return 1 if rate >= 1 else 1 + int(math.log(1 - self._rng.random()) / math.log1p(-rate))


class _Stream:
    """One direction of a wire. Lines are what ends with a newline; empty ones are not counted."""

    def __init__(self, rng: Random) -> None:
        self.traps: list[Trap] = []
        self._rng = rng
        self._held: deque[tuple[float, bytes]] = deque()
        self._is_new = True  # the next byte begins a line
        self._fate: tuple[Fault, ...] = ()  # of the line that is passing
        self._late: Fault | None = None  # what holds it back

    @property
    def due_s(self) -> float:
        """When something that is held back comes."""
        return self._held[0][0] if self._held else math.inf

    def carry(self, chunk: bytes, now_s: float) -> bytes:
        """What comes out now: of this, and of what was held back."""
        out = b""
        while self._held and self._held[0][0] <= now_s:
            out += self._held.popleft()[1]
        if not chunk:
            return out
        if self._is_quiet(chunk):
            self._is_new = chunk.endswith(b"\n")
            return out + self._behind(chunk)
        for piece in _pieces(chunk):
            begins = self._is_new
            changed, late = self._carry_line(piece, now_s), self._late if begins else None
            cut = len(changed)
            if late is not None:
                cut = 0 if late.kind == Kind.STALL else self._rng.randrange(cut or 1)
            out += self._behind(changed[:cut])
            if late is not None and changed[cut:]:
                self._held.append((max(now_s + late.amount, self._held[-1][0] if self._held else 0.0), changed[cut:]))
        return out

    def _behind(self, chunk: bytes) -> bytes:
        """Nothing overtakes what is held back."""
        if not self._held:
            return chunk
        self._held.append((self._held[-1][0], chunk))
        return b""

    def _is_quiet(self, chunk: bytes) -> bool:
        """Whether nothing happens in all of this. The way of nearly every chunk."""
        if self._fate or not all(trap.counts_bytes and trap.left > len(chunk) for trap in self.traps):
            return False
        for trap in self.traps:
            trap.left -= len(chunk)
        return True

    def _carry_line(self, piece: bytes, now_s: float) -> bytes:
        """What becomes of a line, or of a part of one."""
        begins = self._is_new
        if begins and piece != b"\n":
            hit = [trap.fault for trap in self.traps if not trap.counts_bytes and trap.springs(piece, now_s)]
            self._late = next((fault for fault in hit if fault.kind in _LATE), None)
            self._fate = tuple(fault for fault in hit if fault.kind not in _LATE)
        self._is_new = piece.endswith(b"\n")
        piece = self._hit_bytes(piece, now_s)
        for fault in self._fate:
            piece = self._hit_line(fault, piece, begins=begins)
        if self._is_new:
            self._fate = ()
        return piece

    def _hit_bytes(self, piece: bytes, now_s: float) -> bytes:
        for trap in self.traps:
            if not trap.counts_bytes:
                continue
            if trap.left > len(piece):
                trap.left -= len(piece)
                continue
            out = [self._hit(trap.fault, bytes([b])) if trap.springs(b"", now_s) else bytes([b]) for b in piece]
            piece = b"".join(out)
        return piece

    def _hit(self, fault: Fault, byte: bytes) -> bytes:
        if fault.kind == Kind.DROP:
            return b""
        if fault.kind == Kind.FLIP:
            return bytes([byte[0] ^ 1 << self._rng.randrange(8)])
        if fault.kind == Kind.SPOIL:
            return bytes([byte[0] ^ self._rng.randint(1, 255)])
        return byte + byte if fault.kind == Kind.DOUBLE else self._rng.randbytes(int(fault.amount)) + byte

    def _hit_line(self, fault: Fault, piece: bytes, *, begins: bool) -> bytes:
        text = fault.text.encode("latin-1") + b"\n" if begins else b""
        match fault.kind:
            case Kind.LOSE:
                return b""
            case Kind.MERGE:
                return piece.removesuffix(b"\n")
            case Kind.REPLACE:
                return text
            case Kind.INSERT:
                return text + piece
        if not begins or not piece:
            return piece
        at = self._rng.randrange(len(piece))
        return piece[:at] + self._hit(fault, piece[at : at + 1]) + piece[at + 1 :]


def _pieces(chunk: bytes) -> Iterator[bytes]:
    """Lines with their newlines, and what is left of the last one."""
    begin = 0
    while (end := chunk.find(b"\n", begin)) >= 0:
        yield chunk[begin : end + 1]
        begin = end + 1
    if begin < len(chunk):
        yield chunk[begin:]
