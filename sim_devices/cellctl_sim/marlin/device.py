"""The main loop: bytes into lines, lines into slots, one command after the other, an ok for each."""

import math
import random  # noqa: TID251 - the generator comes in seeded
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cellctl.gcode.words import BadLine, Words, words
from cellctl_sim.board import Board, Faults, Uart
from cellctl_sim.config import PrinterTwin
from cellctl_sim.marlin import moves, reports
from cellctl_sim.marlin.commands import COMMANDS, INTERRUPTIBLE, MOTION, Given
from cellctl_sim.marlin.health import Gaps, Health
from cellctl_sim.marlin.lines import Intake
from cellctl_sim.marlin.printer import Printer
from cellctl_sim.marlin.troubles import HEATING_FAILED, TROUBLES
from cellctl_sim.motion import Limits, Planner
from cellctl_sim.paths import ORIGIN
from cellctl_sim.world import World

_CODE: Final = re.compile(r"([GMT]) *(\d+)(?:\.\d+)?")
_LENIENT: Final = re.compile(r"([A-Z]) *([-+]?(?:\d+\.?\d*|\.\d+))?")
_MOVES: Final = frozenset({"G0", "G1", "G2", "G3"})
_HEAT_WAITS: Final = frozenset({"M109", "M190"})
# Recognised outside the queue: by the emergency parser anywhere, without it only at the start of a line.
_EARLY: Final = frozenset({"M108", "M112", "M410"})
_EMERGENCY: Final = re.compile(rb" *(?:N\d+ *)?(M108|M112|M410)(?!\d)")


@dataclass(slots=True)
class Talk:
    """What the firmware says unasked, and when next."""

    busy_every_s: float = 2.0
    busy_due_s: float = math.inf
    busy_text: str = "echo:busy: processing"
    report_every_s: float = 0.0
    report_due_s: float = math.inf
    hunger_every_s: float = 0.0
    hunger_due_s: float = math.inf
    wait_due_s: float = math.inf

    def busy_from(self, now_s: float) -> None:
        """A command blocks."""
        if self.busy_due_s == math.inf and self.busy_every_s > 0:
            self.busy_due_s = now_s + self.busy_every_s

    def report_every(self, every_s: float, now_s: float) -> None:
        """Temperatures every so often; 0: no more."""
        self.report_every_s = every_s
        self.report_due_s = now_s + every_s if every_s > 0 else math.inf


