"""The wheel, built from the source tree, and environments to install it into."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 600.0


def build(folder: Path) -> Path:
    """The wheel of the source tree as it is now."""
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT])
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel, that sees what is installed here, but not us. Returns its folder of programs.

    pip comes from outside, as `pip --python` does it: to set it up anew takes longer than all the rest.
    """
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    (site,) = folder.glob("lib/python*/site-packages")
    # A line in a .pth file adds a folder to the path, but the .pth files in that folder are not read: so the
    # editable installation that the tests run from is not seen.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", folder, "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel])
    return folder / "bin"


def run(command: list[object], folder: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    # What points Python at a source tree must not help the wheel.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}  # noqa: TID251 - see above
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environ, timeout=LIMIT_S)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
