"""What both firmwares have in common: lines in, one after the other, an answer for each; true-time motion."""

import math
import random  # noqa: TID251 - the generator comes in seeded
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cellctl.gcode.words import BadLine, words
from cellctl_sim.board import Board, Faults, Task, Uart, Wait
from cellctl_sim.config import Point, SerialArmTwin
from cellctl_sim.faults import Fault
from cellctl_sim.motion import Limits, Planner
from cellctl_sim.paths import ORIGIN, Path, straight
from cellctl_sim.serial_arm.body import Body
from cellctl_sim.world import World

_LONGEST_LINE: Final = 96
_JUNCTION_MM: Final = 0.02


class Refused(Exception):
    """A line that is not carried out; its text is the answer."""


@dataclass(slots=True)
class Modes:
    """The parser's memory. `at`: where the last move that was taken will end."""

    at: Point
    feed_mm_per_s: float = 0.0
    relative: bool = False


class SerialArm(Board):
    """An arm's board. Nothing about it is left to chance; `rng` is there for whoever makes faults."""

    body: Body
    troubles: Final[Mapping[str, Callable[["SerialArm", Fault, float], None]]] = {  # type: ignore[misc]
        "limit": lambda arm, fault, now_s: arm._limit(now_s),
        "stuck": lambda arm, fault, now_s: arm.body.stick(),
        "grip-miss": lambda arm, fault, now_s: arm.body.miss(),
        "slip": lambda arm, fault, now_s: arm.body.slip(arm.position(now_s), now_s),
    }

    def __init__(
        self, name: str, world: World, config: SerialArmTwin, rng: random.Random, faults: Faults | None = None
    ) -> None:
        self.body = Body(name, world, config)
        self.modes = Modes(config.home_mm)
        self.homed = config.homed
        self.rng = rng
        self._partial = b""
        limits = Limits(
            (*(feed / 60 for feed in config.max_feed_mm_per_min), 1.0),  # type: ignore[arg-type]
            (*config.acceleration_mm_per_s2, 1.0),
            _JUNCTION_MM,
        )
        super().__init__(Uart(config.rx_bytes, faults), Planner(limits, config.planner_blocks, self.body))
        self.planner.place((*config.home_mm, 0.0))
        if config.homed:
            self._wake(0.0)
        else:
            self._boot(0.0, cold=True)

    def say(self, *lines: str) -> None:
        """Print these lines."""
        self.uart.send("".join(f"{line}\n" for line in lines).encode("latin-1"))

    def position(self, now_s: float) -> Point:
        """Where the firmware believes it is."""
        return self.planner.position(now_s)[:3]

    # ---- for the firmware ------------------------------------------------------------------------------------

    def _begin(self, line: str, now_s: float) -> Task | None:
        """Carry a line out, or as much of it as needs no waiting. Raises Refused."""
        raise NotImplementedError

    def _acknowledge(self) -> None:
        raise NotImplementedError

    def _wake(self, now_s: float) -> None:
        """Begin to listen; say so."""
        raise NotImplementedError

    def _limit(self, now_s: float) -> None:
        """A limit switch closes in mid-move."""
        raise NotImplementedError

    @property
    def _listens(self) -> bool:
        """Whether the main loop runs."""
        return True

    # ---- time ------------------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        body = self.body
        if not self.powered:
            return math.inf
        motion_s = math.inf if body.stuck else self.planner.due_s
        return min(motion_s, body.gripper_due_s, self._task_due_s if self._listens else math.inf)

    def _happen(self, due_s: float) -> None:
        if self.planner.due_s <= due_s and not self.body.stuck:
            self.planner.advance(due_s)
            if not self.planner.busy:
                self.body.rest(self.position(due_s), due_s)
        if self.body.gripper_due_s <= due_s:
            self.body.end_gripper(self.position(due_s), due_s)
        self._run(due_s)

    def _run(self, now_s: float) -> None:
        """As much of the main loop as can be done now."""
        while self._listens:
            if self._task is not None:
                if not self._go_on(now_s):
                    return
                self._acknowledge()
                continue
            line = self._take()
            if line is None:
                return
            self._note("line", now_s)
            self._execute(line, now_s)

    def _execute(self, line: str, now_s: float) -> None:
        try:
            task = self._begin(line, now_s)
        except Refused as refusal:
            self.say(str(refusal))
            return
        if task is None or self._start(task, now_s):
            self._acknowledge()

    # ---- bytes -----------------------------------------------------------------------------------------------

    def _text(self, chunk: bytes, now_s: float) -> None:
        """Bytes of lines arrive, as many as the receive buffer has room for."""
        for line in chunk.splitlines(keepends=True):
            self.uart.lost += len(line) - self.uart.store(line)
            self._run(now_s)

    def _take(self) -> str | None:
        rx = self.uart.rx
        end = rx.find(b"\n")
        if end < 0:
            self._partial = (self._partial + rx)[:_LONGEST_LINE]
            rx.clear()
            return None
        line, self._partial = (self._partial + rx[:end])[:_LONGEST_LINE], b""
        del rx[: end + 1]
        return line.decode("latin-1").strip()

    # ---- motion ----------------------------------------------------------------------------------------------

    def _target(self, letters: Mapping[str, float]) -> Point | None:
        """Where a move leads; None if that is out of reach."""
        modes, config = self.modes, self.body.config
        x, y, z = (
            letters.get(axis, 0.0 if modes.relative else here) + (here if modes.relative else 0.0)
            for axis, here in zip("XYZ", modes.at, strict=True)
        )
        limits = zip((x, y, z), config.low_mm, config.high_mm, strict=True)
        return (x, y, z) if all(low <= value <= high for value, low, high in limits) else None

    def _move(self, target: Point, feed_mm_per_s: float) -> Task | None:
        """A straight move; acknowledged once it is planned."""
        path = straight((*self.modes.at, 0.0), (*target, 0.0))
        self.modes.at = target
        return None if path is None else self._plan(path, feed_mm_per_s)

    def _plan(self, path: Path, feed_mm_per_s: float) -> Task:
        now_s = yield Wait.ROOM
        self.planner.add(path, feed_mm_per_s, now_s)

    def _home(self, now_s: float) -> Task:
        """To the switches and to the pose behind them; only now it knows where it is."""
        config = self.body.config
        now_s = yield Wait.REST
        now_s = yield math.inf if self.body.stuck else now_s + config.homing_s
        self.body.astray_mm = (0.0, 0.0, 0.0)
        self.planner.place((*config.home_mm, 0.0))
        self.body.rest(config.home_mm, now_s)
        self.modes = Modes(config.home_mm)
        self.homed = True

    def _boot(self, now_s: float, cold: bool) -> None:
        """The firmware begins at zero, wherever the arm stands."""
        real = self.body.real_mm(self.position(now_s))
        self.body.astray_mm = real
        self.planner.place(ORIGIN)
        self.modes = Modes((0.0, 0.0, 0.0))
        self.homed = False
        self._wake(now_s)

    def _stop_dead(self, now_s: float) -> None:
        super()._stop_dead(now_s)
        self._partial = b""
        self.body.lose_power(self.position(now_s), now_s)
        self.body.rest(self.position(now_s), now_s)


def parsed(line: str, otherwise: str) -> tuple[str, Mapping[str, float]]:
    """The code of a line ("G1") and the numbers behind it. Raises Refused with these words for what is no G-code."""
    try:
        (letter, number), *rest = words(line)
    except (BadLine, ValueError):
        raise Refused(otherwise) from None
    return f"{letter}{number:g}", dict(rest)
