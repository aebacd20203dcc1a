"""The MQTT face on a real mosquitto: it comes back from everything that a broker can do to it, on both protocols."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.clock import RealClock, RealIds
from cellctl.domain.commands import CommandMachine
from cellctl.domain.machine import MachineCommand
from cellctl.faces.mqtt import MqttFace, MqttSettings
from cellctl.links.mqtt import BrokerSettings, MqttBus
from cellctl.ports import BusSession, Will
from tests.broker import Mosquitto, mosquitto
from tests.faces.desk import BUSY_CELL, BareDesk
from tests.faces.mqtt_room import ROOT, SUBMIT, Somebody

pytestmark = pytest.mark.broker

LIMIT_S = 10.0


class Hurried(RealClock):
    """Periods of the face are a twentieth of what they are on a real clock."""

    def wall_s(self) -> float:
        return 0.0

    def wire_s(self, duration_s: float) -> float:
        return duration_s / 20


@pytest.fixture(params=["3.1.1", "5"])
def protocol(request: pytest.FixtureRequest) -> Any:
    return request.param


class CountedBus:
    """A bus that tells when the face begins anew."""

    def __init__(self, bus: MqttBus) -> None:
        self.bus = bus
        self._attempts = 0
        self._begun = asyncio.Event()

    async def session(self, will: Will, serve: Callable[[BusSession], Awaitable[None]]) -> None:
        self._attempts += 1
        self._begun.set()
        await self.bus.session(will, serve)

    async def another_attempt(self) -> None:
        attempts = self._attempts
        while self._attempts == attempts:
            self._begun.clear()
            await self._begun.wait()


class Hall:
    """A face and somebody at one broker; somebody comes back too, whatever becomes of the broker."""

    def __init__(self, broker: Mosquitto, protocol: Any) -> None:
        self.broker = broker
        self.desk = BareDesk(BUSY_CELL)
        self.somebody = Somebody()
        self._there = MqttBus(BrokerSettings(port=broker.port, protocol=protocol, answer_s=0.3))
        here = BrokerSettings(port=broker.port, protocol=protocol, client_id="cellctl-nameplate", answer_s=0.3)
        self.bus = CountedBus(MqttBus(here))
        self.face = MqttFace(self.desk, self.bus, Hurried(), RealIds(), MqttSettings("nameplate"))

    async def use(self) -> None:
        while True:
            try:
                await self._there.session(Will("client/somebody", b""), self.somebody.serve)
            except ConnectionError:
                await asyncio.sleep(0)

    async def another_session(self, since: int, than: str) -> dict[str, Any]:
        """The first status, after so many messages, that says online in another session."""
        while True:
            status = await self.somebody.next("status", since, online=True)
            if status["session"] != than:
                return status
            since += 1


def play(folder: Path, protocol: Any, scenario: Callable[[Hall], Awaitable[None]], *lines: str) -> None:
    async def main(broker: Mosquitto) -> None:
        hall = Hall(broker, protocol)
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
            using = tasks.create_task(hall.use())
            face = tasks.create_task(hall.face.serve())
            await hall.somebody.next("status", 0, online=True)
            await scenario(hall)
            face.cancel()
            using.cancel()

    with mosquitto(folder, *lines) as broker:
        asyncio.run(main(broker))


def test_an_order_and_a_stop_reach_the_desk_and_are_answered(tmp_path: Path, protocol: Any) -> None:
    async def scenario(hall: Hall) -> None:
        ordered = await hall.somebody.ask("job/submit", args=SUBMIT)
        stopped = await hall.somebody.ask("stop/halt", target="arm-1")
        assert (ordered["code"], stopped["code"]) == ("accepted", "accepted")
        assert hall.desk.envelopes[1].command == CommandMachine("arm-1", MachineCommand.ABORT)
        assert not hall.somebody.all("alarm/deaf")

    play(tmp_path, protocol, scenario)


def test_rule_4_mqtt_5_shows_that_a_live_request_is_retained(tmp_path: Path) -> None:
    async def scenario(hall: Hall) -> None:
        reply = await hall.somebody.ask("stop/halt", target="*", retain=True)
        assert reply["code"] == "rejected:retained_command"
        assert hall.desk.envelopes == []

    play(tmp_path, "5", scenario)


def test_rule_4_mqtt_3_shows_that_a_replayed_request_is_retained(tmp_path: Path) -> None:
    async def scenario(hall: Hall) -> None:
        body = {"id": hall.somebody.id(), "target": "*"}

        async def keep_the_face_away(_: BusSession) -> None:
            await hall.somebody.publish("request/ada/stop/halt", body, retain=True)

        await hall.bus.bus.session(Will("client/other", b""), keep_the_face_away)
        reply = await hall.somebody.next("response/ada/stop/halt", 0)
        assert (reply["id"], reply["code"]) == (body["id"], "rejected:retained_command")
        assert hall.desk.envelopes == []

    play(tmp_path, "3.1.1", scenario)


def test_rule_17_a_killed_broker_is_told_everything_again(tmp_path: Path, protocol: Any) -> None:
    async def scenario(hall: Hall) -> None:
        session, before = hall.somebody.fresh["session"], len(hall.somebody.heard)
        hall.broker.kill()
        hall.broker.start()
        await hall.another_session(before, session)
        await hall.somebody.next("device/bench-1/state", before, name="bench-1")
        await hall.somebody.next("prompt/prompt-2/state", before, id="prompt-2")
        assert (await hall.somebody.ask("motion/resume", target="arm-1"))["code"] == "accepted"

    play(tmp_path, protocol, scenario)


def test_rule_19_a_frozen_broker_is_given_up_and_found_again(tmp_path: Path, protocol: Any) -> None:
    async def scenario(hall: Hall) -> None:
        session, before = hall.somebody.fresh["session"], len(hall.somebody.heard)
        hall.broker.freeze()
        await hall.bus.another_attempt()
        hall.broker.thaw()
        await hall.another_session(before, session)
        assert (await hall.somebody.ask("motion/resume", target="arm-1"))["code"] == "accepted"

    play(tmp_path, protocol, scenario)


def test_rule_18_a_broker_that_grants_what_it_does_not_deliver_is_noticed(tmp_path: Path, protocol: Any) -> None:
    rights = tmp_path / "rights"
    rights.write_text(f"topic readwrite #\ntopic deny {ROOT}/request/#\n")

    async def scenario(hall: Hall) -> None:
        assert "request/cellctl/query/ping" in (await hall.somebody.next("alarm/deaf", 0))["alarm"]

    play(tmp_path, protocol, scenario, f"acl_file {rights}")
