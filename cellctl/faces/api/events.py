"""The log as a stream of JSON lines. The reader's pace is ours: what it has not taken yet stays in the journal."""

import asyncio
import json
from itertools import islice

from aiohttp import web

from cellctl.domain.commands import rejected
from cellctl.domain.events import Record
from cellctl.faces.api.answers import BadRequest, answer
from cellctl.faces.plain import plain
from cellctl.ports import Desk

BATCH = 100
MOST_STREAMS = 32
# These two are about a socket of this computer, so they run on the event loop's own time, not on the machines'.
STALLED_READER_S = 30.0
KEEP_ALIVE_S = 15.0


class EventStream:
    """GET /v1/events?after=SEQ&follow=1: records after SEQ (default: all; with follow, only new ones).

    With follow the stream goes on as events come; an empty line says that nothing happened for a while.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open = 0

    def routes(self) -> list[web.RouteDef]:
        """The one route."""
        return [web.get("/v1/events", self._get)]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        follow = _number(request, "follow", 0) == 1
        # The view's rev counts events, so it is the sequence number of the last one.
        after = _number(request, "after", self._desk.view().rev if follow else 0)
        if self._open >= MOST_STREAMS:
            return answer(rejected("busy", f"{MOST_STREAMS} event streams are open already; end one of them"))
        self._open += 1
        try:
            return await self._stream(request, after, follow)
        finally:
            self._open -= 1

    async def _stream(self, request: web.Request, after: int, follow: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            await self._send(response, after, follow)
        except TimeoutError:
            # A reader that has stopped reading: let go of what the socket still holds for it.
            if request.transport:
                request.transport.abort()
        except ConnectionError:
            pass  # It has left.
        return response

    async def _send(self, response: web.StreamResponse, after: int, follow: bool) -> None:
        while True:
            rev = self._desk.view().rev
            after = await self._send_present(response, after)
            if not follow:
                return
            if not await self._news(rev):
                await _write(response, b"\n")

    async def _send_present(self, response: web.StreamResponse, after: int) -> int:
        while batch := list(islice(self._desk.records(after), BATCH)):
            await _write(response, b"".join(_line(record) for record in batch))
            after = batch[-1].seq
            await asyncio.sleep(0)  # a long log must not keep the machines waiting
        return after

    async def _news(self, rev: int) -> bool:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._desk.changed(rev)
        except TimeoutError:
            return False
        return True


async def _write(response: web.StreamResponse, chunk: bytes) -> None:
    async with asyncio.timeout(STALLED_READER_S):
        await response.write(chunk)


def _line(record: Record) -> bytes:
    line = {
        "seq": record.seq,
        "at": record.at,
        "mono_s": record.mono_s,
        "actor": record.actor,
        "name": record.event.NAME,
        "event": plain(record.event),
    }
    return json.dumps(line).encode() + b"\n"


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadRequest(f"{name}: found {text!r}, allowed: a whole number from 0")
    return int(text)
