"""How much may be under way at once: it starts with one line, and grows only where the firmware proves it can."""

from cellctl_drivers.marlin.facts import WIDEN_AFTER


class Window:
    """Command slots and bytes of the receive buffer, and how many of them are used now.

    `rx_bytes` is the integrator's word, for no firmware tells it; `ceiling` is the most lines that he allows.
    """

    def __init__(self, ceiling: int, rx_bytes: int) -> None:
        self.slots = 1
        self.rx_bytes = rx_bytes
        self._ceiling = ceiling
        self.proved = 1
        self._clean = 0

    def proves(self, slots: int) -> None:
        """The firmware has room for at least so many commands, and tells which line an `ok` is for."""
        if slots > self.proved:
            self.proved = min(slots, self._ceiling)

    def widen(self) -> None:
        """A line was acknowledged as it should, and `slots` are fewer than are `proved`."""
        self._clean += 1
        if self._clean >= WIDEN_AFTER:
            self.slots += 1
            self._clean = 0

    def shrink(self) -> None:
        """A line was damaged: what was behind it has been lost with it, and went in vain."""
        self.slots = max(1, self.slots // 2)
        self._clean = 0

    def room_bytes(self, in_flight_bytes: int) -> int:
        """How long, with its newline, one more line may be, behind so many bytes that are under way."""
        # A full receive buffer loses bytes silently (MarlinFirmware/Marlin#20367): one is always left.
        return self.rx_bytes - 1 - in_flight_bytes
