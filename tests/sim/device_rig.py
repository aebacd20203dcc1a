"""Feeds bytes to a simulated device in virtual time and collects what it says, with the instant of each line."""

import math
from dataclasses import dataclass, field

from cellctl.gcode.words import checksum
from cellctl.ports import ByteDevice


@dataclass(slots=True)
class Rig:
    """A device on a test bench. `said` holds (instant, line) since the last call of `send` or `until`."""

    device: ByteDevice
    now_s: float = 0.0
    said: list[tuple[float, str]] = field(default_factory=list)
    _open: bytes = b""

    def send(self, chunk: bytes | str) -> list[str]:
        """Bytes arrive now; returns the lines that come at once."""
        self.said.clear()
        self.device.receive(chunk.encode("latin-1") if isinstance(chunk, str) else chunk, self.now_s)
        self._collect()
        return self.lines

    def until(self, then_s: float) -> list[str]:
        """Let time pass, event by event; returns the lines that came meanwhile."""
        self.said.clear()
        while (due_s := self.device.wakeup_s) is not None and due_s <= then_s:
            self._advance(due_s)
        self._advance(then_s)
        return self.lines

    def until_said(self, line: str, within_s: float = 3600.0) -> float:
        """Let time pass until this line comes; returns when it came."""
        self.said.clear()
        self._collect()
        while line not in self.lines:
            due_s = self.device.wakeup_s
            assert due_s is not None, f"it will never say {line!r}, only {self.lines[-20:]}"
            assert due_s <= self.now_s + within_s, f"no {line!r} in {within_s} s, only {self.lines[-20:]}"
            self._advance(due_s)
        return next(at_s for at_s, said in self.said if said == line)

    def stream(self, program: list[str], ok: str = "ok") -> float:
        """Send line by line, each after the ok of the one before; returns how long it took."""
        began_s = self.now_s
        for line in program:
            if ok not in self.send(f"{line}\n"):
                self.until_said(ok)
        return self.now_s - began_s

    @property
    def lines(self) -> list[str]:
        """What `said` holds, without the instants."""
        return [line for _, line in self.said]

    def _advance(self, then_s: float) -> None:
        assert then_s < math.inf
        self.now_s = max(self.now_s, then_s)
        self.device.advance(self.now_s)
        self._collect()

    def _collect(self) -> None:
        *lines, self._open = (self._open + self.device.transmit(self.now_s)).split(b"\n")
        self.said += [(self.now_s, line.decode("latin-1").rstrip("\r")) for line in lines]


def numbered(number: int, command: str) -> str:
    """A line as Marlin wants it: number and checksum."""
    framed = f"N{number} {command}"
    return f"{framed}*{checksum(framed.encode())}\n"
