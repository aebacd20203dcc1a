"""Printrun and OctoPrint, from the package index into a folder of their own, pinned by hash in peers.lock."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.compiler import cache

LOCK: Final = Path(__file__).with_name("peers.lock")


def folder() -> Path:
    """Where they are: $CELLCTL_BENCH_PEERS, else beside what else the benchmarks keep."""
    return Path(os.environ.get("CELLCTL_BENCH_PEERS") or cache() / "peers")


def python() -> Path:
    """The Python that has them."""
    return folder() / "bin" / "python"


def installed() -> bool:
    """Whether they are there as the lock file wants them."""
    stamp = _stamp()
    return stamp.exists() and stamp.read_text(encoding="ascii") == _wanted()


def install() -> None:
    """Install them. Raises CalledProcessError."""
    pip: list[str | Path] = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder()], check=True)
    # Printrun asks for a window system that its printcore does not need.
    subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", LOCK], check=True)
    _stamp().write_text(_wanted(), encoding="ascii")


def _stamp() -> Path:
    return folder() / ".cellctl-bench"


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()
