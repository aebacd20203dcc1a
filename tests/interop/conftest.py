"""The Node packages that the interop tests need: installed once, as the lock file says, where Node is present."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache"
MANIFESTS = ("package.json", "package-lock.json")
INSTALL_S = 300.0


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder `node_modules` with node-opcua and node-opcua-nodesets in it; skips without Node or a registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in MANIFESTS)).hexdigest()[:12]
    room = CACHE / f"interop-{digest}"
    room.mkdir(parents=True, exist_ok=True)
    # Several test processes may want them at the same time.
    with (room / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((room / name).exists() for name in ("complete", "node_modules/node-opcua/package.json")):
            _install(room)
            (room / "complete").touch()
    return room / "node_modules"


def _install(room: Path) -> None:
    for name in MANIFESTS:
        shutil.copy(HERE / name, room)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install node-opcua: {done.stderr.strip().splitlines()[-1:]}")
