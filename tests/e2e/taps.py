"""Serial lines with a tap: what a daemon says to a machine passes by, is noted, and arrives unchanged."""

import contextlib
import os
import queue
import re
import selectors
import threading
import tty
from pathlib import Path
from typing import Final

from tests.e2e.programs import LIMIT_S

_POSITION: Final = re.compile(rb"X:(-?[\d.]+) Y:(-?[\d.]+) Z:(-?[\d.]+) E:")


class Tap:
    """The line from a daemon to one machine. `said` is every byte that went to the machine."""

    def __init__(self, machine: Path, daemon: Path) -> None:
        self.said = bytearray()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.machine = os.open(machine, os.O_RDWR | os.O_NOCTTY)
        # The slave stays open here, so that a daemon that closes it does not hang up the line.
        self.daemon, self._slave = os.openpty()
        for end in (self.machine, self._slave):
            tty.setraw(end)
        os.set_blocking(self.daemon, False)
        daemon.parent.mkdir(parents=True, exist_ok=True)
        daemon.symlink_to(os.ttyname(self._slave))

    def pass_on(self, source: int) -> None:
        """Bytes wait at one end: bring them to the other."""
        chunk = os.read(source, 4096)
        to_machine = source == self.daemon
        if to_machine:
            self.said += chunk
        else:
            self._answers.put(chunk)
        # What nobody reads is lost, as on a real line.
        with contextlib.suppress(BlockingIOError):
            os.write(self.machine if to_machine else self.daemon, chunk)

    def position_mm(self) -> tuple[float, ...]:
        """X, Y and Z where a Marlin printer stands once all its moves are made; no daemon may be there meanwhile."""
        while not self._answers.empty():
            self._answers.get()
        os.write(self.machine, b"\nM400\nM114\n")
        heard = b""
        while not (found := _POSITION.search(heard)):
            heard += self._answers.get(timeout=LIMIT_S)
        return tuple(float(value) for value in found.groups())

    def close(self) -> None:
        """Take the line away."""
        for end in (self.machine, self.daemon, self._slave):
            os.close(end)


class Taps:
    """All tapped lines of a cell, served by one thread."""

    def __init__(self, machines: Path, daemon: Path, ports: dict[str, str]) -> None:
        self.lines = {name: Tap(machines / port, daemon / port) for name, port in ports.items()}
        self._ends = selectors.DefaultSelector()
        for tap in self.lines.values():
            self._ends.register(tap.machine, selectors.EVENT_READ, tap)
            self._ends.register(tap.daemon, selectors.EVENT_READ, tap)
        self._stop, self._stopped = os.pipe()
        self._ends.register(self._stop, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take all lines away."""
        os.close(self._stopped)
        self._thread.join()
        self._ends.close()
        os.close(self._stop)
        for tap in self.lines.values():
            tap.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._ends.select():
                if key.data is None:
                    return
                key.data.pass_on(key.fd)
