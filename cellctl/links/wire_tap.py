"""A tap on a machine's line: what passes is written down as a transcript, in both directions and with its times.

    # 2026-01-31T08:00:00.000Z router-1 at cell/router-1: opened
    ? greet
    + 0.104001s
    < Grbl 1.1h ['$' for help]\\r
    > $I
    >> ?

`<` is a line from the machine and `>` one to it; doubled, it is bytes as they are, escaped as in Python. `+` is time
that passed, rounded up to the next microsecond, so that what was due by then is due in a replay too. What was said
in answer, within one call of the listener, is of the same instant as what it answers. What the machine was told
stands before its bytes (`? hold`, `? load sha256:...`: a program of the daemon's), see `calling`; so a recorded
transcript is a test as it stands.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from cellctl.ports import ByteLink, Clock, Links, Listener
from cellctl.ports.nodes import NodeAccess, NodeLink

WRITE_EVERY_S: Final = 1.0
# A file is put aside as `<name>.1` when it has grown to this; the one put aside before it is forgotten.
MOST_FILE_BYTES: Final = 16 * 1024 * 1024
# What may wait to be written; a machine says less in a second by far.
MOST_WAITING_BYTES: Final = 8 * 1024 * 1024
_ENTRY_BYTES: Final = 150
_NOISE: Final = 1e-3  # of a difference of two floating-point times, in microseconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign and the bytes that belong to it, or with the sign "" a line of its own."""

    at_s: float
    sign: str
    chunk: bytes


class Tape:
    """What passed one line, until it is written to its file. `store` is for another thread, everything else is not."""

    def __init__(self, path: Path, most_file_bytes: int = MOST_FILE_BYTES) -> None:
        self._path = path
        self._most_file_bytes = most_file_bytes
        self._entries: list[Entry] = []
        self._waiting_bytes = 0
        self._missed = 0
        self._last_s: float | None = None

    def add(self, at_s: float, sign: str, chunk: bytes) -> None:
        """Take down what passes now. Costs an append; when nobody writes, it is counted and not kept."""
        self._waiting_bytes += len(chunk) + _ENTRY_BYTES
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._missed += 1
        else:
            self._entries.append(Entry(at_s, sign, chunk))

    def say(self, at_s: float, line: str) -> None:
        """Take down a line that did not pass."""
        self.add(at_s, "", _one_line(line))

    @contextmanager
    def calling(self, at_s: float, call: str) -> Iterator[None]:
        """Take down a call ahead of what passed while it lasted; a call that was refused leaves no trace."""
        place = len(self._entries)
        yield
        self._entries.insert(place, Entry(at_s, "", _one_line(call)))

    def take(self) -> list[Entry]:
        """What is to be written next, in order."""
        entries, self._entries = self._entries, []
        missed, self._missed, self._waiting_bytes = self._missed, 0, 0
        if missed:
            remark = f"# {missed} pieces are missing here: what came before had not been written yet"
            entries.append(Entry(entries[-1].at_s, "", remark.encode()))
        return entries

    def store(self, entries: Sequence[Entry]) -> None:
        """Append to the file, or begin a new one when it is full. Raises OSError."""
        text = "".join(f"{line}\n" for entry in entries for line in self._spell(entry))
        present_bytes = self._path.stat().st_size if self._path.exists() else 0
        if present_bytes and present_bytes + len(text) > self._most_file_bytes:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        # What machines say is nobody else's business.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "a", encoding="ascii") as transcript:
            transcript.write(text)

    def _spell(self, entry: Entry) -> list[str]:
        gap_s = entry.at_s - (entry.at_s if self._last_s is None else self._last_s)
        self._last_s = entry.at_s
        passed = [f"+ {(int(gap_s * 1e6 + _NOISE) + 1) / 1e6:.6f}s"] if gap_s > 0 else []
        return [*passed, spelled(entry.sign, entry.chunk)]


def _one_line(text: str) -> bytes:
    return " ".join(text.splitlines()).encode()


def spelled(sign: str, chunk: bytes) -> str:
    """One line of a transcript. A chunk that is one whole line is told as that, anything else as its bytes."""
    if not sign:
        return chunk.decode("ascii", "backslashreplace")
    line = chunk[:-1] if chunk.endswith(b"\n") and chunk.count(b"\n") == 1 else None
    text = (chunk if line is None else line).decode("latin-1").encode("unicode_escape").decode("ascii")
    # A transcript's lines are stripped of blanks at their ends.
    if text.endswith(" "):
        text = text[:-1] + r"\x20"
    return f"{sign * 2 if line is None else sign} {text}".rstrip()


