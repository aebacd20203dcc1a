"""Recorded serial dialogues as tests. One line of a transcript is one thing that happens or is expected.

    # a remark
    < text      the machine says this line            (<< text: these bytes, without a newline)
    ? call      the host calls session.call(now_s)    (? load G28 | G1 X1: these lines are the program,
                                                       ? load sha256:...: one of `programs`)
    + 31s       time passes, with every tick that is due on the way
    > text      next, the session sends this line     (>> text: these bytes, without a newline)
    ! event     next, the session tells this event, as Python prints it
    = state     the session is in this state

Nothing may go unmentioned: whatever was sent or told must be expected before the next thing happens. Only
Acknowledged may be left out. `\\x18` and its like work everywhere.
"""

from typing import Protocol

from cellctl.gcode.rules import Dialect
from cellctl.gcode.touch import untouched_lines
from cellctl.ports import Files
from cellctl_drivers.grbl.play import Script
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.serial_program import executable
from cellctl_drivers.serial_session import Acknowledged, Gated, Session, SessionEvent


class Stateful(Protocol):
    """The state's value is the word that transcripts use."""

    @property
    def value(self) -> str: ...


class Replay:
    """A session under a transcript. `run` may be called again to go on."""

    def __init__(self, session: Session, programs: Files | None = None) -> None:
        self.session = session
        self._programs = programs
        self.now_s = 0.0
        self._sent = b""
        self._told: list[SessionEvent] = []

    def run(self, transcript: str) -> "Replay":
        for number, raw in enumerate(transcript.strip().splitlines(), start=1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            try:
                self._step(*_parted(line))
            except AssertionError as wrong:
                raise AssertionError(f"line {number}: {line}\n{wrong}") from None
        self._nothing_left()
        return self

    def _step(self, sign: str, text: str) -> None:
        if sign in (">", ">>"):
            self._expect_bytes(_bytes(text) + (b"\n" if sign == ">" else b""))
        elif sign == "!":
            self._expect_event(text)
        elif sign == "=":
            state: Stateful = self.session.state  # type: ignore[attr-defined]
            assert state.value == text, f"it is {state.value}"
        else:
            self._nothing_left()
            self._happen(sign, text)

    def _happen(self, sign: str, text: str) -> None:
        if sign in ("<", "<<"):
            self._told += self.session.receive(_bytes(text) + (b"\n" if sign == "<" else b""), self.now_s)
            self._pump()
        elif sign == "+":
            self._pass(float(text.removesuffix("s")))
        else:
            assert sign == "?", "no such sign"
            self._call(*text.partition(" ")[::2])

    def _call(self, name: str, rest: str) -> None:
        if name == "load":
            self._load(rest)
        elif name == "proceed" and isinstance(self.session, Gated):
            self.session.proceed()
        elif name == "answer":
            self.session.answer(rest, self.now_s)  # type: ignore[attr-defined]
        else:
            getattr(self.session, name)(self.now_s)
        self._pump()

    def _load(self, program: str) -> None:
        lines = [line.strip() for line in program.split("|")]
        if program.startswith("sha256:") and self._programs is not None:
            sha256 = program.removeprefix("sha256:")
            lines = list(executable(self._programs, sha256))
            # The daemon's work is gated: it stops before the first line that touches the part, until `? proceed`.
            if isinstance(self.session, GrblSession):
                self.session.announce(Script(sha256, lambda: iter(lines), untouched_lines(lines, Dialect.GRBL)))
            elif isinstance(self.session, MarlinSession):
                self.session.announce(untouched_lines(lines, Dialect.MARLIN))
        self.session.load(iter(lines), len(lines), self.now_s)

    def _pass(self, duration_s: float) -> None:
        until_s = self.now_s + duration_s
        while (due_s := self.session.deadline_s) is not None and due_s <= until_s:
            self.now_s = max(self.now_s, due_s)
            self._told += self.session.tick(self.now_s)
            self._pump()
        self.now_s = until_s

    def _pump(self) -> None:
        self._sent += self.session.transmit(self.now_s)

    def _expect_bytes(self, chunk: bytes) -> None:
        assert self._sent.startswith(chunk), f"it sent {self._sent!r}"
        self._sent = self._sent[len(chunk) :]

    def _expect_event(self, text: str) -> None:
        if not text.startswith("Acknowledged"):
            self._told = [event for event in self._told if not isinstance(event, Acknowledged)]
        assert self._told, "it told nothing"
        event = self._told.pop(0)
        assert repr(event) == text, f"it told {event!r}"

    def _nothing_left(self) -> None:
        told = [event for event in self._told if not isinstance(event, Acknowledged)]
        assert not self._sent, f"before this, it sent {self._sent!r}"
        assert not told, f"before this, it told {told}"
        self._told = []


class Recorded(Replay):
    """A transcript that a tap has written. What the session makes of it is not in there: it is kept in `told`.

    Real clocks are late: what was due a moment before something else came may have been done after it. So of what
    was due within the last `late_s` only that is done which the transcript shows the bytes of.
    """

    def __init__(self, session: Session, programs: Files | None = None, late_s: float = 0.0) -> None:
        super().__init__(session, programs)
        self.told: list[SessionEvent] = []
        self._late_s = late_s

    def _step(self, sign: str, text: str) -> None:
        if sign == "+":
            self._pass(float(text.removesuffix("s")))  # Bytes may have been a moment on their way to the tap.
        else:
            super()._step(sign, text)

    def _pass(self, duration_s: float) -> None:
        until_s = self.now_s + duration_s
        super()._pass(max(0.0, duration_s - self._late_s))
        self.now_s = until_s

    def _expect_bytes(self, chunk: bytes) -> None:
        if not self._sent.startswith(chunk):
            self._told += self.session.tick(self.now_s)
            self._pump()
        super()._expect_bytes(chunk)

    def _nothing_left(self) -> None:
        self.told += self._told
        self._told = []
        super()._nothing_left()


def _parted(line: str) -> tuple[str, str]:
    sign, _, text = line.partition(" ")
    return sign, text


def _bytes(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
