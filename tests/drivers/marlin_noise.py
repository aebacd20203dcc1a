"""Programs over a line that spoils bytes, in both directions: the real session against the real command queue of the
simulated firmware. Moves are taken and not made, so that a million lines are a matter of a minute."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import Final

from cellctl_drivers.marlin.memory import Limits
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.serial_session import (
    FaultRaised,
    FellSilent,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    SessionEvent,
)
from cellctl_sim.config import PrinterTwin
from cellctl_sim.faults import Fault, FaultPlan, Kind, Way
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World

_MOST_S: Final = 1e6


def line(number: int) -> str:
    """One of a million lines, of which no two are alike, as long as a slicer's."""
    return f"G1 X{number % 1000 / 10:.1f} Y{number // 1000 / 10:.1f} E0.0123"


@dataclass
class Tally:
    """What arrived, compared with the program as it comes."""

    lines: int
    arrived: int = 0
    damaged: list[str] = field(default_factory=list)  # taken with a good number, and another text
    twice: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)  # taken without a number

    def take(self, text: str, number: int | None) -> None:
        """A move, or what is none any more, was executed."""
        expected = line(self.arrived)
        if number is None and text.startswith("G1"):
            self.bare.append(text)
        if text == expected:
            self.arrived += 1
        elif text.startswith("G1") and self.arrived and text == line(self.arrived - 1):
            self.twice.append(text)
        elif text == line(self.arrived + 1):
            self.skipped.append(expected)
            self.arrived += 2
        elif number is not None:
            self.damaged.append(text)
            self.arrived += 1


class Quick(Marlin):
    """Takes moves without making them, and tells the tally of every command."""

    tally = Tally(0)

    def _move(self, code: str, text: str, now_s: float) -> None:
        self.health.active_s = now_s

    def _acknowledge(self) -> None:
        text, number, _ = self.intake.queue[0]
        if text[:1] != "M":
            self.tally.take(text, number)
        super()._acknowledge()


@dataclass(frozen=True, slots=True)
class Result:
    """How one program went. `end`: done, held, fault, lost or silent."""

    end: str
    reason: str
    tally: Tally
    resends: int


def send(lines: int, rate: float, seed: int, *, advanced_ok: bool, kind: str = Kind.SPOIL) -> Result:
    """One program over a line on which each byte is hit by this chance, from the moment that contact is made."""
    twin = PrinterTwin(model="marlin", advanced_ok=advanced_ok)
    device = Quick("printer-1", "printer-1.bed", World(["printer-1.bed"]), twin, Random(seed))
    device.tally = Tally(lines)
    session = MarlinSession(Limits(boot_s=1.0, window=8))
    bench = _Bench(session, device)
    session.greet(0.0)
    bench.until(Rested)
    device.uart.faults = FaultPlan(seed, tuple(Fault(kind, rate=rate, way=way) for way in Way) if rate else ()).play()
    session.load((line(number) for number in range(lines)), lines, bench.now_s)
    event = bench.until(ProgramDrained, Held, FaultRaised, FellSilent, ResetSeen)
    reason = getattr(event, "what", "") or getattr(event, "reason", "")
    return Result(_ENDS[type(event)], reason, device.tally, session.quality.resends)


_ENDS: Final = {ProgramDrained: "done", Held: "held", FaultRaised: "fault", FellSilent: "silent", ResetSeen: "lost"}


class _Bench:
    """Carries bytes to and fro, and lets time pass when there are none."""

    def __init__(self, session: MarlinSession, device: Marlin) -> None:
        self.now_s = 0.0
        self._session = session
        self._device = device

    def until(self, *wanted: type[SessionEvent]) -> SessionEvent:
        """The first event of one of these kinds."""
        for event in self._events():
            if isinstance(event, wanted):
                return event
        raise AssertionError("nothing will ever happen")

    def _events(self) -> Iterator[SessionEvent]:
        session, device = self._session, self._device
        while self.now_s < _MOST_S:
            chunk = session.transmit(self.now_s)
            if chunk:
                device.receive(chunk, self.now_s)
            answer = device.transmit(self.now_s)
            if answer:
                yield from session.receive(answer, self.now_s)
            elif not chunk:
                due_s = min(d for d in (session.deadline_s, device.wakeup_s, _MOST_S) if d is not None)
                self.now_s = max(self.now_s, due_s)
                device.advance(self.now_s)
                yield from session.tick(self.now_s)
