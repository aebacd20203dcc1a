"""A real mosquitto on a free loopback port, started and ended by the test that needs it."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WHERE = "/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin"


class Mosquitto:
    """One broker process. `kill` and `start` again keep the port; what it held in memory is gone then."""

    def __init__(self, folder: Path, *lines: str) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path=WHERE)
        if program is None:
            pytest.fail("mosquitto is not installed; on Debian: apt-get install mosquitto", pytrace=False)
        self.port = _free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        settings = [f"listener {self.port} 127.0.0.1", "set_tcp_nodelay true", "log_type information", "log_type error"]
        access = [] if any(line.startswith("allow_anonymous") for line in lines) else ["allow_anonymous true"]
        # As root it would change to a user who may not read the test's files.
        self._config.write_text("\n".join(["user root", *settings, *access, *lines]) + "\n")
        self._program = program
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        said = []
        while line := self._process.stderr.readline():
            said.append(line)
            if line.rstrip().endswith("running"):
                return
        pytest.fail(f"mosquitto did not start: {''.join(said)}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """Let it keep its connections and do nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with all that has come in meanwhile."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def mosquitto(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    """A running broker with these lines in its configuration."""
    broker = Mosquitto(folder, *lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
