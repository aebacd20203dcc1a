"""Lanes: requests on one are carried out one after the other; on different ones side by side; a few may wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

ROOM: Final = 8

_Item = TypeVar("_Item")


class Lanes(Generic[_Item]):
    """Outlives connections: a stop that was heard is carried out even if the broker is gone a moment later."""

    def __init__(self, carry_out: Callable[[_Item], Awaitable[None]]) -> None:
        self._carry_out = carry_out
        self._lanes: dict[str, asyncio.Queue[_Item]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            for name, lane in self._lanes.items():
                self._tasks.create_task(self._work(lane), name=f"mqtt.lane.{name}")
            await asyncio.get_running_loop().create_future()

    def offer(self, name: str, item: _Item) -> bool:
        """Put an item on a lane; False if too many wait there already."""
        lane = self._lanes.get(name) or self._open(name)
        if lane.full():
            return False
        lane.put_nowait(item)
        return True

    def clear(self, kept: Callable[[_Item], bool]) -> None:
        """Take everything that waits off the lanes, but for what is to be kept."""
        for lane in self._lanes.values():
            for _ in range(lane.qsize()):
                item = lane.get_nowait()
                if kept(item):
                    lane.put_nowait(item)

    def _open(self, name: str) -> asyncio.Queue[_Item]:
        lane: asyncio.Queue[_Item] = asyncio.Queue(ROOM)
        self._lanes[name] = lane
        if self._tasks is not None:
            self._tasks.create_task(self._work(lane), name=f"mqtt.lane.{name}")
        return lane

    async def _work(self, lane: asyncio.Queue[_Item]) -> None:
        while True:
            await self._carry_out(await lane.get())
