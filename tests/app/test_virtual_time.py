"""The virtual loop: time passes only by deadlines, the real world is out of reach, nothing hangs."""
# The seal is tested by trying to break it, at the moment of the call:
# ruff: noqa: TID251, PLW0108

import asyncio
import logging
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from cellctl.app.seals import EPOCH_UNIX_S, RealWorld
from cellctl.app.virtual_time import Deadlock, LeakedTasks, run_virtual


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def test_a_year_of_sleep_passes_at_once_and_ends_at_its_deadline_exactly() -> None:
    async def main() -> float:
        await asyncio.sleep(0.1)
        await asyncio.sleep(365 * 86_400)
        return loop_time()

    assert run_virtual(main(), start_s=5.5) == 5.5 + 0.1 + 365 * 86_400


def test_a_timer_runs_at_its_own_instant_even_where_floats_are_coarse() -> None:
    async def main() -> list[float]:
        heard: list[float] = []
        loop = asyncio.get_running_loop()
        for when in (1e9 + 0.3, 1e9 + 0.1, 1e9 + 0.2):
            loop.call_at(when, lambda: heard.append(loop_time()))
        await asyncio.sleep(2e9)
        return heard

    assert run_virtual(main()) == [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3]


def test_the_shortest_wait_takes_time_so_that_who_waits_for_a_rest_comes_to_an_end() -> None:
    async def main() -> None:
        before_s = loop_time()
        await asyncio.sleep(1e-15)
        assert loop_time() > before_s

    run_virtual(main(), start_s=1000.1)


def test_equal_deadlines_run_in_the_order_in_which_they_were_set() -> None:
    async def main() -> list[int]:
        heard: list[int] = []
        for number in range(100):
            asyncio.get_running_loop().call_at(1.0, heard.append, number)
        await asyncio.sleep(1)
        return heard

    assert run_virtual(main()) == list(range(100))


def test_a_deadline_that_is_due_does_not_wait_for_the_ready_to_fall_silent() -> None:
    async def main() -> None:
        async with asyncio.timeout(0):
            while True:
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        run_virtual(main())


def test_cancelled_timers_do_not_pile_up_and_do_not_move_the_clock() -> None:
    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            loop.call_later(3600, print).cancel()
        await asyncio.sleep(1)
        return loop_time(), len(loop._timers)  # type: ignore[attr-defined]

    now_s, left = run_virtual(main())
    assert now_s == 1.0
    assert left <= 1001


def test_a_wait_that_nothing_can_end_is_named_at_once() -> None:
    async def waits_for_godot() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(waits_for_godot(), name="vladimir")
            tasks.create_task(asyncio.sleep(3), name="pozzo")

    with pytest.raises(Deadlock, match=r"after 3\.0 s.*main \(in .*main.*vladimir \(in .*waits_for_godot > Event.wait"):
        run_virtual(main())


def test_a_sleep_without_end_is_a_deadlock_too() -> None:
    with pytest.raises(Deadlock):
        run_virtual(asyncio.sleep(float("inf")))


def test_a_task_that_outlives_main_is_cancelled_and_named() -> None:
    kept: list[asyncio.Task[None]] = []

    async def main() -> None:
        kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(9), name="stray"))

    with pytest.raises(LeakedTasks, match="stray"):
        run_virtual(main())
    assert kept[0].cancelled()


def test_an_error_of_main_arrives_as_it_is() -> None:
    async def main() -> None:
        raise LookupError("of main")

    with pytest.raises(LookupError, match="of main"):
        run_virtual(main())


def test_an_error_in_a_callback_ends_the_run() -> None:
    def broken() -> None:
        raise LookupError("of a callback")

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, broken)
        await asyncio.sleep(3600)

    with pytest.raises(LookupError, match="of a callback"):
        run_virtual(main())


async def _refused(name: str, *arguments: object) -> None:
    answer = getattr(asyncio.get_running_loop(), name)(*arguments)
    if isinstance(answer, Awaitable):
        await answer


