"""Time itself, watched: steps of the wall clock, and time that went by without us.

Intervals are measured on the monotonic clock, so neither disturbs them. What was at work meanwhile is held and looked
at by a person, by the alarm class `stalled` (core.alarms).
"""

from typing import Final

import structlog

from cellctl.app.engine import Engine
from cellctl.domain.stop_events import ClockAdjusted, ControllerStalled
from cellctl.ports import Clock

PERIOD_S: Final = 1.0
# A wall clock that is slewed moves by less than this between two looks; one that is set moves by more.
STEP_S: Final = 1.0
# So late, the loop has stood still: machines have gone on, or waited, without us.
LAG_S: Final = 10.0

log = structlog.get_logger()


class Timekeeper:
    """Looks at the clocks once a period. A computer that slept is seen by the wall clock, or by the lag, or both."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def keep(self) -> None:
        """Until cancelled."""
        clock = self._clock
        period_s = clock.wire_s(PERIOD_S)
        mono_s, wall_s, slept_s = clock.now_s(), clock.wall_s(), clock.slept_s()
        while True:
            await clock.sleep(period_s)
            was, now = (mono_s, wall_s, slept_s), (clock.now_s(), clock.wall_s(), clock.slept_s())
            mono_s, wall_s, slept_s = now
            asleep_s = slept_s - was[2]
            passed_s = mono_s - was[0] + asleep_s
            self._compare(passed_s - period_s, wall_s - was[1] - passed_s)

    def _compare(self, lag_s: float, step_s: float) -> None:
        if lag_s > self._clock.wire_s(LAG_S):
            log.warning("controller.stalled", lag_s=round(lag_s, 1))
            self._engine.note(ControllerStalled(round(lag_s, 3)))
        if abs(step_s) > STEP_S:
            log.warning("clock.adjusted", step_s=round(step_s, 3))
            self._engine.note(ClockAdjusted(round(step_s, 3)))
