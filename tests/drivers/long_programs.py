"""Programs of any length through a session, against a firmware that takes every line at once: what does it keep?"""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

from cellctl_drivers.serial_session import Session
from tests.drivers.grbl_dialogue import BANNER, IDLE, RUN, ready
from tests.drivers.marlin_dialogue import booted

FAMILIES = ("grbl", "marlin")


def lines_of(count: int) -> Iterator[str]:
    """Moves, each made when it is asked for."""
    return (f"G1 X{number % 199}.{number % 10} Y{number % 97} F600" for number in range(count))


def most_kept_bytes(family: str, count: int) -> int:
    """The most that was in use at once, above what there was before the program."""
    session, answer = _loaded(family, count)
    now_s = 10.0
    tracemalloc.start()
    try:
        while session.acknowledged < count:
            now_s += 0.001
            session.receive(answer(session.transmit(now_s)), now_s)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _loaded(family: str, count: int) -> tuple[Session, Callable[[bytes], bytes]]:
    if family == "marlin":
        printer: Any = booted(window=8).session
        printer.load(lines_of(count), count, 10.0)
        return printer, lambda out: b"ok\n" * out.count(b"\n")
    router = ready().session
    router.load(lines_of(count), count, 10.0)
    for said in (BANNER, IDLE):  # Every program begins with a reset.
        router.transmit(10.0)
        router.receive(f"{said}\r\n".encode(), 10.0)
    return router, lambda out: b"ok\r\n" * out.count(b"\n") + (f"{RUN}\r\n".encode() if b"?" in out else b"")
