"""The unit in systemd/: the daemon started by its own line, with systemd's end of the notify socket held by the test.

What `systemd-analyze` says of the unit is in test_systemd.
"""

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.programs import BIN, Program, ask

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd" / "cellctl.service").read_text().splitlines()
# The machines of this cell are not there, and there is no broker: it must run all the same.
CELL = ROOT / "examples" / "nameplate" / "cell.toml"


def setting(key: str) -> str:
    (value,) = (line.partition("=")[2] for line in UNIT if line.startswith(f"{key}="))
    return value


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(20)
        yield end


def exec_start(tmp_path: Path) -> list[str]:
    """ExecStart= with systemd's specifiers filled in."""
    configuration = tmp_path / "etc" / "cellctl"
    configuration.mkdir(parents=True)
    for name in ("cell.toml", "product.toml", "base.gcode"):
        (configuration / name).symlink_to(CELL.parent / name)
    line = setting("ExecStart").replace("%E", f"{tmp_path}/etc").replace("%S", f"{tmp_path}/lib")
    return shlex.split(line.replace("%t", f"{tmp_path}/run"))


@contextmanager
def service(tmp_path: Path, end: socket.socket) -> Iterator[Program]:
    program, *words = exec_start(tmp_path)
    # The unit's WatchdogSec= takes too long for a test.
    environ = {"NOTIFY_SOCKET": end.getsockname(), "WATCHDOG_USEC": "600000"}
    with Program(program, *words, "--devices", tmp_path / "dev", environ=environ) as daemon:
        yield daemon


def test_the_service_is_ready_once_its_machines_were_looked_for_stays_alive_and_ends_well(
    tmp_path: Path, systemd: socket.socket
) -> None:
    with service(tmp_path, systemd) as daemon:
        heard: list[bytes] = []
        while heard.count(b"WATCHDOG=1") < 5 or b"READY=1" not in heard:
            heard.append(systemd.recv(1000))
        assert b"STATUS=1 of 5 machines, 0 open orders, 0 questions" in heard
        done = ask("cellctl", "--socket", tmp_path / "run" / "cellctl" / "cellctl.sock", "status")
        assert "printer-1 is not heard" in done.stdout
        assert daemon.end(signal.SIGTERM, within_s=5) == 0
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                heard.append(systemd.recv(1000))
        assert heard[-1] == b"STOPPING=1"


def test_a_frozen_service_gives_no_sign_of_life(tmp_path: Path, systemd: socket.socket) -> None:
    with service(tmp_path, systemd) as daemon:
        while systemd.recv(1000) != b"WATCHDOG=1":
            pass
        os.kill(daemon.pid, signal.SIGSTOP)
        systemd.settimeout(0.6)
        with pytest.raises(TimeoutError):
            while True:
                systemd.recv(1000)
        os.kill(daemon.pid, signal.SIGCONT)


def test_the_exit_status_of_every_mistake_is_one_that_systemd_does_not_start_again_after(tmp_path: Path) -> None:
    lasting = set(map(int, setting("RestartPreventExitStatus").split()))
    (tmp_path / "cell.toml").write_text("[cell]\n")
    for words in (["run"], ["run", tmp_path / "cell.toml"], ["run", tmp_path / "absent.toml"]):
        done = subprocess.run([BIN / "cellctl", *words], capture_output=True, check=False)
        assert done.returncode in lasting, words
