"""An arm with a firmware made from Marlin: `ok` when a line is handled, a move when it is planned.

It answers M115 with its name, M114 with where its last move will end, and P2231 (as uArms do) with what its gripper
feels. A line may begin with `#n`; its answer then begins with `$n`. A limit switch ends a move without an error.
"""

import math
import re
from typing import Final

from cellctl_sim.board import Task, Wait
from cellctl_sim.serial_arm.device import Refused, SerialArm, parsed

_NUMBERED: Final = re.compile(r"#(\d+) +(.*)")
_BUSY_S: Final = 2.0
_USUAL_MM_PER_S: Final = 50.0
# A quick stop at a stand was seen to take over a second.
_QUICK_STOP_S: Final = 1.1
_OUT_OF_REACH: Final = "E22 out of reach"
_NO_COMMAND: Final = "E20 no such command"


class MarlinArm(SerialArm):
    """Marlin's manners on an arm. `_number`: how the answer to the present line begins; `_value`: how it ends."""

    _killed = False
    _number = ""
    _value = ""
    _busy_s = math.inf

    # ---- time ------------------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        return min(super()._due_s(), self._busy_s) if self.powered else math.inf

    def _happen(self, due_s: float) -> None:
        super()._happen(due_s)
        if self._busy_s <= due_s:
            self._busy_s = due_s + _BUSY_S
            self.say("echo:busy: processing")

    @property
    def _listens(self) -> bool:
        return not self._killed

    # ---- bytes -----------------------------------------------------------------------------------------------

    def _hear(self, chunk: bytes, now_s: float) -> None:
        if not self._killed:
            self._text(chunk, now_s)

    def _text(self, chunk: bytes, now_s: float) -> None:
        """M112 and M410 are recognised while another command blocks, if they are the whole line."""
        for line in chunk.splitlines(keepends=True):
            if line == b"M112\n":
                self._kill(now_s)
            elif line == b"M410\n" and self._task is not None:
                self._quick_stop(now_s)
                super()._text(line, now_s)
            else:
                super()._text(line, now_s)

    # ---- the ends of things ----------------------------------------------------------------------------------

    def _wake(self, now_s: float) -> None:
        self._killed, self._busy_s = False, math.inf
        self.say("start", "echo:Marlin 2.0.9 (arm)")

    def _kill(self, now_s: float) -> None:
        """Everything off, and silence until a reset."""
        self._stop_dead(now_s)
        self._killed, self._busy_s = True, math.inf
        self.say("echo:M112 Shutdown", "Error:Printer halted. kill() called!")

    def _quick_stop(self, now_s: float) -> None:
        """Stop without braking: where the axes are is only believed from here on."""
        self.planner.abort(now_s)
        self.modes.at = self.position(now_s)
        self.body.rest(self.modes.at, now_s)
        self.homed = False
        self._run(now_s)

    def _limit(self, now_s: float) -> None:
        x, y, z = self.position(now_s)
        self.say(f"echo:endstops hit:  X:{x:.2f} Y:{y:.2f} Z:{z:.2f}")
        self._quick_stop(now_s)

    # ---- lines -----------------------------------------------------------------------------------------------

    def _acknowledge(self) -> None:
        self._busy_s = math.inf
        self.say(f"{self._number}ok{self._value}")

    def _execute(self, line: str, now_s: float) -> None:
        if not line:
            return  # No answer at all.
        self._value = ""
        super()._execute(line, now_s)
        if self._task is not None:
            self._busy_s = now_s + _BUSY_S

    def _begin(self, line: str, now_s: float) -> Task | None:
        numbered = _NUMBERED.fullmatch(line)
        self._number = f"${numbered[1]} " if numbered else ""
        text = numbered[2] if numbered else line
        code, given = parsed(text, f"{self._number}{_NO_COMMAND}")
        match code:
            case "G0" | "G1":
                return self._go(dict(given))
            case "G4":
                return self._dwell(given.get("S", given.get("P", 0.0) / 1000))
            case "G28":
                return self._home(now_s)
            case "M400":
                return self._finish()
            case "M410":
                return self._stand()
        self._quick(code, dict(given), text, now_s)
        return None

    def _quick(self, code: str, given: dict[str, float], text: str, now_s: float) -> None:
        body = self.body
        match code:
            case "G90" | "G91":
                self.modes.relative = code == "G91"
            case "M3" | "M5":
                body.work_gripper(code == "M3" and given.get("S", 0.0) > 0, now_s)
            case "M2231" if "V" in given:
                body.work_gripper(given["V"] > 0, now_s)
            case "P2231" if body.config.sensor:
                self._value = f" V{2 if body.holds else int(body.closed)}"
            case "M114":
                x, y, z = self.modes.at
                self.say(f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:0.00 Count X:{x * 80:.0f} Y:{y * 80:.0f} Z:{z * 80:.0f}")
            case "M115":
                self.say(f"FIRMWARE_NAME:Marlin 2.0.9 (arm) MACHINE_TYPE:{body.config.identity} EXTRUDER_COUNT:0")
            case "G21" | "M17" | "M105":
                pass
            case _ if self._number:
                raise Refused(f"{self._number}{_NO_COMMAND}")
            case _:
                self.say(f'echo:Unknown command: "{text}"')

    def _go(self, given: dict[str, float]) -> Task | None:
        feed = given.get("F", 0.0) / 60 or self.modes.feed_mm_per_s or _USUAL_MM_PER_S
        target = self._target(given)
        if target is None:
            raise Refused(f"{self._number}{_OUT_OF_REACH}")
        self.modes.feed_mm_per_s = feed
        return self._move(target, feed)

    def _finish(self) -> Task:
        yield Wait.REST

    def _stand(self) -> Task:
        now_s = yield Wait.REST
        yield now_s + _QUICK_STOP_S

    def _dwell(self, seconds: float) -> Task:
        now_s = yield Wait.REST
        yield now_s + seconds
