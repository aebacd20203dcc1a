"""How good the line to a machine is: counted by its driver since contact was made, shown beside its state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# One line in so many may have to be said again before a person is told; with fewer lines nothing is concluded.
_TOLERATED_RESENDS: Final = 1 / 500
_TOLERATED_LOST_ACKNOWLEDGEMENTS: Final = 3
_TOLERATED_GARBAGE_BYTES: Final = 100
_ENOUGH_LINES: Final = 200


@dataclass(frozen=True, slots=True)
class SessionState:
    """How far the session with a machine's server is: disconnected, connecting, resolving, subscribed, ready, lost.

    `oldest_value_at`: when the oldest of the values that it goes by was heard (UTC); empty while one was not heard.
    """

    stage: str
    oldest_value_at: str = ""


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """Counters and durations of one connection, in seconds of the machine's clock.

    `lines` counts copies too. An acknowledgement's latency includes what the firmware did before it answered.
    `underruns` and `starved_s` are None where the firmware does not count them; `starved_s` is a lower bound.
    """

    lines: int = 0
    resends: int = 0
    lost_acknowledgements: int = 0
    garbage_bytes: int = 0
    window: int = 1
    ack_p50_s: float = 0.0
    ack_p95_s: float = 0.0
    ack_p99_s: float = 0.0
    ack_max_s: float = 0.0
    underruns: int | None = None
    starved_s: float | None = None

    @property
    def troubles(self) -> Mapping[str, str]:
        """What is beyond what is tolerated, each by its kind; nothing while the line is good."""
        troubles = {}
        if self.lines >= _ENOUGH_LINES and self.resends > self.lines * _TOLERATED_RESENDS:
            troubles["resends"] = f"{self.resends} of {self.lines} lines had to be said again"
        if self.lost_acknowledgements > _TOLERATED_LOST_ACKNOWLEDGEMENTS:
            troubles["lost_acknowledgements"] = f"{self.lost_acknowledgements} acknowledgements were lost"
        if self.garbage_bytes > _TOLERATED_GARBAGE_BYTES:
            troubles["garbage_bytes"] = f"{self.garbage_bytes} bytes were no text"
        return troubles

    @property
    def warning(self) -> str:
        """One sentence for a person, before a job fails of it; empty while the line is good."""
        troubles = self.troubles
        if not troubles:
            return ""
        return f"{', '.join(troubles.values())}: check cable, power supply and what runs beside them"
