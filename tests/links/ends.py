"""Both ends of a line, for tests of links: who listens on our side, and the machine on the other."""

import asyncio
import os
import tty
from pathlib import Path

from cellctl.domain.address import FileAddress
from cellctl.links.whereabouts import Whereabouts

DEADLINE_S = 10


class Ear:
    """Collects what a link says; `until` waits for bytes, `until_lost` for the end."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.lost_because: list[str] = []
        self._news = asyncio.Event()

    def received(self, chunk: bytes) -> None:
        self.heard += chunk
        self._news.set()

    def lost(self, reason: str) -> None:
        self.lost_because.append(reason)
        self._news.set()

    async def until(self, wanted: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not self.heard.endswith(wanted):
                self._news.clear()
                await self._news.wait()

    async def until_lost(self) -> str:
        async with asyncio.timeout(DEADLINE_S):
            while not self.lost_because:
                self._news.clear()
                await self._news.wait()
        return self.lost_because[0]


class Machine:
    """The master end of a pseudo-terminal."""

    def __init__(self) -> None:
        self.fd, slave = os.openpty()
        tty.setraw(slave)
        self.path = Path(os.ttyname(slave))
        os.close(slave)

    def read(self, count: int) -> bytes:
        chunk = bytearray()
        while len(chunk) < count:
            chunk += os.read(self.fd, count - len(chunk))
        return bytes(chunk)

    def vanish(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def at(path: Path, machine: str = "router-1") -> Whereabouts:
    """The port with this path."""
    return Whereabouts(machine, FileAddress(str(path)), devices=path.parent)
