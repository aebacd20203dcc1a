"""Printrun's printcore, as pronsole uses it: load a program, print it.

printcore_loop.py PORT PROGRAM; run by the Python that has Printrun.
"""

import sys
import time
from pathlib import Path

from printrun import gcoder, printcore  # type: ignore[import-not-found] # in its own folder only


def main(port: str, program: str) -> None:
    """Stream until killed."""
    lines = Path(program).read_text(encoding="ascii").splitlines()
    core = printcore.printcore()
    core.connect(port, 115200)
    while not core.online:
        time.sleep(0.05)
    core.startprint(gcoder.LightGCode(lines))
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
