"""What a session is told by its owner."""

from dataclasses import dataclass

from cellctl_drivers.serial_arm.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Setup:
    """`identity`: text that must be in the answer to `identify`; empty for any. Times are seconds of the Clock:
    `move_s` is for one move, `pick_s`, `place_s` and `clear_s` (homing) for a whole sequence, `sync_s` the silence
    behind an answer that shows that it was the last one."""

    dialect: Dialect
    identify: str
    identity: str = ""
    answer_s: float = 5.0
    sync_s: float = 0.5
    move_s: float = 60.0
    pick_s: float = 120.0
    place_s: float = 120.0
    clear_s: float = 180.0
    stand_s: float = 5.0
    poll_s: float = 0.5
    idle_poll_s: float = 2.0
    silence_s: float = 10.0
