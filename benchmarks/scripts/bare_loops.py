"""The least that a host can be: a loop that keeps the window full, over blocking pyserial or over asyncio.

bare_loops.py pyserial|asyncio grbl|marlin PORT PROGRAM RX_BYTES
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Iterator
from functools import reduce
from operator import xor
from pathlib import Path

from serial import Serial


def framed(kind: str, program: Path) -> Iterator[bytes]:
    """The lines as they go out."""
    with program.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if kind == "marlin":
                body = b"N%d %b" % (number, line.rstrip())
                yield b"%b*%d\n" % (body, reduce(xor, body))
            else:
                yield line


class Window:
    """What is out: bytes for grbl, one line for marlin."""

    def __init__(self, kind: str, program: Path, rx_bytes: int) -> None:
        self._room = rx_bytes - 1 if kind == "grbl" else 1
        self._cost = len if kind == "grbl" else lambda line: 1
        self._lines = framed(kind, program)
        self._next = next(self._lines, b"")
        self._out: deque[int] = deque()

    def answered(self, count: int) -> bytes:
        """So many `ok` have come; what may go out now."""
        for _ in range(min(count, len(self._out))):
            self._room += self._out.popleft()
        chunks = []
        while self._next and self._cost(self._next) <= self._room:
            self._room -= self._cost(self._next)
            self._out.append(self._cost(self._next))
            chunks.append(self._next)
            self._next = next(self._lines, b"")
        return b"".join(chunks)


def run_pyserial(port: Serial, window: Window) -> None:
    """Read a line, write what may go out."""
    port.timeout = None
    port.write(window.answered(0))
    while True:
        if port.readline().startswith(b"ok"):
            chunk = window.answered(1)
            if chunk:
                port.write(chunk)


async def run_asyncio(port: Serial, window: Window) -> None:
    """Read whatever is there, write what may go out."""
    fd = port.fileno()

    def read() -> None:
        os.write(fd, window.answered(os.read(fd, 65536).count(b"ok")))

    os.write(fd, window.answered(0))
    asyncio.get_running_loop().add_reader(fd, read)
    await asyncio.get_running_loop().create_future()


def main(loop: str, kind: str, path: str, program: str, rx_bytes: str) -> None:
    """Stream until killed."""
    port = Serial(path, 115200, timeout=0, write_timeout=None, exclusive=True)
    window = Window(kind, Path(program), int(rx_bytes))
    if kind == "marlin":
        port.write(b"M110 N0\n")
        while b"ok" not in port.read(100):
            pass
    if loop == "asyncio":
        asyncio.run(run_asyncio(port, window))
    else:
        run_pyserial(port, window)


if __name__ == "__main__":
    main(*sys.argv[1:])
