"""What waits to be published: replies, and everything else that is said once."""

import asyncio
from typing import Final

from cellctl.faces.mqtt.publisher import Publication

ROOM: Final = 1000


class Outbox:
    """Bounded and first in, first out. Outlives connections, so that an answer is not lost with one."""

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: asyncio.Queue[Publication] = asyncio.Queue(ROOM)

    def offer(self, publication: Publication) -> None:
        """Put it in if there is room; what is lost is counted, and its receiver has to ask again."""
        if self._waiting.full():
            self.lost += 1
        else:
            self._waiting.put_nowait(publication)

    async def put(self, publication: Publication) -> None:
        """Put it in, waiting for room."""
        await self._waiting.put(publication)

    async def take(self) -> Publication:
        """The next one, waiting for it."""
        return await self._waiting.get()
