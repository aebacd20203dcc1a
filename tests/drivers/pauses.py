"""Prints that are held and resumed at random lines, with the simulated firmware as the judge.

The driver's session and the simulated printer share one table and virtual time; what the firmware executes is what
it acknowledges, in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import cast

from cellctl_drivers.marlin.memory import Limits
from cellctl_drivers.marlin.parking import Park
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.marlin.states import State
from cellctl_drivers.serial_session import Held, Resumed, SessionEvent
from cellctl_sim.config import PrinterTwin
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World

BED = "printer-1.bed"
LAST = "M117 end"
Snapshot = dict[str, object]


def random_program(rng: Random) -> list[str]:
    """A print as slicers write it, with more variety than is good for it, within the reach of the axes.

    Codes that a pause uses as well are spelled with a zero more, so that the judge can tell whose line it was.
    """
    slicer = Slicer(rng, "M083" if rng.random() < 0.5 else "M082")
    for _ in range(rng.randint(15, 50)):
        slicer.step()
    return [*slicer.lines, LAST]


class Slicer:
    """Writes one program. `at` and `zero` are machine coordinates: the position, and the program's origin."""

    def __init__(self, rng: Random, e_mode: str) -> None:
        self.lines = ["M0140 S60", "G21", "G090", e_mode, "G28", f"M0109 S{rng.randint(190, 230)}", "G92 E0"]
        self.lines += ["G1 X20 Y20 Z0.2 F600"]
        self._rng = rng
        self._e_mode = e_mode
        self._at = {"X": 20.0, "Y": 20.0, "Z": 0.2}
        self._zero = dict.fromkeys("XYZ", 0.0)
        self._e = 0.0

    def step(self) -> None:
        """One or a few more lines."""
        rng, kind = self._rng, self._rng.random()
        if kind < 0.6:
            axes = "XYZ" if rng.random() < 0.2 else "XY"
            feed = f" F{rng.randint(600, 9000)}" if rng.random() < 0.3 else ""
            self.lines.append(
                f"{rng.choice(['G1', 'G1', 'G0'])} {self._go(axes)} E{self._pull(rng.uniform(0, 3)):.5f}{feed}"
            )
        elif kind < 0.7:
            self.lines.append(f"G1 E{self._pull(rng.choice([-0.8, 0.8])):.5f} F{rng.randint(1200, 2400)}")
        elif kind < 0.78:
            dx, dz = round(rng.uniform(-3, 3), 3), round(rng.uniform(0, 1), 3)
            self._at["X"] += dx
            self._at["Z"] += dz
            self.lines += ["G091", f"G1 X{dx} Z{dz}", "G090", self._e_mode]
        elif kind < 0.82:
            self._renumber(rng.choice(["E0", "E0", "E1.5", "X55.5", "Y20 Z3"]))
        elif kind < 0.85:
            self.lines.append(f"G2 {self._go('XY')} R300 F2400")
        else:
            self.lines.append(rng.choice(SETTINGS).format(dial := rng.randint(80, 120), hot=dial + 100))

    def _go(self, axes: str) -> str:
        for axis in axes:
            self._at[axis] = self._rng.uniform(0.2, 60) if axis == "Z" else self._rng.uniform(20, 190)
        return " ".join(f"{axis}{self._at[axis] - self._zero[axis]:.3f}" for axis in axes)

    def _pull(self, mm: float) -> float:
        self._e = mm if self._e_mode == "M083" else self._e + mm
        return self._e

    def _renumber(self, words: str) -> None:
        self.lines.append(f"G92 {words}")
        for word in words.split():
            if word[0] == "E":
                self._e = float(word[1:])
            else:
                self._zero[word[0]] = self._at[word[0]] - float(word[1:])


SETTINGS = ("M0106 S{}", "M0106 S{}", "M107", "M220 S{}", "M221 S{}", "M204 P{}0", "M0104 S{hot}", "G4 P{}")


class Watched(Marlin):
    """A simulated printer that notes what it has executed, and what it was like behind each line."""

    def __init__(self, seed: int, twin: PrinterTwin) -> None:
        self.executed: list[str] = []
        self.behind: list[Snapshot] = []
        super().__init__("printer-1", BED, World([BED]), twin, Random(seed))

    def _acknowledge(self) -> None:
        self.executed.append(self.intake.queue[0].text)
        self.behind.append(snapshot(self))
        super()._acknowledge()


def snapshot(board: Marlin) -> Snapshot:
    """All that the next line of a program depends on."""
    modes, printer = board.modes, board.printer
    return {
        "position": tuple(round(where, 4) for where in modes.at),
        "shift": tuple(round(where, 4) for where in modes.shift),
        "modes": (modes.relative, modes.e_relative),
        "feed": round(modes.feed_mm_per_s, 6),
        "dials": dict(modes.dials),
        "accelerations": modes.accelerations,
        "homed": modes.homed,
        "heat": (printer.nozzle.target, printer.bed.target),
    }


