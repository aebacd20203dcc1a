"""Requests from the broker: heard, checked, put on their lane, carried out, and each answered once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cellctl.domain.commands import Envelope, Reply, Right, rejected
from cellctl.domain.errors import CellError
from cellctl.faces.mqtt.commands import Gate, Request, envelope_id, read_body
from cellctl.faces.mqtt.lanes import ROOM, Lanes
from cellctl.faces.mqtt.outbox import Outbox
from cellctl.faces.mqtt.presence import Presence
from cellctl.faces.mqtt.publisher import Board, Publication
from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.mqtt.seat import Seat
from cellctl.faces.mqtt.topics import Address
from cellctl.faces.mqtt.verbs import Earlier
from cellctl.faces.plain import plain
from cellctl.ports import Message

RETAINED_ALARM: Final = "retained-command"


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom to answer: the id as they wrote it, and the place."""

    topic: str
    correlation: bytes
    id: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A request on its lane."""

    asker: Asker
    request: Request


class Intake:
    """`hear` never waits. Outlives connections; `presence` is that of the present one."""

    def __init__(self, seat: Seat, board: Board, outbox: Outbox) -> None:
        self.presence = Presence("", 0.0)
        self.lanes: Lanes[Task] = Lanes(self._carry_out)
        self._seat = seat
        self._board = board
        self._outbox = outbox
        self._machines = tuple(machine.name for machine in seat.desk.view().machines)
        self._gate = Gate(seat.settings.served, self._machines, board.device, seat.desk.reply_to)

    def hear(self, message: Message) -> None:
        """Take a message that came in below `request/`."""
        address = self._seat.topics.address(message.topic)
        if address is None or not message.payload:
            return  # nobody to answer, or only the end of a retained message
        if address == self._seat.topics.own_ping and message.payload == self.presence.call:
            self.presence.heard_itself = True
            return
        asker = Asker(self._seat.topics.response(address), message.correlation)
        if message.retained:
            self._take_down(message.topic, address)
        try:
            given_id, content = read_body(message.payload)
            asker = replace(asker, id=given_id)
            asker = self._answerable(asker, address, message)
            self._line_up(asker, address, content)
        except Refused as refused:
            self._outbox.offer(self._reply(asker, Reply(refused.code, str(refused), refused.result)))

    def forget_waiting(self) -> None:
        """The connection is lost: what was asked for in it is not begun any more, but for stops."""
        self.lanes.clear(kept=lambda task: task.request.address.right == Right.STOP.value)

    def _answerable(self, asker: Asker, address: Address, message: Message) -> Asker:
        if message.retained:
            raise Refused("retained_command", "a retained request is never carried out; send it without retain")
        stops = address.right == Right.STOP.value
        if message.shed and not stops:
            raise Refused("busy", "too many messages at once; ask query/command what became of this one")
        if not message.response_topic:
            return asker
        if self._seat.topics.may_answer_at(message.response_topic, address.user):
            return replace(asker, topic=message.response_topic)
        if stops:
            return asker  # a stop is carried out, and answered at the usual place
        raise Refused("response_topic", f"replies are given below response/{address.user}/ only")

    def _line_up(self, asker: Asker, address: Address, content: Mapping[str, Any]) -> None:
        request = self._gate.admit(address, content, self.presence, self._seat.clock.now_s())
        if not self.lanes.offer(request.lane, Task(asker, request)):
            raise Refused("busy", f"{ROOM} requests of this kind are waiting already; ask again")

    def _take_down(self, topic: str, address: Address) -> None:
        self._outbox.offer(Publication(topic, retain=True))
        self._board.alarm(RETAINED_ALARM, f"a retained request was found at {address} and taken away")

    async def _carry_out(self, task: Task) -> None:
        request = task.request
        if request.envelopes:
            reply = await self._submit(request.envelopes)
        else:
            reply = Reply("ok", result=self._look(request))
        await self._outbox.put(self._reply(task.asker, reply))

    async def _submit(self, envelopes: Mapping[str, Envelope]) -> Reply:
        async with asyncio.TaskGroup() as tasks:
            asked = {name: tasks.create_task(self._decide(each)) for name, each in envelopes.items()}
        return _together({name: task.result() for name, task in asked.items()})

    async def _decide(self, envelope: Envelope) -> Reply:
        try:
            return await self._seat.desk.submit(envelope)
        except CellError as failed:
            return rejected("internal", str(failed))

    def _look(self, request: Request) -> Mapping[str, Any]:
        if isinstance(request.arguments, Earlier):
            return self._earlier(request.arguments.id)
        view: Mapping[str, Any] = plain(self._seat.desk.view())
        return view if request.address.verb == "status" else {}

    def _earlier(self, command_id: str) -> Mapping[str, Any]:
        names = ["", *self._machines]
        found = {name: self._seat.desk.reply_to(envelope_id(command_id, name)) for name in names}
        replies = {name: reply for name, reply in found.items() if reply is not None}
        if not replies:
            return {"known": False}
        return {"known": True, "reply": plain(_together(replies))}

    def _reply(self, asker: Asker, reply: Reply) -> Publication:
        content = {"id": asker.id, **plain(reply), "session": self.presence.session, "tick": self.presence.tick}
        return Publication(asker.topic, content, correlation=asker.correlation)


def _together(replies: Mapping[str, Reply]) -> Reply:
    """One reply for all machines: accepted if it took effect anywhere; `result` tells of each."""
    if "" in replies:
        return replies[""]
    accepted = [reply for reply in replies.values() if reply.accepted]
    first = (accepted or list(replies.values()))[0]
    return Reply(
        first.code,
        "; ".join(reply.message for reply in replies.values()),
        {name: {"code": reply.code, "message": reply.message} for name, reply in replies.items()},
        duplicate=all(reply.duplicate for reply in replies.values()),
    )
