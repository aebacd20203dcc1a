"""Work that the kernel may keep for long (a sick adapter takes seconds, or never answers), in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def apart(work: Callable[[], Result], name: str) -> asyncio.Future[Result]:
    """Do it beside the running loop. In a pool that all share, a few dead ports would keep every other one waiting."""
    pool = ThreadPoolExecutor(1, thread_name_prefix=name)
    future = asyncio.get_running_loop().run_in_executor(pool, work)
    pool.shutdown(wait=False)
    return future
