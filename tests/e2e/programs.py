"""Programs as a person starts them in a terminal: what they say can be waited for, line by line."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Self, TypeVar

BIN = Path(sys.executable).parent
# How long anything here may take at the most; a test that waits so long has failed.
LIMIT_S = 60.0

Found = TypeVar("Found")


class Patience:
    """How much longer to wait, in seconds of the world outside."""

    def __init__(self, within_s: float) -> None:
        self._until_s = time.monotonic() + within_s  # noqa: TID251 - these programs live in the world outside

    @property
    def left_s(self) -> float:
        """Never below 0."""
        return max(0.0, self._until_s - time.monotonic())  # noqa: TID251 - see above


class Lines:
    """The lines of a stream, read by a thread so that waiting for one of them can have an end."""

    def __init__(self, stream: IO[str]) -> None:
        self.heard: list[str] = []
        self._stream = stream
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, wanted: Callable[[str], Found | None], within_s: float = LIMIT_S) -> Found:
        """What `wanted` makes of the first line, not yet looked at, that it makes something of."""
        patience = Patience(within_s)
        while True:
            try:
                line = self._waiting.get(timeout=patience.left_s)
            except queue.Empty:
                raise AssertionError(f"not heard within {within_s} s; heard last: {self.heard[-5:]}") from None
            if line is None:
                raise AssertionError(f"the program has ended; heard last: {self.heard[-5:]}")
            found = wanted(line)
            if found is not None:
                return found

    def close(self) -> None:
        """Once the program has ended: read to the end."""
        self._reader.join(LIMIT_S)
        self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            self.heard.append(line.rstrip("\n"))
            self._waiting.put(line.rstrip("\n"))
        self._waiting.put(None)


class Program:
    """A program of this environment that runs beside the test; leaving its `with` ends it with SIGTERM."""

    def __init__(self, name: str, *words: object, environ: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [BIN / name, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_with(environ),
        )
        self.out = Lines(_stream(self._process.stdout))
        self.err = Lines(_stream(self._process.stderr))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its process id, for systemd's own words."""
        return self._process.pid

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = LIMIT_S) -> int:
        """Send a signal, wait, and return the exit status."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait(within_s)

    def wait(self, within_s: float = LIMIT_S) -> int:
        """The exit status, once it has ended by itself."""
        try:
            status = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"{self._process.args!r} did not end within {within_s} s") from None
        self.out.close()
        self.err.close()
        return status


def ask(name: str, *words: object, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment to its end."""
    return subprocess.run(
        [BIN / name, *map(str, words)], capture_output=True, text=True, check=False, timeout=LIMIT_S, env=_with(environ)
    )


def _with(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return {**os.environ, **(environ or {})}  # noqa: TID251 - a child of ours


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
