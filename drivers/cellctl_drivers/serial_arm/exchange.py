"""One line at a time: what was said last, and what has come back since."""

_LONGEST_LINE_BYTES = 4096


class Exchange:
    """Bytes in and lines out. `line` is the one that waits for its acknowledgement; empty if none does."""

    def __init__(self) -> None:
        self.line = ""
        self.heard: list[str] = []
        self.lines_said = 0
        self._rest = b""
        self._urgent = b""
        self._out = b""

    def say(self, line: str) -> None:
        """The next line. The one before is answered, or given up."""
        self.line = line
        self.heard = []
        self.lines_said += 1
        self._out += line.encode("ascii") + b"\n"

    def urgent(self, chunk: bytes) -> None:
        """Ahead of every line."""
        self._urgent += chunk

    def close(self) -> str:
        """The line is answered, or given up; what came meanwhile."""
        self.line = ""
        return "\n".join(self.heard)

    def forget(self) -> None:
        """The arm has begun anew, or is given up: what was said does not count any more."""
        self.line, self.heard, self._out = "", [], b""

    def received(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes, without blanks at their ends; empty ones are left out."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-_LONGEST_LINE_BYTES:]
        texts = (line.decode("ascii", "replace").strip() for line in lines)
        return [text for text in texts if text]

    def take(self) -> bytes:
        """What is to go out now."""
        out = self._urgent + self._out
        self._urgent = self._out = b""
        return out
