"""The seal around a virtual run: what would reach for the world outside raises `RealWorld` instead.

Sealed are threads, sockets, subprocesses, signals and unseeded chance. Time is not refused but answered: logging
stamps its records and asyncua paces its subscriptions by `time.time` and `time.monotonic`, so these, and
`time.perf_counter`, answer virtual time while a run lasts. `datetime.now` is compiled code that cannot be replaced in
place; ruff keeps it out of our packages.
"""

import asyncio
import os
import random
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn

EPOCH: Final = "2026-01-05T06:00:00.000Z"
"""The wall clock at virtual second 0, a Monday."""
EPOCH_UNIX_S: Final = 1_767_592_800

_LOOP: Final = (
    ("call_soon_threadsafe", "run_in_executor", "set_default_executor", "getaddrinfo", "getnameinfo"),
    ("create_connection", "create_server", "create_unix_connection", "create_unix_server", "start_tls"),
    ("create_datagram_endpoint", "connect_accepted_socket", "connect_read_pipe", "connect_write_pipe", "sendfile"),
    ("subprocess_exec", "subprocess_shell", "add_signal_handler", "remove_signal_handler"),
    ("add_reader", "remove_reader", "add_writer", "remove_writer"),
    ("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendto"),
    ("sock_connect", "sock_accept", "sock_sendfile"),
)

_PROCESS: Final[tuple[tuple[Any, str], ...]] = (
    (time, "sleep"),
    (os, "urandom"),
    (random, "_urandom"),  # what `secrets` draws from
    (uuid, "uuid1"),
    (uuid, "uuid4"),
    (threading.Thread, "start"),
    (socket.socket, "__init__"),
    (subprocess.Popen, "__init__"),
    # the functions of the module's own generator; a seeded random.Random stays what it is
    *((random, name) for name in random.__all__ if hasattr(getattr(random, name), "__self__")),
)


class RealWorld(Exception):
    """Something in a virtual run reached for the world outside."""


@contextmanager
def sealed(
    loop: asyncio.AbstractEventLoop, breached: Callable[[RealWorld], None], seed: int | None = None
) -> Iterator[None]:
    """Seal the process around this loop. `breached` is told of every attempt, in case somebody swallows the error.

    With a `seed`, foreign code that asks the system for chance (nonces, ids) gets it from there instead.
    """

    def refusal(what: str) -> Callable[..., NoReturn]:
        def refuse(*_args: object, **_options: object) -> NoReturn:
            error = RealWorld(f"{what} was called in a virtual run; use a port instead (Clock, Ids, Links, Store)")
            breached(error)
            raise error

        return refuse

    def replace(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        seals.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, replacement)

    with ExitStack() as seals:
        for name in (name for group in _LOOP for name in group):
            setattr(loop, name, refusal(f"loop.{name}"))
        for owner, name in _PROCESS:
            replace(owner, name, refusal(f"{owner.__name__}.{name}"))
        if seed is not None:
            for owner, name, answer in _chance(random.Random(seed)):  # noqa: S311 - repeatable on purpose
                replace(owner, name, answer)
        for name, answer in _clocks(loop).items():
            replace(time, name, answer)
        yield


def _chance(rng: random.Random) -> tuple[tuple[Any, str, Callable[..., Any]], ...]:
    return (
        (os, "urandom", rng.randbytes),
        (random, "_urandom", rng.randbytes),
        (uuid, "uuid4", lambda: uuid.UUID(bytes=rng.randbytes(16), version=4)),
    )


def _clocks(loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], float]]:
    return {
        "time": lambda: EPOCH_UNIX_S + loop.time(),
        "time_ns": lambda: round((EPOCH_UNIX_S + loop.time()) * 1e9),
        "monotonic": loop.time,
        "monotonic_ns": lambda: round(loop.time() * 1e9),
        "perf_counter": loop.time,
        "perf_counter_ns": lambda: round(loop.time() * 1e9),
    }
