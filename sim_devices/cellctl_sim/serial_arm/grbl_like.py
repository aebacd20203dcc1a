"""An arm with a firmware made from Grbl: realtime bytes, one ok or error a line, alarms, homing that locks.

It answers `$I` with its name, `?` with where it believes it is, and `$GRIP` (a code of this vendor) with what its
gripper feels. A reset in motion loses the position; soft limits are a critical alarm, as in Grbl.
"""

import math
import re
from enum import Enum
from typing import Final

from cellctl_sim.board import Task, Wait
from cellctl_sim.motion import Hold
from cellctl_sim.serial_arm.device import Refused, SerialArm, parsed

_REALTIME: Final = re.compile(rb"[?!~\x18\x80-\xff]")
_BANNER: Final = "Grbl 1.1f ['$' for help]"
_UNLOCK: Final = "[MSG:'$H'|'$X' to unlock]"
_LOST_S: Final = 0.8  # from the reset to the banner, if it was moving
_CRITICAL_S: Final = 1.0
_NOT_A_COMMAND: Final = "error:20"
_NO_WORD: Final = "error:1"
_NO_FEED: Final = "error:22"
_LOCKED: Final = "error:9"


class _State(Enum):
    IDLE = "Idle"
    HOLD = "Hold"
    HOME = "Home"
    ALARM = "Alarm"


class GrblArm(SerialArm):
    """Grbl's manners on an arm. After a critical alarm only a reset is heard."""

    _state = _State.IDLE
    _critical = False
    _banner_s = math.inf
    _reason_s = math.inf
    _owes_ok = False

    # ---- time ------------------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        return min(super()._due_s(), self._banner_s, self._reason_s) if self.powered else math.inf

    def _happen(self, due_s: float) -> None:
        if self._reason_s <= due_s:
            self._reason_s = math.inf
            self.say("[MSG:Reset to continue]")
        if self._banner_s <= due_s:
            self._wake(due_s)
        super()._happen(due_s)

    @property
    def _listens(self) -> bool:
        return self._state is not _State.HOLD and not self._critical and self._banner_s == math.inf

    # ---- bytes -----------------------------------------------------------------------------------------------

    def _hear(self, chunk: bytes, now_s: float) -> None:
        done = 0
        for found in _REALTIME.finditer(chunk):
            self._text(chunk[done : found.start()], now_s)
            self._realtime(chunk[found.start()], now_s)
            self._run(now_s)
            done = found.end()
        self._text(chunk[done:], now_s)

    def _realtime(self, byte: int, now_s: float) -> None:
        if byte == 0x18 and self._banner_s == math.inf and self._reason_s == math.inf:
            self._soft_reset(now_s)
        elif self._critical or self._banner_s < math.inf:
            return
        elif byte == ord("?") and self._state is not _State.HOME:
            self.say(self._status(now_s))
        elif byte == ord("!") and self._state is _State.IDLE:
            self.planner.hold(now_s)
            self._state = _State.HOLD
        elif byte == ord("~") and self._state is _State.HOLD and self.planner.holding is Hold.STANDING:
            # While it brakes this byte is dropped.
            self._state = _State.IDLE
            self.planner.resume(now_s)

    def _status(self, now_s: float) -> str:
        state = self._state.value
        if self._state is _State.HOLD:
            state += ":0" if self.planner.holding is Hold.STANDING else ":1"
        elif self._state is _State.IDLE and self.planner.busy:
            state = "Run"
        x, y, z = self.position(now_s)
        speed = self.planner.speed(now_s) * 60
        return f"<{state}|MPos:{x:.3f},{y:.3f},{z:.3f}|FS:{speed:.0f},{1000 * self.body.closed}>"

    # ---- resets and alarms -----------------------------------------------------------------------------------

    def _soft_reset(self, now_s: float) -> None:
        """0x18. In motion the position is lost: alarm 3, and a moment until the banner."""
        stands = self.planner.holding is Hold.STANDING
        lost = self._state is _State.HOME or (self.planner.busy and not stands)
        self._stop_dead(now_s)
        if self._owes_ok:  # As seen: the line that a reset ends still gets its answer, before the banner.
            self._acknowledge()
        self._critical, self._banner_s = False, now_s
        if lost:
            self.homed = False
            self.say("ALARM:3")
            self._banner_s = now_s + _LOST_S

    def _wake(self, now_s: float) -> None:
        self._banner_s = self._reason_s = math.inf
        self._critical = False
        self.modes.at, self.modes.relative, self.modes.feed_mm_per_s = self.position(now_s), False, 0.0
        self._state = _State.IDLE if self.homed else _State.ALARM
        self.say("", _BANNER, *([] if self.homed else [_UNLOCK]))

    def _limit(self, now_s: float) -> None:
        self._alarm(1, now_s)

    def _alarm(self, code: int, now_s: float) -> None:
        """A critical one: everything stands, and only a reset is listened to."""
        self.planner.abort(now_s)
        self.body.rest(self.position(now_s), now_s)
        self.homed, self._critical, self._state = False, True, _State.ALARM
        self._reason_s = now_s + _CRITICAL_S
        self.say(f"ALARM:{code}")

    # ---- lines -----------------------------------------------------------------------------------------------

    def _acknowledge(self) -> None:
        self._owes_ok = False
        self.say("ok")

    def _begin(self, line: str, now_s: float) -> Task | None:
        self._owes_ok = False
        task = self._system(line) if line.startswith("$") else self._gcode(line.upper(), now_s)
        self._owes_ok = task is not None
        return task

    def _system(self, line: str) -> Task | None:
        match line:
            case "$I":
                self.say(f"[VER:1.1f.20190825:{self.body.config.identity}]", "[OPT:V,15,128]")
            case "$H":
                self._state = _State.HOME
                return self._homing()
            case "$X":
                if self._state is _State.ALARM:
                    self._state = _State.IDLE
                    self.say("[MSG:Caution: Unlocked]")
            case "$GRIP" if self.body.config.sensor:
                self.say(f"[GRIP:{'holds' if self.body.holds else 'empty'}]")
            case _:
                raise Refused("error:3")
        return None

    def _homing(self) -> Task:
        yield from self._home(0.0)
        self._state = _State.IDLE

    def _gcode(self, line: str, now_s: float) -> Task | None:
        if not line:
            return None
        if self._state is _State.ALARM:
            raise Refused(_LOCKED)
        code, given = parsed(line, _NO_WORD)
        match code:
            case "G0" | "G1":
                return self._go(code, dict(given), now_s)
            case "G4":
                return self._dwell(given.get("P", 0.0))
            case "G90" | "G91":
                self.modes.relative = code == "G91"
            case "M3" | "M5":
                self.body.work_gripper(code == "M3" and given.get("S", 0.0) > 0, now_s)
            case "G21" | "G94" | "M20":
                pass
            case _:
                raise Refused(_NOT_A_COMMAND)
        return None

    def _go(self, code: str, given: dict[str, float], now_s: float) -> Task | None:
        self.modes.feed_mm_per_s = given.get("F", self.modes.feed_mm_per_s * 60) / 60
        if code == "G1" and not self.modes.feed_mm_per_s:
            raise Refused(_NO_FEED)
        target = self._target(given)
        if target is None:
            self._alarm(2, now_s)
            return _without_end()
        return self._move(target, math.inf if code == "G0" else self.modes.feed_mm_per_s)

    def _dwell(self, seconds: float) -> Task:
        now_s = yield Wait.REST
        yield now_s + seconds


def _without_end() -> Task:
    yield math.inf
