"""What one client, and all of them, may cost. Pure."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

CONNECTIONS: Final = 20
SESSIONS: Final = 30
ACTIVATION_S: Final = 10.0
SESSION_MS: Final = 60_000.0
SUBSCRIPTIONS: Final = 100
SUBSCRIPTIONS_OF_ONE: Final = 10
ITEMS_OF_ONE: Final = 3000
# A hundred items on one variable would be a hundred notifications for each change.
ITEMS_ON_ONE_NODE: Final = 3
QUEUE: Final = 100
UNACKNOWLEDGED: Final = 50
PUBLISHING_MS: Final = 50.0
LONGEST_PUBLISHING_MS: Final = 10_000.0
# Subscriptions whose client is gone end after so many publishing intervals at the most.
LIFETIME: Final = 3000
# So many take some milliseconds, in which no machine is heard.
NODES_PER_REQUEST: Final = 100
CALLS_PER_REQUEST: Final = 10
CHUNK_BYTES: Final = 65_535
MESSAGE_BYTES: Final = 2**20
# What a client has not read of its answers; one that reads nothing is let go.
UNREAD_BYTES: Final = 2**21


@dataclass(slots=True)
class _Debt:
    owed_s: float
    at_s: float


class Pace:
    """How long each connection waits before its next request, so that all of them together take a share of the time.

    The share is divided among those that ask for more than it. `burst_s` is what one may take at once.
    """

    def __init__(self, share: float = 0.15, burst_s: float = 0.1) -> None:
        self._share = share
        self._burst_s = burst_s
        self._debts: dict[Hashable, _Debt] = {}

    def pause_s(self, who: Hashable, spent_s: float, now_s: float) -> float:
        """How long to wait after a request that took so long."""
        busy = sum(debt.owed_s > self._burst_s for debt in self._debts.values())
        rate = self._share / max(1, busy)
        debt = self._debts.setdefault(who, _Debt(0.0, now_s))
        debt.owed_s = max(0.0, debt.owed_s - (now_s - debt.at_s) * rate) + spent_s
        debt.at_s = now_s
        return max(0.0, debt.owed_s - self._burst_s) / rate

    def forget(self, who: Hashable) -> None:
        """It is gone."""
        self._debts.pop(who, None)
