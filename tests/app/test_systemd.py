"""What systemd hears from us, and what our unit asks of systemd."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellctl.app.systemd import Notifier

UNIT = Path(__file__).parents[2] / "systemd" / "cellctl.service"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(5)
        yield end


def test_each_word_is_one_datagram(systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.ready("3 of 4 machines")
    notifier.alive()
    notifier.status("two\nlines\x20 become one")
    notifier.extend(1.5, "record 1 of 9")
    notifier.stopping()
    assert [systemd.recv(100) for _ in range(7)] == [
        b"READY=1", b"STATUS=3 of 4 machines", b"WATCHDOG=1", b"STATUS=two lines become one",
        b"EXTEND_TIMEOUT_USEC=1500000", b"STATUS=record 1 of 9", b"STOPPING=1",
    ]  # fmt: skip


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("")  # the kernel picks a free abstract name
        end.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + end.getsockname()[1:].decode()}).alive()
        assert end.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nothing_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    Notifier({}).ready("nobody hears this")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(environ: dict[str, str], watchdog_s: float | None) -> None:
    assert Notifier(environ).watchdog_s == watchdog_s


def test_the_unit_restarts_what_hangs_but_not_what_is_configured_wrong() -> None:
    lines = UNIT.read_text().splitlines()
    for line in ("Type=notify", "WatchdogSec=10", "Restart=on-failure", "RestartPreventExitStatus=64 78"):
        assert line in lines
    assert not any(line.startswith("After=") and "network-online" in line for line in lines)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="not run: systemd-analyze is not on this machine")
def test_systemd_finds_no_fault_with_the_unit_and_little_exposure(tmp_path: Path) -> None:
    installed = tmp_path / "cellctl.service"
    installed.write_text(UNIT.read_text().replace("ExecStart=cellctl", f"ExecStart={shutil.which('true')}"))
    for check in (["verify"], ["security", "--offline=true", "--threshold=14"]):
        done = subprocess.run(["systemd-analyze", *check, installed], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
