"""Character counting: what lies in the controller's receive buffer, as far as its answers tell."""

from collections import deque


class Window:
    """The lines that are outstanding: written, and not yet answered by `ok` or `error`, newlines included.

    The controller loses what does not fit, silently; so at most `rx_bytes` - 1 are ever outstanding, which
    is right for both sizes that Grbl's own texts give for the same buffer.
    """

    def __init__(self, rx_bytes: int) -> None:
        self.rx_bytes = rx_bytes
        self._lines: deque[bytes] = deque()
        self._outstanding = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def room(self) -> int:
        """How many bytes may be written now."""
        return self.rx_bytes - 1 - self._outstanding

    @property
    def oldest(self) -> bytes:
        """The line whose answer comes next; empty if none is outstanding."""
        return self._lines[0] if self._lines else b""

    def wrote(self, line: bytes) -> None:
        """This line goes out now. The caller has looked at `room`."""
        self._lines.append(line)
        self._outstanding += len(line)

    def answered(self, count: int = 1) -> int:
        """So many answers have come; returns how many lines there were to answer."""
        lines = self._lines
        if count == 1 and lines:  # As nearly always.
            self._outstanding -= len(lines.popleft())
            return 1
        count = min(count, len(lines))
        for _ in range(count):
            self._outstanding -= len(lines.popleft())
        return count

    def clear(self) -> None:
        """The controller has forgotten everything: its banner was seen."""
        self._lines.clear()
        self._outstanding = 0
