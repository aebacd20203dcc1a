"""Programs to stream: short moves as a slicer or a CAM program writes them, the same ones every time."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

_HEAD: Final = {
    "grbl": "G21\nG90\nG94\nG17\nG0 Z5\nG1 F6000\n",
    "marlin": "G21\nG90\nM82\nG28\nM104 S200\nM109 S200\nG92 E0\nG1 F6000\n",
}
_DIFFERENT: Final = 20_000


def write(path: Path, kind: str, moves: int) -> Path:
    """Write a program of so many moves for a kind of board: 17 bytes a move for grbl, about 28 for marlin."""
    block = list(islice(_moves(kind), min(moves, _DIFFERENT)))
    times, rest = divmod(moves, len(block))
    text = "".join(block)
    with path.open("w", encoding="ascii") as file:
        file.write(_HEAD[kind])
        for _ in range(times):
            file.write(text)
        file.write("".join(block[:rest]))
    return path


def _moves(kind: str) -> Iterator[str]:
    """A slow spiral between 50 and 150 mm, with three decimals everywhere."""
    for number in range(_DIFFERENT):
        x_mm = 50 + (number * 37 % 100_003) / 1000
        y_mm = 50 + (number * 53 % 100_003) / 1000
        if kind == "grbl":
            yield f"G1X{x_mm:07.3f}Y{y_mm:07.3f}\n"
        else:
            yield f"G1 X{x_mm:.3f} Y{y_mm:.3f} E{number * 0.003:.5f}\n"