class TappedLinks:
    """ports.Links that write down what passes the lines of some machines, each to a file of its own.

    `run` writes once a second, beside everything else; without it, call `flush`.
    """

    def __init__(
        self, links: Links, taps: Mapping[str, Path], clock: Clock, *, most_file_bytes: int = MOST_FILE_BYTES
    ) -> None:
        self._links = links
        self._clock = clock
        self._tapes = {machine: Tape(path, most_file_bytes) for machine, path in taps.items()}

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """The line, tapped if that is wanted."""
        line = self._links.bytes_to(machine, address, options)
        if machine not in self._tapes:
            return line
        return TappedLink(line, self._tapes[machine], self._clock, f"{machine} at {address}")

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        """An OPC UA session, which has no wire to tap."""
        return self._links.nodes_of(machine, access)

    async def appeared(self, machine: str) -> None:
        """Wait until a machine has been plugged in."""
        await self._links.appeared(machine)

    def remark(self, machine: str, line: str) -> None:
        """Put a line of one's own into a transcript, at this instant: `? hold`, `# the door was opened`."""
        if machine in self._tapes:
            self._tapes[machine].say(self._clock.now_s(), line)

    def calling(self, machine: str, call: str) -> AbstractContextManager[None]:
        """Put what a machine is told (`? hold`) where a replay wants it; nothing if it is refused, by any error."""
        tape = self._tapes.get(machine)
        return tape.calling(self._clock.now_s(), call) if tape else nullcontext()

    async def run(self) -> None:
        """Write until cancelled, and then once more."""
        try:
            while True:
                await self._clock.sleep(self._clock.wire_s(WRITE_EVERY_S))
                for machine, tape in self._tapes.items():
                    await _store_elsewhere(machine, tape)
        finally:
            self.flush()

    def flush(self) -> None:
        """Write what is there, now."""
        for machine, tape in self._tapes.items():
            _store(machine, tape, tape.take())


async def _store_elsewhere(machine: str, tape: Tape) -> None:
    """In another thread: a slow disk must not hold up the machines, nor the spelling of what they said."""
    writing = asyncio.get_running_loop().run_in_executor(None, _store, machine, tape, tape.take())
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        # The rest is written after it, not beside it.
        await asyncio.wait([writing])
        raise


def _store(machine: str, tape: Tape, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    try:
        tape.store(entries)
    except OSError as failed:
        # The work goes on without its transcript.
        log.warning("tap.not_written", machine=machine, why=str(failed), lost_pieces=len(entries))


class TappedLink:
    """ports.ByteLink around another one; also the listener that the other one speaks to."""

    def __init__(self, line: ByteLink, tape: Tape, clock: Clock, name: str) -> None:
        self._line = line
        self._tape = tape
        self._clock = clock
        self._name = name
        self._listener: Listener | None = None
        self._heard_s: float | None = None

    async def open(self, listener: Listener) -> None:
        """Open and start listening. Raises LinkLost."""
        await self._line.open(self)
        self._listener = listener
        self._say(f"# {self._clock.utc()} {self._name}: opened")
        self._say("? greet")

    def write(self, chunk: bytes) -> None:
        """Hand over bytes."""
        self._tape.add(self._now_s(), ">", chunk)
        self._line.write(chunk)

    @property
    def unsent(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return self._line.unsent

    def close(self) -> None:
        """Let go. May be called twice."""
        if self._listener is not None:
            self._listener = None
            self._say("# closed")
        self._line.close()

    def received(self, chunk: bytes) -> None:
        """ports.Listener: bytes have come in."""
        self._heard_s = self._clock.now_s()
        self._tape.add(self._heard_s, "<", chunk)
        try:
            if self._listener is not None:
                self._listener.received(chunk)
        finally:
            self._heard_s = None

    def lost(self, reason: str) -> None:
        """ports.Listener: the link is gone."""
        self._say(f"# lost: {reason}")
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(reason)

    def _say(self, line: str) -> None:
        self._tape.say(self._now_s(), line)

    def _now_s(self) -> float:
        return self._clock.now_s() if self._heard_s is None else self._heard_s