LOOP_CALLS: list[tuple[object, ...]] = [
    ("run_in_executor", None, print),
    ("call_soon_threadsafe", print),
    ("add_reader", 0, print),
    ("add_writer", 0, print),
    ("add_signal_handler", 15, print),
    ("getaddrinfo", "localhost", 80),
    ("create_connection", asyncio.Protocol, "127.0.0.1", 1),
    ("create_server", asyncio.Protocol, "127.0.0.1", 0),
    ("create_unix_server", asyncio.Protocol, "x.sock"),
    ("create_datagram_endpoint", asyncio.DatagramProtocol),
    ("subprocess_exec", asyncio.SubprocessProtocol, "true"),
    ("connect_read_pipe", asyncio.Protocol, sys.stdin),
    ("sock_recv", None, 1),
]


@pytest.mark.parametrize("call", LOOP_CALLS, ids=lambda call: str(call[0]))
def test_the_loop_does_not_reach_the_real_world(call: tuple[str, object]) -> None:
    with pytest.raises(RealWorld, match=f"loop.{call[0]}"):
        run_virtual(_refused(*call))


PROCESS_CALLS: dict[str, Callable[[], object]] = {
    "time.sleep": lambda: time.sleep(0),
    "os.urandom": lambda: os.urandom(1),
    "uuid.uuid1": lambda: uuid.uuid1(),
    "uuid.uuid4": lambda: uuid.uuid4(),
    "random.random": lambda: random.random(),
    "random.randint": lambda: random.randint(1, 6),
    "random._urandom": lambda: secrets.token_hex(),
    "Thread.start": lambda: threading.Thread(target=print).start(),
    "socket.__init__": lambda: socket.socket(),
    "Popen.__init__": lambda: subprocess.Popen(["true"]),
}


@pytest.mark.parametrize("name", PROCESS_CALLS)
def test_the_process_is_sealed_while_a_run_lasts(name: str) -> None:
    async def main() -> None:
        PROCESS_CALLS[name]()

    with pytest.raises(RealWorld, match=name):
        run_virtual(main())


def test_a_refusal_that_somebody_swallows_still_ends_the_run() -> None:
    async def main() -> None:
        try:
            os.urandom(1)
        except Exception:
            await asyncio.sleep(1)

    with pytest.raises(RealWorld, match=r"os\.urandom"):
        run_virtual(main())


def test_after_the_run_the_world_is_open_again() -> None:
    before = time.time, time.monotonic, os.urandom, random.random, threading.Thread.start, socket.socket.__init__
    with pytest.raises(RealWorld):
        run_virtual(_refused("getaddrinfo"))
    after = time.time, time.monotonic, os.urandom, random.random, threading.Thread.start, socket.socket.__init__
    assert after == before


def test_libraries_that_ask_for_the_time_get_virtual_time(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> tuple[float, float, float]:
        await asyncio.sleep(90)
        logging.getLogger("library").warning("late")
        return time.time(), time.monotonic(), time.perf_counter()

    assert run_virtual(main()) == (EPOCH_UNIX_S + 90, 90, 90)
    assert caplog.records[0].created == EPOCH_UNIX_S + 90


def test_a_seeded_generator_is_not_chance() -> None:
    async def main() -> float:
        return random.Random(7).random()

    assert run_virtual(main()) == random.Random(7).random()


def test_a_generator_that_is_dropped_half_way_is_closed() -> None:
    closed: list[float] = []

    async def count() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(loop_time())

    async def main() -> None:
        async for _ in count():
            break
        await asyncio.sleep(1)

    run_virtual(main())
    assert closed == [0.0]


def _cancellation_order(noise: int) -> list[int]:
    padding: list[object] = []
    order: list[int] = []

    async def child(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append(number)

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                padding.extend(object() for _ in range(noise * number))
                tasks.create_task(child(number))
            await asyncio.sleep(1)
            raise LookupError

    with pytest.raises(ExceptionGroup):
        run_virtual(main())
    return order


def test_a_task_group_cancels_its_children_in_the_same_order_in_every_run() -> None:
    assert _cancellation_order(noise=0) == _cancellation_order(noise=7) == _cancellation_order(noise=31)


def test_fifty_thousand_timers_cost_no_time_worth_mentioning() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        count = 0
        done: asyncio.Future[int] = loop.create_future()

        def tick() -> None:
            nonlocal count
            count += 1
            if count == 50_000:
                done.set_result(count)
            else:
                loop.call_later(0.01, tick)

        tick()
        return await done

    started_s = time.process_time()
    assert run_virtual(main()) == 50_000
    # A tenth of what is reached (150 to 250 thousand a second), so that a busy computer does not fail the test.
    assert time.process_time() - started_s < 50_000 / 15_000
