"""The cell as a whole: the same seed gives the same log, in time; the wheel works where nothing else is."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from tests.prove.claims import Claim

ROOT = Path(__file__).parents[2]
CELL = ROOT / "examples" / "nameplate" / "cell.toml"


def claims() -> Iterator[Claim]:
    """Each claim as it is measured; some minutes in all."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _simulations(Path(folder))
        yield _wheel(Path(folder))


def _simulations(folder: Path) -> Iterator[Claim]:
    digests = []
    for hash_seed in ("0", "4711"):
        log = folder / f"{hash_seed}.jsonl"
        command = [sys.executable, "-m", "cellctl.app.main", "simulate", str(CELL), "--orders", "100", "--seed", "1"]
        began_s = time.monotonic()
        done = subprocess.run(
            [*command, "--log", str(log)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        took_s = time.monotonic() - began_s
        digests.append(hashlib.sha256(log.read_bytes()).hexdigest())
        figure = f"{took_s:.1f} s, load {os.getloadavg()[0]:.1f}"
        name = f"100 orders, seed 1, PYTHONHASHSEED={hash_seed}"
        yield Claim(name, figure, "< 60 s", took_s < 60 and done.returncode == 0)
    name = "the two logs are equal, byte for byte"
    yield Claim(name, digests[0][:16], "equal", digests[0] == digests[1])


def _wheel(folder: Path) -> Claim:
    """Into an environment with nothing in it, with its dependencies from the index."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder), str(ROOT)]
    subprocess.run(build, stdout=subprocess.DEVNULL, check=True)
    venv.create(folder / "venv", with_pip=True)
    binary = folder / "venv" / "bin"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([str(binary / "pip"), "install", "--quiet", str(wheel)], stderr=subprocess.DEVNULL, check=True)
    done = subprocess.run([str(binary / "cellctl"), "--help"], cwd=folder, capture_output=True, text=True, check=False)
    works = done.returncode == 0 and "usage: cellctl" in done.stdout
    return Claim("the wheel in an empty venv: cellctl --help", f"exit {done.returncode}", "works", works)
