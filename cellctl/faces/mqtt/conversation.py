"""One connection with the broker, from the first status to the loss of it."""

import asyncio
from itertools import islice
from typing import Final

import structlog

from cellctl.faces.mqtt.body import read_object
from cellctl.faces.mqtt.intake import RETAINED_ALARM, Intake
from cellctl.faces.mqtt.outbox import Outbox
from cellctl.faces.mqtt.presence import Presence
from cellctl.faces.mqtt.publisher import Board, Publication, event
from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.mqtt.seat import Seat
from cellctl.ports import BusSession, Message, Will

# Seconds of the world outside.
TICK_S: Final = 2.0
STATUS_S: Final = 5.0
TELEMETRY_S: Final = 1.0
SETTLE_S: Final = 0.1
HEARING_S: Final = 2.0
BETWEEN_CALLS_S: Final = 30.0
EVENTS_AT_ONCE: Final = 100

log = structlog.get_logger()


class Conversation:
    """Everything that is said and heard in one connection. `online` once the first status has been taken."""

    def __init__(self, seat: Seat, board: Board, intake: Intake, outbox: Outbox, presence: Presence) -> None:
        self.online = False
        self._seat = seat
        self._board = board
        self._intake = intake
        self._outbox = outbox
        self._presence = presence
        self._doubted = asyncio.Event()
        self._said = b""  # the last status of our own

    def will(self) -> Will:
        """The status that stands when this connection has ended. Of any other session it means nothing."""
        gone = Publication(self._seat.topics.status, {"online": False, "session": self._presence.session})
        return Will(gone.topic, gone.message.payload)

    async def hold(self, link: BusSession) -> None:
        """Speak and listen until cancelled. Raises ConnectionError when the connection is lost."""
        why = ""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._greet(link)
                self.online = True
                log.info("mqtt.online", session=self._presence.session)
                tasks.create_task(self._listen(link), name="mqtt.listen")
                tasks.create_task(self._answer(link), name="mqtt.answer")
                tasks.create_task(self._tick(link), name="mqtt.tick")
                tasks.create_task(self._prove(link), name="mqtt.prove")
                tasks.create_task(self._insist(link), name="mqtt.insist")
                tasks.create_task(self._follow(), name="mqtt.follow")
                tasks.create_task(self._show(link), name="mqtt.show")
                tasks.create_task(self._measure(link), name="mqtt.measure")
                tasks.create_task(self._call(link), name="mqtt.call")
                # A task that fails while the group is being left keeps us counted as cancelled, and until Python 3.11.4
                # asyncio.timeout then takes an exceeded limit for a cancellation.
                await asyncio.get_running_loop().create_future()
        except* ConnectionError as lost:
            why = str(lost.exceptions[0])
        raise ConnectionError(why)

    async def _greet(self, link: BusSession) -> None:
        self._board.forget()
        self._board.alarm(RETAINED_ALARM, "")
        self._presence.beat(self._seat.clock.now_s())
        self._intake.presence = self._presence
        try:
            await link.subscribe(self._seat.topics.status)
            await link.subscribe(self._seat.topics.requests)
        except ConnectionRefusedError as refused:
            self._board.alarm("deaf", str(refused))
        await self._say_status(link)

    async def _say_status(self, link: BusSession) -> None:
        content = {
            "online": True,
            "session": self._presence.session,
            "tick": self._presence.tick,
            "rev": self._seat.desk.view().rev,
            "ts": self._seat.clock.utc(),
            "version": self._seat.settings.version,
        }
        message = Publication(self._seat.topics.status, content).message
        self._said = message.payload
        await link.publish(message, retain=True)

    async def _listen(self, link: BusSession) -> None:
        async for message in link.messages():
            if message.topic == self._seat.topics.status:
                self._hear_status(message)
            else:
                self._intake.hear(message)

    def _hear_status(self, message: Message) -> None:
        if message.payload == self._said:
            return
        try:
            said = read_object(message.payload)
        except Refused:
            return  # whatever it is, the next status replaces it
        if said.get("online") is False:
            self._doubted.set()

    async def _insist(self, link: BusSession) -> None:
        """An older connection's will may come after this one's status; then the world believes that we are gone."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            await self._say_status(link)

    async def _answer(self, link: BusSession) -> None:
        while True:
            await self._post(link, await self._outbox.take())

    async def _tick(self, link: BusSession) -> None:
        while True:
            await self._seat.pause(TICK_S)
            tick = self._presence.beat(self._seat.clock.now_s())
            heartbeat = {"session": self._presence.session, "tick": tick}
            await self._post(link, Publication(self._seat.topics.heartbeat, heartbeat, qos=0))

    async def _prove(self, link: BusSession) -> None:
        """A status that the broker takes is the proof that there is still a connection."""
        while True:
            await self._seat.pause(STATUS_S)
            await self._say_status(link)

    async def _follow(self) -> None:
        rev = self._seat.desk.view().rev
        while True:
            rev = await self._seat.desk.changed(rev)
            self._board.news.set()

    async def _show(self, link: BusSession) -> None:
        while True:
            self._board.news.clear()
            for publication in self._board.due(self._seat.desk.view()):
                await self._post(link, publication)
                self._board.stands(publication)
            await self._tell(link)
            await self._board.news.wait()
            # One thing leads to another at the same instant; the world is told once.
            await self._seat.pause(SETTLE_S)

    async def _tell(self, link: BusSession) -> None:
        """The events since the last time; a long list is told in parts, with the state of the cell in between."""
        records = list(islice(self._seat.desk.records(self._board.told_seq), EVENTS_AT_ONCE))
        for record in records:
            await self._post(link, event(self._seat.topics, record))
            self._board.told_seq = record.seq
        if len(records) == EVENTS_AT_ONCE:
            self._board.news.set()

    async def _measure(self, link: BusSession) -> None:
        shown = self._seat.desk.view()
        while True:
            await self._seat.pause(TELEMETRY_S)
            view = self._seat.desk.view()
            if view is shown:
                continue
            shown = view
            for publication in self._board.telemetry(view):
                await self._post(link, publication)

    async def _call(self, link: BusSession) -> None:
        """A granted subscription proves nothing; hearing oneself does."""
        own_ping = self._seat.topics.request(self._seat.topics.own_ping)
        while True:
            call = Publication(own_ping, {"id": self._seat.ids.new()})
            self._presence.call, self._presence.heard_itself = call.message.payload, False
            await self._post(link, call)
            await self._seat.pause(HEARING_S)
            deaf = "" if self._presence.heard_itself else f"nothing that is published at {own_ping} comes in"
            self._board.alarm("deaf", deaf)
            await self._seat.pause(BETWEEN_CALLS_S)
            self._board.alarm("flapping", "")

    async def _post(self, link: BusSession, publication: Publication) -> None:
        await link.publish(publication.message, retain=publication.retain, qos=publication.qos)
