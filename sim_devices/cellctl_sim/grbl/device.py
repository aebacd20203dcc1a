"""The main loop: realtime bytes at once, lines one after the other, exactly one answer for each."""

import math
import random  # noqa: TID251 - the generator comes in seeded
import re
from collections.abc import Callable
from typing import Final

from cellctl_sim.board import Board, Faults, Task, Uart
from cellctl_sim.config import RouterTwin
from cellctl_sim.grbl import reports, system, work
from cellctl_sim.grbl.cycle import Cycle, State
from cellctl_sim.grbl.lines import LINE_BYTES, OVERFLOW, Ear, Intake
from cellctl_sim.grbl.memory import Memory, Refused
from cellctl_sim.grbl.mishaps import TROUBLES, Mishap
from cellctl_sim.grbl.parser import Modes, understand
from cellctl_sim.grbl.router import Router, Tag
from cellctl_sim.motion import Planner
from cellctl_sim.paths import ORIGIN
from cellctl_sim.world import World

_REALTIME: Final = re.compile(rb"[?!~\x18\x80-\xff]")
_RESET: Final = 0x18
# As seen on running firmware: what the serial buffer and the alarm message take.
_ALARM_S: Final = 0.8
_CRITICAL_S: Final = 1.0
# After these only a reset is listened to; the greater ones are grblHAL's.
_CRITICAL: Final = frozenset({1, 2, 10, 17, 20})