class Marlin(Board):
    """A printer's board. Without an emergency parser M108, M112 and M410 wait their turn behind what blocks."""

    troubles = TROUBLES

    def __init__(
        self,
        name: str,
        place: str,
        world: World,
        config: PrinterTwin,
        rng: random.Random,
        faults: Faults | None = None,
    ) -> None:
        self.printer = Printer(name, place, world, config, rng)
        self._heard = b""  # of a line, for the emergency parser
        super().__init__(Uart(config.rx_bytes, faults), Planner(_limits(config), config.planner_blocks, self.printer))
        self._boot(0.0, cold=True)

    @property
    def is_busy(self) -> bool:
        """Whether the command in the first slot is at work."""
        return self._task is not None

    def say(self, *lines: str) -> None:
        """Print these lines."""
        for line in lines:
            self.uart.send(f"{line}\n".encode("latin-1"))

    def restore_defaults(self) -> None:
        """The settings that the firmware was compiled with."""
        config = self.printer.config
        self.planner.limits = _limits(config)
        self.modes.accelerations = _accelerations(config)

    def quick_stop(self, now_s: float) -> None:
        """Stop without braking; where the axes really are is only believed from here on."""
        self.planner.abort(now_s)
        self.modes.at = self.planner.position(now_s)

    def kill(self, now_s: float) -> None:
        """M112: everything off, and silence until a reset."""
        self._halt("echo:M112 Shutdown", now_s)

    def die(self, why: str, now_s: float) -> None:
        """The firmware kills itself, with this error; without one, for no reason that it names."""
        if not self.health.killed and self.powered:
            self._halt(f"Error:{why}" if why else "", now_s)

    def hunger(self) -> str:
        """M576: how often planner and command queue had nothing, since it was said last."""
        planner, commands = self.gaps
        return f"D576 P:{planner.report(self.planner.free)} B:{commands.report(self.intake.free)}"

    def _halt(self, why: str, now_s: float) -> None:
        self._stop_dead(now_s)
        self.health.killed = True
        self.say(*filter(None, (why, "Error:Printer halted. kill() called!", "//action:poweroff")))

    # ---- time ------------------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        health = self.health
        if health.killed or not self.powered:
            return math.inf
        talk = self.talk
        due_s = min(self.planner.due_s, health.dies_s)
        if health.frozen_until_s > -math.inf:
            return min(due_s, health.frozen_until_s)
        idle_s = health.active_s + health.idle_limit_s
        return min(
            due_s, self._task_due_s, talk.busy_due_s, talk.report_due_s, talk.hunger_due_s, talk.wait_due_s, idle_s
        )

    def _happen(self, due_s: float) -> None:
        talk, health = self.talk, self.health
        if self.planner.due_s <= due_s:
            self.planner.advance(due_s)
            self.gaps[0].note(empty=not self.planner.busy, now_s=due_s)
        if health.dies_s <= due_s:
            self.die(HEATING_FAILED, due_s)
            return
        if health.frozen_until_s > due_s:
            return
        health.frozen_until_s = -math.inf
        if health.active_s + health.idle_limit_s <= due_s:
            self._rest_too_long(due_s)
        if health.killed:
            return
        if talk.hunger_due_s <= due_s:
            talk.hunger_due_s = due_s + talk.hunger_every_s
            self.say(self.hunger())
        if talk.wait_due_s <= due_s:
            talk.wait_due_s = due_s + self.printer.config.wait_every_s
            if not self.intake.queue:
                self.say("wait")
        if talk.report_due_s <= due_s:
            talk.report_due_s += talk.report_every_s
            self.say(reports.temperatures(self.printer, due_s))
        self._run(due_s)
        if talk.busy_due_s <= due_s:
            talk.busy_due_s = due_s + talk.busy_every_s if talk.busy_every_s > 0 else math.inf
            self.say(talk.busy_text)

    def _boot(self, now_s: float, cold: bool) -> None:
        config = self.printer.config
        self.intake = Intake(config.command_slots)
        self.modes = moves.Modes(_accelerations(config))
        self.talk = Talk()
        self.coldest_celsius = config.cold_extrusion_celsius
        self.health = Health(active_s=now_s)
        self.gaps = (Gaps(), Gaps())
        self.talk.wait_due_s = now_s + (config.wait_every_s or math.inf)
        self.planner.place(ORIGIN)
        self.restore_defaults()
        self.say(*reports.boot(config, "PowerUp" if cold else self.reset_cause))

    def _rest_too_long(self, now_s: float) -> None:
        """M85: nothing has moved for long; a wait for heat counts as motion."""
        heats = self._task is not None and _code_of(self.intake.queue[0].text) in _HEAT_WAITS
        if self.planner.busy or heats:
            self.health.active_s = now_s
        else:
            self.die("KILL caused by too much inactive time - current command: (none)", now_s)

    def _stop_dead(self, now_s: float) -> None:
        self.printer.drop(now_s)  # first: what is being printed stays unfinished
        super()._stop_dead(now_s)
        self.printer.moving(False, now_s)

    # ---- bytes to lines --------------------------------------------------------------------------------------

    def _hear(self, chunk: bytes, now_s: float) -> None:
        """Bytes come one after the other, and the main loop looks between two lines."""
        if self.printer.config.emergency_parser:
            self._watch_for_emergency(chunk, now_s)
        for line in chunk.replace(b"\r", b"\n").splitlines(keepends=True):
            rest = line
            while rest and not self.health.killed:
                stored = self.uart.store(rest)
                rest = rest[stored:]
                self._run(now_s)
                if not stored:
                    self.uart.lost += len(rest)
                    break

    def _run(self, now_s: float) -> None:
        """As much of the main loop as can be done now."""
        if self.health.frozen_until_s > now_s:
            return
        if self.uart.rx:
            self._fetch(now_s)
        while self.intake.queue and not self.health.killed:
            if not self._work(now_s):
                return
            self._acknowledge()
            if self.uart.rx:
                self._fetch(now_s)
        self.gaps[1].note(empty=True, now_s=now_s)

    def _fetch(self, now_s: float) -> None:
        """Fill the slots from the receive buffer; happens while a command blocks, too."""
        health, has_parser = self.health, self.printer.config.emergency_parser
        while not health.killed and (line := self.intake.take(self.uart.rx)) is not None:
            if mistake := self._refusal() or self.intake.accept(line):
                self.ask_again(mistake)
                continue
            self._note("line", now_s)
            self.gaps[1].note(empty=False, now_s=now_s)
            self.talk.wait_due_s = now_s + (self.printer.config.wait_every_s or math.inf)
            command = self.intake.queue[-1]
            if not has_parser and command.number is None and command.text[:4] in _EARLY:
                self._act_early(command.text[:4], now_s)

    def _refusal(self) -> str:
        """What is said to a line that is good."""
        refusals = self.health.refusals
        return refusals.popleft() if refusals else self.health.refuses_all

    def ask_again(self, mistake: str = "") -> None:
        """Whatever has been received behind the bad line is thrown away. The ok acknowledges nothing."""
        self.uart.clear()
        self.intake.forget()
        last = self.intake.last_number
        if mistake:
            self.say(f"Error:{mistake}, Last Line: {last}")
        self.say(f"Resend: {last + 1}")
        if self.printer.config.resend_brings_ok:
            self.say("ok")

    def _watch_for_emergency(self, chunk: bytes, now_s: float) -> None:
        *lines, self._heard = (self._heard + chunk).replace(b"\r", b"\n").split(b"\n")
        self._heard = self._heard[:32]
        for line in lines:
            if found := _EMERGENCY.match(line):
                self._act_early(found[1].decode(), now_s)

    def _act_early(self, code: str, now_s: float) -> None:
        if code == "M112":
            self.kill(now_s)
        elif code == "M410":
            self.quick_stop(now_s)
        elif self._task is not None and _code_of(self.intake.queue[0].text) in INTERRUPTIBLE:
            self._give_up()
            self._acknowledge()

    # ---- commands --------------------------------------------------------------------------------------------

    def _work(self, now_s: float) -> bool:
        """Work on the command in the first slot. True: it is done."""
        text = self.intake.queue[0].text
        done = self._execute(text, now_s) if self._task is None else self._go_on(now_s)
        if not done:
            self.talk.busy_from(now_s)
        return done and not self.health.killed

    def _execute(self, text: str, now_s: float) -> bool:
        """Begin a command. False: it is not finished yet, or has to wait for a planner block."""
        code = text.partition(" ")[0]
        if code not in _MOVES:
            code = _code_of(text)
        if self.health.stopped and code in MOTION:
            return True
        if code in _MOVES:
            if self.planner.free:
                self._move(code, text, now_s)
                return True
            return False
        command = COMMANDS.get(code)
        if command is None:
            self.say(f'echo:Unknown command: "{text}"')
            return True
        behind = _CODE.match(text)
        given = Given(dict(_words(text)[1:]), text[behind.end() :] if behind else "")
        task = command(self, given, now_s)
        return task is None or self._start(task, now_s)

    def _move(self, code: str, text: str, now_s: float) -> None:
        given = _words(text)[1:]
        if code in {"G0", "G1"}:
            moves.line(self, given, now_s)
        else:
            moves.bow(self, given, now_s, clockwise=code == "G2")
        self.health.active_s = now_s
        self.gaps[0].note(empty=not self.planner.busy, now_s=now_s)

    def _acknowledge(self) -> None:
        command = self.intake.queue.popleft()
        self.talk.busy_due_s = math.inf
        if command.unasked or command.text.startswith("M105"):
            return
        if not self.printer.config.advanced_ok:
            self.uart.send(b"ok\n")
            return
        number = "" if command.number is None else f" N{command.number}"
        self.say(f"ok{number} P{self.planner.free} B{self.intake.free}")


def _limits(config: PrinterTwin) -> Limits:
    return Limits(config.max_feed_mm_per_s, config.max_acceleration_mm_per_s2, config.junction_deviation_mm)


def _accelerations(config: PrinterTwin) -> tuple[float, float, float]:
    """Printing, retract, travel."""
    printing = config.acceleration_mm_per_s2
    return printing, printing, config.travel_acceleration_mm_per_s2


def _code_of(text: str) -> str:
    """ "G1" of "G01 X5"; empty if there is none. Lower case is none."""
    found = _CODE.match(text)
    return f"{found[1]}{int(found[2])}" if found else ""


@lru_cache(maxsize=4096)  # what is printed once is mostly printed again
def _words(text: str) -> Words:
    """The words of a command, read as kindly as the firmware does: what makes no sense is passed over."""
    try:
        return words(text)
    except BadLine:
        return tuple((letter, float(number or 0)) for letter, number in _LENIENT.findall(text))
