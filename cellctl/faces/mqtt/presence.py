"""One connection's identity: its session, the ticks that it has shown, and whether it hears itself."""

from collections import deque

from cellctl.faces.mqtt.refusal import Refused


class Presence:
    """Freshness without comparing clocks: a sender quotes a tick, and we know when we showed it.

    `now_s` is the monotonic time of one clock; a tick is recent for `fresh_s`. `call` is what we say to ourselves
    over the broker, to know that requests come through.
    """

    def __init__(self, session: str, fresh_s: float) -> None:
        self.session = session
        self.tick = 0
        self.call = b""
        self.heard_itself = False
        self._fresh_s = fresh_s
        self._shown: deque[tuple[int, float]] = deque()

    def beat(self, now_s: float) -> int:
        """The next tick, about to be shown."""
        self.tick += 1
        self._shown.append((self.tick, now_s))
        self._forget(now_s)
        return self.tick

    def check(self, session: str, tick: int | None, now_s: float) -> None:
        """Raises Refused unless the session is this one and the tick was shown a short while ago."""
        if session != self.session:
            raise Refused("stale_session", "quote the session of the present status; every connection has another")
        self._forget(now_s)
        if tick is None or tick not in dict(self._shown):
            raise Refused("expired", f"quote a tick of the last 10 s from heartbeat; the last one is {self.tick}")

    def _forget(self, now_s: float) -> None:
        while self._shown and now_s - self._shown[0][1] > self._fresh_s:
            self._shown.popleft()