class Grbl(Board):
    """A router's board: Grbl 1.1h with 128 receive bytes, 15 planner blocks and 80 characters a line, or grblHAL.

    Nothing about it is left to chance (`rng` is not used): what goes wrong stands in the plan of `faults`.
    `defects` are those of what has gone wrong that stay.
    """

    troubles = TROUBLES

    def __init__(
        self,
        name: str,
        place: str,
        world: World,
        config: RouterTwin,
        rng: random.Random,
        faults: Faults | None = None,
    ) -> None:
        self.router = Router(name, place, world, config)
        self.memory = Memory(config)
        super().__init__(Uart(config.rx_bytes, faults), Planner(self.memory.limits, config.planner_blocks, self.router))
        self.intake = Intake(self.uart, LINE_BYTES[config.dialect])
        self.defects: set[Mishap] = set()
        self._owes_ok = False
        self._boot(0.0, cold=True)

    def say(self, *lines: str) -> None:
        """Print these lines."""
        for line in lines:
            self.uart.send(f"{line}\r\n".encode("latin-1"))

    def work_changed(self) -> None:
        """The work coordinates are elsewhere: the next status report says so."""
        self.overrides.wco_in = 0
        self.router.set_work(self.modes.offset(self.memory))

    def turn_spindle(self, now_s: float) -> None:
        """Bring the spindle to what the parser's state says."""
        if self.cycle.state is not State.CHECK:
            on = self.modes.groups["spindle"] != 5
            self.router.spin(self.modes.speed * self.overrides.spindle / 100 if on else 0.0, now_s)
            self.overrides.ov_in = 0

    def alarm(self, code: int, now_s: float) -> None:
        """Lock. After alarms 1 and 2 only a reset is listened to, and not even that before the reason is told."""
        self.cycle.state = State.ALARM
        self.say(f"ALARM:{code}")
        if code in _CRITICAL:
            self._drop(now_s)
            self.intake.ear, self.intake.ear_due_s = Ear.SAYING_WHY, now_s + _CRITICAL_S

    def hang(self, now_s: float) -> None:
        """The main loop stands still for ever, and with it the axes; the spindle keeps turning."""
        self.planner.abort(now_s)
        self.intake.ear, self.intake.ear_due_s = Ear.STUCK, math.inf

    def begin_homing(self, now_s: float) -> None:
        """Grbl says nothing more until homing is over, grblHAL gives one report first."""
        self.cycle.state = State.HOME
        if self.memory.grblhal:
            self.say(self._status(now_s))

    def press_hold(self, now_s: float) -> None:
        """Somebody presses feed hold at the machine."""
        self._hold(now_s)

    def press_start(self, now_s: float) -> None:
        """Somebody presses cycle start at the machine."""
        self._resume(now_s)
        self._run(now_s)

    def set_door(self, is_open: bool, now_s: float) -> None:
        """Somebody opens or shuts the door."""
        self.router.set_door(is_open, now_s)
        self._look_at_door(now_s)

    def restart(self, now_s: float) -> None:
        """A soft reset from within: after this answer."""
        self.intake.ear, self.intake.ear_due_s = Ear.RESTARTING, now_s

    def report_if_asked(self, now_s: float) -> None:
        """Answer the `?` that have come; several are one, and none is answered while homing."""
        if self.overrides.asked and self.intake.ear is Ear.OPEN and self.cycle.state is not State.HOME:
            self.overrides.asked = False
            self.say(self._status(now_s))

    # ---- time ------------------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        coasts_s = self.router.coasts_until_s
        if not self.powered:
            return coasts_s
        task_s = self._task_due_s
        if task_s != math.inf and self._stands_still:
            task_s = math.inf
        return min(self.planner.due_s, task_s, self.intake.ear_due_s, self.cycle.restores_s, coasts_s)

    def _happen(self, due_s: float) -> None:
        if self.planner.due_s <= due_s:
            self.planner.advance(due_s)
            self._settle(due_s)
        if self.router.coasts_until_s <= due_s:
            self.router.come_to_stand(due_s)
        if self.cycle.restores_s <= due_s:
            self.cycle.restored(due_s)
        if self.intake.ear_due_s <= due_s:
            self._ear_opens(due_s)
        self._run(due_s)

    def _ear_opens(self, now_s: float) -> None:
        self.intake.ear_due_s = math.inf
        if self.intake.ear is Ear.SAYING_WHY:
            self.intake.ear = Ear.RESET_ONLY
            self.say("[MSG:Reset to continue]")
        else:
            self._begin_anew(now_s)

    def _settle(self, now_s: float) -> None:
        if self.cycle.settle(now_s):
            self.modes.position = self.planner.position(now_s)[:3]

    # ---- resets ----------------------------------------------------------------------------------------------

    def _boot(self, now_s: float, cold: bool) -> None:
        """Power-up. The position is unknown; with homing enabled the machine is locked."""
        self.planner.limits = self.memory.limits
        self.planner.place(ORIGIN)
        self.router.homed = False
        self.cycle = Cycle(self.planner, self.router)
        self.cycle.state = State.ALARM if self.memory.homing else State.IDLE
        self._begin_anew(now_s)

    def _stop_dead(self, now_s: float) -> None:
        super()._stop_dead(now_s)
        self.intake.forget()
        self._drop(now_s)

    def _drop(self, now_s: float) -> None:
        """Axes and spindle are without power."""
        self.planner.abort(now_s)
        self.router.moving(False, now_s)
        self.router.spin(0.0, now_s)

    def _soft_reset(self, now_s: float) -> None:
        """0x18. In motion the position is lost: alarm 3, or 6 while homing, and a moment until the banner."""
        if Mishap.E_STOP in self.defects:
            return
        lost, homing = self.cycle.moves, self.cycle.state is State.HOME
        self._drop(now_s)
        self.restart(now_s)
        if lost:
            self.alarm(6 if homing else 3, now_s)
            self.intake.ear_due_s = now_s + _ALARM_S

    def _begin_anew(self, now_s: float) -> None:
        """The parser's state goes back to its defaults; position and memory stay. A blocked line still gets its ok."""
        if self._task is not None:
            self._give_up()
            self._acknowledge()
        locked = self.cycle.state in (State.ALARM, State.SLEEP)
        self.uart.clear()
        self.intake.forget()
        self.modes = Modes(position=self.planner.position(now_s)[:3])
        self.overrides = reports.Overrides()
        self.cycle = Cycle(self.planner, self.router)
        self.planner.override(1.0, 1.0, now_s)
        self.work_changed()
        if Mishap.SETTINGS_LOST in self.defects:
            self.defects.discard(Mishap.SETTINGS_LOST)
            self.say(reports.SETTINGS_LOST, *self.memory.listing())
        self.say("", reports.banner(self.router.config))
        if locked:
            self.cycle.state = State.ALARM
            self.say(reports.UNLOCK)
        else:
            self._start(system.start_up(self, now_s), now_s)

    # ---- bytes -----------------------------------------------------------------------------------------------

    def _hear(self, chunk: bytes, now_s: float) -> None:
        self._look_at_door(now_s)
        done = 0
        for found in _REALTIME.finditer(chunk):
            self._text(chunk[done : found.start()], now_s)
            self._realtime(chunk[found.start()], now_s)
            self._run(now_s)
            done = found.end()
        self._text(chunk[done:] if done else chunk, now_s)
        if self.overrides.asked:
            self.report_if_asked(now_s)
        if self.intake.ear_due_s <= now_s:
            self.advance(now_s)

    def _text(self, chunk: bytes, now_s: float) -> None:
        if chunk:
            self.intake.hear(chunk, now_s)
            self._run(now_s)

    def _realtime(self, byte: int, now_s: float) -> None:
        """Bytes that are picked out of the stream and act at once; unknown ones above 0x7F are thrown away."""
        if self.memory.grblhal:
            byte = _OTHER_NAMES.get(byte, byte)
        if self.intake.ear is not Ear.OPEN and not (self.intake.ear is Ear.RESET_ONLY and byte == _RESET):
            return
        if self.intake.is_deaf(now_s):
            return
        act = _ACTS.get(byte)
        if act is not None:
            act(self, now_s)
        elif self.overrides.change(byte):
            self.planner.override(self.overrides.feed / 100, self.overrides.rapid / 100, now_s)
            if self.router.rpm:
                self.turn_spindle(now_s)
        self._settle(now_s)

    def _ask(self, now_s: float) -> None:
        self.overrides.asked = True

    def _hold(self, now_s: float) -> None:
        self.cycle.hold(now_s)

    def _resume(self, now_s: float) -> None:
        held = self.cycle.state is State.HOLD
        if self.cycle.resume(now_s):
            self.say("[MSG:Restoring spindle]")
        elif self.memory.grblhal and held and self.cycle.state is State.IDLE:
            self.say("[MSG:]")

    def _look_at_door(self, now_s: float) -> None:
        if self.router.config.has_door and self.cycle.watch_door(now_s):
            self._open_door(now_s)

    def _open_door(self, now_s: float) -> None:
        if self.cycle.state is State.HOME:
            self.fail_homing(7, now_s)
        elif self.cycle.open_door(now_s):
            self.say("[MSG:Check Door]")

    def fail_homing(self, code: int, now_s: float) -> None:
        """Homing ends in an alarm and a reset of its own."""
        self._drop(now_s)
        self.router.homed = False
        self.alarm(code, now_s)
        self.intake.ear, self.intake.ear_due_s = Ear.RESTARTING, now_s + _ALARM_S

    def _cancel_jog(self, now_s: float) -> None:
        self.cycle.cancel_jog(now_s)

    def _toggle_spindle(self, now_s: float) -> None:
        self.cycle.toggle_spindle(now_s)
        self.overrides.ov_in = 0

    def _toggle_flood(self, now_s: float) -> None:
        if self.cycle.state in (State.IDLE, State.HOLD, State.JOG):
            self.modes.groups["coolant"] = 17 - self.modes.groups["coolant"]  # M8, M9
            self.overrides.ov_in = 0

    # ---- lines -----------------------------------------------------------------------------------------------

    @property
    def _stands_still(self) -> bool:
        """Whether the main loop gets nowhere now."""
        return self.intake.ear is not Ear.OPEN or self.cycle.suspended

    def _person_acted(self) -> bool:
        return not self._stands_still

    def _run(self, now_s: float) -> None:
        """As much of the main loop as can be done now."""
        while not self._stands_still:
            if self._task is not None:
                if not self._go_on(now_s):
                    return
                self._acknowledge()
                continue
            line = self.intake.take()
            if line is None:
                return
            self._note("line", now_s)
            self._execute(line, now_s)

    def _execute(self, line: str, now_s: float) -> None:
        if self.router.config.echo:
            self.say(f"[echo: {line}]")
        try:
            task = self._begin(line, now_s)
        except Refused as refusal:
            if self.memory.grblhal and line[:1] != "$":
                self.modes.refused = refusal.code
            self.say(f"error:{refusal.code}")
            return
        if line[:1] in ("", "$"):
            self.modes.refused = 0
        self._owes_ok = True
        if task is None or self._start(task, now_s):
            self._acknowledge()
        if self.cycle.state is State.SLEEP:
            self.say("[MSG:Sleeping]")

    def _begin(self, line: str, now_s: float) -> Task | None:
        """Carry a line out, or as much of it as needs no waiting. Raises Refused."""
        if not line:
            return None
        if line == OVERFLOW:
            raise Refused(11)
        if line[0] == "$":
            return system.execute(self, line, now_s)
        if self.modes.refused:
            raise Refused(self.modes.refused)
        if self.cycle.state is State.ALARM or self.cycle.state is State.JOG:
            raise Refused(9)
        return work.begin(self, understand(line, self.modes, self.memory), now_s)

    def _acknowledge(self) -> None:
        """The ok of the line that was carried out; start-up lines have none."""
        if self._owes_ok:
            self.uart.send(b"ok\r\n")
        self._owes_ok = False

    def _shown_feed(self, now_s: float) -> float:
        """In a hold grblHAL goes on telling the feed that it had."""
        current = self.planner.current if self.memory.grblhal and self.cycle.state is State.HOLD else None
        return self.planner.speed(now_s) if current is None else current.cruise

    @property
    def _line_in_work(self) -> int:
        """The number of the line that is being driven, where the build tells it."""
        current = self.planner.current if self.router.config.line_numbers else None
        return current.tag.line if current is not None and isinstance(current.tag, Tag) else 0

    def _status(self, now_s: float) -> str:
        moment = reports.Snapshot(
            self.cycle.shown,
            self.planner.position(now_s)[:3],
            self._shown_feed(now_s),
            self.router.rpm,
            (self.planner.free, self.uart.room),
            "D" if self.router.door_open else "",
            self._line_in_work,
        )
        return reports.status(moment, self.modes, self.memory, self.overrides)


# grblHAL's other names for `?`, `~` and `!`.
_OTHER_NAMES: Final = {0x80: 0x3F, 0x81: 0x7E, 0x82: 0x21}

_ACTS: Final[dict[int, Callable[[Grbl, float], None]]] = {
    _RESET: Grbl._soft_reset,
    0x21: Grbl._hold,
    0x3F: Grbl._ask,
    0x7E: Grbl._resume,
    0x84: Grbl._open_door,
    0x85: Grbl._cancel_jog,
    0x9E: Grbl._toggle_spindle,
    0xA0: Grbl._toggle_flood,
}
