"""Idle, Run, Hold, Jog, Door, Alarm ...: the machine's state and the realtime commands that change it."""

import math
from enum import Enum
from typing import Final

from cellctl_sim.grbl.router import Router
from cellctl_sim.motion import Hold, Planner

_SPINDLE_RESTORE_S: Final = 4.0


class State(Enum):
    """What the status report names. IDLE is Run while blocks are queued."""

    IDLE = "Idle"
    HOLD = "Hold"
    JOG = "Jog"
    DOOR = "Door"
    ALARM = "Alarm"
    CHECK = "Check"
    HOME = "Home"
    SLEEP = "Sleep"
    TOOL = "Tool"


# A hold or a door in these states has no effect.
_UNTOUCHED: Final = frozenset({State.ALARM, State.CHECK, State.HOME, State.TOOL})
_SUSPENDED: Final = frozenset({State.HOLD, State.DOOR, State.SLEEP, State.TOOL})


class Cycle:
    """The state, and the suspension of the main loop while the machine is held.

    `cancelling`: a jog brakes, and its queue is forgotten at the stand. `restores_s`: when the spindle is up again
    after the door was shut. `stopped_rpm`: what a spindle stop or the door has taken away.
    """

    def __init__(self, planner: Planner, router: Router) -> None:
        self.state = State.IDLE
        self.restores_s = math.inf
        self.stopped_rpm = 0.0
        self.cancelling = False
        self._ajar = False
        self._planner = planner
        self._router = router

    @property
    def suspended(self) -> bool:
        """Whether the main loop stands still."""
        # Asked for many times a line, so by identity first.
        return (self.state is not State.IDLE and self.state in _SUSPENDED) or self.cancelling

    @property
    def stands(self) -> bool:
        """Whether a hold has come to its end."""
        return self._planner.holding is Hold.STANDING

    @property
    def moves(self) -> bool:
        """Whether a reset now would lose position."""
        if self.state in (State.HOLD, State.DOOR):
            return not self.stands or self.restores_s < math.inf
        return self.state is State.HOME or self._planner.busy

    @property
    def shown(self) -> str:
        """The first field of a status report."""
        if self.state is State.HOLD:
            return f"Hold:{0 if self.stands else 1}"
        if self.state is State.DOOR:
            return f"Door:{self._door_phase}"
        if self.state is State.IDLE and self._planner.busy:
            return "Run"
        return str(self.state.value)

    def hold(self, now_s: float) -> None:
        """`!`: brake, then stand with everything as it is. A jog is cancelled by it."""
        if self.state is State.JOG:
            self.cancel_jog(now_s)
        elif self.state is State.IDLE:
            self._planner.hold(now_s)
            self.state = State.HOLD

    def cancel_jog(self, now_s: float) -> None:
        """0x85: brake, forget the jogs that are queued."""
        if self.state is State.JOG:
            self._planner.hold(now_s)
            self.cancelling = True

    def resume(self, now_s: float) -> bool:
        """`~`: go on. Dropped while it still brakes, or with the door ajar. True: a stopped spindle is restored."""
        if self.state is State.TOOL:
            self.state = State.IDLE
        if not self.stands or self.state not in (State.HOLD, State.DOOR):
            return False
        if self.state is State.HOLD:
            restarts = self._spin_again(now_s)
            self._go_on(now_s)
            return restarts
        if self._ajar or self.restores_s < math.inf:
            return False
        if not self.stopped_rpm:
            self._go_on(now_s)
            return False
        self.restores_s = now_s + _SPINDLE_RESTORE_S
        self._spin_again(now_s)
        return False

    def restored(self, now_s: float) -> None:
        """At `restores_s`."""
        self._go_on(now_s)

    def open_door(self, now_s: float) -> bool:
        """0x84 or the switch: brake, stop the spindle, wait. True: it is reported."""
        if self.state in _UNTOUCHED:
            return False
        self.restores_s = math.inf
        self.cancelling = self.cancelling or self.state is State.JOG
        self._planner.hold(now_s)
        if self.state is not State.SLEEP:
            self.state = State.DOOR
        self.settle(now_s)
        return True

    def watch_door(self, now_s: float) -> bool:
        """Look at the switch. True: it was opened just now."""
        opened = self._router.door_open and not self._ajar
        self._ajar = self._router.door_open
        return opened

    def sleep(self, now_s: float) -> None:
        """$SLP: everything off until a reset."""
        self._planner.hold(now_s)
        self._router.spin(0.0, now_s)
        self.state = State.SLEEP

    def toggle_spindle(self, now_s: float) -> None:
        """0x9E: in a hold the spindle may be stopped, and started again."""
        if self.state is not State.HOLD or not self.stands:
            return
        if not self._spin_again(now_s):
            self._stop_spindle(now_s)

    def settle(self, now_s: float) -> bool:
        """After motion has changed: a jog is over, the door's work begins. True: a jog was cancelled just now."""
        cancelled = self.cancelling and self.stands
        if cancelled:
            self.cancelling = False
            self._planner.abort(now_s)
            if self.state is State.DOOR:
                self._planner.hold(now_s)  # nothing is left to brake
        if self.state is State.JOG and not self._planner.busy:
            self.state = State.IDLE
        if self.state is State.DOOR and self.stands and self.restores_s == math.inf and self._router.rpm:
            self._stop_spindle(now_s)
        return cancelled

    # ---- inside ----------------------------------------------------------------------------------------------

    @property
    def _door_phase(self) -> int:
        if self.restores_s < math.inf:
            return 3
        if not self.stands:
            return 2
        return 1 if self._ajar else 0

    def _go_on(self, now_s: float) -> None:
        self.restores_s = math.inf
        self.state = State.IDLE
        self._planner.resume(now_s)

    def _stop_spindle(self, now_s: float) -> None:
        self.stopped_rpm = self._router.rpm
        self._router.spin(0.0, now_s)

    def _spin_again(self, now_s: float) -> bool:
        rpm, self.stopped_rpm = self.stopped_rpm, 0.0
        if rpm:
            self._router.spin(rpm, now_s)
        return rpm > 0
