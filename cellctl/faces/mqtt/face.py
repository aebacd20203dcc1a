"""The MQTT face: connects, speaks, and begins again when the broker is gone, for as long as the daemon lives."""

import asyncio
from typing import Any, Final
from zlib import crc32

import structlog

from cellctl.domain.commands import CommandMachine, Envelope, content_hash
from cellctl.domain.machine import MachineCommand
from cellctl.faces.mqtt.conversation import Conversation
from cellctl.faces.mqtt.intake import Intake
from cellctl.faces.mqtt.outbox import Outbox
from cellctl.faces.mqtt.presence import Presence
from cellctl.faces.mqtt.publisher import Board
from cellctl.faces.mqtt.seat import MqttSettings, Seat
from cellctl.faces.mqtt.topics import Topics
from cellctl.faces.mqtt.verbs import self_description
from cellctl.ports import Bus, Clock, Desk, Ids

__all__ = ["BackOff", "MqttFace", "MqttSettings"]

FRESH_S: Final = 10.0

log = structlog.get_logger()


class BackOff:
    """How long to wait before the next attempt, in seconds of the world outside. Pure."""

    FIRST_S: Final = 0.5
    LONGEST_S: Final = 30.0
    LASTING_S: Final = 10.0
    FLAPPING: Final = 3

    def __init__(self) -> None:
        self._failures = 0
        self._short_lived = 0

    @property
    def flapping(self) -> bool:
        """Whether one connection after the other was lost within seconds, as if two daemons shared one client id."""
        return self._short_lived >= self.FLAPPING

    def after(self, online_s: float | None, chance: float) -> float:
        """The wait after a connection that was online so long (None: never). `chance` from 0 to 1 spreads it."""
        lasted = online_s is not None and online_s >= self.LASTING_S
        self._failures = 0 if lasted else min(self._failures + 1, 10)
        self._short_lived = 0 if lasted else self._short_lived + (online_s is not None)
        longest_s: float = min(self.FIRST_S * 2**self._failures, self.LONGEST_S)
        return longest_s * (0.5 + chance / 2)


class MqttFace:
    """Sits between a desk and a bus. A broker that is down is normal, and no machine notices it."""

    def __init__(self, desk: Desk, bus: Bus, clock: Clock, ids: Ids, settings: MqttSettings) -> None:
        self._bus = bus
        self._seat = Seat(desk, clock, ids, settings, Topics(settings.base, settings.cell, settings.user))
        self._board = Board(self._seat.topics, _description(self._seat))
        self._outbox = Outbox()
        self._intake = Intake(self._seat, self._board, self._outbox)
        self._back_off = BackOff()

    async def serve(self) -> None:
        """Run until cancelled."""
        self._board.begin(self._seat.desk.view())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._intake.lanes.run(), name="mqtt.lanes")
            await self._stay_connected()

    async def _stay_connected(self) -> None:
        seat, reason = self._seat, ""
        while True:
            began_s = seat.clock.now_s()
            presence = Presence(seat.ids.new(), seat.clock.wire_s(FRESH_S))
            conversation = Conversation(seat, self._board, self._intake, self._outbox, presence)
            last_reason, reason = reason, await self._converse(conversation)
            online_s = (seat.clock.now_s() - began_s) / seat.clock.speed if conversation.online else None
            if conversation.online:
                log.warning("mqtt.lost", why=reason)
                await self._link_lost()
            elif reason != last_reason:
                log.warning("mqtt.unreachable", why=reason)
            wait_s = self._back_off.after(online_s, self._chance())
            if self._back_off.flapping:
                self._board.alarm("flapping", f"one connection after the other is lost: {reason}")
            await seat.pause(wait_s)

    async def _converse(self, conversation: Conversation) -> str:
        try:
            await self._bus.session(conversation.will(), conversation.hold)
        except ConnectionError as lost:
            return str(lost)
        return "the connection has ended"

    async def _link_lost(self) -> None:
        self._intake.forget_waiting()
        for machine, what in self._seat.settings.on_link_loss.items():
            if what == "hold":
                command = CommandMachine(machine, MachineCommand.HOLD)
                envelope = Envelope(self._seat.ids.new(), "mqtt:link-loss", command, content_hash(command))
                await self._seat.desk.submit(envelope)

    def _chance(self) -> float:
        return crc32(self._seat.ids.new().encode()) / 2**32


def _description(seat: Seat) -> dict[str, Any]:
    return {
        "cell": seat.settings.cell,
        "version": seat.settings.version,
        "devices": [
            {"name": machine.name, "driver": machine.driver, "capabilities": machine.capabilities}
            for machine in seat.desk.view().machines
        ],
        "requests": f"{seat.topics.root}/request/{{user}}/{{class}}/{{verb}}",
        "verbs": self_description(seat.settings.served),
        "products": seat.desk.products,
    }