@dataclass
class Job:
    """One print on one table. `holds`: behind how many lines it is held, and for how long."""

    session: MarlinSession
    board: Watched
    holds: list[tuple[int, float]] = field(default_factory=list)
    # Called when it stands: what somebody does at the panel.
    meddles: Callable[[Watched, float], None] = lambda board, now_s: None
    now_s: float = 0.0
    told: list[SessionEvent] = field(default_factory=list)
    resume_s: float = float("inf")

    def run(self, program: Sequence[str], most_s: float = 50_000.0) -> "Job":
        """From power-up to the end of the program."""
        self.session.greet(self.now_s)
        while not self.session.at_rest:
            self._turn(most_s)
        self.session.load(iter(program), len(program), self.now_s)
        while not self.session.at_rest:
            self._turn(most_s)
        return self

    def _turn(self, most_s: float) -> None:
        while self._exchange():
            running = self.session.state in (State.RUNNING, State.DRAINING)
            if self.holds and running and self.session.sent >= self.holds[0][0]:
                self.session.hold(self.now_s)
        due_s = min(self.session.deadline_s or float("inf"), self.board.wakeup_s or float("inf"), self.resume_s)
        assert due_s < most_s, f"it hangs {self.session.state}, {self.told[-3:]}"
        self.now_s = max(self.now_s, due_s)
        if self.now_s >= self.resume_s:
            self.resume_s = float("inf")
            self.meddles(self.board, self.now_s)
            self.session.resume(self.now_s)
        self.board.advance(self.now_s)
        self._hear(self.session.tick(self.now_s))

    def _exchange(self) -> bool:
        out = self.session.transmit(self.now_s)
        if out:
            self.board.receive(out, self.now_s)
        back = self.board.transmit(self.now_s)
        if back:
            self._hear(self.session.receive(back, self.now_s))
        return bool(out or back)

    def _hear(self, events: Sequence[SessionEvent]) -> None:
        self.told += events
        if self.holds and any(isinstance(event, Held) for event in events):
            self.resume_s = self.now_s + self.holds.pop(0)[1]


def job(seed: int, park: Park | None, holds: list[tuple[int, float]] | None = None, window: int = 4) -> Job:
    """A table of its own."""
    twin = PrinterTwin(model="marlin", advanced_ok=seed % 2 == 0)
    limits = Limits(boot_s=1.0, park=park, window=window, dead_man_s=600.0)
    return Job(MarlinSession(limits), Watched(seed, twin), holds or [])


def battle(seed: int) -> list[str]:
    """Everything that is wrong with one print that is held once or twice; empty if nothing is."""
    rng = Random(seed)
    program = random_program(rng)
    park = Park(
        retract_mm=rng.choice([0.0, 2.0, 4.5]),
        lift_mm=rng.choice([0.0, 5.0, 400.0]),
        x_mm=rng.choice([None, 0.0, 10.0, 999.0]),
        y_mm=rng.choice([None, 0.0, 215.5]),
        standby_after_s=rng.choice([0.0, 100.0]),
    )
    at = sorted(rng.choices(range(1, len(program) - 6), k=rng.choice([1, 1, 2])))
    holds = [(line, rng.choice([0.5, 30.0, 1000.0])) for line in at]
    held = job(seed, park, list(holds)).run(program)
    plain = job(seed, None).run(program)
    # Where the end of an axis cut its way off, it came back by coordinates.
    cut_off = park.lift_mm > 240 and "G92 Y20 Z3" in program
    within_mm = 0.0055 * len(at) if cut_off else 0.0002
    found = unlike(held.board, plain.board, program, within_mm)
    found += astray(held.board.executed, program)
    events = [type(event) for event in held.told]
    if events.count(Held) != len(holds) or events.count(Resumed) != len(holds):
        found.append(f"held {events.count(Held)} and resumed {events.count(Resumed)} times, not {len(holds)}")
    return [f"seed {seed}, held behind {at}: {wrong}" for wrong in found]


def unlike(one: Watched, other: Watched, program: Sequence[str], within_mm: float) -> list[str]:
    """Where two printers differ behind the same line of a program; the first such line."""
    spelled = set(program)
    trails = [
        [(line, state) for line, state in zip(board.executed, board.behind, strict=True) if line in spelled]
        for board in (one, other)
    ]
    for (line, mine), (_, its) in zip(*trails, strict=False):
        found = differences(mine, its, within_mm)
        if found:
            return [f"behind {line}: {each}" for each in found]
    return []


def differences(one: Snapshot, other: Snapshot, within_mm: float) -> list[str]:
    """Where two printers differ. Behind a return by coordinates a position is as exact as M114 tells it."""
    found = []
    for what, value in one.items():
        if what in ("position", "shift") and isinstance(value, tuple) and isinstance(other[what], tuple):
            apart = [abs(a - b) > within_mm for a, b in zip(value, cast("tuple[float, ...]", other[what]), strict=True)]
            found += [f"{what}: {value} is not {other[what]}"] if any(apart) else []
        elif value != other[what]:
            found.append(f"{what}: {value} is not {other[what]}")
    return found


def astray(executed: Sequence[str], program: Sequence[str]) -> list[str]:
    """How what was executed of the program differs from all of it, once and in order."""
    spelled = set(program)
    done = [line for line in executed if line in spelled]
    if done == list(program):
        return []
    first = next((n for n, (a, b) in enumerate(zip(done, program, strict=False)) if a != b), len(done))
    return [f"line {first + 1} of the program was {program[first : first + 1]}, and {done[first : first + 1]} was done"]
